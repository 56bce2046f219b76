//! `result.json` of a run.

use std::num::NonZeroU32;

use leakbench_scenarios::{OnDrop, Scenario, Strategy};
use serde::Serialize;

use super::{AmountsJson, ImagesJson, OriginJson, VerdictJson, microseconds, seconds};
use crate::headline;
use leakbench_model::{FailedSteps, Footprint, LingeringImage, SlotCounts};
use leakbench_recording::judge::{Finding, Judgement};
use leakbench_recording::ledger::{ImagesByReason, Ledger, SlotsByState, SubjectLedger};
use leakbench_recording::recording::{End, Exit, WitnessFailure};

/// The result of a run. Missing measurements are `null`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ResultJson<'a> {
    /// Version, verdict, exit code and headline.
    #[serde(flatten)]
    pub verdict: VerdictJson,
    /// The runtime under test, as named on the command line.
    pub subject: &'a str,
    /// The runtime's name and version, as it reports them.
    pub runtime: Option<&'a str>,
    /// The choice of a free slot for an instance; `null` if the runtime has no such choice, as for the
    /// next two.
    pub strategy: Option<Strategy>,
    /// The effect of a module's drop on free slots.
    pub on_drop: Option<OnDrop>,
    /// Slots in each process's pool.
    pub slots: Option<u32>,
    /// Number of processes.
    pub processes: u32,
    /// Threads in each process.
    pub threads: u32,
    /// Seed of every random choice.
    pub seed: u64,
    /// Cycles done, over all processes.
    pub cycles: u64,
    /// Cycles requested.
    pub cycles_asked: u64,
    /// Time of the whole run, in seconds.
    pub wall_s: f64,
    /// Time in which cycles ran, without barriers and their settle times, in seconds.
    pub running_s: f64,
    /// Cycles a second.
    pub rate_per_s: Option<f64>,
    /// Images by their fate.
    pub images: ImagesJson,
    /// Times from drop to release.
    pub release_us: ReleaseJson,
    /// Peaks of all processes.
    #[cfg_attr(test, schemars(with = "super::schema::Amounts"))]
    pub peak: AmountsJson,
    /// The footprint at the last barriers; `null` if a process did not reach its own.
    #[cfg_attr(test, schemars(with = "super::schema::Amounts"))]
    pub at_end: AmountsJson,
    /// Images that lingered at the last sample of their process: the longest-lingering of each
    /// process, then the next of each, and so on; at most 2,000. `images.lingering` is their number.
    pub lingering: Vec<LingeringJson<'a>>,
    /// Number of listed lingering images for each reason.
    pub lingering_by_reason: &'a [ImagesByReason],
    /// Number of slots in each state that map a listed lingering image.
    pub slots_holding: &'a [SlotsByState],
    /// Findings of the judge, errors first.
    pub findings: &'a [Finding],
    /// Failures of the witnesses.
    pub witness_failures: &'a [WitnessFailure],
    /// Time of the interruption, in seconds since the run began.
    pub interrupted_at_s: Option<f64>,
    /// The processes.
    pub subjects: Vec<SubjectJson<'a>>,
    /// The cost of measuring.
    pub supervisor: Option<SupervisorJson>,
    /// All choices.
    #[cfg_attr(test, schemars(with = "super::schema::Scenario"))]
    pub scenario: &'a Scenario,
    /// Command, time and machine.
    #[serde(flatten)]
    pub origin: OriginJson<'a>,
}

/// Times from drop to release, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReleaseJson {
    /// The median.
    pub p50: Option<f64>,
    /// The 99th percentile.
    pub p99: Option<f64>,
    /// The maximum.
    pub max: Option<f64>,
}

/// A lingering image.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LingeringJson<'a> {
    /// The number of the process in the run.
    pub subject: u32,
    /// The image with its holders.
    #[serde(flatten)]
    pub image: &'a LingeringImage,
}

/// The account of one process.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SubjectJson<'a> {
    /// The number of the process in the run.
    pub subject: u32,
    /// Its process id.
    pub pid: Option<u32>,
    /// Cycles done.
    pub cycles: u64,
    /// Its share of the cycles.
    pub cycles_asked: Option<u64>,
    /// True if it reached its last barrier, at which every module is dropped.
    pub reached_last_barrier: bool,
    /// Its images by their fate.
    pub images: ImagesJson,
    /// The largest number of lingering images at a barrier.
    pub worst_lingering: u64,
    /// The largest number of disagreements of the witnesses at a barrier.
    pub disagreements: u64,
    /// The first of them, in words.
    pub disagreements_listed: &'a [String],
    /// System calls that failed during the reset of slots.
    pub reset_failures: u64,
    /// Its footprint before its first cycle.
    #[cfg_attr(test, schemars(with = "super::schema::Footprint"))]
    pub at_rest: Footprint,
    /// Its footprint at its last barrier; `null` if it did not reach that.
    #[cfg_attr(test, schemars(with = "Option<super::schema::Footprint>"))]
    pub at_last_barrier: Option<Footprint>,
    /// The states of its slots at its last barrier, if the runtime reports them.
    pub slots: Option<SlotCounts>,
    /// Its steps that failed while calls failed on purpose.
    pub failed_steps: &'a FailedSteps,
    /// Its end, with the last step of each thread; `null` if unknown.
    pub exit: Option<&'a Exit>,
}

/// The cost of measuring.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SupervisorJson {
    /// Processor time of the supervisor, in seconds.
    pub cpu_s: Option<f64>,
    /// Peak resident memory of the supervisor, in bytes.
    pub peak_rss_bytes: Option<u64>,
}

impl<'a> ResultJson<'a> {
    /// Lingering images listed at most.
    pub const LINGERING_MAX: usize = 2_000;

    /// The result of a run.
    pub fn new(ledger: &'a Ledger, judgement: &'a Judgement) -> ResultJson<'a> {
        let scenario = &ledger.start.scenario;
        let images = ledger.lingering().take(Self::LINGERING_MAX);
        ResultJson {
            verdict: VerdictJson::new(judgement.verdict, headline::of_run(ledger, judgement)),
            subject: &ledger.start.subject,
            runtime: ledger.start.runtime.as_deref(),
            strategy: scenario.strategy,
            on_drop: scenario.on_drop,
            slots: scenario.slots.map(NonZeroU32::get),
            processes: scenario.processes.get(),
            threads: scenario.threads.get(),
            seed: scenario.seed,
            cycles: ledger.cycles,
            cycles_asked: scenario.cycles.get(),
            wall_s: seconds(ledger.last_seen_ms),
            running_s: ledger.running_us() as f64 / 1e6,
            rate_per_s: ledger.rate_per_s(),
            images: ledger.images,
            release_us: ReleaseJson {
                p50: ledger.release.p50_ns.map(microseconds),
                p99: ledger.release.p99_ns.map(microseconds),
                max: ledger.release.max_ns.map(microseconds),
            },
            peak: AmountsJson(ledger.peak),
            at_end: AmountsJson(ledger.at_end),
            lingering: images.map(|(subject, image)| LingeringJson { subject, image }).collect(),
            lingering_by_reason: &ledger.held_by,
            slots_holding: &ledger.slots_holding,
            findings: &judgement.findings,
            witness_failures: &ledger.witness_failures,
            interrupted_at_s: ledger.interrupted_at_ms.map(seconds),
            subjects: ledger.subjects.iter().map(SubjectJson::of).collect(),
            supervisor: ledger.end.as_ref().map(SupervisorJson::of),
            scenario,
            origin: OriginJson {
                command: &ledger.start.command,
                started_unix_s: ledger.start.started_unix_s,
                fingerprint: &ledger.start.fingerprint,
            },
        }
    }

    /// The document as indented text with a newline at the end.
    ///
    /// # Errors
    /// A path that is not UTF-8 has no JSON form.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        super::to_text(self)
    }
}

impl<'a> SubjectJson<'a> {
    fn of(subject: &'a SubjectLedger) -> SubjectJson<'a> {
        let disagreeing = subject.disagreeing.as_ref();
        SubjectJson {
            subject: subject.number,
            pid: subject.pid,
            cycles: subject.counts.cycles,
            cycles_asked: subject.cycles_asked,
            reached_last_barrier: subject.reached_last_barrier(),
            images: subject.images,
            worst_lingering: subject.worst.as_ref().map_or(0, |worst| worst.lingering),
            disagreements: disagreeing.map_or(0, |barrier| barrier.total),
            disagreements_listed: disagreeing.map_or(&[], |barrier| &barrier.listed),
            reset_failures: subject.reset_failures,
            at_rest: subject.at_rest,
            at_last_barrier: subject.at_last_barrier,
            slots: subject.slots,
            failed_steps: &subject.failed_steps,
            exit: subject.exit.as_ref(),
        }
    }
}

impl SupervisorJson {
    fn of(end: &End) -> SupervisorJson {
        SupervisorJson {
            cpu_s: end.supervisor_cpu_ms.map(seconds),
            peak_rss_bytes: end.supervisor_peak_rss_bytes,
        }
    }
}
