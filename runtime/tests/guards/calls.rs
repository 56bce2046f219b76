//! Calls between modules check types: through tables that one module exports and others fill and call, and by
//! imported functions and references.

use leakbench_runtime::{
    Config, Engine, Error, Instance, LinkError, Linker, Module, OptLevel, Store, Trap,
};

/// Exports a table. Function types are numbered otherwise than in the other module.
const OWNER: &str = r#"(module
    (type (func (result i64)))
    (type $one (func (param i32) (result i32)))
    (table $t (export "table") 8 funcref)
    (elem (i32.const 0) $double)
    (func $double (export "double") (param i32) (result i32)
        (i32.mul (local.get 0) (i32.const 2)))
    (func (export "call own") (param i32) (result i32)
        (call_indirect $t (type $one) (i32.const 21) (local.get 0))))"#;

/// Fills the table from element 1 on with functions of several types, and calls through it.
const GUEST: &str = r#"(module
    (import "owner" "table" (table $t 8 funcref))
    (type $one (func (param i32) (result i32)))
    (type $long (func (param i64) (result i64)))
    (import "owner" "double" (func $double (type $one)))
    (elem (i32.const 1) $increment $long $none $two)
    (func $increment (type $one) (i32.add (local.get 0) (i32.const 1)))
    (func $long (type $long) (local.get 0))
    (func $none)
    (func $two (param i32 i32) (result i32) (local.get 0))
    (func (export "call") (param i32) (result i32)
        (call_indirect $t (type $one) (i32.const 21) (local.get 0)))
    (func (export "tail call") (param i32) (result i32)
        (return_call_indirect $t (type $one) (i32.const 21) (local.get 0)))
    (func (export "direct") (result i32) (call $double (i32.const 21))))"#;

#[test]
fn indirect_calls_between_modules_check_the_type() {
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        let engine = Engine::new(&Config { opt_level, ..Config::default() }).unwrap();
        let mut store = Store::new(&engine, ());
        let owner = Module::new(&engine, OWNER).unwrap();
        let guest = Module::new(&engine, GUEST).unwrap();
        let mut linker = Linker::new(&engine);
        let owner = linker.instantiate(&mut store, &owner).unwrap();
        linker.instance(&mut store, "owner", owner).unwrap();
        let guest = linker.instantiate(&mut store, &guest).unwrap();
        let direct = guest.get_typed_func::<(), i32>(&store, "direct").unwrap();
        assert_eq!(direct.call(&mut store, ()).unwrap(), 42);
        for (instance, name) in [(guest, "call"), (guest, "tail call"), (owner, "call own")] {
            let call = instance.get_typed_func::<i32, i32>(&store, name).unwrap();
            let mut call = |element| call.call(&mut store, element).map_err(|error| error.trap());
            // Of the one module, of the other.
            assert_eq!(call(0), Ok(42), "{opt_level:?} {name}");
            assert_eq!(call(1), Ok(22), "{opt_level:?} {name}");
            for element in 2..=4 {
                assert_eq!(call(element), Err(Some(Trap::BadSignature)), "{name} {element}");
            }
            assert_eq!(call(5), Err(Some(Trap::IndirectCallToNull)), "{name}");
            assert_eq!(call(8), Err(Some(Trap::UndefinedElement)), "{name}");
        }
    }
}

/// An import of another type is refused before any code runs, whatever provides it.
#[test]
fn imports_of_functions_check_the_type() {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let provider = Module::new(
        &engine,
        r#"(module (func (export "f") (param i32) (result i32) (local.get 0))
            (table (export "t") 2 funcref) (memory (export "m") 1))"#,
    );
    let provider = Instance::new(&mut store, &provider.unwrap(), &[]).unwrap();
    let mut link = |name: &str, import: &str| {
        let text = format!("(module (import \"\" \"\" {import}))");
        let module = Module::new(&engine, text).unwrap();
        let item = provider.get_export(&store, name).unwrap();
        Instance::new(&mut store, &module, &[item])
    };
    link("f", "(func (param i32) (result i32))").unwrap();
    link("t", "(table 1 funcref)").unwrap();
    for (name, import) in [
        ("f", "(func (param i64) (result i32))"),
        ("f", "(func (param i32))"),
        ("f", "(func (param i32 i32) (result i32))"),
        ("t", "(table 1 externref)"),
        ("t", "(table 3 funcref)"),
        ("t", "(table i64 1 funcref)"),
        ("m", "(memory 2)"),
        ("m", "(memory i64 1)"),
        ("m", "(memory 1 (pagesize 1))"),
        ("m", "(func)"),
    ] {
        let error = link(name, import).unwrap_err();
        let is_refused = matches!(&error, Error::Link(error)
            if matches!(**error, LinkError::Incompatible { .. }));
        assert!(is_refused, "{import}: {error}");
    }
}
