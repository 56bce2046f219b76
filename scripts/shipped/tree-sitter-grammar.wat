;; Loads a grammar of tree-sitter. Its data and its table entries come after those of tree-sitter, where
;; tree-sitter.wat and tree-sitter-got.wat leave room. The script replaces GRAMMAR by the grammar's name.
(module
  (import "grammar" "tree_sitter_GRAMMAR" (func $language (result i32)))
  (import "grammar" "__wasm_apply_data_relocs" (func $relocate))
  (import "grammar" "__wasm_call_ctors" (func $construct))
  (global (export "__memory_base") i32 (i32.const 82240))
  (global (export "__table_base") i32 (i32.const 31))
  (func (export "load") (result i32)
    (call $relocate)
    (call $construct)
    (call $language)))
