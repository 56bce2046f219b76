//! Guests stop at the deadline of their store, wherever they are, and no other guests do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use leakbench_runtime::{
    AsContextMut, Caller, Config, Engine, Error, Extern, ExternType, Func, Instance, Linker,
    Module, OptLevel, Store, Trap, WasmBacktrace,
};

use crate::{by_every_way, sys};

fn config() -> Config {
    Config { epoch_interruption: true, ..Config::default() }
}

/// Every guest calls the host, which begins the next epoch, and then goes on for much longer. Each function
/// has another way to do so. A test chooses the number of its steps, so that a guest which is missed ends by itself.
const TEXT: &str = r#"(module
    (import "host" "tick" (func $tick))
    (type $step (func (param i64) (result i64)))
    (memory 1)
    (table 1 funcref)
    (table $long 10000 funcref)
    (elem (i32.const 0) $indirect)
    (elem declare func $reference)
    (tag $tag)
    (global $left (export "left") (mut i32) (i32.const 0))
    (func $is_over (result i32)
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (i32.eqz (global.get $left)))
    (func (export "returns") (result i32) (i32.const 7))
    (func (export "empty loop") (local $n i32)
        (call $tick)
        (local.set $n (global.get $left))
        (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "loop of host calls")
        (loop $l (call $tick) (br_if $l (i32.eqz (call $is_over)))))
    (func (export "nested loops") (local $n i32) (local $m i32)
        (call $tick)
        (local.set $n (i32.shr_u (global.get $left) (i32.const 10)))
        (loop $outer
            (local.set $m (i32.const 1024))
            (loop $inner (br_if $inner (local.tee $m (i32.sub (local.get $m) (i32.const 1)))))
            (br_if $outer (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "table of branches") (local $n i32)
        (call $tick)
        (block $end
            (loop $l
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_table $l $end $l (i32.eq (local.get $n) (global.get $left))))))
    (func (export "loop of exceptions") (local $n i32)
        (call $tick)
        (loop $l
            (block $h (try_table (catch $tag $h) (throw $tag)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $n) (global.get $left)))))
    (func $recursion (export "recursion") (call $tick) (call $recursion))
    ;; Shallow, but with more calls than anything could wait for.
    (func $tree (param $depth i32) (result i32)
        (if (result i32) (local.get $depth)
            (then (i32.add
                (call $tree (i32.sub (local.get $depth) (i32.const 1)))
                (call $tree (i32.sub (local.get $depth) (i32.const 1)))))
            (else (i32.const 1))))
    (func (export "tree of calls") (call $tick)
        (drop (call $tree (i32.sub (i32.const 32) (i32.clz (global.get $left))))))
    (func $even (if (call $is_over) (then (return))) (return_call $odd))
    (func $odd (return_call $even))
    (func (export "tail calls") (call $tick) (return_call $even))
    ;; Functions without a frame.
    (func $ping
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (if (i32.eqz (global.get $left)) (then (return)))
        (return_call $pong))
    (func $pong (return_call $ping))
    (func (export "only tail calls") (call $tick) (return_call $ping))
    (func $indirect (type $step)
        (if (call $is_over) (then (return (i64.const 0))))
        (return_call_indirect (type $step) (local.get 0) (i32.const 0)))
    (func (export "indirect calls") (call $tick)
        (drop (call_indirect (type $step) (i64.const 0) (i32.const 0))))
    (func $reference (type $step)
        (if (call $is_over) (then (return (i64.const 0))))
        (return_call_ref $step (local.get 0) (ref.func $reference)))
    (func (export "calls of references") (call $tick)
        (drop (call_ref $step (i64.const 0) (ref.func $reference))))
    ;; A frame so large that the check of the stack adds its size to the limit.
    (func $wide (param i64) (result i64 i64 i64 i64 i64 i64 i64 i64)
        (local.get 0) (local.get 0) (local.get 0) (local.get 0)
        (local.get 0) (local.get 0) (local.get 0) (local.get 0)
        (if (param i64 i64 i64 i64 i64 i64 i64 i64) (result i64 i64 i64 i64 i64 i64 i64 i64)
            (i32.eqz (call $is_over))
            (then drop drop drop drop drop drop drop (return_call $wide))))
    (func (export "wide frames") (call $tick) (call $wide (i64.const 1))
        drop drop drop drop drop drop drop drop)
    (func (export "growth") (call $tick)
        (loop $l (drop (memory.grow (i32.const 0))) (br_if $l (i32.eqz (call $is_over)))))
    ;; Long operators, between which the guest has nothing to do.
    (func (export "fill") (call $tick)
        (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))
            (br_if $l (i32.eqz (call $is_over)))))
    (func (export "copy") (call $tick)
        (loop $l (memory.copy (i32.const 0) (i32.const 1) (i32.const 65535))
            (br_if $l (i32.eqz (call $is_over)))))
    (func (export "table fill") (call $tick)
        (loop $l (table.fill $long (i32.const 0) (ref.null func) (i32.const 10000))
            (br_if $l (i32.eqz (call $is_over))))))"#;

/// A store with an instance. `tick` does what the host shall do.
fn guest(
    module: &Module,
    tick: impl Fn(&mut Caller<'_, u32>) -> Result<(), Error> + Send + Sync + 'static,
) -> (Store<u32>, Instance) {
    let engine = module.engine();
    let mut linker = Linker::new(engine);
    linker
        .func_wrap("host", "tick", move |mut caller: Caller<'_, u32>| {
            *caller.data_mut() += 1;
            tick(&mut caller)
        })
        .unwrap();
    let mut store = Store::new(engine, 0);
    store.set_epoch_deadline(1);
    let instance = linker.instantiate(&mut store, module).unwrap();
    set_steps(&mut store, instance, 1_000_000);
    (store, instance)
}

fn set_steps(store: &mut Store<u32>, instance: Instance, steps: i32) {
    instance.get_global(&*store, "left").unwrap().set(store, steps.into()).unwrap();
}

fn next_epoch(caller: &mut Caller<'_, u32>) -> Result<(), Error> {
    caller.engine().increment_epoch();
    Ok(())
}

fn epoch_soon(caller: &mut Caller<'_, u32>) -> Result<(), Error> {
    let engine = caller.engine().clone();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(2));
        engine.increment_epoch();
    });
    Ok(())
}

/// The functions of [`TEXT`] that run on.
fn endless(module: &Module) -> Vec<String> {
    let funcs = module.exports().filter(|export| matches!(export.ty(), ExternType::Func(_)));
    let names: Vec<String> = funcs.map(|export| export.name().to_owned()).collect();
    assert_eq!(names.len(), 17);
    names.into_iter().filter(|name| name != "returns").collect()
}

/// Runs a function with so many steps. It must be stopped after one call of the host. A later deadline lets the same
/// instance go on.
fn stops(way: &str, name: &str, steps: i32, (mut store, instance): (Store<u32>, Instance)) {
    set_steps(&mut store, instance, steps);
    let run = instance.get_typed_func::<(), ()>(&store, name).unwrap();
    let Err(error) = run.call(&mut store, ()) else { panic!("{way}: {name} went on") };
    assert_eq!(error.trap(), Some(Trap::Interrupt), "{way}: {name}: {error}");
    assert!(error.to_string().starts_with("interrupted at the deadline in function"), "{error}");
    assert_eq!(*store.data(), 1, "{way}: {name} went on");
    let returns = instance.get_typed_func::<(), i32>(&store, "returns").unwrap();
    let error = returns.call(&mut store, ()).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::Interrupt), "{way}: after the deadline");
    store.set_epoch_deadline(1);
    assert_eq!(returns.call(&mut store, ()).unwrap(), 7, "{way}: {name}");
}

#[test]
fn guests_stop_when_the_host_returns() {
    for (way, module) in by_every_way(&config(), TEXT) {
        for name in endless(&module) {
            stops(&way, &name, 1_000_000, guest(&module, next_epoch));
        }
    }
}

/// The guest has gone on for some time when another thread begins the epoch. Those that are missed go on for
/// seconds.
#[test]
fn guests_stop_wherever_they_are() {
    for (way, module) in by_every_way(&config(), TEXT) {
        for name in endless(&module) {
            let steps = match &*name {
                // They end with the stack, or call the host.
                "recursion" | "loop of host calls" => continue,
                "loop of exceptions" | "fill" | "copy" | "table fill" => 5_000_000,
                _ => i32::MAX,
            };
            stops(&way, &name, steps, guest(&module, epoch_soon));
        }
    }
}

/// The host that moves the deadline at each call keeps the guest running.
#[test]
fn the_host_moves_the_deadline() {
    for (way, module) in by_every_way(&config(), TEXT) {
        let (mut store, instance) = guest(&module, |caller| {
            next_epoch(caller)?;
            caller.as_context_mut().set_epoch_deadline(1);
            if *caller.data() < 500 { Ok(()) } else { Err(Error::msg("enough")) }
        });
        let run = instance.get_typed_func::<(), ()>(&store, "loop of host calls").unwrap();
        let error = run.call(&mut store, ()).unwrap_err();
        assert_eq!((error.to_string().as_str(), *store.data()), ("enough", 500), "{way}");
        let recursion = instance.get_typed_func::<(), ()>(&store, "recursion").unwrap();
        *store.data_mut() = 0;
        let error = recursion.call(&mut store, ()).unwrap_err();
        assert_eq!((error.to_string().as_str(), *store.data()), ("enough", 500), "{way}");
    }
}

/// A guest that the host calls from a host function has the deadline of the store too; after it, the outer
/// one stops as well.
#[test]
fn nested_guests_stop_together() {
    let module = &by_every_way(&config(), TEXT)[0].1;
    let (mut store, instance) = guest(module, |caller| {
        next_epoch(caller)?;
        let returns = caller.get_export("returns").and_then(Extern::into_func).unwrap();
        let error = returns.typed::<(), i32>(&caller)?.call(caller.as_context_mut(), ());
        assert_eq!(error.unwrap_err().trap(), Some(Trap::Interrupt));
        Ok(())
    });
    let run = instance.get_typed_func::<(), ()>(&store, "loop of host calls").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap_err().trap(), Some(Trap::Interrupt));
    assert_eq!(*store.data(), 1);
}

#[test]
fn other_stores_go_on() {
    let module = &by_every_way(&config(), TEXT)[0].1;
    let (mut store, instance) = guest(module, next_epoch);
    let (mut other, other_instance) = guest(module, next_epoch);
    other.set_epoch_deadline(3);
    let run = instance.get_typed_func::<(), ()>(&store, "empty loop").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap_err().trap(), Some(Trap::Interrupt));
    // The second of its three epochs.
    let run = other_instance.get_typed_func::<(), ()>(&other, "empty loop").unwrap();
    run.call(&mut other, ()).unwrap();
    assert_eq!(run.call(&mut other, ()).unwrap_err().trap(), Some(Trap::Interrupt));
    // Without epochs, nothing stops.
    let module = Module::new(&Engine::default(), TEXT).unwrap();
    let (mut store, instance) = guest(&module, next_epoch);
    let run = instance.get_typed_func::<(), ()>(&store, "empty loop").unwrap();
    run.call(&mut store, ()).unwrap();
}

#[test]
fn a_new_store_has_no_time() {
    let engine = Engine::new(&config()).unwrap();
    let text = "(module (func $start) (start $start) (func (export \"f\")))";
    let module = Module::new(&engine, text).unwrap();
    let mut store = Store::new(&engine, ());
    let error = Instance::new(&mut store, &module, &[]).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::Interrupt));
    store.set_epoch_deadline(1);
    Instance::new(&mut store, &module, &[]).unwrap();
    // More epochs than there are.
    store.set_epoch_deadline(u64::MAX);
    engine.increment_epoch();
    Instance::new(&mut store, &module, &[]).unwrap();
}

/// Another thread stops a guest that calls nothing, and one that waits in a shared memory.
#[test]
fn another_thread_stops_guests() {
    let text = r#"(module
        (import "host" "begin" (func $begin))
        (memory 1 1 shared)
        (func (export "loop") (call $begin) (loop (br 0)))
        (func (export "wait") (call $begin)
            (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))"#;
    for (way, module) in by_every_way(&config(), text) {
        for name in ["loop", "wait"] {
            let engine = module.engine().clone();
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(1);
            let begin = Func::wrap(&mut store, move || {
                let engine = engine.clone();
                thread::spawn(move || engine.increment_epoch());
            });
            let instance = Instance::new(&mut store, &module, &[begin.into()]).unwrap();
            let run = instance.get_typed_func::<(), ()>(&store, name).unwrap();
            let error = run.call(&mut store, ()).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::Interrupt), "{way}: {name}");
        }
    }
}

/// Loops of one function stop after others and within others: a compiler may merge loads of one address, and a loop
/// would then look at what an earlier one has loaded. The long loops end after seconds if they miss the deadline.
#[test]
fn every_loop_of_a_function_stops() {
    use std::fmt::Write;

    const LONG: &str = "(local.set $n (i64.const 4000000000))
        (loop $l (br_if $l (i64.ne (i64.const 0) (local.tee $n (i64.sub (local.get $n) (i64.const 1))))))";
    const COUNTS: [usize; 5] = [0, 1, 2, 33, 70];
    let mut text = String::from("(module (import \"host\" \"begin\" (func $begin))");
    for count in COUNTS {
        let short = "(loop $s (br_if $s (i64.gt_u (i64.const 5)
            (local.tee $n (i64.add (local.get $n) (i64.const 1))))))";
        let after = format!("{}{LONG}", short.repeat(count));
        let outer = "(loop (br_if 0 (i64.lt_s (local.tee $m (i64.add (local.get $m) (i64.const 1)))
            (i64.const 5)))";
        let within = format!("{}{LONG}{}", outer.repeat(count), ")".repeat(count));
        for (name, body) in [("after", after), ("within", within)] {
            let begin = "(local $n i64) (local $m i64) (call $begin)";
            write!(text, "(func (export \"{name} {count}\") {begin} {body})").unwrap();
        }
    }
    text.push(')');
    for (way, module) in by_every_way(&config(), &text) {
        for name in COUNTS.iter().flat_map(|n| [format!("after {n}"), format!("within {n}")]) {
            let engine = module.engine().clone();
            let mut store = Store::new(&engine, ());
            store.set_epoch_deadline(1);
            // The long loop runs when the epoch begins.
            let begin = Func::wrap(&mut store, move || {
                let engine = engine.clone();
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(10));
                    engine.increment_epoch();
                });
            });
            let instance = Instance::new(&mut store, &module, &[begin.into()]).unwrap();
            let run = instance.get_typed_func::<(), ()>(&store, &name).unwrap();
            let result = run.call(&mut store, ());
            let Err(error) = result else { panic!("{way}: the loop {name} missed the deadline") };
            assert_eq!(error.trap(), Some(Trap::Interrupt), "{way}: {name}");
        }
    }
}

/// A guest may be stopped at any instruction, also while a function begins or returns. The backtrace then has all
/// functions that run, and the store can go on.
#[test]
fn a_stopped_guest_has_all_callers() {
    let text = r#"(module
        (global $done (export "done") (mut i64) (i64.const 0))
        (func $d (global.set $done (i64.add (global.get $done) (i64.const 1))))
        (func $c (call $d) (call $d))
        (func $b (call $c) (call $d))
        (func $a (call $b) (call $c))
        (func $run (export "run") (loop (call $a) (call $b) (br 0)))
        ;; Only functions that end without a call, so that only signals stop them.
        (func $calls (export "calls") (loop (call $d) (call $d) (br 0))))"#;
    let callers = |func: &str| match func {
        "d" => &["c", "b", "calls"][..],
        "c" => &["b", "a"],
        "b" => &["a", "run"],
        "a" => &["run"],
        _ => &[],
    };
    for (way, module) in by_every_way(&config(), text) {
        let mut store = Store::new(module.engine(), ());
        store.set_epoch_deadline(1);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let run =
            ["run", "calls"].map(|name| instance.get_typed_func::<(), ()>(&store, name).unwrap());
        let is_over = Arc::new(AtomicBool::new(false));
        let ticker = thread::spawn({
            let (engine, is_over) = (module.engine().clone(), Arc::clone(&is_over));
            move || {
                while !is_over.load(Ordering::Relaxed) {
                    engine.increment_epoch();
                    thread::sleep(Duration::from_micros(50));
                }
            }
        });
        let mut depths = BTreeSet::new();
        for i in 0..500 {
            store.set_epoch_deadline(1);
            let error = run[i % 2].call(&mut store, ()).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::Interrupt), "{way}: {error}");
            let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
            let names: Vec<&str> =
                backtrace.frames().iter().filter_map(|it| it.func_name()).collect();
            // There are none if the deadline passed before the call.
            assert!(matches!(names.last(), None | Some(&("run" | "calls"))), "{way}: {names:?}");
            for pair in names.windows(2) {
                assert!(callers(pair[0]).contains(&pair[1]), "{way}: {names:?}");
            }
            depths.insert(names.len());
        }
        is_over.store(true, Ordering::Relaxed);
        ticker.join().unwrap();
        assert!(depths.len() > 1, "{way}: stopped at the depths {depths:?} only");
    }
}

/// Epochs change no code, so that they cost nothing where guests compute, and artifacts with and without them are the
/// same.
#[test]
fn code_is_the_same_with_epochs() {
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        let [plain, epochs] = [false, true].map(|epoch_interruption| {
            let config = Config { epoch_interruption, opt_level, ..Config::default() };
            Engine::new(&config).unwrap().precompile_module(TEXT.as_bytes()).unwrap()
        });
        assert!(plain == epochs, "{opt_level:?}");
    }
}

/// Code that counts fuel and code that does not do not run on each other's engines.
#[test]
fn artifacts_are_of_engines_with_the_same_fuel() {
    let plain = config();
    let fuel = Config { consume_fuel: true, ..Config::default() };
    let engines = [("false", &plain), ("true", &fuel)]
        .map(|(name, config)| (name, Engine::new(config).unwrap()));
    for (from, source) in &engines {
        let bytes = source.precompile_module(TEXT.as_bytes()).unwrap();
        for (to, target) in &engines {
            match sys::load(target, &bytes) {
                Ok(_) => assert_eq!(from, to),
                Err(error) => {
                    let expected = format!("the compiled module has fuel '{from}'");
                    assert!(error.to_string().starts_with(&expected), "{from} {to}: {error}");
                }
            }
        }
    }
}
