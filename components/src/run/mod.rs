//! Components without imports on the built-in runtime.
//!
//! ```text
//! bytes ─► Component (compiled modules) ─► ComponentInstance, in a store ─ call ─► result as text
//!             └► FunctionCall, from a text such as `run(1, 20000)`
//! ```

mod abi;
mod call;
mod handles;
mod host;
mod instance;
mod number;

use std::borrow::Cow;

use leakbench_runtime::{Engine, Module};

pub use self::call::FunctionCall;
use self::handles::Handles;
pub use self::host::ComponentState;
pub use self::instance::ComponentInstance;
pub use self::number::Number;
use crate::error::ComponentError;
use crate::plan::Plan;
use crate::program::{Function, Program};
use crate::text;
use crate::translate;

/// A component without imports, whose core modules are compiled.
#[derive(Debug)]
pub struct Component {
    program: Program,
    modules: Vec<Module>,
}

/// A component that was not called.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It has no plan, or needs something of its host that is not offered.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// A core module cannot be compiled, or cannot be instantiated.
    #[error("core module {module}: {error}")]
    Module {
        /// Its index in [`Plan::modules`].
        module: usize,
        /// The runtime's reason.
        error: leakbench_runtime::Error,
    },
    /// The text is no call.
    #[error("'{text}' is no call such as 'name(1, \"text\", [2, 3])': {reason}")]
    Call {
        /// The text.
        text: String,
        /// The place and the rule.
        reason: String,
    },
    /// The component exports no such function.
    #[error("it exports no function '{name}' (it has {})", if functions.is_empty() { "none".to_owned() } else { functions.join(", ") })]
    NoFunction {
        /// The requested name.
        name: String,
        /// The functions that it exports.
        functions: Vec<String>,
    },
    /// A type of the function's values is not supported.
    #[error(
        "function '{name}' takes or returns {what}, which cannot be written as text: call another one"
    )]
    Type {
        /// The function.
        name: String,
        /// The type.
        what: String,
    },
}

impl Component {
    /// Plans and compiles a component, in the binary format or as text.
    ///
    /// # Errors
    /// If it has no plan, imports anything, or a core module cannot be compiled.
    pub fn new(engine: &Engine, bytes: &[u8]) -> Result<Component, RunError> {
        Component::with_memories_of(engine, bytes, None)
    }

    /// As [`Component::new`], with at most so many pages of 64 KiB for a memory that has no maximum.
    ///
    /// # Errors
    /// As [`Component::new`].
    pub fn with_memories_of(
        engine: &Engine,
        bytes: &[u8],
        max_pages: Option<u32>,
    ) -> Result<Component, RunError> {
        let (Plan { modules, .. }, program) = translate::program(&text::assembled(bytes)?)?;
        let modules = modules.iter().enumerate().map(|(module, of_plan)| {
            let limited = match max_pages {
                None => Cow::Borrowed(&of_plan.binary),
                Some(max_pages) => {
                    let limited = leakbench_fuse::limit_memories(&of_plan.binary, max_pages);
                    Cow::Owned(limited.map_err(|error| {
                        let error = leakbench_runtime::Error::msg(error.to_string());
                        RunError::Module { module, error }
                    })?)
                }
            };
            Module::from_binary(engine, &limited)
                .map_err(|error| RunError::Module { module, error })
        });
        Ok(Component { modules: modules.collect::<Result<_, _>>()?, program })
    }

    /// The data of a store in which the component can be instantiated once.
    pub fn state(&self) -> ComponentState {
        let Program { memories, resources, component_instances, handle_types, .. } = &self.program;
        ComponentState {
            memories: vec![None; *memories],
            resources: vec![host::Resource::default(); *resources],
            may_leave: Vec::new(),
            handles: Handles::new(*component_instances),
            handle_types: handle_types.clone(),
            has_failed: false,
        }
    }

    fn function(&self, name: &str) -> Result<(usize, &Function), RunError> {
        let mut functions = self.program.functions.iter().enumerate();
        functions.find(|(_, function)| function.name == name).ok_or_else(|| RunError::NoFunction {
            name: name.to_owned(),
            functions: self.program.functions.iter().map(|it| it.name.clone()).collect(),
        })
    }
}
