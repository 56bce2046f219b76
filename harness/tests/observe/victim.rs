//! A process that leaks on purpose: this test binary, started again.

use std::any::Any;
use std::collections::VecDeque;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IoSlice, Lines, Write};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::mm::ProtFlags;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};

use crate::sys::{MessageQueue, OwnMapping, RemovedSegment, SemaphoreSet, SysvSegment, memfd};

/// The variable with the names of its habits, separated by commas.
const HABITS: &str = "LEAKBENCH_TEST_VICTIM";

/// The variable of victims that end when their standard input is closed, after [`TICKS`] at least.
const ENDS: &str = "LEAKBENCH_TEST_VICTIM_ENDS";

/// The variable with a folder in memory.
pub(crate) const FOLDER: &str = "LEAKBENCH_TEST_VICTIM_FOLDER";

/// The unit of time of habits.
const TICK: Duration = Duration::from_millis(10);

/// Ticks in which every leak grows far beyond noise, however long they take.
const TICKS: u32 = 400;

/// The lines that a victim prints after its first tick and after [`TICKS`].
const BEGUN: &str = "the victim has begun";
const GROWN: &str = "the victim has grown";

/// The command line of a victim.
pub(crate) fn words() -> Vec<String> {
    let own = std::env::current_exe().expect("a test has a path");
    let own = own.to_str().expect("text").to_owned();
    vec![own, "--exact".into(), "victim::be_one".into(), "--nocapture".into()]
}

/// The variable of [`HABITS`] with its value.
pub(crate) fn habits(habits: &[&str]) -> (&'static str, String) {
    (HABITS, habits.join(","))
}

/// Lets a command's victim end when its standard input is closed, which is a pipe then.
pub(crate) fn end_with_input(command: &mut Command) {
    command.env(ENDS, "1").stdin(Stdio::piped());
}

/// A victim that has begun. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Victim {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Victim {
    /// Starts a victim and waits for its first tick, so that no observation includes its start, in
    /// which the dynamic loader adds some twenty mappings.
    pub(crate) fn start(names: &[&str]) -> Victim {
        let words = words();
        let mut command = Command::new(&words[0]);
        Victim::start_by(command.args(&words[1..]), names).expect("a test starts itself")
    }

    /// As [`Victim::start`], by a command that runs [`words`].
    pub(crate) fn start_by(command: &mut Command, names: &[&str]) -> io::Result<Victim> {
        let (name, value) = habits(names);
        command.env(name, value);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut victim = Victim { child, output };
        victim.wait_for(BEGUN);
        Ok(victim)
    }

    /// Waits for [`TICKS`].
    pub(crate) fn grow(&mut self) {
        self.wait_for(GROWN);
    }

    fn wait_for(&mut self, words: &str) {
        let printed = self.output.any(|line| line.is_ok_and(|line| line.contains(words)));
        assert!(printed, "the victim ended before it printed {words:?}");
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be waited for").is_none()
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No test, unless this process is a victim.
#[test]
fn be_one() {
    let Ok(names) = std::env::var(HABITS) else {
        return;
    };
    set_parent_process_death_signal(Some(Signal::KILL)).expect("a process may set this for itself");
    let ends = std::env::var_os(ENDS).is_some();
    let mut habits: Vec<_> = names.split(',').map(habit).collect();
    for tick in 0.. {
        habits.iter_mut().for_each(|habit| habit(tick));
        match tick {
            0 => println!("{BEGUN}"),
            TICKS => println!("{GROWN}"),
            _ => {}
        }
        if ends && tick >= TICKS && input_is_closed() {
            // Files with names are removed.
            drop(habits);
            std::process::exit(0);
        }
        std::thread::sleep(TICK);
    }
}

fn input_is_closed() -> bool {
    let input = std::io::stdin();
    let mut fds = [PollFd::new(&input, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).expect("it can be polled");
    fds[0].revents().contains(PollFlags::HUP)
}

type Habit = Box<dyn FnMut(u32)>;

/// Keeps one more object every `every` ticks, for ever.
fn keep<T: Any>(every: u32, mut make: impl FnMut() -> T + 'static) -> Habit {
    let mut kept = Vec::new();
    Box::new(move |tick| {
        if tick % every == 0 {
            kept.push(make());
        }
    })
}

/// What a file grows by in a tick.
static GROWTH: [u8; 64 << 10] = [1; 64 << 10];

fn grow(mut file: File) -> Habit {
    Box::new(move |_| file.write_all(&GROWTH).expect("there is room"))
}

/// The same with a memfd of which so many pages are mapped.
fn grow_mapped(name: &CStr, pages: usize) -> Habit {
    let memfd = memfd(name, 0);
    let mapping = OwnMapping::file(memfd.as_fd(), 0, pages, crate::sys::Sharing::Shared);
    let mut grow = grow(memfd.into());
    Box::new(move |tick| {
        assert!(mapping.end() > mapping.start());
        grow(tick);
    })
}

fn named_file() -> File {
    File::open(std::env::current_exe().expect("a path")).expect("it can be read")
}

fn event() -> OwnedFd {
    eventfd(0, EventfdFlags::CLOEXEC).expect("an eventfd")
}

fn habit(name: &str) -> Habit {
    match name {
        "idle" => Box::new(|_| ()),
        // Leaks of descriptors.
        "files" => keep(12, named_file),
        "deleted-files" => keep(12, || tempfile::tempfile().expect("a file")),
        // One file each that grows by 64 KiB a tick.
        "deleted-growth" => grow(tempfile::tempfile().expect("a file")),
        // All but its header is written and never mapped.
        "memfd-growth" => grow_mapped(c"buffer", 1),
        "tmpfs-growth" => {
            let folder = std::env::var_os(FOLDER).unwrap_or_else(|| "/dev/shm".into());
            let file = tempfile::NamedTempFile::new_in(folder).expect("a file");
            let (file, path) = file.into_parts();
            // It must not outlive the victim.
            let mut grow = grow(file);
            Box::new(move |tick| {
                assert!(path.exists());
                grow(tick);
            })
        }
        // It grows as much, within what is mapped: that is shared memory.
        "mapped-memfd-growth" => grow_mapped(c"mapped buffer", 1 << 16),
        "memfd-rewrite" => {
            let file = File::from(memfd(c"ring", 0));
            Box::new(move |tick| {
                let at = u64::from(tick % 8) * GROWTH.len() as u64;
                file.write_all_at(&GROWTH, at).expect("there is room");
            })
        }
        "memfds" => keep(12, || memfd(c"leaked", 1)),
        "sockets" => keep(12, || UdpSocket::bind("127.0.0.1:0").expect("a socket")),
        // Forty sockets, each of which is closed after forty ticks.
        "traffic" => {
            let mut open = VecDeque::new();
            Box::new(move |_| {
                open.push_back(UdpSocket::bind("127.0.0.1:0").expect("a socket"));
                if open.len() > 40 {
                    open.pop_front();
                }
            })
        }
        "any-sockets" => {
            keep(12, || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket"))
        }
        "close-wait" => {
            let server = TcpListener::bind("127.0.0.1:0").expect("a socket");
            keep(12, move || {
                let client = TcpStream::connect(server.local_addr().expect("an address"));
                drop(server.accept().expect("a connection"));
                client
            })
        }
        "connections" => {
            let server = TcpListener::bind("127.0.0.1:0").expect("a socket");
            keep(24, move || {
                let client = TcpStream::connect(server.local_addr().expect("an address"));
                (client, server.accept().expect("a connection"))
            })
        }
        "pipes" => keep(12, || std::io::pipe().expect("a pipe")),
        "events" => keep(12, event),
        "timers" => keep(12, || {
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).expect("a timer")
        }),
        "epolls" => {
            let watched = event();
            keep(12, move || {
                let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("an epoll");
                let data = epoll::EventData::new_u64(0);
                epoll::add(&epoll, &watched, data, epoll::EventFlags::IN).expect("a new target");
                epoll
            })
        }
        "inotifies" => keep(12, || inotify::init(CreateFlags::CLOEXEC).expect("an instance")),
        "watches" => {
            let inotify = inotify::init(CreateFlags::CLOEXEC).expect("an instance");
            let mut files = programs();
            keep(3, move || watch(&inotify, &files.next()?))
        }
        // It removes each watch.
        "watch-churn" => {
            let inotify = inotify::init(CreateFlags::CLOEXEC).expect("an instance");
            let mut files = programs();
            Box::new(move |_| {
                if let Some(number) = files.next().and_then(|file| watch(&inotify, &file)) {
                    inotify::remove_watch(&inotify, number).expect("a watch");
                }
            })
        }
        // Each reads from a pipe until it is closed.
        "fed-children" => keep(15, || {
            let mut cat = Command::new("cat");
            cat.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("cat runs")
        }),
        "in-flight" => in_flight(),
        // Leaks of memory. The kernel would merge equal neighbours into one mapping.
        "anonymous_mappings" => keep(6, || [ProtFlags::empty(), ProtFlags::WRITE].map(page)),
        "executable_mappings" => {
            keep(6, || [ProtFlags::EXEC, ProtFlags::EXEC | ProtFlags::WRITE].map(page))
        }
        "mapped-memfds" => keep(6, || {
            let memfd = memfd(c"mapped", 1);
            OwnMapping::file(memfd.as_fd(), 0, 1, crate::sys::Sharing::Private)
        }),
        "heap" => keep(1, || vec![1u8; 16 << 10]),
        "filling" => {
            // One mapping, of which more and more is used.
            let mut pool: Vec<u8> = Vec::with_capacity(1 << 30);
            Box::new(move |_| pool.extend_from_slice(&[1; 16 << 10]))
        }
        // Leaks of tasks, and of objects without a descriptor.
        "threads" => keep(15, || {
            let parked = || loop {
                std::thread::park();
            };
            let small = std::thread::Builder::new().name("leaked".into()).stack_size(64 << 10);
            small.spawn(parked).expect("a thread")
        }),
        "zombies" => keep(15, || Command::new("true").spawn().expect("true runs")),
        "segments" => keep(12, || SysvSegment::attach(4096).expect("a segment")),
        // They would outlive the victim: it removes them at its end.
        "semaphores" => keep(12, SemaphoreSet::make),
        // Only in an IPC namespace of its own: elsewhere no process nearby could be clean.
        "unused-semaphores" => keep(12, SemaphoreSet::make_unused),
        "queues" => keep(12, MessageQueue::make),
        // A child makes each and ends between two samples.
        "segments-of-children" => keep(25, || {
            let made = Command::new("ipcmk").args(["-M", "4096"]).output().expect("ipcmk runs");
            let printed = String::from_utf8_lossy(&made.stdout).into_owned();
            let number = printed.split_whitespace().last().and_then(|word| word.parse().ok());
            RemovedSegment(number.unwrap_or_else(|| panic!("no number: {printed}")))
        }),
        "keys" => keep(12, crate::sys::add_key),
        "ptys" => keep(12, || {
            File::options().read(true).write(true).open("/dev/ptmx").expect("a pseudoterminal")
        }),
        // None when the limit is reached.
        "posix-queues" => keep(12, || crate::sys::posix_queue(2, 700)),
        "rings" => keep(12, || crate::sys::io_uring().expect("a ring")),
        "bpf-maps" => keep(12, || crate::sys::bpf_map().expect("a map")),
        "perf-events" => keep(12, || crate::sys::perf_event().expect("an event")),
        "child-with-memfds" => {
            let child = Victim::start(&["memfds"]);
            Box::new(move |_| assert!(child.child.id() > 0))
        }
        // No leaks.
        "bounded-cache" => {
            let mut cache = Vec::new();
            Box::new(move |tick| {
                if tick % 2 == 0 && cache.len() < 40 {
                    cache.push(named_file());
                }
            })
        }
        "sawtooth" => {
            let mut batch = Vec::new();
            Box::new(move |_| {
                batch.push(event());
                if batch.len() > 45 {
                    batch.clear();
                }
            })
        }
        "reservation" => keep(2, || OwnMapping::reserve(4096)),
        "churn" => {
            let mut open = VecDeque::new();
            Box::new(move |tick| {
                // Two kinds in turn, so that a number belongs to different objects over time.
                open.push_back(if tick % 3 == 0 { event() } else { named_file().into() });
                if open.len() > 8 {
                    open.pop_front();
                }
            })
        }
        // Starts a process, and ends later than its main thread.
        "main-thread-first" => end_main_thread_before(Duration::from_millis(300)),
        "main-thread-long-before" => end_main_thread_before(Duration::from_secs(3)),
        other => panic!("unknown habit {other:?}"),
    }
}

/// Starts a process that goes on, ends the main thread, and ends the others after `rest`.
fn end_main_thread_before(rest: Duration) -> Habit {
    keep(u32::MAX, move || {
        let mut goes_on = Command::new("sleep");
        goes_on.arg("600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let started = goes_on.spawn().expect("sleep runs");
        std::thread::spawn(move || {
            crate::sys::end_main_thread();
            std::thread::sleep(rest);
            std::process::exit(0);
        });
        started
    })
}

/// Many files that exist everywhere.
fn programs() -> impl Iterator<Item = PathBuf> {
    let all = std::fs::read_dir("/usr/bin").expect("programs").flatten();
    let files = all.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    files.map(|entry| entry.path())
}

fn watch(inotify: &OwnedFd, path: &Path) -> Option<i32> {
    inotify::add_watch(inotify, path, WatchFlags::DELETE_SELF).ok()
}

fn page(protection: ProtFlags) -> OwnMapping {
    OwnMapping::private(1, protection)
}

/// Sends descriptors and never receives them.
fn in_flight() -> Habit {
    let (receiver, sender) = UnixStream::pair().expect("a pair");
    let sent = event();
    Box::new(move |tick| {
        assert!(receiver.peer_addr().is_ok());
        if tick % 6 != 0 {
            return;
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let fds = [sent.as_fd()];
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(&fds)));
        sendmsg(&sender, &[IoSlice::new(b"x")], &mut ancillary, SendFlags::empty())
            .expect("there is room");
    })
}
