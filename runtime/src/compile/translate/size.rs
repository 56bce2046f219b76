//! The size of a function while it is translated, which decides what its compilation costs.

use cranelift_frontend::Variable;

use super::{FuncTranslator, TranslateError};
use crate::limits::Exceeded;
use crate::sys;

/// Memory that the compiler may need for a part of a function, in bytes: at most some 600 were measured.
const BYTES_PER_PART: usize = 640;

/// Parts of a function for which there is memory without asking.
pub(super) const PARTS_UNASKED: usize = 4_096;

/// Parts that a block counts for.
const PARTS_PER_BLOCK: usize = 4;

/// Local cells that take as much memory or time as a value.
const LOCAL_CELLS_PER_VALUE: usize = 16;

impl FuncTranslator<'_> {
    /// The size of the function so far.
    pub(super) fn values(&self) -> usize {
        let cells = self.local_cells / LOCAL_CELLS_PER_VALUE;
        self.builder.func.dfg.num_values() + self.copied + cells
    }

    pub(super) fn check_values(&self) -> Result<(), Exceeded> {
        let what = "values in the compiler's intermediate form";
        Exceeded::check(what, "values_per_byte", self.values(), self.values_max)
    }

    /// Asks for the memory to compile a function of twice the present size, and gives it back. Without
    /// memory the compiler would end the process.
    pub(super) fn ensure_memory(&mut self) -> Result<(), TranslateError> {
        let dfg = &self.builder.func.dfg;
        let blocks = dfg.num_blocks() * PARTS_PER_BLOCK;
        let parts = self.values() + dfg.num_insts() + blocks;
        if parts <= self.parts_ensured {
            return Ok(());
        }
        self.parts_ensured = 2 * parts;
        let bytes = self.parts_ensured.saturating_mul(BYTES_PER_PART);
        if sys::has_memory(bytes) { Ok(()) } else { Err(TranslateError::Memory { bytes }) }
    }

    /// Adds to the local cells that a use of this local in the present block needs: the frontend has
    /// a list of all blocks up to this one for each local.
    pub(super) fn use_local(&mut self, local: u32) -> Variable {
        let block = self.builder.current_block().map_or(0, |block| block.as_u32());
        let last = &mut self.stacks.local_blocks[local as usize];
        if block > *last {
            self.local_cells += (block - *last) as usize;
            *last = block;
        }
        Variable::from_u32(local)
    }
}
