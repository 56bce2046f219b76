//! Remarks: text beside the numbers of a recording. The recorder limits their number.

use std::collections::BTreeSet;

use leakbench_kernel::ReadError;
use leakbench_recording::observation::{ProcessEvent, ProcessEventKind};

/// Unreadable files that are remembered, to report each once; more are not reported.
const UNREADABLE_MAX: usize = 1000;

/// Remarks to be recorded.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    pending: Vec<PendingRemark>,
    /// Process and file of each reported failure.
    unreadable: BTreeSet<(u32, &'static str)>,
}

/// A remark without its time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PendingRemark {
    /// A clean verdict is impossible, because something could not be observed.
    pub(super) prevents_clean: bool,
    pub(super) what: String,
    pub(super) event: Option<ProcessEvent>,
}

impl Remarks {
    /// Adds a remark that has no influence on the verdict.
    pub(super) fn note(&mut self, what: String) {
        self.pending.push(PendingRemark { prevents_clean: false, what, event: None });
    }

    /// Adds a remark on an event of a process that runs `program`.
    pub(super) fn event(&mut self, kind: ProcessEventKind, program: &str, what: String) {
        let event = Some(ProcessEvent { kind, program: program.to_owned() });
        self.pending.push(PendingRemark { prevents_clean: false, what, event });
    }

    /// Adds a remark that prevents a clean verdict, once for each process and file.
    pub(super) fn prevent_clean(&mut self, pid: u32, file: &'static str, what: String) {
        if self.is_new(pid, file) {
            self.pending.push(PendingRemark { prevents_clean: true, what, event: None });
        }
    }

    /// Adds a remark on a file of a process that cannot be read.
    pub(super) fn unreadable(&mut self, pid: u32, file: &'static str, error: &ReadError) {
        match error {
            // This kernel does not have the file, so it is no part of the measurement.
            ReadError::Absent { .. } if self.is_new(pid, file) => self.note(error.to_string()),
            ReadError::Absent { .. } | ReadError::Vanished { .. } => {}
            _ => self.prevent_clean(pid, file, error.to_string()),
        }
    }

    fn is_new(&mut self, pid: u32, file: &'static str) -> bool {
        self.unreadable.len() < UNREADABLE_MAX && self.unreadable.insert((pid, file))
    }

    /// The remarks to be recorded, once.
    pub(super) fn take(&mut self) -> Vec<PendingRemark> {
        std::mem::take(&mut self.pending)
    }
}
