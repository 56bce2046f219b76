//! A component as steps that make its instance, and the functions that it exports.

use crate::value_type::ValueType;

/// All that is needed to make and call instances of a component without imports.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// In order.
    pub(crate) steps: Vec<Step>,
    pub(crate) trampolines: Vec<Trampoline>,
    /// The resource and the component instance of each type of handle.
    pub(crate) handle_types: Vec<HandleType>,
    pub(crate) memories: usize,
    pub(crate) resources: usize,
    pub(crate) component_instances: usize,
    pub(crate) functions: Vec<Function>,
}

/// A step of the instantiation.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Make the next core instance, of this module, with these imports in the module's order.
    Instantiate { module: usize, imports: Vec<Item> },
    /// Remember a memory under this number.
    Memory { number: usize, item: Item },
    /// Define a resource.
    Resource { number: usize, destructor: Option<Item>, component_instance: u32 },
}

/// An item of a core instance, or one that the host makes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    /// An export of a core instance, by its place in the order of instantiation.
    Export {
        instance: usize,
        name: String,
    },
    /// The flag of a component instance that it may call others: a mutable global, 1 or 0.
    MayLeave(u32),
    Trampoline(usize),
}

/// A function that no core module has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trampoline {
    /// Copies a string of UTF-8 from one memory to another.
    CopyUtf8 {
        from: usize,
        to: usize,
    },
    ResourceNew(HandleType),
    ResourceRep(HandleType),
    ResourceDrop(HandleType),
    TransferOwn,
    TransferBorrow,
    EnterCall,
    ExitCall,
    Trap,
}

/// Handles to one resource in one component instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandleType {
    pub(crate) resource: usize,
    pub(crate) component_instance: u32,
}

/// An exported function.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) callee: Item,
    pub(crate) component_instance: u32,
    /// The number of its memory.
    pub(crate) memory: Option<usize>,
    pub(crate) realloc: Option<Item>,
    pub(crate) post_return: Option<Item>,
    pub(crate) params: Vec<(String, ValueType)>,
    pub(crate) result: Option<ValueType>,
    /// A type that is no [`ValueType`], if it has one; its parameters and result are then empty.
    pub(crate) unsupported: Option<String>,
}
