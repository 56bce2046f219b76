//! Tests of the parser, on small modules.

use std::fmt::Write as _;

use super::info::{ConstOp, ElementItems, ExportItem, SegmentMode};
use super::parse::{ModuleError, parse};
use crate::features::WasmFeatures;
use crate::types::{FuncType, ValType};

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the test's module assembles")
}

fn refused(bytes: &[u8]) -> ModuleError {
    match parse(bytes, WasmFeatures::all()) {
        Ok(_) => panic!("accepted"),
        Err(error) => error,
    }
}

#[test]
fn declarations_are_parsed() {
    let bytes = wasm(
        r#"(module $named
            (import "m" "f" (func $imported (param i32)))
            (import "m" "g" (global $base i32))
            (table 3 9 funcref)
            (memory 1 2)
            (global (mut i64) (i64.const -1))
            (global i32 (i32.add (global.get $base) (i32.const 4)))
            (func $a (result i32 f64) i32.const 1 f64.const 2)
            (func $hidden)
            (func $start)
            (start $start)
            (export "run" (func $a))
            (export "mem" (memory 0))
            (elem (i32.const 1) func $imported)
            (elem declare func $start)
            (data (global.get $base) "abc")
            (data "passive"))"#,
    );
    let module = parse(&bytes, WasmFeatures::all()).unwrap();
    let info = &module.info;
    assert_eq!(info.name.as_deref(), Some("named"));
    assert_eq!(info.num_imported_funcs, 1);
    assert_eq!(info.funcs.len(), 4);
    assert_eq!(module.bodies.len(), 3);
    assert_eq!(*info.func_type(1), FuncType::of([], [ValType::I32, ValType::F64]));
    assert_eq!(info.escapes, [true, true, false, true]);
    assert_eq!(info.start, Some(3));
    assert_eq!(info.func_names.get(2), Some("hidden"));
    assert_eq!((info.tables[0].minimum(), info.tables[0].maximum()), (3, Some(9)));
    assert_eq!(info.memories[0].maximum(), Some(2));
    assert_eq!(info.globals.len(), 3);
    assert_eq!(
        *info.global_inits[1].0,
        [ConstOp::GlobalGet(0), ConstOp::I32Const(4), ConstOp::I32Add]
    );
    assert_eq!(info.exports[0].item, ExportItem::Func(1));
    assert_eq!(info.exports[1].item, ExportItem::Memory(0));
    let ElementItems::Funcs(funcs) = &info.elements[0].items else {
        panic!("function indices");
    };
    assert_eq!(**funcs, [0]);
    assert!(matches!(info.elements[1].mode, SegmentMode::Declared));
    assert!(matches!(info.data[0].mode, SegmentMode::Active { target: 0, .. }));
    assert_eq!(&bytes[info.data[0].bytes.clone()], b"abc");
    assert!(matches!(info.data[1].mode, SegmentMode::Passive));
    assert_eq!(&bytes[info.data[1].bytes.clone()], b"passive");
}

/// Bytes that are not a module are described in one line.
#[test]
fn bytes_that_are_not_a_module_are_described() {
    let mut messages = String::new();
    for bytes in [
        &b""[..],
        b"  (module)",
        b"\x7fELF\x02\x01\x01\x00",
        b"\x1f\x8b\x08\x00",
        b"#!/bin/sh\necho\n",
        b"\0as",
        b"\0asm",
        b"\0asm\x02\0\0\0",
        b"\0asm\x0d\0\x01\0",
    ] {
        writeln!(messages, "{}", refused(bytes)).unwrap();
    }
    assert_eq!(
        messages,
        "\
not a WebAssembly module: no bytes at all
not a WebAssembly module: WebAssembly text, to be assembled to the binary format first
not a WebAssembly module: an ELF file
not a WebAssembly module: gzip-compressed data
not a WebAssembly module: the bytes begin 23 21 2f 62 69 6e 2f 73 and not 00 61 73 6d
not a WebAssembly module: the bytes begin 00 61 73 and not 00 61 73 6d
invalid module at offset 0x4: the binary ends within its header
invalid module at offset 0x4: unknown binary version 0x2; 1 is known
the module needs the component model (these bytes are a component, not a module) \
(at offset 0x4), which this runtime does not support
"
    );
}

/// An unsupported proposal is named, and not reported as a mistake of the module.
#[test]
fn an_unsupported_feature_is_named() {
    for (feature, text) in [
        ("garbage collection (GC)", "(module (type (struct (field i32))))"),
        ("garbage collection (GC)", "(module (type (sub (func))))"),
        ("garbage collection (GC)", "(module (func (param anyref)))"),
        ("garbage collection (GC)", "(module (func (local i31ref)))"),
        ("garbage collection (GC)", "(module (func (drop (ref.i31 (i32.const 1)))))"),
        ("garbage collection (GC)", "(module (func (block (result eqref) unreachable) drop))"),
        ("garbage collection (GC)", "(module (func (drop (ref.null none))))"),
        ("garbage collection (GC)", "(module (table 1 i31ref))"),
        ("garbage collection (GC)", "(module (global i31ref (ref.i31 (i32.const 1))))"),
        ("garbage collection (GC)", "(module (import \"a\" \"b\" (global structref)))"),
        ("garbage collection (GC)", "(module (elem anyref (ref.null any)))"),
    ] {
        let error = refused(&wasm(text));
        assert!(
            matches!(&error, ModuleError::Unsupported { feature: found, .. } if found == feature),
            "{text}: {error}"
        );
    }
}

/// A proposal that is turned off is named, even if all others are on.
#[test]
fn a_feature_that_is_turned_off_is_named() {
    for (off, feature, text) in [
        (WasmFeatures::SIMD, "SIMD", "(module (func (result v128) unreachable))"),
        (WasmFeatures::SIMD, "SIMD", "(module (func (drop (v128.const i64x2 0 0))))"),
        (WasmFeatures::SIMD, "SIMD", "(module (global v128 (v128.const i64x2 0 0)))"),
        (
            WasmFeatures::RELAXED_SIMD,
            "relaxed SIMD",
            "(module (func (param v128) (result v128)
                (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
        ),
        (WasmFeatures::EXCEPTIONS, "exceptions", "(module (tag $t))"),
        (
            WasmFeatures::EXCEPTIONS,
            "exceptions",
            "(module (type (func)) (tag (type 0)) (func throw 0))",
        ),
        (
            WasmFeatures::FUNCTION_REFERENCES,
            "typed function references",
            "(module (type $t (func)) (func (param (ref $t)) (call_ref $t (local.get 0))))",
        ),
        (WasmFeatures::THREADS, "threads", "(module (memory 1 1 shared))"),
        (
            WasmFeatures::THREADS,
            "threads",
            "(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))",
        ),
        (WasmFeatures::REFERENCE_TYPES, "references", "(module (func (param externref)))"),
        (
            WasmFeatures::REFERENCE_TYPES,
            "references",
            "(module (table 1 funcref) (table 1 funcref))",
        ),
        (WasmFeatures::TAIL_CALL, "tail calls", "(module (func $f return_call $f))"),
        (WasmFeatures::MULTI_MEMORY, "multiple memories", "(module (memory 1) (memory 1))"),
        (
            WasmFeatures::EXTENDED_CONST,
            "extended constant expressions",
            "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
        ),
        (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes", "(module (memory 1 (pagesize 1)))"),
        (WasmFeatures::MEMORY64, "64-bit memories (memory64)", "(module (memory i64 1))"),
        (WasmFeatures::MEMORY64, "64-bit memories (memory64)", "(module (table i64 1 funcref))"),
        (
            WasmFeatures::WIDE_ARITHMETIC,
            "wide arithmetic",
            "(module (func (param i64 i64) (result i64 i64)
                (i64.mul_wide_u (local.get 0) (local.get 1))))",
        ),
    ] {
        let bytes = wasm(text);
        parse(&bytes, WasmFeatures::all()).unwrap();
        let error = parse(&bytes, WasmFeatures::all().without(off)).unwrap_err();
        assert!(
            matches!(&error, ModuleError::Disabled { feature: found, .. } if found == feature),
            "{text}: {error}"
        );
        let message = error.to_string();
        assert!(message.starts_with(&format!("the module needs {feature} (at offset 0x")));
        assert!(message.ends_with("), which the engine's configuration turns off"), "{message}");
    }
}

#[test]
fn an_invalid_module_is_reported_with_its_offset() {
    let bytes = wasm("(module (func (result i32) i64.const 1))");
    let ModuleError::Invalid { offset, reason } = refused(&bytes) else {
        panic!("invalid");
    };
    assert!(reason.contains("type mismatch"), "{reason}");
    assert!((8..=bytes.len() as u64).contains(&offset));
}

/// A module that is cut anywhere but between two sections is invalid, and does not panic.
#[test]
fn a_cut_module_is_refused() {
    let bytes =
        wasm("(module (func (result i32) i32.const 1) (memory 1) (data (i32.const 0) \"a\"))");
    let is_whole = |&len: &usize| parse(&bytes[..len], WasmFeatures::all()).is_ok();
    let whole: Vec<usize> = (0..=bytes.len()).filter(is_whole).collect();
    // Valid lengths: the header; with its types; with its body, which the function section
    // requires; the end.
    assert_eq!(whole, [8, 15, 32, bytes.len()]);
}

/// The specification requires that a malformed name section is ignored.
#[test]
fn a_malformed_name_section_is_ignored() {
    let mut bytes = wasm("(module (func))");
    bytes.extend_from_slice(b"\x00\x07\x04name\x01\xff");
    let module = parse(&bytes, WasmFeatures::all()).unwrap();
    assert_eq!(module.info.func_names.get(0), None);
}
