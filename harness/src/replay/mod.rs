//! A recorded run made again, and its findings beside the recorded ones.

mod difference;

use std::path::Path;

use leakbench_model::Verdict;
use leakbench_model::exit_code;
use leakbench_model::text::{counted, grouped};
use leakbench_reports::recorded::RecordedRun;
use leakbench_scenarios::shell;
use serde::Serialize;

use self::difference::{Account, Differences, FindingLine};
use crate::error::Error;
use crate::output::{Verbosity, labelled};
use crate::run::Run;

/// Version of the JSON.
const VERSION: u32 = 1;

/// A recorded run and the same one again.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Replay {
    version: u32,
    /// The replay decides nothing if it was interrupted, or if it alone is inconclusive.
    exit_code: u8,
    command: String,
    recorded: Account,
    replayed: Account,
    #[serde(flatten)]
    differences: Differences,
}

impl Replay {
    /// Makes the recorded run again, with progress on standard error, and keeps its recording in `out`.
    ///
    /// # Errors
    /// The recorded options cannot run here, or the recording cannot be kept.
    pub(crate) fn perform(
        recorded: &RecordedRun,
        driver_dir: Option<&Path>,
        out: Option<&Path>,
        verbosity: Verbosity,
    ) -> Result<Replay, Error> {
        let options = recorded.ledger.start.scenario.options();
        // The options are complete, so defaults of the folder have no effect.
        let run = Run::prepare(options, driver_dir, false)?;
        let (recorder, kept) = run.perform(out, verbosity)?;
        kept?;
        let replayed = RecordedRun::of(recorder.recording())?;
        Ok(Replay::of(recorded, &replayed))
    }

    fn of(recorded: &RecordedRun, replayed: &RecordedRun) -> Replay {
        let [recorded_account, account] = [recorded, replayed].map(account);
        let differences = Differences::between(&recorded_account, &account);
        let exit_code = match (recorded_account.verdict, account.verdict) {
            (_, Verdict::Interrupted) => exit_code::INTERRUPTED,
            (Verdict::Inconclusive, _)
            | (_, Verdict::Clean | Verdict::Leak | Verdict::SubjectDied) => {
                if differences.are_none() { exit_code::CLEAN } else { exit_code::LEAK }
            }
            (_, Verdict::Inconclusive) => exit_code::INCONCLUSIVE,
        };
        let command = replayed.ledger.start.command.clone();
        Replay {
            version: VERSION,
            exit_code,
            command,
            recorded: recorded_account,
            replayed: account,
            differences,
        }
    }

    /// The exit code of the command.
    pub(crate) fn exit_code(&self) -> u8 {
        self.exit_code
    }

    /// The result for people; the last line has the outcome.
    pub(crate) fn to_text(&self) -> String {
        let Replay { recorded, replayed, differences, .. } = self;
        let images = |account: &Account| {
            let [made, lingering, late] =
                [account.made, account.lingering, account.late].map(grouped);
            [format!("{made} made, {lingering} lingering, {late} late")]
        };
        let mut text =
            labelled("reproduce", [&self.command]) + &labelled("images", images(replayed));
        if images(recorded) != images(replayed) {
            text += &labelled("recorded", images(recorded));
        }
        text += &labelled("differs", &differences.decisive);
        text += &labelled("by chance", &differences.by_chance);
        let verdict = format!("{} (recorded: {})", replayed.verdict, recorded.verdict);
        let outcome = match self.exit_code {
            exit_code::CLEAN => format!(
                "replay: same — {}, {} again",
                replayed.verdict,
                counted(replayed.errors().count() as u64, "error")
            ),
            exit_code::LEAK => {
                format!("replay: differs — {}; verdict {verdict}", differences.headline())
            }
            exit_code::INTERRUPTED => "replay: interrupted — nothing was compared".to_owned(),
            _ => format!("replay: inconclusive — verdict {verdict}; run it on a quieter machine"),
        };
        text + &outcome + "\n"
    }

    /// The result as one JSON object.
    ///
    /// # Errors
    /// It has no JSON form.
    pub(crate) fn to_json(&self) -> Result<String, Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// What two runs are compared by.
fn account(run: &RecordedRun) -> Account {
    let RecordedRun { ledger, judgement } = run;
    let findings = judgement.findings.iter().map(|finding| FindingLine {
        policy: finding.rule.to_owned(),
        level: finding.level,
        message: finding.message.clone(),
    });
    Account {
        verdict: judgement.verdict,
        findings: findings.collect(),
        made: ledger.images.made,
        lingering: ledger.images.lingering,
        late: ledger.images.late,
    }
}

/// The folder of the drivers that a recorded command names, if it still exists.
pub(crate) fn recorded_driver_dir(command: &str) -> Option<std::path::PathBuf> {
    let words = shell::words(command)?;
    let mut words = words.into_iter().skip_while(|word| word != "--driver-dir").skip(1);
    words.next().map(Into::into).filter(|folder: &std::path::PathBuf| folder.is_dir())
}
