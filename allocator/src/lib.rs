//! A pooling allocator for WebAssembly memories. It allocates slots of reserved address space by a
//! choice of strategies, and maps the image of a module's initial memory into them copy-on-write.
//!
//! Data passes the types in this order:
//!
//! ```text
//! PoolConfig ─► Pool ─ add_module(InitialMemory) ─► PoolModule, which owns an Image (a memfd)
//!                └──── allocate(&PoolModule) ─────► SlotMemory, which owns a slot
//! ```
//!
//! Dropping a [`SlotMemory`] resets and frees its slot, or queues it. Dropping a [`PoolModule`]
//! applies the pool's [`OnDrop`] policy to the slots that still map the image.
//!
//! ```
//! use leakbench_allocator::{
//!     InitialMemory, OnDrop, Pool, PoolConfig, SlotState, Strategy, WASM_PAGE_BYTES,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::new(&PoolConfig {
//!     slots: 2.try_into()?,
//!     strategy: Strategy::NextAvailable,
//!     on_drop: OnDrop::Purge,
//!     ..PoolConfig::default()
//! })?;
//! let module = pool.add_module(Some(InitialMemory { offset_bytes: 0, bytes: b"data" }))?;
//!
//! let mut memory = pool.allocate(Some(&module), WASM_PAGE_BYTES)?;
//! memory.grow(2 * WASM_PAGE_BYTES)?;
//! assert_eq!(memory.len_bytes(), 2 * WASM_PAGE_BYTES);
//!
//! let mut states = Vec::new();
//! drop(memory);
//! pool.slot_uses(&mut states);
//! assert_eq!(states[0].state, SlotState::Affine, "the slot still maps the image");
//!
//! drop(module);
//! pool.slot_uses(&mut states);
//! assert_eq!(states[0].state, SlotState::Warm, "the purge replaced the image");
//! # Ok(())
//! # }
//! ```
//!
//! | module | contents |
//! |---|---|
//! | `pool` | the pool, its configuration and errors; draws a slot |
//! | `image` | initial memory in a memfd, in another file, or as bytes to copy |
//! | `module`, `slot` | what callers own: a module of the pool, and a memory in a slot |
//! | `own_memory` | a memory without a slot |
//! | `release` | the release of slots: reset, flush, purge |
//! | `purge_fault` | purges that go wrong on purpose |
//! | `slot_table`, `queue` | free and queued slots, under the pool's lock |
//! | [`index`] | choice of slots, and affinity (no system calls) |
//! | `geometry`, `ids` | the addresses and numbers of slots (no system calls) |
//! | `layout` | the mappings of a slot as data, and the calls between two layouts (no system calls) |
//! | `cost` | what a memory costs, before it is made (no system calls) |
//! | `sync` | the pool's lock, or a checker's |
//! | `sys` | reservations and mapping calls |

mod cost;
mod geometry;
mod ids;
mod image;
pub mod index;
mod layout;
mod module;
mod own_memory;
mod pool;
mod purge_fault;
mod queue;
mod release;
mod slot;
mod slot_table;
mod sync;
mod sys;

pub use cost::MemoryCost;
pub use geometry::{GUARD_BYTES, Geometry, MEMORY_MAX_BYTES, SLOT_STRIDE_BYTES, WASM_PAGE_BYTES};
pub use ids::{ModuleId, SlotId};
pub use image::{AUTO_COPY_MAX_BYTES, IMAGE_NAME, Image, ImageError, InitialMemory};
pub use leakbench_model::{ImageKind, OnDrop, Slab, Slabs, SlotState, Strategy};
pub use module::PoolModule;
pub use own_memory::{Bounds, OwnMemory};
pub use pool::{AllocError, Pool, PoolConfig, PoolError, PoolStats, SlotUse};
pub use purge_fault::{PurgeFault, PurgeFaultKind};
pub use slot::{GrowError, SlotMemory};
#[cfg(any(loom, shuttle))]
#[doc(hidden)]
pub use sync::mapping_step;
pub use sys::ImageFile;
