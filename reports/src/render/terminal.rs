//! The summary at the end of a run, for someone who reads the last lines of a log: at most
//! [`TerminalSummary::LINES_MAX`] lines, the verdict last.

use std::path::Path;

use super::headline;
use super::page::{Closing, List, Page};
use leakbench_model::text::{bytes, counted, duration_ms, duration_ns, grouped, printable};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::{Ledger, Reason};
use leakbench_recording::recording::{Holder, LingeringImage, SlotHold};

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

/// Lines of an entry above the lists, so that with the largest numbers there is room for those.
const ENTRY_LINES: usize = 3;
const HELD_LINES: usize = 5;
const IMAGES_SHOWN: usize = 4;
const IMAGE_LINES: usize = 2;
const HOLDERS_SHOWN: usize = 4;
const STEPS_SHOWN: usize = 3;
/// Room that examples of images keep when findings could fill it: one image, and how many more.
const IMAGES_ROOM: usize = IMAGE_LINES + 1;

impl TerminalSummary<'_> {
    /// Lines at most.
    pub const LINES_MAX: usize = 25;

    /// Draws the summary; each line ends in a newline.
    pub fn draw(&self, ledger: &Ledger, judgement: &Judgement) -> String {
        self.draw_with(ledger, judgement, &Closing::default())
    }

    /// The same, with what is next.
    pub fn draw_with(
        &self,
        ledger: &Ledger,
        judgement: &Judgement,
        closing: &Closing<'_>,
    ) -> String {
        let page = self.page();
        let mut above = vec![page.bold(&format!("leakbench: {}", printable(&about(ledger))))];
        for (label, text, most) in [
            ("cycles", Some(cycles(ledger)), ENTRY_LINES),
            ("images", Some(images(ledger)), ENTRY_LINES),
            ("released", released(ledger), ENTRY_LINES),
            ("peak", peak(ledger), ENTRY_LINES),
            ("held", held(ledger), HELD_LINES),
        ] {
            above.extend(text.into_iter().flat_map(|text| page.entry(label, &text, most)));
        }

        let kept = self.out.map(|out| out.join("result.json"));
        let mut below = page.last_lines(Some(&ledger.start.command), kept.as_deref(), closing);
        below.push(page.verdict(judgement.verdict, &headline(ledger, judgement)));

        // What is cut is said to be cut, so each list that has anything has a line at least:
        // findings before last steps before images.
        let room = Self::LINES_MAX.saturating_sub(above.len() + below.len());
        let findings = self.findings(judgement);
        let least = usize::from(findings.total > 0);
        let steps = page.draw_list(&self.last_steps(ledger), room.saturating_sub(least));
        let room = room.saturating_sub(steps.len());
        let wanted = findings.entries.iter().map(Vec::len).sum();
        let images_room = room.saturating_sub(wanted).max(IMAGES_ROOM);
        let images_room = images_room.min(room.saturating_sub(least));
        let images = page.draw_list(&self.lingering(ledger), images_room);
        let findings = page.draw_list(&findings, room.saturating_sub(images.len()));
        above.extend(images);
        above.extend(steps);
        above.extend(findings);
        above.extend(below);
        above.join("\n") + "\n"
    }

    /// All findings but the one that the verdict line tells.
    fn findings(&self, judgement: &Judgement) -> List {
        let page = self.page();
        let decisive = judgement.decisive();
        let others = judgement
            .findings
            .iter()
            .filter(|finding| !decisive.is_some_and(|decisive| std::ptr::eq(*finding, decisive)));
        let entries: Vec<Vec<String>> = others
            .map(|finding| {
                let text = format!("{} [{}]", finding.message, finding.rule);
                page.entry(finding.level.as_str(), &text, usize::MAX)
            })
            .collect();
        let total = entries.len() as u64;
        List { label: "findings", noun: "finding", entries, total }
    }

    /// A few lingering images.
    fn lingering(&self, ledger: &Ledger) -> List {
        let page = self.page();
        let several = ledger.subjects.len() > 1;
        let entries = examples(ledger).into_iter().enumerate().map(|(index, (subject, image))| {
            let label = if index == 0 { "lingering" } else { "" };
            let of = if several { format!("subject {subject}, ") } else { String::new() };
            page.entry(label, &format!("{of}{}", lingering_image(image)), IMAGE_LINES)
        });
        let entries: Vec<Vec<String>> = entries.collect();
        // There are no fewer than are listed, whatever was counted.
        let total = ledger.images.lingering.max(entries.len() as u64);
        List { label: "lingering", noun: "image", entries, total }
    }

    /// What each of several threads was doing when a subject died; the verdict tells of a single
    /// one.
    fn last_steps(&self, ledger: &Ledger) -> List {
        let page = self.page();
        let dead = ledger.subjects.iter().filter(|subject| subject.died());
        let exits = dead.filter_map(|subject| Some((subject.number, subject.exit.as_ref()?)));
        let several = exits.filter(|(_, exit)| exit.last_steps.len() > 1);
        let steps = || {
            several
                .clone()
                .flat_map(|(number, exit)| exit.last_steps.iter().map(move |last| (number, last)))
        };
        let entries = steps().take(STEPS_SHOWN).enumerate().map(|(index, (number, last))| {
            let label = if index == 0 { "last step" } else { "" };
            let (thread, cycle) = (last.thread, grouped(last.cycle));
            let text = format!("subject {number}, thread {thread}, cycle {cycle}: {}", last.step);
            page.entry(label, &text, 1)
        });
        List {
            label: "last step",
            noun: "thread",
            entries: entries.collect(),
            total: steps().count() as u64,
        }
    }

    fn page(&self) -> Page {
        Page::new(self.colour, self.width, self.out)
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

/// What was run: `builtin, strategy random over 1,000 slots, on drop keep, 1 process of 1 thread`.
pub(crate) fn about(ledger: &Ledger) -> String {
    let scenario = &ledger.start.scenario;
    let mut text = ledger.start.subject.clone();
    // The builtin runtime's version is leakbench's own.
    if let (Some(runtime), false) = (&ledger.start.runtime, ledger.start.subject == "builtin") {
        text += &format!(" ({runtime})");
    }
    let slots = scenario.slots.map(|slots| counted(slots.get().into(), "slot"));
    match (scenario.strategy, slots) {
        (Some(strategy), Some(slots)) => text += &format!(", strategy {strategy} over {slots}"),
        (Some(strategy), None) => text += &format!(", strategy {strategy}"),
        (None, Some(slots)) => text += &format!(", {slots}"),
        (None, None) => {}
    }
    if let Some(on_drop) = scenario.on_drop {
        text += &format!(", on drop {on_drop}");
    }
    let processes = match scenario.processes.get() {
        1 => "1 process".to_owned(),
        processes => format!("{processes} processes"),
    };
    text + &format!(", {processes} of {}", counted(scenario.threads.get().into(), "thread"))
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
        peak.mappings.map(|mappings| counted(mappings, "mapping")),
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

/// `951 by affine slots`, and where only some are listed, of which that is.
fn held(ledger: &Ledger) -> Option<String> {
    let groups = ledger.held_by.iter();
    let groups =
        groups.map(|group| format!("{} by {}", grouped(group.images), reason(group.reason)));
    let groups = groups.collect::<Vec<String>>().join(", ");
    let (listed, lingering) = (ledger.lingering_listed(), ledger.images.lingering);
    match listed {
        0 => None,
        _ if listed < lingering => Some(format!("of {} listed: {groups}", grouped(listed))),
        _ => Some(groups),
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::InUseSlot => "slots in use",
        Reason::QueuedSlot => "queued slots",
        Reason::AffineSlot => "affine slots",
        Reason::ColdSlot => "cold slots",
        Reason::UnknownSlot => "slots, which do not tell what they are doing",
        Reason::OtherMapping => "mappings outside every slot",
        Reason::DescriptorOnly => "a descriptor alone",
        Reason::NotInSubject => "nothing that shows in the subject",
    }
}

/// Which image it is and who holds it, as far as a line has room.
pub(crate) fn lingering_image(image: &LingeringImage) -> String {
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

/// `slot 17 (affine)`, `fd 9`.
pub(crate) fn holder(holder: &Holder) -> String {
    match *holder {
        Holder::Fd { fd } => format!("fd {fd}"),
        Holder::Slot { slot, state } => {
            let state = match state {
                SlotHold::InUse => "in use",
                SlotHold::Affine => "affine",
                SlotHold::Queued => "queued",
                SlotHold::Cold => "cold",
                SlotHold::Unknown => return format!("slot {slot}"),
            };
            format!("slot {slot} ({state})")
        }
        Holder::Mapping { start, end } => format!("mapping {start:#x}-{end:#x}"),
    }
}
