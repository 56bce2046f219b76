//! leakbench's runtime.

use std::num::NonZeroU32;

use leakbench_runtime as wasm;
use wasm::allocator::Strategy;
use wasm::{Config, Engine, Error, OptLevel, PoolConfig};

use crate::rows::Side;

#[path = "works.rs"]
pub(crate) mod works;

/// An engine that compiles every module, with the settings of the other one.
fn engine(side: Side, slots: u32) -> Result<Engine, Error> {
    let slots = NonZeroU32::new(slots).unwrap_or(NonZeroU32::MIN);
    Engine::new(&Config {
        pool: PoolConfig {
            slots,
            strategy: Strategy::WarmLru,
            warm_slots: slots.get(),
            ..PoolConfig::default()
        },
        opt_level: OptLevel::Speed,
        parallel_compilation: side == Side::Parallel,
        code_cache_modules: None,
        ..Config::default()
    })
}
