//! System calls of a command, counted and failed on purpose.
//!
//! ```text
//! command ─ system call ─► filter in the kernel ─ question ─► thread of the injector
//!     ▲                                                             │
//!     └───────────── the error, or the call is made ◄───────────────┘
//! ```
//!
//! It needs no privileges, and the command's descendants have the filter too. A call that the kernel asks
//! about takes some microseconds more. The command cannot gain privileges by set-user-ID programs.

mod calls;
mod filter;
mod loader;

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use self::loader::Loaders;
use leakbench_model::{Call, ErrorNumber, Fault, FaultCount};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::sys::seccomp;

/// Time between two checks for the end of all processes.
const END_CHECK_INTERVAL: Duration = Duration::from_millis(1);

/// Hears of a command's calls, on the thread that answers them. The caller of the call waits meanwhile.
pub trait CallObserver: Send {
    /// A call is about to fail on purpose.
    fn injects(&mut self, _: Fault) {}

    /// The command is about to be executed by this thread, with [`CountFrom::Execution`].
    fn executes(&mut self, _thread: u32) {}

    /// A thread is about to end its process. [`Injector::attach`] decides whether it is asked for.
    fn exits(&mut self, _thread: u32) {}
}

/// No observer.
impl CallObserver for () {}

/// The time from which calls count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountFrom {
    /// The execution of the command.
    Execution,
    /// [`Injector::arm`].
    Arming,
}

/// A command whose program is searched in `PATH` now and not by its process, which so executes only once: that is the
/// call from which an [`Injector`] counts.
pub fn command_found_in_path(program: &OsStr) -> Command {
    let is_executable = |path: &PathBuf| {
        let mode =
            std::fs::metadata(path).map(|file| file.is_file().then(|| file.permissions().mode()));
        mode.is_ok_and(|mode| mode.is_some_and(|mode| mode & 0o111 != 0))
    };
    let is_name = !program.as_encoded_bytes().contains(&b'/');
    let paths = std::env::var_os("PATH").filter(|_| is_name).unwrap_or_default();
    let found =
        std::env::split_paths(&paths).map(|folder| folder.join(program)).find(is_executable);
    match found {
        Some(path) => {
            let mut command = Command::new(path);
            command.arg0(program);
            command
        }
        None => Command::new(program),
    }
}

/// Answers the kernel's questions about the calls of one command. It must live as long as the command and its
/// descendants: later their calls of these kinds fail with `ENOSYS`.
///
/// Calls of the dynamic loader neither count nor fail.
#[derive(Debug)]
pub struct Injector {
    shared: Arc<Shared>,
    socket: Arc<OwnedFd>,
    stop: OwnedFd,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    faults: Vec<Fault>,
    /// For each fault the number of its calls that failed.
    injected: Vec<AtomicU64>,
    /// For each kind of call the number of calls.
    calls: [AtomicU64; Call::ALL.len()],
    is_armed: AtomicBool,
    is_installed: AtomicBool,
    /// The reason why the thread ended early.
    failure: Mutex<Option<io::Error>>,
}

impl Injector {
    /// Prepares `command`, which then is started once. Calls of `counted` are counted, beside those of `faults`.
    /// With `exits` the observer hears of the ends of processes.
    ///
    /// # Errors
    /// The kernel's: there are too few descriptors or threads.
    pub fn attach(
        command: &mut Command,
        faults: &[Fault],
        counted: &[Call],
        from: CountFrom,
        exits: bool,
        observer: impl CallObserver + 'static,
    ) -> io::Result<Injector> {
        let pair =
            || socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let (socket, theirs) = pair()?;
        let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
        let mut calls: Vec<Call> =
            faults.iter().map(|fault| fault.call).chain(counted.iter().copied()).collect();
        if from == CountFrom::Execution {
            // The first question about it is the execution of the command.
            calls.push(Call::Execve);
        }
        let shared = Arc::new(Shared {
            faults: faults.to_vec(),
            injected: faults.iter().map(|_| AtomicU64::new(0)).collect(),
            calls: Default::default(),
            is_armed: AtomicBool::new(false),
            is_installed: AtomicBool::new(false),
            failure: Mutex::new(None),
        });
        let socket = Arc::new(socket);
        let service = Service {
            shared: Arc::clone(&shared),
            stop: stop.try_clone()?,
            arms_at_execution: from == CountFrom::Execution,
            observer: Box::new(observer),
            loaders: Loaders::default(),
        };
        let thread = std::thread::Builder::new().name("faults".to_owned()).spawn({
            let socket = Arc::clone(&socket);
            move || service.run(&socket)
        })?;
        let injector = Injector { shared, socket, stop, thread: Some(thread) };
        seccomp::filter(command, filter::program(&calls, exits), theirs);
        Ok(injector)
    }

    /// Calls count, and fail, from now on.
    pub fn arm(&self) {
        self.shared.is_armed.store(true, Relaxed);
    }

    /// Calls neither count nor fail any more.
    pub fn disarm(&self) {
        self.shared.is_armed.store(false, Relaxed);
    }

    /// The error of a command that could not be started, which names the filter if that is the reason.
    pub fn explain(&self, error: io::Error) -> io::Error {
        match self.is_installed() {
            true => error,
            false => io::Error::new(
                error.kind(),
                format!("the filter that makes calls fail (seccomp): {error}"),
            ),
        }
    }

    /// True once the command's process has the filter.
    pub fn is_installed(&self) -> bool {
        self.shared.is_installed.load(Relaxed)
    }

    /// The faults with the calls until now.
    pub fn counts(&self) -> Vec<FaultCount> {
        let Shared { faults, injected, .. } = &*self.shared;
        let count = |(fault, injected): (&Fault, &AtomicU64)| FaultCount {
            fault: *fault,
            calls: self.calls(fault.call),
            injected: injected.load(Relaxed),
        };
        faults.iter().zip(injected).map(count).collect()
    }

    /// The number of calls of a kind until now, if the kind was counted.
    pub fn calls(&self, call: Call) -> u64 {
        self.shared.calls[call as usize].load(Relaxed)
    }

    /// Waits until no process has the filter any more, at most for `limit`: the command and all of its descendants
    /// have ended. Returns whether that is so.
    pub fn wait_for_end(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let has_ended = || self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        while !has_ended() && Instant::now() < deadline {
            std::thread::sleep(END_CHECK_INTERVAL);
        }
        has_ended()
    }

    /// The reason why calls are not answered any more, once: so what the command did after is no result.
    pub fn take_failure(&self) -> Option<io::Error> {
        self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The kernel's words for an error: `Cannot allocate memory (os error 12)`.
pub fn words_of(error: ErrorNumber) -> String {
    io::Error::from_raw_os_error(calls::number_of(error)).to_string()
}

impl Drop for Injector {
    fn drop(&mut self) {
        seccomp::shut_down(&self.socket);
        // It fails only for a counter at its maximum, which is readable too.
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed.
            let _ = thread.join();
        }
    }
}

/// The thread of an injector.
struct Service {
    shared: Arc<Shared>,
    stop: OwnedFd,
    arms_at_execution: bool,
    observer: Box<dyn CallObserver>,
    loaders: Loaders,
}

impl Service {
    fn run(mut self, socket: &OwnedFd) {
        let result = seccomp::receive_listener(socket).and_then(|listener| match listener {
            Some(listener) => {
                self.shared.is_installed.store(true, Relaxed);
                self.serve(&listener)
            }
            None => Ok(()),
        });
        if let Err(error) = result {
            *self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    /// Answers until no process has the filter any more.
    fn serve(&mut self, listener: &OwnedFd) -> io::Result<()> {
        loop {
            let mut fds =
                [PollFd::new(listener, PollFlags::IN), PollFd::new(&self.stop, PollFlags::IN)];
            rustix::io::retry_on_intr(|| poll(&mut fds, None))?;
            let [ready, stop] = fds.map(|fd| fd.revents());
            if !stop.is_empty() {
                return Ok(());
            }
            if !ready.contains(PollFlags::IN) {
                // No process is left.
                return Ok(());
            }
            match seccomp::receive(listener) {
                Ok(question) => {
                    let error = self.decide(question).map(|fault| calls::number_of(fault.error));
                    match seccomp::answer(listener, question, error) {
                        // The caller was killed meanwhile.
                        Ok(()) | Err(Errno::NOENT) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(Errno::NOENT | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The fault by which a call fails; `None` if the kernel makes it.
    fn decide(&mut self, question: seccomp::Question) -> Option<Fault> {
        let Shared { faults, injected, calls, is_armed, .. } = &*self.shared;
        if question.number as u32 == calls::EXIT_GROUP {
            self.observer.exits(question.thread);
            return None;
        }
        let call = calls::call_of(question.number, question.arguments[1])?;
        let is_loaders = self.loaders.has(question.thread, question.instruction);
        if call == Call::Execve {
            self.loaders.forget(question.thread);
        }
        if self.arms_at_execution && call == Call::Execve {
            self.arms_at_execution = false;
            self.observer.executes(question.thread);
            is_armed.store(true, Relaxed);
            return None;
        }
        if is_loaders || !is_armed.load(Relaxed) {
            return None;
        }
        let number = calls[call as usize].fetch_add(1, Relaxed) + 1;
        let hits = |(_, fault): &(usize, &Fault)| fault.call == call && fault.when.includes(number);
        let (index, fault) = faults.iter().enumerate().find(hits)?;
        injected[index].fetch_add(1, Relaxed);
        self.observer.injects(*fault);
        Some(*fault)
    }
}
