//! Choices that only runs have; those of a pool are the allocator's.

leakbench_allocator::names! {
    /// Whether code that is already compiled is compiled again.
    Compile ("way to compile") {
        /// A module whose code is known gets a new image and shares the code, or is made from a
        /// compiled artifact.
        Cached = "cached",
        /// Every module is validated and compiled.
        Fresh = "fresh",
    }
}

leakbench_allocator::names! {
    /// Where instances get their memory from.
    Allocation ("way to allocate") {
        /// From a pool of slots that were reserved beforehand.
        Pool = "pool",
        /// From the kernel, for each instance anew.
        OnDemand = "on-demand",
    }
}
