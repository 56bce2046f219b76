;; Derives a key by a module of hash-wasm and prints what it leaves in its buffer. The script replaces DERIVE by the
;; name of the function, ARGS by its arguments, TOTAL by the size of the buffer and RESULT by that of what is printed.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "program" "memory" (memory 0))
  (import "program" "Hash_GetBuffer" (func $buffer (result i32)))
  GROWS
  (import "program" "DERIVE" (func $derive TYPES))
  (data $input "INPUT")
  (func (export "_start")
    (local $at i32)
    GROW
    (local.set $at (call $buffer))
    (memory.init $input (local.get $at) (i32.const 0) (i32.const TOTAL))
    (call $derive ARGS)
    ;; The vector for fd_write stands where no module of these has its buffer.
    (i32.store (i32.const 1024) (local.get $at))
    (i32.store (i32.const 1028) (i32.const RESULT))
    (drop (call $fd_write (i32.const 1) (i32.const 1024) (i32.const 1) (i32.const 1032)))))
