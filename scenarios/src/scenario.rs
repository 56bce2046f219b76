//! A scenario: a run with every choice decided.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use leakbench_model::{Allocation, Compile, ImageKind, OnDrop, Strategy};
use serde::{Deserialize, Serialize};

use crate::byte_size::ByteSize;
use crate::offer::Offer;
use crate::options::{Options, default};
use crate::subject_name::SubjectName;

/// All choices of a run. The same scenario with the same seed and one thread has the same steps.
///
/// A choice that the runtime does not have is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The runtime under test.
    #[serde(default)]
    pub subject: SubjectName,
    /// Modules to create and drop, over all processes and threads.
    pub cycles: NonZeroU64,
    /// Choice of the free slot for an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// Unused slots that may stay warm under [`Strategy::WarmLru`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_slots: Option<u32>,
    /// Effect of a module's drop on slots that still map its image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_drop: Option<OnDrop>,
    /// Slots reset together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decommit_batch: Option<NonZeroU32>,
    /// Emptying the decommit queue before a drop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flush_on_drop: Option<bool>,
    /// Bytes of a slot that a reset zeroes and does not give back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_resident: Option<ByteSize>,
    /// Asking the kernel before a reset which pages were written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagemap_scan: Option<bool>,
    /// Source of instances' memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<Allocation>,
    /// Storage of initial memories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageKind>,
    /// Initial memory of each generated module.
    pub image_size: ByteSize,
    /// Slots in each process's pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<NonZeroU32>,
    /// Subjects side by side.
    pub processes: NonZeroU32,
    /// Threads in each subject.
    pub threads: NonZeroU32,
    /// Processors that subjects may run on; `None` for all that leakbench may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<NonZeroU32>,
    /// Instances of each module at once.
    pub instances: NonZeroU32,
    /// Modules each thread holds at a time.
    pub live_modules: NonZeroU32,
    /// Modules each thread keeps to the end.
    #[serde(default)]
    pub long_lived: u32,
    /// Treatment of known code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<Compile>,
    /// Files or folders of modules to cycle; none: generated ones.
    pub wasm: Vec<PathBuf>,
    /// Export to call in each instance of a module from a file.
    pub invoke: Option<String>,
    /// Seed of every random choice.
    pub seed: u64,
    /// Comparisons of the two witnesses in the run, the last at its end.
    pub barriers: NonZeroU32,
    /// Time that a barrier waits for late releases, in ms.
    pub settle_ms: u64,
    /// Time without progress after which a subject is hung, in seconds.
    pub timeout_s: NonZeroU64,
}

/// One subject's or one thread's part of the cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The number of the first module.
    pub first: u64,
    /// Number of modules.
    pub cycles: u64,
}

/// Choices that contradict each other or the runtime.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// No module would have the export.
    #[error("--invoke {name} needs --wasm: generated modules are called through their own export")]
    InvokeWithoutWasm {
        /// The export.
        name: String,
    },
    /// The pool has too few slots for all instances at once.
    #[error(
        "{} holding {} of {}{} need {needed} \
         slots, but --slots is {slots}: ask for more slots, or hold less",
        counted(*threads, "thread"), counted(*live_modules, "module"),
        counted(*instances, "instance"),
        if *long_lived > 0 { " and one of a long-lived one" } else { "" }
    )]
    TooFewSlots {
        /// Threads a process.
        threads: u32,
        /// Modules a thread.
        live_modules: u32,
        /// Instances a module.
        instances: u32,
        /// Modules that a thread keeps to the end, of which one is instantiated at a time.
        long_lived: u32,
        /// Slots that they need.
        needed: u64,
        /// Slots of the pool.
        slots: u32,
    },
    /// The image is too small for its stamp, or too large.
    #[error(
        "--image-size {given} is out of range: from {} bytes to {}",
        Scenario::IMAGE_SIZE_MIN,
        ByteSize(Scenario::IMAGE_SIZE_MAX)
    )]
    ImageSize {
        /// The given value.
        given: ByteSize,
    },
    /// The runtime does not have the choice.
    #[error(
        "{subject} has no --{flag}{}",
        if offered.is_empty() {
            format!(", so {given} cannot be asked of it")
        } else {
            format!(" {given}: it has {}", offered.join(", "))
        }
    )]
    NotOffered {
        /// The runtime.
        subject: SubjectName,
        /// The flag.
        flag: &'static str,
        /// Its value.
        given: String,
        /// The values that it takes; empty if it lacks the choice.
        offered: Vec<String>,
    },
    /// The runtime takes fewer threads.
    #[error("--threads {given} is more than the {max} that may drive {subject}: take --processes")]
    TooManyThreads {
        /// The runtime.
        subject: SubjectName,
        /// The given value.
        given: u32,
        /// The maximum.
        max: u32,
    },
    /// The value is more than leakbench drives.
    #[error("--{what} {given} is more than the {max} that leakbench drives")]
    TooMany {
        /// The flag.
        what: &'static str,
        /// Its value.
        given: u32,
        /// The maximum.
        max: u32,
    },
}

fn counted(number: u32, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

impl Scenario {
    /// Minimum bytes of a generated image: its stamp and two cells.
    pub const IMAGE_SIZE_MIN: u64 = 24;
    /// Maximum bytes of a generated image.
    pub const IMAGE_SIZE_MAX: u64 = 256 << 20;
    /// Cycles for each process by default: fewer do not repay its start.
    pub const CYCLES_A_PROCESS: u64 = 10_000;
    /// Maximum of threads in a subject: each has an inotify instance, and a user has 128.
    pub const THREADS_MAX: u32 = 64;
    /// Maximum of subjects.
    pub const PROCESSES_MAX: u32 = 256;
    /// Maximum of modules that a thread keeps to the end.
    pub const LONG_LIVED_MAX: u32 = 10_000;

    /// Completes `options` by defaults, for a runtime with the choices of `offer` and a machine with
    /// `cpus` processors.
    ///
    /// # Errors
    /// Choices that contradict each other, or that the runtime does not have.
    pub fn new(
        options: Options,
        offer: &Offer,
        cpus: NonZeroU32,
    ) -> Result<Scenario, ScenarioError> {
        let settled = offer.settle(&options)?;
        let cycles = options.cycles.unwrap_or_else(default::cycles);
        let threads = options.threads.unwrap_or_else(default::threads);
        let default_processes = || {
            let worthwhile = cycles.get() / Self::CYCLES_A_PROCESS;
            let cpus = options.cpus.map_or(cpus, |few| few.min(cpus));
            // As many as have inotify instances, whatever the processors.
            let fitting = u64::from(cpus.get().min(Self::THREADS_MAX) / threads);
            let processes = worthwhile.min(fitting).max(1);
            NonZeroU32::new(processes as u32).expect("at least 1")
        };
        let scenario = Scenario {
            subject: options.subject.unwrap_or_else(default::subject),
            cycles,
            strategy: settled.strategy,
            warm_slots: settled.warm_slots,
            on_drop: settled.on_drop,
            decommit_batch: settled.decommit_batch,
            flush_on_drop: settled.flush_on_drop,
            keep_resident: settled.keep_resident,
            pagemap_scan: settled.pagemap_scan,
            allocation: settled.allocation,
            image: settled.image,
            image_size: options.image_size.unwrap_or_else(default::image_size),
            slots: settled.slots,
            processes: options.processes.unwrap_or_else(default_processes),
            threads,
            cpus: options.cpus,
            instances: options.instances.unwrap_or_else(default::instances),
            live_modules: options.live_modules.unwrap_or_else(default::live_modules),
            long_lived: options.long_lived.unwrap_or_else(default::long_lived),
            compile: settled.compile,
            wasm: options.wasm,
            invoke: options.invoke,
            seed: options.seed.unwrap_or_else(default::seed),
            barriers: options.barriers.unwrap_or_else(default::barriers),
            settle_ms: options.settle_ms.unwrap_or_else(default::settle_ms),
            timeout_s: options.timeout.unwrap_or_else(default::timeout),
        };
        scenario.check(offer)?;
        Ok(scenario)
    }

    fn check(&self, offer: &Offer) -> Result<(), ScenarioError> {
        if let (Some(name), true) = (&self.invoke, self.wasm.is_empty()) {
            return Err(ScenarioError::InvokeWithoutWasm { name: name.clone() });
        }
        if !(Self::IMAGE_SIZE_MIN..=Self::IMAGE_SIZE_MAX).contains(&self.image_size.0) {
            return Err(ScenarioError::ImageSize { given: self.image_size });
        }
        for (what, given, max) in [
            ("threads", self.threads.get(), Self::THREADS_MAX),
            ("processes", self.processes.get(), Self::PROCESSES_MAX),
            ("long-lived", self.long_lived, Self::LONG_LIVED_MAX),
        ] {
            if given > max {
                return Err(ScenarioError::TooMany { what, given, max });
            }
        }
        if self.threads.get() > offer.threads_max() {
            return Err(ScenarioError::TooManyThreads {
                subject: self.subject.clone(),
                given: self.threads.get(),
                max: offer.threads_max(),
            });
        }
        let [threads, live_modules, instances] =
            [self.threads, self.live_modules, self.instances].map(NonZeroU32::get);
        let long_lived = self.long_lived;
        // Of the long-lived modules a thread has one instance at a time.
        let needed = u64::from(live_modules)
            .saturating_mul(instances.into())
            .saturating_add(u64::from(long_lived > 0))
            .saturating_mul(threads.into());
        match self.slots.map(NonZeroU32::get) {
            Some(slots) if needed > u64::from(slots) => Err(ScenarioError::TooFewSlots {
                threads,
                live_modules,
                instances,
                long_lived,
                needed,
                slots,
            }),
            _ => Ok(()),
        }
    }

    /// Subject `subject`'s part of the cycles.
    pub fn share_of_subject(&self, subject: u32) -> Share {
        Share { first: 0, cycles: self.cycles.get() }.part(subject, self.processes)
    }
}

impl Share {
    /// Part `index` of `parts` equal parts, whose sizes differ by at most one.
    pub fn part(self, index: u32, parts: NonZeroU32) -> Share {
        let parts = u64::from(parts.get());
        let index = u64::from(index);
        let (each, more) = (self.cycles / parts, self.cycles % parts);
        Share {
            first: self.first + index * each + index.min(more),
            cycles: each + u64::from(index < more),
        }
    }
}
