;; Runs SQL in a database in memory and prints each row: its columns with "|" after each, and a newline. The
;; script replaces MEMORY, since one build imports its memory and another exports it, and the names of functions
;; where a build has short ones.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "program" "__wasm_call_ctors" (func $construct))
  (import "program" "malloc" (func $malloc (param i32) (result i32)))
  (import "program" "sqlite3_open" (func $open (param i32 i32) (result i32)))
  (import "program" "sqlite3_prepare_v2"
    (func $prepare (param i32 i32 i32 i32 i32) (result i32)))
  (import "program" "sqlite3_step" (func $step (param i32) (result i32)))
  (import "program" "sqlite3_column_count" (func $columns (param i32) (result i32)))
  (import "program" "sqlite3_column_text" (func $text (param i32 i32) (result i32)))
  (import "program" "sqlite3_column_bytes" (func $bytes (param i32 i32) (result i32)))
  (import "program" "sqlite3_finalize" (func $finalize (param i32) (result i32)))
  (import "program" "sqlite3_close_v2" (func $close (param i32) (result i32)))
  MEMORY
  (data $name ":memory:\00")
  (data $sql "INPUT\00")
  (global $size i32 (i32.add (i32.const INPUT_BYTES) (i32.const 1)))
  ;; 16 bytes for fd_write and the results of calls, the database's name, and the SQL.
  (global $room (mut i32) (i32.const 0))

  ;; SQLite asks /dev/urandom for a seed and takes the time if there is none.
  (func (export "__syscall_openat") (param i32 i32 i32 i32) (result i32) (i32.const -44))
  (func (export "environ_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "emscripten_date_now") (result f64) (f64.const 1.7e12))
  (func (export "emscripten_resize_heap") (param $bytes i32) (result i32)
    (i32.ne (i32.const -1)
      (memory.grow (i32.sub
        (i32.shr_u (i32.add (local.get $bytes) (i32.const 65535)) (i32.const 16))
        (memory.size)))))

  (func $print (param $at i32) (param $size i32)
    (i32.store (global.get $room) (local.get $at))
    (i32.store offset=4 (global.get $room) (local.get $size))
    (drop (call $fd_write (i32.const 1) (global.get $room) (i32.const 1)
      (i32.add (global.get $room) (i32.const 8)))))

  (func $must (param $code i32)
    (if (local.get $code) (then unreachable)))

  (func (export "_start")
    (local $room i32) (local $sql i32) (local $db i32) (local $statement i32)
    (local $code i32) (local $column i32)
    (call $construct)
    (local.set $room (call $malloc (i32.add (global.get $size) (i32.const 32))))
    (global.set $room (local.get $room))
    (local.set $sql (i32.add (local.get $room) (i32.const 32)))
    (memory.init $name (i32.add (local.get $room) (i32.const 16)) (i32.const 0) (i32.const 9))
    (memory.init $sql (local.get $sql) (i32.const 0) (global.get $size))
    (call $must (call $open
      (i32.add (local.get $room) (i32.const 16)) (i32.add (local.get $room) (i32.const 12))))
    (local.set $db (i32.load offset=12 (local.get $room)))
    (block $done (loop $statements
      (call $must (call $prepare (local.get $db) (local.get $sql) (i32.const -1)
        (i32.add (local.get $room) (i32.const 8)) (i32.add (local.get $room) (i32.const 12))))
      (local.set $statement (i32.load offset=8 (local.get $room)))
      (local.set $sql (i32.load offset=12 (local.get $room)))
      ;; No statement is left but spaces.
      (br_if $done (i32.eqz (local.get $statement)))
      (block $end (loop $rows
        (local.set $code (call $step (local.get $statement)))
        ;; SQLITE_ROW is 100, and SQLITE_DONE 101.
        (br_if $end (i32.ne (local.get $code) (i32.const 100)))
        (local.set $column (i32.const 0))
        (block $last (loop $row
          (br_if $last
            (i32.ge_u (local.get $column) (call $columns (local.get $statement))))
          (call $print
            (call $text (local.get $statement) (local.get $column))
            (call $bytes (local.get $statement) (local.get $column)))
          (i32.store8 offset=12 (local.get $room) (i32.const 124))
          (call $print (i32.add (local.get $room) (i32.const 12)) (i32.const 1))
          (local.set $column (i32.add (local.get $column) (i32.const 1)))
          (br $row)))
        (i32.store8 offset=12 (local.get $room) (i32.const 10))
        (call $print (i32.add (local.get $room) (i32.const 12)) (i32.const 1))
        (br $rows)))
      (if (i32.ne (local.get $code) (i32.const 101)) (then unreachable))
      (call $must (call $finalize (local.get $statement)))
      (br $statements)))
    (call $must (call $close (local.get $db)))))
