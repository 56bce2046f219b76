//! Strings are copied between regions if they are UTF-8.

mod common;

use common::{Outcome, Twice, program};
use leakbench_fuse::{Definition, ItemOf, Options};
use leakbench_runtime::Val;
use proptest::prelude::*;

const FROM: i32 = 65_500;
const TO: i32 = 100;

/// Two memories, and a function that copies a string of the first to the second.
fn fused() -> Twice {
    let memory = "(module (memory (export \"memory\") 1 2)
        (func (export \"store\") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
        (func (export \"load\") (param i32) (result i32) (i32.load8_u (local.get 0)))
        (func (export \"grow\") (drop (memory.grow (i32.const 1)))))";
    let user = "(module (import \"\" \"copy\" (func $copy (param i32 i32 i32)))
        (func (export \"copy\") (param i32 i32 i32)
          (call $copy (local.get 0) (local.get 1) (local.get 2))))";
    let of = |instance| ItemOf { instance, name: "memory".to_owned() };
    let copy = Definition::CopyUtf8 { from: of(0), to: of(1) };
    let program = program(vec![(memory, vec![]), (memory, vec![]), (user, vec![copy])]);
    Twice::only_fused(&program, &Options::default())
}

fn call(fused: &mut Twice, instance: usize, name: &str, args: &[i32]) -> Outcome {
    let args: Vec<Val> = args.iter().copied().map(Val::I32).collect();
    fused.call_fused(instance, name, &args)
}

/// True if the bytes arrived; false if the copy trapped.
fn copies(fused: &mut Twice, bytes: &[u8]) -> bool {
    for (at, byte) in (0..).zip(bytes) {
        call(fused, 0, "store", &[FROM + at, i32::from(*byte)]);
        call(fused, 1, "store", &[TO + at, 0xee]);
    }
    let outcome = call(fused, 2, "copy", &[FROM, bytes.len() as i32, TO]);
    let copied = matches!(outcome, Outcome::Returned(_));
    for (at, byte) in (0..).zip(bytes) {
        let expected = if copied { *byte } else { 0xee };
        let loaded = call(fused, 1, "load", &[TO + at]);
        assert_eq!(loaded, Outcome::Returned(vec![expected.into()]), "{bytes:x?}");
    }
    copied
}

/// Bytes at the borders of the ranges that the Unicode standard allows.
fn byte() -> impl Strategy<Value = u8> {
    let borders = [
        0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xec, 0xed,
        0xee, 0xef, 0xf0, 0xf3, 0xf4, 0xf5, 0xff,
    ];
    prop_oneof![4 => prop::sample::select(borders.to_vec()), 1 => any::<u8>()]
}

#[test]
fn what_arrives_is_utf8() {
    let mut fused = fused();
    // Two bytes of any value, alone and after a first one.
    for first in [&[][..], &[0xe0], &[0xed], &[0xf0, 0x90], &[0xf4, 0x8f]] {
        for pair in
            (0..=0xffu16).flat_map(|high| [0x7f, 0x80, 0xbf, 0xc0].map(|low| [high as u8, low]))
        {
            let bytes = [first, &pair].concat();
            assert_eq!(
                copies(&mut fused, &bytes),
                std::str::from_utf8(&bytes).is_ok(),
                "{bytes:x?}"
            );
        }
    }
}

/// The bytes after the end would complete the last character.
#[test]
fn a_character_that_is_cut_is_none() {
    let mut fused = fused();
    let text = "é€😀";
    assert!(copies(&mut fused, text.as_bytes()));
    for len in 0..=text.len() {
        let outcome = call(&mut fused, 2, "copy", &[FROM, len as i32, TO]);
        let is_whole = text.is_char_boundary(len);
        assert_eq!(matches!(outcome, Outcome::Returned(_)), is_whole, "{len} bytes");
    }
}

#[test]
fn random_bytes_are_judged_as_by_the_standard_library() {
    let fused = std::cell::RefCell::new(fused());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(2_000));
    let texts = prop_oneof![
        prop::collection::vec(byte(), 0..12),
        any::<String>().prop_map(|text| text.bytes().take(30).collect()),
    ];
    runner
        .run(&texts, |bytes| {
            let copied = copies(&mut fused.borrow_mut(), &bytes);
            prop_assert_eq!(copied, std::str::from_utf8(&bytes).is_ok());
            Ok(())
        })
        .unwrap();
}

#[test]
fn strings_end_within_their_memory() {
    let mut fused = fused();
    let end = 65_536;
    for (from, len, to, fits) in [
        (end - 4, 4, end - 4, true),
        (end - 4, 5, 0, false),
        (0, 5, end - 4, false),
        (end, 0, end, true),
        (end + 1, 0, 0, false),
        (-1, 2, 0, false),
        (0, -1, 0, false),
    ] {
        let outcome = call(&mut fused, 2, "copy", &[from, len, to]);
        assert_eq!(matches!(outcome, Outcome::Returned(_)), fits, "{from} {len} {to}");
    }
    call(&mut fused, 0, "grow", &[]);
    let grown = call(&mut fused, 2, "copy", &[end - 4, 5, 0]);
    assert!(matches!(grown, Outcome::Returned(_)), "{grown:?}");
}
