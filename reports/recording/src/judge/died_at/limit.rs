//! Limits of the kernel that end a subject, and the errors that name them.

use leakbench_model::{Footprint, Resource};
use serde_json::Value;

use crate::ledger::{Ledger, SubjectLedger};

/// Objects that a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Objects {
    Mappings,
    Descriptors,
}

/// A limit of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) objects: Objects,
    pub(super) max: u64,
    /// Objects that do not count towards it.
    uncounted: u64,
}

impl Limit {
    /// The limits of a subject.
    pub(super) fn of(ledger: &Ledger, subject: &SubjectLedger) -> [Option<Limit>; 2] {
        let mappings = ledger.start.fingerprint.get("max_map_count").and_then(Value::as_u64);
        let limit = |objects, max, uncounted| Limit { objects, max, uncounted };
        [
            mappings.map(|max| limit(Objects::Mappings, max, 0)),
            ledger
                .open_files(subject)
                .map(|files| limit(Objects::Descriptors, files.max, files.beyond)),
        ]
    }

    /// The objects that count towards it.
    pub(super) fn count(self, footprint: &Footprint) -> Option<u64> {
        let all = match self.objects {
            Objects::Mappings => footprint.of(Resource::Mappings),
            Objects::Descriptors => footprint.of(Resource::Fds),
        };
        Some(all?.saturating_sub(self.uncounted))
    }
}

impl Objects {
    pub(super) fn noun(self) -> &'static str {
        match self {
            Objects::Mappings => "mapping",
            Objects::Descriptors => "descriptor",
        }
    }

    pub(super) fn setting(self) -> &'static str {
        match self {
            Objects::Mappings => "vm.max_map_count",
            Objects::Descriptors => "RLIMIT_NOFILE",
        }
    }

    /// True if a runtime's error contains the error of the kernel at this limit: the text of
    /// `strerror`, or the number as Rust and C print it.
    pub(super) fn is_named_in(self, error: &str) -> bool {
        let (words, number, name) = match self {
            Objects::Mappings => ("Cannot allocate memory", 12, "ENOMEM"),
            Objects::Descriptors => ("Too many open files", 24, "EMFILE"),
        };
        // "Too many open files in system" is ENFILE, the limit of the whole system.
        let has_text = || error.contains(words) && !error.contains("open files in system");
        let numbered = |word: &str| error.contains(&format!("{word} {number})"));
        has_text() || numbered("os error") || numbered("errno") || error.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_errors_are_found_in_any_runtimes_messages() {
        for error in [
            "cannot create a memfd for a memory image (Too many open files (os error 24)); ...",
            "EMFILE: too many open files, memfd_create",
            "OSError: [Errno 24] Too many open files",
            "mmap failed (errno 24)",
        ] {
            assert!(Objects::Descriptors.is_named_in(error), "{error}");
            assert!(!Objects::Mappings.is_named_in(error), "{error}");
        }
        for error in [
            "cannot map a memory of 65536 bytes into slot 7 (Cannot allocate memory (os error 12)",
            "mmap failed: ENOMEM",
        ] {
            assert!(Objects::Mappings.is_named_in(error), "{error}");
            assert!(!Objects::Descriptors.is_named_in(error), "{error}");
        }
        for error in ["all 1000 slots are in use", "Too many open files in system", "os error 125)"]
        {
            assert!(!Objects::Mappings.is_named_in(error), "{error}");
            assert!(!Objects::Descriptors.is_named_in(error), "{error}");
        }
    }
}
