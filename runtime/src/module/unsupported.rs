//! Explains why bytes were refused: they are not WebAssembly, break a rule, or need an unsupported
//! feature. Runs only after a module was refused.

use wasmparser::{Parser, Validator, WasmFeatures as ParserFeatures};

use super::artifact::is_artifact;
use super::parse::ModuleError;
use crate::features::WasmFeatures;

/// The name of the GC proposal, of which only recursion groups of function types are supported.
pub(super) const GC: &str = "garbage collection (GC)";

/// Features beyond the parts of WebAssembly that every engine accepts, with their usual names, in
/// the order in which they are tried. A feature includes those that it builds on.
const FEATURES: &[(ParserFeatures, &str)] = &[
    (ParserFeatures::SIMD, "SIMD"),
    (ParserFeatures::RELAXED_SIMD.union(ParserFeatures::SIMD), "relaxed SIMD"),
    (ParserFeatures::REFERENCE_TYPES, "references"),
    (ParserFeatures::THREADS, "threads"),
    (ParserFeatures::TAIL_CALL, "tail calls"),
    (ParserFeatures::MULTI_MEMORY, "multiple memories"),
    (ParserFeatures::MEMORY64, "64-bit memories (memory64)"),
    (ParserFeatures::EXTENDED_CONST, "extended constant expressions"),
    (ParserFeatures::EXCEPTIONS, "exceptions"),
    (ParserFeatures::LEGACY_EXCEPTIONS, "legacy exceptions"),
    (ParserFeatures::FUNCTION_REFERENCES, "typed function references"),
    (ParserFeatures::GC.union(ParserFeatures::FUNCTION_REFERENCES), GC),
    (ParserFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
    (ParserFeatures::WIDE_ARITHMETIC, "wide arithmetic"),
    (ParserFeatures::STACK_SWITCHING, "stack switching"),
    (ParserFeatures::COMPACT_IMPORTS, "compact imports"),
    (ParserFeatures::MEMORY_CONTROL, "memory control"),
    (ParserFeatures::SHARED_EVERYTHING_THREADS, "shared-everything threads"),
    (ParserFeatures::CUSTOM_DESCRIPTORS, "custom descriptors"),
];

/// The usual name of a feature.
pub(super) fn feature_name(missing: ParserFeatures) -> &'static str {
    FEATURES
        .iter()
        .find(|&&(feature, _)| missing.contains(feature) || feature == missing)
        .or_else(|| FEATURES.iter().find(|(feature, _)| feature.intersects(missing)))
        .map_or("a proposal beyond WebAssembly 2.0", |&(_, name)| name)
}

/// Explains why validation of `bytes` with `features` ended in `error`.
pub(super) fn explain(
    bytes: &[u8],
    features: WasmFeatures,
    error: &wasmparser::Error,
) -> ModuleError {
    let offset = error.offset();
    let accepted = features.for_parser();
    let supported = WasmFeatures::all().for_parser();
    let missing = |missing: ParserFeatures, name: &str| {
        let feature = name.to_owned();
        match supported.contains(missing) {
            true => ModuleError::Disabled { feature, offset },
            false => ModuleError::Unsupported { feature, offset },
        }
    };
    if let Some(feature) = error.missing_wasm_feature() {
        return missing(feature, feature_name(feature));
    }
    // wasmparser does not always name the feature. A feature is missing if validation gets further
    // with it. The comparison repeats validation without it, because sections are validated before
    // bodies. An invalid module may be large, so it is not validated once for each feature: of those
    // that are not accepted, the search halves the number of the first ones that suffice.
    let furthest = |features| match Validator::new_with_features(features).validate_all(bytes) {
        Ok(_) => u64::MAX,
        Err(error) => error.offset(),
    };
    let reached = furthest(features.for_sections());
    let absent: Vec<_> = FEATURES.iter().filter(|(it, _)| !accepted.contains(*it)).collect();
    let suffice = |count: usize| {
        let first = absent[..count].iter().fold(features.for_sections(), |sum, it| sum | it.0);
        furthest(first) > reached
    };
    if suffice(absent.len()) {
        let (mut too_few, mut enough) = (0, absent.len());
        while enough - too_few > 1 {
            let middle = (too_few + enough) / 2;
            *(if suffice(middle) { &mut enough } else { &mut too_few }) = middle;
        }
        let &(feature, name) = absent[enough - 1];
        return missing(feature, name);
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
    } else if is_artifact(bytes) {
        "a compiled module, which Module::deserialize loads".to_owned()
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
