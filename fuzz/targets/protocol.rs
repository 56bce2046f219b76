//! Messages of subjects and drivers are read without a crash, however they are cut.

#![no_main]

use leakbench_fuzz::parsers::protocol::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| check(data));
