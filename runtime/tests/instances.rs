//! Instances through the public interface: data, imports, exports.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use leakbench_runtime::{
    Config, Engine, Error, Extern, ExternRef, ExternType, Global, GlobalType, Instance, LinkError,
    Linker, Memory, MemoryType, Module, Mutability, Ref, RefType, Store, Table, TableType, Val,
    ValType,
};

fn engine() -> Engine {
    Engine::new(&Config::default()).unwrap()
}

fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, wat::parse_str(text).unwrap()).unwrap()
}

#[test]
fn modules_with_shared_code_have_their_own_data() {
    let engine = engine();
    let text = |active: &str, passive: &str| {
        format!(
            r#"(module (memory (export "memory") 1)
                 (data (i32.const 3) "{active}")
                 (data $p "{passive}")
                 (func (export "init") (memory.init $p (i32.const 100) (i32.const 0) (i32.const 4))))"#
        )
    };
    let bytes = |module: &Module| {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, module, &[]).unwrap();
        let init = instance.get_typed_func::<(), ()>(&store, "init").unwrap();
        init.call(&mut store, ()).unwrap();
        let memory = instance.get_memory(&store, "memory").unwrap();
        let data = memory.data(&store);
        format!(
            "{} {}",
            std::str::from_utf8(&data[3..7]).unwrap(),
            std::str::from_utf8(&data[100..104]).unwrap()
        )
    };
    let modules: Vec<Module> = ["aaaa", "bbbb", "cccc"]
        .iter()
        .map(|name| module(&engine, &text(name, &name.to_uppercase())))
        .collect();
    // In turn, so that slots serve different modules.
    for _ in 0..20 {
        for (module, expected) in modules.iter().zip(["aaaa AAAA", "bbbb BBBB", "cccc CCCC"]) {
            assert_eq!(bytes(module), expected);
        }
    }
}

#[test]
fn an_instance_does_not_see_earlier_writes() {
    let engine = engine();
    let module = module(
        &engine,
        r#"(module (memory (export "memory") 1) (data (i32.const 0) "data")
             (func (export "grow") (result i32) (memory.grow (i32.const 2))))"#,
    );
    for _ in 0..50 {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let memory = instance.get_memory(&store, "memory").unwrap();
        let data = memory.data_mut(&mut store);
        assert_eq!(&data[..4], b"data");
        assert!(data[4..].iter().all(|&byte| byte == 0));
        data.fill(0xff);
        let grow = instance.get_typed_func::<(), i32>(&store, "grow").unwrap();
        assert_eq!(grow.call(&mut store, ()).unwrap(), 1);
        assert_eq!(memory.size(&store), 3);
        assert!(memory.data(&store)[65536..].iter().all(|&byte| byte == 0));
        memory.data_mut(&mut store).fill(0xee);
    }
}

#[test]
fn modules_share_what_they_import() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let ty = MemoryType::new(1, Some(2));
    let memory = Memory::new(&mut store, ty).unwrap();
    let ty = GlobalType::new(ValType::I32, Mutability::Var);
    let global = Global::new(&mut store, ty, Val::I32(40)).unwrap();
    let ty = TableType::new(RefType::FUNCREF, 2, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    let mut linker = Linker::new(&engine);
    linker.define(&store, "env", "memory", memory).unwrap();
    linker.define(&store, "env", "global", global).unwrap();
    linker.define(&store, "env", "table", table).unwrap();
    let writer = module(
        &engine,
        r#"(module
             (import "env" "memory" (memory 1)) (import "env" "global" (global $g (mut i32)))
             (import "env" "table" (table 1 funcref))
             (data (i32.const 8) "shared")
             (elem (i32.const 1) $add)
             (func $add (param i32) (result i32)
               (global.set $g (i32.add (global.get $g) (local.get 0))) (global.get $g)))"#,
    );
    assert!(writer.image().is_none());
    linker.instantiate(&mut store, &writer).unwrap();
    let reader = module(
        &engine,
        r#"(module
             (import "env" "memory" (memory 1)) (import "env" "table" (table 1 funcref))
             (func (export "call") (param i32) (result i32)
               (call_indirect (param i32) (result i32) (local.get 0) (i32.const 1)))
             (func (export "read") (result i32) (i32.load8_u (i32.const 8))))"#,
    );
    let instance = linker.instantiate(&mut store, &reader).unwrap();
    let call = instance.get_typed_func::<i32, i32>(&store, "call").unwrap();
    let read = instance.get_typed_func::<(), i32>(&store, "read").unwrap();
    assert_eq!(call.call(&mut store, 2).unwrap(), 42);
    assert_eq!(global.get(&store).i32(), Some(42));
    assert_eq!(read.call(&mut store, ()).unwrap(), i32::from(b's'));
    memory.write(&mut store, 8, b"S").unwrap();
    assert_eq!(read.call(&mut store, ()).unwrap(), i32::from(b'S'));

    // A function from a table can be called like any other.
    let Some(Ref::Func(Some(func))) = table.get(&store, 1) else {
        panic!("no function in the table")
    };
    assert_eq!(func.typed::<i32, i32>(&store).unwrap().call(&mut store, 1).unwrap(), 43);
    table.set(&mut store, 1, Ref::Func(None)).unwrap();
    assert!(call.call(&mut store, 0).is_err());
}

#[test]
fn guests_return_references_of_the_host() {
    let engine = engine();
    let module = module(
        &engine,
        r#"(module (table $t 4 externref)
             (func (export "put") (param i32 externref) (table.set $t (local.get 0) (local.get 1)))
             (func (export "get") (param i32) (result externref) (table.get $t (local.get 0))))"#,
    );
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let put = instance.get_typed_func::<(i32, Option<ExternRef>), ()>(&store, "put").unwrap();
    let get = instance.get_typed_func::<i32, Option<ExternRef>>(&store, "get").unwrap();
    let text = ExternRef::new(&mut store, String::from("the host's"));
    put.call(&mut store, (2, Some(text))).unwrap();
    let back = get.call(&mut store, 2).unwrap().unwrap();
    assert_eq!(back.data(&store).downcast_ref::<String>().unwrap(), "the host's");
    assert_eq!(get.call(&mut store, 1).unwrap(), None);
}

#[test]
fn a_failed_instance_stays_in_its_store() {
    let engine = engine();
    let mut store = Store::new(&engine, ());
    let ty = TableType::new(RefType::FUNCREF, 1, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    let failing = module(
        &engine,
        r#"(module (import "" "" (table 1 funcref)) (memory 1) (data (i32.const 0) "\2a")
             (elem (i32.const 0) $f)
             (func $f (result i32) (i32.load8_u (i32.const 0)))
             (func $start unreachable) (start $start))"#,
    );
    let imports = [Extern::from(table)];
    let error = Instance::new(&mut store, &failing, &imports).unwrap_err();
    assert!(matches!(error, Error::Trap(_)));
    drop(failing);
    let Some(Ref::Func(Some(func))) = table.get(&store, 0) else {
        panic!("no function in the table")
    };
    assert_eq!(func.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap(), 42);
}

#[test]
fn imports_and_exports_are_listed() {
    let engine = engine();
    let module = module(
        &engine,
        r#"(module $named (import "env" "f" (func (param i32)))
             (global (export "g") (mut i64) (i64.const 0))
             (memory (export "m") 1 3) (table (export "t") 2 funcref)
             (func (export "h") (result f64) (f64.const 0)))"#,
    );
    assert_eq!(module.name(), Some("named"));
    let imports: Vec<String> = module
        .imports()
        .map(|import| format!("{}.{}: {}", import.module(), import.name(), import.ty()))
        .collect();
    assert_eq!(imports, ["env.f: func (i32) -> ()"]);
    let exports: Vec<String> =
        module.exports().map(|export| format!("{}: {}", export.name(), export.ty())).collect();
    assert_eq!(
        exports,
        [
            "g: global mut i64",
            "m: memory 1..=3 pages",
            "t: table funcref 2..",
            "h: func () -> (f64)"
        ]
    );
    assert!(matches!(module.get_export("m"), Some(ExternType::Memory(_))));
    assert!(module.get_export("n").is_none());
    assert_eq!(module.exported_func("h").unwrap().results(), [ValType::F64]);
}

#[test]
fn a_module_of_another_engine_is_refused() {
    let (one, other) = (engine(), engine());
    let module = module(&one, "(module)");
    let error = Instance::new(Store::new(&other, ()), &module, &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "module, store and linker belong to different engines: create them with the same engine"
    );
}

/// Each engine numbers types itself: the id of `f64 -> f64` in one is that of `i32 -> i32` in
/// another.
#[test]
fn a_linker_of_another_engine_is_refused() {
    let (one, other) = (engine(), engine());
    let text = r#"(module (import "" "f" (func (param i32) (result i32))))"#;
    let (module, own) = (module(&other, text), module(&one, text));
    let mut linker = Linker::<()>::new(&one);
    linker.func_wrap("", "f", |value: f64| value).unwrap();
    let error = linker.instantiate(Store::new(&other, ()), &module).unwrap_err();
    assert!(matches!(error, Error::Link(error) if *error == LinkError::OtherEngine));
    // Also refused: only the module, or only the store, of another engine.
    for (engine, module) in [(&one, &module), (&other, &own)] {
        let error = linker.instantiate(Store::new(engine, ()), module).unwrap_err();
        assert!(matches!(error, Error::Link(error) if *error == LinkError::OtherEngine));
    }

    let mut linker = Linker::<()>::new(&other);
    linker.func_wrap("", "f", |value: i32| value).unwrap();
    linker.instantiate(Store::new(&other, ()), &module).unwrap();
}

#[test]
#[should_panic(expected = "Linker used with a store of another engine")]
fn a_linker_panics_for_a_store_of_another_engine() {
    let mut linker = Linker::<()>::new(&engine());
    linker.func_wrap("", "f", |value: i32| value).unwrap();
    linker.get(Store::new(&engine(), ()), "", "f");
}

#[test]
fn stores_move_between_threads() {
    let engine = engine();
    let module = module(
        &engine,
        r#"(module (memory 1) (func (export "add") (param i32) (result i32)
             (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (local.get 0)))
             (i32.load (i32.const 0))))"#,
    );
    let mut store = Store::new(&engine, String::new());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let add = instance.get_typed_func::<i32, i32>(&store, "add").unwrap();
    for i in 1..=4 {
        store = std::thread::spawn(move || {
            let sum = add.call(&mut store, i).unwrap();
            store.data_mut().push_str(&format!("{sum} "));
            store
        })
        .join()
        .unwrap();
    }
    assert_eq!(store.into_data(), "1 3 6 10 ");
}

#[test]
fn threads_cycle_modules_with_one_engine() {
    let engine = engine();
    let template = wat::parse_str(
        r#"(module (memory 1) (data (i32.const 16) "00000000")
             (func (export "read") (result i64)
               (i64.store (i32.const 0) (i64.const 1)) (i64.load (i32.const 16))))"#,
    )
    .unwrap();
    let payload = template.windows(8).position(|bytes| bytes == b"00000000").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let (engine, mut binary) = (&engine, template.clone());
            scope.spawn(move || {
                for cycle in 0..500 {
                    let serial = thread << 32 | cycle;
                    binary[payload..payload + 8].copy_from_slice(&serial.to_le_bytes());
                    let module = Module::new(engine, &binary).unwrap();
                    for _ in 0..2 {
                        let mut store = Store::new(engine, ());
                        let instance = Instance::new(&mut store, &module, &[]).unwrap();
                        let read = instance.get_typed_func::<(), u64>(&store, "read").unwrap();
                        assert_eq!(read.call(&mut store, ()).unwrap(), serial);
                    }
                }
            });
        }
    });
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let stats = engine.pool().stats();
    assert_eq!((stats.free, stats.reset_failures, stats.purge_failures), (1000, 0, 0));
    let geometry = engine.pool().geometry();
    let images = maps.lines().filter(|line| line.contains("leakbench-image")).filter(|line| {
        let start = line.split('-').next().unwrap();
        geometry.slot_of(usize::from_str_radix(start, 16).unwrap()).is_some()
    });
    assert_eq!(images.count(), 0, "no slot of this pool maps an image");
}

/// Every handle compares its store's id before it uses an address.
#[test]
fn handles_of_another_store_are_refused() {
    let engine = engine();
    let module = module(
        &engine,
        r#"(module (memory (export "memory") 1) (table (export "table") 1 funcref)
             (global (export "global") (mut i32) (i32.const 7))
             (func (export "func") (result i32) (global.get 0)))"#,
    );
    let mut owner = Store::new(&engine, ());
    let instance = Instance::new(&mut owner, &module, &[]).unwrap();
    let typed = instance.get_typed_func::<(), i32>(&owner, "func").unwrap();
    let func = instance.get_func(&owner, "func").unwrap();
    let global = instance.get_global(&owner, "global").unwrap();
    let memory = instance.get_memory(&owner, "memory").unwrap();
    let table = instance.get_table(&owner, "table").unwrap();
    let importer = |import: &str| {
        Module::new(
            &engine,
            wat::parse_str(format!("(module (import \"\" \"\" {import}))")).unwrap(),
        )
        .unwrap()
    };
    let taker = importer("(func (result i32))");
    let reader = importer("(global (mut i32))");

    type Use<'a> = Box<dyn Fn(&mut Store<()>) + 'a>;
    let uses: [(&str, Use<'_>); 9] = [
        ("typed call", Box::new(|store| drop(typed.call(store, ())))),
        ("call", Box::new(|store| drop(func.call(store, &[], &mut [Val::I32(0)])))),
        ("type", Box::new(|store| drop(func.ty(store)))),
        ("global", Box::new(|store| assert!(global.get(store).i32().is_some()))),
        ("set global", Box::new(|store| drop(global.set(store, Val::I32(1))))),
        ("memory", Box::new(|store| memory.data_mut(store)[0] = 1)),
        ("table", Box::new(|store| drop(table.set(store, 0, Ref::Func(Some(func)))))),
        ("import func", Box::new(|store| drop(Instance::new(store, &taker, &[func.into()])))),
        ("import global", Box::new(|store| drop(Instance::new(store, &reader, &[global.into()])))),
    ];
    for (name, use_handle) in uses {
        let mut other = Store::new(&engine, ());
        // The other store has the same items, so that an index alone would be valid in it.
        Instance::new(&mut other, &module, &[]).unwrap();
        let result = catch_unwind(AssertUnwindSafe(|| use_handle(&mut other)));
        let message = *result.expect_err(name).downcast::<String>().unwrap();
        assert!(message.contains("another store"), "{name}: {message}");
    }
    assert_eq!(typed.call(&mut owner, ()).unwrap(), 7);
}

/// An instance may have the memory of a dropped one, also of one that another thread dropped.
#[test]
fn an_instance_does_not_see_a_dropped_one() {
    let engine = engine();
    let module = module(
        &engine,
        r#"(module
            (global $count (mut i32) (i32.const 5))
            (table $t 2 funcref)
            (elem (table $t) (i32.const 0) func $count_up $count_up)
            (type $f (func (result i32)))
            (func $count_up (type $f)
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (global.get $count))
            (func (export "run") (result i32)
                (if (ref.is_null (table.get $t (i32.const 1))) (then unreachable))
                (table.set $t (i32.const 1) (ref.null func))
                (call_indirect (type $f) (i32.const 0))))"#,
    );
    let run = || {
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func::<(), i32>(&store, "run").unwrap();
        assert_eq!(run.call(&mut store, ()).unwrap(), 6);
        store
    };
    for _ in 0..10 {
        // Two at one time have each their own.
        let stores = [run(), run()];
        std::thread::scope(|scope| scope.spawn(move || drop(stores)).join().unwrap());
    }
}
