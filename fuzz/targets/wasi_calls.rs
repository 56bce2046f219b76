//! No argument of a WASI guest harms the host.

#![no_main]

use leakbench_fuzz::wasi::calls::{Case, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|case: Case| check(&case));
