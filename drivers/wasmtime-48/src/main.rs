//! Wasmtime 48.0.8 as a subject of leakbench: the newest that builds with this project's Rust.

#[path = "../../wasmtime-common/mod.rs"]
mod common;

use std::num::NonZeroU32;
use std::process::ExitCode;

use common::{RUNTIME, Runtime, told};
use leakbench::subject::{
    Allocation, ByteSize, Compile, Offer, Scenario, Strategy, SubjectError, main as serve,
};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

fn main() -> ExitCode {
    serve(&offer(), |scenario| Runtime::new(config(scenario)?, scenario.compile))
}

/// What can be chosen, with Wasmtime's own defaults.
fn offer() -> Offer {
    let defaults = PoolingAllocationConfig::default();
    Offer {
        strategy: vec![Strategy::WarmLru],
        compile: vec![Compile::Cached, Compile::Fresh],
        allocation: vec![Allocation::Pool, Allocation::OnDemand],
        pagemap_scan: vec![false, true],
        slots: NonZeroU32::new(defaults.get_total_memories()),
        warm_slots: Some(defaults.get_max_unused_warm_slots()),
        decommit_batch: u32::try_from(defaults.get_decommit_batch_size())
            .ok()
            .and_then(NonZeroU32::new),
        keep_resident: Some(ByteSize(defaults.get_memory_keep_resident() as u64)),
        ..Offer::none(RUNTIME)
    }
}

fn config(scenario: &Scenario) -> Result<Config, SubjectError> {
    let mut config = Config::new();
    if scenario.allocation == Some(Allocation::OnDemand) {
        return Ok(config);
    }
    let mut pool = PoolingAllocationConfig::new();
    if let Some(slots) = scenario.slots {
        pool.total_memories(slots.get())
            .total_tables(slots.get())
            .total_core_instances(slots.get());
    }
    if let Some(slots) = scenario.warm_slots {
        pool.max_unused_warm_slots(slots);
    }
    if let Some(batch) = scenario.decommit_batch {
        pool.decommit_batch_size(told(usize::try_from(batch.get()))?);
    }
    if let Some(bytes) = scenario.keep_resident {
        pool.linear_memory_keep_resident(told(usize::try_from(bytes.0))?);
    }
    // Not `Auto`: who asks for it on a kernel without it is told so.
    let scan = scenario.pagemap_scan == Some(true);
    pool.pagemap_scan(if scan { Enabled::Yes } else { Enabled::No });
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(config)
}
