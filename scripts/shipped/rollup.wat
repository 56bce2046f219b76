;; Parses a JavaScript module with JSX by Rollup's parser, and prints the syntax tree's buffer. After it, prints
;; the 22 characters of the text's hash in base 64.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "program" "memory" (memory 0))
  (import "program" "__wbindgen_start" (func $begin))
  (import "program" "__wbindgen_add_to_stack_pointer" (func $stack (param i32) (result i32)))
  (import "program" "__wbindgen_export2" (func $allocate (param i32 i32) (result i32)))
  (import "program" "__wbindgen_export" (func $free (param i32 i32 i32)))
  (import "program" "parse" (func $parse (param i32 i32 i32 i32 i32 i32)))
  (import "program" "xxhashBase64Url" (func $hash (param i32 externref)))
  (data $text "INPUT")
  (global $size i32 (i32.const INPUT_BYTES))

  ;; A null reference stands for the Uint8Array with the text. The program receives no other JavaScript value.
  (func (export "__wbg_length_186163212ffe79c3") (param externref) (result i32) (global.get $size))
  (func (export "__wbg_prototypesetcall_13162965d1fe7aa3")
    (param $at i32) (param $length i32) (param $from externref)
    (memory.init $text (local.get $at) (i32.const 0) (local.get $length)))
  ;; JavaScript puts undefined, null, true and false into the table. This run does not read them.
  (func (export "__wbindgen_init_externref_table"))
  ;; Only a panic calls these.
  (func (export "__wbg_new_bb74001155cb8ca8") (result externref) unreachable)
  (func (export "__wbg_stack_575c4e0918581b9c") (param i32 externref) unreachable)
  (func (export "__wbg_error_757e9472f8410341")
    (export "__wbg___wbindgen_throw_4c88d8bf264fd984") (param i32 i32) unreachable)

  ;; Both functions return an address and a length, which are a vector for fd_write.
  (func $print (param $vector i32)
    (drop (call $fd_write
      (i32.const 1) (local.get $vector) (i32.const 1) (i32.add (local.get $vector) (i32.const 8))))
    (call $free (i32.load (local.get $vector)) (i32.load offset=4 (local.get $vector)) (i32.const 1)))
  (func (export "_start")
    (local $vector i32)
    (local $at i32)
    (call $begin)
    (local.set $vector (call $stack (i32.const -16)))
    ;; The program frees the text which it parses.
    (local.set $at (call $allocate (global.get $size) (i32.const 1)))
    (memory.init $text (local.get $at) (i32.const 0) (global.get $size))
    (call $parse (local.get $vector) (local.get $at) (global.get $size)
      (i32.const 0) (i32.const 1) (i32.const 0))
    (call $print (local.get $vector))
    (call $hash (local.get $vector) (ref.null extern))
    (call $print (local.get $vector))
    (drop (call $stack (i32.const 16)))))
