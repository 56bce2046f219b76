//! A small WebAssembly runtime: Cranelift compiles, a pooling allocator lends the memories.
//! Who knows Wasmtime's embedding API knows this one.
//!
//! ```
//! use leakbench_runtime::{Config, Engine, Linker, Module, Store};
//!
//! # fn main() -> Result<(), leakbench_runtime::Error> {
//! let engine = Engine::new(&Config::default())?;
//! let binary = wat::parse_str(
//!     r#"(module
//!          (import "host" "double" (func $double (param i32) (result i32)))
//!          (func (export "run") (param i32) (result i32)
//!            (call $double (i32.add (local.get 0) (i32.const 1)))))"#,
//! )
//! .unwrap();
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
//! # What it does to the process
//! Guests trap by signals. The first call of a guest installs handlers for SIGSEGV, SIGILL and
//! SIGFPE for the whole process and for good; a signal that is not a guest's trap goes on to
//! whoever handled it before. Who installs handlers later has to pass on what is not theirs. Each
//! thread that calls a guest has an alternate signal stack from then on, if it had none that is
//! large enough; ours goes with the thread.

mod cache;
mod compile;
mod config;
mod engine;
mod error;
mod externref;
mod externs;
mod func;
mod host;
mod instance;
mod linker;
mod module;
mod signature;
mod store;
mod sys;
mod trap;
mod typed;
mod types;
mod val;
mod vm;

pub use compile::CompileError;
pub use config::{Config, OptLevel};
pub use engine::Engine;
pub use error::{Error, FunctionName, LinkError, TrapError, TypeError};
pub use externref::ExternRef;
pub use externs::{Extern, Global, Memory, Table};
pub use func::{Caller, Func};
pub use host::{HostResult, IntoFunc};
pub use instance::Instance;
pub use leakbench_allocator as allocator;
pub use leakbench_allocator::PoolConfig;
pub use linker::Linker;
pub use module::parse::ModuleError;
pub use module::{ExportType, ImportType, Module};
pub use store::{AsContext, AsContextMut, Store, StoreContext, StoreContextMut};
pub use sys::code_memory::CodeMemoryError;
pub use trap::Trap;
pub use typed::{TypedFunc, WasmParams, WasmResults, WasmTy};
pub use types::{ExternType, FuncType, GlobalType, MemoryType, TableType, ValType};
pub use val::Val;
