//! Mutations of modules that stay modules.

use std::panic::{catch_unwind, set_hook, take_hook};

use libfuzzer_sys::fuzzer_mutate;
use wasm_mutate::WasmMutate;

/// Steps of a mutation.
const FUEL: u64 = 1000;

/// Mutates a module of `size` bytes at the start of `data`, and returns the new size. Bytes that are no
/// module are mutated as libFuzzer does.
pub fn mutate_module(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let binary = data[..size].to_vec();
    // wasm-mutate panics for some malformed modules, and a panic would end the target as a finding.
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let mutated = catch_unwind(|| mutation(&binary, seed)).ok().flatten();
    set_hook(hook);
    match mutated.filter(|mutated| mutated.len() <= max_size.min(data.len())) {
        Some(mutated) => {
            data[..mutated.len()].copy_from_slice(&mutated);
            mutated.len()
        }
        None => fuzzer_mutate(data, size, max_size),
    }
}

fn mutation(binary: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut mutate = WasmMutate::default();
    mutate.seed(seed.into()).fuel(FUEL);
    let mut mutations = mutate.run(binary).ok()?;
    mutations.next()?.ok()
}
