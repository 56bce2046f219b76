//! The named choices of a run.

crate::names! {
    /// Which free slot an allocation takes.
    Strategy ("strategy") {
        /// The slot that was freed last.
        NextAvailable = "next-available",
        /// Any free slot, uniformly.
        Random = "random",
        /// A slot last used by the same module, else any free slot.
        ReuseAffinity = "reuse-affinity",
        /// An affine slot; else, once as many unused slots are warm as the allowed number, the
        /// least recently used warm one; else a cold one. Where there is none of the kind, one of
        /// the other. Wasmtime's present strategy.
        WarmLru = "warm-lru",
    }
}

crate::names! {
    /// What dropping a module does to the free slots that still map its image.
    OnDrop ("on-drop policy") {
        /// Unmap the image from each of them: the cure.
        Purge = "purge",
        /// Nothing: the historic leak, and the positive control of every run.
        Keep = "keep",
        /// Punch the pages out of the image: they return at once, whatever still maps the image,
        /// but the image itself lives on.
        Truncate = "truncate",
    }
}

crate::names! {
    /// Where a module's initial memory is kept.
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
    /// Whether code that is already compiled is compiled again.
    Compile ("way to compile") {
        /// A module whose code is known gets a new image and shares the code, or is made from a
        /// compiled artifact.
        Cached = "cached",
        /// Every module is validated and compiled.
        Fresh = "fresh",
    }
}

crate::names! {
    /// Where instances get their memory from.
    Allocation ("way to allocate") {
        /// From a pool of slots that were reserved beforehand.
        Pool = "pool",
        /// From the kernel, for each instance anew.
        OnDemand = "on-demand",
    }
}
