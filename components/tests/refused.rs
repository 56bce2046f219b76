//! Bytes without a plan: the message names the reason, and damage never panics.

#![allow(clippy::unwrap_used, reason = "a test")]

use leakbench_components::{ComponentError, Plan};
use proptest::prelude::*;

/// Two components, of which one calls the other with a string, and a resource.
const COMPOSED: &str = r#"(component
    (component $a
        (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
            (func (export "f") (param i32 i32)))
        (core instance $i (instantiate $m))
        (type $r (resource (rep i32)))
        (export "r" (type $r))
        (func (export "f") (param "s" string) (canon lift (core func $i "f")
            (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))
    (component $b
        (import "f" (func $f (param "s" string)))
        (core module $m (memory (export "memory") 1))
        (core instance $i (instantiate $m))
        (core func $g (canon lower (func $f) (memory (core memory $i "memory"))))
        (core module $n (import "" "g" (func (param i32 i32))))
        (core instance (instantiate $n (with "" (instance (export "g" (func $g)))))))
    (instance $x (instantiate $a))
    (instance (instantiate $b (with "f" (func $x "f")))))"#;

fn refused(bytes: &[u8]) -> ComponentError {
    Plan::new(bytes).expect_err("no plan")
}

#[test]
fn a_core_module_is_for_wasm_run() {
    let binary = wat::parse_str("(module)").unwrap();
    for bytes in [&b"(module)"[..], &binary] {
        assert_eq!(refused(bytes), ComponentError::CoreModule);
    }
    assert!(refused(&binary).to_string().contains("leakbench wasm run"));
}

#[test]
fn other_bytes_are_described() {
    for (bytes, words) in [
        (&b""[..], "the file is empty"),
        (b"\x7fELF\x02\x01\x01\0\0", "the bytes begin [7f, 45, 4c, 46"),
        (b"\0asm", "the binary ends within its header"),
        (b"\0asm\x09\0\x09\0", "unknown binary version [09, 00, 09, 00]"),
        (b"(component (core", "not the text of a component"),
        (b"(component (core module $m) (core instance (instantiate $n)))", "unknown core module"),
    ] {
        let message = refused(bytes).to_string();
        assert!(message.contains(words), "{words}: {message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn unsupported_features_are_named() {
    for (text, name) in [
        ("(component (core func (canon task.return)))", "asynchronous functions"),
        ("(component (type (stream u8)))", "asynchronous functions"),
        ("(component (type (list u8 4)))", "lists of fixed length"),
        ("(component (type (map string u8)))", "maps"),
        ("(component (core func (canon error-context.drop)))", "error contexts"),
        ("(component (import \"v\" (value string)))", "values as imports"),
        ("(component (core module (tag)))", "exceptions"),
        ("(component (core module (type (struct))))", "garbage collection (GC)"),
    ] {
        match refused(text.as_bytes()) {
            ComponentError::Unsupported { feature, offset } => {
                assert!(feature.contains(name), "{text}: {feature}");
                assert!(offset > 0);
            }
            error => panic!("{text}: {error}"),
        }
    }
}

#[test]
fn an_invalid_component_is_not_for_a_missing_feature() {
    let text = "(component (core module $m (func (result i32))) (core instance (instantiate $m)))";
    match refused(text.as_bytes()) {
        ComponentError::Invalid { offset, reason } => {
            assert!(offset > 8 && reason.contains("type mismatch"), "{offset}: {reason}");
        }
        error => panic!("{error}"),
    }
}

#[test]
fn what_cannot_be_flattened_is_refused() {
    let error = refused(b"(component (component $c) (export \"c\" (component $c)))");
    assert!(matches!(error, ComponentError::Refused { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("exporting a component"), "{text}");
}

#[test]
fn each_cut_is_refused() {
    let binary = wat::parse_str(COMPOSED).unwrap();
    Plan::new(&binary).unwrap();
    for len in 0..binary.len() {
        match Plan::new(&binary[..len]) {
            // The end of a section is the end of a shorter component.
            Ok(plan) => assert_eq!(plan.definition.len_bytes, len as u64),
            Err(ComponentError::Invalid { offset, .. }) => assert!(offset <= len as u64),
            Err(ComponentError::NotWasm { .. }) => assert!(len < 4),
            Err(error) => panic!("{len}: {error}"),
        }
    }
}

#[test]
fn no_flipped_bit_panics() {
    let binary = wat::parse_str(COMPOSED).unwrap();
    for at in 0..binary.len() {
        for bit in [0, 3, 7] {
            let mut damaged = binary.clone();
            damaged[at] ^= 1 << bit;
            if let Err(error) = Plan::new(&damaged) {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Several bytes are replaced, and a range is repeated or removed.
    #[test]
    fn no_damage_panics(
        bytes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(), repeats in 0usize..3,
    ) {
        let mut damaged = wat::parse_str(COMPOSED).unwrap();
        for (at, byte) in bytes {
            let at = at.index(damaged.len());
            damaged[at] = byte;
        }
        let (from, to) = (from.index(damaged.len()), to.index(damaged.len()));
        let range = from.min(to)..from.max(to);
        let repeated = damaged[range.clone()].repeat(repeats);
        damaged.splice(range, repeated);
        let _ = Plan::new(&damaged);
    }
}
