//! Measures the slowdown of a process while `leakbench attach` observes it at the default interval, which
//! an observation without `--interval` reaches after its first samples.
//!
//! The observed process has ten thousand mappings and ten thousand descriptors, most of them sockets. It
//! maps, touches and unmaps pages and sends over sockets in a loop, which samples could delay.
//!
//! First the observer runs for a minute, and its processor time is compared with that minute: the
//! process waits for the observer at most so long, if it always waits. Then windows with and without an
//! observer alternate, and their order alternates too. Each pair gives one ratio, so that the load and
//! the temperature of the machine affect both alike. On a machine whose speed varies by some per cent
//! from one window to the next, the ratios show no more than that.
//!
//! `scripts/observer-cost` builds and runs it.

#[path = "../../kernel/tests/sys/mod.rs"]
mod sys;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::mm::ProtFlags;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sys::{OwnMapping, Sharing};

/// Mappings of the observed process.
const MAPPINGS: usize = 10_000;
/// Files, TCP connections within the process, and pairs of unix sockets: 10,000 descriptors.
const FILES: usize = 2_000;
const CONNECTIONS: usize = 2_000;
const PAIRS: usize = 2_000;
/// Duration of a window: several samples.
const WINDOW: Duration = Duration::from_secs(5);
/// Time for a new observer to start, before its window begins.
const SETTLE: Duration = Duration::from_millis(1500);
/// The default interval of observations, and the time for which its processor time is measured.
const INTERVAL: &str = "1s";
const MEASURED: &str = "60s";
/// Maximum of the observer's part of a processor.
const PART_MAX: f64 = 0.01;
/// Operations for each byte that the observed process prints.
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

/// Works, and prints a byte for each batch, until the reader closes the pipe.
fn observed() -> ExitCode {
    // The kernel would merge equal neighbours into one mapping.
    let kinds = [ProtFlags::empty(), ProtFlags::WRITE].into_iter().cycle();
    let mappings: Vec<OwnMapping> =
        kinds.take(MAPPINGS).map(|protection| OwnMapping::private(1, protection)).collect();
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("allowed");
    let own = std::env::current_exe().expect("an example has a path");
    let files: Vec<File> = (0..FILES).map(|_| File::open(&own).expect("a file")).collect();
    let server = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = server.local_addr().expect("an address");
    let connect = |_| {
        let client = TcpStream::connect(address).expect("a connection");
        (client, server.accept().expect("a connection").0)
    };
    let connections: Vec<(TcpStream, TcpStream)> = (0..CONNECTIONS).map(connect).collect();
    let mut pairs: Vec<(UnixStream, UnixStream)> =
        (0..PAIRS).map(|_| UnixStream::pair().expect("a pair")).collect();
    assert_eq!((files.len(), connections.len()), (FILES, CONNECTIONS));
    let mut stdout = std::io::stdout().lock();
    let mut byte = [0];
    loop {
        for (sender, receiver) in pairs.iter_mut().take(BATCH as usize) {
            let work = OwnMapping::anonymous(4, Sharing::Private);
            (0..4).for_each(|page| work.touch(page));
            sender.write_all(&byte).expect("there is room");
            receiver.read_exact(&mut byte).expect("the byte");
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
    let mut output = work.stdout.take().expect("a pipe");
    batches(&mut output, SETTLE);
    let part = processor_part(leakbench, &work, &mut output);
    println!("processor time of the observer / time: {part:.4} (maximum {PART_MAX})");
    let mut ratios = Vec::new();
    for pair in 0..pairs {
        let (with, without) = if pair % 2 == 1 {
            let with = with_observer(leakbench, &work, &mut output);
            (with, batches(&mut output, WINDOW))
        } else {
            let without = batches(&mut output, WINDOW);
            (with_observer(leakbench, &work, &mut output), without)
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
    drop(output);
    let _ = work.kill();
    let _ = work.wait();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    let (low, high) = (ratios[ratios.len() / 4], ratios[ratios.len() * 3 / 4]);
    println!(
        "time with an observer / without: {median:.4} (median of {pairs} pairs; interquartile range \
         {low:.4} to {high:.4})"
    );
    ExitCode::from(u8::from(part >= PART_MAX))
}

/// The observer's processor time as a part of the time for which it observes.
fn processor_part(leakbench: &str, work: &Child, output: &mut ChildStdout) -> f64 {
    let mut command = Command::new(leakbench);
    command.args(["attach", "--interval", INTERVAL, "--duration", MEASURED, "--json"]);
    command.arg(work.id().to_string()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut observer = command.spawn().expect("leakbench starts");
    while observer.try_wait().expect("it is a child").is_none() {
        batches(output, SETTLE);
    }
    let result = observer.wait_with_output().expect("it has ended").stdout;
    let result: serde_json::Value = serde_json::from_slice(&result).expect("a result");
    let seconds = |name: &str| result[name].as_f64().unwrap_or_else(|| panic!("no {name}"));
    seconds("observer_cpu_s") / seconds("observed_s")
}

fn with_observer(leakbench: &str, work: &Child, output: &mut ChildStdout) -> u64 {
    let mut observer = Command::new(leakbench)
        .args(["attach", "--interval", INTERVAL, &work.id().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("leakbench starts");
    batches(output, SETTLE);
    let count = batches(output, WINDOW);
    assert!(observer.try_wait().expect("it is a child").is_none(), "the observer still runs");
    let _ = observer.kill();
    let _ = observer.wait();
    count
}

/// The number of batches that are completed within `time`.
fn batches(output: &mut ChildStdout, time: Duration) -> u64 {
    let until = Instant::now() + time;
    let mut count = 0;
    let mut bytes = [0; 64];
    while Instant::now() < until {
        count += output.read(&mut bytes).expect("it works") as u64;
    }
    count
}
