//! Limits of a store: at instantiation, at growth, and for the host.

use leakbench_runtime::{
    Config, Engine, Error, Extern, Instance, Memories, Memory, MemoryType, MemoryTypeBuilder,
    Module, Ref, RefType, SharedMemory, Store, StoreLimits, Table, TableType,
};

const NONE: StoreLimits = StoreLimits {
    instances: None,
    memories: None,
    memory_bytes: None,
    tables: None,
    table_elements: None,
};

fn engine(memories: Memories) -> Engine {
    Engine::new(&Config { memories, ..Config::default() }).unwrap()
}

/// Two memories with three pages, two tables with seven elements.
const TWO_OF_EACH: &str = r#"(module
    (memory (export "m") 1 100) (memory 2)
    (table (export "t") 3 1000 funcref) (table 4 externref)
    (func (export "grow memory") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "grow table") (param i32) (result i32)
        (table.grow 0 (ref.null func) (local.get 0))))"#;

const PAGE: u64 = 65_536;

/// Each limit allows what is exactly needed, and one less is refused with its name.
#[test]
fn an_instance_needs_as_much_as_it_has() {
    for memories in [Memories::Pooled, Memories::OnDemand] {
        let engine = engine(memories);
        let module = Module::new(&engine, TWO_OF_EACH).unwrap();
        type Set = fn(u64) -> StoreLimits;
        let limits: [(&str, u64, Set); 5] = [
            ("instances", 1, |max| StoreLimits { instances: Some(max), ..NONE }),
            ("memories", 2, |max| StoreLimits { memories: Some(max), ..NONE }),
            ("memory_bytes", 3 * PAGE, |max| StoreLimits { memory_bytes: Some(max), ..NONE }),
            ("tables", 2, |max| StoreLimits { tables: Some(max), ..NONE }),
            ("table_elements", 7, |max| StoreLimits { table_elements: Some(max), ..NONE }),
        ];
        for (name, needed, limit) in limits {
            let mut store = Store::new(&engine, ());
            store.set_limits(limit(needed - 1));
            for _ in 0..3 {
                // The refused instances do not count.
                let error = Instance::new(&mut store, &module, &[]).unwrap_err();
                let Error::Limit(found) = &error else { panic!("{error}") };
                assert_eq!((found.field, found.needed, found.max), (name, needed, needed - 1));
                assert!(error.to_string().ends_with(&format!("raise StoreLimits::{name}")));
            }
            store.set_limits(limit(needed));
            Instance::new(&mut store, &module, &[]).unwrap();
            // Those of all instances together count.
            let error = Instance::new(&mut store, &module, &[]).unwrap_err();
            let Error::Limit(found) = error else { panic!("{error}") };
            assert_eq!((found.field, found.needed), (name, 2 * needed));
            store.set_limits(limit(2 * needed));
            Instance::new(&mut store, &module, &[]).unwrap();
        }
    }
}

#[test]
fn growth_ends_at_the_limit() {
    for memories in [Memories::Pooled, Memories::OnDemand] {
        let engine = engine(memories);
        let module = Module::new(&engine, TWO_OF_EACH).unwrap();
        let mut store = Store::new(&engine, ());
        let limits = StoreLimits { memory_bytes: Some(5 * PAGE), table_elements: Some(10), ..NONE };
        store.set_limits(limits);
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let grow_memory = instance.get_typed_func::<i32, i32>(&store, "grow memory").unwrap();
        let grow_table = instance.get_typed_func::<i32, i32>(&store, "grow table").unwrap();
        for (delta, before) in [(3, -1), (i32::MAX, -1), (-1, -1), (0, 1), (1, 1), (2, -1)] {
            assert_eq!(grow_memory.call(&mut store, delta).unwrap(), before, "{delta}");
        }
        for (delta, before) in [(4, -1), (-1, -1), (0, 3), (2, 3), (2, -1)] {
            assert_eq!(grow_table.call(&mut store, delta).unwrap(), before, "{delta}");
        }
        // The host has the same limits.
        let memory = instance.get_memory(&store, "m").unwrap();
        let table = instance.get_table(&store, "t").unwrap();
        let null = Ref::null(&leakbench_runtime::HeapType::Func);
        assert!(
            memory.grow(&mut store, 2).unwrap_err().to_string().contains("limits of the store")
        );
        assert!(table.grow(&mut store, 2, null).is_err());
        assert_eq!(memory.grow(&mut store, 1).unwrap(), 2);
        assert_eq!(table.grow(&mut store, 1, null).unwrap(), 5);
        assert_eq!(grow_memory.call(&mut store, 1).unwrap(), -1);
        // At the limit, growth by nothing is no growth.
        assert_eq!(grow_memory.call(&mut store, 0).unwrap(), 3);
        store.set_limits(NONE);
        assert_eq!(grow_memory.call(&mut store, 50).unwrap(), 3);
        assert_eq!(grow_table.call(&mut store, 500).unwrap(), 6);
    }
}

#[test]
fn items_of_the_host_count() {
    let engine = engine(Memories::OnDemand);
    let mut store = Store::new(&engine, ());
    store.set_limits(StoreLimits { memories: Some(1), table_elements: Some(10), ..NONE });
    let memory = Memory::new(&mut store, MemoryType::new(1, None)).unwrap();
    let error = Memory::new(&mut store, MemoryType::new(1, None)).unwrap_err();
    let expected = "the store would have 2 memories, and may have 1: raise StoreLimits::memories";
    assert_eq!(error.to_string(), expected);
    let null = Ref::null(&leakbench_runtime::HeapType::Func);
    Table::new(&mut store, TableType::new(RefType::FUNCREF, 6, None), null).unwrap();
    assert!(Table::new(&mut store, TableType::new(RefType::FUNCREF, 5, None), null).is_err());
    // An import is no new item.
    let importer = Module::new(&engine, r#"(module (import "" "" (memory 1)))"#).unwrap();
    Instance::new(&mut store, &importer, &[memory.into()]).unwrap();
}

/// A memory that stores share counts in each, and its guests cannot grow it beyond their store's limit.
#[test]
fn shared_memories_count() {
    let engine = engine(Memories::OnDemand);
    let ty = MemoryTypeBuilder::new().min(2).max(Some(100)).shared(true).build().unwrap();
    let memory = SharedMemory::new(&engine, ty).unwrap();
    let text = r#"(module
        (import "" "" (memory 1 100 shared))
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"#;
    let module = Module::new(&engine, text).unwrap();
    let grow = |max: u64, delta: i32| {
        let mut store = Store::new(&engine, ());
        store.set_limits(StoreLimits { memory_bytes: Some(max * PAGE), ..NONE });
        let instance = Instance::new(&mut store, &module, &[Extern::from(memory.clone())]).unwrap();
        let grow = instance.get_typed_func::<i32, i32>(&store, "grow").unwrap();
        grow.call(&mut store, delta).unwrap()
    };
    assert_eq!(grow(4, 3), -1);
    assert_eq!(grow(4, 2), 2);
    assert_eq!(grow(4, 1), -1);
    assert_eq!(grow(10, 1), 4);
}
