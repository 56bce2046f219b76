//! The files of a report: each text format, byte by byte, against the folders of `golden/files/`,
//! and the guarantees of each format.

mod csv;
mod github;
mod junit;
mod markdown;
mod openmetrics;
mod schema;

use std::path::PathBuf;

use leakbench_recording::observation::{Diagnosis, ObservationRecording};
use leakbench_recording::recording::{ExitKind, Recording};
use leakbench_reports::comparison::{COMPARISON_FILE, Comparison};
use leakbench_reports::gate::{Evidence, GateVerdict, Outcome, PolicyLevel, PolicyOutcome, Status};
use leakbench_reports::recorded::{Recorded, RecordedComparison, RecordedKind, RecordedRun};
use leakbench_reports::render::{Format, GATE_FILE, Judged, ResultJson};
use leakbench_reports::report::Report;

use crate::common::{self, golden};
use crate::comparison;
use crate::fixtures::observation;

/// Formats that are text and need no picture.
const TEXTS: [Format; 7] = [
    Format::Terminal,
    Format::Json,
    Format::Junit,
    Format::Markdown,
    Format::Github,
    Format::Csv,
    Format::Openmetrics,
];

/// The source of a report.
pub(super) struct Case {
    name: &'static str,
    recorded: Recorded,
    report: Report,
    outcome: Option<Outcome>,
}

impl Case {
    fn new(name: &'static str, what: RecordedKind, outcome: Option<Outcome>) -> Case {
        let folder = PathBuf::from("leakbench-out/run");
        let file = match what {
            RecordedKind::Comparison(_) => folder.join(COMPARISON_FILE),
            _ => Recorded::file(&folder),
        };
        let recorded = Recorded { folder, file, what };
        let report = Report::of(&recorded);
        Case { name, recorded, report, outcome }
    }

    pub(super) fn run(name: &'static str, recording: &Recording, outcome: Option<Outcome>) -> Case {
        let run = RecordedRun::of(recording).expect("it has a start");
        Case::new(name, RecordedKind::Run(Box::new(run)), outcome)
    }

    pub(super) fn observation(name: &'static str, recording: &ObservationRecording) -> Case {
        let diagnosis = Diagnosis::of(recording).expect("it says what was observed");
        Case::new(name, RecordedKind::Observation(Box::new(diagnosis)), None)
    }

    pub(super) fn comparison(
        name: &'static str,
        comparison: Comparison,
        runs: &[(&str, Recording)],
        outcome: Option<Outcome>,
    ) -> Case {
        let runs = runs.iter().map(|(folder, recording)| {
            ((*folder).to_owned(), RecordedRun::of(recording).expect("it has a start"))
        });
        let runs = runs.collect();
        let several = RecordedComparison { comparison, runs };
        Case::new(name, RecordedKind::Comparison(Box::new(several)), outcome)
    }

    /// The files of a format, as text.
    pub(super) fn files(&self, format: Format) -> Vec<(String, String)> {
        let judged = self.outcome.as_ref().map(|outcome| Judged { outcome, recordings: 1 });
        let files = format.files(&self.report, &self.recorded, judged);
        let files = files.expect("it has this form").into_iter();
        let text = |content| String::from_utf8(content).expect("it is text");
        files.map(|file| (file.name, text(file.content))).collect()
    }

    /// The only file of a format.
    pub(super) fn file(&self, format: Format) -> String {
        let [(_, text)] = self.files(format).try_into().expect("one file");
        text
    }
}

pub(super) fn policy(
    policy: &'static str,
    level: PolicyLevel,
    status: Status,
    message: &str,
) -> PolicyOutcome {
    let measured = !matches!(status, Status::Off | Status::Inconclusive);
    let evidence = Evidence {
        path: PathBuf::from("leakbench-out/run/recording.jsonl"),
        line: 4,
        what: "barrier of subject 0 after 3,000 cycles: 21 lingering".to_owned(),
    };
    PolicyOutcome {
        policy: policy.into(),
        run: "leakbench-out/run".to_owned(),
        level,
        status,
        measured: measured.then(|| "21".to_owned()),
        allowed: "at most 0".to_owned(),
        message: message.to_owned(),
        evidence: if measured { vec![evidence] } else { Vec::new() },
    }
}

const FEW_SAMPLES: &str =
    "subject 0 has 4 samples at different cycles, and a trend needs at least 20";

/// A gate that fails, with a policy of each status.
pub(super) fn failing() -> Outcome {
    let lingering = "21 images lingering at the end, budget 0: inode 7608 of module 2985, held by \
                     slot 0 (queued), and 20 more";
    let flaky = "failed at attempt 1, passed at attempt 2: 3 of 3,000 images (0.1 %) released after \
                 the drop of their module returned, budget 0";
    Outcome {
        verdict: GateVerdict::Fail,
        headline: "FAIL — lingering-at-end: 21 images lingering (and 2 more policies)".to_owned(),
        budget: "leakbench.toml".to_owned(),
        policies: vec![
            policy(
                "peak-mappings",
                PolicyLevel::Error,
                Status::Passed,
                "1,060 mappings at the peak",
            ),
            policy("measurement", PolicyLevel::Error, Status::Passed, "both witnesses agreed"),
            policy("lingering-at-end", PolicyLevel::Error, Status::Failed, lingering),
            policy("lingering-peak", PolicyLevel::Warn, Status::Failed, "21 at a barrier"),
            policy("late-releases", PolicyLevel::Error, Status::Flaky, flaky),
            policy("slope-fds", PolicyLevel::Error, Status::Inconclusive, FEW_SAMPLES),
            policy("time-to-release", PolicyLevel::Off, Status::Off, "off"),
        ],
    }
}

/// A gate that passes, with a warning of each status.
fn passing() -> Outcome {
    let flaky = "failed at attempt 1, passed at attempt 2";
    Outcome {
        verdict: GateVerdict::Pass,
        headline: "PASS — 1 policy within budget, 3 warnings".to_owned(),
        budget: "default budgets".to_owned(),
        policies: vec![
            policy(
                "peak-mappings",
                PolicyLevel::Error,
                Status::Passed,
                "1,060 mappings at the peak",
            ),
            policy("slope-fds", PolicyLevel::Warn, Status::Inconclusive, FEW_SAMPLES),
            policy("slope-mappings", PolicyLevel::Warn, Status::Flaky, flaky),
            policy("lingering-peak", PolicyLevel::Warn, Status::Failed, "21 at a barrier"),
        ],
    }
}

pub(super) fn cases() -> Vec<Case> {
    let killed = ExitKind::Signaled { signal: 9 };
    let failed = ExitKind::Failed { error: "cannot instantiate module 51424".to_owned() };
    let compared = [
        ("01-builtin-1", common::clean()),
        ("02-builtin-2", common::leak_keep()),
        ("03-wasmtime@3", common::leak_earlier()),
        ("04-wasmtime@48", common::died(failed)),
        ("05-node-driver.mjs", common::copy()),
        ("06-unsure", common::inconclusive()),
    ];
    let swept =
        [("01", common::clean()), ("02", common::leak_keep()), ("03", common::leak_queue())];
    vec![
        Case::run("clean", &common::clean(), None),
        Case::run("leak", &common::leak_queue(), None),
        Case::run("died", &common::died(killed), None),
        Case::run("inconclusive", &common::inconclusive(), None),
        Case::run("interrupted", &common::interrupted(), None),
        Case::run("gate-fails", &common::leak_queue(), Some(failing())),
        Case::run("gate-passes", &common::clean(), Some(passing())),
        Case::observation("observed", &observation::socket_leak()),
        Case::comparison("compared", comparison::compared(), &compared, None),
        Case::comparison("swept", comparison::swept(), &swept, Some(of_several())),
    ]
}

/// A gate over a comparison.
fn of_several() -> Outcome {
    let outcome = failing();
    let runs = ["leakbench-out/run: on-drop=keep", "leakbench-out/run: on-drop=purge"];
    let policies = runs.into_iter().flat_map(|run| {
        outcome
            .policies
            .iter()
            .map(move |policy| PolicyOutcome { run: run.to_owned(), ..policy.clone() })
    });
    Outcome { policies: policies.collect(), ..outcome.clone() }
}

#[test]
fn every_file_is_as_it_was() {
    let mut wrong = Vec::new();
    for case in cases() {
        for (name, text) in TEXTS.into_iter().flat_map(|format| case.files(format)) {
            let path = format!("files/{}/{name}", case.name);
            assert!(text.ends_with('\n'), "{path}");
            // Summaries and results have golden files of their own.
            if !["summary.txt", "result.json", "comparison.json"].contains(&name.as_str()) {
                wrong.extend(golden(&path, &text).err());
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn summaries_and_results_are_those_of_a_run() {
    let case = Case::run("clean", &common::clean(), None);
    let RecordedKind::Run(run) = &case.recorded.what else { panic!("it is a run") };
    let out = Some(case.recorded.folder.as_path());
    let summary = common::summary(&run.ledger, &run.judgement, 100, out);
    assert_eq!(case.file(Format::Terminal), summary);
    let result = ResultJson::new(&run.ledger, &run.judgement).to_text().expect("it has a form");
    assert_eq!(case.file(Format::Json), result);
}

#[test]
fn files_are_called_as_their_formats_say() {
    let names = |case: &Case, format| {
        case.files(format).into_iter().map(|(name, _)| name).collect::<Vec<String>>()
    };
    let run = Case::run("clean", &common::clean(), None);
    let judged = Case::run("clean", &common::clean(), Some(passing()));
    for format in TEXTS {
        assert_eq!(names(&run, format), [format.file()]);
        // The result is the run's own, and no gate writes it.
        let expected = if format == Format::Json { GATE_FILE } else { format.file() };
        assert_eq!(names(&judged, format), [expected]);
    }
    let compared = &cases()[8];
    assert_eq!(compared.files(Format::Json)[0].0, "comparison.json");
}
