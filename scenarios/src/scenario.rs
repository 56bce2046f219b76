//! A run, fully decided.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;

use leakbench_allocator::{ImageKind, OnDrop, Strategy};
use serde::{Deserialize, Serialize};

use crate::options::{ByteSize, Compile, Options};

/// Everything about a run that was chosen. Same scenario, same seed, one thread: same steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Modules to create and drop, over all processes and threads.
    pub cycles: NonZeroU64,
    /// Which free slot an instance gets.
    pub strategy: Strategy,
    /// Unused slots that may stay warm under [`Strategy::WarmLru`].
    pub warm_slots: u32,
    /// What dropping a module does to the slots that still map its image.
    pub on_drop: OnDrop,
    /// Slots reset together.
    pub decommit_batch: NonZeroU32,
    /// Whether dropping a module empties the decommit queue first.
    pub flush_on_drop: bool,
    /// Where initial memories are kept.
    pub image: ImageKind,
    /// Initial memory of each generated module.
    pub image_size: ByteSize,
    /// Slots in each process's pool.
    pub slots: NonZeroU32,
    /// Subjects side by side.
    pub processes: NonZeroU32,
    /// Threads in each subject.
    pub threads: NonZeroU32,
    /// Instances of each module at once.
    pub instances: NonZeroU32,
    /// Modules each thread holds at a time.
    pub live_modules: NonZeroU32,
    /// Whether known code is compiled again.
    pub compile: Compile,
    /// Files or folders of modules to cycle; none: generated ones.
    pub wasm: Vec<PathBuf>,
    /// Export to call in each instance of a module from a file.
    pub invoke: Option<String>,
    /// Seed of every random choice.
    pub seed: u64,
    /// Comparisons of the two witnesses in the run, the last at its end.
    pub barriers: NonZeroU32,
    /// How long a barrier waits for late releases.
    pub settle_ms: u64,
    /// Seconds without progress after which a subject is hung.
    pub timeout_s: NonZeroU64,
}

/// One subject's or one thread's part of the cycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The number of the first module.
    pub first: u64,
    /// How many modules.
    pub cycles: u64,
}

/// Choices that do not go together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// Nobody would call it.
    #[error("--invoke {name} needs --wasm: generated modules are called through their own export")]
    InvokeWithoutWasm {
        /// What was to be called.
        name: String,
    },
    /// Every module at once must fit the pool.
    #[error(
        "{threads} threads holding {live_modules} modules of {instances} instances need {needed} slots, \
         but --slots is {slots}: ask for more slots, or hold less"
    )]
    TooFewSlots {
        /// Threads a process.
        threads: u32,
        /// Modules a thread.
        live_modules: u32,
        /// Instances a module.
        instances: u32,
        /// Their product.
        needed: u64,
        /// What there is.
        slots: u32,
    },
    /// A stamp that makes every image unique must fit.
    #[error(
        "--image-size {given} is out of range: from {} bytes to {}",
        Scenario::IMAGE_SIZE_MIN,
        ByteSize(Scenario::IMAGE_SIZE_MAX)
    )]
    ImageSize {
        /// What was asked for.
        given: ByteSize,
    },
    /// Beyond what one machine can start.
    #[error("--{what} {given} is more than the {max} that leakbench drives")]
    TooMany {
        /// The flag.
        what: &'static str,
        /// Its value.
        given: u32,
        /// The most it may be.
        max: u32,
    },
}

impl Scenario {
    /// Fewest bytes of a generated image: its stamp and two cells to write to.
    pub const IMAGE_SIZE_MIN: u64 = 24;
    /// Most bytes of a generated image.
    pub const IMAGE_SIZE_MAX: u64 = 256 << 20;
    /// Cycles below which one more process by default is not worth its start.
    pub const CYCLES_A_PROCESS: u64 = 10_000;
    /// Threads in a subject at most: each has an inotify instance, of which a user has 128.
    pub const THREADS_MAX: u32 = 64;
    /// Subjects at most.
    pub const PROCESSES_MAX: u32 = 256;

    /// Decides what `options` leave open, on a machine with `cpus` processors.
    ///
    /// # Errors
    /// Choices that do not go together.
    pub fn new(options: Options, cpus: NonZeroU32) -> Result<Scenario, ScenarioError> {
        const fn n32(n: u32) -> NonZeroU32 {
            NonZeroU32::new(n).expect("not zero")
        }
        let cycles =
            options.cycles.unwrap_or(const { NonZeroU64::new(1_000_000).expect("not zero") });
        let threads = options.threads.unwrap_or(n32(1));
        let default_processes = || {
            let worthwhile = cycles.get() / Self::CYCLES_A_PROCESS;
            // As many as have inotify instances, whatever the processors.
            let fitting = u64::from(cpus.get().min(Self::THREADS_MAX) / threads);
            let processes = worthwhile.min(fitting).max(1);
            NonZeroU32::new(processes as u32).expect("at least 1")
        };
        let scenario = Scenario {
            cycles,
            strategy: options.strategy.unwrap_or(Strategy::Random),
            warm_slots: options.warm_slots.unwrap_or(100),
            on_drop: options.on_drop.unwrap_or(OnDrop::Purge),
            decommit_batch: options.decommit_batch.unwrap_or(n32(1)),
            flush_on_drop: options.flush_on_drop.unwrap_or(false),
            image: options.image.unwrap_or(ImageKind::Memfd),
            image_size: options.image_size.unwrap_or(ByteSize(4096)),
            slots: options.slots.unwrap_or(n32(1000)),
            processes: options.processes.unwrap_or_else(default_processes),
            threads,
            instances: options.instances.unwrap_or(n32(1)),
            live_modules: options.live_modules.unwrap_or(n32(1)),
            compile: options.compile.unwrap_or(Compile::Cached),
            wasm: options.wasm,
            invoke: options.invoke,
            seed: options.seed.unwrap_or(0),
            barriers: options.barriers.unwrap_or(n32(10)),
            settle_ms: options.settle_ms.unwrap_or(200),
            timeout_s: options.timeout.unwrap_or(const { NonZeroU64::new(60).expect("not zero") }),
        };
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), ScenarioError> {
        if let (Some(name), true) = (&self.invoke, self.wasm.is_empty()) {
            return Err(ScenarioError::InvokeWithoutWasm { name: name.clone() });
        }
        if !(Self::IMAGE_SIZE_MIN..=Self::IMAGE_SIZE_MAX).contains(&self.image_size.0) {
            return Err(ScenarioError::ImageSize { given: self.image_size });
        }
        for (what, given, max) in [
            ("threads", self.threads.get(), Self::THREADS_MAX),
            ("processes", self.processes.get(), Self::PROCESSES_MAX),
        ] {
            if given > max {
                return Err(ScenarioError::TooMany { what, given, max });
            }
        }
        let [threads, live_modules, instances] =
            [self.threads, self.live_modules, self.instances].map(NonZeroU32::get);
        let needed =
            u64::from(threads).saturating_mul(live_modules.into()).saturating_mul(instances.into());
        if needed > u64::from(self.slots.get()) {
            let slots = self.slots.get();
            return Err(ScenarioError::TooFewSlots {
                threads,
                live_modules,
                instances,
                needed,
                slots,
            });
        }
        Ok(())
    }

    /// Subject `subject`'s part of the cycles.
    pub fn share_of_subject(&self, subject: u32) -> Share {
        Share { first: 0, cycles: self.cycles.get() }.part(subject, self.processes)
    }
}

impl Share {
    /// Part `index` of `parts`, as even as can be; all parts together are the whole.
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
