//! References to functions of one type, and references that are never null.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;

use leakbench_runtime::{
    Caller, Config, Engine, Error, Extern, Func, FuncType, Global, GlobalType, HeapType, Instance,
    Linker, Module, Mutability, OptLevel, Ref, RefType, Store, Table, TableType, Trap, Val,
    ValType,
};

const LEVELS: [OptLevel; 2] = [OptLevel::None, OptLevel::Speed];

fn engine(opt_level: OptLevel) -> Engine {
    Engine::new(&Config { opt_level, ..Config::default() }).unwrap()
}

fn module(engine: &Engine, text: &str) -> Module {
    Module::new(engine, wat::parse_str(text).unwrap()).unwrap()
}

fn instance(store: &mut Store<()>, text: &str, imports: &[Extern]) -> Result<Instance, Error> {
    let module = module(store.engine(), text);
    Instance::new(store, &module, imports)
}

fn invoke(
    store: &mut Store<()>,
    instance: Instance,
    name: &str,
    args: &[Val],
) -> Result<Val, Error> {
    let mut results = [Val::I32(0)];
    instance.get_func(&*store, name).unwrap().call(store, args, &mut results)?;
    Ok(results[0])
}

const TEXT: &str = r#"(module
    (type $f (func (param i32) (result i32)))
    (type $g (func (param i64) (result i64)))
    (type $takes (func (param (ref $f)) (result i32)))
    (import "host" "takes" (func $host (type $takes)))
    (global $double (export "double ref") (ref $f) (ref.func $double))
    (global $slot (export "slot") (mut (ref null $f)) (ref.null $f))
    (table $t (export "table") 3 10 (ref null $f))
    (table $never (export "never null") 2 (ref $f) (ref.func $double))
    (elem (table $t) (i32.const 1) (ref null $f) (ref.func $double) (ref.null $f))
    (func $double (export "double") (type $f) (i32.mul (local.get 0) (i32.const 2)))
    (func $other (export "other") (type $g) (local.get 0))
    (func (export "takes") (type $takes) (call_ref $f (i32.const 21) (local.get 0)))
    (func (export "to host") (param (ref null $f)) (result i32)
        (call $host (ref.as_non_null (local.get 0))))
    (func (export "from table") (param i32) (result i32)
        (call_ref $f (i32.const 4) (table.get $t (local.get 0))))
    (func (export "never null at") (param i32) (result i32)
        (return_call_ref $f (i32.const 5) (table.get $never (local.get 0))))
    (func (export "or") (param (ref null $f) i32) (result i32)
        (block $null
            (return (call_ref $f (i32.const 8) (br_on_null $null (local.get 0)))))
        (local.get 1))
    (func (export "or else") (param (ref null $f) i32) (result i32) (local $some (ref $f))
        (local.set $some (block $some (result (ref $f))
            (br_on_non_null $some (local.get 0))
            (return (local.get 1))))
        (call_ref $f (i32.const 9) (local.get $some)))
    (func (export "get") (result (ref null $f)) (global.get $slot)))"#;

#[test]
fn references_to_functions_of_one_type() {
    for opt_level in LEVELS {
        let engine = engine(opt_level);
        let mut store = Store::new(&engine, ());
        let module = module(&engine, TEXT);
        let Some(import) = module.imports().next() else { panic!("an import") };
        let leakbench_runtime::ExternType::Func(takes) = import.ty() else { panic!("a function") };
        let host = |mut caller: Caller<'_, ()>, params: &[Val], results: &mut [Val]| {
            let [Val::FuncRef(Some(func))] = params else { panic!("a function, not null") };
            func.call(&mut caller, &[Val::I32(50)], results)
        };
        let mut linker = Linker::new(&engine);
        linker.func_new("host", "takes", takes.clone(), host).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let mut call = |name: &str, args: &[Val]| invoke(&mut store, instance, name, args);
        let null = Val::FuncRef(None);
        assert_eq!(call("get", &[]).unwrap(), null);
        assert_eq!(call("from table", &[Val::I32(1)]).unwrap(), Val::I32(8));
        for empty in [0, 2] {
            let error = call("from table", &[Val::I32(empty)]).unwrap_err();
            assert_eq!(error.trap(), Some(Trap::NullReference));
        }
        for at in [0, 1] {
            assert_eq!(call("never null at", &[Val::I32(at)]).unwrap(), Val::I32(10));
        }
        assert_eq!(call("or", &[null, Val::I32(7)]).unwrap(), Val::I32(7));
        assert_eq!(call("or else", &[null, Val::I32(7)]).unwrap(), Val::I32(7));
        assert_eq!(call("to host", &[null]).unwrap_err().trap(), Some(Trap::NullReference));
        assert!(call("takes", &[null]).is_err(), "null is of another type");

        let double: Val = instance.get_func(&store, "double").unwrap().into();
        let other: Val = instance.get_func(&store, "other").unwrap().into();
        let mut call = |name: &str, args: &[Val]| invoke(&mut store, instance, name, args);
        assert_eq!(call("or", &[double, Val::I32(7)]).unwrap(), Val::I32(16));
        assert_eq!(call("or else", &[double, Val::I32(7)]).unwrap(), Val::I32(18));
        assert_eq!(call("takes", &[double]).unwrap(), Val::I32(42));
        assert_eq!(call("to host", &[double]).unwrap(), Val::I32(100));
        let error = call("takes", &[other]).unwrap_err().to_string();
        assert!(error.starts_with("expected (ref type "), "{error}");

        // The host cannot put other functions or null where the guest does not expect them.
        let slot = instance.get_global(&store, "slot").unwrap();
        assert!(slot.set(&mut store, other).is_err());
        slot.set(&mut store, double).unwrap();
        assert_eq!(invoke(&mut store, instance, "get", &[]).unwrap(), double);
        let [double, other, null] = [double, other, null].map(|value| value.ref_().unwrap());
        let table = instance.get_table(&store, "table").unwrap();
        assert!(table.set(&mut store, 0, other).is_err());
        table.set(&mut store, 0, double).unwrap();
        assert!(table.grow(&mut store, 1, other).is_err());
        assert_eq!(table.grow(&mut store, 1, null).unwrap(), 3);
        let never = instance.get_table(&store, "never null").unwrap();
        assert!(never.set(&mut store, 0, null).is_err());
        assert!(never.grow(&mut store, 1, null).is_err());
        assert_eq!(never.grow(&mut store, 1, double).unwrap(), 2);
        let HeapType::ConcreteFunc(id) = never.ty(&store).element().heap_type() else {
            panic!("a concrete type")
        };
        assert_eq!(engine.func_type(id).unwrap().to_string(), "func (i32) -> (i32)");
        let concrete = ValType::Ref(RefType::new(false, HeapType::ConcreteFunc(id)));
        assert_eq!(takes, FuncType::new(&engine, [concrete], [ValType::I32]));
    }
}

/// A host function whose result is never null cannot return null.
#[test]
fn results_of_host_functions_are_checked() {
    let mut store = Store::new(&engine(OptLevel::Speed), ());
    let some = RefType::new(false, HeapType::Func);
    let ty = FuncType::new(store.engine(), [], [ValType::Ref(some)]);
    let host = |_: Caller<'_, ()>, _: &[Val], results: &mut [Val]| {
        assert_eq!(results, [Val::FuncRef(None)]);
        Ok(())
    };
    let host = Func::new(&mut store, ty, host);
    let text = r#"(module (import "" "" (func $f (result (ref func))))
        (func (export "f") (result i32) (ref.is_null (call $f))))"#;
    let instance = instance(&mut store, text, &[host.into()]).unwrap();
    let error = invoke(&mut store, instance, "f", &[]).unwrap_err().to_string();
    assert_eq!(error, "expected (ref func), found funcref (a host function's result)");
}

/// Immutable globals can be imported as wider types, and nothing else.
#[test]
fn imports_accept_narrower_immutable_globals_only() {
    let mut store = Store::new(&engine(OptLevel::Speed), ());
    let func = Func::wrap(&mut store, |x: i32| x);
    let narrow = ValType::Ref(RefType::new(false, HeapType::Func));
    for (content, mutable, import, fits) in [
        (narrow, false, "(global funcref)", true),
        (narrow, false, "(global (ref func))", true),
        (narrow, true, "(global (mut funcref))", false),
        (narrow, true, "(global (mut (ref func)))", true),
        (ValType::FUNCREF, false, "(global (ref func))", false),
        (ValType::FUNCREF, false, "(global (mut funcref))", false),
    ] {
        let mutability = if mutable { Mutability::Var } else { Mutability::Const };
        let ty = GlobalType::new(content, mutability);
        let global = Global::new(&mut store, ty, func.into()).unwrap();
        let text = format!(r#"(module (import "a" "b" {import}))"#);
        let outcome = instance(&mut store, &text, &[global.into()]);
        assert_eq!(outcome.is_ok(), fits, "{content} {mutable} {import}");
    }
    assert!(
        Global::new(&mut store, GlobalType::new(narrow, Mutability::Const), Val::FuncRef(None))
            .is_err()
    );
    let ty = TableType::new(RefType::new(false, HeapType::Func), 1, None);
    assert!(Table::new(&mut store, ty, Ref::Func(None)).is_err());
    let table = Table::new(&mut store, ty, func.into()).unwrap();
    for (import, fits) in [("(table 1 funcref)", false), ("(table 1 (ref func))", true)] {
        let text = format!(r#"(module (import "a" "b" {import}))"#);
        assert_eq!(instance(&mut store, &text, &[table.into()]).is_ok(), fits, "{import}");
    }
}

/// Equal types of two modules are one type of the engine, also if they contain others. A type stays
/// known while a type that contains it is in use.
#[test]
fn equal_types_of_modules_are_one() {
    let engine = engine(OptLevel::None);
    let text = |padding: &str, value: u32| {
        format!(
            r#"(module
                (type {padding} (func (param f32)))
                (type $unit (func (param i64 {value})))
                (type $f (func (param (ref null $unit))))
                (func (export "f") (type $f)))"#,
            value = "i32 ".repeat(value as usize),
        )
    };
    let ty = |module: &Module| module.exported_func("f").unwrap().clone();
    let (first, second) = (module(&engine, &text("$a", 1)), module(&engine, &text("$b", 1)));
    let other = module(&engine, &text("$a", 2));
    assert_eq!(ty(&first), ty(&second));
    assert_ne!(ty(&first), ty(&other));
    let kept = ty(&first);
    let ValType::Ref(inner) = kept.params()[0] else { panic!("a reference") };
    let HeapType::ConcreteFunc(id) = inner.heap_type() else { panic!("a concrete type") };
    assert_eq!(engine.func_type(id).unwrap().to_string(), "func (i64, i32) -> ()");
}

/// Types that nothing uses are forgotten, and cannot be used again.
#[test]
fn unused_types_are_forgotten() {
    let config = Config { code_cache_modules: None, ..Config::default() };
    let engine = Engine::new(&config).unwrap();
    // The engine keeps the first types that it sees.
    let many: String = (0..1100).fold(String::new(), |mut text, n| {
        write!(text, "(type (func (param{})))", " i32".repeat(n % 40) + &" i64".repeat(n / 40))
            .unwrap();
        text
    });
    drop(module(&engine, &format!("(module {many})")));
    let text = r#"(module (type $u (func (param f64 f64 f64)))
        (type $f (func (param (ref $u)))) (func (export "f") (type $f)))"#;
    let used = module(&engine, text);
    let ty = used.exported_func("f").unwrap().clone();
    let ValType::Ref(inner) = ty.params()[0] else { panic!("a reference") };
    let HeapType::ConcreteFunc(id) = inner.heap_type() else { panic!("a concrete type") };
    assert!(engine.func_type(id).is_some());
    let mut store = Store::new(&engine, ());
    Func::try_new(&mut store, ty.clone(), |_: Caller<'_, ()>, _, _| Ok(())).unwrap();
    drop(used);
    assert!(engine.func_type(id).is_some(), "the host function has it");
    drop(store);
    assert!(engine.func_type(id).is_none());
    let mut store = Store::new(&engine, ());
    let error = Func::try_new(&mut store, ty, |_: Caller<'_, ()>, _, _| Ok(())).unwrap_err();
    assert!(error.to_string().ends_with("that the engine does not use any more"), "{error}");
}

/// Types that are nested deeply do not overrun the stack when they are dropped, and types that
/// contain one type twice are not as large as they would be in full.
#[test]
fn deeply_nested_types_are_dropped() {
    const DEPTH: usize = 50_000;
    let mut text = String::from("(module (type $0 (func))");
    for n in 1..DEPTH {
        write!(text, "(type ${n} (func (param (ref ${0}) (ref ${0}))))", n - 1).unwrap();
    }
    write!(text, r#"(func (export "f") (type ${})))"#, DEPTH - 1).unwrap();
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(move || {
        let engine = engine(OptLevel::None);
        let mut store = Store::new(&engine, ());
        let module = module(&engine, &text);
        let ty = module.exported_func("f").unwrap().clone();
        // The host function is the last that uses the outermost type.
        Func::try_new(&mut store, ty, |_: Caller<'_, ()>, _, _| Ok(())).unwrap();
        drop(module);
        drop(store);
    });
    thread.unwrap().join().unwrap();
}

/// Types that refer to each other are those of other modules with the same group, and no others.
#[test]
fn recursive_types_are_those_of_equal_groups() {
    let exporter = r#"(module
        (rec (type $f (func (param i32) (result (ref null $g))))
            (type $g (func (param (ref null $f)) (result i32))))
        (global $g (mut (ref null $g)) (ref.null $g))
        (func $call (export "g") (type $g)
            (if (result i32) (ref.is_null (local.get 0)) (then (i32.const 1))
                (else (i32.add (i32.const 10) (call_ref $g (ref.null $f)
                    (ref.as_non_null (call_ref $f (i32.const 5) (local.get 0))))))))
        (func (export "f") (type $f) (ref.func $call)))"#;
    let importer = |group: &str| {
        format!(
            r#"(module {group}
                (import "" "f" (func $f (type $f))) (import "" "g" (func $g (type $g)))
                (elem declare func $f)
                (func (export "run") (result i32) (call $g (ref.func $f))))"#
        )
    };
    let equal = "(rec (type $f (func (param i32) (result (ref null $g))))
        (type $g (func (param (ref null $f)) (result i32))))";
    let longer = "(rec (type $f (func (param i32) (result (ref null $g))))
        (type $g (func (param (ref null $f)) (result i32))) (type (func)))";
    let other_order = "(rec (type $g (func (param (ref null $f)) (result i32)))
        (type $f (func (param i32) (result (ref null $g)))))";
    for opt_level in LEVELS {
        let mut store = Store::new(&engine(opt_level), ());
        let exporter = instance(&mut store, exporter, &[]).unwrap();
        let imports = ["f", "g"].map(|name| exporter.get_export(&store, name).unwrap());
        for (group, fits) in [(equal, true), (longer, false), (other_order, false)] {
            let importer = instance(&mut store, &importer(group), &imports);
            assert_eq!(importer.is_ok(), fits, "{group}");
            if let Ok(importer) = importer {
                assert_eq!(invoke(&mut store, importer, "run", &[]).unwrap(), Val::I32(11));
            }
        }
    }
}
