//! What a user types after `exec` and `attach`, and what becomes of it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use leakbench_recording::observation::ObservationRecorder;
use leakbench_scenarios::quoted;

use super::report::{self, Progress};
use super::target::Target;
use super::{Settings, observe};
use crate::command_line::Error;
use crate::output_folder;
use crate::report::Output;
use crate::report_files::ReportFlag;

/// `leakbench exec`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    observe: ObserveArgs,

    /// The command and its arguments; its input, output and terminal stay its own, but with --json
    /// its output goes to standard error
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// `leakbench attach`.
#[derive(Debug, clap::Args)]
pub(crate) struct AttachArgs {
    #[command(flatten)]
    observe: ObserveArgs,

    /// The process to observe
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(i32::MAX)))]
    pid: u32,
}

#[derive(Debug, clap::Args)]
struct ObserveArgs {
    /// Time between two looks, e.g. 500ms, 1.5s, 2m; longer where a look would take over 1 % of
    /// it (10 % below 1s)
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_interval)]
    interval: Duration,

    /// When to end; by default with the process, or at Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    duration: Option<Duration>,

    /// Observe its descendants with it, as one; not those that lost their parent before a look saw
    /// them, as daemons do
    #[arg(long)]
    tree: bool,

    /// Print the result as one JSON object instead of the summary
    #[arg(long, help_heading = "Output")]
    json: bool,

    /// Keep the recording and result.json in this folder
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,

    #[command(flatten)]
    report: ReportFlag,
}

/// Starts a command and observes it. Returns the exit code.
///
/// # Errors
/// Nothing was observed, or a clean result could not be written.
pub(crate) fn exec(args: ExecArgs) -> Result<ExitCode, Error> {
    let again = args.observe.again("exec");
    let words = args.command.iter().map(|word| quoted(&word.to_string_lossy()));
    let again = words.fold(again + " --", |again, word| again + " " + &word);
    run(&args.observe, "exec", &Target::Command(args.command), again)
}

/// Observes a process that runs. Returns the exit code.
///
/// # Errors
/// As [`exec`].
pub(crate) fn attach(args: AttachArgs) -> Result<ExitCode, Error> {
    let again = format!("{} {}", args.observe.again("attach"), args.pid);
    run(&args.observe, "attach", &Target::Process(args.pid), again)
}

fn run(args: &ObserveArgs, how: &str, target: &Target, again: String) -> Result<ExitCode, Error> {
    let formats = args.report.formats();
    let folder = output_folder::for_reports(args.out.as_deref(), how, &formats)?;
    let mut recorder = match &folder {
        Some(folder) => {
            let recorder = ObservationRecorder::create(folder)?;
            output_folder::forget_results(folder)?;
            recorder
        }
        None => ObservationRecorder::in_memory(),
    };
    let settings = Settings {
        interval: args.interval,
        duration: args.duration,
        tree: args.tree,
        json: args.json,
    };
    let mut progress = Progress::new(target, args.duration);
    let observed = observe(target, settings, again, &mut recorder, &mut |look, pid| {
        progress.show(look, pid);
    });
    progress.clear();
    observed?;
    // A disk that was full for a moment need not cost the recording.
    let kept = recorder.restore().map_err(Error::from);
    let output = Output { json: args.json, folder: folder.as_deref(), formats: &formats };
    report::conclude(target, recorder.recording(), kept, &output)
}

impl ObserveArgs {
    /// The front of the command that observes in the same way.
    fn again(&self, how: &str) -> String {
        let mut again = format!("leakbench {how}");
        if self.interval != Duration::from_secs(1) {
            again += &format!(" --interval {}ms", self.interval.as_secs_f64() * 1e3);
        }
        if let Some(duration) = self.duration {
            again += &format!(" --duration {}ms", duration.as_secs_f64() * 1e3);
        }
        if self.tree {
            again += " --tree";
        }
        again
    }
}

/// Looks closer together than this would see nothing but themselves.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(5);

fn parse_interval(text: &str) -> Result<Duration, String> {
    match parse_time(text)? {
        time if time < SHORTEST_INTERVAL => Err("the shortest is 5ms".to_owned()),
        time => Ok(time),
    }
}

/// A number and its unit: `500ms`, `1.5s`, `2m`, `8h`, `1d`.
fn parse_time(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 5] =
        [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0)];
    let wrong = || "a number and its unit: 500ms, 1.5s, 2m, 8h or 1d".to_owned();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let number: f64 = number.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(time) if time.is_zero() => Err("more than nothing".to_owned()),
        Ok(time) => Ok(time),
        Err(_) => Err("less than that".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units_and_nothing_else() {
        for (text, ms) in [
            ("500ms", 500),
            ("1s", 1000),
            ("1.5s", 1500),
            (".5s", 500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1 s",
            "1x",
            "1e3s",
            "infs",
            "nans",
            "1..2s",
            "0s",
            "9999999999999999999d",
            "1sm",
        ] {
            assert!(parse_time(text).is_err(), "{text}");
        }
        assert!(parse_interval("4ms").is_err());
        assert_eq!(parse_interval("5ms"), Ok(SHORTEST_INTERVAL));
    }
}
