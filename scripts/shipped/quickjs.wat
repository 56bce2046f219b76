;; Evaluates JavaScript and prints the result as text.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "program" "memory" (memory 0))
  (import "program" "_initialize" (func $initialize))
  (import "program" "wasm_malloc" (func $malloc (param i32) (result i32)))
  (import "program" "qjs_init" (func $init (result i32)))
  (import "program" "qjs_eval" (func $eval (param i32 i32 i32 i32) (result i32)))
  (import "program" "qjs_is_exception" (func $is_exception (param i32) (result i32)))
  (import "program" "qjs_get_exception" (func $exception (result i32)))
  (import "program" "qjs_get_string_len" (func $string (param i32 i32) (result i32)))
  (import "program" "qjs_destroy" (func $destroy))
  (data $code "INPUT")
  (data $name "program.js\00")
  (global $size i32 (i32.const INPUT_BYTES))

  (func (export "host_get_timezone_offset") (param i32 i32) (result i32) (i32.const 0))
  (func (export "host_interrupt") (result i32) (i32.const 0))

  (func (export "_start")
    (local $room i32) (local $name i32) (local $value i32)
    (if (call $init) (then unreachable))
    ;; 16 bytes for fd_write, the code with a zero behind it, and the file's name.
    (local.set $room (call $malloc (i32.add (global.get $size) (i32.const 32))))
    (local.set $name (i32.add (local.get $room) (i32.add (global.get $size) (i32.const 17))))
    (memory.init $code
      (i32.add (local.get $room) (i32.const 16)) (i32.const 0) (global.get $size))
    (i32.store8 (i32.sub (local.get $name) (i32.const 1)) (i32.const 0))
    (memory.init $name (local.get $name) (i32.const 0) (i32.const 11))
    (local.set $value (call $eval
      (i32.add (local.get $room) (i32.const 16)) (global.get $size) (local.get $name)
      (i32.const 0)))
    (if (call $is_exception (local.get $value))
      (then (local.set $value (call $exception))))
    (i32.store (local.get $room)
      (call $string (local.get $value) (i32.add (local.get $room) (i32.const 4))))
    (drop (call $fd_write (i32.const 1) (local.get $room) (i32.const 1)
      (i32.add (local.get $room) (i32.const 8))))
    (call $destroy)))
