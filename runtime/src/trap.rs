//! Traps: why a guest was stopped, by the specification's names.

use std::fmt;

use cranelift_codegen::ir::TrapCode;

macro_rules! traps {
    ($( $(#[$meta:meta])* $name:ident = $code:expr, $text:literal; )+) => {
        /// Why a guest was stopped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Trap { $( $(#[$meta])* $name, )+ }

        impl Trap {
            /// The specification's words for it.
            pub const fn name(self) -> &'static str {
                match self { $( Trap::$name => $text, )+ }
            }

            /// The code that marks it in compiled code.
            pub(crate) const fn code(self) -> TrapCode {
                match self { $( Trap::$name => $code, )+ }
            }

            /// The trap that `code` marks.
            pub(crate) fn from_code(code: TrapCode) -> Option<Trap> {
                $( if code == $code { return Some(Trap::$name); } )+
                None
            }
        }
    };
}

traps! {
    /// The guest executed `unreachable`.
    Unreachable = TrapCode::unwrap_user(1), "unreachable";
    /// A load, store or bulk operation reached beyond a memory.
    MemoryOutOfBounds = TrapCode::HEAP_OUT_OF_BOUNDS, "out of bounds memory access";
    /// A table access reached beyond a table.
    TableOutOfBounds = TrapCode::unwrap_user(2), "out of bounds table access";
    /// An indirect call named an element that the table does not have.
    UndefinedElement = TrapCode::unwrap_user(3), "undefined element";
    /// An indirect call met a null.
    UninitializedElement = TrapCode::unwrap_user(4), "uninitialized element";
    /// An indirect call met a function of another type.
    IndirectCallTypeMismatch = TrapCode::unwrap_user(5), "indirect call type mismatch";
    /// Division or remainder by zero.
    IntegerDivideByZero = TrapCode::INTEGER_DIVISION_BY_ZERO, "integer divide by zero";
    /// A quotient or a conversion that its type cannot hold.
    IntegerOverflow = TrapCode::INTEGER_OVERFLOW, "integer overflow";
    /// NaN converted to an integer.
    InvalidConversionToInteger = TrapCode::BAD_CONVERSION_TO_INTEGER, "invalid conversion to integer";
    /// The guest's calls nest deeper than its stack.
    StackExhausted = TrapCode::STACK_OVERFLOW, "call stack exhausted";
}

/// Marks the place in a host call's trampoline that is reached when the host returned an error:
/// not a trap of the guest's, so it has no [`Trap`].
pub(crate) const HOST_ERROR: TrapCode = TrapCode::unwrap_user(250);

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::error::Error for Trap {}
