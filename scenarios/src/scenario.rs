//! A scenario: a run with every choice decided.

use std::num::NonZeroU32;

use leakbench_model::Allocation;
use serde::{Deserialize, Serialize};

use crate::byte_size::ByteSize;
use crate::mode::{Feature, Mode};
use crate::options::{Offer, Options, Scenario};
use crate::subject_name::SubjectName;

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
    /// No module would see it.
    #[error("--{flag} {given} needs --wasm: generated modules do not use WASI")]
    WorldWithoutWasm {
        /// The flag.
        flag: &'static str,
        /// Its value.
        given: String,
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
        flag: String,
        /// Its value.
        given: String,
        /// The values that it takes; empty if it lacks the choice.
        offered: Vec<String>,
    },
    /// An option that other options exclude, or that needs another one.
    #[error("--{flag} {given} needs {needs}")]
    Needs {
        /// The flag.
        flag: &'static str,
        /// Its value.
        given: &'static str,
        /// What it needs.
        needs: &'static str,
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
    /// Barriers of a run with several threads by default.
    const BARRIERS_OF_THREADS: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
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
        let processes = options.processes;
        let barriers = options.barriers;
        let mut scenario = offer.settle(options)?;
        if barriers.is_none() && scenario.threads.get() > 1 {
            scenario.barriers = Self::BARRIERS_OF_THREADS;
        }
        if processes.is_none() {
            scenario.processes = scenario.default_processes(cpus);
        }
        scenario.check(offer)?;
        Ok(scenario)
    }

    /// One process for each processor, if each has cycles enough to repay its start.
    fn default_processes(&self, cpus: NonZeroU32) -> NonZeroU32 {
        let worthwhile = self.cycles.get() / Self::CYCLES_A_PROCESS;
        let cpus = self.cpus.map_or(cpus, |few| few.min(cpus));
        // As many as have inotify instances, whatever the processors.
        let fitting = u64::from(cpus.get().min(Self::THREADS_MAX) / self.threads);
        let processes = worthwhile.min(fitting).max(1);
        NonZeroU32::new(processes as u32).expect("at least 1")
    }

    fn check(&self, offer: &Offer) -> Result<(), ScenarioError> {
        if let (Some(name), true) = (&self.invoke, self.wasm.is_empty()) {
            return Err(ScenarioError::InvokeWithoutWasm { name: name.clone() });
        }
        let world = [
            ("dir", self.dir.first().map(ToString::to_string)),
            ("env", self.env.first().map(ToString::to_string)),
            ("arg", self.arg.first().cloned()),
        ];
        for (flag, given) in world {
            let Some(given) = given else { continue };
            if !offer.wasi {
                return Err(ScenarioError::NotOffered {
                    subject: self.subject.clone(),
                    flag: flag.to_owned(),
                    given,
                    offered: Vec::new(),
                });
            }
            if self.wasm.is_empty() {
                return Err(ScenarioError::WorldWithoutWasm { flag, given });
            }
        }
        self.check_steps()?;
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
        let [threads, live_modules] = [self.threads, self.live_modules].map(NonZeroU32::get);
        let modes = self.modes().iter();
        let instances = modes.map(|mode| mode.instances(self.instances.get())).max().unwrap_or(1);
        let long_lived = self.long_lived;
        // Of the long-lived modules a thread has one instance at a time.
        let needed = u64::from(live_modules)
            .saturating_mul(instances.into())
            .saturating_add(u64::from(long_lived > 0))
            .saturating_mul(threads.into())
            .saturating_mul(self.memories_of_module());
        match self.slots.filter(|_| self.has_pool()).map(NonZeroU32::get) {
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

    /// Modes, features and plants that contradict the modules, the threads or the pool.
    fn check_steps(&self) -> Result<(), ScenarioError> {
        let own = self.wasm.is_empty();
        let of_mode = |mode: Mode| match mode {
            Mode::Reuse if self.long_lived == 0 => Some("--long-lived: it makes no module"),
            Mode::OutOfSlots if self.threads.get() > 1 => {
                Some("--threads 1: other threads would have no slot either")
            }
            Mode::OutOfSlots if !self.has_pool() || self.slots.is_none() => {
                Some("a pool with --slots")
            }
            mode if mode.needs_generated() && !own => Some("generated modules: leave out --wasm"),
            _ => None,
        };
        let of_feature = |feature: Feature| match feature.needs_generated() && !own {
            true => Some("generated modules: leave out --wasm"),
            false => None,
        };
        let modes = self.mode.iter().map(|it| ("mode", it.as_str(), of_mode(*it)));
        let features = self.feature.iter().map(|it| ("feature", it.as_str(), of_feature(*it)));
        let plants = self.plant.iter().map(|it| ("plant", it.as_str(), it.needs(self)));
        for (flag, given, needs) in modes.chain(features).chain(plants) {
            if let Some(needs) = needs {
                return Err(ScenarioError::Needs { flag, given, needs });
            }
        }
        Ok(())
    }

    /// The modes that cycles take in turn; without a choice, [`Mode::Plain`].
    pub fn modes(&self) -> &[Mode] {
        if self.mode.is_empty() { &[Mode::Plain] } else { &self.mode }
    }

    /// True if cycles use this feature.
    pub fn has(&self, feature: Feature) -> bool {
        self.feature.contains(&feature)
    }

    /// Memories of a pool that an instance of a generated module has.
    fn memories_of_module(&self) -> u64 {
        if self.has(Feature::Memories) { 2 } else { 1 }
    }

    /// False if the kernel maps each instance's memory anew.
    pub fn has_pool(&self) -> bool {
        self.allocation != Some(Allocation::OnDemand)
    }

    /// Subject `subject`'s part of the cycles.
    pub fn share_of_subject(&self, subject: u32) -> Share {
        Share { first: 0, cycles: self.cycles.get() }.part(subject, self.processes)
    }

    /// The part of the thread of subject `subject` that created module `module`; `None` if none of its
    /// threads has a module of this number.
    pub fn share_of_module(&self, subject: u32, module: u64) -> Option<Share> {
        // A recording comes from a file, and may hold any number.
        if subject >= self.processes.get() || self.threads.get() > Self::THREADS_MAX {
            return None;
        }
        let share = self.share_of_subject(subject);
        let mut shares = (0..self.threads.get()).map(|thread| share.part(thread, self.threads));
        shares.find(|share| {
            let long_lived = share.first_long_lived().wrapping_sub(module);
            share.has(module) || long_lived < self.long_lived.into()
        })
    }
}

impl Default for Scenario {
    /// The defaults, for a runtime without choices.
    fn default() -> Scenario {
        let offer = Offer::none("");
        offer
            .settle(Options::default())
            .unwrap_or_else(|error| unreachable!("nothing is asked of the runtime: {error}"))
    }
}

impl Share {
    /// True for the number of one of its cycles, which is also that of the cycle's module.
    pub fn has(self, number: u64) -> bool {
        number.checked_sub(self.first).is_some_and(|cycle| cycle < self.cycles)
    }

    /// The cycle of the run that is cycle `cycle` of this share. After the last cycle the last one
    /// counts: what is live is dropped then.
    pub fn cycle_of_run(self, cycle: u64) -> u64 {
        self.first.saturating_add(cycle.min(self.cycles.saturating_sub(1)))
    }

    /// The number of its first long-lived module; the next ones count down from it. It is far from the
    /// numbers of the cycles, and unlike that of any other share.
    pub(crate) fn first_long_lived(self) -> u64 {
        !self.first.wrapping_mul(u64::from(Scenario::LONG_LIVED_MAX))
    }

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
