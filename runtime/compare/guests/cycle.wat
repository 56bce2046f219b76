;; A module of two functions with an image of one page; `touch` writes a page.
(module
  (memory 1)
  (data (i32.const 0) "an image")
  (func (export "touch") (param $n i32) (result i64)
    (i32.store (i32.const 64) (local.get $n))
    (call $sum (local.get $n)))
  (func $sum (param $n i32) (result i64)
    (i64.extend_i32_u (i32.add (local.get $n) (i32.load (i32.const 128))))))
