//! Tail calls: they take no stack, and reach functions of guests and of the host.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use leakbench_runtime::{
    Caller, Config, Engine, Error, FuncType, Linker, Module, OptLevel, Store, Trap, Val, ValType,
};

const LEVELS: [OptLevel; 2] = [OptLevel::None, OptLevel::Speed];

/// Calls this many times would overrun any stack.
const DEEP: i64 = 3_000_000;

fn engine(opt_level: OptLevel) -> Engine {
    Engine::new(&Config { opt_level, ..Config::default() }).unwrap()
}

fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, wat::parse_str(text).unwrap()).unwrap()
}

/// Functions of different types call each other, directly and through a table.
#[test]
fn endless_tail_calls_take_no_stack() {
    // The parameters of `$many` do not fit into registers.
    let text = r#"(module
        (type $few (func (param i64) (result i64)))
        (table funcref (elem $few))
        (func $few (export "few") (type $few)
            (if (i64.eqz (local.get 0)) (then (return (i64.const 42))))
            (return_call $many (i64.sub (local.get 0) (i64.const 1))
                (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6)
                (i64.const 7) (i64.const 8) (i64.const 9) (i64.const 10) (v128.const i64x2 1 2)))
        (func $many (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 v128) (result i64)
            (if (i64.ne (i64x2.extract_lane 1 (local.get 11)) (i64.const 2)) (then unreachable))
            (if (i64.ne (local.get 10) (i64.const 10)) (then unreachable))
            (return_call_indirect (type $few) (local.get 0) (i32.const 0))))"#;
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        let mut store = Store::new(&engine, ());
        let instance =
            Linker::new(&engine).instantiate(&mut store, &module(&engine, text)).unwrap();
        let few = instance.get_typed_func::<i64, i64>(&store, "few").unwrap();
        assert_eq!(few.call(&mut store, DEEP).unwrap(), 42, "{opt_level:?}");
    }
}

/// A tail call to a host function passes the calling instance, many values in both directions, and
/// the host's failure.
#[test]
fn tail_calls_reach_host_functions() {
    const COUNT: usize = 30;
    let list = " i64".repeat(COUNT);
    let gets: String = (0..COUNT).map(|i| format!("(local.get {i}) ")).collect();
    let text = format!(
        r#"(module
            (type $echo (func (param {list}) (result {list})))
            (import "host" "echo" (func $echo (type $echo)))
            (import "host" "next" (func $next (param i64) (result i64)))
            (table funcref (elem $echo))
            (func (export "direct") (type $echo) {gets} return_call $echo)
            (func (export "indirect") (type $echo) {gets} (i32.const 0)
                return_call_indirect (type $echo))
            (func (export "next") (param i64) (result i64) (return_call $next (local.get 0))))"#
    );
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        let mut linker = Linker::new(&engine);
        let ty = FuncType::new(&engine, [ValType::I64; COUNT], [ValType::I64; COUNT]);
        linker
            .func_new("host", "echo", ty, |mut caller: Caller<'_, ()>, params, results| {
                assert!(caller.get_export("indirect").is_some(), "the calling instance");
                for (result, param) in results.iter_mut().zip(params.iter().rev()) {
                    *result = *param;
                }
                Ok(())
            })
            .unwrap();
        linker
            .func_wrap("host", "next", |value: i64| match value {
                0 => Err(Error::msg("zero")),
                -1 => panic!("minus one"),
                value => Ok(value + 1),
            })
            .unwrap();
        let mut store = Store::new(&engine, ());
        let instance = linker.instantiate(&mut store, &module(&engine, &text)).unwrap();
        for name in ["direct", "indirect"] {
            let params: Vec<Val> = (0..COUNT as i64).map(Val::I64).collect();
            let mut results = vec![Val::I64(0); COUNT];
            let func = instance.get_func(&store, name).unwrap();
            func.call(&mut store, &params, &mut results).unwrap();
            let expected: Vec<Val> = params.into_iter().rev().collect();
            assert_eq!(results, expected, "{name} {opt_level:?}");
        }
        let next = instance.get_typed_func::<i64, i64>(&store, "next").unwrap();
        assert_eq!(next.call(&mut store, 5).unwrap(), 6);
        assert_eq!(next.call(&mut store, 0).unwrap_err().to_string(), "zero");
        let panicked = catch_unwind(AssertUnwindSafe(|| next.call(&mut store, -1)));
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"minus one"));
        assert_eq!(next.call(&mut store, 7).unwrap(), 8);
    }
}

/// A tail call into another instance runs with the memory of that instance. A trap there names the
/// function that trapped.
#[test]
fn tail_calls_reach_other_instances() {
    let callee = r#"(module $callee
        (memory 1) (data (i32.const 0) "\07")
        (func $load (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))"#;
    let caller = r#"(module $caller
        (import "callee" "load" (func $load (param i32) (result i32)))
        (memory 1) (data (i32.const 0) "\09")
        (func (export "load") (param i32) (result i32) (return_call $load (local.get 0)))
        (func (export "both") (param i32) (result i32)
            (i32.add (call 1 (local.get 0)) (i32.load8_u (local.get 0)))))"#;
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        let instance = linker.instantiate(&mut store, &module(&engine, callee)).unwrap();
        linker.instance(&store, "callee", instance).unwrap();
        let instance = linker.instantiate(&mut store, &module(&engine, caller)).unwrap();
        let both = instance.get_typed_func::<i32, i32>(&store, "both").unwrap();
        assert_eq!(both.call(&mut store, 0).unwrap(), 16);
        let error = both.call(&mut store, 65536).unwrap_err();
        assert_eq!(
            error.to_string(),
            "out of bounds memory access in function 0 'load' of module 'callee'"
        );
    }
}

/// A function that needs no stack itself checks the stack for the parameters of its tail callee.
#[test]
fn the_stack_is_checked_for_the_parameters_of_a_tail_callee() {
    const COUNT: usize = 900;
    let list = " v128".repeat(COUNT);
    let zeroes = "(v128.const i64x2 0 0) ".repeat(COUNT);
    let text = format!(
        r#"(module
            (func $grow (export "grow") (return_call $recurse {zeroes}))
            (func $recurse (param {list}) (call $grow)))"#
    );
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        let mut store = Store::new(&engine, ());
        let instance =
            Linker::new(&engine).instantiate(&mut store, &module(&engine, &text)).unwrap();
        let grow = instance.get_typed_func::<(), ()>(&store, "grow").unwrap();
        let error = grow.call(&mut store, ()).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::StackOverflow), "{opt_level:?}");
    }
}
