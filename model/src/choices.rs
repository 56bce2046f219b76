//! The named choices of a run.

use std::num::NonZeroU32;

/// Slots of a pool by default.
pub const DEFAULT_SLOTS: NonZeroU32 = NonZeroU32::new(1000).expect("1000 is not zero");

/// Unused slots that may stay warm by default, under [`Strategy::WarmLru`].
pub const DEFAULT_WARM_SLOTS: u32 = 100;

crate::names! {
    /// The choice of a free slot for an allocation.
    Strategy ("strategy") {
        /// The slot that was freed last.
        NextAvailable = "next-available",
        /// Any free slot, uniformly.
        Random = "random",
        /// A slot last used by the same module, else any free slot.
        ReuseAffinity = "reuse-affinity",
        /// An affine slot; else, if the allowed number of unused slots is warm, the least recently
        /// used warm slot; else a cold slot. If there is none of the kind, one of the other. This
        /// is the strategy of Wasmtime 48.
        WarmLru = "warm-lru",
    }
}

crate::names! {
    /// The effect of a module's drop on the free slots that still map its image.
    OnDrop ("on-drop policy") {
        /// Unmap the image from each of them: the cure.
        Purge = "purge",
        /// Nothing: the historic leak, and the positive control of every run.
        Keep = "keep",
        /// Punch the pages out of the image: they are freed at once, whatever still maps the
        /// image, but the image itself stays.
        Truncate = "truncate",
    }
}

crate::names! {
    /// The storage of a module's initial memory.
    ImageKind ("image kind") {
        /// In a sealed memfd that slots map copy-on-write.
        Memfd = "memfd",
        /// In ordinary memory, copied into the slot at each instantiation: no kernel object.
        Copy = "copy",
        /// [`ImageKind::Copy`] for small images, [`ImageKind::Memfd`] for the others.
        Auto = "auto",
    }
}

crate::names! {
    /// The treatment of code that is already compiled.
    Compile ("way to compile") {
        /// A module whose code is known gets a new image and shares the code, or is made from a
        /// compiled artifact.
        Cached = "cached",
        /// Every module is validated and compiled.
        Fresh = "fresh",
    }
}

crate::names! {
    /// The source of instances' memory.
    Allocation ("way to allocate") {
        /// From a pool of slots that were reserved beforehand.
        Pool = "pool",
        /// From the kernel, anew for each instance.
        OnDemand = "on-demand",
    }
}
