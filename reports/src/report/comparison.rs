//! The report of a comparison.

use super::facts::{self, fact, group, machine};
use super::figures::figure;
use super::grid::{comparison_table, refusals};
use super::heat::heat_maps;
use super::panels::panels;
use super::{FactGroup, Figure, Report, Tone, next_steps, spreads, unmeasured};
use crate::comparison::{Common, Comparison, Kind, Ratio, Row};
use crate::recorded::{RecordedComparison, RecordedRun};
use leakbench_model::Verdict;
use leakbench_model::text::{counted, grouped, third_person, utc};
use leakbench_recording::judge::{Finding, Level};

/// Findings of all runs together at most. Each run has its own report.
const FINDINGS_MAX: usize = 100;
/// The rule of the finding that counts the others.
const MORE: &str = "findings";
/// Sentences of runs on missing measurements at most.
const UNMEASURED_MAX: usize = 40;

impl Report {
    /// The report of a comparison.
    pub fn of_comparison(recorded: &RecordedComparison) -> Report {
        let comparison = &recorded.comparison;
        let mut charts = Vec::new();
        // The map is the result of a sweep.
        charts.extend(heat_maps(comparison));
        let (leaks, others) = panels(recorded);
        charts.extend(leaks);
        charts.extend(spreads::of_comparison(comparison));
        charts.extend(others);
        Report {
            title: title(comparison),
            // Without a run nothing is proved clean.
            verdict: comparison.verdict().unwrap_or(Verdict::Inconclusive),
            headline: comparison.headline(),
            figures: figures(comparison),
            suspects: Vec::new(),
            charts,
            next: next_steps::of_comparison(comparison),
            findings: findings(recorded),
            lingering: None,
            tables: vec![comparison_table(comparison)],
            facts: facts(recorded),
            unmeasured: unmeasured(recorded),
            recording: None,
        }
    }
}

/// Each run with its row and its folder.
pub(super) fn runs(
    recorded: &RecordedComparison,
) -> impl Iterator<Item = (&Row, &str, &RecordedRun)> {
    let rows = recorded.comparison.rows.iter();
    let folders = rows.flat_map(|row| row.runs.iter().map(move |run| (row, run.folder.as_str())));
    folders.filter_map(|(row, folder)| {
        let (_, run) = recorded.runs.iter().find(|(name, _)| name == folder)?;
        Some((row, folder, run))
    })
}

fn title(comparison: &Comparison) -> String {
    let rows = comparison.rows.len() as u64;
    let rounds = match comparison.rounds {
        0 | 1 => String::new(),
        rounds => format!(", {rounds} rounds"),
    };
    match comparison.kind {
        Kind::Compare => {
            let names: Vec<&str> = comparison.rows.iter().map(|row| row.name.as_str()).collect();
            format!("{} compared: {}{rounds}", counted(rows, "subject"), names.join(", "))
        }
        Kind::Sweep => {
            let flags: Vec<&str> =
                comparison.swept.iter().map(|swept| swept.flag.as_str()).collect();
            format!("{} of {}{rounds}", counted(rows, "combination"), flags.join(", "))
        }
    }
}

fn figures(comparison: &Comparison) -> Vec<Figure> {
    let rows = comparison.rows.len() as u64;
    let leaking = comparison.rows.iter().filter(|row| row.verdict() == Some(Verdict::Leak));
    let leaking = leaking.count() as u64;
    let noun = match comparison.kind {
        Kind::Compare => "subject",
        Kind::Sweep => "combination",
    };
    let leak = Figure {
        label: third_person(leaking, "leak"),
        value: grouped(leaking),
        beside: format!("of {}", counted(rows, noun)),
        tone: match comparison.verdict() {
            _ if leaking > 0 => Tone::Bad,
            Some(Verdict::Clean) => Tone::Good,
            _ => Tone::Warning,
        },
    };
    let worst = comparison.rows.iter().rev().filter_map(|row| Some((row, row.worst()?)));
    let worst = worst.max_by_key(|(_, run)| run.images.lingering);
    let lingering = match worst {
        Some((row, run)) if run.images.lingering > 0 => Figure {
            label: "lingering in the worst run".to_owned(),
            value: grouped(run.images.lingering),
            beside: format!("of {}: {}", counted(run.images.made, "image"), row.name),
            tone: Tone::Bad,
        },
        _ => {
            let ran = comparison.rows.iter().map(|row| row.runs.len() as u64).sum();
            figure("runs", grouped(ran), format!("of {}", counted(rows, noun)))
        }
    };
    vec![leak, lingering, rate(comparison)]
}

/// The rate of the row that differs most from the first row, as a ratio; of one that differs by more than
/// noise if there is any. Without a ratio, the first row's rate.
fn rate(comparison: &Comparison) -> Figure {
    let ratios = comparison.rows.iter().enumerate().skip(1);
    let ratios = ratios.filter_map(|(index, row)| Some((row, comparison.ratio(index)?)));
    let apart = |ratio: &Ratio| (ratio.within_noise != Some(true), ratio.mean.ln().abs());
    let furthest = ratios.max_by(|(_, a), (_, b)| {
        let ((a_shown, a), (b_shown, b)) = (apart(a), apart(b));
        a_shown.cmp(&b_shown).then(a.total_cmp(&b))
    });
    let first = comparison.rows.first();
    match (furthest, first) {
        (Some((row, ratio)), Some(first)) => {
            let beside = format!("{} to {}", row.name, first.name);
            figure("cycles a second, ratio", ratio.to_string(), beside)
        }
        _ => {
            let rate = first.and_then(Row::rate_per_s);
            let rate = rate.map_or("unknown".to_owned(), |rate| grouped(rate.round() as u64));
            let name = first.map_or(String::new(), |row| row.name.clone());
            figure("cycles a second", rate, name)
        }
    }
}

/// Errors and warnings of all runs, each with the name of its run; those of a sweep by rule.
fn findings(recorded: &RecordedComparison) -> Vec<Finding> {
    let all = runs(recorded).flat_map(|(row, folder, run)| {
        let grave = run.judgement.findings.iter().filter(|f| f.level != Level::Note);
        grave.map(move |finding| (row, folder, finding))
    });
    let all: Vec<(&Row, &str, &Finding)> = all.collect();
    let mut all = match recorded.comparison.kind {
        Kind::Sweep => by_rule(&recorded.comparison, &all),
        Kind::Compare => all
            .into_iter()
            .map(|(row, folder, finding)| {
                let name = if row.runs.len() > 1 { folder } else { row.name.as_str() };
                named(name, finding)
            })
            .collect(),
    };
    all.sort_by_key(|finding| finding.level);
    let more = all.len().saturating_sub(FINDINGS_MAX) as u64;
    all.truncate(FINDINGS_MAX);
    if more > 0 {
        let message = format!("and {}, in the reports of the runs", counted(more, "more finding"));
        all.push(Finding::note(MORE, message));
    }
    all
}

fn named(name: &str, finding: &Finding) -> Finding {
    Finding { message: format!("{name}: {}", finding.message), ..finding.clone() }
}

/// The findings of each rule as one, that of the row with most lingering images, and what the rows
/// have in common: `4 combinations with on-drop=keep; at worst slots=1000: 951 of 3,000 linger`.
fn by_rule(comparison: &Comparison, all: &[(&Row, &str, &Finding)]) -> Vec<Finding> {
    let mut rules: Vec<(Level, &str)> =
        all.iter().map(|(.., finding)| (finding.level, finding.rule)).collect();
    rules.sort_unstable();
    rules.dedup();
    let one = |(level, rule): (Level, &str)| {
        let of_rule = || all.iter().filter(|(.., it)| (it.level, it.rule) == (level, rule));
        let has_it = |row: &Row| of_rule().any(|(of, ..)| of.name == row.name);
        let numbered = comparison.rows.iter().enumerate();
        let rows: Vec<usize> = numbered.filter(|(_, row)| has_it(row)).map(|it| it.0).collect();
        let lingering =
            |row: &Row| row.worst().map_or((0, 0), |run| (run.images.lingering, run.images.late));
        let (worst, _, finding) = of_rule().rev().max_by_key(|(row, ..)| lingering(row))?;
        if rows.len() == 1 {
            return Some(named(&worst.name, finding));
        }
        let common = Common::of(comparison, &rows);
        let own = common.but(comparison, worst);
        let worst = if own.is_empty() { own } else { format!("; at worst {own}") };
        Some(named(&format!("{}{worst}", common.words()), finding))
    };
    rules.into_iter().filter_map(one).collect()
}

fn facts(recorded: &RecordedComparison) -> Vec<FactGroup> {
    let comparison = &recorded.comparison;
    let summaries = || comparison.rows.iter().flat_map(|row| &row.runs);
    let mut reproduce = vec![fact("command", facts::reproduce_command(&comparison.command))];
    if let Some(first) = summaries().map(|run| run.started_unix_s).min() {
        reproduce.push(fact("recorded", &utc(first)));
    }
    reproduce.push(fact("rounds", &comparison.rounds.to_string()));
    let mut seeds: Vec<u64> =
        recorded.runs.iter().map(|(_, run)| run.ledger.start.scenario.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    if let [seed] = seeds[..] {
        reproduce.push(fact("seed", &seed.to_string()));
    }
    let commands =
        summaries().map(|run| fact(&run.folder, facts::reproduce_command(&run.command))).collect();
    let mut runtimes: Vec<(String, String)> = Vec::new();
    for row in &comparison.rows {
        let runtime = row.runs.iter().find_map(|run| run.runtime.as_ref());
        runtimes.extend(runtime.map(|runtime| fact(&row.subject, runtime)));
    }
    runtimes.dedup();
    let mut groups = vec![group("reproduce", reproduce), group("each run", commands)];
    if let Some((_, run)) = recorded.runs.first() {
        groups.push(group("machine", machine(&run.ledger.start.fingerprint)));
    }
    groups.push(group("runtime", runtimes));
    groups
}

fn unmeasured(recorded: &RecordedComparison) -> Vec<String> {
    let mut sentences = refusals(&recorded.comparison);
    if let Some((_, run)) = recorded.runs.first() {
        sentences.extend(unmeasured::machine(&run.ledger.start.fingerprint));
    }
    // Rounds of one subject mostly miss the same.
    let mut of_runs: Vec<(String, &str, u64)> = Vec::new();
    for (_, folder, run) in runs(recorded) {
        for sentence in unmeasured::but_the_machine(&run.ledger) {
            match of_runs.iter_mut().find(|(known, ..)| *known == sentence) {
                Some((_, _, count)) => *count += 1,
                None => of_runs.push((sentence, folder, 1)),
            }
        }
    }
    let of_runs = of_runs.into_iter().map(|(sentence, folder, count)| match count {
        1 => format!("{folder}: {sentence}"),
        _ => format!("{}, such as {folder}: {sentence}", counted(count, "run")),
    });
    let of_runs: Vec<String> = of_runs.collect();
    let more = of_runs.len().saturating_sub(UNMEASURED_MAX) as u64;
    sentences.extend(of_runs.into_iter().take(UNMEASURED_MAX));
    if more > 0 {
        sentences.push(format!("And {} more, in the reports of the runs.", grouped(more)));
    }
    sentences
}
