//! Arguments, environment, clocks, randomness, waiting and sockets.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use leakbench_wasi::{Stdio, WasiCtx};

use crate::guest::{Guest, RESULT, errno};

#[test]
fn arguments_and_variables_arrive() {
    let context = WasiCtx::builder().arg("app").unwrap().arg("two words").unwrap();
    let context = context.env("NAME", "value").unwrap().env("EMPTY", "").unwrap();
    let mut guest = Guest::new(context.build().unwrap());
    for (sizes, get, expected) in [
        ("args_sizes_get", "args_get", &b"app\0two words\0"[..]),
        ("environ_sizes_get", "environ_get", b"NAME=value\0EMPTY=\0"),
    ] {
        guest.ok(sizes, &[0, 4]);
        assert_eq!([guest.word(0), guest.word(4)], [2, expected.len() as u32]);
        guest.ok(get, &[16, 64]);
        assert_eq!(guest.bytes(64, expected.len() as u64), expected);
        let second = 64 + expected.iter().position(|byte| *byte == 0).unwrap() as u32 + 1;
        assert_eq!([guest.word(16), guest.word(20)], [64, second]);
    }
}

#[test]
fn what_a_guest_cannot_read_is_refused() {
    let error = WasiCtx::builder().arg("a\0b").unwrap_err();
    assert_eq!(error.to_string(), "the argument 'a\\0b' contains a zero byte: leave it out");
    for name in ["", "A=B"] {
        assert!(WasiCtx::builder().env(name, "").is_err(), "{name}");
    }
    let error = WasiCtx::builder().preopen("/nonexistent", "/").unwrap_err().to_string();
    assert!(error.starts_with("cannot open the directory /nonexistent: "), "{error}");
}

#[test]
fn clocks_advance() {
    let mut guest = Guest::new(WasiCtx::builder().build().unwrap());
    for id in 0..4 {
        guest.ok("clock_res_get", &[id, 0]);
        assert!(guest.long(0) > 0);
        guest.ok("clock_time_get", &[id, 0, 0]);
        let first = guest.long(0);
        guest.ok("clock_time_get", &[id, 0, 0]);
        assert!(first > 0 && guest.long(0) >= first, "clock {id}");
    }
    assert_eq!(guest.call("clock_time_get", &[4, 0, 0]), errno::INVAL);
    assert_eq!(guest.call("clock_res_get", &[4, 0]), errno::INVAL);
}

#[test]
fn random_bytes_differ() {
    let mut guest = Guest::new(WasiCtx::builder().build().unwrap());
    guest.ok("random_get", &[0, 64]);
    let bytes = guest.bytes(0, 64);
    assert_ne!(bytes[..32], bytes[32..]);
    guest.ok("random_get", &[0, 0]);
    guest.ok("sched_yield", &[]);
    assert_eq!(guest.call("proc_raise", &[6]), errno::NOTSUP);
}

/// A subscription's 48 bytes. `word` is the clock or the descriptor.
fn subscription(userdata: u64, kind: u8, word: u32, timeout: u64, flags: u16) -> Vec<u8> {
    let mut bytes = vec![0; 48];
    bytes[0..8].copy_from_slice(&userdata.to_le_bytes());
    bytes[8] = kind;
    bytes[16..20].copy_from_slice(&word.to_le_bytes());
    bytes[24..32].copy_from_slice(&timeout.to_le_bytes());
    bytes[40..42].copy_from_slice(&flags.to_le_bytes());
    bytes
}

/// The events of a call: userdata, error number, kind, bytes to read, flags.
fn poll(guest: &mut Guest, subscriptions: &[Vec<u8>]) -> Vec<(u64, u16, u8, u64, u8)> {
    let [from, _] = guest.put(&subscriptions.concat());
    let [to, _] = guest.put(&vec![0; subscriptions.len() * 32]);
    guest.ok("poll_oneoff", &[from, to, subscriptions.len() as u64, RESULT.into()]);
    let events = u64::from(guest.word(RESULT));
    let event = |guest: &mut Guest, at: u64| {
        let bytes = guest.bytes(at, 32);
        let userdata = u64::from_le_bytes(bytes[0..8].try_into().unwrap());
        let error = u16::from_le_bytes(bytes[8..10].try_into().unwrap());
        let waiting = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
        (userdata, error, bytes[10], waiting, bytes[24])
    };
    (0..events).map(|index| event(guest, to + index * 32)).collect()
}

#[test]
fn a_clock_ends_a_wait() {
    let mut guest = Guest::new(WasiCtx::builder().build().unwrap());
    let begin = Instant::now();
    let events = poll(
        &mut guest,
        &[subscription(1, 0, 1, 20_000_000, 0), subscription(2, 0, 1, u64::MAX, 0)],
    );
    assert_eq!(events, [(1, 0, 0, 0, 0)]);
    assert!(begin.elapsed() >= Duration::from_millis(20));
    // An absolute time of the past, by either clock.
    for clock in [0, 1] {
        assert_eq!(poll(&mut guest, &[subscription(3, 0, clock, 1, 1)]), [(3, 0, 0, 0, 0)]);
    }
    let unknown = poll(&mut guest, &[subscription(4, 0, 9, 0, 0), subscription(5, 0, 2, 0, 0)]);
    assert_eq!(unknown, [(4, errno::INVAL as u16, 0, 0, 0), (5, errno::NOTSUP as u16, 0, 0, 0)]);
    assert_eq!(guest.call("poll_oneoff", &[0, 0, 0, 0]), errno::INVAL);
    assert_eq!(guest.call("poll_oneoff", &[0, 0, 4097, 0]), errno::INVAL);
}

#[test]
fn a_wait_ends_with_what_a_pipe_has() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let context = WasiCtx::builder().stdin(Stdio::Descriptor(reader.into())).build().unwrap();
    let mut guest = Guest::new(context);
    let wait = [subscription(1, 1, 0, 0, 0), subscription(2, 0, 1, 1_000_000, 0)];
    assert_eq!(poll(&mut guest, &wait), [(2, 0, 0, 0, 0)], "nothing to read");
    writer.write_all(b"four").unwrap();
    assert_eq!(poll(&mut guest, &wait[..1]), [(1, 0, 1, 4, 0)]);
    assert_eq!(guest.read(0), Ok(b"four".to_vec()));
    drop(writer);
    assert_eq!(poll(&mut guest, &wait[..1]), [(1, 0, 1, 0, 1)], "no writer is left");
    let others = [subscription(3, 2, 1, 0, 0), subscription(4, 1, 77, 0, 0)];
    assert_eq!(
        poll(&mut guest, &others),
        [(3, 0, 2, 0, 0), (4, errno::BADF as u16, 1, 0, 0)],
        "nowhere is always ready; an unknown descriptor"
    );
}

#[test]
fn sockets_that_are_handed_in_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let context = WasiCtx::builder().socket(listener.into()).build().unwrap();
    let mut guest = Guest::new(context);
    let mut client = UnixStream::connect(&path).unwrap();
    client.write_all(b"request").unwrap();
    // It does not wait, so a message that is missing is an error and no hang.
    guest.ok("sock_accept", &[3, 4, 0]);
    let fd = guest.word(RESULT).into();
    guest.ok("fd_fdstat_get", &[fd, 0]);
    assert_eq!(guest.bytes(0, 1), [6], "a stream socket");
    let buffer = guest.put(&[0; 16]);
    let [at, len] = guest.buffers(&[buffer]);
    for flags in [1, 0] {
        guest.ok("sock_recv", &[fd, at, len, flags, 0, 4]);
        assert_eq!(guest.word(0), 7, "the first call leaves the message");
        assert_eq!(guest.bytes(buffer[0], 7), b"request");
    }
    let buffer = guest.put(b"reply");
    let [at, len] = guest.buffers(&[buffer]);
    guest.ok("sock_send", &[fd, at, len, 0, 0]);
    assert_eq!(guest.word(0), 5);
    guest.ok("sock_shutdown", &[fd, 2]);
    let mut reply = String::new();
    client.read_to_string(&mut reply).unwrap();
    assert_eq!(reply, "reply");
    assert_eq!(guest.call("sock_send", &[fd, at, len, 1, 0]), errno::INVAL);
    assert_eq!(guest.call("sock_shutdown", &[fd, 0]), errno::INVAL);
    for (name, args) in [
        ("sock_accept", &[0, 0, 0][..]),
        ("sock_recv", &[0, at, len, 0, 0, 4]),
        ("sock_send", &[0, at, len, 0, 0]),
        ("sock_shutdown", &[0, 1]),
    ] {
        assert_eq!(guest.call(name, args), errno::NOTSOCK, "{name}");
    }
}
