//! WASI preview 1 (`wasi_snapshot_preview1`) for guests of [`leakbench_runtime`].
//!
//! A [`WasiCtx`] is what a guest sees of the host: arguments, variables, descriptors. It stands in the
//! data of the guest's store, so dropping the store closes every descriptor of the guest, also after a
//! trap. [`add_to_linker`] defines the functions.
//!
//! ```
//! use leakbench_runtime::{Engine, Linker, Module, Store};
//! use leakbench_wasi::{Exit, WasiCtx, add_to_linker};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::default();
//! let module = Module::new(&engine, r#"(module
//!     (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
//!     (memory (export "memory") 1)
//!     (func (export "_start") (call $exit (i32.const 3))))"#)?;
//! let mut linker = Linker::new(&engine);
//! add_to_linker(&mut linker, |context| context)?;
//! let context = WasiCtx::builder().arg("app.wasm")?.inherit_stdio().build()?;
//! let mut store = Store::new(&engine, context);
//! let instance = linker.instantiate(&mut store, &module)?;
//! let start = instance.get_typed_func::<(), ()>(&store, "_start")?;
//! let error = start.call(&mut store, ()).unwrap_err();
//! assert_eq!(error.downcast_ref::<Exit>(), Some(&Exit(3)));
//! # Ok(())
//! # }
//! ```
//!
//! # Directories
//! A guest opens only what is below a directory that the host handed in. `cap-std` resolves each path by
//! `openat2` with `RESOLVE_BENEATH`, so the kernel refuses `..`, absolute paths and links that lead
//! outside, also while another process renames directories. A mount point below the directory belongs to
//! it. Paths are bytes: they need not be UTF-8.
//!
//! # Rights
//! A descriptor has the rights that were requested, that its directory inherits, and that apply to its
//! kind of file; requested rights beyond these are left out, as in Wasmtime. `fd_fdstat_get` returns them,
//! and `fd_fdstat_set_rights` takes some away. Reads and writes need their right; so does truncating
//! by `path_open`. Other operations check only the kind of the file, as in Wasmtime.
//!
//! # Limits
//! A guest has at most [`DESCRIPTORS_MAX`] descriptors; one more is the error MFILE.
//! [`WasiCtxBuilder::max_written_bytes`] limits what it writes; beyond it is the error DQUOT. One read or write uses at most 1,024 buffers, and
//! `poll_oneoff` takes at most 4,096 subscriptions. A pointer beyond the memory, or one that is not
//! aligned, stops the guest with a [`GuestFault`], as the standard says. The memory must be exported as
//! `memory` and must not be shared.
//!
//! # Not offered
//! `proc_raise` returns NOTSUP. A standard stream of the process ([`Stdio::Inherit`]) cannot be
//! made nonblocking, positioned, cut or synchronized: other processes share it. Sockets are only those
//! that are handed in, and those that they accept.
//!
//! # Modules
//! | module | contents |
//! |---|---|
//! | `abi` | the functions by name, and how a call reaches the context |
//! | `calls` | the functions, by the objects that they use |
//! | `context`, `descriptor`, `rights` | contexts, descriptors with their table, and rights |
//! | `quota` | the bytes that a guest may write |
//! | `open_descriptors` | the number of descriptors that guests have open |
//! | `memory` | checked accesses to a guest's memory |
//! | `errno` | error numbers, and the two ways in which a call fails |

mod abi;
mod calls;
mod context;
mod descriptor;
mod errno;
mod memory;
mod open_descriptors;
mod quota;
mod rights;

pub use abi::{Exit, MODULE, MemoryError, add_to_linker};
pub use context::{DESCRIPTORS_MAX, Stdio, WasiCtx, WasiCtxBuilder, WasiError};
pub use memory::GuestFault;
pub use open_descriptors::OpenDescriptors;
