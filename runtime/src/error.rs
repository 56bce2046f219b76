//! What can go wrong, each in one line.

use std::fmt;

use leakbench_allocator::{AllocError, ImageError, PoolError};

use crate::compile::CompileError;
use crate::module::parse::ModuleError;
use crate::sys::code_memory::CodeMemoryError;
use crate::trap::Trap;
use crate::types::{ExternType, FuncType, TableType, ValType};

/// Any error of the runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a module that can be loaded.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The module is valid, but its code could not be generated.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The kernel would not map machine code.
    #[error(transparent)]
    CodeMemory(#[from] CodeMemoryError),
    /// The pool of slots could not be made.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The module's memory image could not be made.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// There was no slot for a memory.
    #[error(transparent)]
    Memory(#[from] AllocError),
    /// There was no memory for a table.
    #[error("no memory for a table of {min} elements (at most {limit})", min = .ty.min, limit = crate::sys::table::TABLE_MAX_ELEMENTS)]
    Table {
        /// The table's type.
        ty: TableType,
    },
    /// What a module imports is not what it was given.
    #[error(transparent)]
    Link(Box<LinkError>),
    /// The guest trapped.
    #[error(transparent)]
    Trap(Box<TrapError>),
    /// A function, global or table was used with values that its type does not allow.
    #[error(transparent)]
    Type(Box<TypeError>),
    /// An export that was asked for is not there.
    #[error("the module has no exported {kind} named '{name}'")]
    NoExport {
        /// Function, memory, global or table.
        kind: &'static str,
        /// The name asked for.
        name: String,
    },
    /// A host function failed.
    #[error("{0}")]
    Host(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// An error for a host function to return.
    pub fn host(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Error::Host(error.into())
    }

    /// The trap, if the guest trapped.
    pub fn trap(&self) -> Option<Trap> {
        match self {
            Error::Trap(error) => Some(error.trap),
            _ => None,
        }
    }

    /// What a host function failed with, if it is an `E`.
    pub fn downcast_host<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Error::Host(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

/// Boxed, so that results stay small where all goes well.
macro_rules! boxed {
    ($($variant:ident($error:ident))+) => { $(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Error::$variant(Box::new(error))
            }
        }
    )+ };
}

boxed! {
    Link(LinkError)
    Trap(TrapError)
    Type(TypeError)
}

/// A trap, and where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrapError {
    /// Why the guest was stopped.
    pub trap: Trap,
    /// The function that trapped; `None` when no function did (a segment out of bounds at
    /// instantiation) or when it was a host function's call that did not fit on the stack.
    pub function: Option<FunctionName>,
    /// The name that the module gives itself.
    pub module: Option<String>,
}

/// How a function of a module is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName {
    /// Its index in the module, imported functions first.
    pub index: u32,
    /// Its name by the name section, or else one that it is exported by.
    pub name: Option<String>,
}

impl TrapError {
    /// A trap outside of any function.
    pub(crate) fn at_instantiation(trap: Trap, module: Option<&str>) -> Self {
        TrapError { trap, function: None, module: module.map(str::to_owned) }
    }
}

impl fmt::Display for TrapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trap)?;
        if let Some(function) = &self.function {
            write!(f, " in function {}", function.index)?;
            if let Some(name) = &function.name {
                write!(f, " '{name}'")?;
            }
        }
        if let Some(module) = &self.module {
            write!(f, " of module '{module}'")?;
        }
        Ok(())
    }
}

impl std::error::Error for TrapError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.trap)
    }
}

/// Imports that do not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Nothing provides an import.
    #[error("unknown import: nothing provides '{module}' '{name}', a {expected}")]
    Unknown {
        /// First name of the import.
        module: String,
        /// Second name of the import.
        name: String,
        /// What the module asks for.
        expected: ExternType,
    },
    /// An import has another type.
    #[error(
        "incompatible import type: '{module}' '{name}' is a {found}, and the module expects a {expected}"
    )]
    Incompatible {
        /// First name of the import.
        module: String,
        /// Second name of the import.
        name: String,
        /// What the module asks for.
        expected: ExternType,
        /// What it was given.
        found: ExternType,
    },
    /// More or fewer imports than the module has.
    #[error("the module has {expected} imports, and was given {found}")]
    Count {
        /// Imports of the module.
        expected: usize,
        /// Items given.
        found: usize,
    },
    /// A linker already has an item of these names.
    #[error("'{module}' '{name}' is defined already")]
    Duplicate {
        /// First name of the item.
        module: String,
        /// Second name of the item.
        name: String,
    },
    /// A module is to be instantiated in a store, or by a linker, of another engine.
    #[error("module, store and linker belong to different engines: make them with the same one")]
    OtherEngine,
}

/// Values that a type does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeError {
    /// A function was called with too many or too few arguments, or results to fill.
    #[error("a {ty} was called with {params} arguments and room for {results} results")]
    Count {
        /// The function's type.
        ty: FuncType,
        /// Arguments given.
        params: usize,
        /// Results that there is room for.
        results: usize,
    },
    /// A host function's type is beyond what functions may have.
    #[error(
        "a host function of {params} parameters and {results} results: at most {most} of each are \
         supported", most = crate::func::FUNC_TYPE_MAX_VALUES
    )]
    TooManyValues {
        /// Parameters of the type.
        params: usize,
        /// Results of the type.
        results: usize,
    },
    /// A value has another type than is needed.
    #[error("expected {expected}, found {found} ({what})")]
    Value {
        /// What the value was for.
        what: &'static str,
        /// The type needed.
        expected: ValType,
        /// The type given.
        found: ValType,
    },
    /// A typed view of a function does not fit it.
    #[error("the function is a {found}, not a {expected}")]
    Func {
        /// The type that was asked for.
        expected: FuncType,
        /// The type it has.
        found: FuncType,
    },
    /// An immutable global was to be set.
    #[error("the global is immutable")]
    Immutable,
    /// An element beyond a table's end, or bytes beyond a memory's.
    #[error("{index} is beyond the end ({len})")]
    OutOfBounds {
        /// What was asked for.
        index: u64,
        /// How much there is.
        len: u64,
    },
    /// A memory or table cannot grow as asked.
    #[error("cannot grow by {delta} from {present}")]
    Grow {
        /// Pages or elements to add.
        delta: u32,
        /// Pages or elements at present.
        present: u32,
    },
}
