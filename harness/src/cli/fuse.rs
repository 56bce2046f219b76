//! `leakbench fuse`: makes one module with one memory of a composition.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use leakbench_fuse::Isolation;
use leakbench_scenarios::ByteSize;

use crate::error::Error;
use crate::fusion::Order;
use crate::output::{Verbosity, print};

const EXAMPLES: &str = "\
Examples:
  leakbench fuse app.wasm --out one.wasm               one module, whose memory has a part for each memory
  leakbench fuse app.wasm --out one.wasm --verify 1000 and it computes what the component does
  leakbench fuse app.wasm --out one.wasm --max-memory 16MiB
                                                       memories without a maximum get this one
  leakbench fuse app.wasm --out one.wasm --isolation trusted
                                                       without checks, for components of one owner

The component imports nothing. Of its functions the module exports those that take and return numbers; the
others are named. The calls of --verify are of random functions with random numbers below 4096, on the
built-in runtime: results, traps, and the bytes of every memory must be the same.

Exit codes:
  0 the module is written   1 it differs from the component, and is not   2 it cannot be fused: the message
  has the reason   130 interrupted";

/// `leakbench fuse`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FuseArgs {
    /// The component, `.wasm` or `.wat`
    #[arg(value_name = "FILE")]
    component: PathBuf,

    /// File of the fused module
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,

    /// Whether each access is checked against the part of its own memory
    #[arg(long, value_name = "HOW", default_value = "checked", value_parser = isolation())]
    isolation: Isolation,

    /// Size of a memory that has no maximum [default: none, and such a component is refused]
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<ByteSize>,

    /// Calls to compare with the component
    #[arg(long, value_name = "N", default_value_t = 0)]
    verify: u32,

    /// Choice of these calls
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

fn isolation() -> impl TypedValueParser<Value = Isolation> {
    PossibleValuesParser::new(["checked", "trusted"]).map(|word| match &*word {
        "trusted" => Isolation::Trusted,
        _ => Isolation::Checked,
    })
}

impl FuseArgs {
    /// Fuses, compares and writes the module.
    ///
    /// # Errors
    /// The component cannot be fused, or the module cannot be written.
    pub(super) fn run(self, verbosity: Verbosity) -> Result<ExitCode, Error> {
        let max_pages = self.max_memory.map(|size| u32::try_from(size.0 >> 16).unwrap_or(u32::MAX));
        let order = Order {
            component: self.component,
            isolation: self.isolation,
            max_pages,
            calls: self.verify,
            seed: self.seed,
        };
        let fusion = order.carry_out(verbosity)?;
        if let Some(module) = fusion.module() {
            std::fs::write(&self.out, module)
                .map_err(|error| Error::Write { path: self.out.clone(), error })?;
        }
        print(verbosity.of_summary(&fusion.to_text(&self.out)))?;
        Ok(ExitCode::from(fusion.exit_code()))
    }
}
