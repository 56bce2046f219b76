//! The file in which profilers find names. One test, because it is one file for the process.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::ops::Range;

use leakbench_runtime::{Config, Engine, Instance, Module, ProfilingStrategy, Store};

/// The functions in the map: their addresses and names.
fn functions(path: &str) -> Vec<(Range<usize>, String)> {
    let map = fs::read_to_string(path).unwrap();
    let number = |text: &str| usize::from_str_radix(text, 16).unwrap();
    let function = |line: &str| {
        let mut fields = line.splitn(3, ' ');
        let (start, len) = (number(fields.next().unwrap()), number(fields.next().unwrap()));
        (start..start + len, fields.next().unwrap().to_owned())
    };
    map.lines().map(function).collect()
}

#[test]
fn the_map_has_the_functions_and_trampolines() {
    let path = format!("/tmp/perf-{}.map", std::process::id());
    // A process that had this number may have left one.
    fs::write(&path, "0 1 stale\n").unwrap();
    let plain = Engine::default();
    Module::new(&plain, "(module $quiet (func))").unwrap();
    let mut config = Config::default();
    config.profiler(ProfilingStrategy::PerfMap);
    let engine = Engine::new(&config).unwrap();
    assert_eq!(functions(&path), []);
    let text = r#"(module $profiled
        (import "" "host" (func $host))
        (func $named (call $host))
        (func (export "exported") (call $named))
        (func)
        (func $"two\nlines"))"#;
    let module = Module::new(&engine, text).unwrap();
    let found = functions(&path);
    let names: Vec<&str> = found.iter().map(|(_, name)| &**name).collect();
    let expected =
        ["profiled!named", "profiled!exported", "profiled!<wasm function 3>", "profiled!two?lines"];
    assert_eq!(names, expected);
    let code = module.image_range();
    for ((place, name), function) in found.iter().zip(module.functions()) {
        let start = code.start.addr() + function.offset;
        assert_eq!(*place, start..start + function.len, "{name}");
    }
    // The second engine adds to the file.
    let second = Engine::new(&config).unwrap();
    let mut store = Store::new(&second, ());
    let module = Module::new(&second, text).unwrap();
    let host = leakbench_runtime::Func::wrap(&mut store, || ());
    let instance = Instance::new(&mut store, &module, &[host.into()]).unwrap();
    instance.get_typed_func::<(), ()>(&store, "exported").unwrap().call(&mut store, ()).unwrap();
    let mut added: Vec<String> = functions(&path).into_iter().skip(4).map(|(_, n)| n).collect();
    added.retain(|name| !name.starts_with("profiled!"));
    added.sort_unstable();
    let trampolines = ["(entry trampoline of func () -> ())", "(host trampoline of func () -> ())"];
    assert_eq!(added, trampolines);
    fs::remove_file(&path).unwrap();
    // A link that someone else left there is not followed.
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "kept").unwrap();
    std::os::unix::fs::symlink(&victim, &path).unwrap();
    let error = Engine::new(&config).unwrap_err().to_string();
    assert!(error.starts_with("cannot create /tmp/perf-"), "{error}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
    fs::remove_file(&path).unwrap();
}
