//! The modules that cycles create: generated ones, each with bytes of its own, and ones from
//! files.

mod generated;

use std::path::{Path, PathBuf};

pub use generated::{GUEST_EXPORT, GeneratedGuest};
use wasmparser::{ExternalKind, Parser, Payload};

/// The beginning of the path of a module that comes with leakbench.
const BUILTIN_PREFIX: &str = "builtin:";

/// The modules that come with leakbench, each with its text.
const BUILTIN_GUESTS: &[(&str, &str)] =
    &[("fd-renumber", include_str!("../builtin/fd-renumber.wat"))];

/// A module from a file.
#[derive(Clone, Debug)]
pub struct GuestFile {
    /// The path of its file.
    pub path: PathBuf,
    /// Its binary, not validated.
    pub binary: Vec<u8>,
    /// Whether it exports `_initialize`, which a library with WASI wants called first.
    has_initialize: bool,
    /// Whether it exports `_start`, which is a program with WASI.
    has_start: bool,
}

impl GuestFile {
    /// Reads the modules that `paths` name: each a `.wasm` or `.wat` file, or a folder, of which
    /// every such file directly in it is taken, in the order of their names.
    ///
    /// # Errors
    /// The first path that cannot be read, folder without modules, or text that does not parse.
    pub fn read_all(paths: &[PathBuf]) -> Result<Vec<GuestFile>, GuestFileError> {
        let mut guests = Vec::new();
        for path in paths {
            let read = |error| GuestFileError::Read { path: path.clone(), error };
            // The scenario is handed on as text, and files are read again by each subject.
            let Some(text) = path.to_str() else {
                return Err(GuestFileError::NotUtf8 { path: path.clone() });
            };
            if let Some(name) = text.strip_prefix(BUILTIN_PREFIX) {
                guests.push(GuestFile::builtin(path, name)?);
                continue;
            }
            let metadata = std::fs::metadata(path).map_err(read)?;
            if metadata.is_file() {
                guests.push(GuestFile::read(path)?);
                continue;
            }
            if !metadata.is_dir() {
                return Err(GuestFileError::NotAFile { path: path.clone() });
            }
            let mut inside = Vec::new();
            for entry in std::fs::read_dir(path).map_err(read)? {
                let file = entry.map_err(read)?.path();
                if file.extension().is_some_and(|ext| ext == "wasm" || ext == "wat") {
                    inside.push(file);
                }
            }
            if inside.is_empty() {
                return Err(GuestFileError::NoModules { folder: path.clone() });
            }
            inside.sort();
            for file in inside {
                guests.push(GuestFile::read(&file)?);
            }
        }
        Ok(guests)
    }

    /// True if `path` names a module that comes with leakbench, and no file.
    pub fn is_builtin(path: &Path) -> bool {
        path.to_str().is_some_and(|path| path.starts_with(BUILTIN_PREFIX))
    }

    fn builtin(path: &Path, name: &str) -> Result<GuestFile, GuestFileError> {
        let found = BUILTIN_GUESTS.iter().find(|(of_guest, _)| *of_guest == name);
        let (_, source) = found.ok_or_else(|| GuestFileError::NotBuiltin {
            path: path.to_owned(),
            names: BUILTIN_GUESTS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        })?;
        GuestFile::of_text(path, source)
    }

    fn read(path: &Path) -> Result<GuestFile, GuestFileError> {
        let bytes = std::fs::read(path)
            .map_err(|error| GuestFileError::Read { path: path.to_owned(), error })?;
        if path.extension().is_none_or(|ext| ext != "wat") {
            return Ok(GuestFile::new(path, bytes));
        }
        let text = |message: String| GuestFileError::Text {
            path: path.to_owned(),
            message: on_one_line(&message),
        };
        let source = std::str::from_utf8(&bytes).map_err(|error| text(error.to_string()))?;
        GuestFile::of_text(path, source)
    }

    fn of_text(path: &Path, source: &str) -> Result<GuestFile, GuestFileError> {
        let binary = wat::parse_str(source).map_err(|error| GuestFileError::Text {
            path: path.to_owned(),
            message: on_one_line(&error.to_string()),
        })?;
        Ok(GuestFile::new(path, binary))
    }

    fn new(path: &Path, binary: Vec<u8>) -> GuestFile {
        let functions = exported_functions(&binary);
        let has = |name| functions.contains(&name);
        let (has_initialize, has_start) = (has("_initialize"), has("_start"));
        GuestFile { path: path.to_owned(), binary, has_initialize, has_start }
    }

    /// The exports to call in each instance, in order: `_initialize`, if there is one, and `invoke` or else
    /// `_start`, if there is one.
    pub fn calls<'a>(&self, invoke: Option<&'a str>) -> impl Iterator<Item = &'a str> + use<'a> {
        let start = self.has_start.then_some("_start");
        self.has_initialize.then_some("_initialize").into_iter().chain(invoke.or(start))
    }
}

/// The names of the functions that a module exports. A binary that is no module, which the runtime refuses,
/// has none.
fn exported_functions(binary: &[u8]) -> Vec<&str> {
    let mut functions = Vec::new();
    for payload in Parser::new(0).parse_all(binary) {
        match payload {
            Ok(Payload::ExportSection(exports)) => {
                let exports = exports.into_iter().filter_map(Result::ok);
                let exports = exports.filter(|export| export.kind == ExternalKind::Func);
                functions.extend(exports.map(|export| export.name));
            }
            Ok(_) => {}
            Err(_) => return Vec::new(),
        }
    }
    functions
}

/// The first line of an error, behind the place that the drawing under it names, as in
/// `--> <anon>:3:1`.
fn on_one_line(message: &str) -> String {
    let mut lines = message.lines();
    let what = lines.next().unwrap_or("it is not text");
    let place = lines
        .find_map(|line| line.trim().strip_prefix("--> "))
        .and_then(|place| place.rsplit_once(':'))
        .and_then(|(place, column)| Some((place.rsplit_once(':')?.1, column)));
    match place {
        Some((line, column)) => format!("line {line}, column {column}: {what}"),
        None => what.to_owned(),
    }
}

/// The reason for which a file gives no module.
#[derive(Debug, thiserror::Error)]
pub enum GuestFileError {
    /// The file or folder cannot be read.
    #[error("cannot read module {}: {error}", path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// The error of the kernel.
        error: std::io::Error,
    },
    /// No module of this name comes with leakbench.
    #[error("{} is no module that comes with leakbench: it has {names}", path.display())]
    NotBuiltin {
        /// The path.
        path: PathBuf,
        /// The names that there are.
        names: String,
    },
    /// A pipe, a terminal or a device: it can be read once at most.
    #[error("{} is neither a file nor a folder: write the module to a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The path is not text.
    #[error("the path {} is not UTF-8: rename it", path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// The folder has no modules.
    #[error("no modules in {}: expected .wasm or .wat files in it", folder.display())]
    NoModules {
        /// The path.
        folder: PathBuf,
    },
    /// The text format does not parse.
    #[error("{} is not the text of a module: {message}", path.display())]
    Text {
        /// The path.
        path: PathBuf,
        /// The error of the parser, with its line.
        message: String,
    },
}
