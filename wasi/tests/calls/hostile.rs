//! Arguments that no program passes. None of them harms the host.

use leakbench_runtime::{Engine, Linker, Module, Store};
use leakbench_wasi::{Exit, GuestFault, MemoryError, WasiCtx, add_to_linker};

use crate::guest::{FUNCTIONS, Guest, MEMORY, Open};

/// Values at the edges of types, of the memory, and of the descriptors.
const VALUES: [u64; 14] = [
    0,
    1,
    3,
    4,
    7,
    8,
    64,
    u32::MAX as u64,
    i32::MAX as u64,
    u64::MAX,
    i64::MAX as u64,
    MEMORY as u64 - 8,
    MEMORY as u64,
    MEMORY as u64 - 1,
];

/// A sequence of numbers that look random, the same each time.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

#[test]
fn no_argument_harms_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let mut sequence = Sequence(1);
    let (mut stopped, mut returned) = (0, 0);
    for (name, params) in FUNCTIONS {
        for _ in 0..400 {
            // A call may close or cut what the next one needs.
            let context = WasiCtx::builder().arg("app").unwrap().env("NAME", "value").unwrap();
            let context = context.preopen(folder.path(), "/").unwrap().max_descriptors(8);
            let mut guest = reused(context.build().unwrap());
            let _ = guest.open(3, "file", Open::create());
            let mut args: Vec<u64> = Vec::new();
            args.resize_with(params.len(), || VALUES[sequence.next() as usize % VALUES.len()]);
            if name == "fd_allocate" {
                // The kernel would reserve up to 4 GiB of the disk.
                args[2] = args[2].min(MEMORY.into()) | args[2] & 1 << 63;
            }
            match guest.try_call(name, &args) {
                Ok(errno) => {
                    assert!((0..=76).contains(&errno), "{name} {args:?}: {errno}");
                    returned += 1;
                }
                Err(error) => {
                    assert!(error.is::<GuestFault>(), "{name} {args:?}: {error}");
                    stopped += 1;
                }
            }
            keep(guest);
        }
    }
    assert!(stopped > 1000 && returned > 1000, "{stopped} stopped, {returned} returned");
}

thread_local! {
    static GUEST: std::cell::RefCell<Option<Guest>> = const { std::cell::RefCell::new(None) };
}

/// The kept guest with a new context, since a module compiles slowly.
fn reused(context: WasiCtx) -> Guest {
    match GUEST.take() {
        None => Guest::new(context),
        Some(mut guest) => {
            *guest.store.data_mut() = context;
            guest.reset();
            guest
        }
    }
}

fn keep(guest: Guest) {
    GUEST.set(Some(guest));
}

#[test]
fn a_pointer_beyond_the_memory_stops_the_guest() {
    let mut guest = Guest::new(WasiCtx::builder().build().unwrap());
    let error = guest.try_call("random_get", &[MEMORY as u64 - 4, 5]).unwrap_err();
    assert_eq!(
        error.downcast_ref(),
        Some(&GuestFault::OutOfBounds { address: MEMORY - 4, len: 5, memory: MEMORY as usize })
    );
    let error = guest.try_call("clock_time_get", &[0, 0, 4]).unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&GuestFault::Unaligned { address: 4, alignment: 8 }));
}

/// Runs the function `_start` of a module.
fn start(text: &str) -> leakbench_runtime::Error {
    let engine = Engine::default();
    let module = Module::new(&engine, text).unwrap();
    let mut linker = Linker::new(&engine);
    add_to_linker(&mut linker, |context| context).unwrap();
    let mut store = Store::new(&engine, WasiCtx::builder().build().unwrap());
    let instance = linker.instantiate(&mut store, &module).unwrap();
    let start = instance.get_typed_func::<(), ()>(&store, "_start").unwrap();
    start.call(&mut store, ()).unwrap_err()
}

#[test]
fn the_end_of_a_process_is_an_error_with_its_code() {
    let error = start(
        r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
             (func (export "_start") (call $exit (i32.const 7)) unreachable))"#,
    );
    assert_eq!(error.downcast_ref::<Exit>(), Some(&Exit(7)));
}

#[test]
fn a_guest_needs_an_exported_memory() {
    let error = start(
        r#"(module (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
             (memory 1) (func (export "_start") (drop (call $yield))))"#,
    );
    assert!(error.is::<MemoryError>(), "{error}");
}
