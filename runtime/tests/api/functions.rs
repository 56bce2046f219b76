//! Functions of the host and of guests, and their errors.

use std::error::Error as StdError;
use std::fmt;

use leakbench_runtime::{
    Caller, Engine, Error, Extern, Func, FuncType, Instance, Linker, Module, Store, Trap, Val,
    ValType,
};

#[derive(Debug, PartialEq)]
struct OutOfTea;

impl fmt::Display for OutOfTea {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of tea")
    }
}

impl StdError for OutOfTea {}

#[test]
fn hello() -> Result<(), Error> {
    struct Greeter {
        name: String,
        calls: usize,
    }
    let engine = Engine::default();
    let module = Module::new(
        &engine,
        r#"(module (func $hello (import "" "hello")) (func (export "run") (call $hello)))"#,
    )?;
    let greeter = Greeter { name: "Ada".to_owned(), calls: 0 };
    let mut store = Store::new(&engine, greeter);
    let hello = Func::wrap(&mut store, |mut caller: Caller<'_, Greeter>| {
        assert_eq!(caller.data().name, "Ada");
        caller.data_mut().calls += 1;
    });
    let instance = Instance::new(&mut store, &module, &[hello.into()])?;
    let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
    run.call(&mut store, ())?;
    run.call(&mut store, ())?;
    assert_eq!(store.data().calls, 2);
    Ok(())
}

#[test]
fn a_store_of_a_default_engine() -> Result<(), Error> {
    let mut store = Store::<()>::default();
    let module = Module::new(
        store.engine(),
        "(module (func (export \"gcd\") (param i32 i32) (result i32) (local i32)
           block loop local.get 1 i32.eqz br_if 1
             local.get 1 local.set 2 local.get 0 local.get 1 i32.rem_u local.set 1
             local.get 2 local.set 0 br 0 end end local.get 0))",
    )?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let gcd = instance.get_typed_func::<(i32, i32), i32>(&mut store, "gcd")?;
    assert_eq!(gcd.call(&mut store, (6, 27))?, 3);
    Ok(())
}

#[test]
fn sixteen_values_and_many_results() -> Result<(), Error> {
    type Sixteen = (i32, i64, f32, f64, i32, i64, f32, f64, i32, i64, f32, f64, i32, i64, f32, f64);
    let mut store = Store::<()>::default();
    #[rustfmt::skip]
    let echo = Func::wrap(
        &mut store,
        |a: i32, b: i64, c: f32, d: f64, e: i32, f: i64, g: f32, h: f64,
         i: i32, j: i64, k: f32, l: f64, m: i32, n: i64, o: f32, p: f64| -> Sixteen {
            (m, n, o, p, i, j, k, l, e, f, g, h, a, b, c, d)
        },
    );
    let echo = echo.typed::<Sixteen, Sixteen>(&store)?;
    let values = (1, 2, 3.0, 4.0, 5, 6, 7.0, 8.0, 9, 10, 11.0, 12.0, 13, 14, 15.0, 16.0);
    let (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) = echo.call(&mut store, values)?;
    assert_eq!((a, b, c, d, e, f, g, h), (13, 14, 15.0, 16.0, 9, 10, 11.0, 12.0));
    assert_eq!((i, j, k, l, m, n, o, p), (5, 6, 7.0, 8.0, 1, 2, 3.0, 4.0));
    // The number of results alone is enough to need more room than a small function.
    let six = Func::wrap(&mut store, || (1i32, 2i32, 3i32, 4i32, 5i32, 6i64));
    let six = six.typed::<(), (i32, i32, i32, i32, i32, i64)>(&store)?;
    assert_eq!(six.call(&mut store, ())?, (1, 2, 3, 4, 5, 6));
    Ok(())
}

#[test]
fn host_functions_return_errors_of_any_type() -> Result<(), Error> {
    type Any = Box<dyn StdError + Send + Sync>;
    let makers: [fn(&mut Store<()>) -> Func; 4] = [
        |store| Func::wrap(store, || -> Result<(), OutOfTea> { Err(OutOfTea) }),
        |store| Func::wrap(store, || -> Result<(), Any> { Err(OutOfTea.into()) }),
        |store| Func::wrap(store, || -> Result<(), Error> { Err(Error::new(OutOfTea)) }),
        |store| {
            let ty = FuncType::new(store.engine(), [], []);
            Func::new(store, ty, |_, _, _| Err(Error::new(OutOfTea)))
        },
    ];
    let text = r#"(module (func $f (import "" "f")) (func (export "run") (call $f)))"#;
    for maker in makers {
        let mut store = Store::<()>::default();
        let module = Module::new(store.engine(), text)?;
        let func = maker(&mut store);
        let instance = Instance::new(&mut store, &module, &[func.into()])?;
        let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
        let error = run.call(&mut store, ()).unwrap_err();
        assert_eq!(error.downcast_ref::<OutOfTea>(), Some(&OutOfTea));
    }
    Ok(())
}

#[test]
fn the_cause_of_an_error_is_found_by_its_type() -> Result<(), Error> {
    let mut store = Store::<()>::default();
    let module = Module::new(
        store.engine(),
        r#"(module
             (func $f (import "" "f") (param i32))
             (func (export "f") (param i32) (call $f (local.get 0)))
             (func (export "divide") (param i32) (result i32)
               (i32.div_u (i32.const 1) (local.get 0))))"#,
    )?;
    let f = Func::wrap(&mut store, |which: i32| -> Result<(), Box<dyn StdError + Send + Sync>> {
        match which {
            0 => Ok(()),
            1 => Err(OutOfTea.into()),
            2 => Err("only words".into()),
            3 => Err(Box::new(Trap::UnreachableCodeReached)),
            _ => Err(Error::from(Trap::StackOverflow).into()),
        }
    });
    let instance = Instance::new(&mut store, &module, &[f.into()])?;
    let f = instance.get_typed_func::<i32, ()>(&mut store, "f")?;
    f.call(&mut store, 0)?;
    let error = f.call(&mut store, 1).unwrap_err();
    assert_eq!(error.downcast_ref::<OutOfTea>(), Some(&OutOfTea));
    assert!(error.is::<OutOfTea>() && !error.is::<Trap>());
    assert_eq!(error.to_string(), "out of tea");
    let error = f.call(&mut store, 2).unwrap_err();
    assert!(!error.is::<OutOfTea>() && error.to_string() == "only words");
    // A trap of the host is one for its caller.
    for (which, trap) in [(3, Trap::UnreachableCodeReached), (4, Trap::StackOverflow)] {
        let error = f.call(&mut store, which).unwrap_err();
        assert_eq!(error.downcast_ref::<Trap>(), Some(&trap));
    }
    let divide = instance.get_typed_func::<i32, i32>(&mut store, "divide")?;
    let error = divide.call(&mut store, 0).unwrap_err();
    assert_eq!(error.downcast_ref::<Trap>(), Some(&Trap::IntegerDivisionByZero));
    let error = instance.get_typed_func::<i64, i32>(&mut store, "divide").unwrap_err();
    assert!(!error.is::<Trap>(), "{error}");
    Ok(())
}

#[test]
fn functions_over_values() -> Result<(), Error> {
    let mut store = Store::<()>::default();
    let ty = FuncType::new(store.engine(), [ValType::I32, ValType::I64], [ValType::I64]);
    let add = Func::new(&mut store, ty, |caller: Caller<'_, ()>, params, results| {
        assert!(caller.engine().config().max_wasm_stack_bytes > 0);
        let (Some(a), Some(b)) = (params[0].i32(), params[1].i64()) else { unreachable!() };
        results[0] = Val::I64(i64::from(a) + b);
        Ok(())
    });
    let mut results = [Val::I64(0)];
    add.call(&mut store, &[Val::I32(-1), 43i64.into()], &mut results)?;
    assert_eq!(results[0].i64(), Some(42));
    Ok(())
}

#[test]
fn a_caller_uses_the_exports_of_its_instance() -> Result<(), Error> {
    let engine = Engine::default();
    let mut linker = Linker::<String>::new(&engine);
    linker.func_wrap(
        "host",
        "log",
        |mut caller: Caller<'_, String>, at: i32, len: i32| -> Result<(), Error> {
            let memory = match caller.get_export("memory") {
                Some(Extern::Memory(memory)) => memory,
                _ => return Err(Error::msg("no memory to read from")),
            };
            let (bytes, log) = memory.data_and_store_mut(&mut caller);
            let text = bytes.get(at as usize..).and_then(|bytes| bytes.get(..len as usize));
            let text = text.ok_or_else(|| Error::msg("out of bounds"))?;
            log.push_str(std::str::from_utf8(text).map_err(Error::new)?);
            Ok(())
        },
    )?;
    let module = Module::new(
        &engine,
        r#"(module
             (import "host" "log" (func $log (param i32 i32)))
             (memory (export "memory") 1)
             (data (i32.const 4) "Hello, world!\ff")
             (func (export "run") (param i32) (call $log (i32.const 4) (local.get 0))))"#,
    )?;
    let mut store = Store::new(&engine, String::new());
    let instance = linker.instantiate(&mut store, &module)?;
    let run = instance.get_typed_func::<i32, ()>(&mut store, "run")?;
    run.call(&mut store, 13)?;
    assert_eq!(store.data(), "Hello, world!");
    let error = run.call(&mut store, 14).unwrap_err();
    assert!(error.is::<std::str::Utf8Error>(), "{error}");
    assert_eq!(run.call(&mut store, 1 << 20).unwrap_err().to_string(), "out of bounds");
    Ok(())
}
