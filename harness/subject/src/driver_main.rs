//! The `main` of a program that is a subject and nothing else.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use leakbench_scenarios::{Offer, Scenario};

use super::protocol::OfferLine;
use super::{Subject, SubjectError, serve};

/// Exit code of a subject that was started wrongly, or lost its supervisor.
const FAILED: u8 = 2;

/// The whole `main` of a driver: a program called `leakbench-NAME`, for
/// `leakbench --subject NAME`. `offer` says which choices its runtime has; `build` makes the
/// runtime, and is called twice: each guest is tried once on a runtime of its own, so that the
/// one under test has made no image that was not watched. The scenario that `build` gets has the
/// seed of this subject alone, and every choice in it is one that was offered.
///
/// A panic in a step ends the subject, which is a result (exit code 3) like any other.
///
/// ```no_run
/// use std::os::fd::BorrowedFd;
/// use std::process::ExitCode;
///
/// use leakbench_subject::{Offer, Scenario, Subject, SubjectError};
///
/// // A runtime whose modules are their binaries, and whose images are none.
/// struct Mine;
///
/// impl Subject for Mine {
///     type Module = Vec<u8>;
///     type Instance = Vec<u8>;
///
///     fn create_module(&self, binary: &[u8]) -> Result<Vec<u8>, SubjectError> {
///         match binary {
///             [0, b'a', b's', b'm', ..] => Ok(binary.to_vec()),
///             _ => Err(SubjectError::new("not a WebAssembly module")),
///         }
///     }
///
///     // A real runtime shows the memfd that its instances map.
///     fn images(&self, _: &Vec<u8>, _: &mut dyn FnMut(BorrowedFd<'_>)) {}
///
///     fn instantiate(&self, module: &Vec<u8>) -> Result<Vec<u8>, SubjectError> {
///         Ok(module.clone())
///     }
///
///     fn call(&self, _: &mut Vec<u8>, export: &str) -> Result<Option<i64>, SubjectError> {
///         Err(SubjectError::new(format!("there is no export {export}")))
///     }
/// }
///
/// fn main() -> ExitCode {
///     leakbench_subject::main(&Offer::none("mine 0.1.0"), |_: &Scenario| Ok(Mine))
/// }
/// ```
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
