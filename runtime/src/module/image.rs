//! The plan for a module's image: the data segments in it, and their places.
//!
//! The image takes active segments in order. It stops at the first segment whose offset an import
//! decides, that is out of bounds or too far from the others. Instantiation copies the rest.

use std::cell::RefCell;
use std::ops::Range;

use leakbench_allocator::{InitialMemory, MEMORY_MAX_BYTES};

use super::info::{ModuleInfo, SegmentMode};
use crate::vm::const_expr::Constants;

/// An image may be larger than twice its data by this many bytes. Beyond that, copying scattered
/// segments is cheaper.
const SPARSE_BYTES: usize = 1 << 20;

/// The plan for the images of modules with the same code.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ImagePlan {
    /// The first `covered_segments` data segments need not be applied at instantiation.
    covered_segments: usize,
    pieces: Box<[Piece]>,
    /// The range of memory from the first to the last piece.
    span: Range<usize>,
}

/// The place of a segment in memory and in the binary.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    memory_offset: usize,
    binary: Range<usize>,
}

thread_local! {
    /// A buffer in which images are assembled.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Maximum size of a scratch buffer that a thread keeps, in bytes.
const SCRATCH_KEPT_BYTES: usize = 16 << 20;

impl ImagePlan {
    pub(crate) fn new(info: &ModuleInfo) -> Self {
        let mut plan = ImagePlan::default();
        if info.num_imported_memories > 0 || info.memories.is_empty() {
            return plan;
        }
        // A memory that is longer than any slot cannot be allocated, but its module is valid.
        let memory_bytes = info.memories[0].min_bytes().min(MEMORY_MAX_BYTES);
        let constants = Constants::of(info);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut data_bytes = 0;
        for segment in &info.data {
            if let SegmentMode::Active { target, offset } = &segment.mode {
                let offset = offset.eval(&constants).and_then(|offset| offset.index());
                let Some(start) = offset.map(|offset| offset as usize) else {
                    break;
                };
                let Some(end) = start.checked_add(segment.bytes.len()) else {
                    break;
                };
                if *target != 0 || end > memory_bytes {
                    break;
                }
                if !segment.bytes.is_empty() {
                    let span = match pieces.is_empty() {
                        true => start..end,
                        false => plan.span.start.min(start)..plan.span.end.max(end),
                    };
                    let with_this = data_bytes + segment.bytes.len();
                    if span.len() > 2 * with_this + SPARSE_BYTES {
                        break;
                    }
                    plan.span = span;
                    data_bytes = with_this;
                    pieces.push(Piece { memory_offset: start, binary: segment.bytes.clone() });
                }
            }
            plan.covered_segments += 1;
        }
        plan.pieces = pieces.into();
        plan
    }

    /// The plan of an artifact, which has the image of the range `span` of memory.
    pub(crate) fn assembled(covered_segments: usize, span: Range<usize>) -> Self {
        ImagePlan { covered_segments, pieces: Box::default(), span }
    }

    /// The range of memory that the image has; empty if there is no image.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The number of data segments, from the first, that need not be applied at instantiation.
    pub(crate) fn covered_segments(&self) -> usize {
        self.covered_segments
    }

    /// Calls `make` with the initial memory of `binary`; with `None` if there is none.
    pub(crate) fn with_initial<R>(
        &self,
        binary: &[u8],
        make: impl FnOnce(Option<InitialMemory<'_>>) -> R,
    ) -> R {
        match &*self.pieces {
            [] => make(None),
            [piece] => make(Some(self.initial(&binary[piece.binary.clone()]))),
            pieces => SCRATCH.with_borrow_mut(|scratch| {
                scratch.clear();
                scratch.resize(self.span.len(), 0);
                for piece in pieces {
                    let start = piece.memory_offset - self.span.start;
                    scratch[start..start + piece.binary.len()]
                        .copy_from_slice(&binary[piece.binary.clone()]);
                }
                let result = make(Some(self.initial(scratch)));
                if scratch.capacity() > SCRATCH_KEPT_BYTES {
                    *scratch = Vec::new();
                }
                result
            }),
        }
    }

    fn initial<'a>(&self, bytes: &'a [u8]) -> InitialMemory<'a> {
        InitialMemory { offset_bytes: self.span.start, bytes }
    }
}

#[cfg(test)]
mod tests;
