//! Any function with any arguments, over any memory.

use arbitrary::Arbitrary;
use leakbench_wasi::{GuestFault, WasiCtx};

use super::guest::{FUNCTIONS, Guest, MEMORY, Open};
use super::{folder, with_guest};

/// Calls of a case.
const CALLS_MAX: usize = 20;
/// Bytes that a guest may have reserved on the disk at a time.
const RESERVED_MAX: u64 = 1 << 16;

/// Calls in turn, with the bytes that are in memory before the first one.
#[derive(Arbitrary, Debug)]
pub struct Case {
    memory: Vec<u8>,
    calls: Vec<Call>,
}

/// A call. Arguments are few numbers, so that one call uses what another made.
#[derive(Arbitrary, Debug)]
struct Call {
    function: u8,
    args: [Arg; 9],
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Arg {
    Small(u8),
    Address(u16),
    NearEnd(u8),
    Word(u32),
    Long(u64),
}

impl Arg {
    fn value(self) -> u64 {
        match self {
            Arg::Small(value) => u64::from(value % 16),
            Arg::Address(at) => at.into(),
            Arg::NearEnd(before) => u64::from(MEMORY) - u64::from(before),
            Arg::Word(word) => word.into(),
            Arg::Long(long) => long,
        }
    }
}

/// Calls the functions.
///
/// # Panics
/// If a call has another outcome than an error number of the standard or a stop of the guest.
pub fn check(case: &Case) {
    let folder = folder();
    let context = WasiCtx::builder().arg("app").and_then(|builder| builder.env("NAME", "value"));
    let context = context.and_then(|builder| builder.preopen(folder.path(), "/"));
    let context =
        context.and_then(|builder| builder.max_descriptors(8).build()).expect("a context");
    with_guest(context, |guest| {
        let _ = guest.open(3, "file", Open::create());
        write(guest, 0, &case.memory);
        for call in case.calls.iter().take(CALLS_MAX) {
            let (name, params) = FUNCTIONS[usize::from(call.function) % FUNCTIONS.len()];
            let mut args: Vec<u64> = call.args.iter().map(|arg| arg.value()).collect();
            args.truncate(params.len());
            bound(guest, name, &mut args);
            match guest.try_call(name, &args) {
                Ok(errno) => assert!((0..=76).contains(&errno), "{name} {args:?}: {errno}"),
                Err(error) => assert!(error.is::<GuestFault>(), "{name} {args:?}: {error}"),
            }
        }
    });
}

/// Bounds what a call may cost the machine: room on the disk, and time.
fn bound(guest: &mut Guest, name: &str, args: &mut [u64]) {
    match name {
        "fd_allocate" => {
            args[1] %= RESERVED_MAX;
            args[2] = args[2] % RESERVED_MAX | args[2] & 1 << 63;
        }
        // Timeouts of at most a microsecond.
        "poll_oneoff" => {
            args[2] %= 32;
            let first = args[0] & 0xffff_ffff;
            for subscription in 0..args[2] {
                shorten_timeout(guest, first + subscription * 48 + 24);
            }
        }
        _ => {}
    }
}

/// Writes bytes to the memory, as many as there is room for.
fn write(guest: &mut Guest, at: u64, bytes: &[u8]) {
    let room = guest.memory.data_mut(&mut guest.store).get_mut(at as usize..);
    for (place, byte) in room.into_iter().flatten().zip(bytes) {
        *place = *byte;
    }
}

/// Makes a timeout in nanoseconds at most a microsecond.
fn shorten_timeout(guest: &mut Guest, at: u64) {
    if at + 8 <= u64::from(MEMORY) {
        let timeout = guest.long(at as u32) % 1000;
        write(guest, at, &timeout.to_le_bytes());
    }
}
