//! The truth about the plants and habits of a subject, apart from what leakbench sees of it.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The variable with the path of a file, to which each subject with plants or habits adds a line of JSON before
/// it exits.
pub(crate) const TRUTH_FILE: &str = "LEAKBENCH_TRUTH";

/// What a subject kept on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Truth {
    /// Objects kept in total, purges that went wrong, or acts of habits.
    pub(crate) kept: u64,
    /// Images of dropped modules that are kept at the end: by plants that never release one, or by slots
    /// whose purge went wrong.
    #[serde(default)]
    pub(crate) images: u64,
    /// The object that the kernel refused to a habit, with the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
}

impl Truth {
    /// Adds the truth to the file that the variable names, if it is set.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn record(&self) -> io::Result<()> {
        let Some(path) = std::env::var_os(TRUTH_FILE) else {
            return Ok(());
        };
        let path = Path::new(&path);
        self.append_to(path).map_err(|error| {
            let path = path.display();
            let message = format!("cannot write the truth to {path} ({TRUTH_FILE}): {error}");
            io::Error::new(error.kind(), message)
        })
    }

    fn append_to(&self, path: &Path) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        File::options().append(true).create(true).open(path)?.write_all(&line)
    }
}
