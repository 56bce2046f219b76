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

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{Function, UserFuncName};
use cranelift_codegen::isa::{self, OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use wasmparser::FunctionBody;

use self::code::CompiledCode;
use self::link::Linker;
use self::translate::{ModuleEnv, Stacks, TranslateError};
use crate::limits::{CompileLimits, Exceeded};
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
    /// The module exceeds one of [`CompileLimits`].
    #[error("{item} has {exceeded}")]
    Limit {
        /// `the module`, or a function by its index and its name if it has one.
        item: String,
        /// The limit, with the field's name.
        exceeded: String,
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
    /// No optimization: compiles fastest.
    None,
    /// Generates fast code.
    Speed,
}

/// The register allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RegallocAlgorithm {
    /// The usual one of Cranelift: the one for code from others.
    Backtracking,
    /// Compiles faster, to slower code. It is newer than the other one and less widely used, so it is
    /// for code that a program generates itself.
    SinglePass,
}

/// The compiler for this machine. Threads share it.
pub(crate) struct Compiler {
    isa: OwnedTargetIsa,
    limits: CompileLimits,
    /// True if code counts the fuel of its store.
    consumes_fuel: bool,
    /// Buffers for the next compilations: at most one set for each thread that compiled at one
    /// time.
    idle: Mutex<Vec<Box<Workspace>>>,
}

/// Values of the largest function after which buffers are kept. Buffers have some hundred bytes for
/// each, and few functions have more.
const KEPT_VALUES: usize = 64 << 10;

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
    /// Values of the largest function that was compiled with them, which decide their size.
    most_values: usize,
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
    pub(crate) fn new(
        opt: OptLevel,
        allocator: RegallocAlgorithm,
        limits: CompileLimits,
        consumes_fuel: bool,
    ) -> Result<Compiler, CompileError> {
        let machine = cranelift_native::builder()
            .map_err(|reason| CompileError::Host { reason: reason.to_owned() })?;
        Self::for_machine(machine, opt, allocator, limits, consumes_fuel)
    }

    fn for_machine(
        machine: isa::Builder,
        opt: OptLevel,
        allocator: RegallocAlgorithm,
        limits: CompileLimits,
        consumes_fuel: bool,
    ) -> Result<Compiler, CompileError> {
        let host = |reason: String| CompileError::Host { reason };
        let mut flags = settings::builder();
        let opt_level = match opt {
            OptLevel::None => "none",
            OptLevel::Speed => "speed",
        };
        let allocator = match allocator {
            RegallocAlgorithm::Backtracking => "backtracking",
            RegallocAlgorithm::SinglePass => "single_pass",
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
        Ok(Compiler { isa, limits, consumes_fuel, idle: Mutex::new(Vec::new()) })
    }

    /// Compares the length of a module's binary with its limit.
    ///
    /// # Errors
    /// [`CompileError::Limit`] if it is longer.
    pub(crate) fn check_length(&self, binary: &[u8]) -> Result<(), CompileError> {
        Exceeded::check("bytes", "module_bytes", binary.len(), self.limits.module_bytes)
            .map_err(of_module)
    }

    /// The machine and the settings for which it compiles.
    pub(crate) fn isa(&self) -> &dyn TargetIsa {
        &*self.isa
    }

    /// Compiles every function that `module` defines, for contexts with this layout. If `parallel` is
    /// true, several threads compile a large module. The code is the same.
    ///
    /// # Errors
    /// If a function, or the module as a whole, exceeds a limit of the compiler.
    pub(crate) fn compile_module(
        &self,
        module: &ParsedModule<'_>,
        layout: &VmLayout,
        parallel: bool,
    ) -> Result<CompiledCode, CompileError> {
        let threads = if parallel { parallel::threads_for(&module.bodies) } else { 1 };
        self.compile_on(threads, module, layout)
    }

    fn compile_on(
        &self,
        threads: usize,
        module: &ParsedModule<'_>,
        layout: &VmLayout,
    ) -> Result<CompiledCode, CompileError> {
        let env = ModuleEnv {
            info: &module.info,
            layout,
            isa: &*self.isa,
            limits: &self.limits,
            consumes_fuel: self.consumes_fuel,
            began: Instant::now(),
        };
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
        let named = || match env.info.func_names.get(func as usize) {
            Some(name) => format!("{func} ({name})"),
            None => func.to_string(),
        };
        let failed = |reason: String| CompileError::Function { func: named(), reason };
        let Workspace { most_values, context, builder, stacks, .. } = workspace;
        context.func.name = UserFuncName::user(0, func);
        context.func.signature = abi::wasm_signature(env.info.func_type(func));
        let builder = FunctionBuilder::new(&mut context.func, builder);
        let values =
            translate::translate(env, func, body, builder, stacks).map_err(
                |error| match error {
                    TranslateError::Limit(exceeded) => CompileError::Limit {
                        item: format!("function {}", named()),
                        exceeded: exceeded.to_string(),
                    },
                    error => failed(error.to_string()),
                },
            )?;
        *most_values = values.max(*most_values);
        // The validator limits modules to 1 GiB.
        let body_offset = body.range().start as u32;
        let compiled = self.finish(workspace, body_offset, failed)?;
        if let Some(time) = self.limits.time {
            let (found, max) = (env.began.elapsed().as_millis(), time.as_millis());
            Exceeded::check("ms of compilation", "time", found as usize, max as usize)
                .map_err(of_module)?;
        }
        Ok(compiled)
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
        // Cranelift's arenas panic if there is no memory. The buffers are not used after an error.
        let compiled = panic::catch_unwind(AssertUnwindSafe(|| {
            context.compile(&*self.isa, control).map(drop).map_err(|error| match error.inner {
                cranelift_codegen::CodegenError::Verifier(errors) => errors.to_string(),
                other => other.to_string(),
            })
        }));
        match compiled {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Err(failed(reason)),
            Err(_) => return Err(failed("the compiler panicked".to_owned())),
        }
        let Some(code) = context.take_compiled_code() else {
            return Err(failed("no code was generated".to_owned()));
        };
        let names = context.func.params.user_named_funcs().values().map(|name| name.index);
        let name = context.func.name.clone();
        let func = CompiledFunc { name, code, callees: names.collect(), body_offset };
        context.clear();
        // Cranelift 0.135 does not clear these.
        context.func.dfg.exception_tables.clear();
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
                most_values: 0,
                context: Context::new(),
                builder: FunctionBuilderContext::new(),
                stacks: Stacks::default(),
                control: ControlPlane::default(),
            })
        });
        let result = work(&mut workspace)?;
        if workspace.most_values <= KEPT_VALUES {
            idle().push(workspace);
        }
        Ok(result)
    }
}

fn of_module(exceeded: Exceeded) -> CompileError {
    CompileError::Limit { item: "the module".to_owned(), exceeded: exceeded.to_string() }
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
