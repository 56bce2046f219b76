use std::sync::atomic::{AtomicUsize, Ordering};

use leakbench_runtime::{Error, OptLevel, Trap};

use crate::{guest, sys};

fn every_trap(module: &leakbench_runtime::Module) {
    for &(name, expected) in guest::TRAPS {
        assert_eq!(guest::trap(module, name).trap, expected, "{name}");
    }
}

#[test]
fn on_many_threads_at_once() {
    let module = guest::module(&guest::engine(OptLevel::Speed));
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    every_trap(&module);
                }
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(done.into_inner(), 4);
}

#[test]
fn on_a_thread_that_the_runtime_did_not_start() {
    let module = guest::module(&guest::engine(OptLevel::Speed));
    sys::on_raw_thread(8 << 20, || {
        assert_eq!(sys::signal_stack_bytes(), None);
        every_trap(&module);
        // The runtime gave the thread one for signal handlers.
        assert!(sys::signal_stack_bytes().unwrap() >= 16 << 10);
    });
}

/// The alternate stack is freed with its thread.
#[test]
fn alternate_stacks_are_freed_with_their_threads() {
    // Counts bytes, because neighbouring mappings merge. VmData excludes what pools reserve.
    let stack_bytes = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmData:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
    };
    let module = guest::module(&guest::engine(OptLevel::Speed));
    let run = || sys::on_raw_thread(1 << 20, || guest::trap(&module, "load").trap);
    run();
    let before = stack_bytes();
    for _ in 0..2000 {
        run();
    }
    // Other tests run at the same time; 2000 stacks are 128 MiB.
    let after = stack_bytes();
    assert!(after < before + (100 << 20), "{before} bytes before, {after} after");
}

#[test]
fn on_a_thread_with_little_stack() {
    let module = guest::module(&guest::engine(OptLevel::Speed));
    // Compiles the trampoline here, because the compiler needs more stack than the threads below
    // have.
    guest::trap(&module, "unreachable");
    for stack_bytes in [128 << 10, 256 << 10, 512 << 10] {
        sys::on_raw_thread(stack_bytes, || every_trap(&module));
    }
}

/// Trampolines do not probe the stack, so entering wasm requires a reserve.
#[test]
fn on_a_thread_with_hardly_any_stack() {
    let module = guest::module(&guest::engine(OptLevel::Speed));
    let run = || guest::trap(&module, "unreachable").trap;
    assert_eq!(run(), Trap::UnreachableCodeReached);
    assert_eq!(sys::on_raw_thread(48 << 10, run), Trap::StackOverflow);
    assert_eq!(sys::on_raw_thread(128 << 10, run), Trap::UnreachableCodeReached);
}

#[test]
fn the_configuration_limits_the_stack() {
    // The depth of recursion grows with the allowed stack.
    let depth = |max_wasm_stack_bytes| {
        let config = leakbench_runtime::Config {
            max_wasm_stack_bytes,
            ..leakbench_runtime::Config::default()
        };
        let engine = leakbench_runtime::Engine::new(&config).unwrap();
        let text = r#"(module (global $depth (export "depth") (mut i32) (i32.const 0))
            (func $f (export "f")
              (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
              (call $f)))"#;
        let module =
            leakbench_runtime::Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        let mut store = leakbench_runtime::Store::new(&engine, ());
        let instance = leakbench_runtime::Instance::new(&mut store, &module, &[]).unwrap();
        let f = instance.get_typed_func::<(), ()>(&store, "f").unwrap();
        assert_eq!(f.call(&mut store, ()).unwrap_err().trap(), Some(Trap::StackOverflow));
        instance.get_global(&store, "depth").unwrap().get(&store).i32().unwrap()
    };
    let (small, large) = (depth(64 << 10), depth(512 << 10));
    assert!(small > 100, "{small}");
    let ratio = f64::from(large) / f64::from(small);
    assert!((7.0..9.0).contains(&ratio), "{small} and {large}");
}

/// The bounds of a stack that the thread did not begin with are declared, or no guest runs on it.
#[test]
fn on_a_fiber() {
    let module = guest::module(&guest::engine(OptLevel::Speed));
    guest::trap(&module, "unreachable");
    // Less than a guest may use at most.
    let stack_bytes = 256 << 10;
    let refused = sys::on_fiber(stack_bytes, |_| guest::call(&module, "recurse"));
    assert!(matches!(refused, Err(Error::UnknownStack)), "{refused:?}");
    sys::on_fiber(stack_bytes, |stack| sys::with_stack(stack, || every_trap(&module)));
    // The declaration is withdrawn.
    let refused = sys::on_fiber(stack_bytes, |_| guest::call(&module, "unreachable"));
    assert!(matches!(refused, Err(Error::UnknownStack)), "{refused:?}");
    every_trap(&module);
}
