//! Scenarios that come with leakbench, each a file of its own under `builtin/`.

/// A scenario known by name.
#[derive(Clone, Copy, Debug)]
pub struct BuiltinScenario {
    /// Its name for `--scenario`.
    pub name: &'static str,
    /// Its scenario file. The first line is a comment with its summary.
    pub toml: &'static str,
}

impl BuiltinScenario {
    /// Its summary, in a sentence.
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

builtin![
    "affine-no-purge",
    "affine-purge",
    "queue-hidden-slot",
    "interleaved",
    "stale-affinity",
    "error-path-slot",
    "hostile-guests",
    "immortal-store",
    "per-engine-cache",
    "mapped-artifacts",
    "sharded-queue",
    "stripe-purge",
    "open-images",
    "code-mapping-leak",
    "append-only-registry",
    "error-path-descriptor",
    "config-reload-churn",
    "fd-renumber",
    "resident-page-map",
    "near-vma-limit-drop",
    "vma-cliff",
    "decommit-batch-500",
    "memfd-emfile",
    "module-cache-emfile",
    "composed-17",
];
