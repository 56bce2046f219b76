//! The flags that `exec` and `attach` share, and the observation that both make.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use leakbench_model::text::counted;
use leakbench_recording::observation::{Diagnosis, INTERVAL_MIN_MS, ProcessExitKind, Scope};
use leakbench_recording::trend::Trend;
use leakbench_reports::render::ObservationProgress;
use leakbench_scenarios::parse_time;

use super::format_list::ReportFlag;
use super::help::RESULT;
use crate::error::Error;
use crate::observer::{INTERVAL_FIRST, Settings, Target, observe};
use crate::output::{Conclusion, Document, Output, ProgressDisplay, Stream, Verbosity, folder};

/// How to observe, and how to show the result.
#[derive(Debug, clap::Args)]
pub(super) struct ObserveFlags {
    /// Time between two samples [default: 25ms at the start, then longer, up to 1s]
    ///
    /// Longer if samples would use more than 1 % of a processor (10 % below 1s)
    #[arg(long, value_name = "TIME", value_parser = parse_interval)]
    interval: Option<Duration>,

    /// When to stop [default: when the process ends, or at Ctrl-C]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,

    /// Observe its descendants too, and add up what they have [default of exec]
    ///
    /// With attach, a descendant that loses its parent before a sample has seen it, as a daemon does,
    /// is missed
    #[arg(long, overrides_with = "no_tree")]
    tree: bool,

    /// Observe the process alone: what its descendants leak does not matter
    #[arg(long)]
    no_tree: bool,

    #[command(flatten)]
    report: ReportFlag,

    /// Keep the recording and the result in this folder
    #[arg(long, value_name = "DIR", help_heading = RESULT)]
    out: Option<PathBuf>,

    /// Print the result as one JSON object
    #[arg(long, help_heading = RESULT)]
    json: bool,
}

impl ObserveFlags {
    /// The processes to observe; `default` without a flag.
    fn scope(&self, default: Scope) -> Scope {
        match (self.tree, self.no_tree) {
            (true, _) => Scope::Family,
            (false, true) => Scope::Alone,
            (false, false) => default,
        }
    }

    /// The words of the command that observes with the same flags, without its target.
    pub(super) fn reproduce_words(&self, subcommand: &str) -> Vec<OsString> {
        let mut words = vec!["leakbench".into(), subcommand.into()];
        if let Some(interval) = self.interval {
            words.extend(["--interval".into(), typed(interval).into()]);
        }
        if let Some(duration) = self.duration {
            words.extend(["--duration".into(), typed(duration).into()]);
        }
        if self.tree {
            words.push("--tree".into());
        }
        if self.no_tree {
            words.push("--no-tree".into());
        }
        words
    }

    /// Observes the target and prints the result: a command's on standard error, because standard
    /// output is the command's own. Returns the verdict's exit code, and how the target ended if it
    /// did.
    ///
    /// # Errors
    /// The plan cannot have a verdict, the target could not be observed, or a clean result could not
    /// be kept.
    pub(super) fn observe(
        &self,
        subcommand: &str,
        target: &Target,
        reproduce: String,
        verbosity: Verbosity,
    ) -> Result<(ExitCode, Option<ProcessExitKind>), Error> {
        self.check_plan()?;
        let formats = self.report.formats();
        let folder = folder::for_reports(self.out.as_deref(), subcommand, &formats)?;
        let mut recorder = folder::create_recorder(folder.as_deref())?;
        let default = match target {
            Target::Process(_) => Scope::Process,
            Target::Command { .. } => Scope::Family,
        };
        let settings = Settings {
            interval: self.interval,
            duration: self.duration,
            scope: self.scope(default),
            json: self.json,
        };
        let (mut display, stream) = match target {
            Target::Process(_) => (ProgressDisplay::new(verbosity), Stream::Stdout),
            Target::Command { .. } => {
                (ProgressDisplay::beside_a_command(verbosity), Stream::Stderr)
            }
        };
        let duration_ms = self.duration.map(|duration| duration.as_millis() as u64);
        let mut progress = None;
        let observed = observe(target, settings, reproduce, &mut recorder, &mut |sample, pid| {
            if !display.is_hidden() {
                let progress =
                    progress.get_or_insert_with(|| ObservationProgress::new(pid, duration_ms));
                progress.see(sample);
                display.show(progress);
            }
        });
        display.clear();
        observed?;
        // The disk may have room again.
        let kept = recorder.restore().map_err(Error::from);
        let document = if self.json { Document::Json } else { Document::Summary };
        let output = Output { document, folder: folder.as_deref(), formats: &formats, verbosity };
        let diagnosis = Diagnosis::of(recorder.recording())?;
        let code =
            Conclusion::of_observation(&diagnosis, stream)?.print_and_keep(kept.err(), &output)?;
        Ok((code, diagnosis.ledger.exit.as_ref().map(|exit| exit.how.clone())))
    }

    /// Refuses a duration that is too short for a trend.
    fn check_plan(&self) -> Result<(), Error> {
        let Some(duration) = self.duration else { return Ok(()) };
        let interval = self.interval.unwrap_or(INTERVAL_FIRST);
        // The first sample is at the start.
        let samples = duration.as_nanos() / interval.as_nanos() + 1;
        let min = Trend::POINTS_MIN as u32;
        if samples >= u128::from(min) {
            return Ok(());
        }
        let mut message = format!(
            "--duration {} is too short: it has {} at intervals of {}, and a trend needs {min}. Use \
             --duration {}",
            typed(duration),
            counted(samples as u64, "sample"),
            typed(interval),
            typed(interval * (min - 1)),
        );
        let shorter = Duration::from_millis((duration / (min - 1)).as_millis() as u64);
        if self.interval.is_some() && shorter >= INTERVAL_MIN {
            message += &format!(" or --interval {}", typed(shorter));
        }
        Err(Error::Usage(message))
    }
}

const INTERVAL_MIN: Duration = Duration::from_millis(INTERVAL_MIN_MS);

/// A time as one would type it: `4s`, `250ms`.
fn typed(time: Duration) -> String {
    match time.subsec_nanos() {
        0 => format!("{}s", time.as_secs()),
        _ => format!("{}ms", time.as_secs_f64() * 1e3),
    }
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        time if time < INTERVAL_MIN => Err(format!("the minimum is {INTERVAL_MIN_MS}ms")),
        time => Ok(time),
    }
}

fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse_time(text)? {
        Duration::ZERO => Err("expected a time above 0".to_owned()),
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_a_minimum_and_a_duration_is_not_0() {
        assert!(parse_interval("4ms").is_err());
        assert_eq!(parse_interval("5ms"), Ok(INTERVAL_MIN));
        assert_eq!(parse_interval("2"), Ok(Duration::from_secs(2)));
        assert!(parse_duration("0s").is_err());
        for text in ["4s", "1500ms", "90s", "0.5ms"] {
            assert_eq!(typed(parse_duration(text).expect("a time")), text);
        }
        assert_eq!(parse_duration("0.5"), Ok(Duration::from_millis(500)));
    }
}
