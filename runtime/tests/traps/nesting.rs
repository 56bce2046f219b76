//! Calls from guest to host to guest.

use std::panic::{AssertUnwindSafe, catch_unwind};

use leakbench_runtime::{
    Caller, Engine, Error, Func, FuncType, Linker, Module, OptLevel, Store, Trap, Val, ValType,
};

use crate::guest;

/// `outer` calls the host, which calls `inner`, which traps on request.
const TEXT: &str = r#"(module
    (import "host" "call_inner" (func $call_inner (param i32) (result i32)))
    (func (export "outer") (param i32) (result i32)
      (i32.add (call $call_inner (local.get 0)) (i32.const 1)))
    (func $inner (export "inner") (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then unreachable))
      (local.get 0)))"#;

fn setup(
    call_inner: impl Fn(Caller<'_, u32>, i32) -> Result<i32, Error> + Send + Sync + 'static,
) -> (Store<u32>, leakbench_runtime::TypedFunc<i32, i32>) {
    let engine = guest::engine(OptLevel::Speed);
    let module = Module::new(&engine, wat::parse_str(TEXT).unwrap()).unwrap();
    let mut linker = Linker::new(&engine);
    linker.func_wrap("host", "call_inner", call_inner).unwrap();
    let mut store = Store::new(&engine, 0);
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let outer = instance.get_typed_func(&store, "outer").unwrap();
    (store, outer)
}

fn inner(caller: &mut Caller<'_, u32>, value: i32) -> Result<i32, Error> {
    let inner = caller.get_export("inner").unwrap().into_func().unwrap();
    inner.typed::<i32, i32>(&*caller)?.call(caller, value)
}

#[test]
fn only_the_innermost_guest_is_stopped() {
    let (mut store, outer) = setup(|mut caller, value| {
        *caller.data_mut() += 1;
        match inner(&mut caller, value) {
            Ok(value) => Ok(value),
            Err(error) => {
                assert_eq!(error.trap(), Some(Trap::UnreachableCodeReached));
                Ok(-100)
            }
        }
    });
    for _ in 0..10 {
        assert_eq!(outer.call(&mut store, 5).unwrap(), 6);
        assert_eq!(outer.call(&mut store, 0).unwrap(), -99);
    }
    assert_eq!(*store.data(), 20);
}

#[test]
fn a_trap_that_the_host_returns_keeps_its_function() {
    let (mut store, outer) = setup(|mut caller, value| inner(&mut caller, value));
    let error = outer.call(&mut store, 0).unwrap_err();
    assert_eq!(error.to_string(), "unreachable in function 2 'inner'");
    assert_eq!(outer.call(&mut store, 5).unwrap(), 6);
}

#[test]
fn an_error_of_the_host_is_returned() {
    let (mut store, outer) =
        setup(|_, value| Err(Error::new(std::io::Error::other(format!("no {value}")))));
    let error = outer.call(&mut store, 3).unwrap_err();
    assert_eq!(error.to_string(), "no 3");
    assert!(error.downcast_ref::<std::io::Error>().is_some());
    assert_eq!(error.trap(), None);
}

#[test]
fn a_panic_of_the_host_passes_through_the_guest() {
    let (mut store, outer) = setup(|mut caller, value| {
        if value == 0 {
            std::panic::panic_any("thrown by the host");
        }
        inner(&mut caller, value)
    });
    for _ in 0..3 {
        let payload = catch_unwind(AssertUnwindSafe(|| outer.call(&mut store, 0))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"thrown by the host"));
        assert_eq!(outer.call(&mut store, 5).unwrap(), 6);
    }
}

#[test]
fn recursion_through_the_host_runs_out_of_stack_in_the_guest() {
    let (mut store, outer) = setup(|mut caller, value| {
        *caller.data_mut() += 1;
        let outer = caller.get_export("outer").unwrap().into_func().unwrap();
        outer.typed::<i32, i32>(&caller)?.call(&mut caller, value)
    });
    let error = outer.call(&mut store, 1).unwrap_err();
    assert_eq!(error.trap(), Some(Trap::StackOverflow));
    assert!(*store.data() > 10, "{}", store.data());
}

/// Trampolines do not probe the stack, and their frames grow with the type.
#[test]
fn host_functions_have_at_most_a_thousand_values() {
    let engine: Engine = guest::engine(OptLevel::Speed);
    let mut store = Store::new(&engine, ());
    let long = |count| std::iter::repeat_n(ValType::I64, count);
    let mut echo = |params, results| {
        let ty = FuncType::new(&engine, long(params), long(results));
        let echo = Func::try_new(&mut store, ty, |_: Caller<'_, ()>, params, results| {
            results.copy_from_slice(params);
            Ok(())
        });
        echo.map_err(|error| error.to_string())
    };
    assert_eq!(
        echo(1001, 0).unwrap_err(),
        "a host function of 1001 parameters and 0 results: the maximum of each is 1000"
    );
    assert!(echo(0, 1001).is_err());
    let echo = echo(1000, 1000).unwrap();
    let params: Vec<Val> = (0..1000).map(Val::I64).collect();
    let mut results = vec![Val::I64(0); 1000];
    echo.call(&mut store, &params, &mut results).unwrap();
    let results: Vec<i64> = results.iter().filter_map(Val::i64).collect();
    assert_eq!(results, (0..1000).collect::<Vec<i64>>());
    let mut linker = Linker::new(&engine);
    let ty = FuncType::new(&engine, long(1 << 20), []);
    assert!(linker.func_new("", "", ty, |_: Caller<'_, ()>, _, _| Ok(())).is_err());
}

#[test]
fn the_host_calls_its_own_functions() {
    let engine: Engine = guest::engine(OptLevel::Speed);
    let mut store = Store::new(&engine, 7u32);
    let wrapped = Func::wrap(&mut store, |caller: Caller<'_, u32>, a: i64, b: f64| {
        assert!(caller.instance().is_none());
        (*caller.data() as f64 + a as f64 * b, a as u32)
    });
    let typed = wrapped.typed::<(i64, f64), (f64, u32)>(&store).unwrap();
    assert_eq!(typed.call(&mut store, (-2, 0.5)).unwrap(), (6.0, -2i64 as u32));

    let ty = FuncType::new(&engine, [ValType::I32; 20], [ValType::I32; 20]);
    let reversed = Func::new(&mut store, ty, |_: Caller<'_, u32>, params, results| {
        for (result, param) in results.iter_mut().rev().zip(params) {
            *result = *param;
        }
        Ok(())
    });
    let params: Vec<Val> = (0..20).map(Val::I32).collect();
    let mut results = vec![Val::I32(0); 20];
    reversed.call(&mut store, &params, &mut results).unwrap();
    let results: Vec<i32> = results.iter().filter_map(Val::i32).collect();
    assert_eq!(results, (0..20).rev().collect::<Vec<i32>>());
}

#[test]
fn wrong_types_are_refused() {
    let engine: Engine = guest::engine(OptLevel::Speed);
    let mut store = Store::new(&engine, ());
    let func = Func::wrap(&mut store, |a: i32| a);
    let message = |error: Error| error.to_string();
    assert_eq!(
        message(func.typed::<i64, i32>(&store).unwrap_err()),
        "the function is a func (i32) -> (i32), not a func (i64) -> (i32)"
    );
    let mut results = [Val::I32(0)];
    assert_eq!(
        message(func.call(&mut store, &[Val::I64(0)], &mut results).unwrap_err()),
        "expected i32, found i64 (an argument)"
    );
    assert_eq!(
        message(func.call(&mut store, &[], &mut results).unwrap_err()),
        "a func (i32) -> (i32) was called with 0 arguments for 1 results"
    );
    let wrong = Func::new(
        &mut store,
        FuncType::new(&engine, [], [ValType::I32]),
        |_: Caller<'_, ()>, _, results| {
            results[0] = Val::F64(0);
            Ok(())
        },
    );
    assert_eq!(
        message(wrong.call(&mut store, &[], &mut results).unwrap_err()),
        "expected i32, found f64 (a host function's result)"
    );
}

#[test]
#[should_panic(expected = "Func used with another store than the one that owns it")]
fn a_function_of_another_store_is_refused() {
    let engine: Engine = guest::engine(OptLevel::Speed);
    let func = Func::wrap(Store::new(&engine, ()), |a: i32| a);
    let _ = func.call(Store::new(&engine, ()), &[Val::I32(0)], &mut [Val::I32(0)]);
}
