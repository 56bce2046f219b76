//! The error at the limit of descriptors. Alone in its binary, since the limit is the process's.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

use leakbench_kernel::{DeathWatch, Process, ReadError, WatchError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn no_descriptor_left_is_an_error_with_the_limit() {
    let mut process = Process::open(std::process::id()).unwrap();
    // The control: below the limit both succeed.
    DeathWatch::<()>::new().unwrap();
    process.status().unwrap();

    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(3), ..limit }).unwrap();
    let watch = DeathWatch::<()>::new();
    let status = process.status();
    setrlimit(Resource::Nofile, limit).unwrap();

    let refused = watch.unwrap_err();
    assert!(matches!(refused, WatchError::TooManyOpenFiles { limit: 3 }), "{refused:?}");
    assert!(refused.to_string().contains("RLIMIT_NOFILE is 3"), "{refused}");
    assert!(matches!(status, Err(ReadError::Io { file: "status", .. })), "{status:?}");
}
