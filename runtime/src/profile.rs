//! The perf map: a file in which profilers find the names of compiled functions.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process;
use std::sync::{Mutex, PoisonError};

use crate::error::Error;
use crate::module::compiled::CompiledModule;
use crate::vm::code::LoadedCode;

/// How profilers find the names of compiled functions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProfilingStrategy {
    /// They do not.
    #[default]
    None,
    /// By the file `/tmp/perf-PID.map`, which Linux's `perf` reads. It has a line for each function
    /// that was loaded since the process created its first engine with this strategy, also if it was
    /// dropped since.
    PerfMap,
}

/// The process's perf map, open to append lines.
#[derive(Debug)]
pub(crate) struct PerfMap(File);

impl PerfMap {
    /// Opens the map. The first engine of a process empties it, because an earlier process may have
    /// had the same number.
    ///
    /// # Errors
    /// [`Error::PerfMap`] if the kernel refuses to create or to empty the file.
    pub(crate) fn open() -> Result<Self, Error> {
        /// The process for which the map was emptied. A forked process has another number.
        static EMPTIED_FOR: Mutex<Option<u32>> = Mutex::new(None);

        let process = process::id();
        let path = PathBuf::from(format!("/tmp/perf-{process}.map"));
        let mut emptied_for = EMPTIED_FOR.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || -> io::Result<File> {
            // Others may write to the folder: a link there is not followed.
            let mut options = OpenOptions::new();
            options.create(true).append(true).custom_flags(libc::O_NOFOLLOW);
            let file = options.open(&path)?;
            if *emptied_for != Some(process) {
                file.set_len(0)?;
            }
            Ok(file)
        };
        let file = open().map_err(|source| Error::PerfMap { path, source })?;
        *emptied_for = Some(process);
        Ok(PerfMap(file))
    }

    /// Adds the functions of a module.
    pub(crate) fn add_module(&self, module: &CompiledModule) {
        let name_of = |func: usize| {
            let function = module.function_name(func);
            let module = module.info.name.as_deref().unwrap_or("<unknown>");
            match function.name {
                Some(name) => format!("{module}!{name}"),
                None => format!("{module}!<wasm function {}>", function.index),
            }
        };
        self.add(&module.code, name_of);
    }

    /// Adds a trampoline.
    pub(crate) fn add_trampoline(&self, code: &LoadedCode, name: &str) {
        self.add(code, |_| name.to_owned());
    }

    fn add(&self, code: &LoadedCode, name_of: impl Fn(usize) -> String) {
        let mut lines = String::new();
        for (func, place) in code.funcs().iter().enumerate() {
            // A guest chooses names, and a line has one.
            let name = name_of(func).replace(char::is_control, "?");
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{:x} {:x} {name}", code.address_of(place.start), place.len);
        }
        // One write, so that the lines of several threads do not mix. If it fails, a profiler lacks
        // the names, and the guest runs.
        let _ = (&self.0).write_all(lines.as_bytes());
    }
}
