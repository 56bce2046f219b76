//! The outcome of a module, in terms that all runtimes share.

use std::hash::{DefaultHasher, Hash, Hasher};

/// All that is observed of a module that ran.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The runtime does not take the module, with its reason.
    Refused(String),
    /// It ended at a limit of the runtime, such as its stack. Limits differ, so the module proves nothing.
    Exhausted,
    /// Instantiation did not return.
    NotInstantiated(End),
    /// It was instantiated, and each exported function was called.
    Ran {
        /// The exported functions in order, each with its end. A function that cannot be called is absent.
        calls: Vec<(String, End)>,
        /// The exported globals, memories and tables after the last call.
        state: Vec<(String, State)>,
    },
}

/// The end of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// It returned these values.
    Returned(Vec<Value>),
    /// It trapped.
    Trapped(Trap),
    /// It threw an exception that nothing caught.
    Threw,
}

/// The reason of a trap, as far as all runtimes distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// `unreachable`.
    Unreachable,
    /// An address out of bounds of a memory, or not aligned. Of both, a runtime may name either.
    Address,
    /// Out of bounds of a table, also in an indirect call.
    Table,
    /// An indirect call of a null element.
    NullElement,
    /// An indirect call of a function of another type.
    Signature,
    /// A null reference.
    NullReference,
    /// A wait in a memory that is not shared.
    NotShared,
    /// Division by zero.
    DivisionByZero,
    /// A quotient or conversion out of range.
    Overflow,
    /// A conversion of NaN.
    NotANumber,
}

/// A value. Of references only nullness is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// 32 bits.
    I32(i32),
    /// 64 bits.
    I64(i64),
    /// The bits of a 32-bit float.
    F32(u32),
    /// The bits of a 64-bit float.
    F64(u64),
    /// 128 bits.
    V128(u128),
    /// A reference.
    Ref {
        /// True if it is null.
        is_null: bool,
    },
}

/// What an exported item holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A global.
    Global(Value),
    /// A memory.
    Memory {
        /// Length in bytes.
        len: usize,
        /// A hash of its bytes.
        hash: u64,
    },
    /// A table: a letter for each element, `0` for null.
    Table(String),
}

impl State {
    /// The state of a table, by the nullness of its elements.
    pub fn of_table(nulls: impl Iterator<Item = bool>) -> State {
        State::Table(nulls.map(|is_null| if is_null { '0' } else { 'f' }).collect())
    }

    /// The state of a memory.
    pub fn of_memory(bytes: &[u8]) -> State {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        State::Memory { len: bytes.len(), hash: hasher.finish() }
    }
}

/// A type of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 32 bits.
    I32,
    /// 64 bits.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// 128 bits.
    V128,
    /// A reference that may be null.
    Nullable,
    /// A reference that the caller cannot make.
    NotNull,
}

/// Arguments for the `call`th call, the same for each runtime; `None` if a parameter has no value.
pub fn arguments(kinds: impl IntoIterator<Item = Kind>, call: usize) -> Option<Vec<Value>> {
    /// Values at the edges of types.
    const EDGES: [u64; 12] = [
        0,
        1,
        u64::MAX,
        0x8000_0000,
        0x7fff_ffff,
        1 << 63,
        (1 << 63) - 1,
        0x3f80_0000,
        0x4008_0000_0000_0000,
        65_536,
        0x7fc0_0000,
        0x7ff8_0000_0000_0000,
    ];
    let values = kinds.into_iter().enumerate().map(|(index, kind)| {
        let bits = EDGES[(call * 5 + index * 7) % EDGES.len()];
        Some(match kind {
            Kind::I32 => Value::I32(bits as i32),
            Kind::I64 => Value::I64(bits as i64),
            Kind::F32 => Value::F32(bits as u32),
            Kind::F64 => Value::F64(bits),
            Kind::V128 => Value::V128(u128::from(bits) << 64 | u128::from(!bits)),
            Kind::Nullable => Value::Ref { is_null: true },
            Kind::NotNull => return None,
        })
    });
    values.collect()
}
