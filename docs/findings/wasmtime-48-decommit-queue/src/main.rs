//! Creates, instantiates and drops modules one after the other, each with its own memory image. Then it
//! counts the images that the process still holds without any module.
//!
//! Without arguments it prints a table. With BATCH and WARM it runs that configuration alone. If a cycle
//! fails, as under `ulimit -n 256`, it prints the cycle's number.

use std::fs::File;

use wasmtime::{
    Config, Engine, Instance, InstanceAllocationStrategy, Module, PoolingAllocationConfig, Result,
    Store,
};

const CYCLES: u32 = 3000;

fn main() -> Result<()> {
    let numbers: Vec<u32> = std::env::args().skip(1).map(|arg| arg.parse().unwrap()).collect();
    println!("cpus available: {}", std::thread::available_parallelism()?);
    println!("batch  warm slots | mappings  descriptors | and with the engine dropped");
    if let [batch, warm] = numbers[..] {
        return run(batch, warm);
    }
    for batch in [1, 16, 64, 500] {
        for warm in [0, 100, 1000] {
            run(batch, warm)?;
        }
    }
    Ok(())
}

fn run(batch: u32, warm: u32) -> Result<()> {
    let mut pool = PoolingAllocationConfig::new();
    pool.decommit_batch_size(batch as usize).max_unused_warm_slots(warm);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
    // Counting needs two descriptors after a cycle has failed with EMFILE.
    let spare = [File::open("/dev/null")?, File::open("/dev/null")?];
    for cycle in 0..CYCLES {
        if let Err(error) = create_and_drop_module(&engine, cycle) {
            drop(spare);
            println!("batch {batch}, {warm} warm slots: cycle {cycle} of {CYCLES} failed");
            println!("no module is left; {} mappings, {} descriptors", mappings(), descriptors());
            return Err(error);
        }
    }
    print!("{batch:>5}  {warm:>10} | {:>8}  {:>11} |", mappings(), descriptors());
    drop(engine);
    println!(" {}  {}", mappings(), descriptors());
    Ok(())
}

/// Drops store, instance and module before it returns.
fn create_and_drop_module(engine: &Engine, cycle: u32) -> Result<()> {
    let text = format!(r#"(module (memory 1) (data (i32.const 0) "image of module {cycle}"))"#);
    let module = Module::new(engine, text)?;
    let mut store = Store::new(engine, ());
    Instance::new(&mut store, &module, &[])?;
    Ok(())
}

/// Mappings of images in this process.
fn mappings() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("/memfd:wasm-memory-image")).count()
}

/// Descriptors of images in this process.
fn descriptors() -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = links.filter_map(|link| std::fs::read_link(link.path()).ok());
    targets.filter(|target| target.to_string_lossy().contains("wasm-memory-image")).count()
}
