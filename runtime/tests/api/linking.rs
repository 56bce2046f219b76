//! Linkers.

use leakbench_runtime::{
    Engine, Error, Extern, Global, GlobalType, Linker, Module, Mutability, Store, Val, ValType,
};

#[test]
fn two_modules_are_linked_by_name() -> Result<(), Error> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let library = Module::new(
        &engine,
        r#"(module (func (export "double") (param i32) (result i32)
             (i32.mul (local.get 0) (i32.const 2))))"#,
    )?;
    linker.module(&mut store, "math", &library)?;
    linker.alias("math", "double", "env", "twice")?;
    let program = Module::new(
        &engine,
        r#"(module
             (import "math" "double" (func $double (param i32) (result i32)))
             (import "env" "twice" (func $twice (param i32) (result i32)))
             (func (export "run") (param i32) (result i32)
               (call $twice (call $double (local.get 0)))))"#,
    )?;
    let instance = linker.instantiate(&mut store, &program)?;
    let run = instance.get_typed_func::<i32, i32>(&mut store, "run")?;
    assert_eq!(run.call(&mut store, 5)?, 20);
    assert!(linker.alias("math", "halve", "env", "half").is_err());
    assert!(linker.alias("math", "double", "env", "twice").is_err());
    Ok(())
}

#[test]
fn imports_are_resolved_once_for_many_instances() -> Result<(), Error> {
    let engine = Engine::default();
    let mut linker = Linker::<u64>::new(&engine);
    linker.func_wrap("host", "count", |mut caller: leakbench_runtime::Caller<'_, u64>| {
        *caller.data_mut() += 1;
    })?;
    let module = Module::new(
        &engine,
        r#"(module (import "host" "count" (func $count)) (func (export "run") (call $count)))"#,
    )?;
    let pre = linker.instantiate_pre(&module)?;
    // The linker is not needed any more.
    drop(linker);
    for _ in 0..3 {
        let mut store = Store::new(&engine, 0);
        for calls in 1..=4 {
            let instance = pre.instantiate(&mut store)?;
            let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
            run.call(&mut store, ())?;
            assert_eq!(*store.data(), calls);
        }
    }
    let other = Store::new(&Engine::default(), 0);
    assert!(pre.clone().instantiate(other).is_err());
    let unknown = Module::new(&engine, r#"(module (import "host" "missing" (func)))"#)?;
    let error = Linker::<u64>::new(&engine).instantiate_pre(&unknown).unwrap_err().to_string();
    assert!(error.contains("'host' 'missing'"), "{error}");
    Ok(())
}

#[test]
fn unknown_imports_trap_when_they_are_called() -> Result<(), Error> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
             (import "env" "known" (func $known (result i32)))
             (import "env" "unknown" (func $unknown (param i64) (result f32)))
             (func (export "known") (result i32) (call $known))
             (func (export "unknown") (result f32) (call $unknown (i64.const 1))))"#,
    )?;
    let mut linker = Linker::new(&engine);
    linker.func_wrap("env", "known", || 7i32)?;
    linker.define_unknown_imports_as_traps(&module)?;
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module)?;
    let known = instance.get_typed_func::<(), i32>(&mut store, "known")?;
    assert_eq!(known.call(&mut store, ())?, 7);
    let unknown = instance.get_typed_func::<(), f32>(&mut store, "unknown")?;
    let error = unknown.call(&mut store, ()).unwrap_err().to_string();
    assert_eq!(error, "the guest called 'env' 'unknown', which nothing provides");
    Ok(())
}

#[test]
fn a_linker_lists_and_finds_its_items() -> Result<(), Error> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let ty = GlobalType::new(ValType::I32, Mutability::Const);
    let global = Global::new(&mut store, ty, Val::I32(5))?;
    linker.define(&store, "env", "five", global)?;
    linker.func_wrap("env", "six", || 6i32)?;
    linker.alias_module("env", "other")?;
    let mut names: Vec<_> =
        linker.iter(&mut store).map(|(module, name, _)| format!("{module} {name}")).collect();
    names.sort_unstable();
    assert_eq!(names, ["env five", "env six", "other five", "other six"]);
    let module = Module::new(
        &engine,
        r#"(module (import "other" "five" (global i32)) (import "other" "seven" (func)))"#,
    )?;
    let found: Vec<_> =
        module.imports().map(|import| linker.get_by_import(&mut store, &import)).collect();
    assert!(matches!(found[..], [Some(Extern::Global(_)), None]));
    assert!(linker.alias_module("env", "other").is_err());
    let elsewhere = Store::<()>::default();
    assert!(linker.define(&elsewhere, "env", "seven", global).is_err());
    Ok(())
}

#[test]
fn the_default_function_of_a_module() -> Result<(), Error> {
    let engine = Engine::default();
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let program = |name: &str| {
        let text =
            format!(r#"(module (func (export "{name}") (result i32) (i32.const {})))"#, name.len());
        Module::new(&engine, text)
    };
    linker.module(&mut store, "command", &program("_start")?)?;
    linker.module(&mut store, "unnamed", &program("")?)?;
    linker.module(&mut store, "library", &program("other")?)?;
    for (module, expected) in [("command", 6), ("unnamed", 0)] {
        let func = linker.get_default(&mut store, module)?.typed::<(), i32>(&store)?;
        assert_eq!(func.call(&mut store, ())?, expected);
    }
    linker.get_default(&mut store, "library")?.typed::<(), ()>(&store)?.call(&mut store, ())?;
    Ok(())
}

#[test]
fn unknown_imports_have_default_values() -> Result<(), Error> {
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module
             (import "env" "known" (func $known (result i32)))
             (import "env" "f" (func $f (param i64) (result i32 f64 externref)))
             (import "env" "g" (global $g i64))
             (import "env" "m" (memory 1))
             (import "env" "s" (memory 1 2 shared))
             (import "env" "t" (table 2 funcref))
             (import "env" "e" (tag (param i32)))
             (func (export "run") (result i32 f64 externref) (call $f (global.get $g)))
             (func (export "known") (result i32) (call $known)))"#,
    )?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    linker.func_wrap("env", "known", || 7i32)?;
    linker.define_unknown_imports_as_default_values(&mut store, &module)?;
    let instance = linker.instantiate(&mut store, &module)?;
    let mut results = [Val::I32(1), Val::I32(1), Val::I32(1)];
    let run = instance.get_func(&mut store, "run").unwrap();
    run.call(&mut store, &[], &mut results)?;
    assert_eq!((results[0].unwrap_i32(), results[1].unwrap_f64()), (0, 0.0));
    assert!(results[2].unwrap_externref().is_none());
    let known = instance.get_typed_func::<(), i32>(&mut store, "known")?;
    assert_eq!(known.call(&mut store, ())?, 7);
    let text = r#"(module (type $t (func)) (import "env" "ref" (global (ref $t))))"#;
    let module = Module::new(&engine, text)?;
    let error = linker.define_unknown_imports_as_default_values(&mut store, &module).unwrap_err();
    assert_eq!(error.to_string(), "an import without a default value: 'env' 'ref'");
    Ok(())
}
