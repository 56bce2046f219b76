//! The compiler: validated WebAssembly to machine code.
//!
//! [`translate`] turns a function body into Cranelift's IR, Cranelift turns that into machine code,
//! [`link`] concatenates the functions of a module, and [`trampoline`] generates the code between
//! the calling conventions of wasm and of the host.
//!
//! The compiler does not allocate executable memory, and its code does not depend on its address.

mod abi;
pub(crate) mod code;
mod link;
mod parallel;
mod trampoline;
mod translate;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{Function, UserFuncName};
use cranelift_codegen::isa::{self, OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use wasmparser::FunctionBody;

use self::code::CompiledCode;
use self::link::Linker;
use self::translate::{ModuleEnv, Stacks};
use crate::module::parse::ParsedModule;
use crate::types::FuncType;
use crate::vm::layout::VmLayout;

/// Code generation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The compiler does not support this machine.
    #[error("cannot generate code for this machine: {reason}")]
    Host {
        /// The missing property.
        reason: String,
    },
    /// The compiler cannot compile a function.
    #[error("cannot compile function {func}: {reason}")]
    Function {
        /// The function's index in the module, with its name if it has one; or a description.
        func: String,
        /// The compiler's error.
        reason: String,
    },
    /// The module's code is too long for relative calls.
    #[error("the module's code is {bytes} bytes long: the maximum is {max}", max = link::MAX_TEXT_BYTES)]
    TooLarge {
        /// The length in bytes up to the function that did not fit.
        bytes: u64,
    },
}

/// The effort for fast code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptLevel {
    /// Compiles fastest, with a register allocator of a single pass.
    None,
    /// Generates fast code.
    Speed,
}

/// The compiler for this machine. Threads share it.
pub(crate) struct Compiler {
    isa: OwnedTargetIsa,
    /// Buffers for the next compilations: at most one set for each thread that compiled at one
    /// time.
    idle: Mutex<Vec<Box<Workspace>>>,
}

/// Maximum size of a body after which buffers are kept, in bytes. Buffers grow to some hundred
/// times the size of a body, and few bodies are larger.
const KEPT_BODY_BYTES: usize = 64 << 10;

/// The code of one function, to be linked.
struct CompiledFunc {
    name: UserFuncName,
    code: cranelift_codegen::CompiledCode,
    /// The functions of the text that it refers to.
    callees: Box<[u32]>,
    /// Offset of its body in the module's binary.
    body_offset: u32,
}

/// The buffers of one compilation, empty between functions.
struct Workspace {
    /// Size of the largest body that was compiled with them, in bytes.
    largest_body_bytes: usize,
    context: Context,
    builder: FunctionBuilderContext,
    stacks: Stacks,
    control: ControlPlane,
}

impl Compiler {
    /// Creates a compiler for this machine.
    ///
    /// # Errors
    /// [`CompileError::Host`] if the machine is not supported.
    pub(crate) fn new(opt: OptLevel) -> Result<Compiler, CompileError> {
        let machine = cranelift_native::builder()
            .map_err(|reason| CompileError::Host { reason: reason.to_owned() })?;
        Self::for_machine(machine, opt)
    }

    fn for_machine(machine: isa::Builder, opt: OptLevel) -> Result<Compiler, CompileError> {
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
            // Signal handlers do not unwind wasm frames, and frame pointers suffice to walk the
            // stack.
            ("preserve_frame_pointers", "true"),
            ("unwind_info", "false"),
            // Functions may return more values than there are registers.
            ("enable_multi_ret_implicit_sret", "true"),
            // The prologue checks the stack limit for the whole frame before it touches the frame.
            ("enable_probestack", "false"),
            ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
        ] {
            flags
                .set(name, value)
                .map_err(|error| host(format!("Cranelift's setting {name}: {error}")))?;
        }
        let isa =
            machine.finish(settings::Flags::new(flags)).map_err(|error| host(error.to_string()))?;
        require_instructions(&*isa)?;
        Ok(Compiler { isa, idle: Mutex::new(Vec::new()) })
    }

    /// Compiles every function that `module` defines, for contexts with this layout. `type_ids` has
    /// the engine's id of each type of the module. If `parallel` is true, several threads compile a large
    /// module. The code is the same.
    ///
    /// # Errors
    /// If a function, or the module as a whole, exceeds a limit of the compiler.
    pub(crate) fn compile_module(
        &self,
        module: &ParsedModule<'_>,
        layout: &VmLayout,
        type_ids: &[u32],
        parallel: bool,
    ) -> Result<CompiledCode, CompileError> {
        let threads = if parallel { parallel::threads_for(&module.bodies) } else { 1 };
        self.compile_on(threads, module, layout, type_ids)
    }

    fn compile_on(
        &self,
        threads: usize,
        module: &ParsedModule<'_>,
        layout: &VmLayout,
        type_ids: &[u32],
    ) -> Result<CompiledCode, CompileError> {
        let env = ModuleEnv { info: &module.info, layout, type_ids, isa: &*self.isa };
        let bodies = &module.bodies;
        let mut linker = Linker::new(&*self.isa, bodies.len());
        if threads > 1 {
            parallel::compile(self, &env, bodies, &mut linker, threads)?;
            return linker.finish();
        }
        self.with_workspace(|workspace| {
            for (defined, body) in (0..).zip(bodies) {
                linker.append(&self.compile_func(&env, workspace, defined, body)?)?;
            }
            Ok(())
        })?;
        linker.finish()
    }

    /// Generates the code of the function that the module defines at index `defined`.
    fn compile_func(
        &self,
        env: &ModuleEnv<'_>,
        workspace: &mut Workspace,
        defined: u32,
        body: &FunctionBody<'_>,
    ) -> Result<CompiledFunc, CompileError> {
        let func = env.defined_func(defined);
        let failed = |reason: String| CompileError::Function {
            func: match env.info.func_names.get(func as usize) {
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
        translate::translate(env, func, body, builder, stacks)
            .map_err(|error| failed(error.to_string()))?;
        // The validator limits modules to 1 GiB.
        let body_offset = body.range().start as u32;
        self.finish(workspace, body_offset, failed)
    }

    /// Generates the trampoline by which the host calls wasm code of type `ty`, an
    /// `extern "C" fn(callee_vmctx, caller_vmctx, code: *const u8, values: *mut RawVal)`.
    /// `values` holds the arguments, each in the low bytes of its element. Results replace them.
    ///
    /// # Errors
    /// If the compiler fails.
    pub(crate) fn entry_trampoline(&self, ty: &FuncType) -> Result<CompiledCode, CompileError> {
        let target = self.isa.frontend_config();
        self.trampoline(ty, "entry", |func, builder| {
            trampoline::entry(ty, target, func, builder);
        })
    }

    /// Generates the trampoline by which wasm code calls a host function of type `ty`, in the
    /// calling convention of wasm code. The callee's context is that of the host function, which
    /// holds the address to call at `HOST_CTX_CALL`.
    ///
    /// # Errors
    /// If the compiler fails.
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
            let func = self.finish(workspace, 0, |reason| CompileError::Function {
                func: format!("({kind} trampoline of {ty})"),
                reason,
            })?;
            linker.append(&func)?;
            linker.finish()
        })
    }

    /// Generates code for the function in `workspace`, and empties the workspace.
    fn finish(
        &self,
        workspace: &mut Workspace,
        body_offset: u32,
        failed: impl FnOnce(String) -> CompileError,
    ) -> Result<CompiledFunc, CompileError> {
        let Workspace { context, control, .. } = workspace;
        if let Err(error) = context.compile(&*self.isa, control) {
            let reason = match error.inner {
                cranelift_codegen::CodegenError::Verifier(errors) => errors.to_string(),
                other => other.to_string(),
            };
            return Err(failed(reason));
        }
        let Some(code) = context.take_compiled_code() else {
            return Err(failed("no code was generated".to_owned()));
        };
        let names = context.func.params.user_named_funcs().values().map(|name| name.index);
        let name = context.func.name.clone();
        let func = CompiledFunc { name, code, callees: names.collect(), body_offset };
        context.clear();
        Ok(func)
    }

    /// Runs `work` with a set of buffers. Keeps the buffers only if it succeeds, because they are
    /// in an unknown state after an error.
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

/// Requires SSSE3 and SSE4.1, which x86-64 machines have since 2008. Without them, Cranelift would
/// call functions that permute bytes or round floats, which compiled code cannot reach.
fn require_instructions(isa: &dyn TargetIsa) -> Result<(), CompileError> {
    for (flag, name) in [("has_ssse3", "SSSE3"), ("has_sse41", "SSE4.1")] {
        let lacks = isa.isa_flags().iter().any(|f| f.name == flag && f.as_bool() == Some(false));
        if lacks {
            return Err(CompileError::Host { reason: format!("it lacks the {name} instructions") });
        }
    }
    Ok(())
}
