;; $n copies or fills between places that change. Lengths in $small and $large are not known when the
;; module is compiled.
(module
  (memory 16)
  (data (i32.const 0) "the bytes that the copies move, at least some of them")
  (global $small (mut i32) (i32.const 32))
  (global $large (mut i32) (i32.const 65536))
  ;; A place below 64 KiB.
  (func (export "copy-constant-32") (param $n i32) (result i64)
    (local $at i32)
    (loop $next
      (local.set $at (i32.and (i32.shl (local.get $n) (i32.const 5)) (i32.const 0xffe0)))
      (memory.copy (i32.add (local.get $at) (i32.const 0x10001)) (local.get $at) (i32.const 32))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 0x10001)))
  (func (export "copy-variable-32") (param $n i32) (result i64)
    (local $at i32)
    (loop $next
      (local.set $at (i32.and (i32.shl (local.get $n) (i32.const 5)) (i32.const 0xffe0)))
      (memory.copy
        (i32.add (local.get $at) (i32.const 0x10001)) (local.get $at) (global.get $small))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 0x10001)))
  (func (export "copy-64-kib") (param $n i32) (result i64)
    (loop $next
      (memory.copy (i32.const 0x20000) (i32.const 0) (global.get $large))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 0x20000)))
  (func (export "fill-constant-32") (param $n i32) (result i64)
    (loop $next
      (memory.fill
        (i32.add (i32.and (i32.shl (local.get $n) (i32.const 5)) (i32.const 0xffe0)) (i32.const 1))
        (local.get $n) (i32.const 32))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 33)))
  (func (export "fill-variable-32") (param $n i32) (result i64)
    (loop $next
      (memory.fill
        (i32.add (i32.and (i32.shl (local.get $n) (i32.const 5)) (i32.const 0xffe0)) (i32.const 1))
        (local.get $n) (global.get $small))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 33)))
  (func (export "fill-64-kib") (param $n i32) (result i64)
    (loop $next
      (memory.fill (i32.const 0x20000) (local.get $n) (global.get $large))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.load (i32.const 0x20000))))
