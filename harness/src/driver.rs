//! The program that has the runtime under test: where it is, and what it offers.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use leakbench_scenarios::{DriverName, Offer, SubjectName};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process_group};

use leakbench_subject::protocol::OfferLine;

/// What drivers' names begin with.
const PREFIX: &str = "leakbench-";

/// How long a driver may take to say what it offers.
const OFFER_WITHIN: Duration = Duration::from_secs(10);

/// A runtime that is there to be put under test.
#[derive(Clone, Debug)]
pub(crate) struct Driver {
    pub(crate) program: Program,
    /// Which choices a run with it has.
    pub(crate) offer: Offer,
}

/// What is started as a subject.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// This program once more, with that hidden subcommand.
    Own(&'static str),
    /// Another one.
    Other(PathBuf),
}

/// Why a runtime cannot be put under test.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// It is nowhere.
    #[error(
        "no driver for subject {name}: there is no program {} in a folder given by --driver-dir{}, beside leakbench or on PATH; \
         leakbench's own drivers are built by: scripts/build-drivers {name}",
        name.program(),
        driver_dir
            .as_ref()
            .map_or(String::new(), |folder| format!(" ({})", folder.display()))
    )]
    Absent {
        /// What was asked for.
        name: DriverName,
        /// Where the user said it is.
        driver_dir: Option<PathBuf>,
    },
    /// It does not start.
    #[error("cannot start the driver {}: {error}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It is no driver, or one of another version of leakbench.
    #[error("{} cannot be used as a driver: {reason}", path.display())]
    Unusable {
        /// The program.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Driver {
    /// Finds the runtime of that name, in `driver_dir` first, then beside this program, then on
    /// PATH, and asks it what it offers.
    ///
    /// # Errors
    /// There is none, or it is not one of this version.
    pub(crate) fn find(
        subject: &SubjectName,
        driver_dir: Option<&Path>,
    ) -> Result<Driver, DriverError> {
        match subject {
            SubjectName::Builtin => {
                Ok(Driver { program: Program::Own("subject"), offer: Offer::builtin() })
            }
            SubjectName::Command(command) => Ok(Driver {
                program: Program::Own("bridge"),
                offer: Offer {
                    // It does one step at a time.
                    threads_max: Some(std::num::NonZeroU32::MIN),
                    ..Offer::none(command.program())
                },
            }),
            SubjectName::Driver(name) => {
                let places = places(driver_dir);
                let paths = places.iter().map(|folder| folder.join(name.program()));
                let path = paths.into_iter().find(|path| is_program(path)).ok_or_else(|| {
                    let driver_dir = driver_dir.map(Path::to_owned);
                    DriverError::Absent { name: name.clone(), driver_dir }
                })?;
                let offer = ask(&path)?;
                Ok(Driver { program: Program::Other(path), offer })
            }
        }
    }
}

/// Folders in which drivers are looked for.
fn places(driver_dir: Option<&Path>) -> Vec<PathBuf> {
    let own = std::env::current_exe().ok();
    let own = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    // What a user says goes before what happens to lie there.
    let mut places: Vec<PathBuf> = driver_dir.map(Path::to_owned).into_iter().chain(own).collect();
    let path: Option<OsString> = std::env::var_os("PATH");
    places.extend(path.iter().flat_map(std::env::split_paths));
    places
}

/// Every program that could be a driver, beside this one, in `driver_dir` and on PATH, with what it
/// says it offers. Of those of one name the first, which is the one that a run would take.
pub(crate) fn all(driver_dir: Option<&Path>) -> Vec<(PathBuf, Result<Offer, DriverError>)> {
    let mut named: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for folder in places(driver_dir) {
        // A folder on PATH need not be there.
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| is_program(&entry.path())) {
            if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
                named.entry(entry.file_name()).or_insert_with(|| entry.path());
            }
        }
    }
    let asked = named.into_values().map(|path| {
        let offer = ask(&path);
        (path, offer)
    });
    asked.collect()
}

fn is_program(path: &Path) -> bool {
    let executable = |file: std::fs::Metadata| file.is_file() && file.mode() & 0o111 != 0;
    std::fs::metadata(path).is_ok_and(executable)
}

fn ask(path: &Path) -> Result<Offer, DriverError> {
    let started = Command::new(path)
        .arg("offer")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let mut child = started.map_err(|error| DriverError::Start { path: path.to_owned(), error })?;
    let unusable = |reason: String| DriverError::Unusable { path: path.to_owned(), reason };
    let until = Instant::now() + OFFER_WITHIN;
    // An offer is shorter than a pipe holds, so that a driver can leave without being read from.
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            answer => {
                // Nobody waits for it any longer.
                let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
                let _ = child.wait();
                return Err(unusable(match answer {
                    Err(error) => format!("it cannot be waited for: {error}"),
                    Ok(_) => format!("asked for its offer, it did not end in {OFFER_WITHIN:?}"),
                }));
            }
        }
    };
    let text = child.stdout.take().map_or(Ok(Vec::new()), what_is_there);
    let text = text.map_err(|error| unusable(format!("its offer cannot be read: {error}")))?;
    if !status.success() {
        return Err(unusable(format!("asked for its offer, it ended with {status}")));
    }
    OfferLine::read(&String::from_utf8_lossy(&text)).map_err(unusable)
}

/// What a pipe holds. Its end is not waited for: what the driver started may keep it open.
fn what_is_there(mut pipe: ChildStdout) -> io::Result<Vec<u8>> {
    fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
    let mut text = Vec::new();
    match pipe.read_to_end(&mut text) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(text),
    }
}
