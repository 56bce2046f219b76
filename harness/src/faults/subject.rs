//! One run of a subject, whose calls fail while its cycles run.

use std::io;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use leakbench_kernel::{Child, ProcessGroup};
use leakbench_model::{Call, ErrorNumber, FailedSteps, Fault, FaultCount, Verdict, When};
use serde::Deserialize;

use super::command::{tail, wait_for_end};

/// Runs of leakbench with these words.
#[derive(Clone, Debug)]
pub(super) struct SubjectRuns<'a> {
    pub(super) words: Vec<String>,
    /// Maximum time of a run.
    pub(super) limit: Duration,
    /// Set when no result is of use any more: runs are killed.
    pub(super) stop: &'a AtomicBool,
}

/// What came of a run.
#[derive(Debug)]
pub(super) enum SubjectResult {
    Judged(Judged),
    /// It was killed at the limit.
    Hung,
    /// It printed no result, with its words.
    Nothing(String),
}

/// The result that a run printed.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    pub(super) headline: String,
    /// All findings.
    pub(super) words: String,
    /// The first step that failed, in words.
    pub(super) failed_step: Option<String>,
    /// The fault met no call.
    pub(super) met_no_call: bool,
    pub(super) faults: Vec<FaultCount>,
}

#[derive(Deserialize)]
struct ResultJson {
    verdict: Verdict,
    headline: String,
    findings: Vec<FindingJson>,
    subjects: Vec<SubjectJson>,
}

#[derive(Deserialize)]
struct FindingJson {
    message: String,
}

#[derive(Deserialize)]
struct SubjectJson {
    exit: Option<ExitJson>,
    #[serde(default)]
    failed_steps: FailedSteps,
}

#[derive(Deserialize)]
struct ExitJson {
    #[serde(default)]
    faults: Vec<FaultCount>,
}

impl SubjectRuns<'_> {
    /// Makes a run with these faults.
    ///
    /// # Errors
    /// leakbench cannot be started again, or its output cannot be read.
    pub(super) fn make(&self, faults: &[Fault]) -> io::Result<SubjectResult> {
        let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
        let mut command = Command::new("/proc/self/exe");
        command.args(self.words_with(faults)).arg("--json").stdin(Stdio::null());
        command.stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
        let mut child = Child::spawn(&mut command, ProcessGroup::Own)?;
        let until = Instant::now() + self.limit;
        if !wait_for_end(&child, until, self.stop)? {
            child.kill()?;
            return Ok(SubjectResult::Hung);
        }
        let status = child.kill()?;
        let (stdout, stderr) = (tail(stdout)?, tail(stderr)?);
        Ok(match serde_json::from_str::<ResultJson>(&stdout) {
            Ok(result) => SubjectResult::Judged(Judged::of(result)),
            Err(_) => {
                let last = stderr.lines().last().unwrap_or("it printed nothing");
                SubjectResult::Nothing(format!("no result ({status}): {last}"))
            }
        })
    }

    /// The words after `leakbench` of a run with these faults.
    pub(super) fn words_with(&self, faults: &[Fault]) -> Vec<String> {
        let mut words = self.words.clone();
        for fault in faults {
            words.extend(["--inject".to_owned(), fault.to_string()]);
        }
        words
    }
}

impl Judged {
    fn of(result: ResultJson) -> Judged {
        let faults: Vec<FaultCount> = result
            .subjects
            .iter()
            .filter_map(|it| it.exit.as_ref())
            .flat_map(|it| it.faults.clone())
            .collect();
        let steps = result.subjects.into_iter().map(|subject| subject.failed_steps);
        let steps = steps.fold(FailedSteps::default(), FailedSteps::and);
        let messages: Vec<String> = result.findings.into_iter().map(|it| it.message).collect();
        Judged {
            verdict: result.verdict,
            words: format!("{}\n{}", result.headline, messages.join("\n")),
            headline: result.headline,
            failed_step: steps.first_under_faults,
            met_no_call: !faults.is_empty() && faults.iter().all(|count| count.injected == 0),
            faults,
        }
    }
}

/// A fault that only counts the calls.
pub(super) fn counting(call: Call) -> Fault {
    Fault { call, error: ErrorNumber::Enosys, when: When::Never }
}
