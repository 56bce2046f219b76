//! The proposals that components may use, and the names of those that they may not. A proposal is named
//! only after a component was refused.

use wasmtime_environ::wasmparser::{self, Validator, WasmFeatures};

use crate::error::ComponentError;

/// What the built-in runtime runs, but exceptions: with them every adapter contains `try_table`, though no
/// module throws.
pub(crate) const ACCEPTED: WasmFeatures = WasmFeatures::COMPONENT_MODEL
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    // References to functions and to values of the host.
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES)
    .union(WasmFeatures::WIDE_ARITHMETIC)
    .union(WasmFeatures::THREADS);

/// Proposals that are not accepted, with their usual names, in the order in which they are tried. A
/// proposal includes those that it builds on.
const ABSENT: &[(WasmFeatures, &str)] = &[
    (WasmFeatures::CM_ASYNC, "asynchronous functions, streams and futures"),
    (
        WasmFeatures::CM_ASYNC_STACKFUL.union(WasmFeatures::CM_ASYNC),
        "asynchronous functions with stacks",
    ),
    (
        WasmFeatures::CM_MORE_ASYNC_BUILTINS.union(WasmFeatures::CM_ASYNC),
        "more asynchronous builtins",
    ),
    (WasmFeatures::CM_THREADING.union(WasmFeatures::CM_ASYNC), "threads of the component model"),
    (WasmFeatures::CM_ERROR_CONTEXT, "error contexts"),
    (WasmFeatures::CM_VALUES, "values as imports and exports"),
    (WasmFeatures::CM_FIXED_LENGTH_LISTS, "lists of fixed length"),
    (WasmFeatures::CM_MAP, "maps"),
    (WasmFeatures::CM64, "64-bit memories at the boundary of components"),
    (WasmFeatures::CM_NESTED_NAMES, "nested names"),
    (WasmFeatures::CM_IMPLEMENTS, "names that implement an interface"),
    (WasmFeatures::CM_CANON_NAMES, "canonical names of interfaces"),
    (WasmFeatures::EXCEPTIONS, "exceptions"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "legacy exceptions"),
    (WasmFeatures::GC, "garbage collection (GC)"),
    (WasmFeatures::STACK_SWITCHING.union(WasmFeatures::EXCEPTIONS), "stack switching"),
    (WasmFeatures::COMPACT_IMPORTS, "compact imports"),
    (WasmFeatures::MEMORY_CONTROL, "memory control"),
    (WasmFeatures::SHARED_EVERYTHING_THREADS, "shared-everything threads"),
    (WasmFeatures::CUSTOM_DESCRIPTORS.union(WasmFeatures::GC), "custom descriptors"),
    (WasmFeatures::CM_GC.union(WasmFeatures::GC), "garbage collection in the canonical ABI"),
];

/// The error for a binary that validation refused with `error`: the name of a missing proposal, or the
/// broken rule.
pub(crate) fn explain(binary: &[u8], error: &wasmparser::Error) -> ComponentError {
    let offset = error.offset() as u64;
    // A proposal is missing if validation gets further with it. wasmparser's own word for it is used by
    // core modules only.
    let furthest = |features| match Validator::new_with_features(features).validate_all(binary) {
        Ok(_) => u64::MAX,
        Err(error) => error.offset() as u64,
    };
    let all = ABSENT.iter().fold(ACCEPTED, |all, (feature, _)| all | *feature);
    if furthest(all) > offset
        && let Some((_, feature)) =
            ABSENT.iter().find(|(feature, _)| furthest(ACCEPTED | *feature) > offset)
    {
        return ComponentError::Unsupported { feature, offset };
    }
    // Messages are one line.
    ComponentError::Invalid { offset, reason: error.message().replace('\n', " ") }
}
