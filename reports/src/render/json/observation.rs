//! `result.json` of an observation: the verdict and all that it rests on, for programs. Of the
//! same version as a run's, with `resources` in the place of `images`: within version 2 fields may
//! be added, and none changes its meaning or goes.

use serde::Serialize;

use super::{OriginJson, VerdictJson, seconds};
use crate::headline;
use leakbench_recording::judge::Finding;
use leakbench_recording::observation::{
    Account, Diagnosis, Example, LimitForecast, ObservationLedger, ProcessExit, Remark, Resource,
    ResourceClass, Suspect,
};

/// A whole result. What was not measured is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct ObservationJson<'a> {
    /// Version, verdict, exit code and headline.
    #[serde(flatten)]
    pub verdict: VerdictJson,
    /// What was observed.
    pub process: ProcessJson<'a>,
    /// Looks that the recording kept, of which all but those of a leaving process are judged.
    pub samples: usize,
    /// From the first look to the last, in seconds.
    pub observed_s: f64,
    /// Time between two looks, as asked for.
    pub interval_ms: u64,
    /// What each resource does, of those that were seen.
    pub resources: Vec<ResourceJson<'a>>,
    /// The leaks, each once, the worst first.
    pub suspects: Vec<SuspectJson<'a>>,
    /// What was found.
    pub findings: &'a [Finding],
    /// What could not be seen, and what came or went.
    pub remarks: &'a [Remark],
    /// Whether its user ended the observation before its time was up; `null` where the recording
    /// was cut.
    pub interrupted: Option<bool>,
    /// Processor time that observing took, in seconds.
    pub observer_cpu_s: Option<f64>,
    /// Command, time and machine.
    #[serde(flatten)]
    pub origin: OriginJson<'a>,
}

/// A process that was observed.
#[derive(Clone, Debug, Serialize)]
pub struct ProcessJson<'a> {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_time_ticks: u64,
    /// Its command line.
    pub command_line: &'a str,
    /// Whether leakbench started it.
    pub started_here: bool,
    /// Whether its descendants are counted with it.
    pub tree: bool,
    /// The most processes that were looked at together.
    pub processes_max: u32,
    /// How it went, if it did.
    pub exit: Option<&'a ProcessExit>,
}

/// One resource.
#[derive(Clone, Debug, Serialize)]
pub struct ResourceJson<'a> {
    /// Its name. Amounts of one that ends in `-bytes` are bytes, of others objects.
    pub name: Resource,
    /// What it does; `null` where it was seen too rarely to tell.
    pub class: Option<ResourceClass>,
    /// How fast what it falls back to grows, after the first third of the time.
    pub rate_per_s: Option<f64>,
    /// The lower end of the 95 % confidence interval of the rate.
    pub ci_low: Option<f64>,
    /// The upper end.
    pub ci_high: Option<f64>,
    /// The most that it may come to.
    pub limit: Option<u64>,
    /// Who says so.
    pub limit_name: Option<&'a str>,
    /// When it meets that, from the last look on, if it grows on as it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_to_limit: Option<f64>,
    /// The oldest object that came after the first looks and is still there.
    pub example: Option<ExampleJson<'a>>,
    /// The next few of those.
    pub more_examples: Vec<ExampleJson<'a>>,
    /// The first amount.
    pub first: u64,
    /// The last amount.
    pub last: u64,
    /// The highest amount.
    pub peak: u64,
    /// In how many looks it could be read.
    pub samples: usize,
}

/// An object that may be leaked.
#[derive(Clone, Debug, Serialize)]
pub struct ExampleJson<'a> {
    /// What it is.
    pub what: &'a str,
    /// Who has it.
    pub holders: &'a [String],
    /// For how long it had been seen at the last look, in seconds.
    pub age_s: f64,
}

/// A leak, with all that it shows in.
#[derive(Clone, Debug, Serialize)]
pub struct SuspectJson<'a> {
    /// The resource that says most plainly what leaks.
    pub resource: Resource,
    /// Others that grow because of it.
    pub evidence: &'a [Resource],
    /// The limit that it meets first.
    pub forecast: Option<ForecastJson<'a>>,
}

/// When growth comes to its end.
#[derive(Clone, Debug, Serialize)]
pub struct ForecastJson<'a> {
    /// What is limited.
    pub resource: Resource,
    /// To how much.
    pub limit: u64,
    /// By whom.
    pub limit_name: &'a str,
    /// From the last look on.
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
                tree: observe.tree,
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

    /// As text: indented, with a newline at the end.
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
            rate_per_s: trend.map(|trend| trend.rate),
            ci_low: trend.map(|trend| trend.ci_low),
            ci_high: trend.map(|trend| trend.ci_high),
            limit: account.limit.as_ref().map(|limit| limit.max),
            limit_name: account.limit.as_ref().map(|limit| limit.name.as_str()),
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
