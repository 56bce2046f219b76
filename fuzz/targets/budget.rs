//! Budgets and baselines are read without a crash, and a baseline is written and read again as the same.

#![no_main]

use leakbench_fuzz::parsers::budget::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check(data));
