;; Opens its folder twice, moves the second descriptor onto the first, and closes it.
(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 512) ".")
    (func $open_folder (param $result i32)
        ;; Descriptor 3 is the folder; the flag of a directory is 2.
        (if (call $open (i32.const 3) (i32.const 0) (i32.const 512) (i32.const 1) (i32.const 2)
                (i64.const 0) (i64.const 0) (i32.const 0) (local.get $result))
            (then unreachable)))
    (func (export "_start")
        (call $open_folder (i32.const 0))
        (call $open_folder (i32.const 4))
        (if (call $renumber (i32.load (i32.const 4)) (i32.load (i32.const 0))) (then unreachable))
        (if (call $close (i32.load (i32.const 0))) (then unreachable))))
