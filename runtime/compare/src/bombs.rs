//! Modules of which a compiler makes far more than they are long: what they cost each runtime.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::rows::Side;
use crate::{builtin, wasmtime_48};

/// A compilation that takes longer is ended.
const LIMIT: Duration = Duration::from_secs(120);

/// Each module with its name, as text.
fn bombs() -> Vec<(&'static str, String)> {
    let thousand = |part: &str| part.repeat(1_000);
    let zeroes = thousand("i32.const 0 ");
    let results = |body: &str| {
        let types = thousand("i32 ");
        format!("(module (type $many (func (result {types}))) (func (type $many) {zeroes} {body}))")
    };
    let add_all: String = (0..1_000)
        .map(|local| format!("(local.set {local} (i32.add (local.get {local}) (i32.const 1)))"))
        .collect();
    let set_all: String =
        (0..20_000).map(|local| format!("(local.set {local} (i32.const 1))")).collect();
    vec![
        (
            "`br_table` of 60,000 targets with 1,000 operands",
            results(&format!("i32.const 0 br_table {} 0", "0 ".repeat(60_000))),
        ),
        ("20,000 `br_if` with 1,000 operands", results(&"i32.const 0 br_if 0 ".repeat(20_000))),
        (
            "300 loops within each other over 1,000 locals",
            format!(
                "(module (func (local {}) {} {add_all} {}))",
                thousand("i32 "),
                "loop ".repeat(300),
                "i32.const 1 br_if 0 end ".repeat(300)
            ),
        ),
        (
            "20,000 locals after 10,000 blocks",
            format!(
                "(module (func (local {}) {} {set_all}))",
                "i32 ".repeat(20_000),
                "block i32.const 1 br_if 0 end ".repeat(10_000)
            ),
        ),
    ]
}

/// Prints the rows of the table: time and memory of each module on both runtimes, each in a process of its own.
pub(crate) fn print() -> Result<(), String> {
    for (index, (name, text)) in bombs().iter().enumerate() {
        let bytes = wat::parse_str(text).map_err(|error| error.to_string())?.len();
        let own = measure(index, Side::Builtin)?;
        let other = measure(index, Side::Wasmtime)?;
        let Cost { time, memory, outcome } = own;
        println!(
            "| {name} | {bytes} | {time} | {memory} | {outcome} | {} | {} |",
            other.time, other.memory
        );
    }
    Ok(())
}

/// What a compilation cost, in words.
struct Cost {
    time: String,
    memory: String,
    outcome: String,
}

/// Compiles a module in a new process.
fn measure(index: usize, side: Side) -> Result<Cost, String> {
    let text = |error: std::io::Error| format!("cannot start a process: {error}");
    let mut child = Command::new(std::env::current_exe().map_err(text)?)
        .args(["--bomb", &index.to_string(), side.name()])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(text)?;
    let began = Instant::now();
    while child.try_wait().map_err(text)?.is_none() {
        if began.elapsed() > LIMIT {
            child.kill().and_then(|()| child.wait()).map_err(text)?;
            let time = format!("over {} s", LIMIT.as_secs());
            return Ok(Cost { time, memory: String::new(), outcome: "ended".to_owned() });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(text)?;
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut parts = answer.trim().splitn(3, ' ');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(ms), Some(mib), Some(outcome)) if output.status.success() => Ok(Cost {
            time: format!("{ms} ms"),
            memory: format!("{mib} MiB"),
            outcome: outcome.to_owned(),
        }),
        _ => Err(format!("{}: {answer}", output.status)),
    }
}

/// Compiles a module in this process, and prints time, memory and outcome.
pub(crate) fn compile(index: usize, side: Side) -> Result<(), String> {
    let bombs = bombs();
    let (_, text) = bombs.get(index).ok_or("no such module")?;
    let binary = wat::parse_str(text).map_err(|error| error.to_string())?;
    let before_mib = peak_mib()?;
    let (took, refusal) = match side {
        Side::Builtin | Side::Parallel => builtin::works::compile_once(&binary, side)?,
        Side::Wasmtime => wasmtime_48::works::compile_once(&binary, side)?,
    };
    let more_mib = peak_mib()?.saturating_sub(before_mib);
    let outcome = match refusal {
        None => "compiled".to_owned(),
        // Only the limit.
        Some(why) => match why.split_once('(').and_then(|(_, field)| field.split_once(')')) {
            Some((field, _)) => format!("refused: `{field}`"),
            None => "refused".to_owned(),
        },
    };
    println!("{} {more_mib} {outcome}", took.as_millis());
    Ok(())
}

/// The most resident memory of this process so far.
fn peak_mib() -> Result<u64, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map(|kib| kib >> 10).ok_or_else(|| "no VmHWM in /proc/self/status".to_owned())
}
