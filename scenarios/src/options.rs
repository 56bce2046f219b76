//! What a user may say about a run: the same words as flags and as keys of a scenario file.
//!
//! One struct carries both forms, so that every flag is a key and every key is a flag.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use leakbench_model::{Allocation, Compile, ImageKind, OnDrop, Strategy};
use serde::Deserialize;

use crate::byte_size::ByteSize;
use crate::subject_name::SubjectName;
use crate::suggestion;

/// The choices of a run. What is `None` was not said.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, clap::Args)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Options {
    /// Runtime under test: builtin, a driver such as wasmtime@48, or a command that speaks the
    /// step protocol, such as 'python3 driver.py' [default: builtin]
    #[arg(long, value_name = "NAME|COMMAND")]
    pub subject: Option<SubjectName>,

    /// Modules to create and drop, shared out over processes and threads [default: 1000000]
    #[arg(long, value_name = "N", value_parser = at_least_one_u64)]
    pub cycles: Option<NonZeroU64>,

    /// Which free slot an instance gets [default: random, of the builtin runtime]
    #[arg(long, value_name = "NAME", value_parser = names::<Strategy>(Strategy::NAMES))]
    pub strategy: Option<Strategy>,

    /// warm-lru: unused slots that may stay warm before one of them is taken [default: 100]
    #[arg(long, value_name = "N")]
    pub warm_slots: Option<u32>,

    /// What dropping a module does to free slots that still map its image [default: purge]
    #[arg(long, value_name = "POLICY", value_parser = names::<OnDrop>(OnDrop::NAMES))]
    pub on_drop: Option<OnDrop>,

    /// Slots that wait in the decommit queue until they are reset together [default: 1]
    #[arg(long, value_name = "N", value_parser = at_least_one_u32)]
    pub decommit_batch: Option<NonZeroU32>,

    /// Whether dropping a module empties the decommit queue first [default: off]
    #[arg(
        long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on",
        value_parser = on_or_off(),
    )]
    pub flush_on_drop: Option<bool>,

    /// Bytes of a slot's memory that are reset by writing zeroes instead of by giving the pages
    /// back, for runtimes that do [default: 0]
    #[arg(long, value_name = "BYTES")]
    pub keep_resident: Option<ByteSize>,

    /// Whether a reset asks the kernel first which pages were written (PAGEMAP_SCAN), for
    /// runtimes that can [default: off]
    #[arg(
        long, value_name = "on|off", num_args = 0..=1, default_missing_value = "on",
        value_parser = on_or_off(),
    )]
    pub pagemap_scan: Option<bool>,

    /// Where instances get their memory from, for runtimes that have both [default: pool]
    #[arg(long, value_name = "HOW", value_parser = names::<Allocation>(Allocation::NAMES))]
    pub allocation: Option<Allocation>,

    /// Where initial memories are kept [default: memfd]
    #[arg(long, value_name = "KIND", value_parser = names::<ImageKind>(ImageKind::NAMES))]
    pub image: Option<ImageKind>,

    /// Bytes of initial memory of each generated module, each module's unlike any other's
    /// [default: 4KiB]
    #[arg(long, value_name = "BYTES")]
    pub image_size: Option<ByteSize>,

    /// Slots in each process's pool [default: 1000]
    #[arg(long, value_name = "N", value_parser = at_least_one_u32)]
    pub slots: Option<NonZeroU32>,

    /// Processes side by side, each with its own runtime [default: one a core, each with at
    /// least 10000 cycles]
    #[arg(long, value_name = "N", value_parser = at_least_one_u32)]
    pub processes: Option<NonZeroU32>,

    /// Threads in each process, sharing its runtime [default: 1]
    #[arg(long, value_name = "N", value_parser = at_least_one_u32)]
    pub threads: Option<NonZeroU32>,

    /// Processors that the subjects may run on: so many of the first that leakbench may; runtimes
    /// shard their pools by them [default: all]
    #[arg(long, value_name = "N", value_parser = at_least_one_u32)]
    pub cpus: Option<NonZeroU32>,

    /// Instances of each module at once [default: 1]
    #[arg(long, value_name = "N", value_parser = at_least_one_u32)]
    pub instances: Option<NonZeroU32>,

    /// Modules that each thread holds at a time, so that drops and instantiations of different
    /// modules interleave [default: 1]
    #[arg(long, value_name = "N", value_parser = at_least_one_u32)]
    pub live_modules: Option<NonZeroU32>,

    /// Modules that each thread keeps to the end, of which one has an instance made, called and
    /// dropped in every second cycle at random, so that no workload aligns with a pool's batches
    /// [default: 0]
    #[arg(long, value_name = "N")]
    pub long_lived: Option<u32>,

    /// Whether a module whose code is known is compiled again [default: cached]
    #[arg(long, value_name = "HOW", value_parser = names::<Compile>(Compile::NAMES))]
    pub compile: Option<Compile>,

    /// Module to cycle instead of generated ones: a .wasm or .wat file, or a folder of them;
    /// may be given again
    #[arg(long, value_name = "FILE|DIR")]
    pub wasm: Vec<PathBuf>,

    /// Export to call in each instance of a module given by --wasm; it takes no parameters
    #[arg(long, value_name = "NAME")]
    pub invoke: Option<String>,

    /// Seed of every random choice [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Moments in the run, evenly spread, at which all stops and both witnesses are compared
    /// [default: 10]
    #[arg(long, value_name = "N", value_parser = at_least_one_u32)]
    pub barriers: Option<NonZeroU32>,

    /// How long a barrier waits for releases that are late, before what is left is lingering, in
    /// ms [default: 200]
    #[arg(long, value_name = "MS")]
    pub settle_ms: Option<u64>,

    /// Seconds without progress after which a subject is hung [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = at_least_one_u64)]
    pub timeout: Option<NonZeroU64>,
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
        for wasm in &mut options.wasm {
            *wasm = folder.join(&wasm);
        }
        Ok(options)
    }

    /// Reads a scenario from text; `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`Options::from_file`], but for reading.
    pub fn from_toml(text: &str, name: &str) -> Result<Options, ScenarioFileError> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            // The message alone: its long form draws the file over several lines.
            let message = error.message().replace('\n', " ");
            let message = suggestion::with_nearest(message);
            ScenarioFileError::Parse { name: name.to_owned(), line, message }
        })
    }

    /// These options, and where they say nothing, those of `base`.
    pub fn or(self, base: Options) -> Options {
        // Destructured so that a new option cannot be forgotten here.
        let Options {
            subject,
            cycles,
            strategy,
            warm_slots,
            on_drop,
            decommit_batch,
            flush_on_drop,
            keep_resident,
            pagemap_scan,
            allocation,
            image,
            image_size,
            slots,
            processes,
            threads,
            cpus,
            instances,
            live_modules,
            long_lived,
            compile,
            wasm,
            invoke,
            seed,
            barriers,
            settle_ms,
            timeout,
        } = self;
        Options {
            subject: subject.or(base.subject),
            cycles: cycles.or(base.cycles),
            strategy: strategy.or(base.strategy),
            warm_slots: warm_slots.or(base.warm_slots),
            on_drop: on_drop.or(base.on_drop),
            decommit_batch: decommit_batch.or(base.decommit_batch),
            flush_on_drop: flush_on_drop.or(base.flush_on_drop),
            keep_resident: keep_resident.or(base.keep_resident),
            pagemap_scan: pagemap_scan.or(base.pagemap_scan),
            allocation: allocation.or(base.allocation),
            image: image.or(base.image),
            image_size: image_size.or(base.image_size),
            slots: slots.or(base.slots),
            processes: processes.or(base.processes),
            threads: threads.or(base.threads),
            cpus: cpus.or(base.cpus),
            instances: instances.or(base.instances),
            live_modules: live_modules.or(base.live_modules),
            long_lived: long_lived.or(base.long_lived),
            compile: compile.or(base.compile),
            wasm: if wasm.is_empty() { base.wasm } else { wasm },
            invoke: invoke.or(base.invoke),
            seed: seed.or(base.seed),
            barriers: barriers.or(base.barriers),
            settle_ms: settle_ms.or(base.settle_ms),
            timeout: timeout.or(base.timeout),
        }
    }
}

/// Why a scenario file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioFileError {
    /// It cannot be read.
    #[error("cannot read scenario file {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// It cannot be understood.
    #[error("{name}, line {line}: {message}")]
    Parse {
        /// The file.
        name: String,
        /// From 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
}

/// Parses one of `names`; clap then names the nearest one when the user misspells it.
fn names<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

fn on_or_off() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["on", "off"]).map(|word| word == "on")
}

fn at_least_one_u32(text: &str) -> Result<NonZeroU32, String> {
    at_least_one_u64(text)?.try_into().map_err(|_| format!("at most {}", u32::MAX))
}

fn at_least_one_u64(text: &str) -> Result<NonZeroU64, String> {
    let number: u64 = text.replace('_', "").parse().map_err(|_| "not a whole number".to_owned())?;
    NonZeroU64::new(number).ok_or_else(|| "must be at least 1".to_owned())
}
