//! Modules of wasm-smith do the same on the built-in runtime as on Wasmtime and wasmi.

#![no_main]

use arbitrary::Unstructured;
use leakbench_fuzz::modules::{Traits, generated};
use leakbench_fuzz::runtimes::Outcomes;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(binary) = generated(&mut Unstructured::new(data)) else { return Corpus::Reject };
    let traits = Traits::of(&binary).expect("wasm-smith makes valid modules");
    if traits.waits || !Outcomes::check(&binary) {
        return Corpus::Reject;
    }
    Corpus::Keep
});
