//! The course of a cycle: what its module does, how the runtime is used, and how each step must end.

leakbench_model::names! {
    /// The outcome of a step. A step that has another outcome than it must fails the run.
    Outcome ("outcome") {
        /// The step did what it is for.
        Done = "done",
        /// The guest trapped, or its data or elements are out of bounds.
        Trap = "trap",
        /// The host does not define an import.
        MissingImport = "missing-import",
        /// The pool has no free slot.
        NoSlot = "no-slot",
        /// A limiter of the store refused memory or a table.
        Limit = "limit",
        /// The binary is no valid module, so it is not compiled.
        Invalid = "invalid",
        /// The step failed for another reason. No step must.
        Failed = "failed",
    }
}

leakbench_model::names! {
    /// The course of a cycle.
    Mode ("mode") {
        /// Create a module, instantiate it, call it, drop both.
        Plain = "plain",
        /// Make no module: instantiate, call and drop one of the long-lived ones.
        Reuse = "reuse",
        /// The call traps.
        Trap = "trap",
        /// The guest grows its memory and its table.
        Grow = "grow",
        /// The start function traps.
        StartTrap = "start-trap",
        /// The host lacks an import.
        MissingImport = "missing-import",
        /// A data segment is out of bounds.
        DataOutOfBounds = "data-out-of-bounds",
        /// The store's limiter refuses the memory.
        Limit = "limit",
        /// Instantiate until the pool has no slot, then drop these instances.
        OutOfSlots = "out-of-slots",
        /// The binary is invalid, so that its compilation fails.
        Invalid = "invalid",
        /// Drop instances on another thread.
        DropElsewhere = "drop-elsewhere",
        /// Drop the module before the stores of its instances.
        ModuleFirst = "module-first",
        /// Keep all instances in one store.
        OneStore = "one-store",
        /// Make an engine for the module alone.
        OwnEngine = "own-engine",
        /// Map the module from the file of its artifact, which may be its image.
        FromFile = "from-file",
    }
}

leakbench_model::names! {
    /// A part of a runtime that cycles use besides functions and one memory.
    Feature ("feature") {
        /// A second memory and a second table in each generated module.
        Memories = "memories",
        /// A shared memory in each generated module.
        SharedMemory = "shared-memory",
        /// Objects in the heap of the garbage collector, made by each generated module.
        GcHeap = "gc-heap",
        /// Guests run on stacks of their own.
        AsyncStack = "async-stack",
        /// Guests consume fuel.
        Fuel = "fuel",
        /// Guests can be interrupted by epochs.
        Epochs = "epochs",
    }
}

impl Mode {
    /// Instances in the store of a [`Mode::OneStore`] cycle, at least.
    const IN_ONE_STORE: u32 = 4;

    /// The outcome of creating its module.
    pub fn created(self) -> Outcome {
        match self {
            Mode::Invalid => Outcome::Invalid,
            _ => Outcome::Done,
        }
    }

    /// The outcome of each instantiation, but for the last one of [`Mode::OutOfSlots`].
    pub fn instantiated(self) -> Outcome {
        match self {
            Mode::StartTrap | Mode::DataOutOfBounds => Outcome::Trap,
            Mode::MissingImport => Outcome::MissingImport,
            Mode::Limit => Outcome::Limit,
            _ => Outcome::Done,
        }
    }

    /// The outcome of each call.
    pub fn called(self) -> Outcome {
        match self {
            Mode::Trap => Outcome::Trap,
            _ => Outcome::Done,
        }
    }

    /// The outcome of the step that it is about.
    pub fn outcome(self) -> Outcome {
        let steps = [self.created(), self.instantiated(), self.called()];
        let other = steps.into_iter().find(|outcome| *outcome != Outcome::Done);
        match self {
            Mode::OutOfSlots => Outcome::NoSlot,
            _ => other.unwrap_or(Outcome::Done),
        }
    }

    /// True if it needs a module that is generated for it.
    pub fn needs_generated(self) -> bool {
        matches!(
            self,
            Mode::Trap
                | Mode::Grow
                | Mode::StartTrap
                | Mode::MissingImport
                | Mode::DataOutOfBounds
                | Mode::Invalid
        )
    }

    /// True if every runtime that makes images makes one for each of its generated modules. A runtime
    /// may copy data of which some is out of bounds.
    pub fn makes_image(self) -> bool {
        !matches!(self, Mode::Reuse | Mode::DataOutOfBounds | Mode::Invalid)
    }

    /// The instances of its module at once, if a cycle has `instances` by default.
    pub fn instances(self, instances: u32) -> u32 {
        match self {
            Mode::OneStore => instances.max(Mode::IN_ONE_STORE),
            _ => instances,
        }
    }

    /// The instances that its module keeps until it is dropped, of which each can be dropped alone.
    pub(crate) fn kept(self, instances: u32) -> u32 {
        match self {
            Mode::OneStore => 1,
            Mode::OutOfSlots => 0,
            _ if self.instantiated() == Outcome::Done => instances,
            _ => 0,
        }
    }
}

impl Feature {
    /// True if it needs modules that are generated for it.
    pub fn needs_generated(self) -> bool {
        matches!(self, Feature::Memories | Feature::SharedMemory | Feature::GcHeap)
    }
}
