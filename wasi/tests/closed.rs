//! Dropping a store closes every descriptor of its guest. The only test of this program, since
//! neighbours would open descriptors too.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

use leakbench_runtime::{Engine, Linker, Module, Store};
use leakbench_wasi::{DESCRIPTORS_MAX, Exit, OpenDescriptors, WasiCtx, add_to_linker};

/// Opens files until the context refuses, moves one descriptor onto another each time, and ends as its
/// argument says: 0 returns, 1 traps, 2 exits, 3 passes a wrong address.
const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "file")
    (func (export "run") (param $end i32) (result i32)
        (local $opened i32)
        (loop $again
            (if (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4)
                    (i32.const 1) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 8)))
                (then
                    (local.set $opened (i32.add (local.get $opened) (i32.const 1)))
                    (br $again))))
        ;; Each descriptor from 5 on takes the number 4, which closes the one that had it.
        (local.set $opened (i32.const 5))
        (loop $again
            (if (i32.eqz (call $renumber (local.get $opened) (i32.const 4)))
                (then
                    (local.set $opened (i32.add (local.get $opened) (i32.const 1)))
                    (br $again))))
        (if (i32.eq (local.get $end) (i32.const 1)) (then unreachable))
        (if (i32.eq (local.get $end) (i32.const 2)) (then (call $exit (i32.const 9))))
        (if (i32.eq (local.get $end) (i32.const 3))
            (then (drop (call $open (i32.const 3) (i32.const 0) (i32.const -1) (i32.const 4)
                (i32.const 1) (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 8)))))
        (local.get $opened)))"#;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_dropped_store_closes_what_its_guest_opened() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::default();
    let module = Module::new(&engine, GUEST).unwrap();
    let mut linker = Linker::new(&engine);
    add_to_linker(&mut linker, |context| context).unwrap();
    let open = OpenDescriptors::default();
    let run = |end: i32| {
        let context = WasiCtx::builder().preopen(folder.path(), "/").unwrap();
        let context = context.counted_by(&open).build().unwrap();
        let before = descriptors();
        assert_eq!(open.count(), 1, "the directory");
        let mut store = Store::new(&engine, context);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let run = instance.get_typed_func::<i32, i32>(&store, "run").unwrap();
        let result = run.call(&mut store, end);
        // Of those that the guest opened, the last one is left, at number 4.
        assert_eq!(descriptors(), before + 1, "while the guest is alive: {result:?}");
        assert_eq!(open.count(), 2, "the directory and that one");
        result
    };
    run(0).unwrap();
    let before = descriptors();
    for _ in 0..3 {
        assert_eq!(run(0).unwrap(), DESCRIPTORS_MAX as i32);
        assert!(run(1).unwrap_err().trap().is_some());
        assert_eq!(run(2).unwrap_err().downcast_ref(), Some(&Exit(9)));
        assert!(run(3).unwrap_err().trap().is_none());
        assert_eq!(descriptors(), before);
        assert_eq!(open.count(), 0);
    }
}
