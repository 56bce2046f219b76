//! Mutations of real modules do the same on the built-in runtime as on Wasmtime and wasmi.

#![no_main]

use leakbench_fuzz::modules::Traits;
use leakbench_fuzz::mutator::mutate_module;
use leakbench_fuzz::runtimes::Outcomes;
use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target};

fuzz_target!(|binary: &[u8]| -> Corpus {
    let Some(traits) = Traits::of(binary) else { return Corpus::Reject };
    let Traits { makes_nan, waits, is_relaxed, is_large } = traits;
    if makes_nan || waits || is_relaxed || is_large || !Outcomes::check(binary) {
        return Corpus::Reject;
    }
    Corpus::Keep
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_module(data, size, max_size, seed)
});
