//! A pooling allocator for WebAssembly memories: slots of reserved address space, index
//! strategies that choose among them, and memory images that slots map copy-on-write.
//!
//! ```text
//!  Pool ─ add_module ─► PoolModule (Image in a memfd)      dropped: purge | keep | truncate
//!    └─── allocate ───► SlotMemory (a slot, mapped)         dropped: reset, or queued for it
//! ```
//!
//! | module | keeps |
//! |---|---|
//! | `geometry` | where slots lie; pure |
//! | `layout` | what a slot maps, and the fewest calls from one layout to another; pure |
//! | `index` | which slot is next, and which module a free one belongs to; pure |
//! | `image` | a module's initial memory |
//! | `shelf`, `queue` | what the pool's lock guards |
//! | `pool`, `module`, `slot` | the three things that others hold |
//! | `release` | how slots come back |
//! | `sys` | system calls |

mod geometry;
mod ids;
mod image;
pub mod index;
mod layout;
mod module;
mod pool;
mod queue;
mod release;
mod shelf;
mod slot;
mod sys;

pub use geometry::{GUARD_BYTES, Geometry, MEMORY_MAX_BYTES, SLOT_STRIDE_BYTES, WASM_PAGE_BYTES};
pub use ids::{ModuleId, SlotId};
pub use image::{AUTO_COPY_MAX_BYTES, IMAGE_NAME, Image, ImageError, InitialMemory};
pub use leakbench_model::{ImageKind, OnDrop, Slab, Slabs, SlotState, Strategy};
pub use module::PoolModule;
pub use pool::{AllocError, Pool, PoolConfig, PoolError, PoolStats, SlotUse};
pub use slot::{GrowError, SlotMemory};
