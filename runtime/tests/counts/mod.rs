//! The mappings and descriptors of the test's process.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Mappings that the test harness may add: stacks of its threads, arenas of `malloc`.
const SLACK_MAPPINGS: usize = 40;
/// Bytes that the test harness may add.
const SLACK_BYTES: usize = 8 << 20;
/// Bytes of reserved address space that the test harness may add, for arenas of `malloc`. The
/// smallest pool reserves more.
const SLACK_RESERVED_BYTES: usize = 1 << 30;

/// Runs one test at a time, because the counts are those of the whole process.
pub(crate) fn run_alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Amounts of the whole process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    mappings: usize,
    /// Bytes are counted too, because equal neighbours merge into one mapping.
    accessible_bytes: usize,
    reserved_bytes: usize,
    pub(crate) code_bytes: usize,
    pub(crate) images: usize,
    pub(crate) fds: usize,
}

impl Counts {
    pub(crate) fn now() -> Self {
        let mut counts = Counts {
            mappings: 0,
            accessible_bytes: 0,
            reserved_bytes: 0,
            code_bytes: 0,
            images: 0,
            fds: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        };
        for line in std::fs::read_to_string("/proc/self/maps").unwrap().lines() {
            let mut fields = line.split_whitespace();
            let (range, permissions) = (fields.next().unwrap(), fields.next().unwrap());
            let (start, end) = range.split_once('-').unwrap();
            let address = |text| usize::from_str_radix(text, 16).unwrap();
            let len_bytes = address(end) - address(start);
            let path = fields.nth(3);
            counts.mappings += 1;
            match permissions {
                "---p" => counts.reserved_bytes += len_bytes,
                _ => counts.accessible_bytes += len_bytes,
            }
            if permissions == "r-xp" && path.is_none() {
                counts.code_bytes += len_bytes;
            }
            if path.is_some_and(|path| path.contains("leakbench-image")) {
                counts.images += 1;
            }
        }
        counts
    }

    /// Checks that there is not more than before, also of the memory that `malloc` keeps.
    #[allow(dead_code, reason = "not every test has it")]
    pub(crate) fn assert_same_now(self, what: &str) {
        let now = self.assert_no_more(what);
        let max_bytes = self.accessible_bytes + SLACK_BYTES;
        assert!(now.accessible_bytes <= max_bytes, "{what}: {self:?}, then {now:?}");
    }

    /// Checks that there are no more images, mappings and descriptors than before.
    pub(crate) fn assert_no_more(self, what: &str) -> Self {
        let now = Counts::now();
        let exact = |counts: Counts| (counts.code_bytes, counts.images, counts.fds);
        assert_eq!(exact(now), exact(self), "{what}: code, images, descriptors");
        assert!(now.mappings <= self.mappings + SLACK_MAPPINGS, "{what}: {self:?}, then {now:?}");
        let max_bytes = self.reserved_bytes + SLACK_RESERVED_BYTES;
        assert!(now.reserved_bytes <= max_bytes, "{what}: {self:?}, then {now:?}");
        now
    }
}
