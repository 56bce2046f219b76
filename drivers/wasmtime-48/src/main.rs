//! Wasmtime 36 and later as a subject of leakbench: the version with long-term support, and the newest that
//! builds with this project's Rust. They share this program; where they differ, the version is named.

#[path = "../../wasmtime-common/mod.rs"]
mod common;
mod version;
#[cfg_attr(wasmtime = "36", path = "../../wasmtime-common/no_wasi.rs")]
mod wasi;

use std::num::NonZeroU32;
use std::process::ExitCode;

use common::{MODES, RUNTIME, Reservation, Runtime, with_causes};
use leakbench_subject::{
    Allocation, ByteSize, Compile, Feature, Offer, Scenario, Strategy, SubjectError, main as serve,
};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// The reservation of each memory and of the guard after it. Both are Wasmtime's defaults. They are set
/// explicitly, because slots are found by them.
const MEMORY_BYTES: u64 = 4 << 30;
const GUARD_BYTES: u64 = 32 << 20;
/// Limits for modules from files.
const PROGRAM_TABLES: u32 = 4;
const PROGRAM_TABLE_ELEMENTS: usize = 1 << 20;
const PROGRAM_INSTANCE_BYTES: usize = 16 << 20;

fn main() -> ExitCode {
    serve(&offer(), |scenario| {
        let (config, pool) = config(scenario)?;
        Runtime::new(config, scenario, pool)
    })
}

/// The choices of a run, with Wasmtime's own defaults.
fn offer() -> Offer {
    Offer {
        strategy: vec![Strategy::WarmLru],
        compile: vec![Compile::Cached, Compile::Fresh],
        trap_unknown_imports: vec![false, true],
        allocation: vec![Allocation::Pool, Allocation::OnDemand],
        mode: MODES.to_vec(),
        feature: Feature::ALL.to_vec(),
        wasi: !cfg!(wasmtime = "36"),
        ..defaults()
    }
}

/// Version 36 does not publish its defaults; these are those of its source.
#[cfg(wasmtime = "36")]
fn defaults() -> Offer {
    Offer {
        slots: NonZeroU32::new(1000),
        warm_slots: Some(100),
        decommit_batch: NonZeroU32::new(1),
        keep_resident: Some(ByteSize(0)),
        ..Offer::none(RUNTIME)
    }
}

#[cfg(not(wasmtime = "36"))]
fn defaults() -> Offer {
    let defaults = PoolingAllocationConfig::default();
    Offer {
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
    // Its proposal also lets constant expressions read globals of the module, which tools use.
    config.wasm_gc(scenario.has(Feature::GcHeap) || !scenario.wasm.is_empty());
    #[cfg(wasmtime = "36")]
    config.async_support(scenario.has(Feature::AsyncStack));
    #[cfg(not(wasmtime = "36"))]
    config.shared_memory(scenario.has(Feature::SharedMemory));
    if scenario.allocation == Some(Allocation::OnDemand) {
        return Ok((config, None));
    }
    if scenario.has(Feature::SharedMemory) {
        let refused = "Wasmtime's pool takes no shared memory: use --allocation on-demand";
        return Err(SubjectError::new(refused));
    }
    let mut pool = PoolingAllocationConfig::new();
    let slots = scenario.slots.ok_or_else(|| SubjectError::new("a pool needs --slots"))?.get();
    // The heap of the garbage collector is in a memory of its own.
    let memories = if scenario.has(Feature::GcHeap) { slots.saturating_mul(2) } else { slots };
    pool.total_memories(memories).total_tables(slots).total_core_instances(slots);
    pool.total_gc_heaps(slots).total_stacks(slots);
    if !scenario.wasm.is_empty() {
        // Programs have more and larger tables, and more functions and data segments, than the defaults allow.
        pool.total_tables(slots.saturating_mul(PROGRAM_TABLES))
            .max_tables_per_module(PROGRAM_TABLES);
        pool.table_elements(PROGRAM_TABLE_ELEMENTS).max_core_instance_size(PROGRAM_INSTANCE_BYTES);
    }
    if scenario.has(Feature::Memories) {
        pool.max_memories_per_module(2).max_tables_per_module(2);
    }
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
    #[cfg(not(wasmtime = "36"))]
    pool.pagemap_scan(match scenario.pagemap_scan {
        Some(true) => wasmtime::Enabled::Yes,
        _ => wasmtime::Enabled::No,
    });
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .memory_reservation(MEMORY_BYTES)
        .memory_guard_size(GUARD_BYTES)
        .guard_before_linear_memory(true);
    let reservation =
        Reservation { slots: memories, memory_bytes: MEMORY_BYTES, guard_bytes: GUARD_BYTES };
    Ok((config, Some(reservation)))
}
