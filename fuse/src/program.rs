//! The input: core modules, and how their instances are linked.

/// Instances of core modules that import from each other and from nothing else.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The modules in the binary format.
    pub modules: Vec<Vec<u8>>,
    /// The instances in the order in which they are made.
    pub instances: Vec<Instance>,
    /// The functions that the fused module exports.
    pub exports: Vec<Export>,
    /// The initial values of the flags that [`Definition::Flag`] refers to.
    pub flags: Vec<i32>,
    /// The types of resources that definitions refer to.
    pub resources: Vec<Resource>,
}

/// A type of resources of the component model, as one component instance sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The number of the table of handles, of which each component instance has one.
    pub handles: usize,
    /// The component instance defines the type: it receives representations in place of borrowed handles.
    pub is_own: bool,
    /// The function that is called with the representation of a resource whose owner drops it.
    pub destructor: Option<ItemOf>,
}

/// An instance of a module.
#[derive(Clone, Debug)]
pub struct Instance {
    /// An index of [`Program::modules`].
    pub module: usize,
    /// A definition for each import of the module, in its order.
    pub imports: Vec<Definition>,
}

/// What an import is linked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Definition {
    /// An export of an earlier instance.
    Export {
        /// An index of [`Program::instances`].
        instance: usize,
        /// The name of the export.
        name: String,
    },
    /// A mutable global of 32 bits that several instances share: an index of [`Program::flags`].
    Flag(usize),
    /// A function that traps, whatever its type is.
    Trap,
    /// A function of an address, a length and another address, which traps unless the bytes from the
    /// first address on are UTF-8, and copies them to the other address.
    CopyUtf8 {
        /// The memory that it reads.
        from: ItemOf,
        /// The memory that it writes.
        to: ItemOf,
    },
    /// A function that makes a handle of a representation: `resource.new`.
    ResourceNew {
        /// An index of [`Program::resources`].
        resource: usize,
        /// The flag that must be set: the component instance may call functions that it imports.
        may_leave: usize,
    },
    /// A function that returns the representation of a handle: `resource.rep`. It takes an index of
    /// [`Program::resources`].
    ResourceRep(usize),
    /// A function that drops a handle, and a resource if it owns one: `resource.drop`.
    ResourceDrop {
        /// An index of [`Program::resources`].
        resource: usize,
        /// As for [`Definition::ResourceNew`].
        may_leave: usize,
    },
    /// A function of a handle and two indices of [`Program::resources`], which moves the owning handle from the
    /// table of the first to that of the second, and returns it there.
    ResourceTransferOwn,
    /// The same for a borrowed handle, which lives until [`Definition::ExitCall`].
    ResourceTransferBorrow,
    /// A function of three numbers that are not used. It begins a call in which handles are borrowed.
    EnterCall,
    /// A function that ends the call. It traps if borrowed handles are left.
    ExitCall,
}

/// An export of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemOf {
    /// An index of [`Program::instances`].
    pub instance: usize,
    /// The name of the export.
    pub name: String,
}

/// An export of the fused module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The name in the fused module.
    pub name: String,
    /// An index of [`Program::instances`].
    pub instance: usize,
    /// The name of a function that the instance exports.
    pub item: String,
}
