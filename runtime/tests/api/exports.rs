//! Exports by name, by index, and all of them.

use leakbench_runtime::{
    Caller, Engine, Error, Extern, Instance, Linker, Module, ModuleExport, Store,
};

const TEXT: &str = r#"(module
    (import "host" "peek" (func $peek (result i32)))
    (memory (export "memory") 1)
    (global (export "count") (mut i32) (i32.const 3))
    (table (export "table") 2 funcref)
    (tag (export "tag") (param i32))
    (func (export "run") (result i32) (call $peek))
    (data (i32.const 7) "\2a"))"#;

fn without_imports(engine: &Engine) -> Result<Module, Error> {
    Module::new(
        engine,
        r#"(module (memory (export "memory") 1) (func (export "f") (result i32) (i32.const 1)))"#,
    )
}

#[test]
fn every_export_has_its_name_and_kind() -> Result<(), Error> {
    let engine = Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("host", "peek", || 0i32)?;
    let module = Module::new(&engine, TEXT)?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module)?;
    let names: Vec<String> =
        instance.exports(&mut store).map(|export| export.name().to_owned()).collect();
    assert_eq!(names, ["memory", "count", "table", "tag", "run"]);
    for export in instance.exports(&mut store) {
        match export.name() {
            "memory" => assert!(export.into_memory().is_some()),
            "count" => assert!(export.into_global().is_some()),
            "table" => assert!(export.into_table().is_some()),
            "tag" => assert!(export.into_tag().is_some()),
            "run" => assert!(export.into_func().is_some()),
            other => panic!("{other}"),
        }
    }
    let Some(export) = instance.exports(&mut store).next() else { panic!("no export") };
    assert!(export.clone().into_func().is_none());
    let Extern::Memory(memory) = export.into_extern() else { panic!("no memory") };
    assert_eq!(memory.data(&store)[7], 42);
    Ok(())
}

#[test]
fn an_export_index_serves_every_instance_of_the_module() -> Result<(), Error> {
    let engine = Engine::default();
    let module = without_imports(&engine)?;
    let index: ModuleExport = module.get_export_index("f").unwrap();
    assert!(module.get_export_index("g").is_none());
    let mut store = Store::new(&engine, ());
    for _ in 0..3 {
        let instance = Instance::new(&mut store, &module, &[])?;
        let item = instance.get_module_export(&mut store, &index).unwrap();
        let f = item.into_func().unwrap().typed::<(), i32>(&store)?;
        assert_eq!(f.call(&mut store, ())?, 1);
    }
    // An index of another module names nothing, even if the modules are equal.
    let other = Instance::new(&mut store, &without_imports(&engine)?, &[])?;
    assert!(other.get_module_export(&mut store, &index).is_none());
    Ok(())
}

#[test]
fn a_caller_finds_an_export_by_its_index() -> Result<(), Error> {
    let engine = Engine::default();
    let module = Module::new(&engine, TEXT)?;
    let index = module.get_export_index("memory").unwrap();
    let mut linker = Linker::<()>::new(&engine);
    linker.func_wrap("host", "peek", move |mut caller: Caller<'_, ()>| {
        let memory = caller.get_module_export(&index).unwrap().into_memory().unwrap();
        i32::from(memory.data(&caller)[7])
    })?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module)?;
    let run = instance.get_typed_func::<(), i32>(&mut store, "run")?;
    assert_eq!(run.call(&mut store, ())?, 42);
    Ok(())
}
