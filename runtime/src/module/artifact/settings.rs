//! Everything that decides an artifact's code beside the module: compiler, settings, instructions.
//!
//! An artifact has it as lines of a name and a value. An engine that would write the same lines can
//! run the code. Of instructions it may have more.

use std::fmt::Write;

use leakbench_allocator::{GUARD_BYTES, MEMORY_MAX_BYTES};

use super::ArtifactError;
use crate::compile::Compiler;
use crate::config::Config;
use crate::vm::layout::{self, Builtin};

/// The name of the line with the machine's instruction sets.
const INSTRUCTIONS: &str = "instructions";

/// The lines of an engine.
pub(crate) fn describe(config: &Config, compiler: &Compiler) -> String {
    let mut lines = String::new();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{name} {value}");
    };
    line("leakbench-runtime", &env!("CARGO_PKG_VERSION"));
    line("Cranelift", &cranelift_codegen::VERSION);
    line("target", &compiler.isa().triple());
    line("optimization", &format_args!("{:?}", config.opt_level));
    line("proposals", &format_args!("{:?}", config.features));
    line("fuel", &config.consume_fuel);
    line("reservation", &format_args!("{MEMORY_MAX_BYTES} {GUARD_BYTES}"));
    line("structures", &layout::fingerprint());
    let builtin = |builtin: &Builtin| {
        format!("{builtin:?}{:?}{:?}", builtin.params(), builtin.ret()).replace(' ', "")
    };
    line("builtins", &Builtin::ALL.iter().map(builtin).collect::<Vec<_>>().join(" "));
    for setting in compiler.isa().flags().iter() {
        // The verifier checks the compiler, and changes no code.
        if setting.name != "enable_verifier" {
            line(setting.name, &setting.value_string());
        }
    }
    let instructions = compiler.isa().isa_flags().into_iter();
    let available = instructions.filter(|flag| flag.as_bool() == Some(true)).map(|flag| flag.name);
    line(INSTRUCTIONS, &available.collect::<Vec<_>>().join(" "));
    lines
}

/// Compares the lines of an artifact with those of the engine.
///
/// # Errors
/// [`ArtifactError::Differs`] with the first line that does not fit.
pub(super) fn compare(artifact: &[u8], engine: &str) -> Result<(), ArtifactError> {
    if artifact == engine.as_bytes() {
        return Ok(());
    }
    let artifact = String::from_utf8_lossy(artifact);
    for line in engine.lines() {
        let (name, expected) = line.split_once(' ').unwrap_or((line, ""));
        let of_name = |line: &'_ str| {
            let (other, value) = line.split_once(' ').unwrap_or((line, ""));
            (other == name).then(|| value.to_owned())
        };
        let found = artifact.lines().find_map(of_name).unwrap_or_default();
        let fits = match name {
            INSTRUCTIONS => {
                let has = |needed: &str| expected.split(' ').any(|available| available == needed);
                found.split(' ').filter(|needed| !needed.is_empty()).all(has)
            }
            _ => found == expected,
        };
        if !fits {
            let expected = expected.to_owned();
            return Err(ArtifactError::Differs { setting: name.to_owned(), found, expected });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let engine = "Cranelift 1.2\nopt_level speed\ninstructions has_a has_b\n";
        assert_eq!(compare(engine.as_bytes(), engine), Ok(()));
        let fewer = "Cranelift 1.2\nopt_level speed\ninstructions has_b\n";
        assert_eq!(compare(fewer.as_bytes(), engine), Ok(()));
        let differs = |setting: &str, found: &str, expected: &str| {
            let [setting, found, expected] = [setting, found, expected].map(str::to_owned);
            Err(ArtifactError::Differs { setting, found, expected })
        };
        for (artifact, expected) in [
            ("Cranelift 1.3\nopt_level none\n", differs("Cranelift", "1.3", "1.2")),
            ("Cranelift 1.2\nopt_level none\n", differs("opt_level", "none", "speed")),
            ("", differs("Cranelift", "", "1.2")),
            (
                "Cranelift 1.2\nopt_level speed\ninstructions has_b has_c\n",
                differs("instructions", "has_b has_c", "has_a has_b"),
            ),
        ] {
            assert_eq!(compare(artifact.as_bytes(), engine), expected, "{artifact}");
        }
    }
}
