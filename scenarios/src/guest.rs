//! The modules that cycles create: generated ones, each with bytes of its own, and ones from
//! files.

use std::path::{Path, PathBuf};

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection,
    MemArg, MemArgTarget, MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// The export of generated modules: `() -> i64`, which returns the stamp that it finds in its
/// memory, or something else if the memory is not as it was made.
pub const GUEST_EXPORT: &str = "check";

const WASM_PAGE_BYTES: u64 = 64 << 10;

/// A generated module, stamped anew for each cycle without allocating.
///
/// Its memory begins with a stamp (u64, the module's number mixed with the run's seed), then a
/// scratch cell (u64, 0), a cell that is only written, then filler. `check` adds the scratch cell
/// to the stamp, calls a second function that dirties the cell, and returns the sum: the stamp
/// alone, unless the slot still shows what an earlier instance wrote.
#[derive(Clone, Debug)]
pub struct GeneratedGuest {
    binary: Vec<u8>,
    stamp_at: usize,
    key: u64,
}

impl GeneratedGuest {
    /// A guest with `image_bytes` of initial memory, whose stamps depend on `seed`.
    ///
    /// # Panics
    /// If `image_bytes` is below [`crate::Scenario::IMAGE_SIZE_MIN`] or does not fit a memory of
    /// 4 GiB.
    pub fn new(image_bytes: u64, seed: u64) -> GeneratedGuest {
        assert!(image_bytes >= crate::Scenario::IMAGE_SIZE_MIN, "{image_bytes} bytes have no room");
        let filler = (0..image_bytes).map(|i| (i % 251) as u8 | 1);
        let mut image: Vec<u8> = filler.collect();
        image[..24].fill(0);
        let binary = encode(&image);
        // The data segment's payload ends the binary.
        let stamp_at = binary.len() - image.len();
        // Odd, so that multiplication by it maps different numbers to different stamps.
        let key = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        GeneratedGuest { binary, stamp_at, key }
    }

    /// The number that `check` of module `number` returns.
    pub fn stamp(&self, number: u64) -> u64 {
        number.wrapping_add(1).wrapping_mul(self.key)
    }

    /// The binary of module `number`.
    pub fn binary(&mut self, number: u64) -> &[u8] {
        let stamp = self.stamp(number);
        self.binary[self.stamp_at..self.stamp_at + 8].copy_from_slice(&stamp.to_le_bytes());
        &self.binary
    }
}

fn encode(image: &[u8]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], [ValType::I64]);
    types.ty().function([ValType::I64], []);
    let mut functions = FunctionSection::new();
    functions.function(0).function(1);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: (image.len() as u64).div_ceil(WASM_PAGE_BYTES),
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export(GUEST_EXPORT, ExportKind::Func, 0).export("memory", ExportKind::Memory, 0);

    let cell =
        |offset| MemArg { offset, align: 3, target: MemArgTarget::Memory(0), ordering: None };
    let mut check = Function::new([]);
    // The page is written before it is read, so that the copy costs one fault, not two.
    check
        .instructions()
        .i32_const(0)
        .i64_const(1)
        .i64_store(cell(16))
        .i32_const(0)
        .i64_load(cell(0))
        .i32_const(0)
        .i64_load(cell(8))
        .i64_add();
    check.instructions().i64_const(1).call(1).end();
    let mut dirty = Function::new([]);
    dirty.instructions().i32_const(0).local_get(0).i64_store(cell(8)).end();
    let mut code = CodeSection::new();
    code.function(&check).function(&dirty);

    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(0), image.iter().copied());

    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&exports);
    module.section(&code).section(&data);
    module.finish()
}

/// A module from a file.
#[derive(Clone, Debug)]
pub struct GuestFile {
    /// The path of its file.
    pub path: PathBuf,
    /// Its binary, not validated.
    pub binary: Vec<u8>,
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
            if path.to_str().is_none() {
                return Err(GuestFileError::NotUtf8 { path: path.clone() });
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

    fn read(path: &Path) -> Result<GuestFile, GuestFileError> {
        let bytes = std::fs::read(path)
            .map_err(|error| GuestFileError::Read { path: path.to_owned(), error })?;
        if path.extension().is_none_or(|ext| ext != "wat") {
            return Ok(GuestFile { path: path.to_owned(), binary: bytes });
        }
        let text = |message: String| GuestFileError::Text {
            path: path.to_owned(),
            message: on_one_line(&message),
        };
        let source = std::str::from_utf8(&bytes).map_err(|error| text(error.to_string()))?;
        let binary = wat::parse_str(source).map_err(|error| text(error.to_string()))?;
        Ok(GuestFile { path: path.to_owned(), binary })
    }
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
