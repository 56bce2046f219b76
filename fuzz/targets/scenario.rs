//! Scenario files and flags are read without a crash, and a reproduce command gives the same scenario.

#![no_main]

use leakbench_fuzz::parsers::scenario::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check(data));
