//! The runtime accepts the modules that wasmparser accepts, and compiles them within its limits.

#![no_main]

use leakbench_fuzz::mutator::mutate_module;
use leakbench_fuzz::validation;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|binary: &[u8]| validation::check(binary));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // Every second one as bytes, so that malformed sections are among them.
    match seed % 2 {
        0 => mutate_module(data, size, max_size, seed),
        _ => fuzzer_mutate(data, size, max_size),
    }
});
