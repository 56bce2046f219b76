;; Runs esbuild-wasm's command "esbuild --loader=tsx --minify". Its standard input is a text in TypeScript with
;; JSX. It prints the minified text. The program is of Go's js/wasm: its imports receive Go's stack pointer, take
;; their arguments from that stack, and leave their results there. The host implements what this run calls.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "program" "mem" (memory 0))
  (import "program" "run" (func $run (param i32 i32)))
  (import "program" "resume" (func $resume))
  (export "memory" (memory 0))
  ;; Go's linker keeps the bytes from 4096 to 12288 free for the arguments. The host puts its vector there too.
  (data (i32.const 4096) "esbuild\00--loader=tsx\00\00\00\00--minify")
  (data (i32.const 4352) "\00\10\00\00\00\00\00\00\08\10\00\00\00\00\00\00\18\10\00\00\00\00\00\00")
  (global $vector i32 (i32.const 8192))
  (data $text "INPUT")
  (global $size i32 (i32.const INPUT_BYTES))
  (global $read (mut i32) (i32.const 0))
  ;; The address of the bytes which Go last copied to JavaScript. Go does not change them before it writes them.
  (global $bytes (mut i32) (i32.const 0))
  ;; The pending event: the callback's number as a value, and the number of bytes read or written.
  (global $function (mut i64) (i64.const 0))
  (global $result (mut i32) (i32.const 0))
  (global $event (mut i32) (i32.const 0))
  (global $timer (mut i32) (i32.const 0))

  ;; A value is a number, or a NaN with a reference's number and type. Zero bits are undefined. One object
  ;; suffices, because Go's calls differ by their names.
  (global $null i64 (i64.const 0x7ff8000000000002))
  (global $object i64 (i64.const 0x7ff8000100000007))
  (func $number (param $number i32) (result i64)
    (if (result i64) (local.get $number)
      (then (i64.reinterpret_f64 (f64.convert_i32_u (local.get $number))))
      (else (i64.const 0x7ff8000000000001))))
  ;; The first two letters of a name. All names that occur differ in them.
  (func $name (param $string i32) (result i32)
    (i32.load16_u (i32.load (local.get $string))))

  (func (export "syscall/js.valueGet") (param $sp i32)
    (local $name i32)
    (local $value i64)
    (local.set $name (call $name (i32.add (local.get $sp) (i32.const 16))))
    ;; fs, fs.constants, Uint8Array, event.args
    (if (i32.or
        (i32.or (i32.eq (local.get $name) (i32.const 0x7366)) (i32.eq (local.get $name) (i32.const 0x6f63)))
        (i32.or (i32.eq (local.get $name) (i32.const 0x6955)) (i32.eq (local.get $name) (i32.const 0x7261))))
      (then (local.set $value (global.get $object))))
    ;; O_WRONLY and others. Go requires numbers, and does not use them here.
    (if (i32.eq (local.get $name) (i32.const 0x5f4f))
      (then (local.set $value (call $number (i32.const 1)))))
    ;; _pendingEvent
    (if (i32.eq (local.get $name) (i32.const 0x705f)) (then
      (local.set $value (select (global.get $object) (global.get $null) (global.get $event)))
      (global.set $event (i32.const 0))))
    ;; event.id
    (if (i32.eq (local.get $name) (i32.const 0x6469))
      (then (local.set $value (global.get $function))))
    (i64.store offset=32 (local.get $sp) (local.get $value)))
  ;; Go sets go._pendingEvent to null, which the host has done, and event.result, which no caller reads.
  (func (export "syscall/js.valueSet") (param i32))
  ;; event.args has two elements: null for no error, and the number of bytes.
  (func (export "syscall/js.valueLength") (param $sp i32)
    (i64.store offset=16 (local.get $sp) (i64.const 2)))
  (func (export "syscall/js.valueIndex") (param $sp i32)
    (i64.store offset=24 (local.get $sp)
      (select (call $number (global.get $result)) (global.get $null)
        (i32.load offset=16 (local.get $sp)))))
  (func (export "syscall/js.valueNew") (param $sp i32)
    (i64.store offset=40 (local.get $sp) (global.get $object))
    (i32.store8 offset=48 (local.get $sp) (i32.const 1)))

  (func (export "syscall/js.valueCall") (param $sp i32)
    (local $name i32)
    (local $arguments i32)
    (local.set $name (call $name (i32.add (local.get $sp) (i32.const 16))))
    (local.set $arguments (i32.load offset=32 (local.get $sp)))
    (if (i32.eq (local.get $name) (i32.const 0x6d5f))
      ;; go._makeFuncWrapper(id)
      (then (global.set $function (i64.load (local.get $arguments))))
      (else
        ;; fs.read or fs.write(file, bytes, 0, length, null, callback). Only one is pending at a time.
        (if (global.get $event) (then unreachable))
        (global.set $event (i32.const 1))
        (global.set $result (i32.trunc_f64_u (f64.load offset=24 (local.get $arguments))))
        (if (i32.eq (local.get $name) (i32.const 0x6572))
          (then
            (if (i32.gt_u (global.get $result) (i32.sub (global.get $size) (global.get $read)))
              (then (global.set $result (i32.sub (global.get $size) (global.get $read))))))
          (else
            (if (i32.ne (local.get $name) (i32.const 0x7277)) (then unreachable))
            (i32.store (global.get $vector) (global.get $bytes))
            (i32.store offset=4 (global.get $vector) (global.get $result))
            (drop (call $fd_write (i32.trunc_f64_u (f64.load (local.get $arguments))) (global.get $vector)
              (i32.const 1) (i32.add (global.get $vector) (i32.const 8))))))))
    (i64.store offset=56 (local.get $sp) (global.get $object))
    (i32.store8 offset=64 (local.get $sp) (i32.const 1)))
  (func (export "syscall/js.copyBytesToJS") (param $sp i32)
    (global.set $bytes (i32.load offset=16 (local.get $sp)))
    (i64.store offset=40 (local.get $sp) (i64.load offset=24 (local.get $sp)))
    (i32.store8 offset=48 (local.get $sp) (i32.const 1)))
  (func (export "syscall/js.copyBytesToGo") (param $sp i32)
    (memory.init $text (i32.load offset=8 (local.get $sp)) (global.get $read) (global.get $result))
    (global.set $read (i32.add (global.get $read) (global.get $result)))
    (i64.store offset=40 (local.get $sp) (i64.load offset=16 (local.get $sp)))
    (i32.store8 offset=48 (local.get $sp) (i32.const 1)))

  (func (export "runtime.nanotime1") (param $sp i32)
    (drop (call $clock (i32.const 1) (i64.const 0) (i32.add (local.get $sp) (i32.const 8)))))
  (func (export "runtime.walltime") (param $sp i32)
    (local $time i64)
    (drop (call $clock (i32.const 0) (i64.const 0) (i32.add (local.get $sp) (i32.const 8))))
    (local.set $time (i64.load offset=8 (local.get $sp)))
    (i64.store offset=8 (local.get $sp) (i64.div_u (local.get $time) (i64.const 1000000000)))
    (i64.store32 offset=16 (local.get $sp) (i64.rem_u (local.get $time) (i64.const 1000000000))))
  (func (export "runtime.getRandomData") (param $sp i32)
    (drop (call $random (i32.load offset=8 (local.get $sp)) (i32.load offset=16 (local.get $sp)))))
  ;; A timer ends at once. Go then reads the clock, and starts another timer if that was too early.
  (func (export "runtime.scheduleTimeoutEvent") (param $sp i32)
    (global.set $timer (i32.const 1))
    (i32.store offset=16 (local.get $sp) (i32.const 1)))
  (func (export "runtime.clearTimeoutEvent") (param i32) (global.set $timer (i32.const 0)))
  (func (export "runtime.wasmExit") (param $sp i32)
    (if (i32.load offset=8 (local.get $sp)) (then unreachable))
    (global.set $timer (i32.const 0)))
  (func (export "runtime.resetMemoryDataView") (export "syscall/js.finalizeRef") (param i32))
  (func (export "runtime.wasmWrite") (export "syscall/js.stringVal") (export "syscall/js.valueSetIndex")
    (export "syscall/js.valuePrepareString") (export "syscall/js.valueLoadString") (param i32) unreachable)

  (func (export "_start")
    (call $run (i32.const 3) (i32.const 4352))
    ;; Go returns when it waits for an event, or has exited.
    (loop $next
      (if (i32.or (global.get $event) (global.get $timer)) (then
        (call $resume)
        (br $next))))))
