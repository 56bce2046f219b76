//! `gate init`: a budget made from runs, as a file to be read, changed and checked in.
//!
//! The file is a text with more comments than keys, so it is written as text: `toml_edit` would
//! only attach the same lines to its nodes.

use leakbench_model::Verdict;
use leakbench_model::text::{grouped, printable};

use super::{Budget, PolicySetting};
use crate::gate::PolicyLevel;
use crate::gate::measurement::{Measurement, NotMeasured};
use crate::gate::policies::POLICIES;
use crate::gate::policy::{MAX, Policy};
use crate::gate::runs::{Run, runs};
use crate::recorded::Recorded;

/// Runs that the head of the file names.
const NAMED: usize = 8;

/// Makes a policy's entry; `None` if the runs have no value of it.
pub(in crate::gate) type Suggest = fn(&Policy, &MeasuredRuns<'_>) -> Option<Suggestion>;

/// The runs that a budget is made from, with one policy's value in each.
pub(in crate::gate) struct MeasuredRuns<'a> {
    pub(in crate::gate) runs: &'a [Run<'a>],
    measurements: Vec<Result<Measurement, NotMeasured>>,
    /// One of the runs leaked: its values are no limits.
    pub(in crate::gate) leaked: bool,
}

/// A policy's entry of a budget file.
pub(in crate::gate) struct Suggestion {
    /// The measured value.
    pub(in crate::gate) measured: String,
    /// Lines that explain the bounds.
    pub(in crate::gate) comments: Vec<String>,
    pub(in crate::gate) level: PolicyLevel,
    /// Keys with their values in TOML.
    pub(in crate::gate) bounds: Vec<(&'static str, String)>,
}

impl Budget {
    /// The text of a budget file for runs like these: comments have the measured values, and peaks
    /// have headroom. The runs pass it, unless they leaked: a limit of none stays.
    pub fn init(recordings: &[(String, Recorded)]) -> String {
        let runs = runs(recordings);
        let leaked = runs.iter().any(|run| run.judgement().verdict == Verdict::Leak);
        let mut text = head(&runs);
        for policy in POLICIES {
            let setting = PolicySetting::default_of(policy);
            let measure = |run| (policy.measure)(&setting, run, &[]);
            let measurements = runs.iter().map(measure).collect();
            let runs = MeasuredRuns { runs: &runs, measurements, leaked };
            if let Some(suggestion) = (policy.suggest)(policy, &runs) {
                text += &suggestion.text(policy);
            }
        }
        text
    }
}

fn head(runs: &[Run<'_>]) -> String {
    let mut text = String::from(
        "# The budget of `leakbench gate`. A policy of level \"error\" fails the gate, \"warn\" prints a\n\
         # warning, and \"off\" is not evaluated. Made by `leakbench gate init` from:\n",
    );
    for run in runs.iter().take(NAMED) {
        let warning = match run.judgement().verdict {
            Verdict::Clean => "",
            Verdict::Leak => " — IT LEAKED, and does not pass",
            Verdict::SubjectDied => " — ITS SUBJECT DIED: make this file again from a whole run",
            Verdict::Inconclusive | Verdict::Interrupted => {
                " — NOT MEASURED TO ITS END: make this file again from a whole run"
            }
        };
        text += &format!("#   {}: {}{warning}\n", printable(&run.name), printable(run.command()));
    }
    if runs.len() > NAMED {
        text += &format!("#   and {} more\n", runs.len() - NAMED);
    }
    text += &format!(
        "version = {}\n\n\
         [gate]\n\
         # The level of a policy that failed at one attempt and passed at another: \"error\" or \"warn\".\n\
         flaky = \"error\"\n",
        Budget::VERSION
    );
    text
}

impl MeasuredRuns<'_> {
    /// The measurement with the largest value.
    pub(in crate::gate) fn largest_measurement(&self) -> Option<&Measurement> {
        let measured = self.measurements.iter().flatten();
        let known = measured.filter_map(|of| Some((of.value?, of)));
        known.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, measurement)| measurement)
    }

    /// The largest value.
    pub(in crate::gate) fn largest(&self) -> Option<f64> {
        self.largest_measurement()?.value
    }

    /// A run that should have a value has none.
    pub(in crate::gate) fn has_unmeasured(&self) -> bool {
        let mut measurements = self.measurements.iter();
        measurements
            .any(|of| matches!(of, Err(NotMeasured::Missing { .. } | NotMeasured::Inconclusive(_))))
    }
}

impl Suggestion {
    /// The entry of a policy whose value must be 0, whatever was measured.
    pub(in crate::gate) fn none_allowed(_: &Policy, runs: &MeasuredRuns<'_>) -> Option<Suggestion> {
        let measured = runs.largest()? as u64;
        let comments = match measured {
            0 => Vec::new(),
            _ => vec!["THE RUN DOES NOT PASS: none are allowed.".to_owned()],
        };
        Some(Suggestion {
            measured: grouped(measured),
            comments,
            level: PolicyLevel::Error,
            bounds: vec![(MAX, "0".to_owned())],
        })
    }

    fn text(&self, policy: &Policy) -> String {
        let about = policy.about();
        let mut letters = about.chars();
        let capital = letters.next().map(|first| first.to_ascii_uppercase());
        let about: String = capital.into_iter().chain(letters).collect();
        let mut text = format!("\n# {about}. Measured: {}.\n", self.measured);
        for comment in &self.comments {
            text += &format!("# {comment}\n");
        }
        text += &format!("[policy.{}]\nlevel = \"{}\"\n", policy.name(), self.level);
        for (key, value) in &self.bounds {
            text += &format!("{key} = {value}\n");
        }
        text
    }
}
