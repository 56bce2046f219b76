//! Concatenates the functions of a module, and resolves the calls between them.

use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::entity::EntityRef;
use cranelift_codegen::ir::{ExternalName, UserFuncName};
use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::{
    CompiledCode as FunctionCode, ExceptionContextLoc, FinalizedMachExceptionHandler,
    FinalizedRelocTarget, TextSectionBuilder,
};

use super::code::{
    CallSite, CompiledCode, FuncCode, HandlerItem, HandlerSite, SourceSite, TrapSite,
};
use super::{CompileError, CompiledFunc};

/// Maximum distance of a relative call, in both directions.
pub(super) const MAX_TEXT_BYTES: u64 = i32::MAX as u64;

/// Alignment of functions: at least that of the constants that follow some of them, and that at which the
/// processor fetches instructions fastest.
const FUNC_ALIGN: u32 = 32;

/// A text that is being built.
pub(super) struct Linker {
    text: Box<dyn TextSectionBuilder>,
    text_bytes: u64,
    funcs: Vec<FuncCode>,
    traps: Vec<TrapSite>,
    sources: Vec<SourceSite>,
    call_sites: Vec<CallSite>,
    handlers: Vec<HandlerSite>,
}

impl Linker {
    /// A text of `num_funcs` functions.
    pub(super) fn new(isa: &dyn TargetIsa, num_funcs: usize) -> Self {
        Linker {
            text: isa.text_section_builder(num_funcs),
            text_bytes: 0,
            funcs: Vec::with_capacity(num_funcs),
            traps: Vec::new(),
            sources: Vec::new(),
            call_sites: Vec::new(),
            handlers: Vec::new(),
        }
    }

    /// Appends the next function.
    pub(super) fn append(&mut self, func: &CompiledFunc) -> Result<(), CompileError> {
        let CompiledFunc { name, code: compiled, callees, body_offset } = func;
        let code = compiled.code_buffer();
        let bytes = self.text_bytes + u64::from(FUNC_ALIGN) + code.len() as u64;
        let too_large = CompileError::TooLarge { bytes };
        if bytes > MAX_TEXT_BYTES {
            return Err(too_large);
        }
        let align = FUNC_ALIGN.max(compiled.buffer.alignment);
        let start = self.text.append(true, code, align, &mut ControlPlane::default());
        self.text_bytes = start + code.len() as u64;
        let (Ok(start_offset), Ok(len)) = (u32::try_from(start), u32::try_from(code.len())) else {
            return Err(too_large);
        };
        self.funcs.push(FuncCode { start: start_offset, len, body_offset: *body_offset });
        for part in compiled.buffer.get_srclocs_sorted() {
            let module_offset = (!part.loc.is_default()).then(|| part.loc.bits());
            let site = SourceSite::new(start_offset + part.start, module_offset);
            if self.sources.last().is_none_or(|last| last.module_offset() != module_offset) {
                self.sources.push(site);
            }
        }
        self.traps.extend(
            compiled
                .buffer
                .traps()
                .iter()
                .map(|trap| TrapSite::new(start_offset + trap.offset, trap.code)),
        );
        self.append_call_sites(name, compiled, start_offset)?;
        for reloc in compiled.buffer.relocs() {
            let resolved = match &reloc.target {
                FinalizedRelocTarget::ExternalName(ExternalName::User(name)) => {
                    self.text.resolve_reloc(
                        start + u64::from(reloc.offset),
                        reloc.kind,
                        reloc.addend,
                        callees[name.index()] as usize,
                    )
                }
                _ => false,
            };
            // Cranelift should request no relocations except calls within the text.
            if !resolved {
                return Err(CompileError::Function {
                    func: name.to_string(),
                    reason: format!("it refers to {:?}, which is not in the text", reloc.target),
                });
            }
        }
        Ok(())
    }

    fn append_call_sites(
        &mut self,
        name: &UserFuncName,
        compiled: &FunctionCode,
        start_offset: u32,
    ) -> Result<(), CompileError> {
        for site in compiled.buffer.call_sites() {
            if site.exception_handlers.is_empty() {
                continue;
            }
            let unexpected = |what: &str| CompileError::Function {
                func: name.to_string(),
                reason: format!("a call with exception handlers has {what}"),
            };
            let first = self.handlers.len() as u32;
            for item in site.exception_handlers {
                let item = match *item {
                    FinalizedMachExceptionHandler::Context(ExceptionContextLoc::SPOffset(
                        offset,
                    )) => HandlerItem::Context { stack_offset: offset },
                    FinalizedMachExceptionHandler::Context(ExceptionContextLoc::GPR(_)) => {
                        return Err(unexpected("its context in a register"));
                    }
                    FinalizedMachExceptionHandler::Tag(tag, target) => HandlerItem::Tag {
                        context_offset: tag.as_u32(),
                        target: start_offset + target,
                    },
                    FinalizedMachExceptionHandler::Default(target) => {
                        HandlerItem::All { target: start_offset + target }
                    }
                };
                self.handlers.push(HandlerSite::new(item));
            }
            self.call_sites.push(CallSite {
                return_offset: start_offset + site.ret_addr,
                stack_bytes: site.frame_offset.ok_or_else(|| unexpected("no known frame"))?,
                handlers_start: first,
                handlers_end: self.handlers.len() as u32,
            });
        }
        Ok(())
    }

    /// The finished text.
    pub(super) fn finish(mut self) -> Result<CompiledCode, CompileError> {
        let text = self.text.finish(&mut ControlPlane::default());
        // Usually sorted already. Code that traps out of line follows the rest.
        if !self.traps.is_sorted_by_key(|trap| trap.offset) {
            self.traps.sort_by_key(|trap| trap.offset);
        }
        self.call_sites.sort_by_key(|site| site.return_offset);
        Ok(CompiledCode {
            text,
            call_sites: self.call_sites.into_boxed_slice(),
            handlers: self.handlers.into_boxed_slice(),
            funcs: self.funcs.into_boxed_slice(),
            traps: self.traps.into_boxed_slice(),
            sources: self.sources.into_boxed_slice(),
        })
    }
}
