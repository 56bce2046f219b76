//! The scores of all trials, added up.

use leakbench_model::exit_code;
use leakbench_model::text::{counted, grouped, printable};
use serde::Serialize;

use super::trial::{Score, Trial};

/// Version of the JSON.
const VERSION: u32 = 1;

/// Failures that the text lists.
const LISTED_MAX: usize = 10;

/// The results of a test.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rows: Vec<Row>,
    /// Trials whose verdict, finding or number of images was wrong.
    pub(super) failures: Vec<Failure>,
    /// Why trials were skipped, once for each case.
    skipped: Vec<Skip>,
    pub(super) interrupted: bool,
}

/// The trials of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Row {
    /// The case.
    name: &'static str,
    /// What the subject leaves behind, in words.
    what: &'static str,
    /// The finding that a trial must have, in words.
    must_find: String,
    /// True if its trials leak.
    is_leak: bool,
    /// Runs or observations made.
    runs: u64,
    /// Those that were skipped, since the kernel refused the object; they are not among `runs`.
    skipped: u64,
    /// Runs whose verdict was right: a leak was found, or a run without one was clean.
    right: u64,
    /// Runs whose finding names what leaks.
    named: u64,
    /// Runs whose images could be counted.
    countable: u64,
    /// Of those, the runs whose number of lingering images was exactly that of the truth.
    exact: u64,
}

/// A case with trials that were skipped.
#[derive(Debug, Serialize)]
struct Skip {
    name: &'static str,
    /// The object that the kernel refused, and its reason.
    reason: String,
}

/// A trial that failed.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    name: &'static str,
    headline: String,
    command: String,
}

impl Row {
    /// Without runs.
    fn of(trial: &Trial) -> Row {
        let Trial { name, what, expected, .. } = *trial;
        let (must_find, is_leak) = (expected.in_words(), expected.is_leak());
        let (runs, skipped, right, named, countable, exact) = (0, 0, 0, 0, 0, 0);
        Row { name, what, must_find, is_leak, runs, skipped, right, named, countable, exact }
    }
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    verdict: &'static str,
    exit_code: u8,
    headline: String,
    interrupted: bool,
    cases: &'a [Row],
    skipped: &'a [Skip],
    failures: &'a [Failure],
}

impl Tally {
    /// Rows for these trials.
    pub(super) fn new(trials: &[Trial]) -> Tally {
        let mut rows: Vec<Row> = Vec::new();
        for trial in trials {
            if rows.iter().all(|row| row.name != trial.name) {
                rows.push(Row::of(trial));
            }
        }
        Tally { rows, ..Tally::default() }
    }

    pub(super) fn add(&mut self, trial: &Trial, score: Score) {
        let Some(row) = self.rows.iter_mut().find(|row| row.name == trial.name) else { return };
        row.runs += 1;
        row.right += u64::from(score.is_right);
        row.named += u64::from(score.is_named);
        row.countable += u64::from(score.is_exact.is_some());
        row.exact += u64::from(score.is_exact == Some(true));
        if score.has_failed() {
            let Score { headline, command, .. } = score;
            self.failures.push(Failure { name: trial.name, headline, command });
        }
    }

    pub(super) fn skip(&mut self, trial: &Trial, reason: String) {
        let Some(row) = self.rows.iter_mut().find(|row| row.name == trial.name) else { return };
        row.skipped += 1;
        if row.skipped == 1 {
            self.skipped.push(Skip { name: trial.name, reason });
        }
    }

    /// Trials made or skipped.
    pub(super) fn trials(&self) -> u64 {
        self.rows.iter().map(|row| row.runs + row.skipped).sum()
    }

    /// Trials that leak, or that do not, and how many of them had the right verdict.
    fn total(&self, is_leak: bool) -> (u64, u64) {
        let rows = || self.rows.iter().filter(|row| row.is_leak == is_leak);
        (rows().map(|row| row.runs).sum(), rows().map(|row| row.right).sum())
    }

    /// The verdict and the exit code: 0 if every trial succeeded, 1 if one failed, 4 if all were skipped,
    /// 130 after an interruption.
    fn end(&self) -> (&'static str, u8) {
        let made: u64 = self.rows.iter().map(|row| row.runs).sum();
        match self.interrupted {
            true => ("interrupted", exit_code::INTERRUPTED),
            false if !self.failures.is_empty() => ("FAILED", exit_code::LEAK),
            false if made == 0 => ("inconclusive", exit_code::INCONCLUSIVE),
            false => ("passed", exit_code::CLEAN),
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.end().1
    }

    fn verdict(&self) -> &'static str {
        self.end().0
    }

    fn headline(&self) -> String {
        let (leaks, found) = self.total(true);
        let (healthy, clean) = self.total(false);
        let mut parts = Vec::new();
        if leaks > 0 {
            let [low, high] = interval(found, leaks);
            parts.push(format!(
                "{} of {} found (95 % interval of the rate: {low:.1} to {high:.1} %)",
                grouped(found),
                counted(leaks, "planted leak"),
            ));
        }
        if healthy > 0 {
            let alarms = healthy - clean;
            let [low, high] = interval(alarms, healthy);
            parts.push(format!(
                "{} in {} without one ({low:.1} to {high:.1} %)",
                counted(alarms, "false alarm"),
                counted(healthy, "trial"),
            ));
        }
        let unnamed = self.failures.len() as u64 - (leaks - found) - (healthy - clean);
        if unnamed > 0 {
            parts.push(format!("{} found and not named or not counted", grouped(unnamed)));
        }
        if !self.skipped.is_empty() {
            let kinds = counted(self.skipped.len() as u64, "kind");
            parts.push(format!("{kinds} skipped: the kernel refuses the object"));
        }
        parts.join(", ")
    }

    /// A line for each case, then failures, then the verdict.
    pub(crate) fn to_text(&self) -> String {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
        let mut text = format!(
            "{:width$}  {:>6}  {:>6}  {:>6}  {:>6}\n",
            "case", "runs", "right", "named", "exact"
        );
        for row in &self.rows {
            let exact = match row.countable {
                0 => String::new(),
                _ => grouped(row.exact),
            };
            let named = if row.is_leak { grouped(row.named) } else { String::new() };
            let line = format!(
                "{:width$}  {:>6}  {:>6}  {named:>6}  {exact:>6}",
                row.name,
                grouped(row.runs),
                grouped(row.right),
            );
            text += line.trim_end();
            text.push('\n');
        }
        for Skip { name, reason } in &self.skipped {
            text += &format!("skipped    {name}: {}\n", printable(reason));
        }
        for Failure { name, headline, command } in self.failures.iter().take(LISTED_MAX) {
            text += &format!(
                "failed     {name}: {}\n           {}\n",
                printable(headline),
                printable(command)
            );
        }
        let more = self.failures.len().saturating_sub(LISTED_MAX) as u64;
        if more > 0 {
            text +=
                &format!("           and {} (--json lists all)\n", counted(more, "more failure"));
        }
        text + &format!("selftest: {} — {}\n", self.verdict(), self.headline())
    }

    /// # Errors
    /// serde's.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        let json = Json {
            version: VERSION,
            verdict: self.verdict(),
            exit_code: self.exit_code(),
            headline: self.headline(),
            interrupted: self.interrupted,
            cases: &self.rows,
            skipped: &self.skipped,
            failures: &self.failures,
        };
        Ok(serde_json::to_string_pretty(&json)? + "\n")
    }
}

/// The 95 % interval of a rate, in per cent, by Wilson: it holds for rates of 0 and 1 too.
fn interval(hits: u64, trials: u64) -> [f64; 2] {
    const Z: f64 = 1.96;
    let (hits, trials) = (hits as f64, trials as f64);
    let rate = hits / trials;
    let middle = rate + Z * Z / (2.0 * trials);
    let spread = Z * (rate * (1.0 - rate) / trials + Z * Z / (4.0 * trials * trials)).sqrt();
    let scale = 100.0 / (1.0 + Z * Z / trials);
    [(middle - spread) * scale, (middle + spread) * scale]
        .map(|per_cent| per_cent.clamp(0.0, 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_wilson() {
        // Of published tables: 0 of 10 and 8 of 10.
        let rounded = |[low, high]: [f64; 2]| [(low * 10.0).round(), (high * 10.0).round()];
        assert_eq!(rounded(interval(0, 10)), [0.0, 278.0]);
        assert_eq!(rounded(interval(8, 10)), [490.0, 943.0]);
        assert_eq!(rounded(interval(10, 10)), [722.0, 1_000.0]);
    }

    fn score(is_right: bool, is_named: bool, is_exact: Option<bool>) -> Score {
        let (headline, command) = ("the verdict".to_owned(), "leakbench …".to_owned());
        Score { is_right, is_named, is_exact, headline, command }
    }

    #[test]
    fn a_case_that_the_kernel_refuses_is_no_success_and_no_failure() {
        let [refused, sockets] = ["exec-bpf-maps", "exec-sockets"].map(Trial::named);
        let trials = ["exec-bpf-maps", "exec-sockets"].map(Trial::named);
        let mut tally = Tally::new(&trials);
        tally.skip(&refused, "bpf-maps: not permitted".to_owned());
        tally.add(&sockets, score(true, true, None));
        assert_eq!((tally.exit_code(), tally.trials()), (exit_code::CLEAN, 2));
        let text = tally.to_text();
        assert!(text.contains("\nskipped    exec-bpf-maps: bpf-maps: not permitted\n"), "{text}");
        assert!(text.contains(" — 1 of 1 planted leak found"), "{text}");
        assert!(text.contains("1 kind skipped"), "{text}");
    }

    #[test]
    fn a_test_whose_trials_were_all_skipped_proves_nothing() {
        let trial = Trial::named("cache");
        let mut tally = Tally::new(&[Trial::named("cache")]);
        tally.skip(&trial, "the kernel has none".to_owned());
        assert_eq!(tally.exit_code(), exit_code::INCONCLUSIVE);
        assert!(tally.to_text().contains("\nselftest: inconclusive — "), "{}", tally.to_text());
    }

    #[test]
    fn each_kind_of_failure_fails_the_test() {
        let [leak, healthy] = ["skipped-purge", "cache"].map(Trial::named);
        for (trial, failing) in [
            (&leak, score(false, false, None)),
            (&leak, score(true, false, None)),
            (&leak, score(true, true, Some(false))),
            (&healthy, score(false, true, None)),
        ] {
            let mut tally = Tally::new(&[Trial::named("skipped-purge"), Trial::named("cache")]);
            tally.add(&leak, score(true, true, Some(true)));
            tally.add(&healthy, score(true, true, None));
            assert_eq!(tally.exit_code(), exit_code::CLEAN);
            let passed = tally.to_text();
            assert!(passed.ends_with("1 trial without one (0.0 to 79.3 %)\n"), "{passed}");
            tally.add(trial, failing);
            assert_eq!(tally.exit_code(), exit_code::LEAK);
            let text = tally.to_text();
            assert!(text.contains("\nselftest: FAILED — "), "{text}");
            assert!(text.contains(&format!("failed     {}: the verdict", trial.name)), "{text}");
        }
    }
}
