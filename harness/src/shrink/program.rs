//! A scenario of a few steps as a Rust program over Wasmtime alone, for people who do not have leakbench. Pure.

use std::fmt::Write;

use leakbench_scenarios::{Allocation, Mode, Scenario, Step, Steps, SubjectName};

use super::candidate::Candidate;

/// Maximum lines of a program.
const LINES_MAX: usize = 60;

/// The program of a candidate that ran on `runtime`, such as `wasmtime 48.0.8`. `summary` is its first line.
///
/// # Errors
/// The reason why there is none, as a clause.
pub(super) fn program(
    candidate: &Candidate,
    runtime: Option<&str>,
    summary: &str,
) -> Result<String, String> {
    let scenario = &candidate.scenario;
    let version = wasmtime_version(scenario, runtime)?;
    check(scenario)?;
    let straight = text(candidate, version, summary, &straight_steps(scenario)?);
    let steps = match straight.lines().count() <= LINES_MAX {
        true => return Ok(straight),
        false => loop_of_cycles(scenario)?,
    };
    Ok(text(candidate, version, summary, &steps))
}

/// The version of a Wasmtime that has the interface of the program.
fn wasmtime_version<'a>(scenario: &Scenario, runtime: Option<&'a str>) -> Result<&'a str, String> {
    let name = scenario.subject.to_string();
    let is_driver = matches!(scenario.subject, SubjectName::Driver(_));
    let version = runtime.and_then(|runtime| runtime.strip_prefix("wasmtime "));
    let version = version.filter(|_| is_driver && name.starts_with("wasmtime@"));
    let version =
        version.ok_or_else(|| format!("a program is written for Wasmtime, and not for {name}"))?;
    // Its numbers are written into the program.
    let is_plain = version.chars().all(|c| c.is_ascii_digit() || c == '.');
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    match major {
        Some(36..) if is_plain => Ok(version),
        _ => Err(format!(
            "Wasmtime {version} has another interface than the program: it needs 36 or later"
        )),
    }
}

/// Refuses what the program does not do.
fn check(scenario: &Scenario) -> Result<(), String> {
    let lacks = |what: &str| Err(format!("the program has no {what}"));
    match scenario {
        it if !it.wasm.is_empty() => lacks("modules from files"),
        it if it.modes().iter().any(|mode| *mode != Mode::Plain) => lacks("mode but plain"),
        it if !it.feature.is_empty() => lacks("features"),
        it if it.allocation == Some(Allocation::OnDemand) => lacks("allocation without a pool"),
        it if it.processes.get() > 1 => lacks("second process"),
        it if it.pagemap_scan == Some(true) => lacks("pagemap scan"),
        _ => Ok(()),
    }
}

/// The steps of the only thread, a line each. The call of an instance follows its instantiation, so both are
/// one line.
fn straight_steps(scenario: &Scenario) -> Result<String, String> {
    let mut lines = String::new();
    if scenario.threads.get() > 1 {
        return loop_of_cycles(scenario);
    }
    for step in Steps::new(scenario, scenario.share_of_subject(0)) {
        let line = match step {
            Step::CreateModule { seat, number, .. } => {
                format!("let module_{seat} = module(&engine, {number})?;")
            }
            Step::Instantiate { seat, instance, .. } => {
                format!("let store_{seat}_{instance} = instantiate(&module_{seat})?;")
            }
            Step::DropInstance { seat, instance } => format!("drop(store_{seat}_{instance});"),
            Step::DropModule { seat } => format!("drop(module_{seat});"),
            Step::Call { .. } | Step::EndCycle => continue,
            Step::InstantiateBeside { .. } | Step::FillPool { .. } => {
                return Err("the program has no mode but plain".to_owned());
            }
        };
        lines += &format!("    {line}\n");
        if lines.lines().count() > LINES_MAX {
            break;
        }
    }
    Ok(lines)
}

/// Cycles of one module as a loop, on each thread.
fn loop_of_cycles(scenario: &Scenario) -> Result<String, String> {
    let is_simple = scenario.live_modules.get() == 1
        && scenario.instances.get() == 1
        && scenario.long_lived == 0;
    if !is_simple {
        return Err(format!("its steps do not fit in {LINES_MAX} lines"));
    }
    let (cycles, threads) = (scenario.cycles, scenario.threads);
    let body = |indent: &str, first: &str, end: &str, fails: &str| {
        format!(
            "{indent}for number in {first}..{end} {{\n\
             {indent}    let module = module(&engine, number){fails};\n\
             {indent}    drop(instantiate(&module){fails});\n\
             {indent}    drop(module);\n\
             {indent}}}\n"
        )
    };
    if threads.get() == 1 {
        return Ok(body("    ", "0", &cycles.to_string(), "?"));
    }
    let each = cycles.get() / u64::from(threads.get());
    let indent = " ".repeat(16);
    let first = format!("thread * {each}");
    let cycles = body(&indent, &first, &format!("(thread + 1) * {each}"), ".unwrap()");
    Ok(format!(
        "    std::thread::scope(|scope| {{\n        for thread in 0..{threads} {{\n            \
         let engine = &engine;\n            scope.spawn(move || {{\n{}            }});\n        }}\n    }});\n",
        cycles.replace("&engine", "engine")
    ))
}

/// The calls that configure the pool: its size, and what differs from Wasmtime's defaults.
fn pool(candidate: &Candidate) -> String {
    let Candidate { scenario, settings } = candidate;
    let differs = |flag: &str| settings.iter().any(|(name, _)| name == flag);
    let mut lines = String::new();
    let mut call = |call: String| lines += &format!("    pool.{call};\n");
    if let Some(n) = scenario.slots {
        call(format!("total_memories({n}).total_tables({n}).total_core_instances({n})"));
    }
    if let Some(slots) = scenario.warm_slots.filter(|_| differs("warm-slots")) {
        call(format!("max_unused_warm_slots({slots})"));
    }
    if let Some(batch) = scenario.decommit_batch.filter(|_| differs("decommit-batch")) {
        call(format!("decommit_batch_size({batch})"));
    }
    if let Some(bytes) = scenario.keep_resident.filter(|_| differs("keep-resident")) {
        call(format!("linear_memory_keep_resident({})", bytes.0));
    }
    lines
}

/// The whole program.
fn text(candidate: &Candidate, version: &str, summary: &str, steps: &str) -> String {
    let mut text = String::new();
    for line in [
        summary,
        "Shrunk by leakbench. Cargo.toml:",
        "    [package]",
        "    name = \"shrunk\"",
        "    edition = \"2024\"",
        "    [dependencies.wasmtime]",
        &format!("    version = \"={version}\""),
        "    default-features = false",
        "    features = [\"cranelift\", \"pooling-allocator\", \"runtime\", \"std\", \"wat\"]",
        "`cargo run` exits with 1 if a dropped module's image is left.",
    ] {
        let _ = writeln!(text, "// {line}");
    }
    let filler = candidate.scenario.image_size.0.saturating_sub(20);
    let pool = pool(candidate);
    let _ = write!(
        text,
        r##"use std::{{collections::BTreeSet, fs, process}};
use wasmtime::*;

fn module(engine: &Engine, number: u64) -> Result<Module> {{
    // No two modules have the same bytes.
    let data = format!("{{number:020}}{{}}", "x".repeat({filler}));
    let pages = data.len().div_ceil(65_536);
    Module::new(engine, format!(r#"(module (memory {{pages}}) (data (i32.const 0) "{{data}}")
        (func (export "run") (i64.store (i32.const 8) (i64.const 1))))"#))
}}

fn instantiate(module: &Module) -> Result<Store<()>> {{
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[])?;
    instance.get_typed_func::<(), ()>(&mut store, "run")?.call(&mut store, ())?;
    Ok(store)
}}

fn main() -> Result<()> {{
    let mut pool = PoolingAllocationConfig::new();
{pool}    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
{steps}    let maps = fs::read_to_string("/proc/self/maps")?;
    let mapped = maps.lines().filter(|line| line.contains("wasm-memory-image"));
    let mapped: BTreeSet<_> = mapped.filter_map(|line| line.split_whitespace().nth(4)).collect();
    let links = fs::read_dir("/proc/self/fd")?.flatten().flat_map(|fd| fs::read_link(fd.path()));
    let open = links.filter(|to| to.to_string_lossy().contains("wasm-memory-image")).count();
    println!("images of dropped modules: {{}} mapped, {{open}} open", mapped.len());
    process::exit(i32::from(!mapped.is_empty() || open > 0))
}}
"##
    );
    text
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use leakbench_scenarios::{Feature, Offer, Options, Strategy};

    use super::*;

    fn candidate(toml: &str) -> Candidate {
        let toml = format!("subject = 'wasmtime@48'\n{toml}");
        let offer = Offer {
            strategy: vec![Strategy::WarmLru],
            allocation: Allocation::ALL.to_vec(),
            mode: Mode::ALL.to_vec(),
            feature: Feature::ALL.to_vec(),
            slots: NonZeroU32::new(1000),
            warm_slots: Some(100),
            decommit_batch: NonZeroU32::new(1),
            ..Offer::none("wasmtime 48.0.8")
        };
        let options = Options::from_toml(&toml, "test").expect("valid TOML");
        let settings = options.given();
        let scenario = Scenario::new(options, &offer, NonZeroU32::MIN).expect("valid options");
        Candidate { scenario, settings }
    }

    fn written(toml: &str) -> Result<String, String> {
        program(&candidate(toml), Some("wasmtime 48.0.8"), "1 image lingers")
    }

    #[test]
    fn few_steps_are_lines_and_many_cycles_a_loop() {
        let few = written("cycles = 1\nslots = 1\ndecommit-batch = 2").expect("a program");
        let steps = "    let module_0 = module(&engine, 0)?;\n    let store_0_0 = instantiate(&module_0)?;\n    \
                     drop(store_0_0);\n    drop(module_0);\n";
        assert!(few.contains(steps), "{few}");
        for part in ["pool.decommit_batch_size(2);", "total_memories(1)", "\"=48.0.8\""] {
            assert!(few.contains(part), "no {part} in {few}");
        }
        assert!(!few.contains("warm_slots"), "its default: {few}");
        let many = written("cycles = 90").expect("a program");
        assert!(many.contains("for number in 0..90 {"), "{many}");
        let threads = written("cycles = 90\nthreads = 3").expect("a program");
        assert!(threads.contains("for number in thread * 30..(thread + 1) * 30 {"), "{threads}");
        for text in [few, many, threads] {
            assert!(text.lines().count() < LINES_MAX, "{text}");
        }
    }

    #[test]
    fn what_a_program_does_not_do_is_named() {
        for (toml, reason) in [
            ("mode = ['trap']", "mode but plain"),
            ("feature = ['fuel']", "features"),
            ("allocation = 'on-demand'", "without a pool"),
            ("processes = 2", "second process"),
            ("cycles = 90\ninstances = 3", "60 lines"),
        ] {
            let refused = written(toml).expect_err(toml);
            assert!(refused.contains(reason), "{refused}");
        }
        let plain = candidate("cycles = 1");
        for runtime in
            [None, Some("wasmtime 4.0.1"), Some("node 22"), Some("wasmtime 48.0.8\" evil")]
        {
            assert!(program(&plain, runtime, "").is_err(), "{runtime:?}");
        }
    }
}
