//! The reasons for which a program cannot be fused.

use thiserror::Error;

/// An error of the rewriting of a part of a module, which is valid.
pub(crate) type Rewriting = wasm_encoder::reencode::Error<std::convert::Infallible>;

/// The program cannot be fused. Instances and modules are named by their index.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FuseError {
    /// A module is not valid, or uses a proposal that cannot be fused.
    #[error(
        "module {module} at offset {offset:#x}: {reason} (fused are WebAssembly 2.0, SIMD, tail calls and \
         several memories; not 64-bit or shared memories, exceptions, and garbage collection)"
    )]
    Module {
        /// The module.
        module: usize,
        /// Offset in bytes from its start.
        offset: u64,
        /// The broken rule or the missing proposal.
        reason: String,
    },
    /// An instance is not linked as its module demands.
    #[error("instance {instance}: {reason}")]
    Link {
        /// The instance.
        instance: usize,
        /// The import and what is wrong with it.
        reason: String,
    },
    /// An export of the fused module cannot be.
    #[error("export {name:?}: {reason}")]
    Export {
        /// The name in the fused module.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A memory has no maximum, so its region has no size.
    #[error("a memory of instance {instance} has no maximum: set one for such memories")]
    NoMaximum {
        /// The instance that defines it.
        instance: usize,
    },
    /// All regions together are larger than a memory.
    #[error(
        "the memories may become {pages} pages in all, and one memory has {max} at most: set a lower \
         maximum",
        max = crate::regions::PAGES_MAX
    )]
    TooLarge {
        /// The sum of their maxima, in pages of 64 KiB.
        pages: u64,
    },
    /// A segment lies outside of its memory, so that the program cannot be instantiated.
    #[error(
        "a data segment of instance {instance} ends beyond its memory: its instantiation traps"
    )]
    SegmentOutside {
        /// The instance.
        instance: usize,
    },
}
