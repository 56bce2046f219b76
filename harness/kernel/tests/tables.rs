//! The readers for an observer of any process: mappings by kind, tasks, descriptors in flight, System V
//! segments, limits.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

mod sys;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use leakbench_kernel::objects::{OwnMessageQueue, OwnSegment, OwnSemaphoreSet};
use leakbench_kernel::{
    Bound, Mapping, MappingKind, Process, ReadError, SharedSegment, Socket, Stat,
    children_by_parent, message_queues, object_of, semaphore_sets, shared_segments,
};
use rustix::mm::ProtFlags;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use sys::{OwnMapping, Sharing, Still, memfd, page};
use tempfile::TempDir;

const PID: u32 = 4242;

/// A tree like `/proc` with one process that has these files.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    let stat = "4242 (a) (name) S 7 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0 0 0 0 140730 0 0";
    for (name, text) in [("stat", stat)].iter().chain(files) {
        let path = tree.path().join(PID.to_string()).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    tree
}

fn open(tree: &TempDir) -> Process {
    Process::open_under(tree.path(), PID).unwrap()
}

fn mappings_of(process: &mut Process) -> Vec<Mapping> {
    let mut mappings = Vec::new();
    process.mappings(&mut mappings).unwrap();
    mappings
}

#[test]
fn each_mapping_is_of_the_kind_that_it_was_made() {
    let image = memfd(c"image", 1);
    let file = File::open("/proc/self/exe").unwrap();
    let segment = OwnSegment::attach(page()).ok();
    let mapped = [
        (MappingKind::Memfd, OwnMapping::file(&image, 0, 1, Sharing::Private)),
        (MappingKind::Memfd, OwnMapping::file(&image, 0, 1, Sharing::Shared)),
        (MappingKind::File, OwnMapping::file(&file, 0, 1, Sharing::Private)),
        (MappingKind::Executable, OwnMapping::private(1, ProtFlags::EXEC)),
        (MappingKind::Anonymous, OwnMapping::anonymous(1, Sharing::Shared)),
        (MappingKind::Reserved, OwnMapping::reserve(1)),
        (MappingKind::Anonymous, OwnMapping::private(1, ProtFlags::empty())),
    ];
    let child = Still::fork();
    let mut process = Process::open(child.pid()).unwrap();
    let mappings = mappings_of(&mut process);
    let kind_at = |address: usize| {
        let holds = |mapping: &&Mapping| (mapping.start..mapping.end).contains(&(address as u64));
        mappings.iter().find(holds).unwrap().kind
    };
    for (kind, mapping) in &mapped {
        assert_eq!(kind_at(mapping.start()), *kind, "{mapping:?}");
    }
    if let Some(segment) = &segment {
        assert_eq!(kind_at(segment.address()), MappingKind::Anonymous);
    }
    let memfd =
        mappings.iter().find(|mapping| mapping.start == mapped[1].1.start() as u64).unwrap();
    assert_eq!(memfd.object, Some(object_of(image.as_fd()).unwrap()));
    assert!(memfd.shared && memfd.bytes() == page() as u64);

    // Every line is there but the one that is no mapping.
    let text = fs::read_to_string(format!("/proc/{}/maps", child.pid())).unwrap();
    let lines = text.lines().filter(|line| !line.ends_with("[vsyscall]"));
    let starts: Vec<u64> = lines
        .map(|line| u64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap())
        .collect();
    assert_eq!(mappings.iter().map(|mapping| mapping.start).collect::<Vec<_>>(), starts);
    let stacks = mappings.iter().filter(|mapping| mapping.kind == MappingKind::Stack).count();
    assert!(stacks == 1 && mappings.iter().any(|mapping| mapping.kind == MappingKind::Kernel));

    let wanted = BTreeSet::from([mapped[0].1.start() as u64, mapped[3].1.start() as u64, 4096]);
    let described = process.describe_mappings(&wanted).unwrap();
    let range = |at: usize| format!("{at:x}-{:x}", at + page());
    let expected = BTreeMap::from([
        (
            mapped[0].1.start() as u64,
            format!("{} r--p /memfd:image (deleted)", range(mapped[0].1.start())),
        ),
        (mapped[3].1.start() as u64, format!("{} r-xp", range(mapped[3].1.start()))),
    ]);
    assert_eq!(described, expected);
}

#[test]
fn names_do_not_make_an_mapping_what_it_is_not() {
    let text = "\
1000-2000 r--p 00000000 08:01 5 /memfd:no (deleted)
2000-3000 rw-p 00000000 00:00 0 [heap]
3000-4000 ---p 00000000 00:00 0 [anon:guard]
4000-5000 r-xp 00000000 08:01 5 [vdso]
5000-6000 r--p 00000000 00:00 0 [vvar_vclock]
6000-7000 --xp 00000000 00:00 0 [vsyscall]
7000-8000 ---p 00000000 08:01 5 /lib/x.so
";
    let tree = tree(&[("maps", text)]);
    let kinds: Vec<MappingKind> =
        mappings_of(&mut open(&tree)).iter().map(|mapping| mapping.kind).collect();
    use MappingKind::{Anonymous, Executable, File, Kernel, Reserved};
    assert_eq!(kinds, [File, Anonymous, Reserved, Executable, Kernel, File]);
}

#[test]
fn threads_and_children_are_listed_and_both_ways_agree() {
    let mut shell = Command::new("sh")
        .args(["-c", "sleep 60 & sleep 60 & wait"])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let mut process = Process::open(shell.id()).unwrap();
    let (mut threads, mut children) = (vec![1, 2, 3], Vec::new());
    let deadline = Instant::now() + Duration::from_secs(120);
    while children.len() < 2 {
        assert!(Instant::now() < deadline, "{children:?}");
        process.tasks(&mut threads, &mut children).unwrap();
    }
    assert_eq!(threads, [shell.id()]);
    let table = children_by_parent(Path::new("/proc")).unwrap();
    assert_eq!(table.get(&shell.id()), Some(&children));
    let stat = Stat::of(Path::new("/proc"), children[0]).unwrap();
    assert_eq!((stat.parent, stat.has_ended), (shell.id(), false));
    assert_eq!(process.thread_name(shell.id()).unwrap(), "sh");
    let words = process.command_line().unwrap();
    assert_eq!(words, ["sh", "-c", "sleep 60 & sleep 60 & wait"]);
    assert_eq!(process.ids().unwrap().process, shell.id());
    assert_eq!(process.ids().unwrap().user, rustix::process::geteuid().as_raw());

    for child in &children {
        let pid = rustix::process::Pid::from_raw(child.cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    shell.kill().unwrap();
    shell.wait().unwrap();
    let ended = process.tasks(&mut threads, &mut children);
    assert!(matches!(ended, Err(ReadError::Vanished { .. })), "{ended:?}");
}

#[test]
fn a_kernel_without_lists_of_children_still_lists_threads() {
    let bare = tree(&[("task/4242/stat", ""), ("task/4243/stat", "")]);
    let (mut threads, mut children) = (Vec::new(), Vec::new());
    let absent = open(&bare).tasks(&mut threads, &mut children);
    assert!(matches!(absent, Err(ReadError::Absent { file: "children", .. })), "{absent:?}");
    assert_eq!(threads, [4242, 4243]);
    // The control: with the files, children of all threads; without its folder, a thread ended.
    let full = tree(&[
        ("task/4242/stat", ""),
        ("task/4242/children", "9 7 "),
        ("task/4243/stat", ""),
        ("task/4243/children", "8 "),
        ("task/4244/comm", "just ended"),
    ]);
    open(&full).tasks(&mut threads, &mut children).unwrap();
    assert_eq!((threads, children), (vec![4242, 4243, 4244], vec![7, 8, 9]));
    assert_eq!(children_by_parent(full.path()).unwrap(), BTreeMap::from([(7, vec![4242])]));
}

#[test]
fn stat_is_parsed_with_any_name() {
    let stat = Stat::of(tree(&[]).path(), PID).unwrap();
    assert_eq!((stat.name.as_str(), stat.parent), ("a) (name", 7));
    assert_eq!((stat.start_time_ticks, stat.stack_start), (99, Some(140_730)));
    assert!(!stat.is_kernel_thread && !stat.has_ended);
    let zombie = "4242 (x) Z 7 1 1 0 -1 2097152 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0 0 0 0 0 0 0";
    let stat = Stat::of(tree(&[("stat", zombie)]).path(), PID).unwrap();
    assert!(stat.is_kernel_thread && stat.has_ended && stat.stack_start.is_none());
}

#[test]
fn descriptors_that_wait_in_a_socket_are_counted() {
    let (receiver, sender) = UnixStream::pair().unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut own = Process::open(std::process::id()).unwrap();
    let mut waiting = |fd: i32| own.fds_in_flight(fd);
    assert_eq!(waiting(receiver.as_raw_fd()).unwrap(), Some(0));
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fds = [udp.as_fd(), sender.as_fd()];
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&fds)));
    sendmsg(&sender, &[IoSlice::new(b"x")], &mut ancillary, SendFlags::empty()).unwrap();
    assert_eq!(waiting(receiver.as_raw_fd()).unwrap(), Some(2));
    assert_eq!(waiting(sender.as_raw_fd()).unwrap(), Some(0));
    assert_eq!(waiting(udp.as_raw_fd()).unwrap(), None);
    assert!(matches!(waiting(1 << 20), Err(ReadError::Absent { .. })));
}

#[test]
fn sockets_have_states_addresses_and_queues() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    accepted.write_all(b"unread").unwrap();
    let closed = TcpStream::connect(address).unwrap();
    // The peer closes, and this end does not.
    drop(listener.accept().unwrap());
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (unix, _peer) = UnixStream::pair().unwrap();
    let unbound = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    let inode = |fd: &dyn AsFd| object_of(fd.as_fd()).unwrap().ino;
    let fds: [&dyn AsFd; 7] = [&listener, &client, &accepted, &closed, &udp, &unix, &unbound];
    let wanted: BTreeSet<u64> = fds.into_iter().map(inode).collect();
    let own = Process::open(std::process::id()).unwrap();
    let mut found = BTreeMap::new();
    let deadline = Instant::now() + Duration::from_secs(120);
    // The kernel delivers after `write` and `close` have returned.
    while found.get(&inode(&client)).is_none_or(|client: &Socket| client.to_read == 0)
        || found.get(&inode(&closed)).is_none_or(|closed: &Socket| closed.state == "ESTABLISHED")
    {
        assert!(Instant::now() < deadline, "{found:?}");
        own.sockets(&wanted, &mut found).unwrap();
    }
    let kind = |fd: &dyn AsFd| found[&inode(fd)].kind();
    assert_eq!(kind(&listener), format!("LISTEN at {address}"));
    assert_eq!(kind(&client), format!("ESTABLISHED to {address}"));
    assert_eq!(kind(&accepted), format!("ESTABLISHED at {address} from 127.0.0.1"));
    assert_eq!(kind(&closed), format!("CLOSE_WAIT to {address}"));
    assert_eq!(kind(&udp), "UDP UNCONNECTED at 127.0.0.1");
    assert_eq!(kind(&unix), "unix socket, ESTABLISHED");
    let local = client.local_addr().unwrap();
    assert_eq!(found[&inode(&client)].to_string(), format!("from {local}, 6 B to read"));
    assert_eq!(found[&inode(&accepted)].to_string(), format!("from {local}"));
    // Neither bound nor connected.
    assert!(!found.contains_key(&inode(&unbound)));
    assert_eq!(found.len(), 6);
}

#[test]
fn a_segment_has_its_creator() {
    let Some(before) = shared_segments(Path::new("/proc")) else {
        eprintln!("this system has no System V segments: nothing to read");
        return;
    };
    let segment = OwnSegment::attach(3 * page()).unwrap();
    let after = shared_segments(Path::new("/proc")).unwrap();
    let new: Vec<_> = after.iter().filter(|segment| !before.contains(segment)).collect();
    let own = |segment: &&SharedSegment| {
        let SharedSegment { creator, bytes, attached, .. } = **segment;
        (creator, bytes, attached) == (std::process::id(), 3 * page() as u64, 1)
    };
    assert_eq!(new.into_iter().filter(own).count(), 1, "{after:?}");
    drop(segment);
    assert_eq!(shared_segments(Path::new("/nonexistent")), None);
    let bad = tempfile::tempdir().unwrap();
    fs::create_dir(bad.path().join("sysvipc")).unwrap();
    fs::write(bad.path().join("sysvipc/shm"), "key shmid\n 0 nonsense\n").unwrap();
    assert_eq!(shared_segments(bad.path()), None);
    // Users above 65535, as the subordinate users of containers are.
    let high = "key shmid perms size cpid lpid nattch uid gid cuid cgid atime dtime ctime rss swap\n\
                0 5 1600 4096 77 0 1 100000 100000 100000 100000 0 0 0 4096 0\n";
    fs::write(bad.path().join("sysvipc/shm"), high).unwrap();
    let segment = SharedSegment { id: 5, bytes: 4096, creator: 77, attached: 1, user: 100_000 };
    assert_eq!(shared_segments(bad.path()), Some(vec![segment]));
}

#[test]
fn semaphores_and_queues_have_their_last_users() {
    let proc = Path::new("/proc");
    if semaphore_sets(proc).is_none() {
        eprintln!("this system has no System V semaphores: nothing to read");
        return;
    }
    let (set, queue) = (OwnSemaphoreSet::make().unwrap(), OwnMessageQueue::make().unwrap());
    let own = std::process::id();
    let sets = semaphore_sets(proc).unwrap();
    let found = sets.iter().find(|it| it.id == set.id()).unwrap();
    assert_eq!((found.semaphores, found.last_user()), (1, Some(own)));
    assert_eq!(found.user, rustix::process::geteuid().as_raw());
    let queues = message_queues(proc).unwrap();
    let found = queues.iter().find(|it| it.id == queue.id()).unwrap();
    assert_eq!((found.messages, found.bytes, found.sender, found.receiver), (1, 1, own, 0));
    let id = set.id();
    drop(set);
    assert!(semaphore_sets(proc).unwrap().iter().all(|it| it.id != id));
}

#[test]
fn limits_are_read_by_name() {
    let text = "\
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max file size             unlimited            unlimited            bytes
Max data size             unlimited            unlimited            bytes
Max stack size            8388608              unlimited            bytes
Max core file size        0                    unlimited            bytes
Max resident set          unlimited            unlimited            bytes
Max processes             unlimited            100                  processes
Max open files            256                  512                  files
Max locked memory         8192                 8192                 bytes
Max address space         unlimited            unlimited            bytes
Max file locks            unlimited            unlimited            locks
Max pending signals       127036               127036               signals
Max msgqueue size         819200               819200               bytes
Max nice priority         0                    0
Max realtime priority     0                    0
Max realtime timeout      unlimited            unlimited            us
";
    let limits = open(&tree(&[("limits", text)])).limits().unwrap();
    assert_eq!((limits.open_files.soft, limits.open_files.hard), (Bound::At(256), Bound::At(512)));
    assert_eq!(limits.processes.soft, Bound::Unlimited);
    assert_eq!(limits.locked_bytes.hard, Bound::At(8192));
    assert_eq!(limits.address_space_bytes.soft, Bound::Unlimited);
    let json = serde_json::to_string(&limits.processes).unwrap();
    assert_eq!(json, r#"{"soft":"unlimited","hard":100}"#);
    let bad = open(&tree(&[("limits", &text.replace(" 512 ", " few "))])).limits();
    assert!(matches!(bad, Err(ReadError::Malformed { file: "limits", .. })), "{bad:?}");
}
