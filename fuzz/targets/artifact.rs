//! Compiled modules that were damaged are refused, and none crashes the loader.

#![no_main]

use leakbench_fuzz::artifact::{Case, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|case: Case| check(&case));
