//! Guests with WASI on the built-in runtime: what they see of the host, and one guest outside of any run.

mod component;
mod limits;

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use leakbench_components::{RunError, is_component};
use leakbench_runtime::{
    Engine, Error, ExternType, Func, FuncType, LinkError, Linker, Module, Store, Val, ValType,
    WasmBacktrace,
};
use leakbench_scenarios::{GuestDir, GuestVariable};
use leakbench_wasi::{Exit, WasiCtx, WasiCtxBuilder, WasiError, add_to_linker};

pub(crate) use limits::GuestLimits;

/// A module's file, and what it shall see of the host.
#[derive(Debug)]
pub(crate) struct Guest {
    /// The module, `.wasm` or `.wat`.
    pub(crate) module: PathBuf,
    pub(crate) world: World,
    /// The function to call in place of `_start`, with the arguments as numbers.
    pub(crate) invoke: Option<String>,
    /// Whether it may import functions that nothing provides.
    pub(crate) trap_unknown_imports: bool,
    pub(crate) limits: GuestLimits,
}

/// What a guest sees of the host.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) dirs: Vec<GuestDir>,
    pub(crate) env: Vec<GuestVariable>,
    /// Arguments after the program's name.
    pub(crate) args: Vec<OsString>,
}

impl World {
    /// A context of a program called `name`.
    ///
    /// # Errors
    /// If a folder cannot be opened, or a text cannot be given to a guest.
    pub(crate) fn context(&self, name: &[u8]) -> Result<WasiCtxBuilder, WasiError> {
        let mut context = WasiCtx::builder().arg(name)?;
        for arg in &self.args {
            context = context.arg(arg.as_bytes())?;
        }
        for variable in &self.env {
            context = context.env(&variable.name, variable.value.as_bytes())?;
        }
        for dir in &self.dirs {
            context = context.preopen(&dir.host, &dir.guest)?;
        }
        Ok(context)
    }
}

/// The end of a guest.
#[derive(Debug)]
pub(crate) enum GuestEnd {
    /// It returned, with these results of the function, or called `proc_exit`.
    Exited {
        /// The low eight bits of the guest's code, which are all that a process has.
        code: u8,
        results: Vec<String>,
    },
    /// It trapped, or a host function stopped it.
    Stopped {
        /// The reason and the functions that ran.
        message: String,
    },
}

/// A guest that did not run.
#[derive(Debug, thiserror::Error)]
pub enum WasmError {
    /// The module cannot be loaded or linked.
    #[error("cannot run {}: {error}{}", path.display(), import_advice(error))]
    Module {
        /// The module's file.
        path: PathBuf,
        /// The runtime's reason.
        error: Error,
    },
    /// The component cannot be compiled or called.
    #[error("cannot run {}: {error}", path.display())]
    Component {
        /// The component's file.
        path: PathBuf,
        /// The reason.
        error: RunError,
    },
    /// Flags that give a module something of the host, which a component does not get.
    #[error("{} is a component, which gets nothing of the host: leave out {flag}", path.display())]
    ComponentFlag {
        /// The component's file.
        path: PathBuf,
        /// The flag.
        flag: &'static str,
    },
    /// No function of the component was named.
    #[error("{} is a component: name a call, such as --invoke 'run(1, 2)'", path.display())]
    NoCall {
        /// The component's file.
        path: PathBuf,
    },
    /// The module needs more than the guest may have.
    #[error(
        "cannot run {}: it needs {needed} {what}, and may have {max}: raise {flag}", path.display()
    )]
    Limit {
        /// The module's file.
        path: PathBuf,
        /// What is limited.
        what: &'static str,
        /// What the module needs.
        needed: u64,
        /// The limit.
        max: u64,
        /// The flag of the limit.
        flag: &'static str,
    },
    /// The streams and folders are more than the guest may have.
    #[error(
        "the guest's three streams and its folders are more than {max} descriptors: raise --max-fds"
    )]
    Descriptors {
        /// The limit.
        max: usize,
    },
    /// The kernel refused a thread for the guest.
    #[error(
        "cannot start a thread with a stack of {stack_bytes} bytes: {source}: lower --max-stack"
    )]
    Thread {
        /// The size of the thread's stack.
        stack_bytes: usize,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The runtime cannot be built, or the file cannot be read.
    #[error(transparent)]
    Runtime(#[from] Error),
    /// A directory, variable or argument cannot be given to the guest.
    #[error(transparent)]
    Context(#[from] WasiError),
    /// The module exports no function of this name.
    #[error(
        "{} exports no function '{name}': name one with --invoke (it has {})", path.display(),
        if functions.is_empty() { "none".to_owned() } else { functions.join(", ") }
    )]
    NoFunction {
        /// The module's file.
        path: PathBuf,
        /// The requested name.
        name: String,
        /// The functions that it exports.
        functions: Vec<String>,
    },
    /// The function has another number of parameters.
    #[error("'{name}' takes {expected} arguments, but {found} were given after --")]
    ArgumentCount {
        /// The function.
        name: String,
        /// The number of its parameters.
        expected: usize,
        /// The number of arguments.
        found: usize,
    },
    /// An argument is no value of its parameter's type.
    #[error("'{value}' is no {ty}: argument {number} of '{name}' must be a number of that type")]
    Argument {
        /// The function.
        name: String,
        /// The argument's number, from 1.
        number: usize,
        /// The argument.
        value: String,
        /// The parameter's type.
        ty: ValType,
    },
}

/// What to do about a module that did not link, if there is something; to be put after the error.
pub(crate) fn import_advice(error: &Error) -> &'static str {
    let Error::Link(error) = error else { return "" };
    match **error {
        LinkError::Unknown { expected: ExternType::Func(_), .. } => {
            "; --trap-unknown-imports lets it run until it calls such a function"
        }
        _ => "",
    }
}

impl Guest {
    /// Runs the guest to its end. Everything that it opened is closed then.
    ///
    /// # Errors
    /// The guest did not run.
    pub(crate) fn run(self) -> Result<GuestEnd, WasmError> {
        let limits = self.limits;
        let engine = Engine::new(&limits.config())?;
        let of_guest = engine.clone();
        limits.run(&engine, move |begins| self.run_on(&of_guest, begins))
    }

    /// Calls `begins` before the guest's code runs.
    fn run_on(self, engine: &Engine, begins: &dyn Fn()) -> Result<GuestEnd, WasmError> {
        let of_module = |error| match error {
            Error::File { .. } => WasmError::Runtime(error),
            Error::Limit(limit) => WasmError::Limit {
                path: self.module.clone(),
                what: limit.what,
                needed: limit.needed,
                max: limit.max,
                flag: limits::flag_of(&limit),
            },
            error => WasmError::Module { path: self.module.clone(), error },
        };
        let end_of = |error| GuestEnd::of(error, &self.limits).map_err(of_module);
        let bytes = std::fs::read(&self.module)
            .map_err(|source| Error::File { path: self.module.clone(), source })?;
        if is_component(&bytes) {
            return match self.run_component(engine, &bytes, begins)? {
                Ok(end) => Ok(end),
                Err(error) => end_of(error),
            };
        }
        let module = Module::new(engine, bytes).map_err(of_module)?;
        let mut linker = Linker::new(engine);
        add_to_linker(&mut linker, |context| context)?;
        if self.trap_unknown_imports {
            linker.define_unknown_imports_as_traps(&module).map_err(of_module)?;
        }
        let file_name = self.module.file_name().unwrap_or(self.module.as_os_str());
        let context = self.world.context(file_name.as_bytes())?.inherit_stdio();
        let context = self.limits.of_context(context).build().map_err(|error| match error {
            WasiError::TooManyDescriptors { max } => WasmError::Descriptors { max },
            error => error.into(),
        })?;
        let mut store = self.limits.store(engine, context)?;
        begins();
        let instance = match linker.instantiate(&mut store, &module) {
            Ok(instance) => instance,
            Err(error) => return end_of(error),
        };
        let name = self.invoke.as_deref().unwrap_or("_start");
        let func = instance.get_func(&mut store, name).ok_or_else(|| WasmError::NoFunction {
            path: self.module.clone(),
            name: name.to_owned(),
            functions: exported_functions(&module),
        })?;
        let params = match &self.invoke {
            None => Vec::new(),
            Some(_) => arguments(name, &func.ty(&store), &self.world.args)?,
        };
        if self.invoke.is_some()
            && let Some(initialize) = instance.get_func(&mut store, "_initialize")
            && let Err(error) = initialize.call(&mut store, &[], &mut [])
        {
            return end_of(error);
        }
        match call(&mut store, func, &params) {
            Ok(results) => Ok(GuestEnd::Exited { code: 0, results }),
            Err(error) => end_of(error),
        }
    }
}

impl GuestEnd {
    /// The end that an error of the guest's call is.
    ///
    /// # Errors
    /// The error, if the guest did not run.
    fn of(error: Error, limits: &GuestLimits) -> Result<GuestEnd, Error> {
        if let Some(Exit(code)) = error.downcast_ref() {
            return Ok(GuestEnd::Exited { code: *code as u8, results: Vec::new() });
        }
        match error {
            Error::Trap(_) | Error::Host(_) | Error::Exception(_) => {}
            error => return Err(error),
        }
        let backtrace = error.downcast_ref::<WasmBacktrace>();
        let backtrace = backtrace.filter(|backtrace| !backtrace.frames().is_empty());
        let frames = backtrace.map_or(String::new(), |backtrace| format!("\n{backtrace}"));
        let advice = limits.advice(&error).map_or(String::new(), |advice| format!(": {advice}"));
        Ok(GuestEnd::Stopped { message: format!("{error}{advice}{frames}") })
    }
}

fn exported_functions(module: &Module) -> Vec<String> {
    let functions = module.exports().filter(|export| matches!(export.ty(), ExternType::Func(_)));
    functions.map(|export| export.name().to_owned()).collect()
}

/// Calls a function, and returns its results as text.
fn call(store: &mut Store<WasiCtx>, func: Func, params: &[Val]) -> Result<Vec<String>, Error> {
    let types = func.ty(&*store);
    let mut results = vec![Val::I32(0); types.results().len()];
    func.call(store, params, &mut results)?;
    let text = |value: &Val| match *value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(bits) => f32::from_bits(bits).to_string(),
        Val::F64(bits) => f64::from_bits(bits).to_string(),
        Val::V128(value) => format!("{:#034x}", value.as_u128()),
        Val::FuncRef(_) | Val::ExternRef(_) | Val::ExnRef(_) => "a reference".to_owned(),
    };
    Ok(results.iter().map(text).collect())
}

/// The arguments of a function from their texts.
fn arguments(name: &str, ty: &FuncType, texts: &[OsString]) -> Result<Vec<Val>, WasmError> {
    let (expected, found) = (ty.params().len(), texts.len());
    if expected != found {
        return Err(WasmError::ArgumentCount { name: name.to_owned(), expected, found });
    }
    let values = (1..).zip(texts).zip(ty.params()).map(|((number, text), &ty)| {
        let text = text.to_string_lossy();
        let value = match ty {
            ValType::I32 => text.parse().ok().map(Val::I32),
            ValType::I64 => text.parse().ok().map(Val::I64),
            ValType::F32 => text.parse().ok().map(|value: f32| Val::F32(value.to_bits())),
            ValType::F64 => text.parse().ok().map(|value: f64| Val::F64(value.to_bits())),
            _ => None,
        };
        value.ok_or_else(|| WasmError::Argument {
            name: name.to_owned(),
            number,
            value: text.into_owned(),
            ty,
        })
    });
    values.collect()
}
