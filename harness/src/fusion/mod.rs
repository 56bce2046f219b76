//! A composition fused into one module with one memory, and compared with what it was made of.

mod text;
mod verify;

use std::path::{Path, PathBuf};

use leakbench_components::{Fusible, LeftOut, Plan};
use leakbench_fuse::{Fused, Isolation, Options, fuse};
use leakbench_model::exit_code;

use self::verify::{Comparison, Difference};
use crate::error::Error;
use crate::output::Verbosity;

/// The name under which a module that is compared exports its memory.
const MEMORY: &str = "leakbench:memory";

/// What is to be fused, and how.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) component: PathBuf,
    pub(crate) isolation: Isolation,
    /// Pages of 64 KiB that a memory without a maximum may have.
    pub(crate) max_pages: Option<u32>,
    /// Calls that are compared.
    pub(crate) calls: u32,
    pub(crate) seed: u64,
}

/// A fused module and what is known of it.
#[derive(Debug)]
pub(crate) struct Fusion {
    order: Order,
    core_modules: usize,
    functions: Vec<String>,
    left_out: Vec<LeftOut>,
    component_bytes: usize,
    fused: Fused,
    compared: Option<Compared>,
}

/// The end of a comparison.
#[derive(Debug)]
enum Compared {
    Same(Comparison),
    Differs(Box<Difference>),
    Interrupted,
}

impl Order {
    /// Fuses the component, and compares it if calls are asked for.
    ///
    /// # Errors
    /// The file cannot be read, or cannot be fused, or the component cannot be run.
    pub(crate) fn carry_out(self, verbosity: Verbosity) -> Result<Fusion, Error> {
        let path = || self.component.clone();
        let bytes =
            std::fs::read(&self.component).map_err(|error| Error::Read { path: path(), error })?;
        let of_component = |error| Error::Component { path: path(), error };
        let fusible = Fusible::new(&bytes).map_err(of_component)?;
        let plan = Plan::new(&bytes).map_err(of_component)?;
        let options = |export_memory: Option<&str>| Options {
            isolation: self.isolation,
            max_pages: self.max_pages,
            export_memory: export_memory.map(str::to_owned),
        };
        let refused = |error| Error::Fuse { path: path(), error };
        if fusible.program.exports.is_empty() {
            return Err(Error::NothingToFuse { path: path() });
        }
        let fused = fuse(&fusible.program, &options(None)).map_err(refused)?;
        let compared = match self.calls {
            0 => None,
            _ => {
                let shown = fuse(&fusible.program, &options(Some(MEMORY))).map_err(refused)?;
                let compared = verify::compare(&self, &bytes, &fusible, &shown, verbosity);
                Some(compared.map_err(|error| Error::Compare { path: path(), error })?)
            }
        };
        Ok(Fusion {
            core_modules: plan.instances.len(),
            functions: fusible.functions.iter().map(|function| function.name.clone()).collect(),
            left_out: fusible.left_out,
            component_bytes: bytes.len(),
            order: self,
            fused,
            compared,
        })
    }
}

impl Fusion {
    /// The module; `None` unless the comparison found it the same, or none was asked for.
    pub(crate) fn module(&self) -> Option<&[u8]> {
        match &self.compared {
            None | Some(Compared::Same(_)) => Some(&self.fused.wasm),
            Some(Compared::Differs(_) | Compared::Interrupted) => None,
        }
    }

    /// 0 if there is a module, 1 if it differs, 130 after an interruption.
    pub(crate) fn exit_code(&self) -> u8 {
        match &self.compared {
            None | Some(Compared::Same(_)) => exit_code::CLEAN,
            Some(Compared::Differs(_)) => exit_code::LEAK,
            Some(Compared::Interrupted) => exit_code::INTERRUPTED,
        }
    }

    /// A few lines, of which the last is the conclusion.
    pub(crate) fn to_text(&self, out: &Path) -> String {
        text::lines(self, out)
    }
}
