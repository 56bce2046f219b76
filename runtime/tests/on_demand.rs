//! Memories with mappings of their own: bounds, growth that moves them, and their release.

#![allow(clippy::unwrap_used, reason = "a test")]

mod counts;

use counts::{Counts, run_alone};
use leakbench_runtime::{Config, Engine, Error, Instance, Memories, Module, Store, Trap};

const PAGE: u64 = 64 << 10;

fn engine() -> Engine {
    Engine::new(&Config { memories: Memories::OnDemand, ..Config::default() }).unwrap()
}

/// A module with the memory of this declaration, whose addresses have this type.
fn module(engine: &Engine, memory: &str, address: &str) -> Module {
    let text = format!(
        r#"(module
            (memory (export "memory") {memory})
            (data ({address}.const 10) "initial")
            (func (export "load") (param {address}) (result i32)
              (i32.load8_u (local.get 0)))
            (func (export "store") (param {address} i32)
              (i32.store8 (local.get 0) (local.get 1))))"#
    );
    Module::new(engine, text).unwrap()
}

fn trap(result: Result<impl std::fmt::Debug, Error>) -> Option<Trap> {
    result.unwrap_err().trap()
}

#[test]
fn a_memory_may_exceed_a_slot() {
    let _alone = run_alone();
    let engine = engine();
    let pages = 65_536 + 1;
    let module = module(&engine, &format!("i64 {pages}"), "i64");
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let load = instance.get_typed_func::<u64, i32>(&store, "load").unwrap();
    let write = instance.get_typed_func::<(u64, i32), ()>(&store, "store").unwrap();
    let end = pages * PAGE;
    write.call(&mut store, (end - 1, 7)).unwrap();
    assert_eq!(load.call(&mut store, end - 1).unwrap(), 7);
    assert_eq!(load.call(&mut store, 10).unwrap(), i32::from(b'i'));
    for beyond in [end, end + (1 << 33), u64::MAX] {
        assert_eq!(trap(load.call(&mut store, beyond)), Some(Trap::MemoryOutOfBounds));
    }
    let memory = instance.get_memory(&store, "memory").unwrap();
    assert_eq!(memory.slot(&store), None);
    assert_eq!(memory.grow(&mut store, 3).unwrap(), pages);
    assert_eq!(load.call(&mut store, end - 1).unwrap(), 7);
    assert_eq!(load.call(&mut store, end + 3 * PAGE - 1).unwrap(), 0);
    assert_eq!(trap(load.call(&mut store, end + 3 * PAGE)), Some(Trap::MemoryOutOfBounds));
    // More than processes can map.
    memory.grow(&mut store, 1 << 40).unwrap_err();
    assert_eq!(load.call(&mut store, 10).unwrap(), i32::from(b'i'));
}

/// The bounds are exact, also within a page of the kernel, and growth moves the contents.
#[test]
fn pages_of_one_byte_have_exact_bounds() {
    let _alone = run_alone();
    let engine = engine();
    let module = module(&engine, "100 (pagesize 1)", "i32");
    let mut store = Store::new(&engine, ());
    let instances: Vec<Instance> =
        (0..2).map(|_| Instance::new(&mut store, &module, &[]).unwrap()).collect();
    for step in 0..400_u64 {
        for instance in &instances {
            let memory = instance.get_memory(&store, "memory").unwrap();
            let len = memory.size(&store);
            assert_eq!(len, 100 + step * 1_001);
            let load = instance.get_typed_func::<u32, i32>(&store, "load").unwrap();
            let write = instance.get_typed_func::<(u32, i32), ()>(&store, "store").unwrap();
            let last = len as u32 - 1;
            assert_eq!(trap(load.call(&mut store, last + 1)), Some(Trap::MemoryOutOfBounds));
            write.call(&mut store, (last, 1 + step as i32 % 100)).unwrap();
            memory.grow(&mut store, 1_001).unwrap();
            assert_eq!(load.call(&mut store, last).unwrap(), 1 + step as i32 % 100);
            assert_eq!(load.call(&mut store, last + 1).unwrap(), 0);
            assert_eq!(load.call(&mut store, 10).unwrap(), i32::from(b'i'));
        }
    }
}

#[test]
fn everything_is_unmapped_with_the_store() {
    let _alone = run_alone();
    let run = || {
        let engine = engine();
        for (memory, address) in
            [("1", "i32"), ("1 4", "i32"), ("i64 1", "i64"), ("70000 (pagesize 1)", "i32")]
        {
            let module = module(&engine, memory, address);
            assert_eq!(Counts::now().images, 0, "an image is mapped by instances only");
            let mut store = Store::new(&engine, ());
            for _ in 0..20 {
                let instance = Instance::new(&mut store, &module, &[]).unwrap();
                instance.get_memory(&store, "memory").unwrap().grow(&mut store, 2).unwrap();
            }
            // A memory with explicit bounds has a copy of the image.
            let is_mapped = matches!(memory, "1" | "1 4");
            assert_eq!(Counts::now().images > 0, is_mapped, "{memory}");
        }
    };
    run();
    let before = Counts::now();
    for _ in 0..5 {
        run();
    }
    before.assert_same_now("after the stores");
}
