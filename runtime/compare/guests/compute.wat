;; Kernels that compute. Each takes a size and returns a number that depends on all of its work.
(module
  (memory 32)
  (type $step (func (param i64) (result i64)))
  (table 4 4 funcref)
  (elem (i32.const 0) $add $xor $rotate $multiply)

  ;; Xorshift: a chain of shifts of i64.
  (func (export "i64-loop") (param $n i32) (result i64)
    (local $x i64)
    (local.set $x (i64.const 0x1E3779B97F4A7C15))
    (loop $next
      (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
      (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
      (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))

  ;; The number of primes below $n.
  (func (export "sieve") (param $n i32) (result i64)
    (local $i i32) (local $j i32) (local $primes i64)
    (memory.fill (i32.const 0) (i32.const 0) (local.get $n))
    (local.set $i (i32.const 2))
    (loop $candidates
      (if (i32.eqz (i32.load8_u (local.get $i)))
        (then
          (local.set $primes (i64.add (local.get $primes) (i64.const 1)))
          (local.set $j (i32.shl (local.get $i) (i32.const 1)))
          (block $marked
            (loop $multiples
              (br_if $marked (i32.ge_u (local.get $j) (local.get $n)))
              (i32.store8 (local.get $j) (i32.const 1))
              (local.set $j (i32.add (local.get $j) (local.get $i)))
              (br $multiples)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $candidates (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $primes))

  (func $fib (param $n i32) (result i64)
    (if (result i64) (i32.lt_u (local.get $n) (i32.const 2))
      (then (i64.extend_i32_u (local.get $n)))
      (else
        (i64.add
          (call $fib (i32.sub (local.get $n) (i32.const 1)))
          (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
  (export "fib" (func $fib))

  (func $add (type $step) (i64.add (local.get 0) (i64.const 0x5bd1e995)))
  (func $xor (type $step) (i64.xor (local.get 0) (i64.const 0x27d4eb2f165667c5)))
  (func $rotate (type $step) (i64.rotl (local.get 0) (i64.const 31)))
  (func $multiply (type $step) (i64.mul (local.get 0) (i64.const 0x1b873593)))

  ;; $n calls through a table of four functions.
  (func (export "call-indirect") (param $n i32) (result i64)
    (local $x i64)
    (local.set $x (i64.const 1))
    (loop $next
      (local.set $x
        (call_indirect (type $step) (local.get $x) (i32.and (local.get $n) (i32.const 3))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $x))

  ;; y = y + a * x over two arrays of 16 KiB, and the sum of y, $n times.
  (func (export "simd") (param $n i32) (result i64)
    (local $i i32) (local $sum v128)
    (memory.fill (i32.const 0) (i32.const 0x3f) (i32.const 32768))
    (loop $rounds
      (local.set $i (i32.const 0))
      (loop $next
        (v128.store offset=16384 (local.get $i)
          (f32x4.add
            (v128.load offset=16384 (local.get $i))
            (f32x4.mul (f32x4.splat (f32.const 0.25)) (v128.load (local.get $i)))))
        (local.set $sum
          (f32x4.add (local.get $sum) (v128.load offset=16384 (local.get $i))))
        (br_if $next
          (i32.lt_u
            (local.tee $i (i32.add (local.get $i) (i32.const 16)))
            (i32.const 16384))))
      (br_if $rounds (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64x2.extract_lane 0 (local.get $sum))))
