//! A trial of an observation: its command, and its result beside the truth.

use leakbench_model::{Resource, Verdict};
use serde::Deserialize;

use super::{FindingLine, Marks};
use crate::selftest::case::Expected;
use crate::subjects::Truth;

/// Time between two samples: enough of them for a trend, on a busy machine too.
const INTERVAL: &str = "50ms";

/// The part of a result that is compared with the truth.
#[derive(Debug, Deserialize)]
pub(super) struct ObservationResult {
    pub(super) verdict: Verdict,
    pub(super) headline: String,
    resources: Vec<ResourceLine>,
    findings: Vec<FindingLine>,
}

#[derive(Debug, Deserialize)]
struct ResourceLine {
    name: Resource,
    class: Option<String>,
}

/// The words of an observation of a habit, after the program's name.
pub(super) fn words(habit: &str, seed: u64) -> Vec<String> {
    // That is leakbench for the observer too, which starts it.
    let own = "/proc/self/exe";
    let seed = seed.to_string();
    ["exec", "--json", "--interval", INTERVAL, "--", own, "habits", habit, "--seed", &seed]
        .map(str::to_owned)
        .to_vec()
}

impl ObservationResult {
    fn is(&self, resource: Resource, class: &str) -> bool {
        let found = self.resources.iter().find(|line| line.name == resource);
        found.is_some_and(|line| line.class.as_deref() == Some(class))
    }

    pub(super) fn marks(&self, expected: Expected, truth: &Truth) -> Marks {
        let (is_right, is_named) = match expected {
            Expected::Leak(resources) => {
                let all_leak = resources.iter().all(|resource| self.is(*resource, "leak"));
                let mut errors = self.findings.iter().filter(|finding| finding.level == "error");
                let is_named = errors.any(|error| {
                    let noun = resources.first().map(|resource| resource.noun());
                    error.policy == "growth" && noun.is_some_and(|it| error.message.starts_with(it))
                });
                (self.verdict == Verdict::Leak, all_leak && is_named)
            }
            Expected::Filling(resource) => {
                (self.verdict == Verdict::Inconclusive, self.is(resource, "filling"))
            }
            _ => (self.verdict == Verdict::Clean, true),
        };
        // A program that kept nothing proves nothing.
        Marks { is_right: is_right && truth.kept > 0, is_named, is_exact: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(case: &str, verdict: Verdict, class: &str, message: &str, kept: u64) -> bool {
        let result = serde_json::json!({
            "verdict": verdict,
            "headline": "",
            "resources": [
                {"name": "socket_fds", "class": class},
                {"name": "anonymous_bytes", "class": class},
            ],
            "findings": [{"policy": "growth", "level": "error", "message": message}],
        });
        let result: ObservationResult = serde_json::from_value(result).expect("a result");
        let truth = Truth { kept, ..Truth::default() };
        let expected = super::super::Trial::named(case).expected;
        let Marks { is_right, is_named, .. } = result.marks(expected, &truth);
        !is_right || !is_named
    }

    #[test]
    fn a_leak_must_be_classified_and_named() {
        let sockets = "socket descriptors grow by 12.0 a second";
        let fails =
            |verdict, class, message, kept| fails("exec-sockets", verdict, class, message, kept);
        assert!(!fails(Verdict::Leak, "leak", sockets, 9));
        assert!(!fails(Verdict::Leak, "leak", "socket descriptors older than 2 s grow", 9));
        assert!(fails(Verdict::Inconclusive, "leak", sockets, 9));
        assert!(fails(Verdict::Leak, "inconclusive", sockets, 9));
        assert!(fails(Verdict::Leak, "leak", "file descriptors grow by 12.0 a second", 9));
        assert!(fails(Verdict::Leak, "leak", sockets, 0));
    }

    #[test]
    fn what_is_no_leak_must_be_clean_or_filling() {
        assert!(!fails("exec-sawtooth", Verdict::Clean, "sawtooth", "", 9));
        for verdict in [Verdict::Leak, Verdict::Inconclusive, Verdict::SubjectDied] {
            assert!(fails("exec-sawtooth", verdict, "sawtooth", "", 9));
        }
        assert!(!fails("exec-filling", Verdict::Inconclusive, "filling", "", 9));
        assert!(fails("exec-filling", Verdict::Inconclusive, "inconclusive", "", 9));
        assert!(fails("exec-filling", Verdict::Leak, "filling", "", 9));
    }
}
