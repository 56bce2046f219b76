//! The result of a soak: a line for each phase, and the verdict of the worst.

use std::path::PathBuf;

use leakbench_model::text::{bytes, coarse_s, counted, grouped, printable};
use leakbench_model::{Verdict, exit_code};
use serde::Serialize;

use super::checkpoint::{Checkpoint, Plan};

/// Version of the JSON.
const VERSION: u32 = 1;

/// A value that is this multiple of the first of its kind is not flat.
const FLAT_FACTOR: u64 = 2;

/// The phases that are done.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(super) folder: PathBuf,
    pub(super) plan: Plan,
    pub(super) done: Vec<Checkpoint>,
    /// Phases that an earlier command had done.
    pub(super) resumed_after: u64,
    pub(super) interrupted: bool,
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    verdict: Verdict,
    exit_code: u8,
    headline: String,
    plan: &'a Plan,
    phases: &'a [Checkpoint],
}

impl Summary {
    /// The gravest verdict of a phase. Without a leak, memory or recordings that do not stay flat make it
    /// inconclusive.
    fn verdict(&self) -> Verdict {
        let worst = self.done.iter().map(|phase| phase.verdict).max();
        let found = worst.unwrap_or(Verdict::Inconclusive);
        match self.interrupted {
            true => Verdict::Interrupted.max(found),
            false if found == Verdict::Clean && self.not_flat().is_some() => Verdict::Inconclusive,
            false => found,
        }
    }

    /// The exit code of the verdict.
    pub(crate) fn exit_code(&self) -> u8 {
        match self.interrupted {
            true => exit_code::INTERRUPTED,
            false => self.verdict().exit_code(),
        }
    }

    /// A phase whose memory or recording is much larger than that of the first phase of its kind, in words.
    fn not_flat(&self) -> Option<String> {
        self.done.iter().find_map(|phase| {
            let first = self.done.iter().find(|first| first.kind == phase.kind)?;
            let values = [
                ("supervisor's memory", first.supervisor_peak_bytes, phase.supervisor_peak_bytes),
                ("subjects' memory", first.subject_rss_bytes, phase.subject_rss_bytes),
                ("recording", Some(first.recording_bytes), Some(phase.recording_bytes)),
            ];
            values.into_iter().find_map(|(name, first, own)| {
                let (first, own) = (first?, own?);
                (own > first.saturating_mul(FLAT_FACTOR)).then(|| {
                    format!(
                        "the {name} of phase {} is {}, and {} at first",
                        phase.phase + 1,
                        bytes(own),
                        bytes(first)
                    )
                })
            })
        })
    }

    fn headline(&self) -> String {
        let cycles: u64 = self.done.iter().map(|phase| phase.cycles).sum();
        let took: f64 = self.done.iter().map(|phase| phase.took_s).sum();
        let all = format!(
            "{} in {}, {} of {}",
            counted(cycles, "cycle"),
            counted(self.done.len() as u64, "phase"),
            coarse_s(took as u64),
            coarse_s(self.plan.total_s),
        );
        let worst = self.done.iter().max_by_key(|phase| phase.verdict);
        match worst.filter(|phase| phase.verdict != Verdict::Clean) {
            Some(phase) => format!("{all}; phase {}: {}", phase.phase + 1, phase.headline),
            None => match self.not_flat() {
                Some(words) => format!("{all}; {words}"),
                None => all,
            },
        }
    }

    /// A line for each phase, then the verdict.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!(
            "{:>5}  {:<9}  {:>7}  {:>13}  {:>9}  {:>10}  {:>9}  {:>9}  {}\n",
            "phase",
            "kind",
            "took",
            "cycles",
            "a second",
            "supervisor",
            "subjects",
            "recording",
            "verdict"
        );
        let size = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), bytes);
        for phase in &self.done {
            text += &format!(
                "{:>5}  {:<9}  {:>7}  {:>13}  {:>9}  {:>10}  {:>9}  {:>9}  {}\n",
                phase.phase + 1,
                phase.kind,
                coarse_s(phase.took_s as u64),
                grouped(phase.cycles),
                phase.rate_per_s.map_or_else(|| "-".to_owned(), |rate| grouped(rate as u64)),
                size(phase.supervisor_peak_bytes),
                size(phase.subject_rss_bytes),
                bytes(phase.recording_bytes),
                phase.verdict,
            );
        }
        for phase in self.done.iter().filter(|phase| phase.verdict != Verdict::Clean) {
            text += &format!("phase {}: {}\n", phase.phase + 1, printable(&phase.command));
        }
        if self.resumed_after > 0 {
            text += &format!("resumed after {}\n", counted(self.resumed_after, "phase"));
        }
        if self.interrupted {
            text += &format!(
                "next       the same command goes on with phase {} ({})\n",
                self.done.len() + 1,
                printable(&self.folder.display().to_string())
            );
        }
        text + &format!("soak: {} — {}\n", self.verdict(), printable(&self.headline()))
    }

    /// # Errors
    /// serde's.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        let json = Json {
            version: VERSION,
            verdict: self.verdict(),
            exit_code: self.exit_code(),
            headline: self.headline(),
            plan: &self.plan,
            phases: &self.done,
        };
        Ok(serde_json::to_string_pretty(&json)? + "\n")
    }
}
