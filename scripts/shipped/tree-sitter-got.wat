;; The addresses of the stack and of the heap, which tree-sitter imports from its loader. The grammar's data is
;; between them. The package's JavaScript allocates it on the heap instead.
(module
  (global (export "__stack_low") (mut i32) (i32.const 16704))
  (global (export "__stack_high") (mut i32) (i32.const 82240))
  (global (export "__heap_base") (mut i32) (i32.const 0x100000)))
