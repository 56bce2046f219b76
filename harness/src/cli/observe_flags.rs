//! The flags that `exec` and `attach` share, and the observation that both make.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use leakbench_recording::observation::Diagnosis;
use leakbench_reports::render::ObservationProgress;

use super::format_list::ReportFlag;
use crate::error::Error;
use crate::observer::{Settings, Target, observe};
use crate::output::{Conclusion, Document, Output, ProgressDisplay, Stream, folder};

/// How to observe, and how to show the result.
#[derive(Debug, clap::Args)]
pub(super) struct ObserveFlags {
    /// Time between two samples, e.g. 500ms, 1.5s, 2m; longer if samples would use more than 1 % of
    /// a processor (10 % below 1s)
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_interval)]
    interval: Duration,

    /// When to stop; by default when the process ends, or at Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    duration: Option<Duration>,

    /// Observe its descendants too, and add up what they have; a descendant that loses its parent
    /// before a sample has seen it, as a daemon does, is missed
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

impl ObserveFlags {
    /// The words of the command that observes with the same flags, without its target.
    pub(super) fn reproduce_words(&self, subcommand: &str) -> Vec<OsString> {
        let mut words = vec!["leakbench".into(), subcommand.into()];
        let ms = |time: Duration| format!("{}ms", time.as_secs_f64() * 1e3).into();
        if self.interval != Duration::from_secs(1) {
            words.extend(["--interval".into(), ms(self.interval)]);
        }
        if let Some(duration) = self.duration {
            words.extend(["--duration".into(), ms(duration)]);
        }
        if self.tree {
            words.push("--tree".into());
        }
        words
    }

    /// Observes the target and prints the result: a command's on standard error, because standard
    /// output is the command's own. Returns the verdict's exit code.
    ///
    /// # Errors
    /// The target could not be observed, or a clean result could not be kept.
    pub(super) fn observe(
        &self,
        subcommand: &str,
        target: &Target,
        reproduce: String,
    ) -> Result<ExitCode, Error> {
        let formats = self.report.formats();
        let folder = folder::for_reports(self.out.as_deref(), subcommand, &formats)?;
        let mut recorder = folder::create_recorder(folder.as_deref())?;
        let settings = Settings {
            interval: self.interval,
            duration: self.duration,
            tree: self.tree,
            json: self.json,
        };
        let (mut display, stream) = match target {
            Target::Process(_) => (ProgressDisplay::new(), Stream::Stdout),
            Target::Command(_) => (ProgressDisplay::beside_a_command(), Stream::Stderr),
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
        let output = Output { document, folder: folder.as_deref(), formats: &formats };
        let diagnosis = Diagnosis::of(recorder.recording())?;
        Conclusion::of_observation(&diagnosis, stream)?.print_and_keep(kept.err(), &output)
    }
}

/// With shorter intervals most of the change between two samples would be the sampler's own.
const INTERVAL_MIN: Duration = Duration::from_millis(5);

fn parse_interval(text: &str) -> Result<Duration, String> {
    match parse_time(text)? {
        time if time < INTERVAL_MIN => Err("the minimum is 5ms".to_owned()),
        time => Ok(time),
    }
}

/// Parses a number and its unit: `500ms`, `1.5s`, `2m`, `8h`, `1d`.
fn parse_time(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 5] =
        [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86400.0)];
    let wrong = || "expected a number and its unit, as in 500ms, 1.5s, 2m, 8h or 1d".to_owned();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let number: f64 = number.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(time) if time.is_zero() => Err("expected a time above 0".to_owned()),
        Ok(time) => Ok(time),
        Err(_) => Err("the time is too long".to_owned()),
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
        assert_eq!(parse_interval("5ms"), Ok(INTERVAL_MIN));
    }
}
