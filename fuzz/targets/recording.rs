//! Recordings are read without a crash, and what is read is written and read again as the same.

#![no_main]

use leakbench_fuzz::parsers::recording::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check(data));
