//! Leaks that a run makes on purpose, and what resembles a leak: the judge is tested by them.

use std::num::{NonZeroU32, NonZeroU64};

use leakbench_model::OnDrop;

use crate::mode::{Mode, Outcome};
use crate::options::Scenario;

leakbench_model::names! {
    /// An object that the built-in subject keeps on purpose, in some of its cycles at random.
    Plant ("plant") {
        /// A drop does not purge the slots of its module.
        SkippedPurge = "skipped-purge",
        /// A purge misses one slot of its module, and the pool believes that it did not.
        MissedSlot = "missed-slot",
        /// A drop purges the slots of another module.
        WrongPurge = "wrong-purge",
        /// A drop empties the decommit queue after its purge and not before.
        LateFlush = "late-flush",
        /// The image is open by a second descriptor.
        ImageDescriptor = "image-descriptor",
        /// The images of dropped modules stay open until there are 400, and are then closed together. In every cycle.
        ImageQueue = "image-queue",
        /// The image is mapped a second time.
        ImageMapping = "image-mapping",
        /// The image's descriptor was sent over a socket, and nothing receives it.
        ImageInFlight = "image-in-flight",
        /// A child process has inherited the image's descriptor.
        ImageInChild = "image-in-child",
        /// Another thread keeps the image for 5 ms.
        ImageLate = "image-late",
        /// Another thread keeps the image for half a second.
        ImageVeryLate = "image-very-late",
        /// A step that fails as its mode expects leaves a descriptor open.
        DescriptorOnError = "descriptor-on-error",
        /// The WASI context of an instance stays, with all that its guest has open.
        WasiContext = "wasi-context",
        /// A descriptor that has nothing to do with images stays open.
        Descriptor = "descriptor",
        /// The descriptor that a guest's `fd_renumber` replaces stays open.
        RenumberedDescriptor = "renumbered-descriptor",
        /// A module is dropped while the process has as many mappings as the kernel allows.
        MappingLimit = "mapping-limit",
        /// The engine of a module stays, with its pool.
        Engine = "engine",
        /// The memory of an instance stays mapped, in three mappings. In every cycle.
        InstanceMemory = "instance-memory",
        /// A page of a reserved mapping stays resident. In every cycle.
        ResidentPage = "resident-page",
        /// A page of code stays mapped.
        CodeMapping = "code-mapping",
        /// A page without access stays mapped.
        GuardMapping = "guard-mapping",
        /// A page within a large mapping gets another protection, which splits the mapping.
        SplitMapping = "split-mapping",
        /// A thread stays, which sleeps.
        Thread = "thread",
        /// 1 MiB of the heap stays allocated.
        Heap = "heap",
        /// A page of a reserved mapping is touched, which costs a page table.
        PageTable = "page-table",
        /// No leak: the last 32 objects of several kinds stay, and older ones are released.
        Cache = "cache",
        /// No leak: the first 32 objects stay for ever, and later ones are released at once.
        WarmUp = "warm-up",
        /// No leak: objects stay until there are 40 of them, and are then released together.
        Sawtooth = "sawtooth",
        /// No leak: another thread releases an object after 5 ms.
        SlowRelease = "slow-release",
        /// No leak: one mapping of 1 TiB without access.
        Reservation = "reservation",
        /// No leak: a second pool, of 64 slots that are mapped anew in turn.
        SecondPool = "second-pool",
    }
}

impl Plant {
    /// True if it leaves more behind with each cycle.
    pub fn is_leak(self) -> bool {
        use Plant::{Cache, Reservation, Sawtooth, SecondPool, SlowRelease, WarmUp};
        !matches!(self, Cache | WarmUp | Sawtooth | SlowRelease | Reservation | SecondPool)
    }

    /// The number of times that it happens in a run, on average: few enough for any length of a run.
    fn times(self) -> u64 {
        match self {
            Plant::ImageQueue | Plant::InstanceMemory | Plant::ResidentPage => u64::MAX,
            // Each takes all the mappings that there are.
            Plant::MappingLimit => 10,
            Plant::MissedSlot | Plant::ImageInChild => 20,
            _ if self.is_leak() => 150,
            _ => 1_500,
        }
    }

    /// The average number of cycles between two times, in a run of `cycles` cycles.
    pub fn one_in(self, cycles: NonZeroU64) -> NonZeroU32 {
        let one_in = cycles.get() / self.times();
        NonZeroU32::new(u32::try_from(one_in).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
    }

    /// True if it is a purge that goes wrong.
    pub fn is_of_the_purge(self) -> bool {
        use Plant::{LateFlush, MissedSlot, SkippedPurge, WrongPurge};
        matches!(self, SkippedPurge | MissedSlot | WrongPurge | LateFlush)
    }

    /// The option without which it would never happen; `None` if the scenario has it.
    pub(crate) fn needs(self, scenario: &Scenario) -> Option<&'static str> {
        let of_purge = scenario.plant.iter().filter(|plant| plant.is_of_the_purge()).count();
        let has_purge = scenario.has_pool() && scenario.on_drop == Some(OnDrop::Purge);
        let fails = |mode: &Mode| mode.outcome() != Outcome::Done;
        match self {
            _ if (self.is_of_the_purge() || self == Plant::MappingLimit) && !has_purge => {
                Some("a pool with --on-drop purge")
            }
            _ if self.is_of_the_purge() && of_purge > 1 => Some("one fault of the purge at a time"),
            Plant::LateFlush if scenario.flush_on_drop != Some(true) => {
                Some("--decommit-batch and --flush-on-drop")
            }
            Plant::DescriptorOnError if !scenario.modes().iter().any(fails) => {
                Some("a --mode whose step fails, such as trap")
            }
            Plant::WasiContext | Plant::RenumberedDescriptor if scenario.wasm.is_empty() => {
                Some("--wasm: a module with WASI")
            }
            Plant::Engine if !scenario.modes().contains(&Mode::OwnEngine) => {
                Some("--mode own-engine")
            }
            _ => None,
        }
    }
}
