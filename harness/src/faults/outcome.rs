//! The outcome of a run with a fault, compared with the run without one. Pure.

use leakbench_kernel::words_of;
use leakbench_model::text::{counted, signal};
use leakbench_model::{Call, ErrorNumber, Fault, Verdict};
use leakbench_reports::faults::FaultOutcome;

use super::command::{End, Ended};
use super::holdings::Holdings;
use super::subject::SubjectResult;

/// The exit code of a Rust program that panicked.
const PANICKED: i32 = 101;

/// Characters of a message that are kept.
const WORDS_MAX: usize = 300;

/// Runs without faults.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    /// The exit code of all of them.
    pub(super) code: i32,
    /// The maximum of all; `None` if they could not be read.
    pub(super) holdings: Option<Holdings>,
    /// The maximum of processes that were left.
    pub(super) left_processes: u64,
}

impl Usual {
    /// Of these runs and of another one.
    ///
    /// # Errors
    /// In words: their exit codes differ.
    pub(super) fn and(self, other: Usual) -> Result<Usual, String> {
        if self.code != other.code {
            return Err(format!(
                "without a fault the exit codes differ ({} and {}), so there is nothing to compare with",
                self.code, other.code
            ));
        }
        let holdings =
            self.holdings.zip(other.holdings.as_ref()).map(|(own, other)| own.max(other));
        let left_processes = self.left_processes.max(other.left_processes);
        Ok(Usual { code: self.code, holdings, left_processes })
    }
}

/// The outcome of a command, with words.
pub(super) fn of_command(fault: Fault, ended: &Ended, usual: &Usual) -> (FaultOutcome, String) {
    let injected = ended.injected();
    let left = ended.left_processes.saturating_sub(usual.left_processes);
    let last = last_words(&ended.output);
    match ended.end {
        End::Hung => (FaultOutcome::Hung, format!("it did not end within {:.0?}", ended.took)),
        _ if injected == 0 => (FaultOutcome::Unmet, "it made fewer calls this time".to_owned()),
        End::Signaled(number) => {
            (FaultOutcome::Died, format!("{} ended it: {last}", signal(number)))
        }
        End::Exited(PANICKED) if has_panicked(&ended.output) => {
            (FaultOutcome::Died, format!("it panicked: {}", panic_words(&ended.output)))
        }
        _ if left > 0 => {
            (FaultOutcome::Leaked, format!("it left {} behind", counted(left, "process")))
        }
        End::Exited(code) if code == usual.code => {
            let more = ended.holdings.as_ref().zip(usual.holdings.as_ref());
            let refused = if fault.call == Call::Munmap { injected } else { 0 };
            match more.and_then(|(own, usual)| own.beyond(usual, refused)) {
                Some(more) => (FaultOutcome::Leaked, format!("at its exit: {more}")),
                None => (FaultOutcome::Survived, format!("exit code {code}")),
            }
        }
        End::Exited(code) => {
            (error(fault.error, &ended.output), format!("exit code {code}: {last}"))
        }
    }
}

/// The outcome of a run of a subject whose verdict without a fault is `usual`, with words.
pub(super) fn of_subject(
    fault: Fault,
    result: &SubjectResult,
    usual: Verdict,
) -> (FaultOutcome, String) {
    let SubjectResult::Judged(judged) = result else {
        return match result {
            SubjectResult::Hung => (FaultOutcome::Hung, "the run did not end in time".to_owned()),
            SubjectResult::Nothing(words) => (FaultOutcome::Died, words.clone()),
            SubjectResult::Judged(_) => unreachable!("it was taken above"),
        };
    };
    let headline = shortened(&judged.headline);
    match judged.verdict {
        _ if judged.met_no_call => (FaultOutcome::Unmet, headline),
        Verdict::Leak if usual != Verdict::Leak => (FaultOutcome::Leaked, headline),
        Verdict::SubjectDied => (FaultOutcome::Died, headline),
        verdict => match &judged.failed_step {
            None if verdict == usual => (FaultOutcome::Survived, headline),
            Some(step) if verdict == usual => (error(fault.error, step), shortened(step)),
            _ => (error(fault.error, &judged.words), headline),
        },
    }
}

/// The outcome of an error that was reported in these words.
fn error(error: ErrorNumber, words: &str) -> FaultOutcome {
    match names(words, error) {
        true => FaultOutcome::Named,
        false => FaultOutcome::Unnamed,
    }
}

/// True if the text has the error: its name, its words, or its number.
fn names(text: &str, error: ErrorNumber) -> bool {
    let text = text.to_lowercase();
    let words = words_of(error).to_lowercase();
    // `cannot allocate memory (os error 12)`
    let (sentence, number) = words.split_once(" (os error ").unwrap_or((&words, ""));
    let number = number.trim_end_matches(')');
    text.contains(&error.as_str().to_lowercase())
        || text.contains(sentence)
        || text.contains(&format!("os error {number})"))
        || text.contains(&format!("errno {number}]"))
}

fn has_panicked(output: &str) -> bool {
    output.contains("panicked at")
}

fn panic_words(output: &str) -> String {
    let from = output.find("panicked at").unwrap_or(0);
    let lines: Vec<&str> = output[from..].lines().take(2).collect();
    shortened(&lines.join(" "))
}

fn last_words(output: &str) -> String {
    let last = output.lines().rev().find(|line| !line.trim().is_empty());
    shortened(last.unwrap_or("it printed nothing"))
}

fn shortened(words: &str) -> String {
    match words.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::subject::Judged;
    use super::*;

    #[test]
    fn an_error_is_named_by_name_words_or_number() {
        for text in [
            "mmap: ENOMEM",
            "cat: x: Cannot allocate memory",
            "failed (os error 12)",
            "OSError: [Errno 12] x",
        ] {
            assert!(names(text, ErrorNumber::Enomem), "{text}");
        }
        for text in ["", "no memory", "os error 1", "[Errno 121]"] {
            assert!(!names(text, ErrorNumber::Enomem), "{text}");
        }
    }

    fn judged(verdict: Verdict, failed_step: Option<&str>) -> SubjectResult {
        SubjectResult::Judged(Judged {
            verdict,
            headline: "the headline: EMFILE".to_owned(),
            words: "the headline: EMFILE".to_owned(),
            failed_step: failed_step.map(str::to_owned),
            met_no_call: false,
            faults: Vec::new(),
        })
    }

    #[test]
    fn the_verdict_on_a_subject_decides() {
        let fault = "openat=EMFILE@1".parse().expect("a fault");
        let outcome = |result: &SubjectResult| of_subject(fault, result, Verdict::Clean).0;
        assert_eq!(outcome(&judged(Verdict::Clean, None)), FaultOutcome::Survived);
        assert_eq!(outcome(&judged(Verdict::Clean, Some("EMFILE"))), FaultOutcome::Named);
        assert_eq!(outcome(&judged(Verdict::Clean, Some("no file"))), FaultOutcome::Unnamed);
        assert_eq!(outcome(&judged(Verdict::Inconclusive, None)), FaultOutcome::Named);
        assert_eq!(outcome(&judged(Verdict::Leak, Some("EMFILE"))), FaultOutcome::Leaked);
        assert_eq!(outcome(&judged(Verdict::SubjectDied, Some("EMFILE"))), FaultOutcome::Died);
        // A leak that is there without a fault.
        let leak = of_subject(fault, &judged(Verdict::Leak, None), Verdict::Leak).0;
        assert_eq!(leak, FaultOutcome::Survived);
        assert_eq!(outcome(&SubjectResult::Hung), FaultOutcome::Hung);
        assert_eq!(outcome(&SubjectResult::Nothing(String::new())), FaultOutcome::Died);
    }
}
