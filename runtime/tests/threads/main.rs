//! Shared memories: several threads use one, wait in it and wake each other.

#![allow(clippy::unwrap_used, reason = "a test")]

mod sys;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use leakbench_runtime::{
    Config, Engine, Extern, Func, Instance, Memories, MemoryType, MemoryTypeBuilder, Module,
    SharedMemory, Store, Trap, WaitResult,
};

const PLACES: [Memories; 2] = [Memories::Pooled, Memories::OnDemand];

fn engine(memories: Memories) -> Engine {
    Engine::new(&Config { memories, ..Config::default() }).unwrap()
}

fn shared_type(is_64: bool, page_size_log2: u8, min: u64, max: u64) -> MemoryType {
    let mut builder = MemoryTypeBuilder::new();
    builder.memory64(is_64).page_size_log2(page_size_log2).min(min).max(Some(max));
    builder.shared(true).build().unwrap()
}

/// The types of memories, with the words of their declarations and the type of their addresses.
fn types() -> [(MemoryType, &'static str, &'static str); 3] {
    [
        (shared_type(false, 16, 1, 64), "1 64 shared", "i32"),
        (shared_type(true, 16, 1, 64), "i64 1 64 shared", "i64"),
        (shared_type(false, 0, 100, 1 << 20), "100 0x100000 shared (pagesize 1)", "i32"),
    ]
}

/// Adds 1 to a word `times` times, without a lock.
fn adder(engine: &Engine, memory: &str, address: &str) -> Module {
    let text = format!(
        r#"(module
            (import "" "memory" (memory {memory}))
            (func (export "run") (param $times i32)
              (loop $again
                (drop (i32.atomic.rmw.add ({address}.const 8) (i32.const 1)))
                (drop (i64.atomic.rmw16.add_u ({address}.const 16) (i64.const 1)))
                (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))"#
    );
    Module::new(engine, text).unwrap()
}

#[test]
fn threads_add_without_loss() {
    for memories in PLACES {
        let engine = engine(memories);
        for (ty, text, address) in types() {
            let memory = SharedMemory::new(&engine, ty).unwrap();
            let module = adder(&engine, text, address);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    let (module, imports) = (&module, [Extern::from(memory.clone())]);
                    scope.spawn(move || {
                        let mut store = Store::new(module.engine(), ());
                        let instance = Instance::new(&mut store, module, &imports).unwrap();
                        let run = instance.get_typed_func::<i32, ()>(&store, "run").unwrap();
                        run.call(&mut store, 20_000).unwrap();
                    });
                }
            });
            let bytes: Vec<u8> = memory.data()[8..18].iter().map(sys::read).collect();
            assert_eq!(u32::from_le_bytes(bytes[..4].try_into().unwrap()), 80_000);
            assert_eq!(
                u16::from_le_bytes(bytes[8..].try_into().unwrap()),
                (80_000 % 65_536) as u16
            );
        }
    }
}

/// A thread asks for the size again and again, without a call or an atomic access; another one grows the
/// memory.
#[test]
fn a_running_thread_sees_growth() {
    let engine = engine(Memories::Pooled);
    for (ty, text, address) in types() {
        let module = Module::new(
            &engine,
            format!(
                r#"(module
                    (import "" "memory" (memory {text}))
                    (import "" "start" (func $start))
                    (func (export "run") (param $times i64) (result i64)
                      (local $size {address})
                      (call $start)
                      (local.set $size (memory.size))
                      (loop $again
                        (local.set $times (i64.sub (local.get $times) (i64.const 1)))
                        (if (i64.eqz (local.get $times)) (then (return (i64.const 0))))
                        (br_if $again ({address}.eq (local.get $size) (memory.size))))
                      (local.get $times)))"#
            ),
        )
        .unwrap();
        let memory = SharedMemory::new(&engine, ty).unwrap();
        let is_running = Arc::new(AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_running.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                std::thread::sleep(Duration::from_millis(20));
                memory.grow(1).unwrap();
            });
            let mut store = Store::new(&engine, ());
            let flag = Arc::clone(&is_running);
            let start = Func::wrap(&mut store, move || flag.store(true, Ordering::Relaxed));
            let imports = [Extern::from(memory.clone()), start.into()];
            let instance = Instance::new(&mut store, &module, &imports).unwrap();
            let run = instance.get_typed_func::<i64, i64>(&store, "run").unwrap();
            assert!(run.call(&mut store, 1 << 34).unwrap() > 0, "{ty:?}: the size did not change");
        });
    }
}

/// A thread waits in compiled code; another one grows the memory, writes beyond its old end, and wakes
/// it. It sees the new length.
#[test]
fn a_waiting_thread_sees_growth() {
    for memories in PLACES {
        let engine = engine(memories);
        for (ty, text, address) in types() {
            let page = ty.page_size();
            let last = ty.minimum() * page + page - 1;
            let module = Module::new(
                &engine,
                format!(
                    r#"(module
                        (import "" "memory" (memory {text}))
                        (func (export "wait") (param {address}) (result i32 i32)
                          (memory.atomic.wait32 ({address}.const 4) (i32.const 0) (i64.const -1))
                          (i32.load8_u (local.get 0)))
                        (func (export "wake") (param {address}) (result i32)
                          (i32.store8 (local.get 0) (i32.const 42))
                          (i32.atomic.store ({address}.const 4) (i32.const 1))
                          (memory.atomic.notify ({address}.const 4) (i32.const -1))))"#
                ),
            )
            .unwrap();
            let memory = SharedMemory::new(&engine, ty).unwrap();
            let imports = [Extern::from(memory.clone())];
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    let mut store = Store::new(&engine, ());
                    let instance = Instance::new(&mut store, &module, &imports).unwrap();
                    if address == "i64" {
                        let wait = instance.get_typed_func::<u64, (i32, i32)>(&store, "wait");
                        wait.unwrap().call(&mut store, last).unwrap()
                    } else {
                        let wait = instance.get_typed_func::<u32, (i32, i32)>(&store, "wait");
                        wait.unwrap().call(&mut store, last as u32).unwrap()
                    }
                });
                let mut store = Store::new(&engine, ());
                let instance = Instance::new(&mut store, &module, &imports).unwrap();
                assert_eq!(memory.grow(1).unwrap(), ty.minimum());
                let woken = loop {
                    let woken = if address == "i64" {
                        let wake = instance.get_typed_func::<u64, i32>(&store, "wake").unwrap();
                        wake.call(&mut store, last).unwrap()
                    } else {
                        let wake = instance.get_typed_func::<u32, i32>(&store, "wake").unwrap();
                        wake.call(&mut store, last as u32).unwrap()
                    };
                    if woken > 0 || waiting.is_finished() {
                        break woken;
                    }
                };
                let (result, seen) = waiting.join().unwrap();
                // It may have come too late to wait.
                assert_eq!(result, if woken == 1 { 0 } else { 1 }, "{memories:?} {text}");
                assert_eq!(seen, 42, "{memories:?} {text}");
            });
        }
    }
}

#[test]
fn hosts_wait_and_notify() {
    let memory = SharedMemory::new(&engine(Memories::OnDemand), types()[0].0).unwrap();
    let short = Some(Duration::from_millis(5));
    assert_eq!(memory.atomic_wait32(8, 1, None), Ok(WaitResult::Mismatch));
    assert_eq!(memory.atomic_wait32(8, 0, short), Ok(WaitResult::TimedOut));
    assert_eq!(memory.atomic_wait64(8, 0, short), Ok(WaitResult::TimedOut));
    assert_eq!(memory.atomic_wait32(6, 0, None), Err(Trap::HeapMisaligned));
    assert_eq!(memory.atomic_wait64(12, 0, None), Err(Trap::HeapMisaligned));
    assert_eq!(memory.atomic_wait32(65_536, 0, None), Err(Trap::MemoryOutOfBounds));
    assert_eq!(memory.atomic_notify(65_536, 1), Err(Trap::MemoryOutOfBounds));
    assert_eq!(memory.atomic_notify(u64::MAX - 3, 1), Err(Trap::MemoryOutOfBounds));
    assert_eq!(memory.atomic_notify(8, 1), Ok(0));
    let ended = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                assert_eq!(memory.atomic_wait64(16, 0, None), Ok(WaitResult::Ok));
                ended.fetch_add(1, Ordering::SeqCst);
            });
        }
        let mut woken = 0;
        while woken < 3 {
            let more = memory.atomic_notify(16, 1).unwrap();
            assert!(more <= 1);
            woken += more;
        }
        assert_eq!(memory.atomic_notify(24, 9), Ok(0));
    });
    assert_eq!(ended.into_inner(), 3);
}

/// An exported shared memory is the same one in other stores, and lives as long as any has it.
#[test]
fn a_shared_memory_outlives_its_store() {
    for memories in PLACES {
        let engine = engine(memories);
        let module = Module::new(
            &engine,
            r#"(module
                (memory (export "memory") 1 2 shared)
                (data (i32.const 10) "initial"))"#,
        )
        .unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        assert!(instance.get_memory(&store, "memory").is_none());
        let memory = instance.get_shared_memory(&store, "memory").unwrap();
        drop((store, module));
        let bytes: Vec<u8> = memory.data()[10..17].iter().map(sys::read).collect();
        assert_eq!(bytes, b"initial");
        let used = engine.pool().stats().free;
        drop(memory);
        let after = engine.pool().stats().free;
        assert_eq!(after - used, u32::from(memories == Memories::Pooled));
    }
}

#[test]
fn types_must_agree_on_sharing() {
    let engine = engine(Memories::OnDemand);
    let mut store = Store::new(&engine, ());
    let shared = shared_type(false, 16, 1, 2);
    leakbench_runtime::Memory::new(&mut store, shared).unwrap_err();
    SharedMemory::new(&engine, MemoryType::new(1, Some(2))).unwrap_err();
    MemoryTypeBuilder::new().min(1).shared(true).build().unwrap_err();
    let module = Module::new(&engine, r#"(module (import "" "" (memory 1 2)))"#).unwrap();
    let memory = SharedMemory::new(&engine, shared).unwrap();
    Instance::new(&mut store, &module, &[memory.into()]).unwrap_err();
}
