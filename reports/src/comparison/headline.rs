//! The verdict of several runs in one sentence.

use super::{Common, Comparison, Kind, Row, RunSummary};
use crate::headline::headline;
use leakbench_model::Verdict;
use leakbench_model::text::{counted, grouped, sum};

/// Rows of one verdict named with their reasons at most.
const NAMED: usize = 3;

pub(super) fn of(comparison: &Comparison) -> String {
    let mut clauses = Vec::new();
    if comparison.verdict() == Some(Verdict::Interrupted) {
        clauses.push(interrupted(comparison));
    }
    for verdict in [Verdict::SubjectDied, Verdict::Leak, Verdict::Inconclusive] {
        clauses.extend(group(comparison, verdict));
    }
    if clauses.is_empty() {
        clauses.push(clean(comparison));
    }
    clauses.join("; ")
}

/// The rows with exactly this verdict: `LEAK — 2 of 3 subjects: wasmtime@3 (940 of 3,000 images
/// linger), …`.
fn group(comparison: &Comparison, verdict: Verdict) -> Option<String> {
    let rows: Vec<&Row> =
        comparison.rows.iter().filter(|row| grave(row) == Some(verdict)).collect();
    if rows.is_empty() {
        return None;
    }
    if comparison.kind == Kind::Sweep && rows.len() > 1 {
        return Some(headline(verdict, &swept(comparison, verdict)));
    }
    let mut named: Vec<String> =
        rows.iter().take(NAMED).map(|row| with_reason(row, verdict)).collect();
    if rows.len() > NAMED {
        named.push(format!("and {} more", rows.len() - NAMED));
    }
    let (number, of) = (rows.len(), counted(comparison.rows.len() as u64, noun(comparison)));
    Some(headline(verdict, &format!("{number} of {of}: {}", named.join(", "))))
}

/// Rows of a sweep with one verdict, by what they have in common, and the reason of the worst:
/// `4 of 8 combinations, all with on-drop=keep; at worst slots=1000 (951 of 3,000 images linger)`.
fn swept(comparison: &Comparison, verdict: Verdict) -> String {
    let rows =
        (0..comparison.rows.len()).filter(|&at| grave(&comparison.rows[at]) == Some(verdict));
    let rows: Vec<usize> = rows.collect();
    let common = Common::of(comparison, &rows);
    let lingering = |at: usize| comparison.rows[at].worst().map_or(0, |run| run.images.lingering);
    let worst = rows.iter().copied().rev().max_by_key(|&at| lingering(at));
    let all = counted(comparison.rows.len() as u64, noun(comparison));
    let number = grouped(rows.len() as u64);
    let shared = match common.values.as_slice() {
        [] => String::new(),
        values => format!(", all with {}", values.join(",")),
    };
    let Some(worst) = worst.map(|at| &comparison.rows[at]) else {
        return format!("{number} of {all}");
    };
    let own = Row { name: common.but(comparison, worst), ..worst.clone() };
    format!("{number} of {all}{shared}; at worst {}", with_reason(&own, verdict))
}

/// The gravest verdict of a row. An interruption is one of the whole comparison.
fn grave(row: &Row) -> Option<Verdict> {
    let verdicts = row.runs.iter().map(|run| run.verdict);
    let refused = row.refused_at_start().then_some(Verdict::Inconclusive);
    verdicts.filter(|verdict| *verdict != Verdict::Interrupted).chain(refused).max()
}

fn with_reason(row: &Row, verdict: Verdict) -> String {
    let runs = row.runs.iter().filter(|run| run.verdict == verdict);
    let worst = runs.rev().max_by_key(|run| run.images.lingering);
    match worst.and_then(|run| run.reason.as_deref()) {
        None if row.refused_at_start() => format!("{} (could not run)", row.name),
        Some(reason) => format!("{} ({reason})", row.name),
        None => row.name.clone(),
    }
}

fn noun(comparison: &Comparison) -> &'static str {
    match comparison.kind {
        Kind::Compare => "subject",
        Kind::Sweep => "combination",
    }
}

fn interrupted(comparison: &Comparison) -> String {
    let runs = comparison.rows.iter().flat_map(|row| &row.runs);
    let done = runs.filter(|run| run.verdict != Verdict::Interrupted).count() as u64;
    let asked = comparison.rows.iter().filter(|row| row.refusal.is_none()).count() as u64;
    let asked = asked.saturating_mul(comparison.rounds.into());
    let reason = format!("{} of {} done", grouped(done), counted(asked, "run"));
    headline(Verdict::Interrupted, &reason)
}

fn clean(comparison: &Comparison) -> String {
    let runs: Vec<&RunSummary> = comparison.rows.iter().flat_map(|row| &row.runs).collect();
    let made = sum(runs.iter().map(|run| run.images.made));
    let released = sum(runs.iter().map(|run| run.images.released()));
    let in_runs = counted(runs.len() as u64, "run");
    if made == 0 {
        return headline(Verdict::Clean, &format!("{in_runs}, which made no image"));
    }
    let without = runs.iter().filter(|run| run.images.made == 0).count() as u64;
    let without = match without {
        0 => String::new(),
        without => format!(", {} of which made none", grouped(without)),
    };
    let (released, made) = (grouped(released), counted(made, "image"));
    let reason = format!("the kernel released {released} of {made} in {in_runs}{without}");
    headline(Verdict::Clean, &reason)
}
