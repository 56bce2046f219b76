//! Limits on what an engine compiles.

use std::time::Duration;

/// Limits on what an engine compiles, so that no module costs more than its share of memory and time.
///
/// Where the JavaScript API of WebAssembly has a limit, the default is that one. wasmparser has
/// further limits of that API, which cannot be set: a million functions, 1,000 parameters and
/// results, 10 million elements of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileLimits {
    /// Size of a module in bytes. Default: 1 GiB, which is also the maximum.
    pub module_bytes: usize,
    /// Size of a function's body in bytes. Default: 7,654,321, which is also the maximum.
    pub body_bytes: usize,
    /// Parameters and locals of a function. Default: 50,000, which is also the maximum of locals.
    pub locals: usize,
    /// Targets of a `br_table` beside its default one. Default: 65,520.
    pub branch_targets: u32,
    /// Blocks within each other. Default: 65,536, since each target of a `br_table` may be a block of
    /// its own. The JavaScript API has no such limit.
    pub nesting: usize,
    /// Values of a function in the compiler's intermediate form, for each byte of its body; a short
    /// body may have 65,536 in all. Default: 4. Code from compilers has about one.
    ///
    /// It bounds the compiler's memory and time: two bytes of a body can branch with 1,000 operands, and
    /// each loop within others has a value for each local.
    pub values_per_byte: usize,
    /// Time to compile a module, compared after each function. Default: none.
    pub time: Option<Duration>,
}

/// Values that a function of any length may have.
const VALUES_FREE: usize = 65_536;

impl Default for CompileLimits {
    fn default() -> Self {
        CompileLimits {
            module_bytes: 1 << 30,
            body_bytes: 7_654_321,
            locals: 50_000,
            branch_targets: 65_520,
            nesting: 65_536,
            values_per_byte: 4,
            time: None,
        }
    }
}

impl CompileLimits {
    /// The values that a function with a body of this length may have.
    pub(crate) fn values(&self, body_bytes: usize) -> usize {
        body_bytes.saturating_mul(self.values_per_byte).max(VALUES_FREE)
    }
}

/// One of [`CompileLimits`] that a module or a function exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {max} {what} (CompileLimits::{field})")]
pub(crate) struct Exceeded {
    /// What is limited: `locals`.
    what: &'static str,
    /// The field of [`CompileLimits`].
    field: &'static str,
    max: u64,
}

impl Exceeded {
    /// Compares a number with its limit.
    pub(crate) fn check(
        what: &'static str,
        field: &'static str,
        found: usize,
        max: usize,
    ) -> Result<(), Exceeded> {
        if found <= max { Ok(()) } else { Err(Exceeded { what, field, max: max as u64 }) }
    }
}
