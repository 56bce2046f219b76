//! Limits on what an engine compiles, and on what a store may have.

use std::time::Duration;

use crate::types::{MemoryType, TableType};

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

/// Limits on what a store has, so that no guest takes all memory. They hold for all instances of the store
/// together, and for items that the host makes in it.
///
/// Beyond a limit, instantiation and the creation of an item return an [`Error`](crate::Error), and
/// `memory.grow` and `table.grow` return -1. A memory that the host shares between stores counts in each store
/// that uses it, and only the guests of that store are limited by it.
///
/// ```
/// use leakbench_runtime::{Engine, Module, Instance, Store, StoreLimits};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::default();
/// let mut store = Store::new(&engine, ());
/// store.set_limits(StoreLimits { memory_bytes: Some(64 << 20), ..StoreLimits::default() });
/// let module = Module::new(&engine, "(module (memory 1025))")?;
/// let error = Instance::new(&mut store, &module, &[]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the store would have 67174400 bytes of memories, and may have 67108864: raise \
///      StoreLimits::memory_bytes"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreLimits {
    /// Instances. Default: no limit, as for all.
    pub instances: Option<u64>,
    /// Memories.
    pub memories: Option<u64>,
    /// The length of all memories together in bytes.
    pub memory_bytes: Option<u64>,
    /// Tables.
    pub tables: Option<u64>,
    /// The elements of all tables together. A table never has more than 10 million.
    pub table_elements: Option<u64>,
}

/// One of [`StoreLimits`] that would be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store would have {needed} {what}, and may have {max}: raise StoreLimits::{field}")]
pub struct LimitError {
    /// What is limited: `bytes of memories`.
    pub what: &'static str,
    /// The field of [`StoreLimits`].
    pub field: &'static str,
    /// The number that the store would have.
    pub needed: u64,
    /// The limit.
    pub max: u64,
}

/// How much a store has, or would have more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Amounts {
    pub(crate) instances: u64,
    pub(crate) memories: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) tables: u64,
    pub(crate) table_elements: u64,
}

impl Amounts {
    pub(crate) fn of_memory(ty: MemoryType) -> Self {
        Amounts { memories: 1, memory_bytes: ty.min_bytes() as u64, ..Amounts::default() }
    }

    pub(crate) fn of_table(ty: TableType) -> Self {
        Amounts { tables: 1, table_elements: ty.minimum(), ..Amounts::default() }
    }

    fn and(self, more: Amounts) -> Self {
        Amounts {
            instances: self.instances.saturating_add(more.instances),
            memories: self.memories.saturating_add(more.memories),
            memory_bytes: self.memory_bytes.saturating_add(more.memory_bytes),
            tables: self.tables.saturating_add(more.tables),
            table_elements: self.table_elements.saturating_add(more.table_elements),
        }
    }

    /// What a new instance with these memories and tables of its own needs.
    pub(crate) fn of_instance(memories: &[MemoryType], tables: &[TableType]) -> Self {
        let memories = memories.iter().map(|&ty| Amounts::of_memory(ty));
        let tables = tables.iter().map(|&ty| Amounts::of_table(ty));
        let instance = Amounts { instances: 1, ..Amounts::default() };
        memories.chain(tables).fold(instance, Amounts::and)
    }
}

impl StoreLimits {
    /// Compares a store's present amounts and what would be added with the limits. What is not added is
    /// not compared.
    pub(crate) fn check(&self, present: Amounts, more: Amounts) -> Result<(), LimitError> {
        let total = present.and(more);
        for (what, field, more, needed, max) in [
            ("instances", "instances", more.instances, total.instances, self.instances),
            ("memories", "memories", more.memories, total.memories, self.memories),
            (
                "bytes of memories",
                "memory_bytes",
                more.memory_bytes,
                total.memory_bytes,
                self.memory_bytes,
            ),
            ("tables", "tables", more.tables, total.tables, self.tables),
            (
                "elements of tables",
                "table_elements",
                more.table_elements,
                total.table_elements,
                self.table_elements,
            ),
        ] {
            if let Some(max) = max
                && more > 0
                && needed > max
            {
                return Err(LimitError { what, field, needed, max });
            }
        }
        Ok(())
    }
}
