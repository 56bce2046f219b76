//! Validation, compared with wasmparser's.

use std::sync::OnceLock;

use leakbench_runtime::{CompileError, Config, Engine, Error, Memories, Module, OptLevel};
use wasmparser::{Validator, WasmFeatures};

use crate::modules::features;

/// Names of what the runtime refuses in modules that wasmparser accepts with the same features. None is known.
const OWN_REFUSALS: [&str; 0] = [];

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let config = Config {
            memories: Memories::OnDemand,
            opt_level: OptLevel::None,
            code_cache_modules: None,
            parallel_compilation: false,
            ..Config::default()
        };
        Engine::new(&config).expect("an engine")
    })
}

/// Validates and compiles bytes.
///
/// # Panics
/// If the runtime's answer differs from wasmparser's.
pub fn check(binary: &[u8]) {
    let is_valid = |features| Validator::new_with_features(features).validate_all(binary).is_ok();
    let own = Module::validate(engine(), binary);
    if is_valid(features()) {
        if let Err(error) = &own {
            let error = error.to_string();
            assert!(OWN_REFUSALS.iter().any(|name| error.contains(name)), "refused: {error}");
        }
    } else if own.is_ok() {
        // Of the GC proposal the runtime accepts recursion groups of function types.
        assert!(is_valid(features() | WasmFeatures::GC), "an invalid module is accepted");
    }
    if own.is_ok() {
        match engine().precompile_module(binary) {
            Ok(_) | Err(Error::Compile(CompileError::Limit { .. })) => {}
            Err(error) => panic!("a valid module is not compiled: {error}"),
        }
    }
}
