//! A pooling allocator for WebAssembly memories: slots of reserved address space, index
//! strategies that choose among them, and memory images that slots map copy-on-write.

mod policy;

pub use policy::{ImageKind, OnDrop, Strategy, UnknownName};
