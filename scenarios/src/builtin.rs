//! Scenarios that come with leakbench, each a file of its own under `builtin/`.

/// A scenario known by name.
#[derive(Clone, Copy, Debug)]
pub struct BuiltinScenario {
    /// What `--scenario` calls it.
    pub name: &'static str,
    /// Its text, as a scenario file. The first line is a comment that says what it shows.
    pub toml: &'static str,
}

impl BuiltinScenario {
    /// What it shows, in a sentence.
    pub fn summary(&self) -> &'static str {
        self.toml.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }
}

macro_rules! builtin {
    ($($name:literal),+ $(,)?) => {
        /// Every scenario known by name.
        pub const BUILTIN: &[BuiltinScenario] = &[
            $(BuiltinScenario {
                name: $name,
                toml: include_str!(concat!("../builtin/", $name, ".toml")),
            }),+
        ];
    };
}

builtin!["affine-no-purge", "affine-purge", "queue-hidden-slot", "interleaved"];
