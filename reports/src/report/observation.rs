//! The report of an observation.

use super::facts::{fact, group, machine};
use super::figures::figure;
use super::marks::{moment, thinned};
use super::run::{lines, with_marks};
use super::timeline::{seconds, series};
use super::{
    Chart, Column, FactGroup, Figure, LimitLine, Mark, MarkKind, Point, Report, Series, Style,
    Table, Tone, unmeasured,
};
use crate::headline;
use leakbench_model::text::{coarse_s, counted, duration_ms, grouped, signal_name, utc};
use leakbench_model::{Resource, Unit};
use leakbench_recording::observation::rate::Rate;
use leakbench_recording::observation::{
    Account, Diagnosis, ObservationLedger, ProcessExitKind, ResourceClass, sample_summary,
    unobserved_children,
};

/// Colours of series. More series repeat them.
const TONES: u8 = 8;

/// Characters of a command line in a title, at most.
const PROCESS_CHARS: usize = 60;

impl Report {
    /// The report of an observation.
    pub fn of_observation(diagnosis: &Diagnosis) -> Report {
        Report {
            title: title(diagnosis),
            verdict: diagnosis.judgement.verdict,
            headline: headline::of_observation(diagnosis),
            figures: figures(diagnosis),
            charts: charts(diagnosis),
            findings: diagnosis.judgement.findings.clone(),
            lingering: None,
            tables: vec![resources(diagnosis)],
            facts: facts(&diagnosis.ledger),
            unmeasured: unmeasured(diagnosis),
        }
    }
}

/// The process, how long it was observed, and how often.
pub(crate) fn title(diagnosis: &Diagnosis) -> String {
    let ledger = &diagnosis.ledger;
    let others = match ledger.processes_max() {
        0 | 1 => String::new(),
        processes => format!(", up to {processes} processes"),
    };
    let observe = &ledger.start;
    // The facts have the whole command line.
    let process = match observe.process.char_indices().nth(PROCESS_CHARS) {
        Some((end, _)) => format!("{}…", &observe.process[..end]),
        None => observe.process.clone(),
    };
    format!("process {} ({process}), {}{others}", observe.pid, sample_summary(ledger))
}

/// The resources of one chart.
struct Theme {
    id: &'static str,
    title: &'static str,
    reads: &'static str,
    unit: Unit,
    /// The total, which may have a limit. It is the first series.
    total: Resource,
    kinds: &'static [Resource],
    style: Style,
}

/// The charts of every observation.
const THEMES: [Theme; 5] = {
    use Resource::*;
    [
        Theme {
            id: "descriptors",
            title: "Descriptors",
            reads: "All open descriptors, and those of each kind. The kind that rises with the total leaks.",
            unit: Unit::Count,
            total: Fds,
            kinds: &[
                FileFds,
                DeletedFileFds,
                MemfdFds,
                SocketFds,
                PipeFds,
                EventFds,
                TimerFds,
                EpollFds,
                PidFds,
                InotifyFds,
                SignalFds,
                OtherFds,
            ],
            style: Style::Line,
        },
        Theme {
            id: "mappings",
            title: "Mappings",
            reads: "All mappings, and those of each kind. At the limit, mmap fails.",
            unit: Unit::Count,
            total: Mappings,
            kinds: &[
                FileMappings,
                MemfdMappings,
                AnonymousMappings,
                ExecutableMappings,
                ReservedMappings,
                StackMappings,
            ],
            style: Style::Line,
        },
        Theme {
            id: "memory",
            title: "Memory",
            reads: "Resident memory by kind, as a stack. The kernel can reclaim pages of files, but not \
                    the others.",
            unit: Unit::Bytes,
            total: RssBytes,
            kinds: &[AnonymousBytes, ShmemBytes, FileBytes],
            style: Style::Stacked,
        },
        Theme {
            id: "page-tables",
            title: "Page tables",
            reads: "The kernel's own memory for mapped pages.",
            unit: Unit::Bytes,
            total: PageTablesBytes,
            kinds: &[],
            style: Style::Line,
        },
        Theme {
            id: "shared",
            title: "Shared memory",
            reads: "Pages of memfds, of tmpfs and of System V segments. Without any mapping, they stay \
                    until the last descriptor is closed.",
            unit: Unit::Bytes,
            total: ShmemBytes,
            kinds: &[SysvBytes],
            style: Style::Line,
        },
    ]
};

/// All charts. The one that shows the worst suspect is first.
fn charts(diagnosis: &Diagnosis) -> Vec<Chart> {
    let marks = marks(&diagnosis.ledger);
    let mut charts: Vec<(bool, Chart)> = Vec::new();
    let worst = diagnosis.suspects.first().map(|suspect| suspect.resource);
    for theme in &THEMES {
        let shows = worst == Some(theme.total) || worst.is_some_and(|r| theme.kinds.contains(&r));
        charts.extend(theme.chart(diagnosis).map(|chart| (shows, chart)));
    }
    let shown = |resource: Resource| {
        let mut themes = THEMES.iter();
        themes.any(|theme| theme.total == resource || theme.kinds.contains(&resource))
    };
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
    fn chart(&self, diagnosis: &Diagnosis) -> Option<Chart> {
        let ledger = &diagnosis.ledger;
        // The table has resources that are always 0.
        if !ever(ledger, self.total) {
            return None;
        }
        // The height of a stack is the total.
        let stacked = self.style == Style::Stacked && self.kinds.iter().all(|&r| seen(ledger, r));
        let style = if stacked { Style::Stacked } else { Style::Line };
        let total = (!stacked).then_some((self.total, Style::Line));
        let kinds = self.kinds.iter().filter(|&&kind| stacked || ever(ledger, kind));
        let all = total.into_iter().chain(kinds.map(|&kind| (kind, style)));
        let series = all.zip((0..TONES).cycle()).map(|((resource, style), tone)| {
            of_resource(ledger, resource, Tone::Series(tone), style)
        });
        let limit = limit(diagnosis, self.total);
        lines(self.id, self.title, self.reads, self.unit, series, limit)
    }
}

/// The chart of a resource that moves and that no theme has.
fn other(diagnosis: &Diagnosis, account: &Account) -> Option<Chart> {
    let resource = account.resource;
    let series = [of_resource(&diagnosis.ledger, resource, Tone::Series(0), Style::Line)];
    let class = account.class.map_or("", ResourceClass::as_str);
    let (noun, unit) = (resource.noun(), resource.unit());
    let (first, rest) = noun.split_at(noun.chars().next().map_or(0, char::len_utf8));
    let title = first.to_uppercase() + rest;
    let reads = format!("Drawn because of its class: {class}.");
    lines(
        &resource.as_str().replace('_', "-"),
        &title,
        &reads,
        unit,
        series,
        limit(diagnosis, resource),
    )
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
fn seen(ledger: &ObservationLedger, resource: Resource) -> bool {
    ledger.samples.iter().any(|sample| sample.amounts.of(resource).is_some())
}

/// Returns whether a resource was ever above 0.
fn ever(ledger: &ObservationLedger, resource: Resource) -> bool {
    ledger.samples.iter().any(|sample| sample.amounts.of(resource).is_some_and(|amount| amount > 0))
}

fn limit(diagnosis: &Diagnosis, resource: Resource) -> Option<LimitLine> {
    let limit = diagnosis.account(resource)?.limit.as_ref()?;
    Some(LimitLine { name: limit.name.clone(), value: limit.max as f64 })
}

/// Remarks, the exit, and an interruption.
fn marks(ledger: &ObservationLedger) -> Vec<Mark> {
    let remarks = ledger.remarks.iter();
    let mut marks: Vec<Mark> = remarks
        .map(|remark| moment(MarkKind::Incident, remark.at_ms, remark.what.clone()))
        .collect();
    marks.extend(ledger.exit.as_ref().map(|gone| {
        let text = format!("process {} {}", ledger.start.pid, ending(&gone.how));
        moment(MarkKind::Incident, gone.at_ms, text)
    }));
    if let Some(end) = ledger.end.filter(|end| end.interrupted) {
        marks.push(moment(MarkKind::Incident, end.at_ms, "interrupted by the user".to_owned()));
    }
    thinned(marks)
}

fn ending(how: &ProcessExitKind) -> String {
    match *how {
        ProcessExitKind::Exited { code } => format!("exited with code {code}"),
        ProcessExitKind::Signaled { signal } => {
            let name = signal_name(signal).map_or(String::new(), |name| format!(" ({name})"));
            format!("was killed by signal {signal}{name}")
        }
        ProcessExitKind::Stopped => "was stopped by leakbench".to_owned(),
        ProcessExitKind::Vanished => "ended in an unknown way".to_owned(),
    }
}

/// A row for each resource, those that leak first.
fn resources(diagnosis: &Diagnosis) -> Table {
    let mut accounts: Vec<&Account> = diagnosis.accounts.iter().collect();
    // Resources without a class are last.
    accounts.sort_by_key(|account| (account.class.is_none(), account.class));
    Table {
        id: "resources".to_owned(),
        title: "Resources".to_owned(),
        note: String::new(),
        columns: vec![
            Column::words("resource"),
            Column::words("class"),
            Column::numbers("first"),
            Column::numbers("last"),
            Column::numbers("peak"),
            Column::words("rate, 95 %"),
            Column::words("limit"),
            Column::words("time to limit"),
            Column::words("example"),
        ],
        rows: accounts.into_iter().map(|account| row(diagnosis, account)).collect(),
    }
}

fn row(diagnosis: &Diagnosis, account: &Account) -> Vec<String> {
    let resource = account.resource;
    let amount = |number| resource.amount(number);
    let limit = account.limit.as_ref();
    let limit = limit.map(|limit| format!("{} ({})", amount(limit.max), limit.name));
    let in_s = account.seconds_to_limit.map(|seconds| coarse_s(seconds as u64));
    let example = account.examples.first().map(|example| {
        let age = coarse_s(diagnosis.ledger.age_ms(example) / 1_000);
        match example.holders.as_slice() {
            [] => format!("{}, for {age}", example.what),
            holders => format!("{}: {}, for {age}", example.what, holders.join(", ")),
        }
    });
    vec![
        resource.noun().to_owned(),
        account.class.map_or("unknown", ResourceClass::as_str).to_owned(),
        amount(account.first),
        amount(account.last),
        amount(account.peak),
        rate(account).unwrap_or_default(),
        limit.unwrap_or_default(),
        in_s.unwrap_or_default(),
        example.unwrap_or_default(),
    ]
}

/// The rate of a resource that grows.
fn rate(account: &Account) -> Option<String> {
    let grows = account.class.is_some_and(ResourceClass::grows);
    let trend = account.trend.as_ref().filter(|_| grows)?;
    Some(Rate::of(trend, account.resource.unit()).in_short())
}

fn figures(diagnosis: &Diagnosis) -> Vec<Figure> {
    let ledger = &diagnosis.ledger;
    let processes = match ledger.processes_max() {
        0 | 1 => String::new(),
        processes => format!(", up to {} processes", grouped(processes.into())),
    };
    let beside = format!("in {}{processes}", duration_ms(ledger.observed_ms()));
    let observed = figure("samples", grouped(ledger.samples.len() as u64), beside);
    let classified =
        diagnosis.accounts.iter().filter(|account| account.class.is_some()).count() as u64;
    let Some((suspect, account)) = diagnosis
        .suspects
        .first()
        .and_then(|suspect| Some((suspect, diagnosis.account(suspect.resource)?)))
    else {
        let tone = if classified > 0 { Tone::Good } else { Tone::Warning };
        let leaks =
            figure("leaks", "0".to_owned(), format!("of {}", counted(classified, "resource")));
        return vec![Figure { tone, ..leaks }, resident(diagnosis), observed];
    };
    let amount = |number| account.resource.amount(number);
    let grows = Figure {
        label: format!("{} grow", account.resource.noun()),
        value: rate(account).unwrap_or_default(),
        beside: format!("from {} to {}", amount(account.first), amount(account.last)),
        tone: Tone::Bad,
    };
    let grows = match account.resource.is_singular() {
        true => Figure { label: grows.label + "s", ..grows },
        false => grows,
    };
    let forecast = match &suspect.forecast {
        Some(meeting) => {
            let max = meeting.limit.resource.amount(meeting.limit.max);
            Figure {
                label: "to the limit".to_owned(),
                value: coarse_s(meeting.seconds as u64),
                beside: format!("{max} ({})", meeting.limit.name),
                tone: Tone::Bad,
            }
        }
        None => figure("leaks", grouped(diagnosis.suspects.len() as u64), "no known limit".into()),
    };
    vec![grows, forecast, observed]
}

fn resident(diagnosis: &Diagnosis) -> Figure {
    let account = diagnosis.account(Resource::RssBytes);
    let words = |amount: fn(&Account) -> u64| {
        let amount = account.map(|account| Resource::RssBytes.amount(amount(account)));
        amount.unwrap_or_else(|| "unknown".to_owned())
    };
    let beside = format!("peak {}", words(|account| account.peak));
    figure("resident at the end", words(|account| account.last), beside)
}

fn facts(ledger: &ObservationLedger) -> Vec<FactGroup> {
    let observe = &ledger.start;
    let yes_or_no = |is: bool| if is { "yes" } else { "no" };
    let reproduce = vec![
        fact("command", &observe.command),
        fact("recorded", &utc(observe.started_unix_s)),
        fact("took", &duration_ms(ledger.last_seen_ms)),
    ];
    let process = vec![
        fact("process", &observe.pid.to_string()),
        fact("command line", &observe.process),
        fact("started by leakbench", yes_or_no(observe.started_here)),
        fact("with its descendants", yes_or_no(observe.tree)),
        fact("interval", &duration_ms(observe.interval_ms)),
    ];
    let mut groups = vec![
        group("reproduce", reproduce),
        group("process", process),
        group("machine", machine(&observe.fingerprint)),
    ];
    if let Some(cpu_ms) = ledger.end.and_then(|end| end.observer_cpu_ms) {
        let took = vec![fact("processor time", &duration_ms(cpu_ms))];
        groups.push(group("cost of measuring", took));
    }
    groups
}

fn unmeasured(diagnosis: &Diagnosis) -> Vec<String> {
    let ledger = &diagnosis.ledger;
    let remarks = ledger.remarks.iter().filter(|remark| remark.prevents_clean);
    let mut sentences: Vec<String> = remarks
        .map(|remark| format!("After {}: {}.", duration_ms(remark.at_ms), remark.what))
        .collect();
    let judged = |account: &&Account| account.class.is_none();
    sentences.extend(diagnosis.accounts.iter().filter(judged).map(|account| {
        let (noun, samples) = (account.resource.noun(), counted(account.samples as u64, "sample"));
        format!("Too few samples to classify {noun} ({samples}).")
    }));
    let never: Vec<&str> = Resource::ALL
        .into_iter()
        .filter(|&resource| !seen(ledger, resource))
        .map(Resource::noun)
        .collect();
    if !never.is_empty() {
        sentences.push(format!("Resources that could never be read: {}.", never.join(", ")));
    }
    match ledger.unobserved_children_max() {
        0 => {}
        children => sentences.push(format!("Up to {}.", unobserved_children(children))),
    }
    sentences.extend(unmeasured::machine(&ledger.start.fingerprint));
    if ledger.end.is_none() {
        let cut = "The recording ends before the observation does: later events are unknown.";
        sentences.push(cut.to_owned());
    }
    sentences
}
