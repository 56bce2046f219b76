//! Modules to run: made from bytes, or judged fit for comparison.

use arbitrary::{Arbitrary, Result, Unstructured};
use wasmparser::{Operator, Parser, Payload, Validator};

/// Pages of 64 KiB that a memory may have. Each runtime reads all of it after a run.
const PAGES_MAX: u64 = 8;
/// Loop iterations and calls of a module, together.
const FUEL: u32 = 1000;

/// A module that ends, whose results do not depend on the processor.
///
/// It uses the proposals that the runtime supports and wasm-smith can make. Not among them: relaxed SIMD,
/// whose results are the processor's; references to functions of one type and recursion groups, which
/// wasm-smith makes only together with the GC proposal.
///
/// # Errors
/// If the bytes do not suffice.
pub fn generated(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut config = wasm_smith::Config::arbitrary(u)?;
    config.available_imports = None;
    config.exports = None;
    config.module_shape = None;
    config.allow_start_export = true;
    config.allow_invalid_funcs = false;
    config.allow_floats = true;
    config.bulk_memory_enabled = true;
    config.canonicalize_nans = true;
    config.custom_page_sizes_enabled = u.arbitrary()?;
    config.exceptions_enabled = u.arbitrary()?;
    config.export_everything = true;
    config.extended_const_enabled = true;
    config.max_memories = 3;
    config.max_memory32_bytes = PAGES_MAX << 16;
    config.max_memory64_bytes = u128::from(PAGES_MAX << 16);
    config.max_table_elements = 1000;
    config.max_tables = 4;
    config.memory64_enabled = u.arbitrary()?;
    config.memory_max_size_required = true;
    config.min_funcs = 1;
    config.max_funcs = 6;
    config.max_instructions = 150;
    config.min_exports = 0;
    config.multi_value_enabled = true;
    config.reference_types_enabled = true;
    config.saturating_float_to_int_enabled = true;
    config.sign_extension_ops_enabled = true;
    config.simd_enabled = u.arbitrary()?;
    config.table_max_size_required = true;
    config.tail_call_enabled = u.arbitrary()?;
    config.threads_enabled = u.arbitrary()?;
    config.wide_arithmetic_enabled = u.arbitrary()?;
    // What the runtime refuses by name.
    config.acquire_release_atomics_enabled = false;
    config.compact_imports_enabled = false;
    config.custom_descriptors_enabled = false;
    config.gc_enabled = false;
    config.multibyte_array_access_enabled = false;
    config.relaxed_simd_enabled = false;
    config.shared_everything_threads_enabled = false;
    let mut module = wasm_smith::Module::new(config, u)?;
    module.ensure_termination(FUEL).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    Ok(module.to_bytes())
}

/// The features of the built-in runtime, in wasmparser's terms.
pub fn features() -> wasmparser::WasmFeatures {
    use wasmparser::WasmFeatures as Features;
    Features::WASM2
        | Features::GC_TYPES
        | Features::RELAXED_SIMD
        | Features::TAIL_CALL
        | Features::MULTI_MEMORY
        | Features::EXTENDED_CONST
        | Features::WIDE_ARITHMETIC
        | Features::CUSTOM_PAGE_SIZES
        | Features::MEMORY64
        | Features::FUNCTION_REFERENCES
        | Features::EXCEPTIONS
        | Features::THREADS
}

/// How far the results of a module can be compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traits {
    /// It may make a NaN, whose bits the specification leaves open.
    pub makes_nan: bool,
    /// It may wait for another thread, of which there is none.
    pub waits: bool,
    /// It uses operators whose results depend on the processor.
    pub is_relaxed: bool,
    /// It has memories or tables that are large.
    pub is_large: bool,
}

impl Traits {
    /// Of a module; `None` if it is not valid with the runtime's features.
    pub fn of(binary: &[u8]) -> Option<Traits> {
        Validator::new_with_features(features()).validate_all(binary).ok()?;
        let mut traits = Traits::default();
        let (mut waits, mut shares) = (false, false);
        let mut memory = |ty: wasmparser::MemoryType, traits: &mut Traits| {
            shares |= ty.shared;
            let page_bytes = 1 << ty.page_size_log2.unwrap_or(16);
            let bytes = ty.maximum.unwrap_or(u64::MAX).checked_mul(page_bytes);
            traits.is_large |= bytes.is_none_or(|bytes| bytes > PAGES_MAX << 16);
        };
        let table = |ty: wasmparser::TableType, traits: &mut Traits| {
            traits.is_large |= ty.maximum.is_none_or(|max| max > 10_000);
        };
        for payload in Parser::new(0).parse_all(binary) {
            match payload.ok()? {
                Payload::MemorySection(section) => {
                    section.into_iter().flatten().for_each(|ty| memory(ty, &mut traits));
                }
                Payload::TableSection(section) => {
                    section.into_iter().flatten().for_each(|it| table(it.ty, &mut traits));
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports().flatten() {
                        match import.ty {
                            wasmparser::TypeRef::Memory(ty) => memory(ty, &mut traits),
                            wasmparser::TypeRef::Table(ty) => table(ty, &mut traits),
                            _ => {}
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    for operator in body.get_operators_reader().ok()? {
                        let operator = operator.ok()?;
                        traits.makes_nan |= makes_nan(&operator);
                        traits.is_relaxed |= format!("{operator:?}").contains("Relaxed");
                        waits |= matches!(
                            operator,
                            Operator::MemoryAtomicWait32 { .. }
                                | Operator::MemoryAtomicWait64 { .. }
                        );
                    }
                }
                _ => {}
            }
        }
        traits.waits = waits && shares;
        Some(traits)
    }
}

/// Returns true if the operator computes with floats. Loads, stores, constants, comparisons, conversions to
/// integers, absolute values and changes of sign keep or drop the bits of a NaN as the specification says.
fn makes_nan(operator: &Operator<'_>) -> bool {
    let name = format!("{operator:?}");
    let name = name.split([' ', '{']).next().unwrap_or_default();
    let is_float = ["F32", "F64"].iter().any(|float| name.starts_with(float));
    const COMPUTES: [&str; 14] = [
        "Add", "Sub", "Mul", "Div", "Sqrt", "Min", "Max", "PMin", "PMax", "Ceil", "Floor", "Trunc",
        "Nearest", "Promote",
    ];
    is_float && (COMPUTES.iter().any(|word| name[3..].contains(word)) || name.contains("Demote"))
}
