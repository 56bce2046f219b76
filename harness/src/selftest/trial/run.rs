//! A trial of a run: its flags, and its result beside the truth.

use leakbench_model::Verdict;
use serde::Deserialize;

use super::{FindingLine, Marks};
use crate::selftest::case::{Expected, FLAGS};
use crate::subjects::Truth;

/// The part of a result that is compared with the truth.
#[derive(Debug, Deserialize)]
pub(super) struct RunResult {
    pub(super) verdict: Verdict,
    pub(super) headline: String,
    images: Images,
    findings: Vec<FindingLine>,
}

#[derive(Debug, Deserialize)]
struct Images {
    late: u64,
    lingering: u64,
}

/// The flags of a case.
pub(super) fn flags(slots: &str, flags: &[&str]) -> Vec<String> {
    let all = FLAGS.iter().copied().chain(["--slots", slots]).chain(flags.iter().copied());
    all.map(str::to_owned).collect()
}

impl RunResult {
    pub(super) fn marks(&self, expected: Expected, truth: &Truth) -> Marks {
        let errors = || self.findings.iter().filter(|finding| finding.level == "error");
        let finds = |policy: &str, start: &str| {
            errors().any(|it| it.policy == policy && it.message.starts_with(start))
        };
        let is_leak = self.verdict == Verdict::Leak;
        let (is_right, is_named, is_exact) = match expected {
            Expected::Lingering(reason) => {
                let (one, several) = (reason.singular(), reason.plural());
                let one = one.split_once(' ').map_or(one, |(_article, noun)| noun);
                let named = errors().any(|it| {
                    it.policy == "lingering-images"
                        && (it.message.contains(one) || it.message.contains(several))
                });
                // The queue is an option, so its runs have no plant that counts.
                let is_exact = (truth.kept > 0).then_some(self.images.lingering == truth.images);
                (is_leak, named, is_exact)
            }
            Expected::Growth(resource) => {
                (is_leak, finds("growth", &format!("{} of subject 0", resource.noun())), None)
            }
            Expected::GuestDescriptors => {
                let named = errors().any(|it| it.message.contains("of dropped guests"));
                (is_leak, named, None)
            }
            Expected::Late => {
                let is_right = matches!(self.verdict, Verdict::Leak | Verdict::Inconclusive);
                (is_right, self.images.late + self.images.lingering > 0, None)
            }
            // The others are of observations.
            Expected::Nothing | Expected::Leak(_) | Expected::Filling(_) => {
                (self.verdict == Verdict::Clean, true, None)
            }
        };
        Marks { is_right, is_named, is_exact }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Trial;
    use super::*;

    /// A result with one finding.
    fn outcome(verdict: Verdict, lingering: u64, policy: &str, message: &str) -> RunResult {
        let finding = FindingLine {
            policy: policy.to_owned(),
            level: "error".to_owned(),
            message: message.to_owned(),
        };
        let (headline, images) = (String::new(), Images { late: 0, lingering });
        RunResult { verdict, headline, images, findings: vec![finding] }
    }

    fn fails(case: &str, outcome: &RunResult) -> bool {
        let truth = Truth { kept: 3, images: 3, refused: None };
        let marks = outcome.marks(Trial::named(case).expected, &truth);
        !marks.is_right || !marks.is_named || marks.is_exact == Some(false)
    }

    #[test]
    fn images_must_be_counted_and_named() {
        let by = |verdict, lingering, message: &str| {
            outcome(verdict, lingering, "lingering-images", message)
        };
        let held = "3 of 9 images linger, held by 3 affine slots";
        assert!(!fails("skipped-purge", &by(Verdict::Leak, 3, held)));
        assert!(fails("skipped-purge", &by(Verdict::Clean, 3, held)));
        assert!(fails("skipped-purge", &by(Verdict::Leak, 2, held)));
        let other = "3 of 9 images linger, held by 3 queued slots";
        assert!(fails("skipped-purge", &by(Verdict::Leak, 3, other)));
    }

    #[test]
    fn growth_must_be_of_the_resource() {
        let by = |policy, message| outcome(Verdict::Leak, 0, policy, message);
        let threads = "threads of subject 0 grow by 10 per 1,000 cycles";
        assert!(!fails("thread", &by("growth", threads)));
        assert!(fails("thread", &by("leftovers", threads)));
        assert!(fails("thread", &by("growth", "mappings of subject 0 grow by 10")));
    }

    #[test]
    fn what_is_no_leak_must_be_clean() {
        assert!(!fails("cache", &outcome(Verdict::Clean, 0, "coverage", "")));
        for verdict in [Verdict::Leak, Verdict::Inconclusive, Verdict::SubjectDied] {
            assert!(fails("cache", &outcome(verdict, 0, "coverage", "")));
        }
        let late = |verdict| RunResult {
            images: Images { late: 1, lingering: 0 },
            ..outcome(verdict, 0, "late-releases", "")
        };
        assert!(!fails("image-late", &late(Verdict::Inconclusive)));
        assert!(fails("image-late", &late(Verdict::Clean)));
    }
}
