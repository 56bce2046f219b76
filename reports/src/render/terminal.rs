//! The summary at the end of a run, for someone who reads the last lines of a log: at most
//! [`TerminalSummary::LINES_MAX`] lines, the verdict last.

use std::path::Path;

use super::headline;
use crate::judge::{Finding, Judgement, Level, Verdict};
use crate::ledger::{Ledger, Reason};
use crate::recording::{Holder, LingeringImage, SlotHold};
use crate::words::{bytes, counted, duration_ms, duration_ns, grouped};

/// How the summary is to look.
#[derive(Clone, Copy, Debug)]
pub struct TerminalSummary<'a> {
    /// Whether to colour it.
    pub colour: bool,
    /// Columns to wrap at; taken as at least 60 and at most 100. Commands and the verdict are
    /// never wrapped.
    pub width: usize,
    /// The output folder that has result.json, where there is one.
    pub out: Option<&'a Path>,
}

const LABEL_WIDTH: usize = 11;
const IMAGES_SHOWN: usize = 4;
const HOLDERS_SHOWN: usize = 4;
const STEPS_SHOWN: usize = 3;

impl TerminalSummary<'_> {
    /// Lines at most.
    pub const LINES_MAX: usize = 25;

    /// Draws the summary; each line ends in a newline.
    pub fn draw(&self, ledger: &Ledger, judgement: &Judgement) -> String {
        let mut above = vec![self.bold(&about(ledger))];
        for (label, text) in [
            ("cycles", Some(cycles(ledger))),
            ("images", Some(images(ledger))),
            ("released", released(ledger)),
            ("peak", peak(ledger)),
        ] {
            above.extend(text.into_iter().flat_map(|text| self.entry(label, &text)));
        }
        above.extend(self.lingering(ledger));
        above.extend(self.last_steps(ledger));

        let mut below = Vec::new();
        if let Some(out) = self.out {
            below.push(self.unwrapped("report", &out.join("result.json").display().to_string()));
        }
        below.push(self.unwrapped("run again", &ledger.start.command));
        below.push(self.verdict(ledger, judgement));

        let room = Self::LINES_MAX.saturating_sub(above.len() + below.len());
        above.extend(self.findings(judgement, room));
        above.extend(below);
        above.join("\n") + "\n"
    }

    /// All findings but the one that the verdict line tells, in at most `room` lines.
    fn findings(&self, judgement: &Judgement, room: usize) -> Vec<String> {
        let decisive = judgement.decisive();
        let others: Vec<&Finding> = judgement
            .findings
            .iter()
            .filter(|finding| !decisive.is_some_and(|decisive| std::ptr::eq(*finding, decisive)))
            .collect();
        let mut lines = Vec::new();
        for (index, finding) in others.iter().enumerate() {
            let text = format!("{} [{}]", finding.message, finding.policy);
            let entry = self.entry(finding.level.as_str(), &text);
            let is_last = index + 1 == others.len();
            // One line stays for saying how many are left out.
            if lines.len() + entry.len() + usize::from(!is_last) > room {
                let more = counted((others.len() - index) as u64, "more finding");
                lines.extend(self.entry("", &format!("… and {more} ({})", self.elsewhere())));
                break;
            }
            lines.extend(entry);
        }
        lines.truncate(room);
        lines
    }

    fn lingering(&self, ledger: &Ledger) -> Vec<String> {
        let total = ledger.images.lingering;
        if total == 0 {
            return Vec::new();
        }
        let groups = ledger.held_by.iter().map(|group| {
            let count = grouped(group.images);
            format!("{count} by {}", reason(group.reason))
        });
        let groups: Vec<String> = groups.collect();
        let mut lines = self.entry("held", &groups.join(", "));
        let several = ledger.subjects.len() > 1;
        for (index, (subject, image)) in examples(ledger).into_iter().enumerate() {
            let label = if index == 0 { "lingering" } else { "" };
            let of = if several { format!("subject {subject}, ") } else { String::new() };
            // One line each, so that what matters stays in view.
            let entry = self.entry(label, &format!("{of}{}", lingering_image(image)));
            lines.extend(entry.into_iter().take(2));
        }
        let more = total.saturating_sub(IMAGES_SHOWN as u64);
        if more > 0 {
            let more = grouped(more);
            lines.extend(self.entry("", &format!("… and {more} more ({})", self.elsewhere())));
        }
        lines
    }

    /// What each of several threads was doing when a subject died; the verdict tells of a single
    /// one.
    fn last_steps(&self, ledger: &Ledger) -> Vec<String> {
        let dead = ledger.subjects.iter().filter(|subject| subject.died());
        let exits = dead.filter_map(|subject| Some((subject.number, subject.exit.as_ref()?)));
        let steps = exits.filter(|(_, exit)| exit.last_steps.len() > 1);
        let steps = steps.flat_map(|(number, exit)| {
            exit.last_steps.iter().map(move |last| {
                let cycle = grouped(last.cycle);
                let thread = last.thread;
                format!("subject {number}, thread {thread}, cycle {cycle}: {}", last.step)
            })
        });
        let steps: Vec<String> = steps.collect();
        let mut lines: Vec<String> = Vec::new();
        for step in steps.iter().take(STEPS_SHOWN) {
            let label = if lines.is_empty() { "last step" } else { "" };
            lines.extend(self.entry(label, step).into_iter().take(1));
        }
        let more = steps.len().saturating_sub(STEPS_SHOWN) as u64;
        if more > 0 {
            let more = counted(more, "more thread");
            lines.extend(self.entry("", &format!("… and {more} ({})", self.elsewhere())));
        }
        lines
    }

    fn elsewhere(&self) -> &'static str {
        match self.out {
            Some(_) => "in result.json",
            None => "--json or --out DIR tells of them",
        }
    }

    fn verdict(&self, ledger: &Ledger, judgement: &Judgement) -> String {
        let line = format!("verdict: {}", headline(ledger, judgement));
        let colour = match judgement.verdict {
            Verdict::Clean => "1;32",
            Verdict::Leak | Verdict::SubjectDied => "1;31",
            Verdict::CouldNotTell | Verdict::Interrupted => "1;33",
        };
        self.paint(colour, &line.replace('\n', " "))
    }

    /// A labelled text, wrapped, its further lines beneath its first.
    fn entry(&self, label: &str, text: &str) -> Vec<String> {
        let width = self.width.clamp(60, 100) - LABEL_WIDTH;
        let indent = " ".repeat(LABEL_WIDTH);
        let mut lines: Vec<String> = Vec::new();
        for (index, line) in wrap(text, width).into_iter().enumerate() {
            let head = if index == 0 { self.label(label) } else { indent.clone() };
            lines.push(head + &line);
        }
        lines
    }

    fn unwrapped(&self, label: &str, text: &str) -> String {
        self.label(label) + &text.replace('\n', " ")
    }

    fn label(&self, label: &str) -> String {
        let padded = format!("{label:LABEL_WIDTH$}");
        let colour = match label {
            _ if label == Level::Error.as_str() => "31",
            _ if label == Level::Warn.as_str() => "33",
            _ => "2",
        };
        self.paint(colour, &padded)
    }

    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(&self, sgr: &str, text: &str) -> String {
        if self.colour && !text.trim().is_empty() {
            format!("\x1b[{sgr}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A few lingering images: one for each reason, then those that lingered longest.
fn examples(ledger: &Ledger) -> Vec<(u32, &LingeringImage)> {
    let mut shown: Vec<(u32, &LingeringImage)> = Vec::new();
    for group in &ledger.held_by {
        shown.extend(ledger.lingering().find(|(_, image)| Reason::of(image) == group.reason));
    }
    for candidate in ledger.lingering() {
        if shown.len() >= IMAGES_SHOWN {
            break;
        }
        let is_shown = shown.iter().any(|&(_, image)| std::ptr::eq(image, candidate.1));
        if !is_shown {
            shown.push(candidate);
        }
    }
    shown.truncate(IMAGES_SHOWN);
    shown
}

fn about(ledger: &Ledger) -> String {
    let scenario = &ledger.start.scenario;
    format!(
        "leakbench: {}, strategy {} over {}, on drop {}, {} of {}",
        ledger.start.subject,
        scenario.strategy,
        counted(scenario.slots.get().into(), "slot"),
        scenario.on_drop,
        match scenario.processes.get() {
            1 => "1 process".to_owned(),
            processes => format!("{processes} processes"),
        },
        counted(scenario.threads.get().into(), "thread"),
    )
}

fn cycles(ledger: &Ledger) -> String {
    let mut text = format!(
        "{} of {} in {}",
        grouped(ledger.cycles),
        grouped(ledger.start.scenario.cycles.get()),
        duration_ms(ledger.running_ms()),
    );
    if let Some(rate) = ledger.rate_per_s() {
        text += &format!(", {} a second", grouped(rate.round() as u64));
    }
    text
}

fn images(ledger: &Ledger) -> String {
    let images = &ledger.images;
    let mut text = format!(
        "{} of {} released: {} synchronous, {} late; {} lingering",
        grouped(images.released()),
        grouped(images.made),
        grouped(images.synchronous),
        grouped(images.late),
        grouped(images.lingering),
    );
    if images.unknown > 0 {
        text += &format!(", {} unknown", grouped(images.unknown));
    }
    text
}

fn released(ledger: &Ledger) -> Option<String> {
    let times = &ledger.release;
    Some(format!(
        "after the drop began: median {}, p99 {}, longest {}{}",
        duration_ns(times.p50_ns?),
        duration_ns(times.p99_ns?),
        duration_ns(times.max_ns?),
        if times.count < ledger.images.released() {
            format!(" (of {})", grouped(times.count))
        } else {
            String::new()
        },
    ))
}

fn peak(ledger: &Ledger) -> Option<String> {
    let peak = &ledger.peak;
    let parts: Vec<String> = [
        peak.areas.map(|areas| counted(areas, "area")),
        peak.fds.map(|fds| counted(fds, "fd")),
        peak.rss_bytes.map(|rss| format!("{} resident", bytes(rss))),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        return None;
    }
    let added = match ledger.subjects.len() {
        0 | 1 => String::new(),
        subjects => format!(" ({subjects} subjects added)"),
    };
    Some(parts.join(", ") + &added)
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::InUseSlot => "slots in use",
        Reason::QueuedSlot => "queued slots",
        Reason::AffineSlot => "affine slots",
        Reason::ColdSlot => "cold slots",
        Reason::UnknownSlot => "slots in an unknown state",
        Reason::OtherMapping => "mappings outside every slot",
        Reason::DescriptorOnly => "a descriptor alone",
        Reason::NotInSubject => "nothing that shows in the subject",
    }
}

fn lingering_image(image: &LingeringImage) -> String {
    let holders = image.holders.iter().take(HOLDERS_SHOWN).map(holder);
    let mut holders: Vec<String> = holders.collect();
    let more = image.holders_total.saturating_sub(holders.len() as u64);
    if holders.is_empty() {
        holders.push("no holder shows in the subject".to_owned());
    } else if more > 0 {
        holders.push(format!("{} more", grouped(more)));
    }
    format!(
        "inode {} of module {}, dropped at cycle {}: {}",
        image.inode,
        image.module,
        image.dropped_at_cycle,
        holders.join(", ")
    )
}

fn holder(holder: &Holder) -> String {
    match *holder {
        Holder::Fd { fd } => format!("fd {fd}"),
        Holder::Slot { slot, state } => {
            let state = match state {
                SlotHold::InUse => "in use",
                SlotHold::Affine => "affine",
                SlotHold::Queued => "queued",
                SlotHold::Cold => "cold",
                SlotHold::Unknown => "in an unknown state",
            };
            format!("slot {slot} ({state})")
        }
        Holder::Mapping { start, end } => format!("mapping {start:#x}-{end:#x}"),
    }
}

/// Breaks `text` at spaces into lines of at most `width` characters; a longer word has a line of
/// its own. There is at least one line.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > width {
            lines.push(String::new());
            length = 0;
        }
        if let Some(line) = lines.last_mut() {
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += word_length;
        }
    }
    lines
}
