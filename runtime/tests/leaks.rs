//! No module leaves anything behind, at whatever step it fails. The tests count mappings and
//! descriptors before and after many modules.

#![allow(clippy::unwrap_used, reason = "a test")]

mod counts;

use std::num::NonZeroU32;
use std::process::Command;

use counts::{Counts, run_alone};
use leakbench_runtime::{
    Config, Engine, Error, Extern, Func, Instance, LinkError, Linker, Module, OptLevel, PoolConfig,
    Store,
};

const TIMES: usize = 1000;

fn engine(slots: u32, cached: bool) -> Engine {
    let config = Config {
        pool: PoolConfig { slots: NonZeroU32::new(slots).unwrap(), ..PoolConfig::default() },
        opt_level: OptLevel::None,
        code_cache_modules: Config::default().code_cache_modules.filter(|_| cached),
        ..Config::default()
    };
    Engine::new(&config).unwrap()
}

fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Repeats `once` with the cache and without, and checks that nothing remains.
fn repeat(what: &str, mut once: impl FnMut(&Engine)) {
    for cached in [true, false] {
        let engine = engine(4, cached);
        // The first rounds allocate what an engine or process keeps.
        once(&engine);
        let before = Counts::now();
        for _ in 0..TIMES {
            once(&engine);
        }
        before.assert_same_now(what);
    }
}

const WORKING: &str = r#"(module
    (memory 1) (data (i32.const 0) "data")
    (func (export "f") (result i32) (i32.store8 (i32.const 0) (i32.const 7)) (i32.load (i32.const 0))))"#;

#[test]
fn modules_from_creation_to_drop() {
    let _alone = run_alone();
    let binary = binary(WORKING);
    repeat("modules from creation to drop", |engine| {
        let module = Module::new(engine, &binary).unwrap();
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let f = instance.get_typed_func::<(), i32>(&store, "f").unwrap();
        assert_eq!(f.call(&mut store, ()).unwrap().to_le_bytes(), *b"\x07ata");
    });
}

#[test]
fn invalid_modules() {
    let _alone = run_alone();
    let ill_typed =
        binary(r#"(module (memory 1) (data (i32.const 0) "data") (func (result i32)))"#);
    repeat("invalid modules", |engine| {
        assert!(matches!(Module::new(engine, &ill_typed), Err(Error::Module(_))));
        assert!(matches!(Module::new(engine, b"\0asm"), Err(Error::Module(_))));
        assert!(matches!(Module::new(engine, b"(modul)"), Err(Error::Module(_))));
    });
}

#[test]
fn modules_that_need_unsupported_features() {
    let _alone = run_alone();
    let structs = binary("(module (type (struct)) (memory 1) (data (i32.const 0) \"x\"))");
    repeat("unsupported modules", |engine| {
        let error = Module::new(engine, &structs).unwrap_err();
        assert!(error.to_string().contains("which this runtime does not support"), "{error}");
    });
}

#[test]
fn modules_that_do_not_link() {
    let _alone = run_alone();
    let binary = binary(
        r#"(module (import "env" "f" (func (param i32))) (memory 1) (data (i32.const 0) "data"))"#,
    );
    repeat("unlinkable modules", |engine| {
        let module = Module::new(engine, &binary).unwrap();
        let mut store = Store::new(engine, ());
        let error = Linker::new(engine).instantiate(&mut store, &module).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown import: nothing provides 'env' 'f', a func (i32) -> ()"
        );
        let other: Extern = Func::wrap(&mut store, |_: i64| ()).into();
        let error = Instance::new(&mut store, &module, &[other]).unwrap_err();
        assert!(matches!(error, Error::Link(e) if matches!(*e, LinkError::Incompatible { .. })));
    });
}

#[test]
fn starts_that_trap() {
    let _alone = run_alone();
    let binary = binary(
        r#"(module (memory 1) (data (i32.const 0) "data")
             (func $f (i32.store (i32.const 0) (i32.const 1)) unreachable) (start $f))"#,
    );
    repeat("trapping starts", |engine| {
        let module = Module::new(engine, &binary).unwrap();
        let error = Instance::new(Store::new(engine, ()), &module, &[]).unwrap_err();
        assert!(error.trap().is_some(), "{error}");
    });
}

#[test]
fn pools_that_are_exhausted() {
    let _alone = run_alone();
    let binary = binary(WORKING);
    repeat("exhausted pools", |engine| {
        let module = Module::new(engine, &binary).unwrap();
        let mut store = Store::new(engine, ());
        for _ in 0..4 {
            Instance::new(&mut store, &module, &[]).unwrap();
        }
        let error = Instance::new(&mut store, &module, &[]).unwrap_err();
        assert!(matches!(error, Error::Memory(_)), "{error}");
        // The store is unchanged: dropping it frees all four slots.
    });
}

/// In a store that lives on: the memory allocated before the refused table is freed at once.
#[test]
fn tables_that_are_refused() {
    let _alone = run_alone();
    let refused =
        binary(r#"(module (memory 1) (data (i32.const 0) "data") (table 10000001 funcref))"#);
    let working = binary(WORKING);
    let engine = engine(4, true);
    let mut store = Store::new(&engine, ());
    let mut once = || {
        let module = Module::new(&engine, &refused).unwrap();
        let error = Instance::new(&mut store, &module, &[]).unwrap_err();
        assert!(matches!(error, Error::Table { .. }), "{error}");
    };
    once();
    let before = Counts::now();
    for _ in 0..TIMES {
        once();
    }
    before.assert_same_now("refused tables");
    // The store still works, with every slot.
    let module = Module::new(&engine, &working).unwrap();
    for _ in 0..4 {
        Instance::new(&mut store, &module, &[]).unwrap();
    }
}

#[test]
fn host_functions_that_fail() {
    let _alone = run_alone();
    let binary = binary(
        r#"(module (import "" "" (func $f)) (memory 1) (data (i32.const 0) "x") (start $f))"#,
    );
    repeat("failing host functions", |engine| {
        let module = Module::new(engine, &binary).unwrap();
        let mut linker = Linker::<()>::new(engine);
        let kept = vec![0u8; 1 << 20];
        let fail = move || Err::<(), _>(Error::msg(format!("{} bytes kept", kept.len())));
        linker.func_wrap("", "", fail).unwrap();
        let error = linker.instantiate(Store::new(engine, ()), &module).unwrap_err();
        assert_eq!(error.to_string(), "1048576 bytes kept");
    });
}

#[test]
fn engines() {
    let _alone = run_alone();
    let binary = binary(WORKING);
    let before = Counts::now();
    for _ in 0..50 {
        let engine = engine(4, true);
        let module = Module::new(&engine, &binary).unwrap();
        Instance::new(Store::new(&engine, ()), &module, &[]).unwrap();
    }
    before.assert_same_now("engines");
}

/// The counts detect things that are kept.
#[test]
fn the_counts_detect_kept_modules() {
    let _alone = run_alone();
    let binary = binary(WORKING);
    let engine = engine(4, false);
    // The engine keeps some pages of dropped code.
    const KEPT: usize = 16;
    let modules = |count| -> Vec<Module> {
        (0..count).map(|_| Module::new(&engine, &binary).unwrap()).collect()
    };
    drop(modules(KEPT));
    let before = Counts::now();
    let modules = modules(100);
    let now = Counts::now();
    assert_eq!(now.fds, before.fds + 100, "each has an image");
    assert_eq!(now.code_bytes, before.code_bytes + (100 - KEPT) * 4096, "and code");
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &modules[0], &[]).unwrap();
    assert_eq!(Counts::now().images, before.images + 1, "an instance maps its image");
    drop(modules);
    // The store still keeps one.
    assert_eq!(Counts::now().fds, before.fds + 1);
    assert!(instance.get_func(&store, "f").is_some());
    drop(store);
    before.assert_same_now("all dropped");
}

#[test]
fn code_is_never_writable_and_executable() {
    let _alone = run_alone();
    let engine = engine(4, false);
    let _modules: Vec<Module> =
        (0..10).map(|_| Module::new(&engine, binary(WORKING)).unwrap()).collect();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let permissions: Vec<&str> =
        maps.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert!(permissions.iter().any(|p| p.contains('x')));
    assert!(!permissions.iter().any(|p| p.contains('w') && p.contains('x')), "{maps}");
}

const CHILD: &str = "LEAKBENCH_TEST_CHILD";

/// Without free descriptors no image can be created. Runs in a process of its own, whose limit it
/// lowers.
#[test]
fn images_that_are_refused() {
    let _alone = run_alone();
    let status = Command::new("/bin/sh")
        .args(["-c", "ulimit -n 12; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "images_that_are_refused_here", "--include-ignored"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn images_that_are_refused_here() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let binary = binary(WORKING);
    let engine = engine(4, false);
    let mut kept = Vec::new();
    while let Ok(module) = Module::new(&engine, &binary) {
        kept.push(module);
    }
    assert!(!kept.is_empty());
    // Counting needs a descriptor.
    drop(kept.pop());
    let before = Counts::now();
    kept.push(Module::new(&engine, &binary).unwrap());
    for _ in 0..TIMES {
        let error = Module::new(&engine, &binary).unwrap_err();
        assert!(matches!(error, Error::Image(_)), "{error}");
    }
    drop(kept.pop());
    before.assert_same_now("refused images");
}
