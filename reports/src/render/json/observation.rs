//! `result.json` of an observation, with `resources` in place of a run's `images`.

use serde::Serialize;

use super::{OriginJson, VerdictJson, seconds};
use crate::headline;
use leakbench_model::Resource;
use leakbench_recording::judge::Finding;
use leakbench_recording::observation::{
    Account, Diagnosis, Example, LimitForecast, ObservationLedger, ProcessExit, Remark,
    ResourceClass, Scope, Suspect,
};

/// The result of an observation. Missing measurements are `null`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ObservationJson<'a> {
    /// Version, verdict, exit code and headline.
    #[serde(flatten)]
    pub verdict: VerdictJson,
    /// The observed process.
    pub process: ProcessJson<'a>,
    /// Samples in the recording.
    pub samples: usize,
    /// Time from the first to the last sample, in seconds.
    pub observed_s: f64,
    /// The requested time between two samples.
    pub interval_ms: u64,
    /// The resources that could be read.
    pub resources: Vec<ResourceJson<'a>>,
    /// The leaks, each once, the worst first.
    pub suspects: Vec<SuspectJson<'a>>,
    /// Findings of the judge, errors first.
    pub findings: &'a [Finding],
    /// Events: processes that came or went, and failures to read.
    pub remarks: &'a [Remark],
    /// True if the user ended the observation early; `null` if the recording was cut.
    pub interrupted: Option<bool>,
    /// Processor time of the observer, in seconds.
    pub observer_cpu_s: Option<f64>,
    /// Command, time and machine.
    #[serde(flatten)]
    pub origin: OriginJson<'a>,
}

/// The observed process.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessJson<'a> {
    /// Its process id.
    pub pid: u32,
    /// Its start, in clock ticks since boot.
    pub start_time_ticks: u64,
    /// Its command line.
    pub command_line: &'a str,
    /// True if leakbench started it.
    pub started_here: bool,
    /// True if its descendants are counted with it.
    pub tree: bool,
    /// The largest number of processes in a sample.
    pub processes_max: u32,
    /// Its exit; `null` if it still ran.
    pub exit: Option<&'a ProcessExit>,
}

/// A resource.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ResourceJson<'a> {
    /// Its name. If that ends in `_bytes`, amounts are bytes, else objects.
    pub name: Resource,
    /// Its class; `null` if there were too few samples.
    pub class: Option<ResourceClass>,
    /// Growth a second of the level that it falls back to, after the first third of the time.
    pub rate_per_s: Option<f64>,
    /// The lower end of the 95 % confidence interval of the rate.
    pub ci_low: Option<f64>,
    /// The upper end of the interval.
    pub ci_high: Option<f64>,
    /// Set if the rate is that of the objects of at least this age, since it proves more than that of
    /// all; amounts are those of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_of_age_s: Option<f64>,
    /// Its limit; `null` if none is known.
    pub limit: Option<u64>,
    /// The setting that is the limit.
    pub limit_name: Option<&'a str>,
    /// The part of the limit that processes outside of the observation have; absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_others: Option<u64>,
    /// Seconds from the last sample to the limit at the current rate; absent if it does not grow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_to_limit: Option<f64>,
    /// The most frequent of the objects that appeared after the first samples and still exist.
    pub example: Option<ExampleJson<'a>>,
    /// The next ones of those.
    pub more_examples: Vec<ExampleJson<'a>>,
    /// The first amount.
    pub first: u64,
    /// The last amount.
    pub last: u64,
    /// The highest amount.
    pub peak: u64,
    /// Samples in which it could be read.
    pub samples: usize,
}

/// Equal objects that may be leaked.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExampleJson<'a> {
    /// The object, by its identity; of several, what they have in common. From the process: data,
    /// never markup.
    pub what: &'a str,
    /// Number of objects.
    pub count: u64,
    /// Holders of the oldest.
    pub holders: &'a [String],
    /// Its age at the last sample, since it was first seen, in seconds.
    pub age_s: f64,
}

/// A leak with its evidence.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SuspectJson<'a> {
    /// The most specific resource that leaks.
    pub resource: Resource,
    /// Other resources that grow because of it.
    pub evidence: &'a [Resource],
    /// The limit that it reaches first.
    pub forecast: Option<ForecastJson<'a>>,
}

/// The forecast of a limit.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ForecastJson<'a> {
    /// The limited resource.
    pub resource: Resource,
    /// The limit.
    pub limit: u64,
    /// The setting that is the limit.
    pub limit_name: &'a str,
    /// Seconds from the last sample to the limit.
    pub seconds: f64,
}

impl<'a> ObservationJson<'a> {
    /// The result of an observation.
    pub fn new(diagnosis: &'a Diagnosis) -> ObservationJson<'a> {
        let Diagnosis { ledger, accounts, suspects, judgement } = diagnosis;
        let observe = &ledger.start;
        ObservationJson {
            verdict: VerdictJson::new(judgement.verdict, headline::of_observation(diagnosis)),
            process: ProcessJson {
                pid: observe.pid,
                start_time_ticks: observe.start_time_ticks,
                command_line: &observe.process,
                started_here: observe.started_here,
                tree: observe.scope == Scope::Family,
                processes_max: ledger.processes_max(),
                exit: ledger.exit.as_ref(),
            },
            samples: ledger.samples.len(),
            observed_s: seconds(ledger.observed_ms()),
            interval_ms: observe.interval_ms,
            resources: accounts.iter().map(|account| ResourceJson::of(account, ledger)).collect(),
            suspects: suspects.iter().map(SuspectJson::of).collect(),
            findings: &judgement.findings,
            remarks: &ledger.remarks,
            interrupted: ledger.end.map(|end| end.interrupted),
            observer_cpu_s: ledger.end.and_then(|end| end.observer_cpu_ms).map(seconds),
            origin: OriginJson {
                command: &observe.command,
                started_unix_s: observe.started_unix_s,
                fingerprint: &observe.fingerprint,
            },
        }
    }

    /// The document as indented text with a newline at the end.
    ///
    /// # Errors
    /// None that is known of: everything in it has a JSON form.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        super::to_text(self)
    }
}

impl<'a> ResourceJson<'a> {
    fn of(account: &'a Account, ledger: &ObservationLedger) -> ResourceJson<'a> {
        let trend = account.trend.as_ref();
        let mut examples = account.examples.iter().map(|example| ExampleJson::of(example, ledger));
        ResourceJson {
            name: account.resource,
            class: account.class,
            rate_per_s: trend.map(|trend| trend.rate.value),
            ci_low: trend.map(|trend| trend.rate.low),
            ci_high: trend.map(|trend| trend.rate.high),
            rate_of_age_s: account.age_ms.map(seconds),
            limit: account.limit.as_ref().map(|limit| limit.max),
            limit_name: account.limit.as_ref().map(|limit| limit.name.as_str()),
            limit_others: account.limit.as_ref().map(|limit| limit.others).filter(|&n| n > 0),
            seconds_to_limit: account.seconds_to_limit,
            example: examples.next(),
            more_examples: examples.collect(),
            first: account.first,
            last: account.last,
            peak: account.peak,
            samples: account.samples,
        }
    }
}

impl<'a> ExampleJson<'a> {
    fn of(example: &'a Example, ledger: &ObservationLedger) -> ExampleJson<'a> {
        ExampleJson {
            what: &example.what,
            count: example.count,
            holders: &example.holders,
            age_s: seconds(ledger.age_ms(example)),
        }
    }
}

impl<'a> SuspectJson<'a> {
    fn of(suspect: &'a Suspect) -> SuspectJson<'a> {
        let forecast =
            suspect.forecast.as_ref().map(|LimitForecast { limit, seconds: in_s }| ForecastJson {
                resource: limit.resource,
                limit: limit.max,
                limit_name: &limit.name,
                seconds: *in_s,
            });
        SuspectJson { resource: suspect.resource, evidence: &suspect.evidence, forecast }
    }
}
