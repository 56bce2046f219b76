//! The failure of a run: its error findings, as the result has them. Pure.

use std::collections::BTreeSet;

use leakbench_model::Reason;
use serde::Deserialize;

/// The failure that a shrunk run must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The policy of its finding.
    pub(super) policy: String,
    /// The causes that its findings of that policy name; none if they name none.
    pub(super) causes: BTreeSet<String>,
    /// All policies of its errors.
    policies: BTreeSet<String>,
}

/// The part of a result that decides.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Outcome {
    findings: Vec<FindingLine>,
}

/// A finding.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct FindingLine {
    policy: String,
    level: String,
    message: String,
}

impl Outcome {
    /// The outcome with these findings: policy, level and message.
    pub(super) fn of(findings: impl IntoIterator<Item = [String; 3]>) -> Outcome {
        let findings = findings.into_iter();
        let findings =
            findings.map(|[policy, level, message]| FindingLine { policy, level, message });
        Outcome { findings: findings.collect() }
    }

    fn errors(&self) -> impl Iterator<Item = &FindingLine> {
        self.findings.iter().filter(|finding| finding.level == "error")
    }

    /// The causes that the errors of a policy name.
    pub(super) fn causes(&self, policy: &str) -> BTreeSet<String> {
        let of_policy = self.errors().filter(|finding| finding.policy == policy);
        of_policy.flat_map(|finding| causes(&finding.message)).collect()
    }

    /// The failure by `policy`, or by the policy of the first error; `None` without one.
    pub(super) fn failure(&self, policy: Option<&str>) -> Option<Failure> {
        let finding = self.errors().find(|it| policy.is_none_or(|policy| it.policy == policy))?;
        Some(Failure {
            policy: finding.policy.clone(),
            causes: self.causes(&finding.policy),
            policies: self.policies(),
        })
    }

    /// The policies of its errors.
    pub(super) fn policies(&self) -> BTreeSet<String> {
        self.errors().map(|finding| finding.policy.clone()).collect()
    }

    /// True if the run fails by the same policy with no other causes, and by no policy that the failure's run
    /// did not fail by. So a leak never shrinks to another one.
    pub(super) fn fails_as(&self, failure: &Failure) -> bool {
        let causes = self.causes(&failure.policy);
        let has_cause = failure.causes.is_empty() || !causes.is_empty();
        self.policies().contains(&failure.policy)
            && self.policies().is_subset(&failure.policies)
            && has_cause
            && causes.is_subset(&failure.causes)
    }
}

/// The causes that a finding names: the holders of images, or the resource that grows.
fn causes(message: &str) -> BTreeSet<String> {
    let names = |reason: &Reason| {
        let noun = reason.singular().split_once(' ').map_or(reason.singular(), |(_, noun)| noun);
        // The nouns of the other holders are no part of this one.
        message.contains(noun) || message.contains(reason.plural())
    };
    let reasons = Reason::ALL.iter().filter(|reason| names(reason));
    let reasons = reasons.map(|reason| reason.plural().to_owned());
    // `growth of fds` begins with the resource: `fds of subject 0 grow by …`.
    let resource = message.split_once(" of subject ").map(|(resource, _)| resource.to_owned());
    let resource = resource.filter(|noun| !noun.contains(|c: char| c.is_ascii_digit()));
    reasons.chain(resource).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(findings: &[(&str, &str, &str)]) -> Outcome {
        Outcome::of(
            findings
                .iter()
                .map(|(policy, level, message)| [*policy, *level, *message].map(str::to_owned)),
        )
    }

    const QUEUED: (&str, &str, &str) =
        ("lingering-images", "error", "15 of 16 images linger, held by 15 queued slots");

    #[test]
    fn the_first_error_is_the_failure_unless_a_policy_is_named() {
        let growth = ("growth", "error", "descriptors of subject 0 grow by 3");
        let both = outcome(&[("late-releases", "warn", "1 of 16"), QUEUED, growth]);
        let failure = both.failure(None).expect("an error");
        assert_eq!(failure.policy, "lingering-images");
        assert_eq!(failure.causes, ["queued slots".to_owned()].into());
        let failure = both.failure(Some("growth")).expect("an error");
        assert_eq!(failure.causes, ["descriptors".to_owned()].into());
        assert_eq!(both.failure(Some("late-releases")), None, "a warning");
    }

    #[test]
    fn another_policy_or_another_holder_is_another_failure() {
        let failure = outcome(&[QUEUED]).failure(None).expect("an error");
        let one = ("lingering-images", "error", "1 of 1 image lingers, held by 1 queued slot");
        assert!(outcome(&[one]).fails_as(&failure));
        let affine = ("lingering-images", "error", "1 of 1 image lingers, held by 1 affine slot");
        assert!(!outcome(&[affine]).fails_as(&failure));
        assert!(!outcome(&[one, affine]).fails_as(&failure));
        assert!(!outcome(&[one, ("subject-exit", "error", "it died")]).fails_as(&failure));
        assert!(!outcome(&[("growth", "error", "threads of subject 0 grow")]).fails_as(&failure));
        assert!(!outcome(&[("lingering-images", "note", QUEUED.2)]).fails_as(&failure));
        assert!(!outcome(&[]).fails_as(&failure));
    }

    #[test]
    fn each_holder_has_a_name_of_its_own() {
        for reason in Reason::ALL {
            for count in [1, 12] {
                let message = format!("{count} images linger, held by {}", reason.counted(count));
                assert_eq!(causes(&message), [reason.plural().to_owned()].into(), "{message}");
            }
        }
    }
}
