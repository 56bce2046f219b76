//! Seccomp's user notification: the kernel asks another process about system calls.
//!
//! Layouts and numbers are those of the kernel's `include/uapi/linux/seccomp.h`.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use libc::{seccomp_notif, seccomp_notif_resp, sock_filter, sock_fprog};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Setter, Updater, ioctl, opcode};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

const RECEIVE: Opcode = opcode::read_write::<seccomp_notif>(b'!', 0);
const SEND: Opcode = opcode::read_write::<seccomp_notif_resp>(b'!', 1);
const SET_FLAGS: Opcode = opcode::write::<u64>(b'!', 4);
/// The thread that waits for an answer runs where the answer was given (Linux 6.6).
const SYNC_WAKE_UP: u64 = 1;
/// A signal does not interrupt the wait for an answer, or the call would be asked about twice (Linux 5.19).
const WAIT_KILLABLE: libc::c_ulong = 1 << 5;

/// The flags of the message with the listener, by which the filter lets it pass. Programs do not use the second one:
/// it is for datagrams of the network.
pub(crate) const LISTENER_FLAGS: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::CONFIRM);

/// A system call that waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) id: u64,
    /// The thread that makes the call.
    pub(crate) thread: u32,
    pub(crate) number: i32,
    pub(crate) arguments: [u64; 6],
    /// The address after the call's instruction.
    pub(crate) instruction: u64,
}

/// Has the command's process install `program` as a filter before it executes, and send the listener, which
/// [`receive_listener`] gets, over `socket`. The process cannot gain privileges by set-user-ID programs.
pub(crate) fn filter(command: &mut Command, program: Vec<sock_filter>, socket: OwnedFd) {
    let before_exec = move || {
        rustix::thread::set_no_new_privs(true)?;
        let listener = install(&program)?;
        let fds = [listener.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(Errno::NOBUFS.into());
        }
        sendmsg(&socket, &[IoSlice::new(&[0])], &mut ancillary, LISTENER_FLAGS)?;
        Ok(())
    };
    // SAFETY: the closure runs in the forked child, where other threads' locks may be held. It makes
    // system calls with memory of its own stack and of `program`, which was filled before; it takes no
    // lock and allocates nothing, and its errors are numbers.
    unsafe { command.pre_exec(before_exec) };
}

/// Installs the filter for this thread.
fn install(program: &[sock_filter]) -> io::Result<OwnedFd> {
    let length = u16::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    let program = sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    let with_flags = |flags: libc::c_ulong| {
        // SAFETY: the kernel copies the filter, of which `program` has address and length, and changes
        // nothing. The number that it returns is a new descriptor.
        unsafe {
            let fd = libc::syscall(
                libc::SYS_seccomp,
                libc::c_ulong::from(libc::SECCOMP_SET_MODE_FILTER),
                flags | libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
                &raw const program,
            );
            match i32::try_from(fd) {
                Ok(fd) if fd >= 0 => Ok(OwnedFd::from_raw_fd(fd)),
                _ => Err(io::Error::last_os_error()),
            }
        }
    };
    match with_flags(WAIT_KILLABLE) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => with_flags(0),
        result => result,
    }
}

/// Waits for the listener that the process of a [filtered](filter) command sends; `None` if the socket
/// was shut down before.
pub(crate) fn receive_listener(socket: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    rustix::io::retry_on_intr(|| {
        recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
    })?;
    let listener = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    if let Some(listener) = &listener {
        // SAFETY: the argument is a number, which the kernel only reads. Older kernels refuse it, and
        // answers take longer there.
        let _ = unsafe { ioctl(listener, Setter::<SET_FLAGS, u64>::new(SYNC_WAKE_UP)) };
    }
    Ok(listener)
}

/// The next call that waits. Waits for one.
///
/// # Errors
/// `ENOENT`: the caller has been killed meanwhile.
pub(crate) fn receive(listener: &OwnedFd) -> rustix::io::Result<Question> {
    // SAFETY: an all-zero seccomp_notif is valid, since it is made of numbers; the kernel demands one.
    let mut notification: seccomp_notif = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: RECEIVE has the size of the structure, which the kernel fills.
    unsafe { ioctl(listener, Updater::<RECEIVE, seccomp_notif>::new(&mut notification)) }?;
    Ok(Question {
        id: notification.id,
        thread: notification.pid,
        number: notification.data.nr,
        arguments: notification.data.args,
        instruction: notification.data.instruction_pointer,
    })
}

/// Answers: the call fails with an error, or the kernel makes it.
///
/// # Errors
/// `ENOENT`: the caller has been killed meanwhile.
pub(crate) fn answer(
    listener: &OwnedFd,
    question: Question,
    error: Option<i32>,
) -> rustix::io::Result<()> {
    let mut response = seccomp_notif_resp {
        id: question.id,
        val: 0,
        error: error.map_or(0, |number| -number),
        flags: match error {
            Some(_) => 0,
            None => libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        },
    };
    // SAFETY: SEND has the size of the structure, which the kernel reads.
    unsafe { ioctl(listener, Updater::<SEND, seccomp_notif_resp>::new(&mut response)) }
}

/// Ends the wait of [`receive_listener`] on the other end, or on this one.
pub(crate) fn shut_down(socket: &OwnedFd) {
    // It fails only for a socket that is shut down already.
    let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
}
