//! Wasmtime 3.0.1 and 4.0.1 as subjects of leakbench: the last version whose pool keeps mappings of
//! images of dropped modules, and the first that does not. They share this program, since the
//! interfaces that it uses are the same in both.

#[path = "../../wasmtime-common/mod.rs"]
mod common;
mod version;
#[path = "../../wasmtime-common/no_wasi.rs"]
mod wasi;

use std::num::NonZeroU32;
use std::process::ExitCode;

use common::{MODES, RUNTIME, Reservation, Runtime, with_causes};
use leakbench_subject::{
    Allocation, ByteSize, Compile, Feature, Offer, Scenario, Strategy, SubjectError, main as serve,
};
use wasmtime::{
    Config, InstanceAllocationStrategy, PoolingAllocationConfig, PoolingAllocationStrategy,
};

/// The reservation of each memory, all of which it may use, as in leakbench's own pool. This and the
/// guard are Wasmtime's defaults. They are set explicitly, because slots are found by them.
const MEMORY_BYTES: u64 = 4 << 30;
const GUARD_BYTES: u64 = 2 << 30;
const WASM_PAGE_BYTES: u64 = 64 << 10;

fn main() -> ExitCode {
    serve(&offer(), |scenario| {
        let (config, pool) = config(scenario)?;
        Runtime::new(config, scenario, pool)
    })
}

fn offer() -> Offer {
    Offer {
        // The default of the version is the first.
        strategy: vec![Strategy::ReuseAffinity, Strategy::Random, Strategy::NextAvailable],
        compile: vec![Compile::Cached, Compile::Fresh],
        trap_unknown_imports: vec![false, true],
        allocation: vec![Allocation::Pool, Allocation::OnDemand],
        mode: MODES.to_vec(),
        feature: vec![Feature::Memories, Feature::Fuel, Feature::Epochs],
        slots: NonZeroU32::new(1000),
        keep_resident: Some(ByteSize(0)),
        ..Offer::none(RUNTIME)
    }
}

fn config(scenario: &Scenario) -> Result<(Config, Option<Reservation>), SubjectError> {
    let mut config = Config::new();
    config.wasm_multi_memory(scenario.has(Feature::Memories));
    if scenario.allocation == Some(Allocation::OnDemand) {
        return Ok((config, None));
    }
    let mut pool = PoolingAllocationConfig::default();
    if let Some(strategy) = scenario.strategy {
        pool.strategy(match strategy {
            Strategy::NextAvailable => PoolingAllocationStrategy::NextAvailable,
            Strategy::Random => PoolingAllocationStrategy::Random,
            Strategy::ReuseAffinity => PoolingAllocationStrategy::ReuseAffinity,
            Strategy::WarmLru => return Err(SubjectError::new("there is no warm-lru strategy")),
        });
    }
    let slots = scenario.slots.ok_or_else(|| SubjectError::new("a pool needs --slots"))?.get();
    pool.instance_count(slots);
    // Each instance has slots for as many memories as one may have.
    let mut memories = slots;
    if scenario.has(Feature::Memories) {
        pool.instance_memories(2).instance_tables(2);
        memories = slots.saturating_mul(2);
    }
    if let Some(bytes) = scenario.keep_resident {
        pool.linear_memory_keep_resident(with_causes(usize::try_from(bytes.0))?);
    }
    pool.instance_memory_pages(MEMORY_BYTES / WASM_PAGE_BYTES);
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .static_memory_maximum_size(MEMORY_BYTES)
        .static_memory_guard_size(GUARD_BYTES)
        .guard_before_linear_memory(true);
    let reservation =
        Reservation { slots: memories, memory_bytes: MEMORY_BYTES, guard_bytes: GUARD_BYTES };
    Ok((config, Some(reservation)))
}
