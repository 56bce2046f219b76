//! Traps: the reasons why a guest was stopped, with the specification's names.

use std::fmt;

use cranelift_codegen::ir::TrapCode;

macro_rules! traps {
    ($( $(#[$meta:meta])* $name:ident = $code:expr, $text:literal; )+) => {
        /// The reason why a guest was stopped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Trap { $( $(#[$meta])* $name, )+ }

        impl Trap {
            /// The specification's name for it.
            pub const fn name(self) -> &'static str {
                match self { $( Trap::$name => $text, )+ }
            }

            /// The code that marks it in compiled code.
            pub(crate) const fn code(self) -> TrapCode {
                match self { $( Trap::$name => $code, )+ }
            }

            /// The trap of a code.
            pub(crate) fn from_code(code: TrapCode) -> Option<Trap> {
                $( if code == $code { return Some(Trap::$name); } )+
                None
            }
        }
    };
}

traps! {
    /// The guest executed `unreachable`.
    UnreachableCodeReached = TrapCode::unwrap_user(1), "unreachable";
    /// A load, store or bulk operation out of bounds of a memory.
    MemoryOutOfBounds = TrapCode::HEAP_OUT_OF_BOUNDS, "out of bounds memory access";
    /// A table operation out of bounds of a table.
    TableOutOfBounds = TrapCode::unwrap_user(2), "out of bounds table access";
    /// An indirect call of an element beyond the end of the table.
    UndefinedElement = TrapCode::unwrap_user(3), "undefined element";
    /// An indirect call of a null element.
    IndirectCallToNull = TrapCode::unwrap_user(4), "uninitialized element";
    /// An indirect call of a function of another type.
    BadSignature = TrapCode::unwrap_user(5), "indirect call type mismatch";
    /// A null reference where none is allowed.
    NullReference = TrapCode::unwrap_user(6), "null reference";
    /// The exceptions of a store exceed 64 MiB.
    TooManyExceptions = TrapCode::unwrap_user(7), "too many exceptions";
    /// An atomic operator at an address that is not a multiple of its size.
    HeapMisaligned = TrapCode::unwrap_user(8), "unaligned atomic";
    /// A wait in a memory that is not shared.
    AtomicWaitNonSharedMemory = TrapCode::unwrap_user(9), "expected shared memory";
    /// Division or remainder by zero.
    IntegerDivisionByZero = TrapCode::INTEGER_DIVISION_BY_ZERO, "integer divide by zero";
    /// A quotient or conversion out of range of its type.
    IntegerOverflow = TrapCode::INTEGER_OVERFLOW, "integer overflow";
    /// A conversion of NaN to an integer.
    BadConversionToInteger = TrapCode::BAD_CONVERSION_TO_INTEGER, "invalid conversion to integer";
    /// Calls nested too deeply for the guest's stack.
    StackOverflow = TrapCode::STACK_OVERFLOW, "call stack exhausted";
    /// The engine's epoch reached the store's deadline.
    Interrupt = TrapCode::unwrap_user(10), "interrupted at the deadline";
    /// The guest consumed all fuel of its store.
    OutOfFuel = TrapCode::unwrap_user(11), "all fuel consumed";
}

/// The code of a stop because of the store's pending error. In compiled code it marks an instruction
/// after a call that does not return. It is not a trap of the guest, so it has no [`Trap`].
pub(crate) const HOST_ERROR: TrapCode = TrapCode::unwrap_user(250);

/// The code of a call that was refused, since nothing is known of the stack on which it would run.
pub(crate) const UNKNOWN_STACK: TrapCode = TrapCode::unwrap_user(249);

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::error::Error for Trap {}
