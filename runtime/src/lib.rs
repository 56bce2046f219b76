//! A small WebAssembly runtime: Cranelift compiles modules, and a pooling allocator provides their
//! memories. The interface resembles Wasmtime's embedding API.
//!
//! Data passes the types in this order:
//!
//! ```text
//! Config ─► Engine ─► Module (code, memory image)
//!             │          │
//!             ├─► Linker ┴─ instantiate ─► Instance ─► Func, TypedFunc ─ call ─► results
//!             └─► Store, which owns instances, memories, tables, globals
//! ```
//!
//! ```
//! use leakbench_runtime::{Config, Engine, Linker, Module, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::new(&Config::default())?;
//! let binary = wat::parse_str(
//!     r#"(module
//!          (import "host" "double" (func $double (param i32) (result i32)))
//!          (func (export "run") (param i32) (result i32)
//!            (call $double (i32.add (local.get 0) (i32.const 1)))))"#,
//! )?;
//! let module = Module::new(&engine, binary)?;
//! let mut linker = Linker::new(&engine);
//! linker.func_wrap("host", "double", |value: i32| value * 2)?;
//! let mut store = Store::new(&engine, ());
//! let instance = linker.instantiate(&mut store, &module)?;
//! let run = instance.get_typed_func::<i32, i32>(&store, "run")?;
//! assert_eq!(run.call(&mut store, 20)?, 42);
//! # Ok(())
//! # }
//! ```
//!
//! # Differences from Wasmtime
//! Programs that use what both have compile with either crate's name; `tests/api` has such programs.
//! - There is nothing asynchronous. Components are in the crate `leakbench-components`.
//!   `docs/api.md` lists each method that is not offered, with the reason.
//! - The limits of a store are a value, [`StoreLimits`], and no trait.
//! - An [`ExternRef`] lives as long as its store, so it needs no `Rooted`.
//! - [`Trap::UndefinedElement`] is an indirect call beyond the end of a table. Wasmtime has
//!   `TableOutOfBounds` for it.
//! - [`Config`] has fields beside its setters, since it also describes the pool.
//!
//! # Guests that are not trusted
//! By default a guest may run without end and take what the pool has. [`Config::epoch_interruption`] and
//! [`Config::consume_fuel`] bound its time, [`StoreLimits`] its memories and tables,
//! [`Config::max_wasm_stack`] its stack, and [`CompileLimits`] what its module costs the compiler.
//! `docs/security.md` has what a guest cannot do, and what is not promised.
//!
//! A panic of a host function does not unwind frames of guests. It is caught before them, and continues in
//! the host's call of the guest.
//!
//! # Observing
//! Compilation, loading and instantiation are spans of `tracing` at the level DEBUG, named `compile`,
//! `deserialize` and `instantiate`. Calls have none, since one costs as much as a short call.
//! [`ProfilingStrategy::PerfMap`] gives profilers the names of functions.
//!
//! # Effects on the process
//! Guests trap by signals. The first call of a guest installs handlers for SIGSEGV, SIGILL and
//! SIGFPE, for the rest of the process. They pass a signal that is not a guest's trap to the
//! handler that was installed before, and stay installed if that one installs another. A handler that
//! is installed later must pass on what it does not know. After a trap of a guest they do not return to
//! the kernel, unless another handler called them.
//!
//! The first engine with [`Config::epoch_interruption`] starts a thread, and installs a handler for SIGURG, which
//! passes each signal that stops no guest to the handler before it. A thread whose guest is late receives the signal, and
//! again until the guest stops. So system calls of host functions may then end with EINTR. The first guest on a thread
//! unblocks SIGURG there. A process that was forked lacks the thread: its guests may miss their deadline in loops.
//!
//! A thread that calls a guest receives an alternate signal stack, if it has none that is large
//! enough. The stack is freed when the thread ends.
//!
//! On a stack that is not the thread's own, such as a fiber's, a call of a guest is refused unless
//! [`with_stack`] declares its bounds.
//!
//! # Modules
//! | module | contents |
//! |---|---|
//! | `config`, `features`, `limits`, `engine` | the configuration; the accepted proposals; limits on what is compiled and on stores; the compiler, the pool and the cache |
//! | `module` | parsing, declarations, the plan for the image, and artifacts |
//! | `cache` | compiled code by the binary without its data |
//! | `compile` | validated bodies to machine code |
//! | `store`, `instance`, `linker` | instantiation |
//! | `func`, `typed`, `host`, `signature` | functions of guests and of the host, and their types |
//! | `exception` | tags and exceptions |
//! | `externs`, `externref`, `val`, `types`, `memory_type`, `ref_type` | memories, tables, globals, values and types |
//! | `vm` | the memory that compiled code and the runtime share |
//! | `sys` | all unsafe code: contexts, calls, traps, executable memory |
//! | `profile` | the file in which profilers find names |
//! | `error`, `trap`, `backtrace` | errors, the reasons of traps, and the functions that ran |

mod backtrace;
mod cache;
mod compile;
mod config;
mod engine;
mod error;
mod exception;
mod externref;
mod externs;
mod features;
mod func;
mod host;
mod instance;
mod limits;
mod linker;
mod memory_type;
mod module;
mod profile;
mod ref_type;
mod signature;
mod store;
mod sys;
mod trap;
mod typed;
mod types;
mod val;
mod vm;

pub use backtrace::{FrameInfo, WasmBacktrace};
pub use compile::CompileError;
pub use config::{Config, Memories, OptLevel, RegallocAlgorithm};
pub use engine::{Engine, EngineWeak, Precompiled};
pub use error::{Error, ExceptionError, FunctionName, HostError, LinkError, TrapError, TypeError};
pub use exception::{ExnRef, Tag};
pub use externref::ExternRef;
pub use externs::{Export, Extern, Global, Memory, Table};
pub use features::WasmFeatures;
pub use func::{Caller, Func};
pub use host::{HostResult, IntoFunc};
pub use instance::Instance;
pub use leakbench_allocator as allocator;
pub use leakbench_allocator::PoolConfig;
pub use limits::{CompileLimits, LimitError, StoreLimits};
pub use linker::{InstancePre, Linker};
pub use module::artifact::ArtifactError;
pub use module::cost::MemoryRequirement;
pub use module::inspect::{ModuleExport, ModuleFunction, ResourcesRequired};
pub use module::parse::ModuleError;
pub use module::{ExportType, ImportType, Module};
pub use profile::ProfilingStrategy;
pub use store::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut};
pub use sys::code_memory::CodeMemoryError;
pub use sys::shared_memory::{SharedMemory, WaitResult};
pub use sys::stack::with_stack;
pub use trap::Trap;
pub use typed::{TypedFunc, WasmParams, WasmResults, WasmTy};
pub use types::{
    ExternType, FuncType, FuncTypeId, GlobalType, HeapType, MemoryType, MemoryTypeBuilder,
    Mutability, RefType, TableType, TagType, ValType,
};
pub use val::{Ref, V128, Val};
