//! The options of a run: the same words as flags and as keys of a scenario file.
//!
//! One table declares them, a row each. Everything else that lists them is made from it.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use leakbench_model::{
    Allocation, Compile, DEFAULT_SLOTS, DEFAULT_WARM_SLOTS, Fault, ImageKind, OnDrop, Strategy,
};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use crate::byte_size::ByteSize;
use crate::command_line::Command;
use crate::flag::{self, Choice, OptionRow};
use crate::guest::GuestFile;
use crate::guest_world::{GuestDir, GuestVariable};
use crate::mode::{Feature, Mode};
use crate::offer::{Settlement, default_first};
use crate::plant::Plant;
use crate::quantity::{Millis, Seconds};
use crate::scenario::ScenarioError;
use crate::subject_name::SubjectName;
use crate::suggestion;
use crate::table::options;
use crate::value::Value;

const ONE: NonZeroU32 = NonZeroU32::MIN;

options! {
    "Choose what runs" {
        /// Runtime under test
        ///
        /// It is builtin, a driver such as wasmtime@48, or a command that speaks the step protocol,
        /// such as 'python3 driver.py'
        subject: Always<SubjectName>(SubjectName::Builtin), "NAME|COMMAND";

        /// Modules to create and drop
        ///
        /// Processes and threads share them out
        cycles: Always<NonZeroU64>(n64(1_000_000)), "N";
    }

    "Set up the pool" {
        /// Choice of an instance's slot
        ///
        /// Among the free ones
        strategy: OneOf<Strategy>(Some(Strategy::Random)), "NAME";

        /// Unused slots that may stay warm
        ///
        /// With warm-lru: beyond that, an instance gets one of them and no cold slot
        warm_slots: Amount<u32>(Some(DEFAULT_WARM_SLOTS)), "N";

        /// Effect of a drop on free slots
        ///
        /// Those that still map the dropped module's image
        on_drop: OneOf<OnDrop>(Some(OnDrop::Purge)), "POLICY";

        /// Slots that are reset together
        ///
        /// Until then they wait in the decommit queue
        decommit_batch: Amount<NonZeroU32>(Some(ONE)), "N";

        /// Empty the decommit queue before a module is dropped
        flush_on_drop: OneOf<bool>(Some(false)), "on|off";

        /// Bytes of a slot that a reset zeroes and keeps
        ///
        /// It gives the other pages back. For runtimes that do
        keep_resident: Amount<ByteSize>(None), "BYTES", "0";

        /// Ask the kernel before a reset which pages were written
        ///
        /// By PAGEMAP_SCAN, for runtimes that can
        pagemap_scan: OneOf<bool>(None), "on|off", "off";

        /// Source of instances' memory
        ///
        /// Without a pool, nothing holds the image of a module that has no instance, and the options of
        /// the pool have no effect
        allocation: OneOf<Allocation>(Some(Allocation::Pool)), "HOW";
    }

    "Choose the modules" {
        /// Storage of initial memories
        image: OneOf<ImageKind>(Some(ImageKind::Memfd)), "KIND";

        /// Bytes of initial memory of each generated module
        ///
        /// No two modules have the same bytes
        image_size: Always<ByteSize>(ByteSize(4096)), "BYTES";
    }

    "Set up the pool" {
        /// Slots in each process's pool
        slots: Amount<NonZeroU32>(Some(DEFAULT_SLOTS)), "N";
    }

    "Run more at once" {
        /// Processes side by side, each with its own runtime
        processes: PerMachine<NonZeroU32>, "N",
            format!("one a core, each with at least {} cycles", Scenario::CYCLES_A_PROCESS);

        /// Threads in each process, sharing its runtime
        threads: Always<NonZeroU32>(ONE), "N";

        /// Number of processors for the subjects
        ///
        /// The first ones that leakbench may use. Runtimes shard their pools by them
        #[serde(skip_serializing_if = "Option::is_none")]
        cpus: Optional<Option<NonZeroU32>>, "N", "all";

        /// Descriptors that each subject may have
        ///
        /// Its soft RLIMIT_NOFILE, so that a leak meets the limit soon
        #[serde(skip_serializing_if = "Option::is_none")]
        max_fds: Optional<Option<NonZeroU32>>, "N", "as leakbench";

        /// Address space that each subject may have
        ///
        /// Its soft RLIMIT_AS
        #[serde(skip_serializing_if = "Option::is_none")]
        max_address_space: Optional<Option<ByteSize>>, "BYTES", "as leakbench";

        /// Instances of each module at once
        instances: Always<NonZeroU32>(ONE), "N";

        /// Modules that each thread holds at a time
        ///
        /// With several, drops and instantiations of different modules interleave
        live_modules: Always<NonZeroU32>(ONE), "N";

        /// Modules that each thread keeps to the end
        ///
        /// In every second cycle at random, one of them has an instance made, called and dropped,
        /// so that no workload aligns with a pool's batches
        long_lived: Always<u32>(0), "N";
    }

    "Choose the steps" {
        /// Course of a cycle
        ///
        /// Each step of it has an outcome that it must have: a trap that is expected is no failure. May be
        /// given again: cycles take the modes in turn
        mode: Several<Mode>(&Mode::ALL), "NAME", Mode::Plain;

        /// Part of the runtime that every cycle uses
        ///
        /// May be given again
        feature: Several<Feature>(&[
            Feature::Memories,
            Feature::SharedMemory,
            Feature::Fuel,
            Feature::Epochs,
        ]), "NAME";

        /// Object to leave behind on purpose
        ///
        /// In some cycles at random, to see that the judge finds it. May be given again
        plant: Several<Plant>(&Plant::ALL), "NAME";

        /// System calls of the subject that fail on purpose
        ///
        /// Such as mmap=ENOMEM@every:97, from the first cycle to the last drop. The choice of calls is 5
        /// (the fifth alone), 5+ (all from the fifth on), every:5, or never (they are only counted). A step
        /// that fails for such a call is no failure of the run, and its cycle is given up. May be given again
        #[serde(skip_serializing_if = "Vec::is_empty")]
        inject: Optional<Vec<Fault>>, "FAULT";
    }

    "Choose the modules" {
        /// Treatment of modules whose code is known
        compile: OneOf<Compile>(Some(Compile::Cached)), "HOW";

        /// Module to cycle instead of generated ones
        ///
        /// A .wasm or .wat file, or a folder of them; may be given again
        wasm: Optional<Vec<PathBuf>>, "FILE|DIR";

        /// Export to call in each instance in place of _start
        ///
        /// Of a module given by --wasm; it takes no parameters
        invoke: Optional<Option<String>>, "NAME";

        /// Instantiate modules whose imports nothing provides
        ///
        /// A call of such a function fails; other imports must be provided
        trap_unknown_imports: OneOf<bool>(Some(false)), "on|off";

        /// Folder for modules with WASI, and its name there
        ///
        /// Each instance opens it anew and reaches nothing outside; may be given again
        #[serde(skip_serializing_if = "Vec::is_empty")]
        dir: Optional<Vec<GuestDir>>, "HOST::GUEST";

        /// Variable of the environment of modules with WASI
        ///
        /// The recording has it, so it should be no secret; may be given again
        #[serde(skip_serializing_if = "Vec::is_empty")]
        env: Optional<Vec<GuestVariable>>, "NAME=VALUE";

        /// Argument of modules with WASI
        ///
        /// After the program's name; may be given again
        #[serde(skip_serializing_if = "Vec::is_empty")]
        arg: Optional<Vec<String>>, "WORD";

        /// Seed of every random choice
        seed: Always<u64>(0), "N";
    }

    "Decide when to judge" {
        /// Barriers, at which both witnesses are compared
        ///
        /// Evenly spread over the run, the last at its end; 100 with several threads, whose races show
        /// only for a moment
        barriers: Always<NonZeroU32>(n32(10)), "N";

        /// Time for late releases at a barrier, in ms
        ///
        /// Images of dropped modules that are left after it are lingering
        settle_ms: Always<Millis>(Millis(200)), "TIME";

        /// Time without progress after which a subject is hung, in seconds
        timeout as "timeout_s": Always<Seconds>(Seconds(n64(60))), "TIME";
    }
}

const fn n32(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("not zero")
}

const fn n64(number: u64) -> NonZeroU64 {
    NonZeroU64::new(number).expect("not zero")
}

impl Options {
    /// Reads a scenario file. Paths in it are relative to the file's folder.
    ///
    /// # Errors
    /// The file cannot be read, or is not TOML, has an unknown key or a value of the wrong type;
    /// the message has the line.
    pub fn from_file(path: &Path) -> Result<Options, ScenarioFileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScenarioFileError::Read { path: path.to_owned(), error })?;
        let mut options = Options::from_toml(&text, &path.display().to_string())?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for wasm in options.wasm.iter_mut().filter(|path| !GuestFile::is_builtin(path)) {
            *wasm = folder.join(&wasm);
        }
        for dir in &mut options.dir {
            dir.host = folder.join(&dir.host);
        }
        Ok(options)
    }

    /// Reads a scenario from text; `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`Options::from_file`], but for reading.
    pub fn from_toml(text: &str, name: &str) -> Result<Options, ScenarioFileError> {
        parse(text, name)
    }

    /// Reads the `[run]` table of a `leakbench.toml`, whose other tables are the gate's. Without one,
    /// no option is given.
    ///
    /// # Errors
    /// As [`Options::from_toml`].
    pub fn from_run_table(text: &str, name: &str) -> Result<Options, ScenarioFileError> {
        #[derive(Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct ProjectFile {
            run: Options,
            version: IgnoredAny,
            gate: IgnoredAny,
            policy: IgnoredAny,
        }
        parse(text, name).map(|file: ProjectFile| file.run)
    }
}

fn parse<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, ScenarioFileError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        // The message alone: its long form draws the file over several lines.
        let message = error.message().replace('\n', " ");
        let message = suggestion::with_nearest(message);
        ScenarioFileError::Parse { name: name.to_owned(), line, message }
    })
}

/// A scenario file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioFileError {
    /// It cannot be read.
    #[error("cannot read scenario file {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of reading.
        error: std::io::Error,
    },
    /// It is not TOML, or has a wrong key or value.
    #[error("{name}, line {line}: {message}")]
    Parse {
        /// The file.
        name: String,
        /// Number of the line, from 1.
        line: usize,
        /// The fault there.
        message: String,
    },
}
