//! A guest with a function for each kind of trap.

use leakbench_runtime::{
    Config, Engine, Error, Instance, Module, OptLevel, PoolConfig, Store, Trap, TrapError,
};
use std::num::NonZeroU32;

/// The exported functions of [`TEXT`] and their traps.
pub(crate) const TRAPS: &[(&str, Trap)] = &[
    ("unreachable", Trap::UnreachableCodeReached),
    ("load", Trap::MemoryOutOfBounds),
    ("store", Trap::MemoryOutOfBounds),
    ("load far", Trap::MemoryOutOfBounds),
    ("fill", Trap::MemoryOutOfBounds),
    ("table", Trap::TableOutOfBounds),
    ("undefined", Trap::UndefinedElement),
    ("null", Trap::IndirectCallToNull),
    ("mismatch", Trap::BadSignature),
    ("div_s", Trap::IntegerDivisionByZero),
    ("div_u", Trap::IntegerDivisionByZero),
    ("rem_s", Trap::IntegerDivisionByZero),
    ("div64_u", Trap::IntegerDivisionByZero),
    ("overflow", Trap::IntegerOverflow),
    ("trunc", Trap::IntegerOverflow),
    ("trunc_nan", Trap::BadConversionToInteger),
    ("recurse", Trap::StackOverflow),
];

const TEXT: &str = r#"(module $guest
    (memory 1)
    (table 2 funcref)
    (elem (i32.const 1) $unreachable)
    (func (export "ok") (result i32) i32.const 1)
    (func $unreachable (export "unreachable") unreachable)
    (func (export "load") (drop (i32.load (i32.const 65536))))
    (func (export "store") (i64.store (i32.const -1) (i64.const 0)))
    (func (export "load far") (drop (i32.load offset=0xfffffff0 (i32.const -1))))
    (func (export "fill") (memory.fill (i32.const 65535) (i32.const 0) (i32.const 2)))
    (func (export "table") (drop (table.get (i32.const 2))))
    (func (export "undefined") (call_indirect (i32.const 2)))
    (func (export "null") (call_indirect (i32.const 0)))
    (func (export "mismatch") (drop (call_indirect (result i32) (i32.const 1))))
    (func (export "div_s") (drop (i32.div_s (i32.const 1) (call $zero))))
    (func (export "div_u") (drop (i32.div_u (i32.const 1) (call $zero))))
    (func (export "rem_s") (drop (i32.rem_s (i32.const 1) (call $zero))))
    (func (export "div64_u")
      (drop (i64.div_u (i64.const 1) (i64.extend_i32_u (call $zero)))))
    (func (export "overflow") (drop (i32.div_s (i32.const 0x80000000) (i32.const -1))))
    (func (export "trunc") (drop (i32.trunc_f64_s (f64.const 1e10))))
    (func (export "trunc_nan") (drop (i32.trunc_f32_u (f32.const nan))))
    (func $recurse (export "recurse") (call $recurse))
    (func $zero (result i32) i32.const 0))"#;

pub(crate) fn engine(opt_level: OptLevel) -> Engine {
    let config = Config {
        pool: PoolConfig { slots: const { NonZeroU32::new(8).unwrap() }, ..PoolConfig::default() },
        opt_level,
        ..Config::default()
    };
    Engine::new(&config).unwrap()
}

pub(crate) fn module(engine: &Engine) -> Module {
    Module::new(engine, wat::parse_str(TEXT).unwrap()).unwrap()
}

/// Calls the export `name` of a new instance.
pub(crate) fn call(module: &Module, name: &str) -> Result<(), Error> {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[])?;
    let func = instance.get_typed_func::<(), ()>(&store, name)?;
    func.call(&mut store, ())
}

/// Calls the export `name`, which traps.
pub(crate) fn trap(module: &Module, name: &str) -> TrapError {
    match call(module, name) {
        Err(Error::Trap(trap)) => *trap,
        other => panic!("{name}: {other:?}"),
    }
}
