//! How much slower a process gets while `leakbench attach` observes it at the default interval.
//!
//! The observed process has ten thousand mappings and maps, touches and unmaps pages in a loop: what
//! a look at its mappings could hold up. Windows with and without an observer take turns within one
//! run, each pair in turn the other way round, and each pair gives one ratio; so what else the
//! machine does, and how warm it is, falls on both.
//!
//! `scripts/observer-cost` builds and runs it.

#[path = "../../kernel/tests/sys/mod.rs"]
mod sys;

use std::io::{Read, Write};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::mm::ProtFlags;
use sys::{OwnMapping, Sharing};

/// Mappings of the observed process.
const MAPPINGS: usize = 10_000;
/// One window; long enough for several looks.
const WINDOW: Duration = Duration::from_secs(5);
/// An observer that has just started maps itself and reads what it needs once; not measured.
const SETTLE: Duration = Duration::from_millis(1500);
/// Operations between two words of the observed process.
const BATCH: u64 = 256;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match args.next().as_deref() {
        Some("observed") => observed(),
        Some(leakbench) => {
            let pairs = args.next().and_then(|pairs| pairs.parse().ok()).unwrap_or(12);
            measure(leakbench, pairs)
        }
        None => {
            eprintln!("usage: observer_cost LEAKBENCH [PAIRS]");
            ExitCode::from(2)
        }
    }
}

/// Works, and says a byte a batch, for as long as somebody listens.
fn observed() -> ExitCode {
    // Neighbours alike would become one mapping.
    let kinds = [ProtFlags::empty(), ProtFlags::WRITE].into_iter().cycle();
    let mappings: Vec<OwnMapping> =
        kinds.take(MAPPINGS).map(|may| OwnMapping::private(1, may)).collect();
    let mut stdout = std::io::stdout().lock();
    loop {
        for _ in 0..BATCH {
            let work = OwnMapping::anonymous(4, Sharing::Private);
            (0..4).for_each(|page| work.touch(page));
        }
        if stdout.write_all(&[mappings.len() as u8]).and_then(|()| stdout.flush()).is_err() {
            return ExitCode::SUCCESS;
        }
    }
}

fn measure(leakbench: &str, pairs: usize) -> ExitCode {
    let own = std::env::current_exe().expect("an example has a path");
    let mut work =
        Command::new(own).arg("observed").stdout(Stdio::piped()).spawn().expect("it starts");
    let mut said = work.stdout.take().expect("a pipe");
    batches(&mut said, SETTLE);
    let mut ratios = Vec::new();
    for pair in 0..pairs {
        let (with, without) = if pair % 2 == 1 {
            let with = with_observer(leakbench, &work, &mut said);
            (with, batches(&mut said, WINDOW))
        } else {
            let without = batches(&mut said, WINDOW);
            (with_observer(leakbench, &work, &mut said), without)
        };
        let ratio = without as f64 / with as f64;
        println!(
            "{:>8} batches without, {:>8} with: {:+.2} %",
            without,
            with,
            (ratio - 1.0) * 100.0
        );
        ratios.push(ratio);
    }
    drop(said);
    let _ = work.kill();
    let _ = work.wait();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    let (low, high) = (ratios[ratios.len() / 4], ratios[ratios.len() * 3 / 4]);
    println!(
        "observed it takes {median:.4} times as long (median of {pairs} pairs; half of them \
         {low:.4} to {high:.4})"
    );
    ExitCode::from(u8::from(median >= 1.01))
}

fn with_observer(leakbench: &str, work: &Child, said: &mut ChildStdout) -> u64 {
    let mut observer = Command::new(leakbench)
        .args(["attach", &work.id().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("leakbench starts");
    batches(said, SETTLE);
    let count = batches(said, WINDOW);
    assert!(observer.try_wait().expect("it is a child").is_none(), "it observes");
    let _ = observer.kill();
    let _ = observer.wait();
    count
}

/// Batches that are done in a time.
fn batches(said: &mut ChildStdout, time: Duration) -> u64 {
    let until = Instant::now() + time;
    let mut count = 0;
    let mut words = [0; 64];
    while Instant::now() < until {
        count += said.read(&mut words).expect("it works") as u64;
    }
    count
}
