;; Hashes the input by a module of hash-wasm and prints the digest's bytes. The script replaces INIT and FINAL by
;; the parameters of the algorithm's functions, and SIZE by the digest's size in bytes.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "program" "memory" (memory 0))
  (import "program" "Hash_GetBuffer" (func $buffer (result i32)))
  (import "program" "Hash_Init" (func $init INIT_TYPE))
  (import "program" "Hash_Update" (func $update (param i32)))
  (import "program" "Hash_Final" (func $final FINAL_TYPE))
  (data $text "INPUT")
  (func (export "_start")
    (local $at i32)
    (local.set $at (call $buffer))
    BUFFER
    (call $init INIT)
    (memory.init $text (local.get $at) (i32.const 0) (i32.const INPUT_BYTES))
    (call $update (i32.const INPUT_BYTES))
    (call $final FINAL)
    ;; The vector for fd_write stands behind the digest.
    (i32.store offset=256 (local.get $at) (local.get $at))
    (i32.store offset=260 (local.get $at) (i32.const SIZE))
    (drop (call $fd_write (i32.const 1) (i32.add (local.get $at) (i32.const 256)) (i32.const 1)
      (i32.add (local.get $at) (i32.const 264))))))
