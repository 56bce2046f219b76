//! Exceptions between functions, instances and the host.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "artifacts/sys/mod.rs"]
mod sys;

use leakbench_runtime::{
    Caller, Config, Engine, Error, ExnRef, Func, FuncType, HeapType, Instance, Linker, Module,
    OptLevel, RefType, Store, Tag, TagType, Trap, Val, ValType,
};

const LEVELS: [OptLevel; 2] = [OptLevel::None, OptLevel::Speed];

fn engine(opt_level: OptLevel) -> Engine {
    Engine::new(&Config { opt_level, ..Config::default() }).unwrap()
}

fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, wat::parse_str(text).unwrap()).unwrap()
}

fn instance(store: &mut Store<()>, text: &str) -> Instance {
    let module = module(store.engine(), text);
    Instance::new(store, &module, &[]).unwrap()
}

/// All values are restored in the frame that catches, whatever the frames between did with
/// registers, and however many values there are.
#[test]
fn values_survive_an_exception() {
    let text = r#"(module
            (tag $t (param i32 i64 f32 f64 v128 funcref))
            (func $clobber (param i64 i64 i64 i64 i64 i64) (result i64)
                (i64.add (i64.mul (local.get 0) (local.get 1)) (i64.add (i64.mul (local.get 2)
                    (local.get 3)) (i64.mul (local.get 4) (local.get 5)))))
            (func $deep (param $n i32) (param f64)
                (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
                (local.set 2 (i64.extend_i32_u (local.get $n)))
                (local.set 3 (call $clobber (local.get 2) (local.get 2) (local.get 2) (local.get 2)
                    (local.get 2) (local.get 2)))
                (if (i32.eqz (local.get $n)) (then
                    (throw $t (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4)
                        (v128.const i64x2 5 6) (ref.null func))))
                (call $deep (i32.sub (local.get $n) (i32.const 1)) (local.get 1))
                (local.set 4 (i64.add (local.get 2) (local.get 3))))
            (func (export "run") (param $depth i32) (result i64)
                (local $a i64) (local $b f64) (local $c v128)
                (local $i i32) (local $l i64) (local $f f32) (local $d f64) (local $v v128)
                (local.set $a (i64.const 1000))
                (local.set $b (f64.const 2000))
                (local.set $c (v128.const i64x2 3000 4000))
                (block $caught (result i32 i64 f32 f64 v128 funcref)
                    (try_table (catch $t $caught)
                        (local.set $a (i64.add (local.get $a) (i64.const 1)))
                        (call $deep (local.get $depth) (f64.const 7))
                        (local.set $a (i64.const 0)))
                    unreachable)
                (if (i32.eqz (ref.is_null)) (then unreachable))
                (local.set $v) (local.set $d) (local.set $f) (local.set $l) (local.set $i)
                (i64x2.extract_lane 1 (local.get $v))
                (i64.add (i64.trunc_f64_s (local.get $d)))
                (i64.add (i64.trunc_f32_s (local.get $f)))
                (i64.add (local.get $l))
                (i64.add (i64.extend_i32_u (local.get $i)))
                (i64.add (local.get $a))
                (i64.add (i64.trunc_f64_s (local.get $b)))
                (i64.add (i64x2.extract_lane 1 (local.get $c)))))"#;
    for opt_level in LEVELS {
        let mut store = Store::new(&engine(opt_level), ());
        let instance = instance(&mut store, text);
        let run = instance.get_typed_func::<i32, i64>(&store, "run").unwrap();
        for depth in [0, 1, 50, 0] {
            let expected = 6 + 4 + 3 + 2 + 1 + 1001 + 2000 + 4000;
            assert_eq!(run.call(&mut store, depth).unwrap(), expected, "{opt_level:?}");
        }
    }
}

const HOST_TEXT: &str = r#"(module
    (import "host" "tag" (tag $t (param i32)))
    (import "host" "call" (func $call (param i32) (result i32)))
    (tag $own (export "own") (param i64))
    (func (export "inner") (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $t (i32.const 10))))
        (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $own (i64.const 20))))
        (if (i32.eq (local.get 0) (i32.const 3)) (then unreachable))
        (local.get 0))
    (func (export "outer") (param i32) (result i32)
        (block $caught (result i32)
            (try_table (catch $t $caught)
                (return (call $call (local.get 0))))
            unreachable)
        (i32.add (i32.const 100)))
    (func (export "catch all") (param i32) (result i32)
        (block $caught
            (try_table (catch_all $caught)
                (return (call $call (local.get 0)))))
        (i32.const 200))
    (func (export "tail") (param i32) (result i32)
        (block $caught
            (try_table (catch_all $caught)
                (return_call $call (local.get 0))))
        unreachable))"#;

/// Exceptions pass through host functions, are thrown and caught by the host, and are no traps.
#[test]
fn exceptions_pass_through_the_host() {
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        let mut store = Store::new(&engine, ());
        let ty = TagType::new(FuncType::new(&engine, [ValType::I32], []));
        let tag = Tag::new(&mut store, &ty).unwrap();
        assert_eq!(tag.ty(&store), ty);
        let mut linker = Linker::new(&engine);
        linker.define(&store, "host", "tag", tag).unwrap();
        linker
            .func_wrap("host", "call", move |mut caller: Caller<'_, ()>, n: i32| {
                if n == 4 {
                    let exception = ExnRef::new(&mut caller, &tag, &[Val::I32(40)])?;
                    return Err(exception.into());
                }
                if n == 5 {
                    return Err(Error::msg("no exception"));
                }
                let inner = caller.get_export("inner").unwrap().into_func().unwrap();
                inner.typed::<i32, i32>(&caller)?.call(&mut caller, n)
            })
            .unwrap();
        let instance = linker.instantiate(&mut store, &module(&engine, HOST_TEXT)).unwrap();
        let own = instance.get_tag(&store, "own").unwrap();
        let call = |store: &mut Store<()>, name: &str, n: i32| {
            let func = instance.get_typed_func::<i32, i32>(&*store, name).unwrap();
            func.call(store, n)
        };
        for _ in 0..3 {
            assert_eq!(call(&mut store, "outer", 7).unwrap(), 7);
            assert_eq!(call(&mut store, "outer", 1).unwrap(), 110);
            assert_eq!(call(&mut store, "outer", 4).unwrap(), 140);
            for n in [1, 2, 4] {
                assert_eq!(call(&mut store, "catch all", n).unwrap(), 200);
                // A tail call leaves the block that catches.
                assert!(matches!(call(&mut store, "tail", n), Err(Error::Exception(_))));
            }
            let Err(Error::Exception(error)) = call(&mut store, "outer", 2) else {
                panic!("an exception")
            };
            let exception = error.exception;
            assert_eq!(exception.tag(&store), own);
            assert_eq!(exception.values(&store), [Val::I64(20)]);
            // Traps and errors are not caught.
            for name in ["outer", "catch all"] {
                let error = call(&mut store, name, 3).unwrap_err();
                assert_eq!(error.trap(), Some(Trap::UnreachableCodeReached));
                assert_eq!(call(&mut store, name, 5).unwrap_err().to_string(), "no exception");
            }
            let Err(error) = call(&mut store, "inner", 1) else { panic!("an exception") };
            assert_eq!(error.to_string(), "an exception that the guest did not catch");
        }
        assert!(ExnRef::new(&mut store, &tag, &[]).is_err());
        assert!(ExnRef::new(&mut store, &tag, &[Val::I64(0)]).is_err());
        let with_results = TagType::new(FuncType::new(&engine, [], [ValType::I32]));
        assert!(Tag::new(&mut store, &with_results).is_err());
    }
}

/// Two instances of one module have different tags. An imported tag is that of its owner.
#[test]
fn tags_belong_to_instances() {
    let text = r#"(module
        (type $f (func))
        (import "" "other" (func $other (type $f)))
        (tag $t (export "t"))
        (func (export "throw") (throw $t))
        (func (export "catches") (result i32)
            (block $caught (try_table (catch $t $caught) (call $other)) (return (i32.const 0)))
            (i32.const 1)))"#;
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        let mut store = Store::new(&engine, ());
        let module = module(&engine, text);
        let nothing = Func::wrap(&mut store, || ());
        let first = Instance::new(&mut store, &module, &[nothing.into()]).unwrap();
        let throw = first.get_export(&store, "throw").unwrap();
        let second = Instance::new(&mut store, &module, std::slice::from_ref(&throw)).unwrap();
        let catches = second.get_typed_func::<(), i32>(&store, "catches").unwrap();
        let Err(Error::Exception(error)) = catches.call(&mut store, ()) else {
            panic!("an exception of the other instance")
        };
        let exception = error.exception;
        assert_eq!(exception.tag(&store), first.get_tag(&store, "t").unwrap());
        assert_ne!(exception.tag(&store), second.get_tag(&store, "t").unwrap());
        let importer = self::module(
            &engine,
            r#"(module (import "" "t" (tag $t)) (import "" "throw" (func $throw))
                (func (export "catches") (result i32)
                    (block $caught (try_table (catch $t $caught) (call $throw)) unreachable)
                    (i32.const 1)))"#,
        );
        let tag = first.get_tag(&store, "t").unwrap();
        let importer = Instance::new(&mut store, &importer, &[tag.into(), throw]).unwrap();
        let catches = importer.get_typed_func::<(), i32>(&store, "catches").unwrap();
        assert_eq!(catches.call(&mut store, ()).unwrap(), 1);
    }
}

/// References to exceptions are values: of locals, globals, tables, parameters, and of the host.
#[test]
fn references_to_exceptions_are_values() {
    let text = r#"(module
        (tag $t (param i32))
        (global $kept (export "kept") (mut exnref) (ref.null exn))
        (table $t 2 exnref)
        (func (export "catch") (param i32) (result exnref) (local $e exnref)
            (block $caught (result i32 exnref)
                (try_table (catch_ref $t $caught) (throw $t (local.get 0)))
                unreachable)
            (local.set $e)
            (drop)
            (global.set $kept (local.get $e))
            (table.set $t (i32.const 1) (local.get $e))
            (table.get $t (i32.const 1)))
        (func (export "throw") (param exnref) (throw_ref (local.get 0)))
        (func (export "throw and catch") (param exnref)
            (block $caught (try_table (catch_all $caught) (throw_ref (local.get 0))) unreachable)
            (block $caught (try_table (catch_all $caught) (throw $t (i32.const -1))) unreachable)))"#;
    for opt_level in LEVELS {
        let mut store = Store::new(&engine(opt_level), ());
        let instance = instance(&mut store, text);
        let catch = instance.get_func(&store, "catch").unwrap();
        let mut exceptions = Vec::new();
        for n in 0..100 {
            let mut results = [Val::I32(0)];
            catch.call(&mut store, &[Val::I32(n)], &mut results).unwrap();
            let Val::ExnRef(Some(exception)) = results[0] else { panic!("an exception") };
            exceptions.push(exception);
        }
        let kept = instance.get_global(&store, "kept").unwrap();
        assert_eq!(kept.get(&store), Val::ExnRef(exceptions.last().copied()));
        let throw = instance.get_func(&store, "throw").unwrap();
        for (n, exception) in exceptions.into_iter().enumerate() {
            let thrown = throw.call(&mut store, &[exception.into()], &mut []);
            assert!(matches!(thrown, Err(Error::Exception(error)) if error.exception == exception));
            // It stays, although the guest has caught it without a reference.
            let catch = instance.get_func(&store, "throw and catch").unwrap();
            catch.call(&mut store, &[exception.into()], &mut []).unwrap();
            assert_eq!(exception.values(&store), [Val::I32(n as i32)]);
        }
        let error = throw.call(&mut store, &[Val::ExnRef(None)], &mut []).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::NullReference));
        assert!(throw.call(&mut store, &[Val::ExternRef(None)], &mut []).is_err());
    }
}

/// The type without an exception has null alone, which is of the type of all exceptions too.
#[test]
fn null_is_a_reference_without_an_exception() {
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        let text = r#"(module
            (global $none (export "none") (mut nullexnref) (ref.null noexn))
            (table (export "table") 2 nullexnref)
            (func (export "pass") (param nullexnref) (result exnref) (local nullexnref)
                (local.set 1 (local.get 0))
                (if (i32.eqz (ref.is_null (local.get 1))) (then unreachable))
                (global.set $none (local.get 1))
                (local.get 1))
            (func (export "throw") (param nullexnref) (throw_ref (local.get 0))))"#;
        let compiled = module(&engine, text);
        let loaded = sys::load(&engine, &compiled.serialize().unwrap()).unwrap();
        for module in [compiled, loaded] {
            let mut store = Store::new(&engine, ());
            let instance = Instance::new(&mut store, &module, &[]).unwrap();
            let pass = instance.get_func(&store, "pass").unwrap();
            let ty = ValType::Ref(RefType::new(true, HeapType::NoExn));
            assert_eq!(pass.ty(&store).params(), [ty]);
            let mut results = [Val::I32(0)];
            pass.call(&mut store, &[Val::ExnRef(None)], &mut results).unwrap();
            assert!(matches!(results, [Val::ExnRef(None)]), "{results:?}");
            let throw = instance.get_func(&store, "throw").unwrap();
            let error = throw.call(&mut store, &[Val::ExnRef(None)], &mut []).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::NullReference));
            let tag = Tag::new(&mut store, &TagType::new(FuncType::new(&engine, [], []))).unwrap();
            let exception = ExnRef::new(&mut store, &tag, &[]).unwrap();
            let given = Val::ExnRef(Some(exception));
            let error = pass.call(&mut store, &[given], &mut results).unwrap_err();
            assert!(error.to_string().contains("nullexnref"), "{error}");
        }
    }
}

/// Exceptions without references are dropped when they are caught, and others are limited.
#[test]
fn exceptions_do_not_accumulate() {
    let values = " i64".repeat(100);
    let zeroes = "(i64.const 0) ".repeat(100);
    let text = format!(
        r#"(module
        (tag $t (param {values}))
        (func (export "drop") (param $n i32)
            (loop $again
                (block $caught
                    (try_table (catch_all $caught) (throw $t {zeroes})))
                (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
        (func (export "keep") (param $n i32)
            (loop $again
                (block $caught (result exnref)
                    (try_table (catch_all_ref $caught) (throw $t {zeroes}))
                    unreachable)
                (drop)
                (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))"#
    );
    for opt_level in LEVELS {
        let mut store = Store::new(&engine(opt_level), ());
        let instance = instance(&mut store, &text);
        let dropped = instance.get_typed_func::<i32, ()>(&store, "drop").unwrap();
        let keep = instance.get_typed_func::<i32, ()>(&store, "keep").unwrap();
        dropped.call(&mut store, 100_000).unwrap();
        keep.call(&mut store, 1000).unwrap();
        dropped.call(&mut store, 1000).unwrap();
        let error = keep.call(&mut store, 100_000).unwrap_err();
        assert_eq!(error.trap(), Some(Trap::TooManyExceptions));
    }
}

/// Deeply nested blocks and many clauses: the innermost matching clause wins, in their order.
#[test]
fn the_innermost_clause_catches() {
    let text = r#"(module
        (tag $a) (tag $b) (tag $c)
        (func $throw (param i32)
            (if (i32.eq (local.get 0) (i32.const 0)) (then (throw $a)))
            (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $b)))
            (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $c))))
        (func (export "f") (param i32) (result i32)
            (block $all (block $outer_a (block $outer_b (block $inner_b (block $inner_again
                (try_table (catch $a $outer_a) (catch $b $outer_b) (catch_all $all)
                    (try_table (catch $b $inner_b) (catch $b $inner_again)
                        (try_table (call $throw (local.get 0)))))
                (return (i32.const 9)))
                (return (i32.const 5)))
                (return (i32.const 4)))
                (return (i32.const 3)))
                (return (i32.const 2)))
            (i32.const 1)))"#;
    for opt_level in LEVELS {
        let mut store = Store::new(&engine(opt_level), ());
        let instance = instance(&mut store, text);
        let f = instance.get_typed_func::<i32, i32>(&store, "f").unwrap();
        for (n, expected) in [(0, 2), (1, 4), (2, 1), (3, 9)] {
            assert_eq!(f.call(&mut store, n).unwrap(), expected, "{n} {opt_level:?}");
        }
    }
}
