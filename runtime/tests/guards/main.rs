//! What stops a guest that would run on or take too much: epochs, fuel, limits of its store. And what keeps
//! guests of several modules apart.

#![allow(clippy::unwrap_used, reason = "a test")]

mod calls;
mod epochs;
mod fuel;
mod store_limits;
#[path = "../artifacts/sys/mod.rs"]
mod sys;

use leakbench_runtime::{Config, Engine, Memories, Module, OptLevel};

/// The module by every way to a module: compiled by engines of both levels and for both places of memories,
/// and loaded from an artifact.
fn by_every_way(config: &Config, text: &str) -> Vec<(String, Module)> {
    let mut modules = Vec::new();
    for memories in [Memories::Pooled, Memories::OnDemand] {
        for opt_level in [OptLevel::None, OptLevel::Speed] {
            let config = Config { memories, opt_level, ..config.clone() };
            let engine = Engine::new(&config).unwrap();
            let way = format!("{memories:?} {opt_level:?}");
            let compiled = Module::new(&engine, text).unwrap();
            let loaded = sys::load(&engine, &compiled.serialize().unwrap()).unwrap();
            modules.push((format!("{way} artifact"), loaded));
            modules.push((way, compiled));
        }
    }
    modules
}
