//! Linkers.

use leakbench_runtime::{Engine, Error, Linker, Module, Store};

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
