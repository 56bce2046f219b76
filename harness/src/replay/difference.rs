//! The differences of two runs' findings. Pure.

use leakbench_model::Verdict;
use leakbench_recording::judge::Level;
use serde::Serialize;

/// What two runs are compared by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Account {
    pub(super) verdict: Verdict,
    pub(super) findings: Vec<FindingLine>,
    /// Images of each kind.
    pub(super) made: u64,
    pub(super) lingering: u64,
    pub(super) late: u64,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FindingLine {
    pub(super) policy: String,
    pub(super) level: Level,
    pub(super) message: String,
}

impl Account {
    pub(super) fn errors(&self) -> impl Iterator<Item = &FindingLine> {
        self.findings.iter().filter(|finding| finding.level == Level::Error)
    }
}

impl FindingLine {
    fn line(&self) -> String {
        format!("{} {}: {}", self.level, self.policy, self.message)
    }
}

/// The differences, a line each: `-` as recorded, `+` as replayed. Measured amounts differ from run to run and are
/// not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Differences {
    /// Differences of the runs themselves.
    pub(super) decisive: Vec<String>,
    /// Warnings and notes, which may depend on the moments of leakbench's own readings.
    pub(super) by_chance: Vec<String>,
}

impl Differences {
    pub(super) fn between(recorded: &Account, replayed: &Account) -> Differences {
        let mut decisive = Vec::new();
        let mut by_chance = Vec::new();
        for (sign, these, those) in [("-", recorded, replayed), ("+", replayed, recorded)] {
            for finding in &these.findings {
                let is_same = |other: &FindingLine| {
                    other.policy == finding.policy
                        && other.level == finding.level
                        && words(&other.message) == words(&finding.message)
                };
                if those.findings.iter().any(is_same) {
                    continue;
                }
                let is_error = finding.level == Level::Error;
                let list = if is_error { &mut decisive } else { &mut by_chance };
                list.push(format!("{sign} {}", finding.line()));
            }
        }
        let mut number = |what: &str, recorded: u64, replayed: u64| {
            if recorded != replayed {
                decisive.push(format!("- {what}: {recorded}"));
                decisive.push(format!("+ {what}: {replayed}"));
            }
        };
        number("images made", recorded.made, replayed.made);
        number("images lingering", recorded.lingering, replayed.lingering);
        if recorded.verdict != replayed.verdict {
            decisive.push(format!("- verdict: {}", recorded.verdict));
            decisive.push(format!("+ verdict: {}", replayed.verdict));
        }
        Differences { decisive, by_chance }
    }

    pub(super) fn are_none(&self) -> bool {
        self.decisive.is_empty()
    }

    /// The number of decisive lines that only one of the runs has.
    pub(super) fn headline(&self) -> String {
        let count = |sign: &str| self.decisive.iter().filter(|line| line.starts_with(sign)).count();
        format!("{} recorded and {} replayed lines differ", count("-"), count("+"))
    }
}

/// A message without its numbers and their units.
fn words(message: &str) -> Vec<&str> {
    const UNITS: [&str; 9] = ["B", "KiB", "MiB", "GiB", "TiB", "ns", "µs", "ms", "s"];
    let plain = |word: &&str| {
        let unit = word.trim_matches(|c: char| !c.is_alphanumeric());
        !word.contains(|c: char| c.is_ascii_digit()) && !UNITS.contains(&unit)
    };
    message.split_whitespace().filter(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(lingering: u64, findings: &[(&str, Level, &str)]) -> Account {
        let findings = findings.iter().map(|(policy, level, message)| FindingLine {
            policy: (*policy).to_owned(),
            level: *level,
            message: (*message).to_owned(),
        });
        let verdict = if lingering > 0 { Verdict::Leak } else { Verdict::Clean };
        Account { verdict, findings: findings.collect(), made: 100, lingering, late: 0 }
    }

    const QUEUED: (&str, Level, &str) =
        ("lingering-images", Level::Error, "9 of 100 images linger, held by 9 queued slots");

    #[test]
    fn an_error_of_one_run_alone_is_decisive_and_shown() {
        let recorded = account(9, &[QUEUED]);
        assert!(Differences::between(&recorded, &recorded).are_none());
        let differences = Differences::between(&recorded, &account(0, &[]));
        assert!(!differences.are_none());
        let lines = differences.decisive;
        assert!(lines.contains(&format!("- error lingering-images: {}", QUEUED.2)), "{lines:?}");
        assert!(lines.contains(&"+ images lingering: 0".to_owned()), "{lines:?}");
    }

    #[test]
    fn another_number_or_holder_of_images_is_decisive() {
        let recorded = account(9, &[QUEUED]);
        assert!(!Differences::between(&recorded, &account(8, &[QUEUED])).are_none());
        let affine = (QUEUED.0, QUEUED.1, "9 of 100 images linger, held by 9 affine slots");
        assert!(!Differences::between(&recorded, &account(9, &[affine])).are_none());
    }

    #[test]
    fn measured_amounts_warnings_and_late_releases_decide_nothing() {
        let growth = |message| ("growth", Level::Error, message);
        let recorded = account(0, &[growth("memory of subject 0 grows by 1.5 MiB ± 3 KiB in 4 s")]);
        let mut replayed = account(
            0,
            &[
                growth("memory of subject 0 grows by 900 KiB ± 12 B in 700 ms"),
                ("late-releases", Level::Note, "1 of 100 images was released late"),
            ],
        );
        replayed.late = 1;
        let differences = Differences::between(&recorded, &replayed);
        assert!(differences.are_none(), "{differences:?}");
        let note = "+ note late-releases: 1 of 100 images was released late";
        assert_eq!(differences.by_chance, [note]);
    }
}
