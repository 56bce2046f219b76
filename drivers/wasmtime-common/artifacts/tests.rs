use std::cell::Cell;
use std::convert::Infallible;

use super::*;

/// A binary with a data segment for each payload, each at its own address.
fn binary(payloads: &[&[u8]]) -> Vec<u8> {
    let mut data = vec![payloads.len() as u8];
    for (segment, payload) in payloads.iter().enumerate() {
        data.extend([0, 0x41, segment as u8, 0x0b, payload.len() as u8]);
        data.extend_from_slice(payload);
    }
    let mut binary = b"\0asm\x01\0\0\0\x05\x03\x01\0\x01\x0b".to_vec();
    assert!(data.len() < 128, "one byte of length");
    binary.push(data.len() as u8);
    binary.extend(data);
    binary
}

/// Artifacts beside a compiler that counts its work.
struct Bench {
    artifacts: Artifacts,
    compiled: Cell<u32>,
    compiler: fn(&Binary<'_>) -> Vec<u8>,
}

impl Bench {
    fn new(compiler: fn(&Binary<'_>) -> Vec<u8>) -> Bench {
        Bench { artifacts: Artifacts::new(), compiled: Cell::new(0), compiler }
    }

    /// Compares the artifact with the compiler's output, and the number of compilations with `compiled`.
    #[track_caller]
    fn expect(&self, payloads: &[&[u8]], compiled: u32) {
        let bytes = binary(payloads);
        let binary = Binary::new(&bytes);
        assert_eq!(binary.payloads().count(), payloads.len(), "the binary can be read");
        let got = self.artifacts.artifact(&binary, |bytes| {
            self.compiled.set(self.compiled.get() + 1);
            Ok::<_, Infallible>((self.compiler)(&Binary::new(bytes)))
        });
        assert_eq!(got.unwrap().bytes(), (self.compiler)(&binary));
        assert_eq!(self.compiled.get(), compiled);
    }
}

/// Code, then the payloads one behind the other.
fn verbatim(binary: &Binary<'_>) -> Vec<u8> {
    let mut artifact = b"code of so many bytes: ".to_vec();
    artifact.push(binary.bytes().len() as u8);
    binary.payloads().for_each(|payload| artifact.extend_from_slice(payload));
    artifact
}

#[test]
fn two_compilations_serve_for_all() {
    let bench = Bench::new(verbatim);
    bench.expect(&[b"first!", b"one"], 1);
    bench.expect(&[b"first!", b"one"], 1);
    bench.expect(&[b"second", b"two"], 2);
    bench.expect(&[b"third.", b"six"], 2);
    bench.expect(&[b"first!", b"one"], 2);
    // Other code, here by the length of a payload.
    bench.expect(&[b"other", b"one"], 3);
    bench.expect(&[b"third.", b"ten"], 3);
}

#[test]
fn a_payload_that_is_found_elsewhere_first_is_not_replaced() {
    let bench = Bench::new(verbatim);
    bench.expect(&[b"code", b"one"], 1);
    bench.expect(&[b"mode", b"two"], 2);
    bench.expect(&[b"lode", b"six"], 3);
    // But each distinct binary is kept.
    bench.expect(&[b"lode", b"six"], 3);
}

/// As of a second memory that is the same in all modules.
#[test]
fn a_payload_that_is_equal_in_both_must_stay() {
    let bench = Bench::new(verbatim);
    bench.expect(&[b"code", b"first!"], 1);
    bench.expect(&[b"code", b"second"], 2);
    bench.expect(&[b"code", b"third."], 2);
    bench.expect(&[b"mode", b"third."], 3);
    bench.expect(&[b"mode", b"third."], 3);
    bench.expect(&[b"code", b"fourth"], 3);
}

#[test]
fn a_payload_that_is_not_found_is_not_replaced() {
    let reversed: fn(&Binary<'_>) -> Vec<u8> = |binary| {
        let mut artifact = verbatim(binary);
        artifact.reverse();
        artifact
    };
    let bench = Bench::new(reversed);
    bench.expect(&[b"first!"], 1);
    bench.expect(&[b"second"], 2);
    bench.expect(&[b"third."], 3);
}

#[test]
fn an_offset_that_does_not_reproduce_the_compiler_is_not_used() {
    // The code depends on the payload: replacing the payload alone would be wrong.
    let dependent: fn(&Binary<'_>) -> Vec<u8> = |binary| {
        let mut artifact = verbatim(binary);
        artifact.push(binary.payloads().flatten().fold(0, |sum, byte| sum ^ byte));
        artifact
    };
    let bench = Bench::new(dependent);
    bench.expect(&[b"first!"], 1);
    bench.expect(&[b"second"], 2);
    bench.expect(&[b"third."], 3);
    // One payload overwrites another at any offset.
    let overlapping: fn(&Binary<'_>) -> Vec<u8> = |binary| {
        let mut artifact = b"code ".to_vec();
        artifact.extend(binary.payloads().next().unwrap());
        let upper = binary.payloads().nth(1).unwrap();
        artifact[5..5 + upper.len()].copy_from_slice(upper);
        artifact
    };
    let bench = Bench::new(overlapping);
    bench.expect(&[b"first!", b"on"], 1);
    bench.expect(&[b"second", b"tw"], 2);
    bench.expect(&[b"third.", b"si"], 3);
}

#[test]
fn an_error_of_the_compiler_is_returned_and_not_kept() {
    let artifacts = Artifacts::new();
    let bytes = binary(&[b"first!"]);
    let binary = Binary::new(&bytes);
    let refused = artifacts.artifact(&binary, |_| Err("no")).map(|_| ());
    assert_eq!(refused, Err("no"));
    assert!(artifacts.artifact(&binary, |_| Ok::<_, ()>(vec![1])).is_ok());
}

#[test]
fn this_version_of_wasmtime_keeps_payloads_as_they_are() {
    let engine = wasmtime::Engine::default();
    let artifacts = Artifacts::new();
    let compiled = Cell::new(0);
    for stamp in 0..20_u64 {
        // Long enough to be found once; the rest of a page is filled with zeroes by Wasmtime.
        let payload: Vec<u8> = (0..12_u64)
            .flat_map(|word| (word + stamp + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
            .collect();
        let bytes = binary(&[&payload]);
        let got = artifacts.artifact(&Binary::new(&bytes), |bytes| {
            compiled.set(compiled.get() + 1);
            engine.precompile_module(bytes)
        });
        assert_eq!(got.unwrap().bytes(), engine.precompile_module(&bytes).unwrap(), "{stamp}");
    }
    assert_eq!(compiled.get(), 2, "the first two are compiled");
}
