;; Finds all matches of a scanner of vscode-oniguruma with five patterns in a text. Prints each match as 32-bit
;; integers, little-endian: the pattern's number, the number of groups, and each group's start and end in bytes
;; of UTF-8 (-1 for a group which did not take part).
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "program" "memory" (memory 0))
  (import "program" "__wasm_call_ctors" (func $construct))
  (import "program" "omalloc" (func $allocate (param i32) (result i32)))
  (import "program" "createOnigScanner" (func $scanner (param i32 i32 i32 i32 i32) (result i32)))
  (import "program" "findNextOnigScannerMatch"
    (func $find (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "program" "freeOnigScanner" (func $free (param i32) (result i32)))
  (data $patterns "PATTERNS")
  (data $text "INPUT")
  (global $patterns_size i32 (i32.const PATTERNS_BYTES))
  (global $text_size i32 (i32.const INPUT_BYTES))
  (global $syntax (mut i32) (i32.const 0))
  (global $options (mut i32) (i32.const 0))

  ;; The program registers its constants by name. The host keeps the two that the package uses by default.
  (func (export "_embind_register_constant") (param $name i32) (param $type i32) (param $value f64)
    ;; ONIG_OPTION_CAPTURE_GROUP from its 12th byte on, and ONIG_SYNTAX_DEFAULT from its 5th: "CAPTURE_", "SYNTAX_D".
    (if (i64.eq (i64.load offset=12 (local.get $name)) (i64.const 0x5f45525554504143))
      (then (global.set $options (i32.trunc_f64_u (local.get $value)))))
    (if (i64.eq (i64.load offset=5 (local.get $name)) (i64.const 0x445f5841544e5953))
      (then (global.set $syntax (i32.trunc_f64_u (local.get $value))))))
  (func (export "emscripten_memcpy_big") (param i32 i32 i32)
    (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  ;; The memory is large enough from the start, and only the debugging search reads the clock.
  (func (export "emscripten_resize_heap") (param i32) (result i32) unreachable)
  (func (export "emscripten_get_now") (result f64) unreachable)
  ;; The program exports no function by embind, so its types need no conversions.
  (func (export "_embind_register_void") (export "_embind_register_std_string")
    (export "_embind_register_emval") (param i32 i32))
  (func (export "_embind_register_float") (export "_embind_register_std_wstring")
    (export "_embind_register_memory_view") (param i32 i32 i32))
  (func (export "_embind_register_bool") (param i32 i32 i32 i32))
  (func (export "_embind_register_integer") (param i32 i32 i32 i32 i32))
  (func (export "_embind_register_bigint") (param i32 i32 i32 i32 i32 i32 i32))

  (func (export "_start")
    (local $patterns i32) (local $starts i32) (local $lengths i32) (local $count i32) (local $end i32)
    (local $text i32) (local $room i32) (local $scanner i32) (local $match i32)
    (call $construct)
    (local.set $patterns (call $allocate (global.get $patterns_size)))
    (memory.init $patterns (local.get $patterns) (i32.const 0) (global.get $patterns_size))
    (local.set $text (call $allocate (global.get $text_size)))
    (memory.init $text (local.get $text) (i32.const 0) (global.get $text_size))
    (local.set $starts (call $allocate (i32.const 64)))
    (local.set $lengths (call $allocate (i32.const 64)))
    (local.set $room (call $allocate (i32.const 12)))
    (local.set $end (i32.add (local.get $patterns) (global.get $patterns_size)))
    (loop $pattern
      (i32.store (i32.add (local.get $starts) (i32.shl (local.get $count) (i32.const 2)))
        (local.get $patterns))
      (loop $byte
        (local.set $patterns (i32.add (local.get $patterns) (i32.const 1)))
        (br_if $byte (i32.ne (i32.load8_u (local.get $patterns)) (i32.const 10))))
      (i32.store (i32.add (local.get $lengths) (i32.shl (local.get $count) (i32.const 2)))
        (i32.sub (local.get $patterns)
          (i32.load (i32.add (local.get $starts) (i32.shl (local.get $count) (i32.const 2))))))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (local.set $patterns (i32.add (local.get $patterns) (i32.const 1)))
      (br_if $pattern (i32.lt_u (local.get $patterns) (local.get $end))))
    (local.set $scanner (call $scanner (local.get $starts) (local.get $lengths) (local.get $count)
      (global.get $options) (global.get $syntax)))
    (if (i32.eqz (local.get $scanner)) (then unreachable))
    (local.set $end (i32.const 0))
    (loop $next
      ;; The second argument identifies the text in the program's cache of searches.
      (local.set $match (call $find (local.get $scanner) (i32.const 1) (local.get $text)
        (global.get $text_size) (local.get $end) (global.get $options)))
      (if (local.get $match) (then
        (i32.store (local.get $room) (local.get $match))
        (i32.store offset=4 (local.get $room)
          (i32.add (i32.const 8) (i32.shl (i32.load offset=4 (local.get $match)) (i32.const 3))))
        (drop (call $fd_write
          (i32.const 1) (local.get $room) (i32.const 1) (i32.add (local.get $room) (i32.const 8))))
        (local.set $end (i32.load offset=12 (local.get $match)))
        (br $next))))
    (drop (call $free (local.get $scanner)))))
