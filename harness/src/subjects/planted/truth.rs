//! The truth about the plants of a subject, apart from what it reports to its supervisor.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use leakbench_scenarios::Plant;
use leakbench_subject::{SlotState, Subject, SubjectError};
use serde::{Deserialize, Serialize};

use super::{Planted, is_of_an_image};

/// The variable with the path of a file, to which each subject with plants adds a line of JSON before it
/// exits.
pub(crate) const TRUTH_FILE: &str = "LEAKBENCH_TRUTH";

/// What a subject kept on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Truth {
    /// Objects kept in total, or purges that went wrong.
    pub(crate) kept: u64,
    /// Images of dropped modules that are kept at the end: by plants that never release one, or by slots
    /// whose purge went wrong.
    pub(crate) images: u64,
}

impl Planted {
    fn truth(&self) -> Truth {
        let mut truth = Truth::default();
        for planting in &self.plants {
            let kept = planting.kept();
            truth.kept += kept.count;
            truth.images += if is_of_an_image(planting.plant) { kept.images() } else { 0 };
            drop(kept);
            if planting.plant.is_of_the_purge() {
                truth.kept += self.runtime.purge_faults();
                truth.images += self.runtime.images_in_slots();
            }
            if planting.plant == Plant::MappingLimit {
                // Each still maps the image that it could not unmap.
                let mut states = Vec::new();
                self.runtime.slot_states(&mut states);
                truth.images +=
                    states.iter().filter(|state| **state == SlotState::Unknown).count() as u64;
            }
        }
        truth
    }

    /// Adds the truth to the file that the variable names, if it is set.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn record_truth(&self) -> Result<(), SubjectError> {
        let Some(path) = std::env::var_os(TRUTH_FILE).filter(|_| !self.plants.is_empty()) else {
            return Ok(());
        };
        append(Path::new(&path), self.truth()).map_err(|error| {
            let path = Path::new(&path).display();
            SubjectError::new(format!("cannot write the truth to {path} ({TRUTH_FILE}): {error}"))
        })
    }
}

fn append(path: &Path, truth: Truth) -> io::Result<()> {
    let mut line = serde_json::to_vec(&truth)?;
    line.push(b'\n');
    File::options().append(true).create(true).open(path)?.write_all(&line)
}
