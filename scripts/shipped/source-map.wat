;; Parses the mappings of a source map and prints each one: the ten numbers that the callback receives.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "program" "memory" (memory 0))
  (import "program" "allocate_mappings" (func $allocate (param i32) (result i32)))
  (import "program" "parse_mappings" (func $parse (param i32) (result i32)))
  (import "program" "by_generated_location" (func $each (param i32)))
  (import "program" "free_mappings" (func $free (param i32)))
  (data $mappings "INPUT")
  (global $size i32 (i32.const INPUT_BYTES))
  ;; Room for one mapping, and the vector for fd_write before it.
  (global $room (mut i32) (i32.const 0))

  (func (export "mapping_callback")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
    (local $at i32)
    (local.set $at (global.get $room))
    (i32.store (local.get $at) (i32.add (local.get $at) (i32.const 16)))
    (i32.store offset=4 (local.get $at) (i32.const 40))
    (i32.store offset=16 (local.get $at) (local.get 0))
    (i32.store offset=20 (local.get $at) (local.get 1))
    (i32.store offset=24 (local.get $at) (local.get 2))
    (i32.store offset=28 (local.get $at) (local.get 3))
    (i32.store offset=32 (local.get $at) (local.get 4))
    (i32.store offset=36 (local.get $at) (local.get 5))
    (i32.store offset=40 (local.get $at) (local.get 6))
    (i32.store offset=44 (local.get $at) (local.get 7))
    (i32.store offset=48 (local.get $at) (local.get 8))
    (i32.store offset=52 (local.get $at) (local.get 9))
    (drop (call $fd_write
      (i32.const 1) (local.get $at) (i32.const 1) (i32.add (local.get $at) (i32.const 8)))))

  (func (export "_start")
    (local $text i32)
    (local $mappings i32)
    ;; The program allocates texts only. A page of its own is for the callback.
    (global.set $room (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
    (local.set $text (call $allocate (global.get $size)))
    (memory.init $mappings (local.get $text) (i32.const 0) (global.get $size))
    (local.set $mappings (call $parse (local.get $text)))
    (if (i32.eqz (local.get $mappings)) (then unreachable))
    (call $each (local.get $mappings))
    (call $free (local.get $mappings))))
