//! The `main` of a driver.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use leakbench_scenarios::{Offer, Scenario};

use crate::wire::{OfferLine, serve};
use crate::{Subject, SubjectError};

/// Exit code of a subject that was started with other arguments, or whose supervisor has ended.
const FAILED: u8 = 2;

/// The whole `main` of a driver: a program called `leakbench-NAME`, for `leakbench --subject NAME`.
///
/// `offer` has the choices of a run that its runtime has. `build` makes the runtime; the scenario that
/// it gets has the seed of this subject alone, and only choices that were offered. It is called
/// twice: the first runtime only tries each guest, so that the runtime under test has made no image
/// before the death watch begins.
///
/// A panic in a step ends the subject, which is a result (exit code 3). The [crate's
/// documentation](crate) has an example.
pub fn main<S: Subject>(
    offer: &Offer,
    build: impl Fn(&Scenario) -> Result<S, SubjectError>,
) -> ExitCode {
    let word = std::env::args_os().nth(1);
    let result = match word.as_ref().and_then(|word| word.to_str()) {
        Some("offer") => OfferLine::print(offer).map_err(|error| error.to_string()),
        Some("subject") if !std::io::stdin().is_terminal() => {
            serve(build).map_err(|error| error.to_string())
        }
        _ => {
            Err(format!("this is {}, a subject of leakbench: see leakbench --help", offer.runtime))
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::from(FAILED)
        }
    }
}
