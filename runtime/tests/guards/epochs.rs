//! Guests stop at the deadline of their store, wherever they are, and no other guests do.

use leakbench_runtime::{
    AsContextMut, Caller, Config, Engine, Error, Extern, Func, Instance, Linker, Module, Store,
    Trap,
};

use crate::{by_every_way, sys};

fn config() -> Config {
    Config { epoch_interruption: true, ..Config::default() }
}

/// Every guest calls the host, which begins the next epoch, and then goes on for much longer. Each function
/// has another way to do so; none would end by itself before a million steps, or at the end of the stack.
const TEXT: &str = r#"(module
    (import "host" "tick" (func $tick))
    (type $step (func (param i64) (result i64)))
    (memory 1)
    (table 1 funcref)
    (elem (i32.const 0) $indirect)
    (elem declare func $reference)
    (tag $tag)
    (global $left (mut i32) (i32.const 1000000))
    (func $is_over (result i32)
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (i32.eqz (global.get $left)))
    (func (export "returns") (result i32) (i32.const 7))
    (func (export "empty loop") (local $n i32)
        (call $tick)
        (local.set $n (i32.const 1000000))
        (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "loop of host calls")
        (loop $l (call $tick) (br_if $l (i32.eqz (call $is_over)))))
    (func (export "nested loops") (local $n i32) (local $m i32)
        (call $tick)
        (local.set $n (i32.const 1000))
        (loop $outer
            (local.set $m (i32.const 1000))
            (loop $inner (br_if $inner (local.tee $m (i32.sub (local.get $m) (i32.const 1)))))
            (br_if $outer (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "table of branches") (local $n i32)
        (call $tick)
        (block $end
            (loop $l
                (local.set $n (i32.add (local.get $n) (i32.const 1)))
                (br_table $l $end $l (i32.eq (local.get $n) (i32.const 1000000))))))
    (func (export "loop of exceptions") (local $n i32)
        (call $tick)
        (loop $l
            (block $h (try_table (catch $tag $h) (throw $tag)))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $n) (i32.const 1000000)))))
    (func $recursion (export "recursion") (call $tick) (call $recursion))
    ;; Shallow, but with more calls than anything could wait for.
    (func $tree (param $depth i32) (result i32)
        (if (result i32) (local.get $depth)
            (then (i32.add
                (call $tree (i32.sub (local.get $depth) (i32.const 1)))
                (call $tree (i32.sub (local.get $depth) (i32.const 1)))))
            (else (i32.const 1))))
    (func (export "tree of calls") (call $tick) (drop (call $tree (i32.const 20))))
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
    (func (export "fill") (param i32) (call $tick)
        (memory.fill (i32.const 0) (i32.const 1) (local.get 0)))
    (func (export "copy") (param i32) (call $tick)
        (memory.copy (i32.const 0) (i32.const 1) (local.get 0)))
    (func (export "table fill") (param i32) (call $tick)
        (table.fill (i32.const 0) (ref.null func) (local.get 0))))"#;

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
    (store, instance)
}

fn next_epoch(caller: &mut Caller<'_, u32>) -> Result<(), Error> {
    caller.engine().increment_epoch();
    Ok(())
}

#[test]
fn guests_stop_wherever_they_are() {
    for (way, module) in by_every_way(&config(), TEXT) {
        let names: Vec<String> = module.exports().map(|export| export.name().to_owned()).collect();
        assert_eq!(names.len(), 16);
        for name in names.iter().filter(|name| *name != "returns") {
            let (mut store, instance) = guest(&module, next_epoch);
            let func = instance.get_func(&store, name).unwrap();
            let args = vec![leakbench_runtime::Val::I32(1); func.ty(&store).params().len()];
            let error = func.call(&mut store, &args, &mut []).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::Interrupt), "{way}: {name}: {error}");
            assert_eq!(*store.data(), 1, "{way}: {name} went on");
            // A later deadline lets the same instance go on.
            let returns = instance.get_typed_func::<(), i32>(&store, "returns").unwrap();
            let error = returns.call(&mut store, ()).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::Interrupt), "{way}: after the deadline");
            store.set_epoch_deadline(1);
            assert_eq!(returns.call(&mut store, ()).unwrap(), 7, "{way}: {name}");
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
                std::thread::spawn(move || engine.increment_epoch());
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
                std::thread::spawn(move || {
                    std::thread::sleep(std::time::Duration::from_millis(10));
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

/// A stopped guest has a backtrace, as another trap has.
#[test]
fn a_stopped_guest_has_a_backtrace() {
    let module = &by_every_way(&config(), TEXT)[0].1;
    for name in ["empty loop", "tree of calls"] {
        let (mut store, instance) = guest(module, next_epoch);
        let run = instance.get_typed_func::<(), ()>(&store, name).unwrap();
        let error = run.call(&mut store, ()).unwrap_err();
        let backtrace = error.downcast_ref::<leakbench_runtime::WasmBacktrace>().unwrap();
        assert!(!backtrace.frames().is_empty(), "{name}");
        assert!(
            error.to_string().starts_with("interrupted at the deadline in function"),
            "{error}"
        );
    }
}

/// Code with a check and code without it do not run on each other's engines.
#[test]
fn artifacts_are_of_engines_with_the_same_checks() {
    let plain = Config::default();
    let epochs = config();
    let fuel = Config { consume_fuel: true, ..Config::default() };
    let configs = [("plain", &plain), ("epochs", &epochs), ("fuel", &fuel)];
    let engines = configs.map(|(name, config)| (name, Engine::new(config).unwrap()));
    for (from, source) in &engines {
        let bytes = source.precompile_module(TEXT.as_bytes()).unwrap();
        for (to, target) in &engines {
            match sys::load(target, &bytes) {
                Ok(_) => assert_eq!(from, to),
                Err(error) => {
                    let setting = if *from == "plain" { to } else { from };
                    let setting = if setting == &"fuel" && *to == "epochs" { to } else { setting };
                    let expected = format!("the compiled module has {setting} '");
                    assert!(error.to_string().starts_with(&expected), "{from} {to}: {error}");
                }
            }
        }
    }
}
