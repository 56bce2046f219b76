//! Wasmtime 48.

use wasm::{
    Config, Enabled, Engine, Error, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};
use wasmtime as wasm;

use crate::rows::Side;

#[path = "works.rs"]
pub(crate) mod works;

/// An engine that compiles on one thread, without information that only native debuggers use.
/// Guards against speculative accesses are on, as by default.
fn engine(_side: Side, slots: u32) -> Result<Engine, Error> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_memories(slots)
        .total_tables(slots)
        .total_core_instances(slots)
        .max_unused_warm_slots(slots)
        .max_core_instance_size(1 << 20)
        .linear_memory_keep_resident(0)
        .table_keep_resident(0)
        .pagemap_scan(Enabled::No);
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .native_unwind_info(false);
    Engine::new(&config)
}
