//! A guest that exports a function for each function of WASI, which passes its arguments on.

use std::fmt::Write;

use leakbench_runtime::{Engine, Error, Instance, Linker, Memory, Module, Store, Val};
use leakbench_wasi::{MODULE, WasiCtx, add_to_linker};

/// Each function that returns an error number, with its parameters: `i` of 32 bits, `l` of 64 bits.
pub(crate) const FUNCTIONS: [(&str, &str); 45] = [
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "ili"),
    ("fd_advise", "illi"),
    ("fd_allocate", "ill"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "ill"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "il"),
    ("fd_filestat_set_times", "illi"),
    ("fd_pread", "iiili"),
    ("fd_prestat_get", "ii"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_pwrite", "iiili"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiili"),
    ("fd_renumber", "ii"),
    ("fd_seek", "ilii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiilli"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiillii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// Pages of the guest's memory.
const PAGES: u32 = 2;
/// The length of the guest's memory in bytes.
pub(crate) const MEMORY: u32 = PAGES << 16;
/// Where [`Guest::text`] and buffers begin. Results are below.
pub(crate) const TEXT: u32 = 1024;
/// An address for results.
pub(crate) const RESULT: u32 = 0;

/// A guest with a context.
pub(crate) struct Guest {
    pub(crate) store: Store<WasiCtx>,
    instance: Instance,
    pub(crate) memory: Memory,
    /// The next free address.
    next: u32,
}

impl Guest {
    pub(crate) fn new(context: WasiCtx) -> Guest {
        let engine = Engine::new(&leakbench_runtime::Config {
            memories: leakbench_runtime::Memories::OnDemand,
            ..Default::default()
        });
        let engine = engine.unwrap();
        let mut linker = Linker::new(&engine);
        add_to_linker(&mut linker, |context| context).unwrap();
        let module = Module::new(&engine, text()).unwrap();
        let mut store = Store::new(&engine, context);
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Guest { store, instance, memory, next: TEXT }
    }

    /// Zeroes the memory.
    pub(crate) fn reset(&mut self) {
        self.memory.data_mut(&mut self.store).fill(0);
        self.next = TEXT;
    }

    /// Calls a function, and returns its error number.
    pub(crate) fn try_call(&mut self, name: &str, args: &[u64]) -> Result<i32, Error> {
        let (_, params) = FUNCTIONS.iter().find(|(other, _)| *other == name).unwrap();
        assert_eq!(params.len(), args.len(), "{name}");
        let values: Vec<Val> = params
            .chars()
            .zip(args)
            .map(|(ty, &arg)| match ty {
                'i' => Val::I32(arg as i32),
                _ => Val::I64(arg as i64),
            })
            .collect();
        let func = self.instance.get_func(&mut self.store, name).unwrap();
        let mut results = [Val::I32(0)];
        func.call(&mut self.store, &values, &mut results)?;
        Ok(results[0].i32().unwrap())
    }

    /// Calls a function that must not stop the guest, and returns its error number.
    pub(crate) fn call(&mut self, name: &str, args: &[u64]) -> i32 {
        self.try_call(name, args).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Calls a function that must succeed.
    pub(crate) fn ok(&mut self, name: &str, args: &[u64]) {
        assert_eq!(self.call(name, args), 0, "{name} {args:?}");
    }

    /// Puts bytes into the memory, and returns their address and length.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> [u64; 2] {
        let at = self.next.next_multiple_of(8);
        self.memory.write(&mut self.store, at as usize, bytes).unwrap();
        self.next = at + bytes.len() as u32;
        [at.into(), bytes.len() as u64]
    }

    /// Puts the buffers' addresses and lengths into the memory: the arguments of a read or write.
    pub(crate) fn buffers(&mut self, buffers: &[[u64; 2]]) -> [u64; 2] {
        let bytes: Vec<u8> =
            buffers.iter().flatten().flat_map(|&word| (word as u32).to_le_bytes()).collect();
        let [at, _] = self.put(&bytes);
        [at, buffers.len() as u64]
    }

    pub(crate) fn bytes(&mut self, at: u64, len: u64) -> Vec<u8> {
        self.memory.data(&self.store)[at as usize..][..len as usize].to_vec()
    }

    pub(crate) fn word(&mut self, at: u32) -> u32 {
        u32::from_le_bytes(self.bytes(at.into(), 4).try_into().unwrap())
    }

    pub(crate) fn long(&mut self, at: u32) -> u64 {
        u64::from_le_bytes(self.bytes(at.into(), 8).try_into().unwrap())
    }

    /// Opens a path, and returns the descriptor or the error number.
    pub(crate) fn open(&mut self, dir: u64, path: &str, how: Open) -> Result<u64, i32> {
        let [at, len] = self.put(path.as_bytes());
        let Open { lookup, open, base, flags } = how;
        let args = [dir, lookup, at, len, open, base, u64::MAX, flags, RESULT.into()];
        match self.call("path_open", &args) {
            0 => Ok(self.word(RESULT).into()),
            errno => Err(errno),
        }
    }

    /// Calls a function whose parameters are a directory and a path.
    pub(crate) fn path(&mut self, name: &str, dir: u64, path: &str) -> i32 {
        let [at, len] = self.put(path.as_bytes());
        self.call(name, &[dir, at, len])
    }

    /// Writes to a descriptor.
    pub(crate) fn write(&mut self, fd: u64, bytes: &[u8]) -> Result<u32, i32> {
        let buffer = self.put(bytes);
        let [at, len] = self.buffers(&[buffer]);
        match self.call("fd_write", &[fd, at, len, RESULT.into()]) {
            0 => Ok(self.word(RESULT)),
            errno => Err(errno),
        }
    }

    /// Reads up to 64 bytes from a descriptor.
    pub(crate) fn read(&mut self, fd: u64) -> Result<Vec<u8>, i32> {
        let buffer = self.put(&[0; 64]);
        let [at, len] = self.buffers(&[buffer]);
        match self.call("fd_read", &[fd, at, len, RESULT.into()]) {
            0 => {
                let read = self.word(RESULT);
                Ok(self.bytes(buffer[0], read.into()))
            }
            errno => Err(errno),
        }
    }
}

/// How to open a path. The default is to read what exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) lookup: u64,
    pub(crate) open: u64,
    pub(crate) base: u64,
    pub(crate) flags: u64,
}

pub(crate) const READ: u64 = 1 << 1;
pub(crate) const WRITE: u64 = 1 << 6;
pub(crate) const FOLLOW: u64 = 1;
pub(crate) const CREATE: u64 = 1;

impl Default for Open {
    fn default() -> Open {
        Open { lookup: FOLLOW, open: 0, base: !WRITE, flags: 0 }
    }
}

impl Open {
    pub(crate) fn create() -> Open {
        Open { open: CREATE, base: u64::MAX, ..Open::default() }
    }
}

/// The guest's text.
fn text() -> String {
    let mut imports = String::new();
    let mut functions = String::new();
    for (name, params) in FUNCTIONS {
        let types: Vec<&str> =
            params.chars().map(|ty| if ty == 'i' { "i32" } else { "i64" }).collect();
        let params = format!("(param {}) (result i32)", types.join(" "));
        let gets: String = (0..types.len()).map(|n| format!("(local.get {n})")).collect();
        writeln!(imports, r#"(import "{MODULE}" "{name}" (func ${name} {params}))"#).unwrap();
        writeln!(functions, r#"(func (export "{name}") {params} (call ${name} {gets}))"#).unwrap();
    }
    format!("(module {imports} (memory (export \"memory\") {PAGES}) {functions})")
}

/// The error numbers that tests name.
pub(crate) mod errno {
    pub(crate) const BADF: i32 = 8;
    pub(crate) const EXIST: i32 = 20;
    pub(crate) const INVAL: i32 = 28;
    pub(crate) const ISDIR: i32 = 31;
    pub(crate) const LOOP: i32 = 32;
    pub(crate) const DQUOT: i32 = 19;
    pub(crate) const MFILE: i32 = 33;
    pub(crate) const NAMETOOLONG: i32 = 37;
    pub(crate) const NOENT: i32 = 44;
    pub(crate) const NOTDIR: i32 = 54;
    pub(crate) const NOTEMPTY: i32 = 55;
    pub(crate) const NOTSOCK: i32 = 57;
    pub(crate) const NOTSUP: i32 = 58;
    pub(crate) const PERM: i32 = 63;
    pub(crate) const SPIPE: i32 = 70;
    pub(crate) const NOTCAPABLE: i32 = 76;
}
