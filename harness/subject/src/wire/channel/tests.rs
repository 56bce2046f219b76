//! Messages over a real socket, however they are cut, and the end of the other side.

use std::io::Read;

use serde_json::{Value, json};

use super::*;

/// A channel, and the bare socket at its other end.
fn raw() -> (Channel, UnixStream) {
    let (channel, theirs) = Channel::pair().expect("a socket pair");
    (channel, UnixStream::from(theirs))
}

/// Two channels that talk to each other.
fn pair() -> (Channel, Channel) {
    let (channel, theirs) = raw();
    (channel, Channel::new(theirs))
}

fn messages() -> [Value; 3] {
    [json!({"event": "ready"}), json!("a line\nwithin a line, \u{e9}"), json!([1, 2, 3])]
}

#[test]
fn messages_cut_anywhere_arrive_whole_and_in_order() {
    let stream: Vec<u8> =
        messages().iter().flat_map(|message| encode(message).expect("it has a line")).collect();
    for cut in 0..=stream.len() {
        let (mut ours, mut theirs) = raw();
        let mut arrived = Vec::new();
        for (start, end) in [(0, cut), (cut, stream.len())] {
            theirs.write_all(&stream[start..end]).expect("written");
            while let Some(message) = ours.try_receive::<Value>().expect("messages") {
                arrived.push(message);
            }
            // None before its end, and none kept back.
            let ended = stream[..end].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(arrived.len(), ended, "cut at {cut}");
        }
        assert_eq!(arrived, messages(), "cut at {cut}");
    }
}

#[test]
fn a_message_that_comes_byte_by_byte_is_waited_for() {
    let (mut ours, mut theirs) = raw();
    let writer = std::thread::spawn(move || {
        for message in &messages() {
            for byte in encode(message).expect("it has a line") {
                theirs.write_all(&[byte]).expect("written");
            }
        }
        theirs
    });
    for message in messages() {
        assert_eq!(ours.receive::<Value>().expect("a message"), message);
    }
    drop(writer.join().expect("it has written"));
    assert!(matches!(ours.receive::<Value>(), Err(ChannelError::Closed)));
}

#[test]
fn a_message_longer_than_any_buffer_arrives() {
    let (mut ours, mut theirs) = pair();
    let long = "x".repeat(3 << 20);
    let sent = long.clone();
    let writer = std::thread::spawn(move || theirs.send(&sent));
    assert_eq!(ours.receive::<String>().expect("a message"), long);
    writer.join().expect("it has written").expect("it was sent");
}

#[test]
fn the_end_in_mid_line_is_the_end_and_what_came_whole_before_it_counts() {
    let (mut ours, mut theirs) = raw();
    theirs.write_all(b"[1]\n[2").expect("written");
    drop(theirs);
    assert_eq!(ours.receive::<Value>().expect("a message"), json!([1]));
    assert!(matches!(ours.receive::<Value>(), Err(ChannelError::Closed)));
    assert!(matches!(ours.try_receive::<Value>(), Err(ChannelError::Closed)));
}

#[test]
fn a_line_that_is_no_message_is_quoted_by_its_beginning() {
    let (mut ours, mut theirs) = raw();
    let garbage = format!("thread 'main' panicked {}\n[1]\n", "!".repeat(1000));
    theirs.write_all(garbage.as_bytes()).expect("written");
    match ours.try_receive::<Value>() {
        Err(ChannelError::Violation(violation)) => {
            assert_eq!(violation.line, garbage[..200].to_owned() + "…");
        }
        other => panic!("{other:?}"),
    }
    // JSON, but of another kind; and bytes that are no text.
    for (bytes, beginning) in [(&b"{\"do\":\"go\"}\n"[..], "{\"do\":"), (b"\xff\xfe\n", "\u{fffd}")]
    {
        let (mut ours, mut theirs) = raw();
        theirs.write_all(bytes).expect("written");
        match ours.receive::<u64>() {
            Err(ChannelError::Violation(violation)) => {
                assert!(violation.line.starts_with(beginning));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_line_without_end_is_refused_with_its_beginning() {
    let (mut ours, mut theirs) = raw();
    ours.lines = LineBuffer::new(1000);
    // The control: as long as a line may be.
    let longest = format!("\"{}\"\n", "x".repeat(998));
    theirs.write_all(longest.as_bytes()).expect("written");
    assert_eq!(ours.receive::<String>().expect("a message").len(), 998);

    theirs.write_all(&[b'y'; 600]).expect("written");
    assert!(ours.try_receive::<String>().expect("not yet too long").is_none());
    theirs.write_all(&[b'y'; 600]).expect("written");
    match ours.try_receive::<String>() {
        Err(ChannelError::Violation(ProtocolViolation { reason, line })) => {
            assert_eq!(reason, "a line of more than 1000 bytes");
            assert_eq!(line, "y".repeat(200) + "…");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_descriptor_arrives_beside_the_first_message_and_is_not_passed_on() {
    let (mut ours, mut theirs) = pair();
    let (mut read, write) = std::io::pipe().expect("a pipe");
    theirs.send_with_fd(&json!("begin"), write.as_fd()).expect("sent");
    drop(write);
    let (first, fd) = ours.receive_with_fd::<Value>().expect("a message");
    assert_eq!(first, json!("begin"));
    let fd = fd.expect("a descriptor came with it");
    let flags = rustix::io::fcntl_getfd(&fd).expect("it is open");
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    // It is the pipe's end, and the only one.
    std::fs::File::from(fd).write_all(b"through").expect("written");
    let mut through = String::new();
    read.read_to_string(&mut through).expect("read to the end");
    assert_eq!(through, "through");

    // The rest of its message may come after it.
    let long = "x".repeat(2 * ours.chunk.len());
    theirs.send_with_fd(&long, read.as_fd()).expect("sent");
    let (arrived, fd) = ours.receive_with_fd::<String>().expect("a message");
    assert!(arrived == long && fd.is_some());

    theirs.send(&json!("go")).expect("sent");
    let (second, none) = ours.receive_with_fd::<Value>().expect("a message");
    assert_eq!(second, json!("go"));
    assert!(none.is_none());
}

#[test]
fn a_closed_end_is_reported_as_closed_by_every_call() {
    let (mut ours, theirs) = raw();
    ours.send(&json!(1)).expect("the control: it is open");
    // Unread, so that it ends by a reset.
    drop(theirs);
    assert!(matches!(ours.receive::<Value>(), Err(ChannelError::Closed)));
    assert!(matches!(ours.send(&json!(2)), Err(ChannelError::Closed)));
    let stdin = std::io::stdin();
    assert!(matches!(ours.send_with_fd(&json!(3), stdin.as_fd()), Err(ChannelError::Closed)));
}
