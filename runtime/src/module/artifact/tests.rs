//! Artifacts of other compilers and machines, with the right checksum.

use super::*;
use crate::config::Config;

fn engine() -> Engine {
    let slots = const { std::num::NonZeroU32::new(2).unwrap() };
    let pool = leakbench_allocator::PoolConfig { slots, ..Default::default() };
    Engine::new(&Config { pool, ..Config::default() }).unwrap()
}

/// The artifact with `from` replaced by `to`, which is as long, and with the right checksum.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    let (mut header, _) = Header::read_from_prefix(&bytes).unwrap();
    header.checksum = checksum(&bytes);
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    bytes
}

#[test]
fn other_compilers_and_machines_are_refused_by_name() {
    let engine = engine();
    let bytes = engine.precompile_module(b"(module (func))").unwrap();
    assert!(check(&engine, &bytes).is_ok());
    let version = cranelift_codegen::VERSION;
    let other = version.replace(|c: char| c.is_ascii_digit(), "7");
    for (from, to, setting) in [
        (format!("Cranelift {version}"), format!("Cranelift {other}"), "Cranelift"),
        ("target x86_64".to_owned(), "target riscv6".to_owned(), "target"),
        ("opt_level speed".to_owned(), "opt_level slowe".to_owned(), "opt_level"),
        ("MemoryFill".to_owned(), "MemoryFull".to_owned(), "builtins"),
        ("]Status".to_owned(), "]Nothin".to_owned(), "builtins"),
        ("func_refs: ".to_owned(), "func_refz: ".to_owned(), "structures"),
        // The processor has no such instructions.
        ("has_sse41".to_owned(), "has_sse99".to_owned(), "instructions"),
    ] {
        match check(&engine, &replaced(&bytes, &from, &to)).map(|_| ()) {
            Err(ArtifactError::Differs { setting: found, .. }) => assert_eq!(found, setting),
            other => panic!("{setting}: {other:?}"),
        }
    }
}

#[test]
fn an_artifact_for_fewer_instructions_is_accepted() {
    let engine = engine();
    let bytes = engine.precompile_module(b"(module (func))").unwrap();
    assert!(check(&engine, &replaced(&bytes, " has_sse42", "          ")).is_ok());
}

#[test]
fn parts_begin_at_aligned_places() {
    let engine = engine();
    let text =
        r#"(module (memory 1) (data (i32.const 1) "abc") (data "kept") (func unreachable) (func))"#;
    let bytes = engine.precompile_module(text.as_bytes()).unwrap();
    let places = check(&engine, &bytes).unwrap();
    for place in &places.0 {
        assert!(place.start.is_multiple_of(PART_ALIGN));
    }
    let (image, text) = (places.of(Part::Image), places.of(Part::Text));
    assert!(image.start.is_multiple_of(PAGE_BYTES) && text.start.is_multiple_of(PAGE_BYTES));
    assert_eq!((image.len(), &bytes[image][..5]), (PAGE_BYTES, &b"\0abc\0"[..]));
    assert_eq!(&bytes[places.of(Part::Data)], b"kept");
    assert_eq!(places.of(Part::Funcs).len(), 2 * 12);
    assert!(Places::new([u64::MAX; PARTS]).is_none());
    assert!(Places::new([1 << 62; PARTS]).is_none());
}
