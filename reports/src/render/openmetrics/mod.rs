//! OpenMetrics text: the results of a run, an observed process or several runs, for a time series
//! database. A value that was not measured has no sample.

mod exposition;

use serde_json::{Map, Value};

use crate::comparison::Comparison;
use crate::gate::{GateVerdict, Outcome, Status};
use crate::recorded::{Recorded, RecordedKind, RecordedRun};
use exposition::{Exposition, Family, Kind, Labels, Sample, state_set};
use leakbench_model::{Footprint, Resource, Unit, Verdict};
use leakbench_recording::judge::Level;
use leakbench_recording::ledger::{Images, ReleaseTimes};
use leakbench_recording::observation::{Account, Diagnosis, ResourceClass};

const fn gauge<'a>(name: &'a str, help: &'a str) -> Family<'a> {
    Family { name, kind: Kind::Gauge, unit: None, help }
}

const fn measured(name: &'static str, unit: &'static str, help: &'static str) -> Family<'static> {
    Family { name, kind: Kind::Gauge, unit: Some(unit), help }
}

const fn states<'a>(name: &'a str, help: &'a str) -> Family<'a> {
    Family { name, kind: Kind::StateSet, unit: None, help }
}

/// The whole text.
pub(super) fn openmetrics(recorded: &Recorded, outcome: Option<&Outcome>) -> String {
    let mut text = Exposition::default();
    match &recorded.what {
        RecordedKind::Run(run) => of_run(&mut text, run),
        RecordedKind::Observation(diagnosis) => of_process(&mut text, diagnosis),
        RecordedKind::Comparison(several) => of_comparison(&mut text, &several.comparison),
    }
    if let Some(outcome) = outcome {
        of_gate(&mut text, outcome);
    }
    text.finish()
}

fn of_run(text: &mut Exposition, run: &RecordedRun) {
    let RecordedRun { ledger, judgement } = run;
    let start = &ledger.start;
    let mut labels: Labels = vec![
        ("command", start.command.clone()),
        ("subject", start.subject.clone()),
        ("seed", start.scenario.seed.to_string()),
        ("threads", start.scenario.threads.to_string()),
        ("processes", start.scenario.processes.to_string()),
    ];
    labels.extend(start.runtime.clone().map(|runtime| ("runtime", runtime)));
    labels.extend(kernel(&start.fingerprint));
    info(text, labels);
    verdict(text, judgement.verdict);
    findings(text, judgement.findings.iter().map(|finding| finding.level));
    let family = measured("_start_time_seconds", "seconds", "Start of the run, since 1970.");
    text.add(&family, vec![Sample::count(Labels::new(), start.started_unix_s)]);
    let seconds = |ms: u64| Sample::number(Labels::new(), ms as f64 / 1e3);
    let family = measured("_wall_seconds", "seconds", "Duration of the run.");
    text.add(&family, Vec::from_iter(seconds(ledger.last_seen_ms)));
    let help = "Time in which cycles ran, without barriers.";
    let family = measured("_running_seconds", "seconds", help);
    let running = Sample::number(Labels::new(), ledger.running_us() as f64 / 1e6);
    text.add(&family, Vec::from_iter(running));
    let run = Run {
        labels: Labels::new(),
        cycles: ledger.cycles,
        cycles_asked: ledger.start.scenario.cycles.get(),
        images: ledger.images,
        rate_per_s: ledger.rate_per_s(),
        at_end: ledger.at_end,
        peak: ledger.peak,
    };
    runs(text, &[run]);
    release(text, &ledger.release);
    let by_reason = ledger.held_by.iter().map(|held| {
        let name = serde_json::to_value(held.reason).ok();
        let name = name.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        Sample::count(vec![("reason", name)], held.images)
    });
    let family = gauge("_lingering_images", "Listed images that linger, by reason.");
    text.add(&family, by_reason.collect());
}

fn info(text: &mut Exposition, labels: Labels) {
    let family =
        Family { name: "", kind: Kind::Info, unit: None, help: "Command, subject and machine." };
    text.add(&family, vec![Sample::count(labels, 1).called("_info")]);
}

fn verdict(text: &mut Exposition, verdict: Verdict) {
    let family = states("_verdict", "Verdict.");
    text.add(
        &family,
        state_set("leakbench_verdict", &Labels::new(), Verdict::NAMES, verdict.as_str()),
    );
}

fn findings(text: &mut Exposition, levels: impl Iterator<Item = Level>) {
    let levels: Vec<Level> = levels.collect();
    let count = |level: Level| {
        let count = levels.iter().filter(|other| **other == level).count() as u64;
        Sample::count(vec![("level", level.as_str().to_owned())], count)
    };
    let family = gauge("_findings", "Findings of the judge, by level.");
    text.add(&family, Level::ALL.map(count).into());
}

/// The results of a run, alone or in a comparison.
struct Run {
    labels: Labels,
    cycles: u64,
    cycles_asked: u64,
    images: Images,
    rate_per_s: Option<f64>,
    at_end: Footprint,
    peak: Footprint,
}

impl Run {
    fn labels(&self, more: &[(&'static str, &str)]) -> Labels {
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        self.labels.iter().cloned().chain(more).collect()
    }
}

fn runs(text: &mut Exposition, runs: &[Run]) {
    let counter = |name, help| Family { name, kind: Kind::Counter, unit: None, help };
    let total = |of: fn(&Run) -> u64| {
        let samples = runs.iter().map(|run| Sample::count(run.labels(&[]), of(run)));
        samples.map(|sample| sample.called("_total")).collect()
    };
    text.add(&counter("_cycles", "Cycles done."), total(|run| run.cycles));
    let asked = runs.iter().map(|run| Sample::count(run.labels(&[]), run.cycles_asked));
    text.add(&gauge("_cycles_asked", "Cycles asked for."), asked.collect());
    let rates = runs.iter().filter_map(|run| Sample::number(run.labels(&[]), run.rate_per_s?));
    text.add(&gauge("_cycles_per_second", "Rate of cycles, per second."), rates.collect());
    text.add(&counter("_images_made", "Images made."), total(|run| run.images.made));
    let images = runs.iter().flat_map(|run| {
        let Images { synchronous, late, lingering, unknown, .. } = run.images;
        [
            ("synchronous", synchronous),
            ("late", late),
            ("lingering", lingering),
            ("unknown", unknown),
        ]
        .map(|(state, images)| Sample::count(run.labels(&[("state", state)]), images))
    });
    let help = "Images by state: released in the drop of their module or later, lingering, or of \
                unknown fate. Their sum is the number of images made.";
    text.add(&gauge("_images", help), images.collect());
    for resource in Resource::OF_A_RUN {
        let name = format!("_{resource}");
        let help = format!("Amount of {}.", resource.noun());
        let unit = (resource.unit() == Unit::Bytes).then_some("bytes");
        let family = Family { unit, ..gauge(&name, &help) };
        let samples = runs.iter().flat_map(|run| {
            [("peak", &run.peak), ("end", &run.at_end)].map(|(at, footprint)| {
                Some(Sample::count(run.labels(&[("at", at)]), footprint.of(resource)?))
            })
        });
        text.add(&family, samples.flatten().collect());
    }
}

fn release(text: &mut Exposition, times: &ReleaseTimes) {
    let quantiles = [("0.5", times.p50_ns), ("0.99", times.p99_ns), ("1.0", times.max_ns)];
    let mut samples: Vec<Sample> = quantiles
        .into_iter()
        .filter_map(|(quantile, ns)| {
            Sample::number(vec![("quantile", quantile.to_owned())], ns? as f64 / 1e9)
        })
        .collect();
    if !samples.is_empty() {
        samples.push(Sample::count(Labels::new(), times.count).called("_count"));
    }
    let family = Family {
        name: "_release_seconds",
        kind: Kind::Summary,
        unit: Some("seconds"),
        help: "Time from the beginning of a drop to the release of the image.",
    };
    text.add(&family, samples);
}

fn of_process(text: &mut Exposition, diagnosis: &Diagnosis) {
    let Diagnosis { ledger, accounts, judgement, .. } = diagnosis;
    let observe = &ledger.start;
    let mut labels: Labels = vec![
        ("command", observe.command.clone()),
        ("process", observe.process.clone()),
        ("pid", observe.pid.to_string()),
    ];
    labels.extend(kernel(&observe.fingerprint));
    info(text, labels);
    verdict(text, judgement.verdict);
    findings(text, judgement.findings.iter().map(|finding| finding.level));
    let family =
        measured("_start_time_seconds", "seconds", "Start of the observation, since 1970.");
    text.add(&family, vec![Sample::count(Labels::new(), observe.started_unix_s)]);
    let observed_s = Sample::number(Labels::new(), ledger.observed_ms() as f64 / 1e3);
    let family =
        measured("_observed_seconds", "seconds", "Time from the first sample to the last.");
    text.add(&family, Vec::from_iter(observed_s));
    let samples = Sample::count(Labels::new(), ledger.samples.len() as u64);
    text.add(&gauge("_samples", "Samples in the recording."), vec![samples]);

    let name = |account: &Account| vec![("resource", account.resource.as_str().to_owned())];
    let classes = accounts.iter().filter_map(|account| {
        let names = ResourceClass::NAMES;
        Some(state_set("leakbench_class", &name(account), names, account.class?.as_str()))
    });
    text.add(&states("_class", "Class of a resource."), classes.flatten().collect());
    let to_limit = accounts
        .iter()
        .filter_map(|account| Sample::number(name(account), account.seconds_to_limit?));
    let help = "Time from the last sample until a resource meets its limit at its present growth.";
    text.add(&measured("_time_to_limit_seconds", "seconds", help), to_limit.collect());
    amounts(text, diagnosis, Unit::Count);
    amounts(text, diagnosis, Unit::Bytes);
}

/// The amounts of resources of one unit: each unit has its own families.
fn amounts(text: &mut Exposition, diagnosis: &Diagnosis, unit: Unit) {
    let accounts = || diagnosis.accounts.iter().filter(|account| account.resource.unit() == unit);
    let name = |account: &Account| vec![("resource", account.resource.as_str().to_owned())];
    let at = |account: &Account, at: &str, amount| {
        let mut labels = name(account);
        labels.push(("at", at.to_owned()));
        Sample::count(labels, amount)
    };
    let seen = accounts().flat_map(|account| {
        [
            at(account, "first", account.first),
            at(account, "last", account.last),
            at(account, "peak", account.peak),
        ]
    });
    let limits = accounts()
        .filter_map(|account| Some(Sample::count(name(account), account.limit.as_ref()?.max)));
    let rates =
        accounts().filter_map(|account| Sample::number(name(account), account.rate_per_s()?));
    let (amount, limit, rate) = match unit {
        Unit::Count => (
            gauge("_resource", "Objects of a process."),
            gauge("_resource_limit", "Limit of the objects of a process."),
            gauge("_resource_per_second", "Growth of the objects of a process, per second."),
        ),
        Unit::Bytes => (
            measured("_resource_bytes", "bytes", "Bytes of a process."),
            measured("_resource_limit_bytes", "bytes", "Limit of the bytes of a process."),
            gauge("_resource_bytes_per_second", "Growth of the bytes of a process, per second."),
        ),
    };
    text.add(&amount, seen.collect());
    text.add(&limit, limits.collect());
    text.add(&rate, rates.collect());
}

fn of_comparison(text: &mut Exposition, comparison: &Comparison) {
    info(text, vec![("command", comparison.command.clone())]);
    // Without a run there is no verdict, and nothing is known to be clean.
    verdict(text, comparison.verdict().unwrap_or(Verdict::Inconclusive));
    let rows = || comparison.rows.iter().flat_map(|row| row.runs.iter().map(move |run| (row, run)));
    let labels = |row: &str, round: u32| -> Labels {
        vec![("row", row.to_owned()), ("round", round.to_string())]
    };
    let verdicts = rows().flat_map(|(row, run)| {
        let labels = labels(&row.name, run.round);
        state_set("leakbench_run_verdict", &labels, Verdict::NAMES, run.verdict.as_str())
    });
    text.add(&states("_run_verdict", "Verdict of each run."), verdicts.collect());
    let refused = comparison.rows.iter().filter(|row| row.refusal.is_some());
    let refused = refused.map(|row| Sample::count(vec![("row", row.name.clone())], 1));
    text.add(&gauge("_refused", "Rows that were refused, or are not offered."), refused.collect());
    let all: Vec<Run> = rows()
        .map(|(row, run)| Run {
            labels: labels(&row.name, run.round),
            cycles: run.cycles,
            cycles_asked: run.cycles_asked,
            images: run.images,
            rate_per_s: run.rate_per_s,
            at_end: run.at_end,
            peak: run.peak,
        })
        .collect();
    runs(text, &all);
}

fn of_gate(text: &mut Exposition, outcome: &Outcome) {
    let (names, verdict) = (GateVerdict::NAMES, outcome.verdict.as_str());
    let whole = state_set("leakbench_gate_verdict", &Labels::new(), names, verdict);
    text.add(&states("_gate_verdict", "Verdict of the gate."), whole);
    let policies = outcome.policies.iter().flat_map(|policy| {
        let labels = vec![
            ("run", policy.run.clone()),
            ("policy", policy.policy.to_string()),
            ("level", policy.level.to_string()),
        ];
        state_set("leakbench_gate_policy", &labels, Status::NAMES, policy.status.as_str())
    });
    text.add(&states("_gate_policy", "Outcome of each policy of the gate."), policies.collect());
}

fn kernel(fingerprint: &Map<String, Value>) -> Option<(&'static str, String)> {
    Some(("kernel", fingerprint.get("kernel")?.as_str()?.to_owned()))
}
