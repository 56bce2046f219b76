;; Parses a text by web-tree-sitter and a grammar, and prints the syntax tree as an S-expression. The text is a
;; JSON array, thus also a JavaScript program. It has one error, from which the parser must recover.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "core" "__wasm_apply_data_relocs" (func $relocate))
  (import "core" "__wasm_call_ctors" (func $construct))
  (import "core" "ts_init" (func $init (result i32)))
  (import "core" "ts_parser_new_wasm" (func $new_parser))
  (import "core" "ts_parser_set_language" (func $set_language (param i32 i32) (result i32)))
  (import "core" "ts_parser_parse_wasm" (func $parse (param i32 i32 i32 i32 i32) (result i32)))
  (import "core" "ts_tree_root_node_wasm" (func $root (param i32)))
  (import "core" "ts_node_to_string_wasm" (func $to_string (param i32) (result i32)))
  (import "core" "ts_tree_delete" (func $delete_tree (param i32)))
  (import "core" "ts_parser_delete" (func $delete_parser (param i32)))
  (import "core" "strlen" (func $strlen (param i32) (result i32)))
  (import "core" "free" (func $free (param i32)))
  (import "grammar" "load" (func $load (result i32)))
  ;; A grammar may call these.
  (import "core" "iswspace" (func $iswspace (param i32) (result i32)))
  (import "core" "iswalpha" (func $iswalpha (param i32) (result i32)))
  (export "iswspace" (func $iswspace))
  (export "iswalpha" (func $iswalpha))
  ;; The package's JavaScript uses these addresses too: the data is at 1024, and the stack ends at 82240.
  (memory (export "memory") 512 32768)
  (table (export "__indirect_function_table") 256 funcref)
  (global (export "__memory_base") i32 (i32.const 1024))
  (global (export "__table_base") i32 (i32.const 1))
  (global (export "__stack_pointer") (mut i32) (i32.const 82240))
  (data $text "INPUT")
  (global $size i32 (i32.const INPUT_BYTES))
  ;; The address of the host's copy of the text: below 1024 the program has nothing.
  (global $at i32 (i32.const 512))

  ;; The parser requests UTF-16 from a given unit on. Its buffer holds 5119 units.
  (func (export "tree_sitter_parse_callback")
    (param $buffer i32) (param $index i32) (param $row i32) (param $column i32) (param $length i32)
    (i32.store (local.get $length)
      (select (i32.sub (global.get $size) (local.get $index)) (i32.const 0)
        (i32.lt_u (local.get $index) (global.get $size))))
    (loop $unit
      (if (i32.lt_u (local.get $index) (global.get $size)) (then
        (i32.store16 (local.get $buffer)
          (i32.load8_u (i32.add (global.get $at) (local.get $index))))
        (local.set $buffer (i32.add (local.get $buffer) (i32.const 2)))
        (local.set $index (i32.add (local.get $index) (i32.const 1)))
        (br $unit)))))
  (func (export "tree_sitter_progress_callback") (param i32 i32) (result i32) (i32.const 0))
  (func (export "tree_sitter_query_progress_callback") (param i32) (result i32) unreachable)
  (func (export "tree_sitter_log_callback") (param i32 i32) unreachable)
  (func (export "emscripten_resize_heap") (param i32) (result i32) unreachable)
  (func (export "_abort_js") unreachable)

  (func (export "_start")
    (local $transfer i32) (local $parser i32) (local $tree i32) (local $string i32)
    (call $relocate)
    (call $construct)
    (memory.init $text (global.get $at) (i32.const 0) (global.get $size))
    ;; Functions which return more than one number return them in this buffer.
    (local.set $transfer (call $init))
    (call $new_parser)
    (local.set $parser (i32.load (local.get $transfer)))
    (if (i32.eqz (call $set_language (local.get $parser) (call $load))) (then unreachable))
    (local.set $tree (call $parse (local.get $parser) (i32.load offset=4 (local.get $transfer))
      (i32.const 0) (i32.const 0) (i32.const 0)))
    (call $root (local.get $tree))
    (local.set $string (call $to_string (local.get $tree)))
    (i32.store (local.get $transfer) (local.get $string))
    (i32.store offset=4 (local.get $transfer) (call $strlen (local.get $string)))
    (drop (call $fd_write
      (i32.const 1) (local.get $transfer) (i32.const 1) (i32.add (local.get $transfer) (i32.const 8))))
    (call $free (local.get $string))
    (call $delete_tree (local.get $tree))
    (call $delete_parser (local.get $parser))))
