//! The options of a run: the same words as flags and as keys of a scenario file.
//!
//! One table declares them, a row each, so that every flag is a key and every default stands once.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use leakbench_model::{
    Allocation, Compile, DEFAULT_SLOTS, DEFAULT_WARM_SLOTS, ImageKind, OnDrop, Strategy,
};
use serde::Deserialize;

use crate::byte_size::ByteSize;
use crate::scenario::Scenario;
use crate::subject_name::SubjectName;
use crate::suggestion;

/// An option's value: one that may be absent, or a list that may be empty.
pub(crate) trait Choice {
    type Value;

    /// This value; if it is absent, `base`.
    fn or(self, base: Self) -> Self;
}

impl<T> Choice for Option<T> {
    type Value = T;

    fn or(self, base: Option<T>) -> Option<T> {
        self.or(base)
    }
}

impl<T> Choice for Vec<T> {
    type Value = Vec<T>;

    fn or(self, base: Vec<T>) -> Vec<T> {
        if self.is_empty() { base } else { self }
    }
}

/// Declares the options, a row each: the help, the name of flag and key, the type, what clap needs
/// besides, the default value, and words about the default.
macro_rules! options {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $type:ty [$($arg:tt)*] $(= $default:expr)? $(=> $words:expr)?;
    )+) => {
        /// The choices of a run. An absent one is left to the runtime or to the default.
        #[derive(Clone, Debug, Default, PartialEq, Deserialize, clap::Args)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
        pub struct Options {$(
            $(#[doc = $doc])+
            #[arg(
                long,
                help = help(
                    &[$($doc),+],
                    &[
                        $(value_of::<$type>($default).to_string(),)?
                        $(($words).to_string(),)?
                    ],
                ),
                $($arg)*
            )]
            pub $name: $type,
        )+}

        impl Options {
            /// These options; absent ones are those of `base`.
            pub fn or(self, base: Options) -> Options {
                Options { $($name: Choice::or(self.$name, base.$name),)+ }
            }
        }

        /// The default of each option that has one, whatever the runtime and the machine.
        pub(crate) mod default {
            use super::*;
            $($(
                pub(crate) fn $name() -> <$type as Choice>::Value {
                    $default
                }
            )?)+
        }
    };
}

options! {
    /// Runtime under test: builtin, a driver such as wasmtime@48, or a command that speaks the step
    /// protocol, such as 'python3 driver.py'
    subject: Option<SubjectName> [value_name = "NAME|COMMAND"] = SubjectName::Builtin;

    /// Modules to create and drop, shared out over processes and threads
    cycles: Option<NonZeroU64> [value_name = "N", value_parser = at_least_one_u64]
        = n64(1_000_000);

    /// Choice of the free slot for an instance
    strategy: Option<Strategy>
        [value_name = "NAME", value_parser = names::<Strategy>(Strategy::NAMES)]
        = Strategy::Random => "of the builtin runtime";

    /// warm-lru: unused slots that may stay warm before one of them is taken
    warm_slots: Option<u32> [value_name = "N"] = DEFAULT_WARM_SLOTS;

    /// Effect of a module's drop on free slots that still map its image
    on_drop: Option<OnDrop>
        [value_name = "POLICY", value_parser = names::<OnDrop>(OnDrop::NAMES)]
        = OnDrop::Purge;

    /// Slots that wait in the decommit queue until they are reset together
    decommit_batch: Option<NonZeroU32> [value_name = "N", value_parser = at_least_one_u32]
        = NonZeroU32::MIN;

    /// Empty the decommit queue before a module is dropped
    flush_on_drop: Option<bool>
        [
            value_name = "on|off", num_args = 0..=1, default_missing_value = "on",
            value_parser = on_or_off()
        ]
        => "off";

    /// Bytes of a slot's memory that are reset by writing zeroes instead of by giving the pages
    /// back, for runtimes that do
    keep_resident: Option<ByteSize> [value_name = "BYTES"] => "0";

    /// Ask the kernel before a reset which pages were written (PAGEMAP_SCAN), for runtimes that can
    pagemap_scan: Option<bool>
        [
            value_name = "on|off", num_args = 0..=1, default_missing_value = "on",
            value_parser = on_or_off()
        ]
        => "off";

    /// Source of instances' memory, for runtimes that have both
    allocation: Option<Allocation>
        [value_name = "HOW", value_parser = names::<Allocation>(Allocation::NAMES)]
        => Allocation::Pool;

    /// Storage of initial memories
    image: Option<ImageKind>
        [value_name = "KIND", value_parser = names::<ImageKind>(ImageKind::NAMES)]
        = ImageKind::Memfd;

    /// Bytes of initial memory of each generated module; no two modules have the same bytes
    image_size: Option<ByteSize> [value_name = "BYTES"] = ByteSize(4096);

    /// Slots in each process's pool
    slots: Option<NonZeroU32> [value_name = "N", value_parser = at_least_one_u32] = DEFAULT_SLOTS;

    /// Processes side by side, each with its own runtime
    processes: Option<NonZeroU32> [value_name = "N", value_parser = at_least_one_u32]
        => format!("one a core, each with at least {} cycles", Scenario::CYCLES_A_PROCESS);

    /// Threads in each process, sharing its runtime
    threads: Option<NonZeroU32> [value_name = "N", value_parser = at_least_one_u32]
        = NonZeroU32::MIN;

    /// Number of processors for the subjects: the first ones that leakbench may use; runtimes shard
    /// their pools by them
    cpus: Option<NonZeroU32> [value_name = "N", value_parser = at_least_one_u32] => "all";

    /// Instances of each module at once
    instances: Option<NonZeroU32> [value_name = "N", value_parser = at_least_one_u32]
        = NonZeroU32::MIN;

    /// Modules that each thread holds at a time, so that drops and instantiations of different
    /// modules interleave
    live_modules: Option<NonZeroU32> [value_name = "N", value_parser = at_least_one_u32]
        = NonZeroU32::MIN;

    /// Modules that each thread keeps to the end, of which one has an instance made, called and
    /// dropped in every second cycle at random, so that no workload aligns with a pool's batches
    long_lived: Option<u32> [value_name = "N"] = 0;

    /// Treatment of modules whose code is known
    compile: Option<Compile>
        [value_name = "HOW", value_parser = names::<Compile>(Compile::NAMES)]
        = Compile::Cached;

    /// Module to cycle instead of generated ones: a .wasm or .wat file, or a folder of them; may be
    /// given again
    wasm: Vec<PathBuf> [value_name = "FILE|DIR"];

    /// Export to call in each instance of a module given by --wasm; it takes no parameters
    invoke: Option<String> [value_name = "NAME"];

    /// Seed of every random choice
    seed: Option<u64> [value_name = "N"] = 0;

    /// Barriers in the run, evenly spread, at which both witnesses are compared
    barriers: Option<NonZeroU32> [value_name = "N", value_parser = at_least_one_u32] = n32(10);

    /// Time that a barrier waits for late releases before it counts lingering images, in ms
    settle_ms: Option<u64> [value_name = "MS"] = 200;

    /// Seconds without progress after which a subject is hung
    timeout: Option<NonZeroU64> [value_name = "SECONDS", value_parser = at_least_one_u64]
        = n64(60);
}

/// The default value of an option of type `C`.
fn value_of<C: Choice>(value: C::Value) -> C::Value {
    value
}

/// The help of an option: its documentation, and its default in brackets.
fn help(doc: &[&str], default: &[String]) -> String {
    let mut help = doc.iter().map(|line| line.trim()).collect::<Vec<&str>>().join(" ");
    if !default.is_empty() {
        help += &format!(" [default: {}]", default.join(", "));
    }
    help
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
