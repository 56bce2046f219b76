//! Wasmtime 3.0.1 and 4.0.1 as subjects of leakbench: the last version whose pool keeps mapping
//! the images of dropped modules, and the first that does not. They share this program, since all
//! that it uses is called the same in both.

#[path = "../../wasmtime-common/mod.rs"]
mod common;

use std::num::NonZeroU32;
use std::process::ExitCode;

use common::{RUNTIME, Runtime, told};
use leakbench::subject::{
    Allocation, ByteSize, Compile, Offer, Scenario, Strategy, SubjectError, main as serve,
};
use wasmtime::{
    Config, InstanceAllocationStrategy, PoolingAllocationConfig, PoolingAllocationStrategy,
};

/// Pages of a memory that a slot has room for: 4 GiB, as leakbench's own pool.
const MEMORY_PAGES_MAX: u64 = 65536;

fn main() -> ExitCode {
    serve(&offer(), |scenario| Runtime::new(config(scenario)?, scenario.compile))
}

fn offer() -> Offer {
    Offer {
        // The version's own default comes first.
        strategy: vec![Strategy::ReuseAffinity, Strategy::Random, Strategy::NextAvailable],
        compile: vec![Compile::Cached, Compile::Fresh],
        allocation: vec![Allocation::Pool, Allocation::OnDemand],
        slots: NonZeroU32::new(1000),
        keep_resident: Some(ByteSize(0)),
        ..Offer::none(RUNTIME)
    }
}

fn config(scenario: &Scenario) -> Result<Config, SubjectError> {
    let mut config = Config::new();
    if scenario.allocation == Some(Allocation::OnDemand) {
        return Ok(config);
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
    if let Some(slots) = scenario.slots {
        pool.instance_count(slots.get());
    }
    if let Some(bytes) = scenario.keep_resident {
        pool.linear_memory_keep_resident(told(usize::try_from(bytes.0))?);
    }
    pool.instance_memory_pages(MEMORY_PAGES_MAX);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Ok(config)
}
