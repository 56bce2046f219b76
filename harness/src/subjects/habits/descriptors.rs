//! Descriptors, and what they bring: watches and descriptors in flight.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{PidfdFlags, getpid, pidfd_open};
use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

use super::{Act, keep};

/// A folder with many files, on most machines, and the number of them that habits need.
const PROGRAMS: &str = "/usr/bin";
const PROGRAMS_MIN: usize = 100;

/// A descriptor of a file that has a name.
pub(super) fn file() -> io::Result<File> {
    File::open("/proc/self/exe")
}

pub(super) fn socket() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
}

/// A namespace may have no interface that is up.
pub(super) fn socket_at_any_address() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
}

/// Clients whose server has closed the connection.
pub(super) fn half_closed_connections() -> io::Result<Act> {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    keep(move || {
        let client = TcpStream::connect(server.local_addr()?)?;
        drop(server.accept()?);
        Ok(client)
    })
}

/// Both ends of connections.
pub(super) fn connections() -> io::Result<Act> {
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    keep(move || Ok((TcpStream::connect(server.local_addr()?)?, server.accept()?)))
}

pub(super) fn event() -> io::Result<OwnedFd> {
    Ok(eventfd(0, EventfdFlags::CLOEXEC)?)
}

pub(super) fn timer() -> io::Result<OwnedFd> {
    Ok(timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?)
}

/// Each watches the same descriptor.
pub(super) fn epolls() -> io::Result<Act> {
    let watched = event()?;
    keep(move || {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &watched, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
        Ok(epoll)
    })
}

pub(super) fn pidfd() -> io::Result<OwnedFd> {
    Ok(pidfd_open(getpid(), PidfdFlags::empty())?)
}

pub(super) fn inotify() -> io::Result<OwnedFd> {
    Ok(inotify::init(CreateFlags::CLOEXEC)?)
}

pub(super) fn pty() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/ptmx")
}

/// A descriptor of no other kind.
pub(super) fn namespace() -> io::Result<File> {
    File::open("/proc/self/ns/mnt")
}

/// One more watch of the same descriptor at each act, while there are files.
pub(super) fn watches() -> io::Result<Act> {
    let (inotify, mut files) = (inotify()?, programs()?);
    Ok(Box::new(move || {
        if let Some(file) = files.pop_front() {
            inotify::add_watch(&inotify, &file, WatchFlags::DELETE_SELF)?;
        }
        Ok(())
    }))
}

/// Adds a watch at each act and removes it.
pub(super) fn watch_churn() -> io::Result<Act> {
    let (inotify, mut files) = (inotify()?, programs()?);
    Ok(Box::new(move || {
        if let Some(file) = files.pop_front() {
            let watch = inotify::add_watch(&inotify, &file, WatchFlags::DELETE_SELF)?;
            inotify::remove_watch(&inotify, watch)?;
            files.push_back(file);
        }
        Ok(())
    }))
}

fn programs() -> io::Result<VecDeque<PathBuf>> {
    let all = std::fs::read_dir(PROGRAMS)?.flatten();
    let files = all.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let files: VecDeque<PathBuf> = files.map(|entry| entry.path()).collect();
    if files.len() < PROGRAMS_MIN {
        let message = format!("{PROGRAMS} has {} files of {PROGRAMS_MIN}", files.len());
        return Err(io::Error::other(message));
    }
    Ok(files)
}

/// Sends a descriptor at each act and never receives it.
pub(super) fn in_flight() -> io::Result<Act> {
    let (receiver, sender) = UnixStream::pair()?;
    // A full buffer must not stop the other habits.
    sender.set_nonblocking(true)?;
    let sent = event()?;
    Ok(Box::new(move || {
        // Its end keeps the other one from being closed.
        receiver.peer_addr()?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let fds = [sent.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&fds));
        sendmsg(&sender, &[IoSlice::new(b"x")], &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }))
}
