//! The reasons for which bytes have no plan.

use thiserror::Error;

/// The bytes are not a component that has a plan.
///
/// Messages have no name of a file, which the caller puts before them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ComponentError {
    /// The bytes are a core module.
    #[error("it is a core module and no component: leakbench wasm run runs it")]
    CoreModule,
    /// The bytes are not in WebAssembly's binary format.
    #[error("it is no WebAssembly component: {found}")]
    NotWasm {
        /// A description of the bytes.
        found: String,
    },
    /// The text of a component is not well-formed.
    #[error("it is not the text of a component: {reason}")]
    Text {
        /// The place and the rule.
        reason: String,
    },
    /// The component breaks a rule of the specification, or the file is damaged.
    #[error("invalid component at offset {offset:#x}: {reason}: build or copy the file again")]
    Invalid {
        /// Offset in bytes from the start of the binary.
        offset: u64,
        /// The rule.
        reason: String,
    },
    /// The component needs a feature that is not supported.
    #[error(
        "the component needs {feature} (at offset {offset:#x}), which leakbench does not support in \
         components: build it without"
    )]
    Unsupported {
        /// The usual name of the proposal or feature.
        feature: &'static str,
        /// Offset of its first use, in bytes from the start of the binary.
        offset: u64,
    },
    /// The component is valid, but it cannot be flattened to a list of core instances.
    #[error("the component has no list of core instances: {reason}")]
    Refused {
        /// The construct that is in the way.
        reason: String,
    },
    /// The component can be planned, but not run.
    #[error(
        "it cannot run: it {needs}, and the built-in runtime runs components that need no host"
    )]
    NeedsHost {
        /// What it needs: `imports wasi:cli/environment@0.2.0`.
        needs: String,
    },
}
