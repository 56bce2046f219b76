//! Compiled modules as bytes and files: they behave as the modules that they were made of, damaged and
//! foreign ones are refused, and nothing of them remains.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../counts/mod.rs"]
mod counts;

mod behaviour;
mod files;
mod refused;
mod sys;

use std::num::NonZeroU32;

use leakbench_runtime::{Config, Engine, OptLevel, PoolConfig};

/// An engine with few slots.
fn engine(opt_level: OptLevel) -> Engine {
    Engine::new(&config(opt_level)).unwrap()
}

fn config(opt_level: OptLevel) -> Config {
    let slots = const { NonZeroU32::new(8).unwrap() };
    Config { pool: PoolConfig { slots, ..PoolConfig::default() }, opt_level, ..Config::default() }
}
