//! Guests consume fuel: as much as they execute, always the same, and no more than they have.

use leakbench_runtime::{Caller, Config, Engine, Error, Func, Instance, Module, Store, Trap, Val};

use crate::by_every_way;

fn config() -> Config {
    Config { consume_fuel: true, ..Config::default() }
}

const ENOUGH: u64 = 1_000_000;

/// Runs the function `f`, and returns the fuel that it consumed.
fn consumed(module: &Module, args: &[Val]) -> u64 {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    let func = instance.get_func(&store, "f").unwrap();
    store.set_fuel(ENOUGH).unwrap();
    func.call(&mut store, args, &mut []).unwrap();
    ENOUGH - store.get_fuel().unwrap()
}

#[test]
fn each_operator_has_its_cost() {
    for (body, cost) in [
        ("", 1),
        ("(nop) (nop)", 1),
        ("(drop (i32.const 1))", 2),
        ("(block (block (nop)))", 1),
        ("(drop (i32.add (local.get 0) (i32.const 1)))", 4),
        ("(if (local.get 0) (then (nop)) (else (drop (i32.const 1)) (drop (i32.const 1))))", 3),
        ("(if (i32.eqz (local.get 0)) (then (nop)) (else (drop (i32.const 1))))", 5),
        ("(block (br 0) (drop (i32.const 1)))", 2),
        ("(return) (drop (i32.const 1))", 2),
        // Of the called function its call and its two operators.
        ("(call $g)", 5),
        ("(call_indirect (i32.const 0))", 6),
        ("(return_call $g)", 5),
        // Five operators in each of three iterations, and two before.
        (
            "(local.set 1 (i32.const 3))
             (loop (br_if 0 (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))",
            18,
        ),
        ("(block $h (try_table (catch $t $h) (throw $t)))", 2),
        // One for each 64 bytes, and four operators; less than three vectors are filled in place.
        ("(memory.fill (i32.const 0) (i32.const 0) (i32.const 6400))", 105),
        ("(memory.copy (i32.const 0) (i32.const 0) (i32.const 640))", 15),
        ("(memory.fill (i32.const 0) (i32.const 0) (i32.const 64))", 5),
        ("(memory.init $d (i32.const 0) (i32.const 0) (i32.const 64))", 6),
        ("(table.fill (i32.const 0) (ref.null func) (i32.const 80))", 15),
        ("(table.copy (i32.const 0) (i32.const 0) (i32.const 8))", 6),
        ("(drop (table.grow (ref.null func) (i32.const 800)))", 104),
    ] {
        let data = "x".repeat(64);
        let text = format!(
            r#"(module (memory 1) (table 100 funcref) (elem (i32.const 0) $g) (tag $t)
                (data $d "{data}")
                (func $g (drop (i32.const 1)) (drop (i32.const 2)))
                (func (export "f") (param i32) (local i32) {body}))"#
        );
        for (way, module) in by_every_way(&config(), &text) {
            assert_eq!(consumed(&module, &[Val::I32(1)]), cost, "{way}: {body}");
        }
    }
}

/// Each way to run on for ever ends, after the same number of host calls with the same fuel.
#[test]
fn guests_stop_without_fuel() {
    let text = r#"(module
        (import "host" "count" (func $count))
        (memory 1)
        (func (export "loop") (loop (br 0)))
        (func (export "loop of host calls") (loop (call $count) (br 0)))
        (func $tail (export "tail calls") (call $count) (return_call $tail))
        (func $tree (param i32) (call $count)
            (if (local.get 0)
                (then
                    (call $tree (i32.sub (local.get 0) (i32.const 1)))
                    (call $tree (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "tree of calls") (call $tree (i32.const 60)))
        (func (export "fills")
            (loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (br 0))))"#;
    let mut counts: Vec<(String, u64, u32)> = Vec::new();
    for (way, module) in by_every_way(&config(), text) {
        for name in ["loop", "loop of host calls", "tail calls", "tree of calls", "fills"] {
            for fuel in [0, 1, 1000, 1001, 100_000] {
                let mut store = Store::new(module.engine(), 0_u32);
                let count = Func::wrap(&mut store, |mut caller: Caller<'_, u32>| {
                    *caller.data_mut() += 1;
                });
                let instance = Instance::new(&mut store, &module, &[count.into()]).unwrap();
                let run = instance.get_typed_func::<(), ()>(&store, name).unwrap();
                store.set_fuel(fuel).unwrap();
                let error = run.call(&mut store, ()).unwrap_err();
                assert_eq!(error.trap(), Some(Trap::OutOfFuel), "{way}: {name} {fuel}: {error}");
                assert_eq!(store.get_fuel().unwrap(), 0, "{way}: {name}");
                counts.push((name.to_owned(), fuel, *store.data()));
            }
        }
    }
    counts.sort();
    counts.dedup();
    assert_eq!(counts.len(), 25, "one outcome for each guest and fuel: {counts:?}");
    assert!(counts.iter().any(|(_, _, calls)| *calls > 10_000), "{counts:?}");
}

/// The host sees the fuel that is left in the middle of a guest, and can change it. What a guest consumed before
/// a trap is consumed.
#[test]
fn the_host_sees_and_sets_the_fuel() {
    let text = r#"(module
        (import "host" "look" (func $look (result i64)))
        (func (export "f") (result i64)
            (drop (i32.const 1)) (drop (i32.const 1)) (drop (call $look))
            (drop (i32.const 1)) (call $look))
        (func (export "trap")
            (drop (i32.const 1)) (drop (i32.const 1)) (block (br 0)) (unreachable)))"#;
    for (way, module) in by_every_way(&config(), text) {
        let mut store = Store::new(module.engine(), 0_u32);
        let look = Func::wrap(&mut store, |mut caller: Caller<'_, u32>| -> Result<i64, Error> {
            *caller.data_mut() += 1;
            let mut store = leakbench_runtime::AsContextMut::as_context_mut(&mut caller);
            let fuel = store.get_fuel()?;
            store.set_fuel(fuel + 50)?;
            Ok(fuel as i64)
        });
        let instance = Instance::new(&mut store, &module, &[look.into()]).unwrap();
        let f = instance.get_typed_func::<(), i64>(&store, "f").unwrap();
        store.set_fuel(100).unwrap();
        // The call, two constants and a call; 50 more; a constant and a call.
        assert_eq!(f.call(&mut store, ()).unwrap(), 100 - 4 + 50 - 2, "{way}");
        assert_eq!(store.get_fuel().unwrap(), 194, "{way}");
        let trap = instance.get_typed_func::<(), ()>(&store, "trap").unwrap();
        let error = trap.call(&mut store, ()).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::UnreachableCodeReached), "{way}");
        assert_eq!(store.get_fuel().unwrap(), 194 - 5, "{way}");
    }
}

#[test]
fn fuel_needs_an_engine_that_counts_it() {
    let mut store = Store::new(&Engine::default(), ());
    let message = "the engine's code counts no fuel: create the engine with Config::consume_fuel";
    assert_eq!(store.set_fuel(1).unwrap_err().to_string(), message);
    assert_eq!(store.get_fuel().unwrap_err().to_string(), message);
    let mut store = Store::new(&Engine::new(&config()).unwrap(), ());
    assert_eq!(store.get_fuel().unwrap(), 0);
    store.set_fuel(u64::MAX).unwrap();
    assert_eq!(store.get_fuel().unwrap(), i64::MAX as u64);
}
