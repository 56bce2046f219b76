//! Errors. Each message is one line.

use std::any::Any;
use std::fmt;
use std::io;
use std::path::PathBuf;

use leakbench_allocator::{AllocError, ImageError, PoolError};

use crate::backtrace::WasmBacktrace;
use crate::compile::CompileError;
use crate::exception::ExnRef;
use crate::limits::LimitError;
use crate::module::artifact::ArtifactError;
use crate::module::parse::ModuleError;
use crate::sys::code_memory::CodeMemoryError;
use crate::trap::Trap;
use crate::types::{ExternType, FuncType, MemoryType, TableType, ValType};

/// Any error of the runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a module that this runtime can load.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// The bytes are not a compiled module that the engine can run.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The module is valid, but code generation failed.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The kernel refused to map machine code.
    #[error(transparent)]
    CodeMemory(#[from] CodeMemoryError),
    /// The pool cannot be created.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The module's memory image cannot be created.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A memory cannot be allocated.
    #[error(transparent)]
    Memory(#[from] AllocError),
    /// A table cannot be allocated.
    #[error("cannot allocate a table of {min} elements (the maximum is {limit})", min = .ty.minimum(), limit = crate::sys::table::TABLE_MAX_ELEMENTS)]
    Table {
        /// The table's type.
        ty: TableType,
    },
    /// A store may not have as much as an instance or an item needs.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The engine's code counts no fuel.
    #[error("the engine's code counts no fuel: create the engine with Config::consume_fuel")]
    NoFuel,
    /// An import is missing or does not fit.
    #[error(transparent)]
    Link(Box<LinkError>),
    /// The guest trapped.
    #[error(transparent)]
    Trap(Box<TrapError>),
    /// A value or an operation does not fit a type.
    #[error(transparent)]
    Type(Box<TypeError>),
    /// The module has no export of this name and kind.
    #[error("the module has no exported {kind} named '{name}'")]
    NoExport {
        /// Function, memory, global or table.
        kind: &'static str,
        /// The requested name.
        name: String,
    },
    /// The file of a module cannot be opened or read.
    #[error("cannot read {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The file for profilers cannot be created.
    #[error("cannot create {} for profilers: {source}; turn the profiler off", .path.display())]
    PerfMap {
        /// The file.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The thread that interrupts guests cannot be started.
    #[error("cannot start the thread that interrupts guests: {source}; see `ulimit -u`")]
    Interrupter {
        /// The kernel's reason.
        source: io::Error,
    },
    /// The guest threw an exception that nothing caught; or one to throw in the guest that called
    /// the host function that returns it.
    #[error(transparent)]
    Exception(Box<ExceptionError>),
    /// A guest was called on a stack that is not the thread's own, such as a fiber's, whose bounds are
    /// unknown.
    #[error(
        "a guest was called on a stack whose bounds are unknown: declare them with `with_stack`"
    )]
    UnknownStack,
    /// A host function failed.
    #[error(transparent)]
    Host(Box<HostError>),
}

impl Error {
    /// An error for a host function to return, from one of any type.
    pub fn new(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Error::from_boxed(Box::new(error))
    }

    /// An error for a host function to return, from a message.
    pub fn msg(message: impl fmt::Display) -> Self {
        Error::from_boxed(message.to_string().into())
    }

    /// The error of a host function. An error of this crate stays what it is.
    pub(crate) fn from_boxed(error: Box<dyn std::error::Error + Send + Sync>) -> Self {
        let error = match error.downcast::<Error>() {
            Ok(own) => return *own,
            Err(other) => other,
        };
        let error = match error.downcast::<TrapError>() {
            Ok(trap) => return Error::Trap(trap),
            Err(other) => other,
        };
        match error.downcast::<Trap>() {
            Ok(trap) => Error::from(*trap),
            Err(other) => HostError { error: other, backtrace: WasmBacktrace::default() }.into(),
        }
    }

    /// The trap, if the guest trapped.
    pub fn trap(&self) -> Option<Trap> {
        match self {
            Error::Trap(error) => Some(error.trap),
            _ => None,
        }
    }

    /// The functions of guests that ran when a guest trapped or threw, or a host function failed.
    fn backtrace(&self) -> Option<&WasmBacktrace> {
        match self {
            Error::Trap(error) => Some(&error.backtrace),
            Error::Host(error) => Some(&error.backtrace),
            Error::Exception(error) => Some(&error.backtrace),
            _ => None,
        }
    }

    /// The error with the frames of a call that contained the one that failed.
    pub(crate) fn with_callers(mut self, callers: WasmBacktrace) -> Self {
        match &mut self {
            Error::Trap(error) => error.backtrace.extend(callers),
            Error::Host(error) => error.backtrace.extend(callers),
            Error::Exception(error) => error.backtrace.extend(callers),
            _ => {}
        }
        self
    }

    /// The cause, if its type is `E`: the error of a host function, a [`Trap`], a [`WasmBacktrace`], or
    /// another error of this crate.
    pub fn downcast_ref<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E> {
        if let Some(own) = (self as &dyn Any).downcast_ref() {
            return Some(own);
        }
        if let Error::Trap(error) = self
            && let Some(trap) = (&error.trap as &dyn Any).downcast_ref()
        {
            return Some(trap);
        }
        if let Some(backtrace) = self.backtrace()
            && let Some(backtrace) = (backtrace as &dyn Any).downcast_ref()
        {
            return Some(backtrace);
        }
        let cause: &(dyn std::error::Error + 'static) = match self {
            Error::Module(error) => error,
            Error::Artifact(error) => error,
            Error::Compile(error) => error,
            Error::CodeMemory(error) => error,
            Error::Pool(error) => error,
            Error::Image(error) => error,
            Error::Memory(error) => error,
            Error::Limit(error) => error,
            Error::Link(error) => &**error,
            Error::Trap(error) => &**error,
            Error::Type(error) => &**error,
            Error::Host(error) => &*error.error,
            Error::Exception(error) => &**error,
            Error::Table { .. }
            | Error::NoExport { .. }
            | Error::File { .. }
            | Error::NoFuel
            | Error::UnknownStack
            | Error::PerfMap { .. }
            | Error::Interrupter { .. } => return None,
        };
        cause.downcast_ref()
    }

    /// True if the cause has the type `E`; see [`Self::downcast_ref`].
    pub fn is<E: std::error::Error + Send + Sync + 'static>(&self) -> bool {
        self.downcast_ref::<E>().is_some()
    }
}

impl From<Trap> for Error {
    /// A trap that a host function raises.
    fn from(trap: Trap) -> Self {
        TrapError::outside_of_functions(trap, None).into()
    }
}

impl From<ExnRef> for Error {
    /// An exception that a host function throws.
    fn from(exception: ExnRef) -> Self {
        ExceptionError { exception, backtrace: WasmBacktrace::default() }.into()
    }
}

/// Boxes large errors, so that results stay small.
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
    Exception(ExceptionError)
    Host(HostError)
    Link(LinkError)
    Trap(TrapError)
    Type(TypeError)
}

/// A trap and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrapError {
    /// The reason of the trap.
    pub trap: Trap,
    /// The function that trapped. `None` if no function did: a segment was out of bounds at
    /// instantiation, a host function had no stack left for its call, or it returned a trap.
    pub function: Option<FunctionName>,
    /// The module's name in its name section.
    pub module: Option<String>,
    /// The functions that ran, beginning with the one that trapped.
    pub backtrace: WasmBacktrace,
}

/// An exception that no guest caught, with the functions of guests from the one that threw it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an exception that the guest did not catch")]
pub struct ExceptionError {
    /// The exception.
    pub exception: ExnRef,
    /// The functions that ran, beginning with the one that threw. Empty if a host function threw.
    pub backtrace: WasmBacktrace,
}

/// The error of a host function, with the functions of guests that called it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct HostError {
    #[source]
    error: Box<dyn std::error::Error + Send + Sync>,
    backtrace: WasmBacktrace,
}

/// The index and the name of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionName {
    /// The index in the module, with imported functions first.
    pub index: u32,
    /// The name in the name section, or else the name of an export.
    pub name: Option<String>,
}

impl TrapError {
    /// A trap outside of functions.
    pub(crate) fn outside_of_functions(trap: Trap, module: Option<&str>) -> Self {
        TrapError {
            trap,
            function: None,
            module: module.map(str::to_owned),
            backtrace: WasmBacktrace::default(),
        }
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

/// An import is missing or does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// No item is defined for an import.
    #[error("unknown import: nothing provides '{module}' '{name}', a {expected}")]
    Unknown {
        /// The import's module name.
        module: String,
        /// The import's item name.
        name: String,
        /// The type that the module declares.
        expected: ExternType,
    },
    /// An item has another type than the import.
    #[error(
        "incompatible import type: '{module}' '{name}' is a {found}, and the module expects a {expected}"
    )]
    Incompatible {
        /// The import's module name.
        module: String,
        /// The import's item name.
        name: String,
        /// The type that the module declares.
        expected: ExternType,
        /// The type of the item.
        found: ExternType,
    },
    /// The number of items is not the number of imports.
    #[error("the module has {expected} imports, but {found} items were passed")]
    Count {
        /// The number of imports.
        expected: usize,
        /// The number of items.
        found: usize,
    },
    /// The linker already has an item of this name.
    #[error("'{module}' '{name}' is defined already")]
    Duplicate {
        /// The item's module name.
        module: String,
        /// The item's own name.
        name: String,
    },
    /// Module, store or linker belong to different engines.
    #[error(
        "module, store and linker belong to different engines: create them with the same engine"
    )]
    OtherEngine,
}

/// A value or an operation does not fit a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeError {
    /// A function was called with a wrong number of arguments or results.
    #[error("a {ty} was called with {params} arguments for {results} results")]
    Count {
        /// The function's type.
        ty: FuncType,
        /// The number of arguments.
        params: usize,
        /// The number of results to fill.
        results: usize,
    },
    /// A host function's type has too many parameters or results.
    #[error(
        "a host function of {params} parameters and {results} results: the maximum of each is {max}",
        max = crate::func::FUNC_TYPE_MAX_VALUES
    )]
    TooManyValues {
        /// The number of parameters.
        params: usize,
        /// The number of results.
        results: usize,
    },
    /// A value has another type than its place.
    #[error("expected {expected}, found {found} ({what})")]
    Value {
        /// The place of the value.
        what: &'static str,
        /// The type of the place.
        expected: ValType,
        /// The type of the value.
        found: ValType,
    },
    /// A function has another type than its typed view.
    #[error("the function is a {found}, not a {expected}")]
    Func {
        /// The requested type.
        expected: FuncType,
        /// The function's type.
        found: FuncType,
    },
    /// A write to an immutable global.
    #[error("the global is immutable and cannot be set")]
    Immutable,
    /// An access beyond the end of a table or memory.
    #[error("index {index} is out of bounds: the length is {len}")]
    OutOfBounds {
        /// The index of the access.
        index: u64,
        /// The length of the table or memory.
        len: u64,
    },
    /// A memory or table cannot grow.
    #[error(
        "cannot grow by {delta} from {present}: the maximum, the limits of the store or the available \
         memory does not allow it"
    )]
    Grow {
        /// Pages or elements to add.
        delta: u64,
        /// Present pages or elements.
        present: u64,
    },
    /// The type of a host function contains a function type that nothing in the engine uses.
    #[error("a {ty} contains a function type that the engine does not use any more")]
    UnusedType {
        /// The type of the host function.
        ty: FuncType,
    },
    /// The exceptions of a store are too large.
    #[error(
        "the exceptions of the store exceed {max} bytes: drop the store, which keeps those to \
         which a reference was made", max = crate::sys::exception::EXCEPTIONS_MAX_BYTES
    )]
    TooManyExceptions,
    /// The type of a tag has results.
    #[error("a tag of {ty}: exceptions have no results")]
    TagResults {
        /// The tag's type.
        ty: FuncType,
    },
    /// A memory type with pages of another size than WebAssembly has.
    #[error("a memory has no pages of 2^{log2} bytes: use 2^0 or 2^16")]
    PageSize {
        /// The base 2 logarithm of the size.
        log2: u8,
    },
    /// A memory type whose limits contradict each other or its addresses.
    #[error(
        "a memory of {minimum} to {maximum:?} pages: the minimum must not be more than the maximum, \
         nor the maximum more than the addresses reach"
    )]
    Limits {
        /// The minimum number of pages.
        minimum: u64,
        /// The maximum number of pages.
        maximum: Option<u64>,
    },
    /// A shared memory needs a maximum, and is no [`Memory`](crate::Memory).
    #[error(
        "a memory of type {ty:?}: a shared memory has a maximum and is made by `SharedMemory::new`, \
         any other by `Memory::new`"
    )]
    Sharing {
        /// The type.
        ty: MemoryType,
    },
}
