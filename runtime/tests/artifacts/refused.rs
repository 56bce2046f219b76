//! Bytes that are not a compiled module, or not one for the engine, are refused with the reason.

use leakbench_runtime::{
    ArtifactError, Engine, Error, Module, OptLevel, Precompiled, WasmFeatures,
};
use proptest::prelude::*;

use crate::sys::load;
use crate::{config, counts, engine};

const TEXT: &str = r#"(module $small
    (memory 1) (data (i32.const 8) "some data")
    (table 2 funcref) (elem (i32.const 0) $f)
    (func $f (export "f") (param i32) (result i32) (i32.load (local.get 0))))"#;

/// The header's fields: after eight bytes of magic.
const FORMAT: std::ops::Range<usize> = 8..12;

fn artifact(engine: &Engine) -> Vec<u8> {
    engine.precompile_module(TEXT.as_bytes()).unwrap()
}

/// The reason why `bytes` are refused.
fn reason(engine: &Engine, bytes: &[u8]) -> ArtifactError {
    match load(engine, bytes) {
        Err(Error::Artifact(reason)) => {
            let message = reason.to_string();
            assert!(!message.contains('\n'), "{message}");
            reason
        }
        other => panic!("expected a refusal: {other:?}"),
    }
}

#[test]
fn every_damaged_byte_is_found() {
    let _alone = counts::run_alone();
    let engine = engine(OptLevel::None);
    let mut bytes = artifact(&engine);
    for at in 0..bytes.len() {
        for change in [1, 0x80, 0xff] {
            bytes[at] ^= change;
            reason(&engine, &bytes);
            bytes[at] ^= change;
        }
    }
    load(&engine, &bytes).unwrap();
}

#[test]
fn every_other_length_is_refused() {
    let _alone = counts::run_alone();
    let engine = engine(OptLevel::None);
    let mut bytes = artifact(&engine);
    for len in 0..bytes.len() {
        match reason(&engine, &bytes[..len]) {
            ArtifactError::NotAnArtifact { .. } => assert!(len < 200, "{len}"),
            ArtifactError::Length { found, expected } => {
                assert_eq!((found, expected), (len as u64, bytes.len() as u64));
            }
            other => panic!("{len}: {other}"),
        }
    }
    bytes.push(0);
    assert!(matches!(reason(&engine, &bytes), ArtifactError::Length { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Several damaged parts at once, and bytes that are moved.
    #[test]
    fn damage_is_found(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        moved in any::<Option<(prop::sample::Index, prop::sample::Index)>>(),
    ) {
        thread_local! {
            static ENGINE: Engine = engine(OptLevel::None);
        }
        let _alone = counts::run_alone();
        ENGINE.with(|engine| {
            let whole = artifact(engine);
            let mut bytes = whole.clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some((from, to)) = moved {
                let byte = bytes.remove(from.index(bytes.len()));
                bytes.insert(to.index(bytes.len()), byte);
            }
            if bytes != whole {
                reason(engine, &bytes);
            }
        });
    }
}

#[test]
fn an_artifact_of_another_engine_is_refused_with_the_difference() {
    let _alone = counts::run_alone();
    let bytes = artifact(&engine(OptLevel::Speed));
    let differs = |engine: &Engine| match reason(engine, &bytes) {
        ArtifactError::Differs { setting, found, expected } => (setting, found, expected),
        other => panic!("{other}"),
    };
    let (setting, found, expected) = differs(&engine(OptLevel::None));
    assert_eq!((&*setting, &*found, &*expected), ("optimization", "Speed", "None"));
    let mut without = config(OptLevel::Speed);
    without.wasm_features(WasmFeatures::RELAXED_SIMD, false);
    let (setting, found, expected) = differs(&Engine::new(&without).unwrap());
    assert_eq!(setting, "proposals");
    assert!(found.contains("RELAXED_SIMD") && !expected.contains("RELAXED_SIMD"), "{expected}");
    let message = reason(&engine(OptLevel::None), &bytes).to_string();
    assert!(message.ends_with("compile it again for this engine"), "{message}");
    // Settings that do not decide the code do not matter.
    let mut other = config(OptLevel::Speed);
    other.code_cache_modules = None;
    other.max_wasm_stack_bytes /= 2;
    load(&Engine::new(&other).unwrap(), &bytes).unwrap();
}

#[test]
fn another_format_and_other_bytes_are_refused() {
    let _alone = counts::run_alone();
    let engine = engine(OptLevel::None);
    let mut bytes = artifact(&engine);
    bytes[FORMAT].copy_from_slice(&1_000_000u32.to_ne_bytes());
    let ArtifactError::Format { found: 1_000_000, expected } = reason(&engine, &bytes) else {
        panic!("another format")
    };
    assert!(expected < 1000);
    let binary = wat::parse_str(TEXT).unwrap();
    for (bytes, expected) in [
        (&b""[..], "not a compiled module: no bytes at all"),
        (&binary, "not a compiled module: WebAssembly, which Module::new compiles"),
        (b"\x7fELF", "not a compiled module: the bytes begin otherwise"),
    ] {
        assert_eq!(reason(&engine, bytes).to_string(), expected);
    }
    let error = Module::new(&engine, artifact(&engine)).unwrap_err().to_string();
    assert_eq!(
        error,
        "not a WebAssembly module: a compiled module, which Module::deserialize loads"
    );
}

#[test]
fn compiled_modules_are_recognized() {
    let _alone = counts::run_alone();
    let engine = engine(OptLevel::None);
    assert_eq!(Engine::detect_precompiled(&artifact(&engine)), Some(Precompiled::Module));
    assert_eq!(Engine::detect_precompiled(&wat::parse_str(TEXT).unwrap()), None);
    assert_eq!(Engine::detect_precompiled(b""), None);
}
