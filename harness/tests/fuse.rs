//! `leakbench fuse`: a composition becomes one module with one memory, which computes the same.

mod common;

use std::path::Path;
use std::process::Output;

use common::leakbench;
use tempfile::TempDir;

/// Two components with a memory each. The first passes strings and a resource to the second.
const COMPOSITION: &str = r#"(component
  (component $store
    (core module $m
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $next))
        (global.set $next (i32.add (local.get $at) (i32.add (local.get 3) (i32.const 8))))
        (local.get $at))
      (func (export "sum") (param $at i32) (param $len i32) (result i32)
        (local $sum i32)
        (loop $more
          (if (local.get $len)
            (then
              (local.set $len (i32.sub (local.get $len) (i32.const 1)))
              (local.set $sum (i32.add (local.get $sum)
                (i32.load8_u (i32.add (local.get $at) (local.get $len)))))
              (br $more))))
        (i32.store (i32.const 16) (local.get $sum))
        (local.get $sum)))
    (core instance $i (instantiate $m))
    (func (export "sum") (param "text" string) (result u32)
      (canon lift (core func $i "sum") (memory (core memory $i "memory"))
        (realloc (core func $i "realloc")))))
  (component $main
    (import "sum" (func $sum (param "text" string) (result u32)))
    (core module $libc
      (memory (export "memory") 1 2)
      (data (i32.const 32) "a composition of two components"))
    (core instance $libc (instantiate $libc))
    (core func $sum (canon lower (func $sum) (memory (core memory $libc "memory"))))
    (core module $m
      (import "libc" "memory" (memory 1))
      (import "host" "sum" (func $sum (param i32 i32) (result i32)))
      (func (export "prefix") (param i32) (result i32)
        (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
        (i32.mul (i32.load (i32.const 8)) (call $sum (i32.const 32) (local.get 0))))
      (func (export "load") (param i32) (result i32)
        (i32.load (i32.shl (local.get 0) (i32.const 10)))))
    (core instance $host (export "sum" (func $sum)))
    (core instance $i (instantiate $m (with "libc" (instance $libc)) (with "host" (instance $host))))
    (func (export "prefix") (param "bytes" u32) (result u32) (canon lift (core func $i "prefix")))
    (func (export "load") (param "kib" u32) (result u32) (canon lift (core func $i "load"))))
  (instance $store (instantiate $store))
  (instance $main (instantiate $main (with "sum" (func $store "sum"))))
  (export "prefix" (func $main "prefix"))
  (export "load" (func $main "load"))
  (export "sum" (func $store "sum")))"#;

/// A folder with the composition.
fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("app.wat"), text).expect("it is writable");
    folder
}

fn fuse(folder: &Path, flags: &[&str]) -> Output {
    let mut command = leakbench(&[&["fuse", "app.wat", "--out", "one.wasm"], flags].concat());
    command.current_dir(folder).output().expect("the binary starts")
}

fn last_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_composition_becomes_a_module_that_computes_the_same() {
    let folder = folder(COMPOSITION);
    let flags = ["--max-memory", "1MiB", "--verify", "300"];
    let output = fuse(folder.path(), &flags);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("left out   sum takes or returns values that are no numbers"), "{text}");
    let last = last_line(&output);
    assert!(last.starts_with("fused: 4 core instances with 2 memories"), "{last}");
    let mut run = leakbench(&["wasm", "run", "one.wasm", "--invoke", "prefix", "--", "3"]);
    let output = run.current_dir(folder.path()).output().expect("the binary starts");
    let sum = b"a c".iter().map(|byte| u32::from(*byte)).sum::<u32>();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), sum.to_string());
}

/// An address beyond the memory is one of the other in a trusted module, so that loads differ. No file is
/// written.
#[test]
fn a_module_that_differs_is_not_written() {
    let folder = folder(COMPOSITION);
    let flags = ["--max-memory", "1MiB", "--verify", "300", "--isolation", "trusted"];
    let output = fuse(folder.path(), &flags);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("\ncall       load("), "{text}");
    assert!(last_line(&output).starts_with("NOT fused: the fused module differs"), "{text}");
    assert!(!folder.path().join("one.wasm").exists());
}

#[test]
fn what_cannot_be_fused_is_refused_and_no_file_is_written() {
    for (text, flags, words) in [
        (COMPOSITION, &[][..], "a memory of instance 0 has no maximum: set one for such memories"),
        ("(module)", &[], "it is a core module and no component"),
        ("(component)", &[], "it exports no function that takes and returns numbers only"),
        (r#"(component (import "f" (func)))"#, &[], "imports f"),
        ("(component", &[], "it is not the text of a component"),
        (COMPOSITION, &["--max-memory", "4GiB"], "set a lower maximum"),
    ] {
        let folder = folder(text);
        let output = fuse(folder.path(), flags);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("app.wat: ") && message.contains(words), "{message}");
        assert!(!folder.path().join("one.wasm").exists());
    }
}
