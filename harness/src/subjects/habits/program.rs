//! The program: its command line, its ticks and its end.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, set_parent_process_death_signal};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::rhythm::Rhythm;
use super::{Act, HABITS, Habit, ONCE};
use crate::subjects::Truth;

/// The unit of time of habits.
const TICK: Duration = Duration::from_millis(10);

/// Even acts in which every leak grows far beyond noise, however long they take, and ticks that do at least.
const ACTS: u32 = 34;
const TICKS_MIN: u32 = 400;

/// The lines that the program prints after its first tick, and when all has grown.
const BEGUN: &str = "the habits have begun";
const GROWN: &str = "the habits have grown";

/// The command line of the program.
#[derive(Debug, clap::Parser)]
#[command(name = "habits")]
struct Words {
    /// The habits, separated by commas.
    #[arg(required = true, value_delimiter = ',')]
    names: Vec<String>,
    /// They act at random ticks, and the program ends when all has grown.
    #[arg(long)]
    seed: Option<u64>,
    /// End when standard input is closed, but not before all has grown.
    #[arg(long)]
    until_input_ends: bool,
    /// A folder in memory.
    #[arg(long, default_value = "/dev/shm")]
    folder: PathBuf,
}

/// A habit of the running program.
struct Running {
    name: &'static str,
    rhythm: Rhythm,
    act: Act,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Runs the program with the words after its name. Exits with 1 if the kernel refuses an object, which the
/// truth records.
///
/// # Errors
/// The words name no habit, or the truth cannot be written.
pub(crate) fn run(words: impl IntoIterator<Item = std::ffi::OsString>) -> io::Result<ExitCode> {
    let name = std::ffi::OsString::from("habits");
    let words = <Words as clap::Parser>::try_parse_from(std::iter::once(name).chain(words));
    let words = words.map_err(io::Error::other)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    // So that objects that outlive a process are removed if its parent is killed.
    set_parent_process_death_signal(Some(Signal::TERM))?;
    let mut truth = Truth::default();
    let grown = go_on(&words, &stop, &mut truth);
    if let Err(error) = &grown {
        truth.refused = Some(error.to_string());
    }
    truth.record()?;
    Ok(match grown {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "habits: {error}");
            ExitCode::FAILURE
        }
    })
}

/// Acts until the end, or until the kernel refuses an object.
fn go_on(words: &Words, stop: &AtomicBool, truth: &mut Truth) -> io::Result<()> {
    let mut habits = Vec::new();
    let mut ticks = TICKS_MIN;
    for name in &words.names {
        let Habit { name, every, start } = Habit::named(name).ok_or_else(|| unknown(name))?;
        let act = start(&words.folder).map_err(naming(name))?;
        if every != ONCE {
            ticks = ticks.max(ACTS * every);
        }
        habits.push(Running { name, rhythm: Rhythm::new(every, words.seed), act });
    }
    for tick in 0.. {
        for habit in &mut habits {
            if habit.rhythm.acts_at(tick) {
                (habit.act)().map_err(naming(habit.name))?;
                truth.kept += 1;
            }
        }
        if tick == 0 {
            print(BEGUN);
        }
        if tick == ticks {
            print(GROWN);
        }
        let is_over =
            tick >= ticks && (words.seed.is_some() || words.until_input_ends && input_has_ended()?);
        if is_over || stop.load(Relaxed) {
            break;
        }
        thread::sleep(TICK);
    }
    Ok(())
}

/// The error with the name of its habit.
fn naming(name: &'static str) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{name}: {error}"))
}

fn unknown(name: &str) -> io::Error {
    let names: Vec<&str> = HABITS.iter().map(|habit| habit.name).collect();
    io::Error::other(format!("no habit is named {name:?}: one of {}", names.join(", ")))
}

/// A reader that has gone is no error.
fn print(line: &str) {
    let mut stdout = io::stdout();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

fn input_has_ended() -> io::Result<bool> {
    let input = io::stdin();
    let mut fds = [PollFd::new(&input, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default()))?;
    Ok(fds[0].revents().contains(PollFlags::HUP))
}
