//! The report of a run.

use serde_json::{Map, Value};

use super::timeline::{at_barriers, at_samples, exact_memory, footprints, series};
use super::{
    Chart, LimitLine, Lines, Peaks, Plot, Report, Series, Style, Tone, facts, figures, lingering,
    marks, next_steps, peaks, proof, slots, survival, theory, times, unmeasured,
};
use crate::headline;
use leakbench_model::text::{counted, grouped, sum};
use leakbench_model::{Resource, Unit};
use leakbench_recording::judge::{Judgement, growth};
use leakbench_recording::ledger::{Ledger, SubjectLedger};

impl Report {
    /// The report of a run.
    pub fn of_run(ledger: &Ledger, judgement: &Judgement) -> Report {
        Report {
            title: title(ledger),
            verdict: judgement.verdict,
            headline: headline::of_run(ledger, judgement),
            figures: figures::of_run(ledger),
            suspects: Vec::new(),
            charts: charts(ledger),
            next: next_steps::of_run(ledger, judgement),
            findings: judgement.findings.clone(),
            lingering: lingering::table(ledger),
            tables: Vec::new(),
            facts: facts::of_run(ledger),
            unmeasured: unmeasured::of_run(ledger),
            recording: None,
        }
    }
}

/// The choices of a run: `builtin, strategy random over 1,000 slots, on drop keep, 1 process of 1
/// thread`.
pub(crate) fn title(ledger: &Ledger) -> String {
    let scenario = &ledger.start.scenario;
    let mut text = ledger.start.subject.clone();
    // The builtin runtime's version is leakbench's own.
    if let (Some(runtime), false) = (&ledger.start.runtime, ledger.start.subject == "builtin") {
        text += &format!(" ({runtime})");
    }
    let slots = scenario.slots.map(|slots| counted(slots.get().into(), "slot"));
    match (scenario.strategy, slots) {
        _ if !scenario.has_pool() => text += ", memories on demand",
        (Some(strategy), Some(slots)) => text += &format!(", strategy {strategy} over {slots}"),
        (Some(strategy), None) => text += &format!(", strategy {strategy}"),
        (None, Some(slots)) => text += &format!(", {slots}"),
        (None, None) => {}
    }
    if let Some(on_drop) = scenario.on_drop.filter(|_| scenario.has_pool()) {
        text += &format!(", on drop {on_drop}");
    }
    let names = |names: Vec<&str>| names.join(", ");
    if !scenario.mode.is_empty() {
        let modes = names(scenario.mode.iter().map(|mode| mode.as_str()).collect());
        text += &format!(", in turn {modes}");
    }
    if !scenario.feature.is_empty() {
        let features = names(scenario.feature.iter().map(|it| it.as_str()).collect());
        text += &format!(", with {features}");
    }
    if !scenario.plant.is_empty() {
        let plants = names(scenario.plant.iter().map(|it| it.as_str()).collect());
        text += &format!(", with planted {plants}");
    }
    if !scenario.inject.is_empty() {
        let faults: Vec<String> = scenario.inject.iter().map(ToString::to_string).collect();
        text += &format!(", with faults {}", faults.join(", "));
    }
    let processes = match scenario.processes.get() {
        1 => "1 process".to_owned(),
        processes => format!("{processes} processes"),
    };
    text + &format!(", {processes} of {}", counted(scenario.threads.get().into(), "thread"))
}

/// The charts, the one that explains the verdict first.
fn charts(ledger: &Ledger) -> Vec<Chart> {
    let charts = [
        proof::chart(ledger),
        images(ledger),
        mappings(ledger),
        descriptors(ledger),
        slots::chart(ledger),
        times::chart(ledger),
        peaks::chart(ledger),
        memory(ledger),
        page_tables(ledger),
        threads(ledger),
        survival::chart(ledger),
    ];
    let mut charts: Vec<Chart> = charts.into_iter().flatten().collect();
    if ledger.subjects.iter().any(SubjectLedger::died) {
        lead_with_the_limit(&mut charts);
    } else if let Some(growth) = growth::leading(ledger) {
        put_first(&mut charts, chart_of(growth.resource));
    }
    charts
}

/// The chart that has a resource.
fn chart_of(resource: Resource) -> &'static str {
    match resource {
        Resource::Threads => "threads",
        Resource::Fds => "descriptors",
        Resource::Mappings => "mappings",
        Resource::PageTablesBytes => "page-tables",
        _ => "memory",
    }
}

fn put_first(charts: &mut [Chart], id: &str) {
    if let Some(at) = charts.iter().position(|chart| chart.id == id) {
        charts[..=at].rotate_right(1);
    }
}

/// Puts first what a death is likely due to: the chart of the resource that came nearest to its limit
/// or, if none came near one, the peaks.
fn lead_with_the_limit(charts: &mut [Chart]) {
    let peaks = charts.iter().find_map(|chart| match &chart.plot {
        Plot::Peaks(peaks) => peaks.nearest(),
        _ => None,
    });
    let near = peaks.filter(|peak| peak.share() >= Some(Peaks::NEAR)).cloned();
    let (id, title) = match near {
        Some(peak) if peak.resource == Resource::Fds => ("descriptors", Some(peak.of_limit())),
        Some(peak) => ("mappings", Some(peak.of_limit())),
        None => ("peaks", None),
    };
    for id in ["peaks", id] {
        put_first(charts, id);
    }
    if let (Some(main), Some(of_limit)) = (charts.first_mut(), title) {
        main.title += &format!(": {of_limit}");
    }
}

fn images(ledger: &Ledger) -> Option<Chart> {
    if ledger.images.made == 0 {
        return None;
    }
    let live = at_samples(ledger, |moment| Some(moment.counts.live));
    // One of each thread is no news.
    let scenario = &ledger.start.scenario;
    let threads = u64::from(scenario.processes.get()) * u64::from(scenario.threads.get());
    let has_many = live.iter().any(|point| point.value > threads as f64);
    let series = [
        series(
            "lingering, proved at a barrier",
            Tone::Bad,
            Style::Dots,
            at_barriers(ledger, |barrier| Some(barrier.lingering)),
        ),
        series(
            "lingering, as sampled",
            Tone::Bad,
            Style::Faint,
            at_samples(ledger, |moment| Some(moment.counts.lingering)),
        ),
        series("of live modules", Tone::Neutral, Style::Line, live).filter(|_| has_many),
        theory::lingering(ledger),
    ];
    let reads = "Each dot is proved by both witnesses at a barrier and should be at 0. A line that rises \
                 with the cycles shows that images of dropped modules accumulate.";
    let chart = lines("lingering", "Images lingering", reads, Unit::Count, series, None)?;
    Some(with_marks(chart, marks::of_run(ledger)))
}

fn mappings(ledger: &Ledger) -> Option<Chart> {
    let series = [
        series("mappings", Tone::Series(0), Style::Line, footprints(ledger, Resource::Mappings)),
        series(
            "of memfds",
            Tone::Series(1),
            Style::Line,
            footprints(ledger, Resource::MemfdMappings),
        ),
    ];
    let limit = whole_limit(&ledger.start.fingerprint, "max_map_count");
    let limit = of_each_process(ledger, "vm.max_map_count", |_| limit);
    let reads = "Each mapped image is a mapping of a memfd. Mappings that rise with the cycles reach \
                 the limit, where mmap fails.";
    let chart = lines("mappings", "Mappings", reads, Unit::Count, series, limit)?;
    Some(with_marks(chart, marks::incidents(ledger)))
}

fn descriptors(ledger: &Ledger) -> Option<Chart> {
    let series = [series("open", Tone::Series(0), Style::Line, footprints(ledger, Resource::Fds))];
    let max = |subject: &SubjectLedger| {
        ledger.open_files(subject).map(|files| files.max.saturating_add(files.beyond))
    };
    let mut limit = of_each_process(ledger, "RLIMIT_NOFILE", max);
    let uncounted = sum(ledger.subjects.iter().filter_map(|it| Some(it.open_files?.beyond)));
    if let (Some(limit), 1..) = (&mut limit, uncounted) {
        limit.name += &format!(" plus {} inherited:", grouped(uncounted));
    }
    let reads = "A descriptor that stays open holds its image, even after every mapping is gone.";
    let chart = lines("descriptors", "Descriptors", reads, Unit::Count, series, limit)?;
    Some(with_marks(chart, marks::incidents(ledger)))
}

fn memory(ledger: &Ledger) -> Option<Chart> {
    let series = [
        series("resident", Tone::Series(0), Style::Line, footprints(ledger, Resource::RssBytes)),
        series(
            "shared: memfds",
            Tone::Series(1),
            Style::Line,
            footprints(ledger, Resource::ShmemBytes),
        ),
        series(
            "proportional (PSS), exact",
            Tone::Series(2),
            Style::Dots,
            exact_memory(ledger, |of| of.pss_bytes),
        ),
        series(
            "private and written, exact",
            Tone::Series(3),
            Style::Dots,
            exact_memory(ledger, |of| of.private_dirty_bytes),
        ),
    ];
    let reads = "Lines are resident memory as the kernel counts it. Dots are exact to the page, read at \
                 barriers; private written memory belongs to this process alone.";
    let chart = lines("memory", "Memory", reads, Unit::Bytes, series, None)?;
    Some(with_marks(chart, marks::incidents(ledger)))
}

fn page_tables(ledger: &Ledger) -> Option<Chart> {
    let points = footprints(ledger, Resource::PageTablesBytes);
    let series = [series("page tables", Tone::Series(0), Style::Line, points)];
    let reads = "The kernel's own memory for mapped pages. It stays for every slot that was touched, and \
                 is no leak while slots are bounded.";
    let chart = lines("page-tables", "Page tables", reads, Unit::Bytes, series, None)?;
    Some(with_marks(chart, marks::incidents(ledger)))
}

/// Nearly every run has as many threads at its end as at its beginning, and then no chart.
fn threads(ledger: &Ledger) -> Option<Chart> {
    let points = footprints(ledger, Resource::Threads);
    let amounts = || points.iter().map(|point| point.value);
    let (low, high) = (amounts().min_by(f64::total_cmp)?, amounts().max_by(f64::total_cmp)?);
    if high - low <= Resource::Threads.noise() as f64 {
        return None;
    }
    let series = [series("threads", Tone::Series(0), Style::Line, points)];
    let reads = "A thread has a stack and a guard, which are mappings, until it ends.";
    let chart = lines("threads", "Threads", reads, Unit::Count, series, None)?;
    Some(with_marks(chart, marks::incidents(ledger)))
}

/// A chart of the series that have points; `None` without any.
pub(super) fn lines(
    id: &str,
    title: &str,
    reads: &str,
    unit: Unit,
    series: impl IntoIterator<Item = Option<Series>>,
    limit: Option<LimitLine>,
) -> Option<Chart> {
    let series: Vec<Series> = series.into_iter().flatten().collect();
    let limits = limit.into_iter().collect();
    (!series.is_empty()).then(|| Chart {
        id: id.to_owned(),
        title: title.to_owned(),
        reads: reads.to_owned(),
        plot: Plot::Lines(Lines { unit: Some(unit), series, limits, ..Lines::default() }),
    })
}

/// The chart with marks, if it has lines.
pub(super) fn with_marks(mut chart: Chart, marks: Vec<super::Mark>) -> Chart {
    if let Plot::Lines(lines) = &mut chart.plot {
        lines.marks = marks;
    }
    chart
}

/// The sum of a limit that each process has.
fn of_each_process(
    ledger: &Ledger,
    name: &str,
    max: impl Fn(&SubjectLedger) -> Option<u64>,
) -> Option<LimitLine> {
    let sampled: Vec<&SubjectLedger> =
        ledger.subjects.iter().filter(|subject| !subject.samples.is_empty()).collect();
    let name = match sampled.len() {
        0 | 1 => name.to_owned(),
        processes => format!("{name} of {} processes", grouped(processes as u64)),
    };
    let maxima: Option<Vec<u64>> = sampled.into_iter().map(max).collect();
    let value = sum(maxima?);
    Some(LimitLine { name, value: value as f64 })
}

/// A limit of the machine that is a number.
pub(super) fn whole_limit(fingerprint: &Map<String, Value>, name: &str) -> Option<u64> {
    fingerprint.get(name).and_then(Value::as_u64)
}
