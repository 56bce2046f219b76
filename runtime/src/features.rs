//! The proposals to WebAssembly that an engine accepts.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use wasmparser::WasmFeatures as ParserFeatures;

use crate::config::Config;

/// Accepted by every engine: WebAssembly 2.0 without SIMD and references.
///
/// `GC_TYPES` is wasmparser's gate for `externref`, not the GC proposal.
const ALWAYS: ParserFeatures = ParserFeatures::WASM2
    .difference(ParserFeatures::SIMD)
    .difference(ParserFeatures::REFERENCE_TYPES)
    .union(ParserFeatures::GC_TYPES);

macro_rules! features {
    ($(
        $(#[$meta:meta])*
        $name:ident = 1 << $bit:literal, $setter:ident, $parser:expr
            $(, needs $($needs:ident)|+)?;
    )+) => {
        /// A set of proposals beyond WebAssembly 2.0 without SIMD and references. [`Default`] has all
        /// that this runtime supports.
        ///
        /// ```
        /// use leakbench_runtime::{Config, Engine, Module, WasmFeatures};
        ///
        /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
        /// let mut config = Config::default();
        /// config.wasm_simd(false);
        /// assert!(!config.features.contains(WasmFeatures::SIMD));
        /// let engine = Engine::new(&config)?;
        /// let error = Module::new(&engine, wat::parse_str("(module (func (param v128)))")?);
        /// assert!(error.is_err_and(|error| error.to_string().contains("SIMD")));
        /// # Ok(())
        /// # }
        /// ```
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct WasmFeatures(u32);

        impl WasmFeatures {
            $(
                $(#[$meta])*
                pub const $name: WasmFeatures = WasmFeatures(1 << $bit);
            )+

            /// Each proposal, with its name and those that it builds on.
            const EACH: &'static [(WasmFeatures, &'static str, ParserFeatures, WasmFeatures)] = &[$(
                (
                    WasmFeatures::$name,
                    stringify!($name),
                    $parser,
                    WasmFeatures(0 $($(| WasmFeatures::$needs.0)+)?),
                ),
            )+];
        }

        impl Config {
            $(
                $(#[$meta])*
                ///
                /// A proposal that builds on it is turned off with it.
                pub fn $setter(&mut self, enable: bool) -> &mut Self {
                    self.wasm_features(WasmFeatures::$name, enable)
                }
            )+
        }
    };
}

features! {
    /// Vectors of 128 bits: fixed-width SIMD, a part of WebAssembly 2.0.
    SIMD = 1 << 0, wasm_simd, ParserFeatures::SIMD;
    /// Vector operators whose results depend on the processor. The runtime has the results of the
    /// processor's instructions.
    RELAXED_SIMD = 1 << 1, wasm_relaxed_simd, ParserFeatures::RELAXED_SIMD, needs SIMD;
    /// Calls in place of the calling function.
    TAIL_CALL = 1 << 2, wasm_tail_call, ParserFeatures::TAIL_CALL;
    /// Several memories in a module.
    MULTI_MEMORY = 1 << 3, wasm_multi_memory, ParserFeatures::MULTI_MEMORY;
    /// Arithmetic in constant expressions.
    EXTENDED_CONST = 1 << 4, wasm_extended_const, ParserFeatures::EXTENDED_CONST;
    /// Addition, subtraction and multiplication of 128 bits.
    WIDE_ARITHMETIC = 1 << 5, wasm_wide_arithmetic, ParserFeatures::WIDE_ARITHMETIC;
    /// Memories with pages of one byte.
    CUSTOM_PAGE_SIZES = 1 << 6, wasm_custom_page_sizes, ParserFeatures::CUSTOM_PAGE_SIZES;
    /// Memories and tables with indices of 64 bits. A memory in a slot has at
    /// most 4 GiB.
    MEMORY64 = 1 << 7, wasm_memory64, ParserFeatures::MEMORY64;
    /// References to functions of one type, and references that are never null.
    FUNCTION_REFERENCES = 1 << 8, wasm_function_references, ParserFeatures::FUNCTION_REFERENCES,
        needs REFERENCE_TYPES;
    /// Exceptions with `try_table`.
    EXCEPTIONS = 1 << 9, wasm_exceptions, ParserFeatures::EXCEPTIONS, needs REFERENCE_TYPES;
    /// References to functions and to values of the host, and several tables: a part of WebAssembly
    /// 2.0.
    REFERENCE_TYPES = 1 << 12, wasm_reference_types, ParserFeatures::REFERENCE_TYPES;
    /// Shared memories, atomic operators, and threads that wait for others.
    THREADS = 1 << 11, wasm_threads, ParserFeatures::THREADS;
    /// Recursion groups of function types, a part of the GC proposal.
    REC_GROUPS = 1 << 10, wasm_rec_groups, ParserFeatures::empty(),
        needs FUNCTION_REFERENCES | REFERENCE_TYPES;
}

impl WasmFeatures {
    /// No proposal.
    pub const fn empty() -> Self {
        WasmFeatures(0)
    }

    /// Every proposal that this runtime supports.
    pub fn all() -> Self {
        Self::EACH.iter().fold(Self::empty(), |all, &(feature, ..)| all | feature)
    }

    /// Returns true if all of `features` are in the set.
    pub const fn contains(self, features: WasmFeatures) -> bool {
        self.0 & features.0 == features.0
    }

    /// The set with `features`, and with those that they build on.
    #[must_use]
    pub fn with(self, features: WasmFeatures) -> Self {
        let added = Self::EACH.iter().filter(|&&(feature, ..)| features.contains(feature));
        added.fold(self | features, |set, &(.., needs)| set | needs)
    }

    /// The set without `features`, and without those that build on them.
    #[must_use]
    pub fn without(self, features: WasmFeatures) -> Self {
        let users = Self::EACH.iter().filter(|&&(.., needs)| needs.0 & features.0 != 0);
        let removed = users.fold(features, |removed, &(user, ..)| removed | user);
        WasmFeatures(self.0 & !removed.0)
    }

    /// The parser's features for sections other than bodies.
    pub(crate) fn for_sections(self) -> ParserFeatures {
        let gc = ParserFeatures::GC;
        self.for_parser()
            | if self.contains(Self::REC_GROUPS) { gc } else { ParserFeatures::empty() }
    }

    /// The parser's features for bodies.
    pub(crate) fn for_parser(self) -> ParserFeatures {
        let accepted = Self::EACH.iter().filter(|&&(feature, ..)| self.contains(feature));
        accepted.fold(ALWAYS, |set, &(_, _, parser, _)| set | parser)
    }
}

impl Default for WasmFeatures {
    fn default() -> Self {
        Self::all()
    }
}

impl BitOr for WasmFeatures {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        WasmFeatures(self.0 | other.0)
    }
}

impl BitOrAssign for WasmFeatures {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for WasmFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Self::EACH.iter().filter(|&&(feature, ..)| self.contains(feature));
        let mut set = f.debug_set();
        for &(_, name, ..) in names {
            set.entry(&format_args!("{name}"));
        }
        set.finish()
    }
}

impl Config {
    /// Turns proposals on or off. With one that is turned on, those that it builds on are turned on;
    /// with one that is turned off, those that build on it are turned off.
    pub fn wasm_features(&mut self, features: WasmFeatures, enable: bool) -> &mut Self {
        self.features = match enable {
            true => self.features.with(features),
            false => self.features.without(features),
        };
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_is_on_only_with_those_that_it_builds_on() {
        let none = WasmFeatures::empty();
        let relaxed = none.with(WasmFeatures::RELAXED_SIMD);
        assert!(relaxed.contains(WasmFeatures::SIMD));
        assert_eq!(relaxed.without(WasmFeatures::SIMD), none);
        assert_eq!(relaxed.without(WasmFeatures::RELAXED_SIMD), WasmFeatures::SIMD);
        assert_eq!(
            format!("{:?}", WasmFeatures::SIMD | WasmFeatures::EXTENDED_CONST),
            "{SIMD, EXTENDED_CONST}"
        );
    }

    #[test]
    fn each_switch_turns_its_proposal_off_and_on() {
        let mut config = Config::default();
        assert_eq!(config.features, WasmFeatures::all());
        config.wasm_simd(false).wasm_extended_const(false);
        assert!(!config.features.contains(WasmFeatures::SIMD));
        assert!(!config.features.contains(WasmFeatures::RELAXED_SIMD));
        assert!(!config.features.contains(WasmFeatures::EXTENDED_CONST));
        assert!(config.features.contains(WasmFeatures::MULTI_MEMORY));
        config.wasm_relaxed_simd(true).wasm_extended_const(true);
        assert_eq!(config.features, WasmFeatures::all());
    }
}
