//! What a component consists of, what its memories cost on the built-in runtime, and how many instances of
//! it fit into a process of this machine.

mod cost;
mod fit;
mod json;
mod text;
mod tree;

use std::path::{Path, PathBuf};

use leakbench_components::Plan;

use self::cost::Costs;
use self::fit::{Fits, Limits};
use crate::error::Error;

/// A component with its costs, on this machine.
#[derive(Debug)]
pub(crate) struct Survey {
    path: PathBuf,
    plan: Plan,
    costs: Costs,
    limits: Limits,
    fits: Fits,
}

impl Survey {
    /// Plans the component of a file, and reads this machine's limits. That reserves all address space for
    /// a moment.
    ///
    /// # Errors
    /// The file cannot be read, has no plan, or has a core module that the built-in runtime cannot load.
    pub(crate) fn of_file(path: &Path) -> Result<Survey, Error> {
        let bytes =
            std::fs::read(path).map_err(|error| Error::Read { path: path.to_owned(), error })?;
        let plan =
            Plan::new(&bytes).map_err(|error| Error::Component { path: path.to_owned(), error })?;
        let costs = Costs::of(&plan).map_err(|(module, error)| Error::ComponentModule {
            path: path.to_owned(),
            module,
            error,
        })?;
        let limits = Limits::read();
        let fits = Fits::of(&costs, &limits);
        Ok(Survey { path: path.to_owned(), plan, costs, limits, fits })
    }

    /// One JSON object.
    ///
    /// # Errors
    /// The plan has no JSON form.
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        Ok(json::document(self)?)
    }

    /// A tree of the components, the instances in order, the costs, and the conclusion as the last line.
    pub(crate) fn to_text(&self, colour: bool) -> String {
        text::lines(self, colour)
    }
}
