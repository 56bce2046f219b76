//! Markdown for a job summary or a comment: verdict, evidence, and the command that reproduces it.
//! Its size is bounded.

mod comparison;
mod inert;

pub use comparison::comparison_markdown;

use inert::{code, fenced, prose};

use super::Judged;
use super::table::{self, markdown_row as row};
use crate::gate::{GateVerdict, Outcome, PolicyLevel, PolicyOutcome, Status};
use crate::recorded::{Recorded, RecordedKind};
use crate::report::{LingeringTable, Report, Table};
use leakbench_model::Verdict;
use leakbench_model::text::{counted, duration_ms, grouped, printable};

// These bounds on each block keep the whole below `Format::MARKDOWN_BYTES_MAX`.

/// Bytes of a block of lines at most.
const BLOCK_BYTES_MAX: usize = 5_000;
/// Characters of a text at most, before escapes.
const TEXT_MAX: usize = 600;
/// Characters of a cell at most.
const CELL_MAX: usize = 160;
/// Bytes of a command at most. A longer one is left out, since a part of it does not run.
const COMMAND_MAX: usize = 2_000;
/// Figures at most.
const FIGURES_MAX: usize = 6;
/// Characters of each text of a figure at most.
const FIGURE_MAX: usize = 60;
/// Tables at most.
const TABLES_MAX: usize = 2;
/// Columns of a table at most.
const COLUMNS_MAX: usize = 20;
/// Characters of a column's name at most.
const COLUMN_MAX: usize = 30;
/// Lingering images at most.
const IMAGES_MAX: usize = 10;
/// Holders of an image at most.
const HOLDERS_MAX: usize = 4;

/// The whole document.
pub(super) fn markdown(report: &Report, recorded: &Recorded, judged: Option<Judged<'_>>) -> String {
    let outcome = judged.map(|judged| judged.outcome);
    let mut blocks = Vec::new();
    if let Some(judged) = judged {
        let Outcome { verdict, headline, .. } = judged.outcome;
        let headline = prose(&format!("gate: {headline}"), TEXT_MAX);
        blocks.push(format!("### {} {headline}", gate_symbol(*verdict)));
        blocks.push(self::verdict("####", report.verdict, &report.headline));
        blocks.extend(one_of(judged.recordings, recorded));
    } else {
        blocks.push(verdict("###", report.verdict, &report.headline));
    }
    // A title may begin as a list or a rule does.
    blocks.push(format!("Report of {}", prose(&report.title, TEXT_MAX)));
    blocks.extend(figures(report));
    if let Some(outcome) = outcome {
        blocks.push(policies(outcome));
    }
    blocks.extend(findings(report));
    blocks.extend(
        report.tables.iter().filter(|table| !table.is_folded).take(TABLES_MAX).filter_map(table),
    );
    blocks.extend(report.lingering.as_ref().and_then(lingering));
    blocks.extend(unmeasured(report));
    blocks.push(reproduce(recorded));
    blocks.push(files(recorded));
    blocks.join("\n\n") + "\n"
}

/// Names the recording of the report, if the gate judged several.
fn one_of(recordings: usize, recorded: &Recorded) -> Option<String> {
    let which = match recorded.folder.display().to_string() {
        folder if folder.is_empty() => "This".to_owned(),
        folder => code(&folder, CELL_MAX),
    };
    let recordings = grouped(recordings as u64);
    (recordings != "1")
        .then(|| format!("{which} is 1 of {recordings} recordings that the gate judged"))
}

fn verdict(heading: &str, verdict: Verdict, headline: &str) -> String {
    format!("{heading} {} {}", symbol(verdict), prose(headline, TEXT_MAX))
}

/// A verdict's sign, distinct without colour.
fn symbol(verdict: Verdict) -> char {
    match verdict {
        Verdict::Clean => '✓',
        Verdict::Leak => '✗',
        Verdict::SubjectDied => '†',
        Verdict::Inconclusive => '?',
        Verdict::Interrupted => '‖',
    }
}

fn gate_symbol(verdict: GateVerdict) -> char {
    match verdict {
        GateVerdict::Pass => '✓',
        GateVerdict::Flaky | GateVerdict::Fail => '✗',
        GateVerdict::SubjectDied => '†',
        GateVerdict::Inconclusive => '?',
    }
}

fn figures(report: &Report) -> Option<String> {
    let figures = report.figures.iter().take(FIGURES_MAX);
    let rows = figures.map(|figure| {
        let cell = |text: &str| prose(text, FIGURE_MAX);
        row(&[cell(&figure.label), format!("**{}**", cell(&figure.value)), cell(&figure.beside)])
    });
    let rows: Vec<String> = rows.collect();
    (!rows.is_empty()).then(|| format!("| | | |\n| --- | ---: | --- |\n{}", rows.join("\n")))
}

fn policies(outcome: &Outcome) -> String {
    // Failures are first, since room is bounded.
    let mut policies: Vec<&PolicyOutcome> = outcome.policies.iter().collect();
    policies.sort_by_key(|policy| (rank(policy), std::cmp::Reverse(policy.level)));
    let several = policies.iter().any(|policy| policy.run != policies[0].run);
    // Policies that are off share a line.
    let is_off = |policy: &&PolicyOutcome| policy.status == Status::Off;
    let mut off: Vec<&str> = policies.iter().filter(|p| is_off(p)).map(|p| &*p.policy).collect();
    off.sort_unstable();
    off.dedup();
    policies.retain(|policy| !is_off(policy));
    let rows = policies.into_iter().map(|policy| {
        let mut cells = vec![format!("{} {}", mark(policy), code(&policy.policy, CELL_MAX))];
        if several {
            cells.push(code(&policy.run, CELL_MAX));
        }
        let measured = policy.measured.as_deref().unwrap_or("–");
        cells.extend([prose(measured, CELL_MAX), prose(&policy.allowed, CELL_MAX)]);
        // A policy that passed needs no sentence beside its numbers.
        let message = match policy.status {
            Status::Passed => String::new(),
            _ => prose(&policy.message, TEXT_MAX),
        };
        cells.push(message);
        row(&cells)
    });
    let run = if several { " run |" } else { "" };
    let line = if several { " --- |" } else { "" };
    let head = format!("| policy |{run} measured | allowed | |\n| --- |{line} --- | --- | --- |");
    let mut budget = format!("Budget: {}", code(&outcome.budget, CELL_MAX));
    if !off.is_empty() {
        let off: Vec<String> = off.into_iter().map(|policy| code(policy, CELL_MAX)).collect();
        budget += &format!("; off: {}", off.join(", "));
    }
    format!("{}\n\n{budget}", lines(head, rows, "|"))
}

/// Order of policies by status, failures first.
fn rank(policy: &PolicyOutcome) -> u8 {
    match policy.status {
        Status::Failed => 0,
        Status::Inconclusive => 1,
        Status::Flaky => 2,
        Status::Passed => 3,
        Status::Off => 4,
    }
}

/// `✗ failed`, `! warned`.
fn mark(policy: &PolicyOutcome) -> &'static str {
    match (policy.status, policy.level) {
        (Status::Off, _) | (_, PolicyLevel::Off) => "· off:",
        (Status::Passed, _) => "✓ passed:",
        (Status::Failed, PolicyLevel::Error) => "✗ **failed**:",
        (Status::Failed, PolicyLevel::Warn) => "! failed, a warning:",
        (Status::Flaky, PolicyLevel::Error) => "✗ **flaky**:",
        (Status::Flaky, PolicyLevel::Warn) => "! flaky, a warning:",
        (Status::Inconclusive, PolicyLevel::Error) => "? **inconclusive**:",
        (Status::Inconclusive, PolicyLevel::Warn) => "? inconclusive, a warning:",
    }
}

/// All findings but the one of the headline.
fn findings(report: &Report) -> Option<String> {
    let is_headline = |message: &str| report.headline.ends_with(&*printable(message));
    let rows: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| !is_headline(&finding.message))
        .map(|finding| {
            let message = prose(&finding.message, TEXT_MAX);
            let policy = code(finding.rule, CELL_MAX);
            format!("- **{}**: {message} ({policy})", finding.level.as_str())
        })
        .collect();
    (!rows.is_empty()).then(|| lines("Findings:\n".to_owned(), rows.into_iter(), "-"))
}

fn unmeasured(report: &Report) -> Option<String> {
    let rows = report.unmeasured.iter().map(|what| format!("- {}", prose(what, TEXT_MAX)));
    let number = rows.len();
    let head = format!("<details><summary>Not measured: {number}</summary>\n");
    (number > 0).then(|| format!("{}\n\n</details>", lines(head, rows, "-")))
}

fn table(table: &Table) -> Option<String> {
    if table.rows.is_empty() {
        return None;
    }
    let columns = &table.columns[..table.columns.len().min(COLUMNS_MAX)];
    let name = |text: &str| prose(text, COLUMN_MAX);
    let cell = |text: &str| prose(text, CELL_MAX);
    let (head, rows) = table::markdown(columns, &table.rows, name, cell);
    let note = match table.note.as_str() {
        "" => String::new(),
        note => format!(" ({})", prose(note, TEXT_MAX)),
    };
    let title = prose(&table.title, CELL_MAX);
    Some(lines(format!("**{title}**{note}\n\n{head}"), rows, "|"))
}

fn lingering(images: &LingeringTable) -> Option<String> {
    if images.total == 0 {
        return None;
    }
    let caveat = match &images.caveat {
        None => String::new(),
        Some(caveat) => prose(caveat, TEXT_MAX) + "\n\n",
    };
    let head = format!(
        "<details><summary>{}, the longest-lingering first</summary>\n\n\
         {caveat}| inode | module | dropped at cycle | for | held by |\n\
         | ---: | ---: | ---: | ---: | --- |",
        counted(images.total, "lingering image"),
    );
    let rows = images.rows.iter().take(IMAGES_MAX).map(|image| {
        let listed = image.holders.iter().take(HOLDERS_MAX);
        let mut holders: Vec<String> = listed.map(|holder| code(holder, CELL_MAX)).collect();
        let more = image.holders_total.saturating_sub(holders.len() as u64);
        match (holders.is_empty(), more) {
            (true, 0) => holders.push("nothing visible in the subject".to_owned()),
            (_, 0) => {}
            (_, more) => holders.push(format!("and {} more", grouped(more))),
        }
        row(&[
            image.inode.to_string(),
            image.module.to_string(),
            grouped(image.dropped_at_cycle),
            duration_ms(image.age_ms),
            holders.join(", "),
        ])
    });
    let shown = images.rows.len().min(IMAGES_MAX) as u64;
    let more = match images.total.saturating_sub(shown) {
        0 => String::new(),
        more => format!("\n\n… and {}.", counted(more, "more image")),
    };
    Some(format!("{}{more}\n\n</details>", lines(head, rows, "|")))
}

fn reproduce(recorded: &Recorded) -> String {
    let command = match &recorded.what {
        RecordedKind::Run(run) => &run.ledger.start.command,
        RecordedKind::Observation(diagnosis) => &diagnosis.ledger.start.command,
        RecordedKind::Comparison(several) => &several.comparison.command,
    };
    match fenced(command, COMMAND_MAX) {
        Some(block) => format!("Reproduce:\n\n{block}"),
        None => "The recording has the command that reproduces it.".to_owned(),
    }
}

fn files(recorded: &Recorded) -> String {
    let file = recorded.file.file_name().unwrap_or_default().to_string_lossy();
    let folder = recorded.folder.display().to_string();
    let within = match folder.is_empty() {
        true => String::new(),
        false => format!(" in {}", code(&folder, CELL_MAX)),
    };
    format!(
        "Source: {}{within}. `leakbench report` draws the report from it.",
        code(&file, CELL_MAX)
    )
}

/// `head` and as many rows as fit; then, after `bullet`, the number of the others.
fn lines(head: String, rows: impl ExactSizeIterator<Item = String>, bullet: &str) -> String {
    let mut text = head;
    let mut left = rows.len();
    for row in rows {
        if text.len() + row.len() > BLOCK_BYTES_MAX {
            break;
        }
        text.push('\n');
        text += &row;
        left -= 1;
    }
    if left > 0 {
        text += &format!("\n{bullet} … and {} more", grouped(left as u64));
        if bullet == "|" {
            text += " |";
        }
    }
    text
}
