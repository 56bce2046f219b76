//! Measures leakbench's runtime beside Wasmtime 48, and prints the ratios as rows of a Markdown table.
//!
//! Each runtime has a process of its own, because both install signal handlers. The processes take turns:
//! in each round both run a work for the same time, every second round in the other order. A ratio
//! is that of one round; the table has the median and the quartiles of all rounds. Times are those of the
//! processor, so that other processes of the machine disturb them less.

#![allow(clippy::duplicate_mod, reason = "one text of the works for two crates")]

mod bombs;
mod builtin;
mod peer;
mod rows;
mod wasmtime_48;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use peer::{Peer, Stopwatch};
use rows::{Row, Side, rows};

/// Memories, tables and instances at one time, if a work does not need more.
const SLOTS: u32 = 100;

#[derive(Debug, Parser)]
#[command(about)]
struct Options {
    /// Measurements of each work on each runtime
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// Four short rounds, for a look
    #[arg(long)]
    quick: bool,
    /// Only the rows whose name contains this text
    #[arg(long, default_value = "")]
    only: String,
    /// A folder with quickjs.wasm, sqlite.wasm, esbuild.wasm and sha256.wasm
    #[arg(long)]
    modules: Option<PathBuf>,
    /// Instead, the time and memory of modules that a compiler makes far longer than they are
    #[arg(long)]
    bombs: bool,
    /// Compiles one of those modules on one runtime
    #[arg(long, hide = true, value_names = ["INDEX", "RUNTIME"], num_args = 2)]
    bomb: Option<Vec<String>>,
    /// Runs works of one runtime as the other process says
    #[arg(long, hide = true)]
    serve: bool,
    /// Runs one row on one runtime for so many seconds, for a profiler
    #[arg(long, value_names = ["builtin|parallel|wasmtime", "SECONDS"], num_args = 2)]
    profile: Option<Vec<String>>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let rows: Vec<Row> = rows(options.modules.as_deref())
        .into_iter()
        .filter(|row| row.name.contains(&options.only))
        .collect();
    let result = if options.serve {
        peer::serve(&rows)
    } else if options.bombs {
        bombs::print()
    } else if let Some(bomb) = &options.bomb {
        self::bomb(bomb)
    } else if let Some(profile) = &options.profile {
        self::profile(&rows, profile)
    } else {
        compare(&rows, &options)
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare-runtime: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the rows of the table. The script prints its head.
fn compare(rows: &[Row], options: &Options) -> Result<(), String> {
    let (rounds, sample) = match options.quick {
        true => (4, Duration::from_millis(5)),
        false => (options.rounds, Duration::from_millis(20)),
    };
    for (index, row) in rows.iter().enumerate() {
        let times =
            measure(index, row, rounds, sample).map_err(|e| format!("{}: {e}", row.name))?;
        let ratios = sorted(times.iter().map(|[own, other]| own / other));
        let [low, median, high] = [0.25, 0.5, 0.75].map(|at| quantile(&ratios, at));
        let [own, other] = [0, 1].map(|side| {
            let per_run = quantile(&sorted(times.iter().map(|times| times[side])), 0.5);
            duration(per_run / f64::from(row.work.operations()))
        });
        // As printed.
        let reached = if (median * 100.0).round() / 100.0 <= row.goal { "yes" } else { "no" };
        println!(
            "| {} | {own} | {other} | {median:.2} | {low:.2}–{high:.2} | ≤ {} | {reached} |",
            row.name, row.goal
        );
    }
    Ok(())
}

/// The seconds that one run took on each side, for each round. Half of the rounds are with new processes,
/// because code and data at other addresses can take another time.
fn measure(
    index: usize,
    row: &Row,
    rounds: usize,
    sample: Duration,
) -> Result<Vec<[f64; 2]>, String> {
    let mut measured = Vec::with_capacity(rounds);
    for half in [rounds / 2, rounds - rounds / 2] {
        let mut peers = [Peer::start(index, row.pair[0])?, Peer::start(index, row.pair[1])?];
        let mut times = [1; 2];
        let mut checks = [0; 2];
        for side in 0..2 {
            (times[side], checks[side]) = calibrate(&mut peers[side], sample)?;
        }
        if checks[0] != checks[1] {
            return Err(format!("the results differ: {} and {}", checks[0], checks[1]));
        }
        for _ in 0..half {
            let mut round_times = [0.0; 2];
            for turn in 0..2 {
                let side = (measured.len() + turn) % 2;
                let (took, _) = peers[side].run(times[side])?;
                round_times[side] = took.as_secs_f64() / times[side] as f64;
            }
            measured.push(round_times);
        }
    }
    Ok(measured)
}

/// As many runs as take the time of a sample, and their result. The first run warms caches.
fn calibrate(peer: &mut Peer, sample: Duration) -> Result<(u64, i64), String> {
    let mut times = 1;
    loop {
        let (took, check) = peer.run(times)?;
        if took >= sample / 2 {
            return Ok((times, check));
        }
        let factor = sample.as_secs_f64() / took.as_secs_f64().max(1e-7);
        times = (times as f64 * factor.clamp(2.0, 100.0)) as u64;
    }
}

/// Compiles a module as `--bomb` says.
fn bomb(options: &[String]) -> Result<(), String> {
    let [index, side] = options else { return Err("two values expected".to_owned()) };
    let index = index.parse().map_err(|error| format!("{index}: {error}"))?;
    bombs::compile(index, Side::named(side).ok_or_else(|| format!("no runtime {side}"))?)
}

/// Runs the first row on one runtime.
fn profile(rows: &[Row], options: &[String]) -> Result<(), String> {
    let [side, seconds] = options else { return Err("two values expected".to_owned()) };
    let side = Side::named(side).ok_or_else(|| format!("no runtime {side}"))?;
    let seconds: u64 = seconds.parse().map_err(|error| format!("{seconds}: {error}"))?;
    let row = rows.first().ok_or("no such row")?;
    let mut run = peer::prepare(row, side)?;
    let (start, mut runs, mut times) = (Instant::now(), 0, 1);
    while start.elapsed() < Duration::from_secs(seconds) {
        let began = Instant::now();
        repeat(row, &mut run, times)?;
        runs += times;
        if began.elapsed() < Duration::from_millis(5) {
            times *= 2;
        }
    }
    let operations = runs as f64 * f64::from(row.work.operations());
    println!("{}: {}", row.name, duration(start.elapsed().as_secs_f64() / operations));
    Ok(())
}

/// Runs a work `times` times. `scripts/flame-graphs` finds the work in this function.
#[inline(never)]
fn repeat(row: &Row, run: &mut peer::Run, times: u64) -> Result<i64, String> {
    run(times, &mut Stopwatch::start(row.is_concurrent()))
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The value at the fraction `at` of sorted values, between neighbours if it is between them.
fn quantile(sorted: &[f64], at: f64) -> f64 {
    let place = at * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-6 => (s * 1e9, "ns"),
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let digits = if value < 10.0 { 2 } else { 1 };
    format!("{value:.digits$} {unit}")
}
