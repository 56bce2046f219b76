//! The charts of an observation.

use super::fits;
use crate::report::marks::{moment, thinned};
use crate::report::run::{lines, with_marks};
use crate::report::timeline::{seconds, series};
use crate::report::{Chart, LimitLine, Mark, MarkKind, Plot, Point, Series, Style, Tone};
use leakbench_model::Resource;
use leakbench_model::text;
use leakbench_recording::observation::{
    Account, Diagnosis, ObservationLedger, ProcessEvent, ProcessExitKind, ResourceClass,
};

/// A chart of a total and its kinds.
struct Theme {
    /// The total, which may have a limit. It is the first series; its kinds are the others.
    total: Resource,
    id: &'static str,
    title: &'static str,
    reads: &'static str,
    style: Style,
}

/// The charts of every observation.
const THEMES: [Theme; 5] = [
    Theme {
        total: Resource::Fds,
        id: "descriptors",
        title: "Descriptors",
        reads: "All open descriptors, and those of each kind. The kind that rises with the total leaks.",
        style: Style::Line,
    },
    Theme {
        total: Resource::Mappings,
        id: "mappings",
        title: "Mappings",
        reads: "All mappings, and those of each kind. At the limit, mmap fails.",
        style: Style::Line,
    },
    Theme {
        total: Resource::RssBytes,
        id: "memory",
        title: "Memory",
        reads: "Resident memory by kind, as a stack. The kernel can reclaim pages of files, but not \
                the others.",
        style: Style::Stacked,
    },
    Theme {
        total: Resource::PageTablesBytes,
        id: "page-tables",
        title: "Page tables",
        reads: "The kernel's own memory for mapped pages.",
        style: Style::Line,
    },
    Theme {
        total: Resource::ShmemBytes,
        id: "shared",
        title: "Shared memory",
        reads: "Pages of memfds, of tmpfs and of System V segments. Without any mapping, they stay \
                until the last descriptor is closed.",
        style: Style::Line,
    },
];

/// All charts. The one that shows the worst suspect is first.
pub(super) fn charts(diagnosis: &Diagnosis) -> Vec<Chart> {
    let marks = marks(&diagnosis.ledger);
    let mut charts: Vec<(bool, Chart)> = Vec::new();
    let worst = diagnosis.suspects.first().map(|suspect| suspect.resource);
    for theme in &THEMES {
        let shows = worst.is_some_and(|resource| theme.has(resource));
        charts.extend(theme.chart(diagnosis).map(|chart| (shows, chart)));
    }
    let shown = |resource: Resource| THEMES.iter().any(|theme| theme.has(resource));
    let moving = |account: &&Account| !matches!(account.class, None | Some(ResourceClass::Flat));
    for account in diagnosis.accounts.iter().filter(moving) {
        if !shown(account.resource) {
            let chart = other(diagnosis, account);
            charts.extend(chart.map(|chart| (worst == Some(account.resource), chart)));
        }
    }
    charts.sort_by_key(|(shows, _)| !shows);
    charts.into_iter().map(|(_, chart)| with_marks(chart, marks.clone())).collect()
}

impl Theme {
    fn has(&self, resource: Resource) -> bool {
        resource == self.total || resource.total() == Some(self.total)
    }

    fn chart(&self, diagnosis: &Diagnosis) -> Option<Chart> {
        let ledger = &diagnosis.ledger;
        // The table has resources that are always 0.
        if !ever(ledger, self.total) {
            return None;
        }
        // The height of a stack is the total.
        let stacked =
            self.style == Style::Stacked && self.total.kinds().all(|kind| seen(ledger, kind));
        let style = if stacked { Style::Stacked } else { Style::Line };
        let total = (!stacked).then_some((self.total, Style::Line));
        let kinds = self.total.kinds().filter(|&kind| stacked || ever(ledger, kind));
        let all: Vec<(Resource, Style)> =
            total.into_iter().chain(kinds.map(|kind| (kind, style))).collect();
        let mut suspects = diagnosis.suspects.iter().map(|suspect| suspect.resource);
        let worst = suspects.find_map(|it| all.iter().position(|&(resource, _)| resource == it));
        let tones = tones_of_series(all.len(), worst);
        let all: Vec<(Resource, Style, Tone)> =
            all.into_iter().zip(tones).map(|((of, style), tone)| (of, style, tone)).collect();
        let series =
            all.iter().map(|&(resource, style, tone)| of_resource(ledger, resource, tone, style));
        let limit = limit(diagnosis, self.total);
        let chart = lines(self.id, self.title, self.reads, self.total.unit(), series, limit)?;
        // On a stack, only the lowest series stands on its own amounts.
        let fitted = if stacked { &all[..1] } else { &all[..] };
        Some(with_fits(
            chart,
            diagnosis,
            fitted.iter().map(|&(resource, _, tone)| (resource, tone)),
        ))
    }
}

/// The tones of so many series of one chart. The worst suspect has the colour of a leak, and no other series
/// is drawn like it or like each other.
pub(crate) fn tones_of_series(series: usize, worst: Option<usize>) -> Vec<Tone> {
    let mut others = (0..=u8::MAX).cycle().map(Tone::Series);
    let tones = (0..series).map(|index| if worst == Some(index) { None } else { others.next() });
    tones.map(|tone| tone.unwrap_or(Tone::Bad)).collect()
}

/// The chart of a resource that moves and that no theme has.
fn other(diagnosis: &Diagnosis, account: &Account) -> Option<Chart> {
    let resource = account.resource;
    let tone = if account.leaks() { Tone::Bad } else { Tone::Series(0) };
    let series = [of_resource(&diagnosis.ledger, resource, tone, Style::Line)];
    let class = account.class.map_or("", ResourceClass::as_str);
    let (noun, unit) = (resource.noun(), resource.unit());
    let (first, rest) = noun.split_at(noun.chars().next().map_or(0, char::len_utf8));
    let title = first.to_uppercase() + rest;
    let reads = format!("Drawn because of its class: {class}.");
    let chart =
        lines(&resource.dashed(), &title, &reads, unit, series, limit(diagnosis, resource))?;
    Some(with_fits(chart, diagnosis, [(resource, tone)].into_iter()))
}

/// The chart with the lines fitted to those of its resources that leak.
fn with_fits(
    mut chart: Chart,
    diagnosis: &Diagnosis,
    shown: impl Iterator<Item = (Resource, Tone)>,
) -> Chart {
    if let Plot::Lines(lines) = &mut chart.plot {
        let fitted = fits::resources(diagnosis);
        let shown = shown.filter(|(resource, _)| fitted.contains(resource));
        lines.fits =
            shown.filter_map(|(resource, tone)| fits::fit(diagnosis, resource, tone)).collect();
    }
    chart
}

/// The id of the chart that shows a resource.
pub(super) fn id_of(diagnosis: &Diagnosis, resource: Resource) -> Option<String> {
    if !ever(&diagnosis.ledger, resource) {
        return None;
    }
    let theme = THEMES.iter().find(|theme| theme.has(resource));
    Some(theme.map_or_else(|| resource.dashed(), |theme| theme.id.to_owned()))
}

fn of_resource(
    ledger: &ObservationLedger,
    resource: Resource,
    tone: Tone,
    style: Style,
) -> Option<Series> {
    let samples = ledger.samples.iter().zip(&ledger.sample_lines);
    let mut points: Vec<Point> = samples
        .filter_map(|(sample, &line)| {
            let value = sample.amounts.of(resource)? as f64;
            Some(Point { at_s: seconds(sample.at_ms), cycles: None, value, line })
        })
        .collect();
    points.dedup_by(|later, before| later.at_s <= before.at_s);
    series(resource.noun(), tone, style, points)
}

/// Returns whether a resource could ever be read.
pub(super) fn seen(ledger: &ObservationLedger, resource: Resource) -> bool {
    ledger.samples.iter().any(|sample| sample.amounts.of(resource).is_some())
}

/// Returns whether a resource was ever above 0.
fn ever(ledger: &ObservationLedger, resource: Resource) -> bool {
    ledger.samples.iter().any(|sample| sample.amounts.of(resource).is_some_and(|amount| amount > 0))
}

fn limit(diagnosis: &Diagnosis, resource: Resource) -> Option<LimitLine> {
    let limit = diagnosis.account(resource)?.limit.as_ref()?;
    Some(LimitLine { name: limit.set_by(), value: limit.room(0) as f64 })
}

/// Remarks, the exit, and an interruption. Those that are ordinary in a process's life are events.
fn marks(ledger: &ObservationLedger) -> Vec<Mark> {
    let kind = |is_incident| if is_incident { MarkKind::Incident } else { MarkKind::Event };
    let remarks = ledger.remarks.iter();
    let mut marks: Vec<Mark> = remarks
        .map(|remark| {
            let label = remark.event.as_ref().map(ProcessEvent::to_string).unwrap_or_default();
            let mark = moment(kind(remark.prevents_clean), remark.at_ms, remark.what.clone());
            Mark { label, ..mark }
        })
        .collect();
    marks.extend(ledger.exit.as_ref().map(|gone| {
        let what = format!("process {} {}", ledger.start.pid, gone.how);
        let (is_incident, label) = match gone.how {
            ProcessExitKind::Exited { code } => (code != 0, format!("exit {code}")),
            ProcessExitKind::Signaled { signal } => (true, text::signal(signal)),
            ProcessExitKind::Stopped => (false, "stopped".to_owned()),
            ProcessExitKind::Vanished => (false, "ended".to_owned()),
        };
        Mark { label, ..moment(kind(is_incident), gone.at_ms, what) }
    }));
    if let Some(end) = ledger.end.filter(|end| end.interrupted) {
        let mark = moment(MarkKind::Incident, end.at_ms, "interrupted by the user".to_owned());
        marks.push(Mark { label: "interrupted".to_owned(), ..mark });
    }
    thinned(marks)
}
