//! The index of free slots and the pool do what simple models do.

#![no_main]

use leakbench_fuzz::allocator::{Case, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|case: Case| check(&case));
