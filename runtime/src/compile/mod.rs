//! Compilation: validated WebAssembly to machine code.
//!
//! [`translate`] turns one function body into Cranelift's IR, Cranelift turns that into machine
//! code, [`link`] lays the functions of a module side by side, and [`trampoline`] makes the few
//! instructions between the calling convention of wasm code and that of the host.
//!
//! Compilation neither allocates executable memory nor knows where code will lie.

mod abi;
pub(crate) mod code;
mod link;
mod trampoline;
mod translate;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{Function, UserFuncName};
use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

use self::code::CompiledCode;
use self::link::Linker;
use self::translate::{ModuleEnv, Stacks};
use crate::module::parse::ParsedModule;
use crate::types::FuncType;
use crate::vm::layout::VmLayout;

/// Why code could not be generated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// This machine is not one that code can be generated for.
    #[error("cannot generate code for this machine: {reason}")]
    Host {
        /// What it lacks.
        reason: String,
    },
    /// One function is beyond what the compiler can do.
    #[error("cannot compile function {func}: {reason}")]
    Function {
        /// Its index in the module, or what else it is, and its name where it has one.
        func: String,
        /// What the compiler says.
        reason: String,
    },
    /// The module's code does not fit where calls can reach it.
    #[error("the module's code is {bytes} bytes long; at most {max} are supported", max = link::MAX_TEXT_BYTES)]
    TooLarge {
        /// How long it had become.
        bytes: u64,
    },
}

/// How much work goes into making code fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptLevel {
    /// None: the least time to compile, with a register allocator of a single pass.
    None,
    /// Code that runs fast.
    Speed,
}

/// Compiles for this machine. Threads share one.
pub(crate) struct Compiler {
    isa: OwnedTargetIsa,
    /// Buffers that grew while compiling, for whoever compiles next: at most one set for each
    /// thread that ever compiled at the same time.
    idle: Mutex<Vec<Box<Workspace>>>,
}

/// Buffers that a larger body has stretched are not kept: they grow to some hundred times its
/// size, and few bodies are as large.
const KEPT_BODY_BYTES: usize = 64 << 10;

/// The buffers that one compilation needs, all empty between functions.
struct Workspace {
    /// The largest body that was compiled in them.
    largest_body_bytes: usize,
    context: Context,
    builder: FunctionBuilderContext,
    stacks: Stacks,
    control: ControlPlane,
}

impl Compiler {
    /// Prepares to compile for this machine.
    ///
    /// # Errors
    /// [`CompileError::Host`] when it is not one that code can be generated for.
    pub(crate) fn new(opt: OptLevel) -> Result<Compiler, CompileError> {
        let host = |reason: String| CompileError::Host { reason };
        let mut flags = settings::builder();
        let (opt_level, allocator) = match opt {
            OptLevel::None => ("none", "single_pass"),
            OptLevel::Speed => ("speed", "backtracking"),
        };
        for (name, value) in [
            ("opt_level", opt_level),
            ("regalloc_algorithm", allocator),
            ("is_pic", "true"),
            // Stacks are walked by frame pointers; nothing unwinds through wasm frames.
            ("preserve_frame_pointers", "true"),
            ("unwind_info", "false"),
            // Functions may return more values than there are registers for.
            ("enable_multi_ret_implicit_sret", "true"),
            // The stack limit is checked against the whole frame before any of it is touched.
            ("enable_probestack", "false"),
            ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
        ] {
            flags
                .set(name, value)
                .map_err(|error| host(format!("Cranelift's setting {name}: {error}")))?;
        }
        let isa = cranelift_native::builder()
            .map_err(|reason| host(reason.to_owned()))?
            .finish(settings::Flags::new(flags))
            .map_err(|error| host(error.to_string()))?;
        require_rounding(&*isa)?;
        Ok(Compiler { isa, idle: Mutex::new(Vec::new()) })
    }

    /// Compiles every function that `module` defines, for contexts laid out as `layout` says.
    /// `type_ids` has the engine-wide id of each of the module's types.
    ///
    /// # Errors
    /// When a function, or all of them together, are beyond what the compiler can do.
    pub(crate) fn compile_module(
        &self,
        module: &ParsedModule<'_>,
        layout: &VmLayout,
        type_ids: &[u32],
    ) -> Result<CompiledCode, CompileError> {
        let env =
            ModuleEnv { info: &module.info, layout, type_ids, target: self.isa.frontend_config() };
        self.with_workspace(|workspace| {
            let mut linker = Linker::new(&*self.isa, module.bodies.len());
            for (defined, body) in (0..).zip(&module.bodies) {
                let func = env.defined_func(defined);
                let failed = |reason: String| CompileError::Function {
                    func: match module.info.func_names.get(func as usize) {
                        Some(Some(name)) => format!("{func} ({name})"),
                        _ => func.to_string(),
                    },
                    reason,
                };
                let Workspace { largest_body_bytes, context, builder, stacks, .. } = workspace;
                *largest_body_bytes = body.as_bytes().len().max(*largest_body_bytes);
                context.func.name = UserFuncName::user(0, func);
                context.func.signature = abi::wasm_signature(env.info.func_type(func));
                let builder = FunctionBuilder::new(&mut context.func, builder);
                translate::translate(&env, func, body, builder, stacks)
                    .map_err(|error| failed(error.to_string()))?;
                self.finish(workspace, &mut linker, failed)?;
            }
            linker.finish()
        })
    }

    /// Makes the function by which the host calls wasm code of type `ty`:
    /// `extern "C" fn(callee_vmctx, caller_vmctx, code: *const u8, values: *mut RawVal)`.
    /// Arguments are in `values`, one after the other, each in the low bytes of its place;
    /// results replace them.
    ///
    /// # Errors
    /// When the compiler fails.
    pub(crate) fn entry_trampoline(&self, ty: &FuncType) -> Result<CompiledCode, CompileError> {
        let target = self.isa.frontend_config();
        self.trampoline(ty, "entry", |func, builder| {
            trampoline::entry(ty, target, func, builder);
        })
    }

    /// Makes the function by which wasm code calls a host function of type `ty`, in the calling
    /// convention of wasm code. The callee's context is the host function's, at whose
    /// `HOST_CTX_CALL` lies the address to call.
    ///
    /// # Errors
    /// When the compiler fails.
    pub(crate) fn host_trampoline(&self, ty: &FuncType) -> Result<CompiledCode, CompileError> {
        let target = self.isa.frontend_config();
        self.trampoline(ty, "host", |func, builder| {
            trampoline::host(ty, target, func, builder);
        })
    }

    fn trampoline(
        &self,
        ty: &FuncType,
        kind: &str,
        build: impl FnOnce(&mut Function, &mut FunctionBuilderContext),
    ) -> Result<CompiledCode, CompileError> {
        self.with_workspace(|workspace| {
            let mut linker = Linker::new(&*self.isa, 1);
            build(&mut workspace.context.func, &mut workspace.builder);
            self.finish(workspace, &mut linker, |reason| CompileError::Function {
                func: format!("({kind} trampoline of {ty})"),
                reason,
            })?;
            linker.finish()
        })
    }

    /// Generates code for the function that `workspace` holds, and empties it.
    fn finish(
        &self,
        workspace: &mut Workspace,
        linker: &mut Linker,
        failed: impl FnOnce(String) -> CompileError,
    ) -> Result<(), CompileError> {
        let Workspace { context, control, .. } = workspace;
        if let Err(error) = context.compile(&*self.isa, control) {
            let reason = match error.inner {
                cranelift_codegen::CodegenError::Verifier(errors) => errors.to_string(),
                other => other.to_string(),
            };
            return Err(failed(reason));
        }
        if let Some(compiled) = context.compiled_code() {
            linker.append(compiled, &context.func, control)?;
        }
        context.clear();
        Ok(())
    }

    /// Runs `work` with buffers of its own. They are only kept when it succeeds: what a failure
    /// leaves in them is not worth finding out.
    fn with_workspace<T>(
        &self,
        work: impl FnOnce(&mut Workspace) -> Result<T, CompileError>,
    ) -> Result<T, CompileError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let mut workspace = kept.unwrap_or_else(|| {
            Box::new(Workspace {
                largest_body_bytes: 0,
                context: Context::new(),
                builder: FunctionBuilderContext::new(),
                stacks: Stacks::default(),
                control: ControlPlane::default(),
            })
        });
        let result = work(&mut workspace)?;
        if workspace.largest_body_bytes <= KEPT_BODY_BYTES {
            idle().push(workspace);
        }
        Ok(result)
    }
}

impl std::fmt::Debug for Compiler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compiler")
            .field("target", &self.isa.triple().to_string())
            .field("flags", &self.isa.flags().to_string())
            .finish_non_exhaustive()
    }
}

/// Without SSE4.1, rounding would call functions of the C library, which code has no way to
/// reach. Every x86-64 machine since 2008 has it.
fn require_rounding(isa: &dyn TargetIsa) -> Result<(), CompileError> {
    let lacks = isa
        .isa_flags()
        .iter()
        .any(|flag| flag.name == "has_sse41" && flag.as_bool() == Some(false));
    if lacks {
        return Err(CompileError::Host { reason: "it lacks the SSE4.1 instructions".to_owned() });
    }
    Ok(())
}
