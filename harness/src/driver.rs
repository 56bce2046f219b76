//! The program that has the runtime under test: its path and its offer.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;

use leakbench_kernel::{Child, ProcessGroup};
use leakbench_scenarios::{DriverName, Offer, SubjectName};
use leakbench_subject::wire::OfferLine;
use rustix::fs::{OFlags, fcntl_setfl};

/// The beginning of a driver's name.
const PREFIX: &str = "leakbench-";

/// Time for a driver to print its offer and exit.
const OFFER_WITHIN: Duration = Duration::from_secs(10);

/// A runtime that can be put under test.
#[derive(Clone, Debug)]
pub(crate) struct Driver {
    pub(crate) program: Program,
    /// The choices that its runtime has.
    pub(crate) offer: Offer,
}

/// The program that is started as a subject.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// This program, with this hidden subcommand.
    Own(&'static str),
    /// Another program.
    Other(PathBuf),
}

/// The reason why a runtime cannot be put under test.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// There is no such program.
    #[error(
        "no driver for subject {name}: there is no program {} in a folder given by --driver-dir{}, \
         beside leakbench or on PATH; leakbench's own drivers are built by: \
         scripts/build-drivers {name}",
        name.program(),
        driver_dir
            .as_ref()
            .map_or(String::new(), |folder| format!(" ({})", folder.display()))
    )]
    Absent {
        /// The driver.
        name: DriverName,
        /// The folder that the user gave.
        driver_dir: Option<PathBuf>,
    },
    /// It does not start.
    #[error("cannot start the driver {}: {error}", path.display())]
    Start {
        /// The program.
        path: PathBuf,
        /// The kernel's answer.
        error: io::Error,
    },
    /// It is no driver, or one of another version of leakbench.
    #[error("{} cannot be used as a driver: {reason}", path.display())]
    Unusable {
        /// The program.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

impl Driver {
    /// Finds the driver of that name, in `driver_dir` first, then beside this program, then on PATH,
    /// and reads its offer.
    ///
    /// # Errors
    /// There is no such driver, or it has another version of the protocol.
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
                    // The bridge makes one step at a time.
                    threads_max: Some(std::num::NonZeroU32::MIN),
                    ..Offer::none(command.program())
                },
            }),
            SubjectName::Driver(name) => {
                let folders = folders(driver_dir);
                let paths = folders.iter().map(|folder| folder.join(name.program()));
                let path = paths.into_iter().find(|path| is_program(path)).ok_or_else(|| {
                    let driver_dir = driver_dir.map(Path::to_owned);
                    DriverError::Absent { name: name.clone(), driver_dir }
                })?;
                let offer = query_offer(&path)?;
                Ok(Driver { program: Program::Other(path), offer })
            }
        }
    }
}

/// The folders that are searched for drivers.
fn folders(driver_dir: Option<&Path>) -> Vec<PathBuf> {
    let own = std::env::current_exe().ok();
    let own = own.as_deref().and_then(Path::parent).map(Path::to_owned);
    let mut folders: Vec<PathBuf> = driver_dir.map(Path::to_owned).into_iter().chain(own).collect();
    let path: Option<OsString> = std::env::var_os("PATH");
    folders.extend(path.iter().flat_map(std::env::split_paths));
    folders
}

/// Every driver in `driver_dir`, beside this program and on PATH, with its offer. Of several drivers of
/// one name it is the first, which a run would take.
pub(crate) fn all(driver_dir: Option<&Path>) -> Vec<(PathBuf, Result<Offer, DriverError>)> {
    let mut named: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for folder in folders(driver_dir) {
        // A folder on PATH may be missing.
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| is_program(&entry.path())) {
            if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
                named.entry(entry.file_name()).or_insert_with(|| entry.path());
            }
        }
    }
    let drivers = named.into_values().map(|path| {
        let offer = query_offer(&path);
        (path, offer)
    });
    drivers.collect()
}

fn is_program(path: &Path) -> bool {
    let executable = |file: std::fs::Metadata| file.is_file() && file.mode() & 0o111 != 0;
    std::fs::metadata(path).is_ok_and(executable)
}

/// Runs a driver to print its offer.
fn query_offer(path: &Path) -> Result<Offer, DriverError> {
    let mut command = Command::new(path);
    command.arg("offer").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Child::spawn(&mut command, ProcessGroup::Own)
        .map_err(|error| DriverError::Start { path: path.to_owned(), error })?;
    let unusable = |reason: String| DriverError::Unusable { path: path.to_owned(), reason };
    // An offer is shorter than a pipe holds, so that a driver can exit before its pipe is read.
    let status = child
        .wait_for(OFFER_WITHIN)
        .map_err(|error| unusable(format!("it cannot be waited for: {error}")))?
        .ok_or_else(|| unusable(format!("it did not print its offer within {OFFER_WITHIN:?}")))?;
    let text = child.take_stdout().map_or(Ok(Vec::new()), pipe_content);
    let text = text.map_err(|error| unusable(format!("its offer cannot be read: {error}")))?;
    if !status.success() {
        return Err(unusable(format!("it printed no offer and ended with {status}")));
    }
    OfferLine::read(&String::from_utf8_lossy(&text)).map_err(unusable)
}

/// The bytes that a pipe holds. It does not wait for the pipe's end: a process that the driver started
/// outside of its group may keep it open.
fn pipe_content(mut pipe: ChildStdout) -> io::Result<Vec<u8>> {
    fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
    let mut text = Vec::new();
    match pipe.read_to_end(&mut text) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(text),
    }
}
