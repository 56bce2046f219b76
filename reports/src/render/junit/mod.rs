//! JUnit's XML: a suite for each recording, a case for each policy of the gate. Without an outcome of
//! the gate, the cases are the rules of the judge, also those without findings.
//!
//! Written with `quick-xml`: `quick-junit` writes time stamps with a zone, which the JUnit schema of
//! Ant's reports does not have, and brings `chrono`, `uuid`, `vte` and a second `quick-xml`.

mod xml;

use std::io;

use serde_json::{Map, Value};

use crate::comparison::{Comparison, Refusal, Row};
use crate::gate::{Outcome, PolicyLevel, PolicyOutcome, Status};
use crate::recorded::{Recorded, RecordedKind, RecordedRun};
use crate::report::Report;
use leakbench_model::Verdict;
use leakbench_recording::judge::{self, Finding, Judgement};
use leakbench_recording::observation::{self, Diagnosis};

/// The whole document.
pub(super) fn junit(
    report: &Report,
    recorded: &Recorded,
    outcome: Option<&Outcome>,
) -> io::Result<String> {
    let suites = match outcome {
        Some(outcome) => of_gate(recorded, outcome),
        None => of_judge(&report.title, recorded),
    };
    let bytes = xml::write(&suites)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// A recording.
#[derive(Default)]
struct Suite {
    name: String,
    /// Its start in seconds since 1970, and its duration in seconds; `None` if they are unknown.
    time: Option<(u64, f64)>,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case>,
}

/// A policy or a rule.
struct Case {
    name: String,
    result: CaseResult,
    /// Lines of its `system-out`.
    out: Vec<String>,
}

enum CaseResult {
    Passed,
    /// It failed at one attempt and passed at another, and does not fail the suite.
    PassedFlaky(Problem),
    Failed(Problem),
    /// It is inconclusive.
    Error(Problem),
    Skipped(String),
}

struct Problem {
    kind: String,
    message: String,
    /// The text of the element.
    lines: Vec<String>,
}

fn of_gate(recorded: &Recorded, outcome: &Outcome) -> Vec<Suite> {
    let mut suites: Vec<Suite> = Vec::new();
    for policy in &outcome.policies {
        let case = Case::of_policy(policy);
        match suites.iter_mut().find(|suite| suite.name == policy.run) {
            Some(suite) => suite.cases.push(case),
            None => {
                let (name, cases) = (policy.run.clone(), vec![case]);
                suites.push(Suite { name, cases, ..Suite::default() });
            }
        }
    }
    let alone = suites.len() == 1;
    for suite in &mut suites {
        let known = match &recorded.what {
            RecordedKind::Run(run) if alone => Suite::of_run(run),
            RecordedKind::Observation(diagnosis) if alone => Suite::of_process(diagnosis),
            // With several runs, or a row with its rounds, the suite is of no one run.
            _ => continue,
        };
        suite.time = known.time;
        suite.properties = known.properties;
    }
    suites
}

fn of_judge(title: &str, recorded: &Recorded) -> Vec<Suite> {
    let judged = |run: &RecordedRun, name: String| {
        let cases = cases(judge::rules(&run.ledger), &run.judgement);
        Suite { name, cases, ..Suite::of_run(run) }
    };
    match &recorded.what {
        RecordedKind::Run(run) => vec![judged(run, title.to_owned())],
        RecordedKind::Observation(diagnosis) => {
            let cases = cases(observation::rules(&diagnosis.ledger), &diagnosis.judgement);
            vec![Suite { name: title.to_owned(), cases, ..Suite::of_process(diagnosis) }]
        }
        RecordedKind::Comparison(several) => {
            let runs = several.runs.iter();
            let named = |folder: &str| run_name(&several.comparison, folder);
            let mut suites: Vec<Suite> =
                runs.map(|(folder, run)| judged(run, named(folder))).collect();
            suites.extend(several.comparison.rows.iter().filter_map(refused));
            suites
        }
    }
}

/// `wasmtime@3`, and of several rounds `wasmtime@3, round 2`.
fn run_name(comparison: &Comparison, folder: &str) -> String {
    let rows = comparison.rows.iter();
    let mut runs = rows.flat_map(|row| row.runs.iter().map(move |run| (row, run)));
    match runs.find(|(_, run)| run.folder == folder) {
        Some((row, run)) if comparison.rounds > 1 => format!("{}, round {}", row.name, run.round),
        Some((row, _)) => row.name.clone(),
        None => folder.to_owned(),
    }
}

/// The suite of a row that was refused at its start, or is not offered.
fn refused(row: &Row) -> Option<Suite> {
    let result = match row.refusal.as_ref()? {
        Refusal::NotOffered(reason) => CaseResult::Skipped(reason.clone()),
        Refusal::AtStart(reason) => CaseResult::Error(Problem {
            kind: Verdict::Inconclusive.as_str().to_owned(),
            message: reason.clone(),
            lines: vec![reason.clone()],
        }),
    };
    let case = Case { name: "start".to_owned(), result, out: Vec::new() };
    let name = format!("{}, refused", row.name);
    Some(Suite { name, cases: vec![case], ..Suite::default() })
}

impl Suite {
    fn of_run(run: &RecordedRun) -> Suite {
        let start = &run.ledger.start;
        let mut properties = vec![
            ("command", start.command.clone()),
            ("subject", start.subject.clone()),
            ("seed", start.scenario.seed.to_string()),
        ];
        properties.extend(start.runtime.clone().map(|runtime| ("runtime", runtime)));
        properties.extend(kernel(&start.fingerprint));
        let time = Some((start.started_unix_s, run.ledger.last_seen_ms as f64 / 1e3));
        Suite { properties, time, ..Suite::default() }
    }

    fn of_process(diagnosis: &Diagnosis) -> Suite {
        let observe = &diagnosis.ledger.start;
        let mut properties =
            vec![("command", observe.command.clone()), ("process", observe.process.clone())];
        properties.extend(kernel(&observe.fingerprint));
        let time = Some((observe.started_unix_s, diagnosis.ledger.last_seen_ms as f64 / 1e3));
        Suite { properties, time, ..Suite::default() }
    }

    fn count(&self, counts: fn(&CaseResult) -> bool) -> usize {
        self.cases.iter().filter(|case| counts(&case.result)).count()
    }
}

fn kernel(fingerprint: &Map<String, Value>) -> Option<(&'static str, String)> {
    Some(("kernel", fingerprint.get("kernel")?.as_str()?.to_owned()))
}

/// A case for each rule, and for any other that has findings.
fn cases(policies: impl Iterator<Item = &'static str>, judgement: &Judgement) -> Vec<Case> {
    let mut names: Vec<&'static str> = policies.collect();
    for finding in &judgement.findings {
        if !names.contains(&finding.rule) {
            names.push(finding.rule);
        }
    }
    names.into_iter().map(|name| case(name, judgement)).collect()
}

fn case(name: &'static str, judgement: &Judgement) -> Case {
    let findings = || judgement.findings.iter().filter(|finding| finding.rule == name);
    // A clean run has no finding of level error.
    let grave = || findings().filter(|finding| finding.level == judge::Level::Error);
    let of = |finding: &Finding| format!("{}: {}", finding.level.as_str(), finding.message);
    // Of equals `max_by_key` takes the last, and the first is wanted.
    let worst = grave().collect::<Vec<_>>().into_iter().rev();
    let result = match worst.max_by_key(|finding| finding.supports) {
        Some(worst) => {
            let problem = Problem {
                kind: worst.supports.map_or("error", Verdict::as_str).to_owned(),
                message: worst.message.clone(),
                lines: grave().map(of).collect(),
            };
            match worst.supports {
                Some(Verdict::Leak) => CaseResult::Failed(problem),
                _ => CaseResult::Error(problem),
            }
        }
        // In a run that was not measured to its end, a rule without findings did not pass.
        None if !matches!(judgement.verdict, Verdict::Clean | Verdict::Leak) => {
            let verdict = judgement.verdict.as_str();
            CaseResult::Skipped(format!("cannot pass: the run is {verdict}"))
        }
        None => CaseResult::Passed,
    };
    let out = findings().filter(|finding| finding.level != judge::Level::Error).map(of).collect();
    Case { name: name.to_owned(), result, out }
}

impl Case {
    fn of_policy(policy: &PolicyOutcome) -> Case {
        let lines = || {
            let mut lines = vec![policy.message.clone()];
            lines.extend(policy.measured.iter().map(|measured| format!("measured: {measured}")));
            lines.push(format!("allowed: {}", policy.allowed));
            lines.extend(policy.evidence.iter().map(|evidence| {
                format!("{}:{}  {}", evidence.path.display(), evidence.line, evidence.what)
            }));
            lines
        };
        let problem = |kind: &str| Problem {
            kind: kind.to_owned(),
            message: policy.message.clone(),
            lines: lines(),
        };
        let fails = policy.level == PolicyLevel::Error;
        let (result, out) = match policy.status {
            Status::Off => (CaseResult::Skipped("off".to_owned()), Vec::new()),
            Status::Passed => (CaseResult::Passed, lines()),
            Status::Flaky if fails => (CaseResult::Failed(problem("flaky")), Vec::new()),
            Status::Flaky => (CaseResult::PassedFlaky(problem("flaky")), Vec::new()),
            Status::Inconclusive if fails => {
                (CaseResult::Error(problem("inconclusive")), Vec::new())
            }
            // Neither passed nor failed.
            Status::Inconclusive => {
                (CaseResult::Skipped(format!("inconclusive: {}", policy.message)), lines())
            }
            Status::Failed if fails => (CaseResult::Failed(problem("failed")), Vec::new()),
            Status::Failed => {
                let warns = "failed with level warn: the gate passes".to_owned();
                (CaseResult::Passed, [vec![warns], lines()].concat())
            }
        };
        Case { name: policy.policy.to_string(), result, out }
    }
}
