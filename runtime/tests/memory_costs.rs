//! What memories cost, compared with the mappings and descriptors that this process then has. Only one test
//! makes any, because they are those of the process.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::num::NonZeroU32;

use leakbench_runtime::{Config, Engine, Instance, Memories, Module, PoolConfig, Store};

const INSTANCES: u64 = 200;

/// Mappings that the allocator of the process may add.
const SLACK: u64 = 20;

/// Memories without an image, with one at its start, in its middle, over all of it, with one that is
/// copied, of no length, with explicit bounds, and two in a module.
const MODULES: &[&str] = &[
    "(module (memory 1))",
    r#"(module (memory 3) (data (i32.const 0) "x") (data (i32.const 5000) "x"))"#,
    r#"(module (memory 3) (data (i32.const 65536) "x") (data (i32.const 73000) "x"))"#,
    r#"(module (memory 1) (data (i32.const 0) "x") (data (i32.const 65535) "x"))"#,
    r#"(module (memory 1) (data (i32.const 10) "x"))"#,
    "(module (memory 0))",
    r#"(module (memory i64 2) (data (i64.const 0) "x") (data (i64.const 9000) "x"))"#,
    r#"(module (memory 70000 (pagesize 1)) (data (i32.const 0) "x") (data (i32.const 9000) "x"))"#,
    r#"(module (memory 1) (memory 2) (data (i32.const 0) "x") (data (i32.const 9000) "x"))"#,
    "(module (memory 1 4 shared))",
    "(module)",
];

/// Mappings, their bytes, and descriptors.
fn counts() -> (u64, u64, u64) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let address = |text| u64::from_str_radix(text, 16).unwrap();
    let ranges = maps.lines().map(|line| line.split_whitespace().next().unwrap());
    let bytes = ranges.map(|range| range.split_once('-').unwrap());
    let bytes = bytes.map(|(start, end)| address(end) - address(start)).sum();
    let fds = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    (maps.lines().count() as u64, bytes, fds)
}

#[test]
fn memories_cost_what_was_computed() {
    let pool = PoolConfig { slots: NonZeroU32::new(1000).unwrap(), ..PoolConfig::default() };
    for memories in [Memories::Pooled, Memories::OnDemand] {
        let config = Config { memories, pool: pool.clone(), ..Config::default() };
        for text in MODULES {
            let binary = wat::parse_str(text).unwrap();
            let costs = Module::memory_requirements(&config, &binary).unwrap();
            let of = |cost: &leakbench_runtime::MemoryRequirement| match memories {
                Memories::Pooled => cost.pooled.unwrap(),
                Memories::OnDemand => cost.on_demand,
            };
            let each_mappings: u64 = costs.iter().map(|cost| of(cost).mappings).sum();
            let each_bytes: u64 = costs.iter().map(|cost| of(cost).address_bytes).sum();
            let descriptors: u64 = costs.iter().map(|cost| cost.descriptors).sum();
            let place = format!("{memories:?}: {text}: {costs:?}");

            let engine = Engine::new(&config).unwrap();
            let (_, _, fds) = counts();
            let module = Module::new(&engine, &binary).unwrap();
            assert_eq!(counts().2 - fds, descriptors, "{place}");
            let mut store = Store::new(&engine, ());
            let (mappings, bytes, _) = counts();
            for _ in 0..INSTANCES {
                Instance::new(&mut store, &module, &[]).unwrap();
            }
            let (mappings_then, bytes_then, _) = counts();
            let added = mappings_then.saturating_sub(mappings);
            let max = INSTANCES * each_mappings;
            assert!(added <= max + SLACK, "{added} mappings: {place}");
            // Guards of neighbours may be one mapping, without a pool.
            let merged =
                if memories == Memories::OnDemand { INSTANCES * costs.len() as u64 } else { 0 };
            assert!(added + merged + SLACK >= max, "{added} mappings: {place}");
            if memories == Memories::OnDemand {
                let added = bytes_then.saturating_sub(bytes);
                let slack = 16 << 20;
                assert!(added.abs_diff(INSTANCES * each_bytes) <= slack, "{added} bytes: {place}");
            }
        }
    }
}

#[test]
fn a_memory_that_no_slot_holds_has_no_cost_there() {
    let binary = wat::parse_str("(module (memory i64 65537))").unwrap();
    let costs = Module::memory_requirements(&Config::default(), &binary).unwrap();
    assert_eq!(costs[0].pooled, None);
    assert_eq!(costs[0].on_demand.address_bytes, 65_537 << 16);
}
