//! What is said in words beside the numbers. The recorder keeps them in bounds.

use std::collections::BTreeSet;

use leakbench_kernel::ReadError;

/// Files that did not read, remembered so as to be told once; more are not told.
const UNREADABLE_MAX: usize = 1000;

/// Remarks that wait to be recorded.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    waiting: Vec<Waiting>,
    /// What could not be read of whom: said once each.
    unreadable: BTreeSet<(u32, &'static str)>,
}

/// A remark without its time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) spoils: bool,
    pub(super) what: String,
}

impl Remarks {
    /// Of something that is good to know.
    pub(super) fn note(&mut self, what: String) {
        self.waiting.push(Waiting { spoils: false, what });
    }

    /// Of something that could not be seen: that nothing is found then proves nothing.
    pub(super) fn blind(&mut self, pid: u32, file: &'static str, what: String) {
        if self.is_new(pid, file) {
            self.waiting.push(Waiting { spoils: true, what });
        }
    }

    /// Of a file of a process that did not read.
    pub(super) fn unreadable(&mut self, pid: u32, file: &'static str, error: &ReadError) {
        match error {
            // Not offered here, so no part of what is measured.
            ReadError::Absent { .. } if self.is_new(pid, file) => self.note(error.to_string()),
            ReadError::Absent { .. } | ReadError::Vanished { .. } => {}
            ReadError::Io { source, .. } => self.blind(pid, file, format!("{error}: {source}")),
            _ => self.blind(pid, file, error.to_string()),
        }
    }

    fn is_new(&mut self, pid: u32, file: &'static str) -> bool {
        self.unreadable.len() < UNREADABLE_MAX && self.unreadable.insert((pid, file))
    }

    /// What waits to be recorded.
    pub(super) fn take(&mut self) -> Vec<Waiting> {
        std::mem::take(&mut self.waiting)
    }
}
