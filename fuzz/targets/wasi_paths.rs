//! Paths of a WASI guest lead where the kernel says, and never outside of its directory.

#![no_main]

use leakbench_fuzz::wasi::paths::{Case, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|case: Case| check(&case));
