//! Explains why bytes were refused: they are not WebAssembly, break a rule, or need an unsupported
//! feature. Runs only after a module was refused.

use wasmparser::{Parser, Validator, WasmFeatures};

use super::parse::{FEATURES, ModuleError};

/// Features that this runtime does not support, with their usual names, in the order in which they
/// are tried. A feature includes those that it builds on.
const UNSUPPORTED_FEATURES: &[(WasmFeatures, &str)] = &[
    (WasmFeatures::SIMD, "SIMD"),
    (WasmFeatures::RELAXED_SIMD, "relaxed SIMD"),
    (WasmFeatures::THREADS, "threads"),
    (WasmFeatures::TAIL_CALL, "tail calls"),
    (WasmFeatures::MULTI_MEMORY, "multiple memories"),
    (WasmFeatures::MEMORY64, "64-bit memories (memory64)"),
    (WasmFeatures::EXCEPTIONS, "exceptions"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "legacy exceptions"),
    (WasmFeatures::FUNCTION_REFERENCES, "typed function references"),
    (WasmFeatures::GC.union(WasmFeatures::FUNCTION_REFERENCES), "garbage collection (GC)"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
    (WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic"),
    (WasmFeatures::STACK_SWITCHING, "stack switching"),
    (WasmFeatures::COMPACT_IMPORTS, "compact imports"),
    (WasmFeatures::MEMORY_CONTROL, "memory control"),
    (WasmFeatures::SHARED_EVERYTHING_THREADS, "shared-everything threads"),
    (WasmFeatures::CUSTOM_DESCRIPTORS, "custom descriptors"),
];

/// The usual name of an unsupported feature.
pub(super) fn feature_name(missing: WasmFeatures) -> &'static str {
    UNSUPPORTED_FEATURES
        .iter()
        .find(|(feature, _)| feature.intersects(missing))
        .map_or("a proposal beyond WebAssembly 2.0", |&(_, name)| name)
}

/// Explains why validation of `bytes` ended in `error`.
pub(super) fn explain(bytes: &[u8], error: &wasmparser::Error) -> ModuleError {
    let offset = error.offset();
    let unsupported =
        |feature: &str| ModuleError::Unsupported { feature: feature.to_owned(), offset };
    if let Some(missing) = error.missing_wasm_feature() {
        return unsupported(feature_name(missing));
    }
    // wasmparser does not always name the feature. A feature is missing if validation gets further
    // with it. The comparison repeats validation without it, because sections are validated before
    // bodies.
    let furthest = |features| match Validator::new_with_features(features).validate_all(bytes) {
        Ok(_) => u64::MAX,
        Err(error) => error.offset(),
    };
    let reached = furthest(FEATURES);
    for &(feature, name) in UNSUPPORTED_FEATURES {
        if furthest(FEATURES | feature) > reached {
            return unsupported(name);
        }
    }
    // If wasmparser is built without SIMD, it stops at the prefix of the instructions.
    const SIMD_PREFIX: u8 = 0xfd;
    let at = usize::try_from(offset).ok().and_then(|at| bytes.get(at));
    if at == Some(&SIMD_PREFIX) && error.message().contains("SIMD") {
        return unsupported(feature_name(WasmFeatures::SIMD));
    }
    ModuleError::Invalid {
        offset,
        // Messages are one line.
        reason: error.message().replace('\n', " "),
    }
}

/// Describes bytes that do not start as a module does.
pub(super) fn not_a_module(bytes: &[u8]) -> ModuleError {
    if Parser::is_component(bytes) {
        return ModuleError::Unsupported {
            feature: "the component model (these bytes are a component, not a module)".to_owned(),
            offset: 4,
        };
    }
    if let Some(rest) = bytes.strip_prefix(b"\0asm") {
        let version = rest.first_chunk().copied().map(u32::from_le_bytes);
        return ModuleError::Invalid {
            offset: 4,
            reason: match version {
                Some(version) => format!("unknown binary version {version:#x}; 1 is known"),
                None => "the binary ends within its header".to_owned(),
            },
        };
    }
    let text = bytes
        .iter()
        .position(|byte| !byte.is_ascii_whitespace())
        .map_or(&bytes[..0], |start| &bytes[start..]);
    let found = if bytes.is_empty() {
        "no bytes at all".to_owned()
    } else if text.starts_with(b"(module") || text.starts_with(b"(;") || text.starts_with(b";;") {
        "WebAssembly text, to be assembled to the binary format first".to_owned()
    } else if text.starts_with(b"(component") {
        "text of a WebAssembly component".to_owned()
    } else if bytes.starts_with(b"\x7fELF") {
        "an ELF file".to_owned()
    } else if bytes.starts_with(b"\x1f\x8b") {
        "gzip-compressed data".to_owned()
    } else if bytes.starts_with(b"!<arch>") {
        "an archive of object files".to_owned()
    } else {
        let first = &bytes[..bytes.len().min(8)];
        let hex: Vec<_> = first.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("the bytes begin {} and not 00 61 73 6d", hex.join(" "))
    };
    ModuleError::NotWasm { found }
}
