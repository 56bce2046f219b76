//! Objects for programs that leak on purpose: those whose system calls have no safe form elsewhere.

pub use super::sys::rare_objects::{add_key, bpf_map, io_uring, perf_event, posix_queue, signalfd};
pub use super::sys::sysv_objects::{OwnMessageQueue, OwnSegment, OwnSemaphoreSet, SegmentNumber};
