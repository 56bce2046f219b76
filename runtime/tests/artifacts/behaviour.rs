//! A loaded module behaves as the one that was compiled.

use leakbench_runtime::{
    Caller, Engine, Error, Extern, Func, FuncType, Instance, Linker, Module, OptLevel, Ref, Store,
    Trap, Val, ValType, WasmBacktrace,
};

use crate::sys::{load, load_file};
use crate::{config, counts, engine};

const LEVELS: [OptLevel; 2] = [OptLevel::None, OptLevel::Speed];

/// The module as it was compiled, from bytes, and from a file; each in an engine of its own, in which
/// other types were numbered first.
fn in_each_way(opt_level: OptLevel, text: &str, check: impl Fn(&str, &Module)) {
    let made = engine(opt_level);
    let module = Module::new(&made, text).unwrap();
    let bytes = module.serialize().unwrap();
    assert_eq!(made.precompile_module(text.as_bytes()).unwrap(), bytes);
    check("compiled", &module);
    let other_engine = || {
        let engine = engine(opt_level);
        let mut store = Store::new(&engine, ());
        for count in 5..9 {
            let ty = FuncType::new(&engine, vec![ValType::F64; count], []);
            Func::new(&mut store, ty, |_, _, _| Ok(()));
        }
        engine
    };
    let loaded = load(&other_engine(), &bytes).unwrap();
    check("from bytes", &loaded);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("module");
    std::fs::write(&path, &bytes).unwrap();
    let mapped = load_file(&other_engine(), &path).unwrap();
    check("from a file", &mapped);
    // A loaded module is written as the first one was.
    for again in [&loaded, &mapped] {
        assert!(again.serialize().unwrap() == bytes, "{opt_level:?}: other bytes");
    }
    // A large file is mapped as a whole. The functions are after the others.
    let end = text.rfind(')').unwrap();
    let others = "(func (param i32) (drop (i32.div_u (i32.const 1) (local.get 0))))".repeat(1000);
    let large = format!("{}{others})", &text[..end]);
    let module = Module::new(&made, large).unwrap();
    let bytes = module.serialize().unwrap();
    assert!(bytes.len() > 64 << 10);
    check("compiled, large", &module);
    std::fs::write(&path, &bytes).unwrap();
    let large = load_file(&other_engine(), &path).unwrap();
    check("from a large file", &large);
    assert!(large.serialize().unwrap() == bytes, "{opt_level:?}: other bytes of a large file");
}

fn instance(store: &mut Store<()>, module: &Module) -> Instance {
    Instance::new(store, module, &[]).unwrap()
}

#[test]
fn memories_tables_and_globals_have_their_first_values() {
    let _alone = counts::run_alone();
    let text = r#"(module $all
        (global $base (import "host" "base") i32)
        (memory (export "memory") 2 5)
        (memory (export "small") 10 20 (pagesize 1))
        (memory (export "wide") i64 1)
        (table (export "table") 4 8 funcref)
        (table (export "filled") 3 funcref (ref.func $two))
        (global (export "i64") (mut i64) (i64.const -5))
        (global (export "sum") i32 (i32.add (global.get $base) (i32.const 2)))
        (global (export "v128") v128 (v128.const i32x4 1 2 3 4))
        (global (export "null") externref (ref.null extern))
        (global (export "func") funcref (ref.func $two))
        (data (i32.const 16) "first")
        (data (i32.const 70000) "far")
        (data $passive "passive bytes")
        (data (global.get $base) "at the base")
        (data (memory 1) (i32.const 3) "small")
        (elem (i32.const 1) func $one $two)
        (elem $later funcref (ref.func $one) (ref.null func))
        (func $one (export "one") (result i32) (i32.const 1))
        (func $two (result i32) (i32.const 2))
        (func (export "init") (param i32)
          (memory.init $passive (local.get 0) (i32.const 2) (i32.const 5))
          (table.init $later (i32.const 3) (i32.const 0) (i32.const 1)))
        (func $start (i32.store8 (i32.const 0) (i32.const 42)))
        (start $start))"#;
    for opt_level in LEVELS {
        in_each_way(opt_level, text, |way, module| {
            assert_eq!(module.name(), Some("all"), "{way}");
            assert_eq!(module.imports().len(), 1);
            let names = module.exports().map(|export| export.name().to_owned());
            let types = module.exports().map(|export| export.ty().to_string());
            let listed: Vec<String> = names.zip(types).map(|(n, t)| format!("{n}: {t}")).collect();
            assert_eq!(
                listed[..8].join("; "),
                "memory: memory 2..=5 pages; small: memory 10..=20 bytes; \
                 wide: 64-bit memory 1.. pages; table: table funcref 4..=8; \
                 filled: table funcref 3..; i64: global mut i64; sum: global i32; v128: global v128",
                "{way}"
            );
            let mut store = Store::new(module.engine(), ());
            let base = leakbench_runtime::Global::new(
                &mut store,
                leakbench_runtime::GlobalType::new(
                    ValType::I32,
                    leakbench_runtime::Mutability::Const,
                ),
                Val::I32(100),
            );
            let instance = Instance::new(&mut store, module, &[base.unwrap().into()]).unwrap();
            let memory = instance.get_memory(&store, "memory").unwrap();
            let bytes = memory.data(&store);
            assert_eq!((&bytes[16..21], &bytes[70_000..70_003]), (&b"first"[..], &b"far"[..]));
            assert_eq!((&bytes[100..111], bytes[0]), (&b"at the base"[..], 42), "{way}");
            let small = instance.get_memory(&store, "small").unwrap();
            assert_eq!(small.data(&store), b"\0\0\0small\0\0", "{way}");
            let global = |name| instance.get_global(&store, name).unwrap().get(&store);
            assert_eq!((global("i64").i64(), global("sum").i32()), (Some(-5), Some(102)));
            assert_eq!(global("v128"), Val::from((4u128 << 96) | (3 << 64) | (2 << 32) | 1));
            assert_eq!(global("null"), Val::ExternRef(None));
            let Val::FuncRef(Some(_)) = global("func") else { panic!("{way}") };
            let init = instance.get_typed_func::<i32, ()>(&store, "init").unwrap();
            init.call(&mut store, 200).unwrap();
            assert_eq!(&memory.data(&store)[200..205], b"ssive", "{way}");
            for (table, expected) in
                [("table", &[None, Some(1), Some(2), Some(1)][..]), ("filled", &[Some(2); 3])]
            {
                let table = instance.get_table(&store, table).unwrap();
                for (index, &expected) in (0..).zip(expected) {
                    let Some(Ref::Func(element)) = table.get(&store, index) else { panic!() };
                    let call = |func: Func| {
                        func.typed::<(), i32>(&store).unwrap().call(&mut store, ()).unwrap()
                    };
                    assert_eq!(element.map(call), expected, "{way}: {index}");
                }
            }
        });
    }
}

/// Each engine numbers types itself, and the code compares the numbers of its own engine.
#[test]
fn indirect_calls_compare_the_types_of_the_engine() {
    let _alone = counts::run_alone();
    let text = r#"(module
        (type $a (func (param i32) (result i32)))
        (type $b (func (param i64) (result i32)))
        (rec (type $r1 (func (param (ref null $r2)))) (type $r2 (func (param (ref null $r1)))))
        (rec (type $s1 (func (param (ref null $s2)))) (type $s2 (func (param (ref null $s1)))))
        (rec (type $t (func (param (ref null $t)))))
        (type $takes (func (param (ref null $a)) (result i32)))
        (table 6 funcref)
        (elem (i32.const 0) $a $b $r $s $t)
        (func $a (type $a) (i32.add (local.get 0) (i32.const 1)))
        (func $b (type $b) (i32.wrap_i64 (local.get 0)))
        (func $r (type $r1))
        (func $s (type $s2))
        (func $t (type $t))
        (func (export "as a") (param i32) (result i32)
          (call_indirect (type $a) (i32.const 7) (local.get 0)))
        (func (export "as b") (param i32) (result i32)
          (call_indirect (type $b) (i64.const 9) (local.get 0)))
        (func (export "as r1") (param i32) (call_indirect (type $r1) (ref.null $r2) (local.get 0)))
        (func (export "as s1") (param i32) (call_indirect (type $s1) (ref.null $s2) (local.get 0)))
        (func (export "as r2") (param i32) (call_indirect (type $r2) (ref.null $r1) (local.get 0)))
        (func (export "as t") (param i32) (call_indirect (type $t) (ref.null $t) (local.get 0)))
        (func (export "by reference") (type $takes) (call_ref $a (i32.const 1) (local.get 0)))
        (func (export "a reference") (result (ref $a)) (ref.func $a)))"#;
    for opt_level in LEVELS {
        in_each_way(opt_level, text, |way, module| {
            let mut store = Store::new(module.engine(), ());
            let instance = instance(&mut store, module);
            // For each function: the types as which it can be called.
            let fits = [
                ("as a", [true, false, false, false, false]),
                ("as b", [false, true, false, false, false]),
                ("as r1", [false, false, true, false, false]),
                ("as s1", [false, false, true, false, false]),
                ("as r2", [false, false, false, true, false]),
                ("as t", [false, false, false, false, true]),
            ];
            for (name, fits) in fits {
                let func = instance.get_func(&store, name).unwrap();
                let mut results = vec![Val::I32(0); func.ty(&store).results().len()];
                for (index, fits) in (0..).zip(fits) {
                    let called = func.call(&mut store, &[Val::I32(index)], &mut results);
                    match called {
                        Ok(()) => assert!(fits, "{way}: {name} {index}"),
                        Err(error) => {
                            assert_eq!(error.trap(), Some(Trap::BadSignature), "{way}: {name}");
                            assert!(!fits, "{way}: {name} {index}");
                        }
                    }
                }
                let error = func.call(&mut store, &[Val::I32(5)], &mut results).unwrap_err();
                assert_eq!(error.trap(), Some(Trap::IndirectCallToNull), "{way}");
            }
            let mut reference = [Val::I32(0)];
            let getter = instance.get_func(&store, "a reference").unwrap();
            getter.call(&mut store, &[], &mut reference).unwrap();
            let caller = instance.get_func(&store, "by reference").unwrap();
            let mut sum = [Val::I32(0)];
            caller.call(&mut store, &reference, &mut sum).unwrap();
            assert_eq!(sum[0].i32(), Some(2), "{way}");
        });
    }
}

#[test]
fn exceptions_find_their_handlers() {
    let _alone = counts::run_alone();
    let text = r#"(module
        (tag $number (export "number") (param i32))
        (tag $other)
        (func $throws (param i32) (throw $number (local.get 0)))
        (func $passes (param i32)
          (block $caught (try_table (catch $other $caught) (call $throws (local.get 0)))))
        (func (export "caught") (param i32) (result i32)
          (block $caught (result i32)
            (try_table (catch $number $caught) (call $passes (local.get 0)))
            (i32.const -1)))
        (func (export "all") (param i32) (result i32)
          (block $caught (try_table (catch_all $caught) (call $passes (local.get 0)))
            (return (i32.const -1)))
          (i32.const 3))
        (func (export "not caught") (param i32) (call $passes (local.get 0))))"#;
    for opt_level in LEVELS {
        in_each_way(opt_level, text, |way, module| {
            let mut store = Store::new(module.engine(), ());
            let instance = instance(&mut store, module);
            for (name, expected) in [("caught", 12), ("all", 3)] {
                let func = instance.get_typed_func::<i32, i32>(&store, name).unwrap();
                assert_eq!(func.call(&mut store, 12).unwrap(), expected, "{way}: {name}");
            }
            let func = instance.get_typed_func::<i32, ()>(&store, "not caught").unwrap();
            match func.call(&mut store, 5) {
                Err(Error::Exception(error)) => {
                    let exception = error.exception;
                    assert_eq!(exception.values(&store), [Val::I32(5)], "{way}");
                    assert_eq!(
                        Some(exception.tag(&store)),
                        instance.get_tag(&store, "number"),
                        "{way}"
                    );
                }
                other => panic!("{way}: {other:?}"),
            }
        });
    }
}

#[test]
fn traps_and_host_errors_have_the_same_backtraces() {
    let _alone = counts::run_alone();
    let text = r#"(module $deep
        (import "" "host" (func $host (param i32) (result i32)))
        (memory 1)
        (func $inner (param i32) (result i32)
          (i32.div_u (i32.const 10) (i32.load (local.get 0))))
        (func $middle (param i32) (result i32) (nop) (call $inner (call $host (local.get 0))))
        (func (export "outer") (param i32) (result i32) (call $middle (local.get 0))))"#;
    for opt_level in LEVELS {
        // Of the small and of the large module.
        let compiled = std::cell::RefCell::new([const { Vec::new() }; 2]);
        in_each_way(opt_level, text, |way, module| {
            let mut linker = Linker::new(module.engine());
            let host = |_: Caller<'_, ()>, value: i32| match value {
                -7 => Err(Error::msg("no sevens")),
                value => Ok(value),
            };
            linker.func_wrap("", "host", host).unwrap();
            let mut store = Store::new(module.engine(), ());
            let instance = linker.instantiate(&mut store, module).unwrap();
            let outer = instance.get_typed_func::<i32, i32>(&store, "outer").unwrap();
            let failures = [0, -1, -7].map(|value| {
                let error = outer.call(&mut store, value).unwrap_err();
                let backtrace = error.downcast_ref::<WasmBacktrace>().unwrap();
                assert!(backtrace.frames().iter().all(|frame| frame.module_offset().is_some()));
                format!("{error}\n{backtrace}")
            });
            assert!(failures[0].contains("integer divide by zero"), "{}", failures[0]);
            assert!(failures[0].contains("deep!inner") && failures[0].contains("deep!outer"));
            assert!(failures[1].contains("out of bounds memory access"), "{}", failures[1]);
            assert!(failures[2].contains("no sevens"), "{}", failures[2]);
            let mut compiled = compiled.borrow_mut();
            let compiled = &mut compiled[usize::from(way.contains("large"))];
            match compiled.is_empty() {
                true => compiled.extend(failures),
                false => assert_eq!(*compiled, failures, "{way}"),
            }
        });
    }
}

/// Many instances in slots that another module used, and slots that the image covers in part.
#[test]
fn instances_share_the_image_and_do_not_see_each_other() {
    let _alone = counts::run_alone();
    let long = "x".repeat(20_000);
    let text = format!(
        r#"(module (memory (export "memory") 1) (data (i32.const 5000) "{long}")
             (func (export "set") (i32.store8 (i32.const 5001) (i32.const 0))))"#
    );
    in_each_way(OptLevel::Speed, &text, |way, module| {
        let image = module.image().unwrap();
        assert!(image.as_fd().is_some(), "{way}");
        for _ in 0..20 {
            let mut store = Store::new(module.engine(), ());
            let instance = instance(&mut store, module);
            let memory = instance.get_memory(&store, "memory").unwrap();
            let bytes = memory.data(&store);
            assert!(bytes[5000..25_000].iter().all(|&byte| byte == b'x'), "{way}");
            assert!(bytes[..5000].iter().chain(&bytes[25_000..]).all(|&byte| byte == 0), "{way}");
            let set = instance.get_typed_func::<(), ()>(&store, "set").unwrap();
            set.call(&mut store, ()).unwrap();
            assert_eq!(memory.data(&store)[5001], 0);
        }
    });
}

#[test]
fn modules_without_functions_or_data_are_loaded() {
    let _alone = counts::run_alone();
    for text in [
        "(module)",
        "(module (memory 1))",
        r#"(module (memory 0) (data ""))"#,
        r#"(module (import "a" "b" (func)) (export "c" (func 0)))"#,
        r#"(module (global (export "g") i32 (i32.const 1)))"#,
    ] {
        in_each_way(OptLevel::None, text, |way, module| {
            let mut store = Store::new(module.engine(), ());
            let imports = module.imports().map(|_| Func::wrap(&mut store, || ()).into());
            let imports: Vec<Extern> = imports.collect();
            let instance = Instance::new(&mut store, module, &imports);
            assert!(instance.is_ok(), "{way}: {text}");
        });
    }
}

/// Code from the cache is written with the data of its own module.
#[test]
fn modules_that_share_code_have_their_own_data() {
    let _alone = counts::run_alone();
    let engine = Engine::new(&config(OptLevel::None)).unwrap();
    let text = |letter: &str| {
        format!(
            r#"(module (memory (export "m") 1) (data (i32.const 0) "{letter}{letter}")
                 (data "{letter}")
                 (func (export "f") (memory.init 1 (i32.const 8) (i32.const 0) (i32.const 1))))"#
        )
    };
    let modules = ["a", "b"].map(|letter| Module::new(&engine, text(letter)).unwrap());
    let loaded = modules.map(|module| load(&engine, &module.serialize().unwrap()).unwrap());
    for (module, letter) in loaded.iter().zip([b'a', b'b']) {
        let mut store = Store::new(&engine, ());
        let instance = instance(&mut store, module);
        let f = instance.get_typed_func::<(), ()>(&store, "f").unwrap();
        f.call(&mut store, ()).unwrap();
        let bytes = instance.get_memory(&store, "m").unwrap().data(&store);
        assert_eq!((bytes[0], bytes[1], bytes[2], bytes[8]), (letter, letter, 0, letter));
    }
}
