//! The summary at the end of an observation: at most [`ObservationSummary::LINES_MAX`] lines, the
//! verdict last.

use std::path::Path;

use super::observation_headline;
use crate::render::page::{Closing, List, Page};
use leakbench_model::text::{coarse_s, counted, printable};
use leakbench_recording::observation::rate::Rate;
use leakbench_recording::observation::{
    Account, Diagnosis, Example, ResourceClass, Suspect, sample_summary,
};

/// How the summary is to look.
#[derive(Clone, Copy, Debug)]
pub struct ObservationSummary<'a> {
    /// Whether to colour it.
    pub colour: bool,
    /// Columns to wrap at; taken as at least 60 and at most 100. Commands and the verdict are
    /// never wrapped.
    pub width: usize,
    /// The output folder that has result.json, where there is one.
    pub out: Option<&'a Path>,
}

/// Lines of the table, without its head.
const ROWS_MAX: usize = 9;
/// Lines that suspects keep when findings could fill the room.
const SUSPECTS_ROOM: usize = 5;
const EXAMPLES_SHOWN: usize = 2;
const ABOUT_CHARS: usize = 60;

impl ObservationSummary<'_> {
    /// Lines at most.
    pub const LINES_MAX: usize = 25;

    /// Draws the summary; each line ends in a newline.
    pub fn draw(&self, diagnosis: &Diagnosis) -> String {
        self.draw_with(diagnosis, &Closing::default())
    }

    /// The same, with what is next.
    pub fn draw_with(&self, diagnosis: &Diagnosis, closing: &Closing<'_>) -> String {
        let page = Page::new(self.colour, self.width, self.out);
        let mut above = vec![page.bold(&about(diagnosis))];
        above.extend(table(&page, diagnosis));
        above.extend(flat(diagnosis).into_iter().flat_map(|flat| page.entry("flat", &flat, 1)));

        let kept = self.out.map(|out| out.join("result.json"));
        let again = &diagnosis.ledger.start.command;
        let mut below = page.last_lines(Some(again), kept.as_deref(), closing);
        let verdict = diagnosis.judgement.verdict;
        below.push(page.verdict(verdict, &observation_headline(diagnosis)));

        let room = Self::LINES_MAX.saturating_sub(above.len() + below.len());
        let findings = findings(&page, diagnosis);
        let wanted: usize = findings.entries.iter().map(Vec::len).sum();
        let least = usize::from(findings.total > 0);
        let suspects_room = room.saturating_sub(wanted).max(SUSPECTS_ROOM);
        let suspects_room = suspects_room.min(room.saturating_sub(least));
        let suspects = page.draw_list(&suspects(&page, diagnosis), suspects_room);
        let findings = page.draw_list(&findings, room.saturating_sub(suspects.len()));
        above.extend(suspects);
        above.extend(findings);
        above.extend(below);
        above.join("\n") + "\n"
    }
}

fn about(diagnosis: &Diagnosis) -> String {
    let ledger = &diagnosis.ledger;
    let observe = &ledger.start;
    let process = shortened(&printable(&observe.process), ABOUT_CHARS);
    let others = match ledger.processes_max() {
        0 | 1 => String::new(),
        processes => format!(", up to {processes} processes"),
    };
    format!("leakbench: process {} ({process}), {}{others}", observe.pid, sample_summary(ledger))
}

fn flat(diagnosis: &Diagnosis) -> Option<String> {
    let told = diagnosis.accounts.iter().filter(|account| account.class.is_some()).count();
    let flat = diagnosis.count(ResourceClass::Flat);
    (told > 0).then(|| format!("{flat} of {}", counted(told as u64, "resource")))
}

/// A line for each resource that is not flat, those that leak first.
fn table(page: &Page, diagnosis: &Diagnosis) -> Vec<String> {
    let moves = |account: &&Account| !matches!(account.class, None | Some(ResourceClass::Flat));
    let mut moving: Vec<&Account> = diagnosis.accounts.iter().filter(moves).collect();
    // Within a class, as they are suspected; the order of resources else.
    let suspected = |account: &Account| {
        let shows = |suspect: &Suspect| {
            suspect.resource == account.resource || suspect.evidence.contains(&account.resource)
        };
        let of = diagnosis.suspects.iter().position(shows).unwrap_or(usize::MAX);
        let first = diagnosis.suspects.get(of).map(|suspect| suspect.resource);
        (account.class, of, first != Some(account.resource))
    };
    moving.sort_by_key(|account| suspected(account));
    if moving.is_empty() {
        return Vec::new();
    }
    let shown = if moving.len() > ROWS_MAX { ROWS_MAX - 1 } else { moving.len() };
    let head = ["resource", "first → last", "rate, 95 %", "class", "limit"].map(str::to_owned);
    let mut rows = vec![head];
    rows.extend(moving.iter().take(shown).map(|account| row(account)));
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<String>>().join("  ");
            page.cut(line.trim_end())
        })
        .collect();
    if let Some(head) = lines.first_mut() {
        *head = page.faint(head);
    }
    if moving.len() > shown {
        let more = (moving.len() - shown) as u64;
        lines.push(page.more(more, "resource"));
    }
    lines
}

fn row(account: &Account) -> [String; 5] {
    let resource = account.resource;
    let amount = |n| resource.amount(n);
    let mut amounts = format!("{} → {}", amount(account.first), amount(account.last));
    if account.peak > account.last && account.peak > account.first {
        amounts += &format!(", peak {}", amount(account.peak));
    }
    let grows = account.class.is_some_and(ResourceClass::grows);
    let rate = account.trend.as_ref().filter(|_| grows);
    let rate = rate.map(|trend| Rate::of(trend, resource.unit()).in_short());
    let limit = account.limit.as_ref().map(|limit| {
        let met = account.seconds_to_limit;
        let met = met.map_or(String::new(), |in_s| format!(" in {}", coarse_s(in_s as u64)));
        format!("{}{met} ({})", amount(limit.max), printable(&limit.name))
    });
    [
        resource.noun().to_owned(),
        amounts,
        rate.unwrap_or_default(),
        account.class.map_or("", ResourceClass::as_str).to_owned(),
        limit.unwrap_or_default(),
    ]
}

/// Each leak with what it shows in and some of its objects.
fn suspects(page: &Page, diagnosis: &Diagnosis) -> List {
    let entries = diagnosis.suspects.iter().enumerate().map(|(index, suspect)| {
        let mut text = suspect.resource.noun().to_owned();
        if !suspect.evidence.is_empty() {
            let shown: Vec<&str> = suspect.evidence.iter().map(|other| other.noun()).collect();
            text += &format!(" (and {})", shown.join(", "));
        }
        if let Some(meeting) = &suspect.forecast {
            let most = meeting.limit.resource.amount(meeting.limit.max);
            let in_s = coarse_s(meeting.seconds as u64);
            text += &format!(": {} of {most} in {in_s}", meeting.limit.name);
        }
        let label = if index == 0 { "suspects" } else { "" };
        let mut lines = page.entry(label, &text, 2);
        let shown = if index == 0 { EXAMPLES_SHOWN } else { 1 };
        for example in examples(diagnosis, suspect).take(shown) {
            lines.extend(page.entry("", &told(diagnosis, example), 1));
        }
        lines
    });
    let entries: Vec<Vec<String>> = entries.collect();
    let total = entries.len() as u64;
    List { label: "suspects", noun: "suspect", entries, total }
}

/// Objects of a suspect, or where none is known, of its evidence.
fn examples<'a>(
    diagnosis: &'a Diagnosis,
    suspect: &'a Suspect,
) -> impl Iterator<Item = &'a Example> {
    let shown = std::iter::once(&suspect.resource).chain(&suspect.evidence);
    let known = shown.filter_map(|&resource| diagnosis.account(resource));
    let known = known.map(|account| &account.examples).find(|examples| !examples.is_empty());
    known.into_iter().flatten()
}

fn told(diagnosis: &Diagnosis, example: &Example) -> String {
    let age = coarse_s(diagnosis.ledger.age_ms(example) / 1_000);
    let holders = match example.holders.as_slice() {
        [] => String::new(),
        holders => format!(": {}", holders.join(", ")),
    };
    format!("- {}{holders}, for {age}", example.what)
}

/// All findings but the one that the verdict tells, and growth, which the suspects tell.
fn findings(page: &Page, diagnosis: &Diagnosis) -> List {
    let judgement = &diagnosis.judgement;
    let decisive = judgement.decisive();
    let others = judgement.findings.iter().filter(|finding| {
        finding.rule != leakbench_recording::observation::GROWTH
            && !decisive.is_some_and(|decisive| std::ptr::eq(*finding, decisive))
    });
    let entries: Vec<Vec<String>> = others
        .map(|finding| {
            let text = format!("{} [{}]", finding.message, finding.rule);
            page.entry(finding.level.as_str(), &text, 3)
        })
        .collect();
    let total = entries.len() as u64;
    List { label: "findings", noun: "finding", entries, total }
}

fn shortened(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => text[..end].to_owned() + "…",
        None => text.to_owned(),
    }
}
