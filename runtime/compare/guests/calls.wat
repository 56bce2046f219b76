;; Calls between guest and host, and calls that fail.
(module
  (import "host" "next" (func $next (param i32) (result i32)))
  (import "host" "fail" (func $fail (param i32) (result i32)))
  (memory 1)
  ;; $n calls of the host.
  (func (export "host-call") (param $n i32) (result i64)
    (local $x i32)
    (loop $again
      (local.set $x (call $next (local.get $x)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.extend_i32_u (local.get $x)))
  ;; Returns at once.
  (func (export "guest-call") (param $n i32) (result i64)
    (i64.extend_i32_u (local.get $n)))
  (func (export "host-error") (param $n i32) (result i64)
    (i64.extend_i32_u (call $fail (local.get $n))))
  (func (export "unreachable") (param $n i32) (result i64)
    (unreachable))
  (func (export "divide") (param $n i32) (result i64)
    (i64.div_u (i64.const 1) (i64.extend_i32_u (i32.and (local.get $n) (i32.const 0)))))
  (func (export "out-of-bounds") (param $n i32) (result i64)
    (i64.load (i32.or (local.get $n) (i32.const 0x10000)))))
