//! The functions of guests that ran when a call stopped.

use leakbench_runtime::{
    Caller, Config, Engine, Error, Extern, Func, Instance, Module, OptLevel, Store, WasmBacktrace,
};

const DEEP: &str = r#"(module $deep
    (import "" "host" (func $host (param i32)))
    (table 1 funcref) (elem (i32.const 0) $inner)
    (func $inner (param i32)
      (drop (i32.div_u (i32.const 1) (local.get 0)))
      (call $host (local.get 0)))
    (func $middle (param i32) (call_indirect (param i32) (local.get 0) (i32.const 0)) (nop))
    (func (export "outer") (param i32) (nop) (call $middle (local.get 0)))
    (func $again (export "again") (param i32) (call $host (i32.add (local.get 0) (i32.const 1)))))"#;

/// The names of the frames, the innermost first.
fn names(error: &Error) -> Vec<String> {
    let backtrace = error.downcast_ref::<WasmBacktrace>().expect("a backtrace");
    let frames = backtrace.frames().iter();
    frames.map(|frame| frame.func_name().unwrap_or("?").to_owned()).collect()
}

fn with_host(
    opt_level: OptLevel,
    host: impl Fn(Caller<'_, Option<Instance>>, i32) -> Result<(), Error> + Send + Sync + 'static,
) -> (Store<Option<Instance>>, Instance, Vec<u8>) {
    let engine = Engine::new(&Config { opt_level, ..Config::default() }).unwrap();
    let binary = wat::parse_str(DEEP).unwrap();
    let module = Module::new(&engine, &binary).unwrap();
    let mut store = Store::new(&engine, None);
    let host = Func::wrap(&mut store, host);
    let instance = Instance::new(&mut store, &module, &[Extern::from(host)]).unwrap();
    *store.data_mut() = Some(instance);
    (store, instance, binary)
}

#[test]
fn a_trap_has_the_functions_and_instructions_that_led_to_it() {
    // The single-byte opcodes of the instructions at which the frames are.
    const DIV_U: u8 = 0x6e;
    const CALL_INDIRECT: u8 = 0x11;
    const CALL: u8 = 0x10;
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        let (mut store, instance, binary) = with_host(opt_level, |_, _| Ok(()));
        let outer = instance.get_typed_func::<i32, ()>(&store, "outer").unwrap();
        outer.call(&mut store, 1).unwrap();
        let error = outer.call(&mut store, 0).unwrap_err();
        assert_eq!(names(&error), ["inner", "middle", "outer"], "{opt_level:?}");
        let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
        let frames = backtrace.frames();
        let opcodes = frames.iter().map(|frame| binary[frame.module_offset().unwrap()]);
        assert_eq!(opcodes.collect::<Vec<u8>>(), [DIV_U, CALL_INDIRECT, CALL], "{opt_level:?}");
        let indices: Vec<u32> = frames.iter().map(|frame| frame.func_index()).collect();
        assert_eq!(indices, [1, 2, 3]);
        assert!(frames.iter().all(|frame| frame.module_name() == Some("deep")));
        // A body begins with its locals; `outer` has `nop`, then `local.get 0`.
        assert_eq!(frames[2].func_offset(), Some(4));
        let text = backtrace.to_string();
        assert!(text.ends_with(" - deep!outer") && text.contains("\n    0: "), "{text}");
        // The next trap begins anew.
        assert_eq!(names(&outer.call(&mut store, 0).unwrap_err()).len(), 3);
    }
}

#[test]
fn a_host_error_has_the_functions_that_called_the_host() {
    let (mut store, instance, _) =
        with_host(OptLevel::Speed, |_, value| Err(Error::msg(format!("no {value}"))));
    let outer = instance.get_typed_func::<i32, ()>(&store, "outer").unwrap();
    let error = outer.call(&mut store, 7).unwrap_err();
    assert_eq!(error.to_string(), "no 7");
    assert_eq!(names(&error), ["inner", "middle", "outer"]);
    // An error without a call of a guest has none.
    assert!(!Error::from(leakbench_runtime::TypeError::Immutable).is::<WasmBacktrace>());
}

#[test]
fn a_backtrace_goes_through_calls_of_the_host() {
    let (mut store, instance, _) =
        with_host(OptLevel::Speed, |mut caller: Caller<'_, Option<Instance>>, value| {
            let instance = caller.data().unwrap();
            let name = if value < 3 { "again" } else { "outer" };
            let next = instance.get_typed_func::<i32, ()>(&caller, name)?;
            next.call(&mut caller, if value < 3 { value } else { 0 })
        });
    let again = instance.get_typed_func::<i32, ()>(&store, "again").unwrap();
    let error = again.call(&mut store, 0).unwrap_err();
    assert_eq!(error.trap(), Some(leakbench_runtime::Trap::IntegerDivisionByZero));
    assert_eq!(names(&error), ["inner", "middle", "outer", "again", "again", "again"]);
}

#[test]
fn deep_recursion_has_a_bounded_backtrace() {
    let mut store = Store::<()>::default();
    let text = r#"(module
        (func (export "before") (param i32) (result i32) (i32.popcnt (local.get 0)))
        (func $down (export "down") (param i32)
          (call $down (i32.add (local.get 0) (i32.const 1)))))"#;
    let module = Module::new(store.engine(), text).unwrap();
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let down = instance.get_typed_func::<i32, ()>(&store, "down").unwrap();
    let error = down.call(&mut store, 0).unwrap_err();
    assert_eq!(error.trap(), Some(leakbench_runtime::Trap::StackOverflow));
    let names = names(&error);
    assert_eq!(names.len(), 64);
    assert!(names.iter().all(|name| name == "down"));
    // The check of the stack comes before all instructions of the function.
    let frames = error.downcast_ref::<WasmBacktrace>().unwrap().frames();
    assert_eq!(frames[0].module_offset(), None);
    assert!(frames[1].module_offset().is_some());
}

#[test]
fn an_uncaught_exception_has_the_functions_from_the_one_that_threw() {
    const THROW: u8 = 0x08;
    const THROW_REF: u8 = 0x0a;
    const CALL: u8 = 0x10;
    let text = r#"(module
        (import "" "host" (func $host))
        (tag $t (param i32))
        (func $throws (export "throws") (throw $t (i32.const 1)))
        (func (export "calls") (call $throws))
        (func (export "throws again")
            (block $caught (result exnref)
                (try_table (catch_all_ref $caught) (call $throws))
                unreachable)
            throw_ref)
        (func (export "calls the host") (call $host)))"#;
    let binary = wat::parse_str(text).unwrap();
    for opt_level in [OptLevel::None, OptLevel::Speed] {
        let engine = Engine::new(&Config { opt_level, ..Config::default() }).unwrap();
        let module = Module::new(&engine, &binary).unwrap();
        let mut store = Store::new(&engine, None::<Instance>);
        let host = |mut caller: Caller<'_, Option<Instance>>| -> Result<(), Error> {
            let instance = caller.data().unwrap();
            instance.get_typed_func::<(), ()>(&caller, "calls")?.call(&mut caller, ())
        };
        let host = Func::wrap(&mut store, host);
        let instance = Instance::new(&mut store, &module, &[Extern::from(host)]).unwrap();
        *store.data_mut() = Some(instance);
        for (export, expected, opcodes) in [
            ("calls", &["throws", "calls"][..], &[THROW, CALL][..]),
            ("throws again", &["throws again"], &[THROW_REF]),
            ("calls the host", &["throws", "calls", "calls the host"], &[THROW, CALL, CALL]),
        ] {
            let func = instance.get_typed_func::<(), ()>(&store, export).unwrap();
            let error = func.call(&mut store, ()).unwrap_err();
            assert_eq!(names(&error), expected, "{opt_level:?}");
            let Error::Exception(error) = error else { panic!("{error:?}") };
            let frames = error.backtrace.frames().iter();
            let found = frames.map(|frame| binary[frame.module_offset().unwrap()]);
            assert_eq!(found.collect::<Vec<u8>>(), opcodes, "{opt_level:?}: {export}");
        }
    }
}
