//! A process at its limit of mappings (VMAs). One test, because the limit is that of the process.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::num::NonZeroU32;

use leakbench_runtime::{Config, Engine, Instance, Module, OptLevel, PoolConfig, Store};

const SLOTS: u32 = 20_000;

/// Slots with an image in the middle of their memory need four mappings. The default limit is
/// 65,530.
const MAPPINGS_PER_SLOT: u64 = 4;

/// Pages of dropped code that an engine keeps. The code of each module has one page.
const KEPT: usize = 16;

fn code_bytes() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let code = maps.lines().filter(|line| line.contains(" r-xp ") && !line.contains(['/', '[']));
    let address = |text| usize::from_str_radix(text, 16).unwrap();
    code.map(|line| line.split_whitespace().next().unwrap().split_once('-').unwrap())
        .map(|(start, end)| address(end) - address(start))
        .sum()
}

/// The code of many modules is one mapping. Unmapping its middle needs one more mapping.
#[test]
fn code_that_cannot_be_unmapped_is_unmapped_later() {
    let max = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    if max.trim().parse::<u64>().unwrap() > u64::from(SLOTS) * MAPPINGS_PER_SLOT {
        eprintln!("not tested: a pool does not use up vm.max_map_count = {}", max.trim());
        return;
    }
    let engine = Engine::new(&Config {
        pool: PoolConfig { slots: NonZeroU32::new(SLOTS).unwrap(), ..PoolConfig::default() },
        opt_level: OptLevel::None,
        code_cache_modules: None,
        ..Config::default()
    })
    .unwrap();
    let module = |text: &str| Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    let filler = module(r#"(module (memory 3) (data (i32.const 65536) "x"))"#);
    let before_bytes = code_bytes();
    let mut modules: Vec<Option<Module>> =
        (0..100).map(|_| Some(module(r#"(module (func (export "f")))"#))).collect();
    let each_bytes = (code_bytes() - before_bytes) / modules.len();
    assert!(each_bytes >= 4096, "{each_bytes}");

    let mut store = Store::new(&engine, ());
    let error = loop {
        if let Err(error) = Instance::new(&mut store, &filler, &[]) {
            break error.to_string();
        }
    };
    assert!(error.contains("vm.max_map_count"), "{error}");
    modules.iter_mut().step_by(2).for_each(|module| *module = None);
    let refused_bytes = code_bytes() - before_bytes - 50 * each_bytes;
    assert!(refused_bytes > (KEPT + 10) * each_bytes, "{refused_bytes}: nothing was refused");

    // Free slots stay mapped, but not the images of dropped modules.
    drop((store, filler));
    modules[1] = None;
    assert_eq!(code_bytes() - before_bytes, (49 + KEPT) * each_bytes);
    modules.clear();
    assert_eq!(code_bytes() - before_bytes, KEPT * each_bytes);
    drop((modules, engine));
    assert_eq!(code_bytes(), before_bytes);
}
