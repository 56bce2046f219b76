//! Wasmtime 48.0.8 as a subject of leakbench: the newest that builds with this project's Rust.

#[path = "../../wasmtime-common/mod.rs"]
mod common;

use std::num::NonZeroU32;
use std::process::ExitCode;

use common::{RUNTIME, Reservation, Runtime, with_causes};
use leakbench_subject::{
    Allocation, ByteSize, Compile, Offer, Scenario, Strategy, SubjectError, main as serve,
};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The reservation of each memory and of the guard after it. Both are Wasmtime's defaults. They are set
/// explicitly, because slots are found by them.
const MEMORY_BYTES: u64 = 4 << 30;
const GUARD_BYTES: u64 = 32 << 20;

fn main() -> ExitCode {
    serve(&offer(), |scenario| {
        let (config, pool) = config(scenario)?;
        Runtime::new(config, scenario.compile, pool)
    })
}

/// The choices of a run, with Wasmtime's own defaults.
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

fn config(scenario: &Scenario) -> Result<(Config, Option<Reservation>), SubjectError> {
    let mut config = Config::new();
    if scenario.allocation == Some(Allocation::OnDemand) {
        return Ok((config, None));
    }
    let mut pool = PoolingAllocationConfig::new();
    let slots = scenario.slots.ok_or_else(|| SubjectError::new("a pool needs --slots"))?.get();
    pool.total_memories(slots).total_tables(slots).total_core_instances(slots);
    if let Some(slots) = scenario.warm_slots {
        pool.max_unused_warm_slots(slots);
    }
    if let Some(batch) = scenario.decommit_batch {
        pool.decommit_batch_size(with_causes(usize::try_from(batch.get()))?);
    }
    if let Some(bytes) = scenario.keep_resident {
        pool.linear_memory_keep_resident(with_causes(usize::try_from(bytes.0))?);
    }
    // Not `Auto`, so that a kernel without it reports an error.
    let scan = scenario.pagemap_scan == Some(true);
    pool.pagemap_scan(if scan { Enabled::Yes } else { Enabled::No });
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(MEMORY_BYTES)
        .memory_guard_size(GUARD_BYTES)
        .guard_before_linear_memory(true);
    let reservation = Reservation { slots, memory_bytes: MEMORY_BYTES, guard_bytes: GUARD_BYTES };
    Ok((config, Some(reservation)))
}
