//! `result.json`: the verdict and all that it rests on, for programs. A versioned format: within
//! version 2 fields may be added, and none changes its meaning or goes.

use std::num::NonZeroU32;

use leakbench_scenarios::{OnDrop, Scenario, Strategy};
use serde::Serialize;

use super::{AtEndJson, ImagesJson, OriginJson, PeakJson, VerdictJson, microseconds, seconds};
use crate::headline;
use leakbench_model::{Holder, LingeringImage, SlotCounts, SlotState};
use leakbench_recording::judge::{Finding, Judgement};
use leakbench_recording::ledger::{ImagesByReason, Ledger, SlotsByState, SubjectLedger};
use leakbench_recording::recording::{End, Exit, Footprint, WitnessFailure};

/// A whole result. What was not measured is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct ResultJson<'a> {
    /// Version, verdict, exit code and headline.
    #[serde(flatten)]
    pub verdict: VerdictJson,
    /// What ran.
    pub subject: &'a str,
    /// The runtime's name and version, as it gave them.
    pub runtime: Option<&'a str>,
    /// Which free slot an instance got; `null` where the runtime has no such choice, as for the
    /// next two.
    pub strategy: Option<Strategy>,
    /// What dropping a module did to free slots.
    pub on_drop: Option<OnDrop>,
    /// Slots in each process's pool.
    pub slots: Option<u32>,
    /// Processes side by side.
    pub processes: u32,
    /// Threads in each process.
    pub threads: u32,
    /// Seed of every random choice.
    pub seed: u64,
    /// Cycles done, over all processes.
    pub cycles: u64,
    /// Cycles asked for.
    pub cycles_asked: u64,
    /// The whole run, in seconds.
    pub wall_s: f64,
    /// The cycles alone, in seconds.
    pub running_s: f64,
    /// Cycles a second.
    pub rate_per_s: Option<f64>,
    /// What became of the images.
    pub images: ImagesJson,
    /// From drop to release.
    pub release_us: ReleaseJson,
    /// Each process's own peaks, added.
    pub peak: PeakJson,
    /// What each process had at its last barrier, added; `null` where one did not come to it.
    pub at_end: AtEndJson,
    /// Images that still lingered when their process was last looked at: the longest-lingering
    /// of each process, then the next of each, and so on; at most [`ResultJson::LINGERING_MAX`].
    /// `images.lingering` is the whole number.
    pub lingering: Vec<LingeringJson>,
    /// Why lingering images linger, over all that the recording lists.
    pub lingering_by_reason: &'a [ImagesByReason],
    /// How many slots map a lingering image, over all that the recording lists.
    pub slots_holding: &'a [SlotsByState],
    /// What the policies found.
    pub findings: &'a [Finding],
    /// Why a witness may not be believed.
    pub witness_failures: &'a [WitnessFailure],
    /// When the run was interrupted, in seconds since it began.
    pub interrupted_at_s: Option<f64>,
    /// Each process.
    pub subjects: Vec<SubjectJson<'a>>,
    /// What measuring cost.
    pub supervisor: Option<SupervisorJson>,
    /// Everything that was chosen.
    pub scenario: &'a Scenario,
    /// Command, time and machine.
    #[serde(flatten)]
    pub origin: OriginJson<'a>,
}

/// Time from drop to release, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ReleaseJson {
    /// Median.
    pub p50: Option<f64>,
    /// Of all but one in a hundred.
    pub p99: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
}

/// An image that lingers.
#[derive(Clone, Debug, Serialize)]
pub struct LingeringJson {
    /// Which of the run's processes.
    pub subject: u32,
    /// Device number of its file system.
    pub dev: u64,
    /// Inode number on it.
    pub inode: u64,
    /// The module's number in the run.
    pub module: u64,
    /// The cycle, counted by its thread, in which it was dropped.
    pub dropped_at_cycle: u64,
    /// How long before the barrier that was.
    pub lingering_ms: u64,
    /// Who holds it, as far as listed.
    pub holders: Vec<HolderJson>,
    /// How many holders there are.
    pub holders_total: u64,
}

/// What keeps an image alive: a flat object, of which `kind` says which fields there are.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HolderJson {
    /// `fd`, `slot` or `mapping`.
    pub kind: &'static str,
    /// Of a slot: its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
    /// Of a slot: what it is doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<SlotState>,
    /// Of a descriptor: its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<i32>,
    /// Of a mapping: where it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<u64>,
    /// Of a mapping: where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
}

/// One process's account.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectJson<'a> {
    /// Which of the run's processes.
    pub subject: u32,
    /// Its process id.
    pub pid: Option<u32>,
    /// Cycles done.
    pub cycles: u64,
    /// Its share of the cycles.
    pub cycles_asked: Option<u64>,
    /// Whether it came to the barrier at which every module has been dropped.
    pub reached_last_barrier: bool,
    /// What became of its images.
    pub images: ImagesJson,
    /// Most images that lingered at any barrier.
    pub worst_lingering: u64,
    /// Most disagreements of the witnesses at any barrier.
    pub disagreements: u64,
    /// The first of them, in words.
    pub disagreements_listed: &'a [String],
    /// Mapping calls that failed while slots were reset.
    pub reset_failures: u64,
    /// Before its first cycle.
    pub at_rest: Footprint,
    /// At its last barrier.
    pub at_last_barrier: Option<Footprint>,
    /// Its slots at its last barrier.
    pub slots: Option<SlotCounts>,
    /// How it ended, and the last thing that each thread did.
    pub exit: Option<&'a Exit>,
}

/// What measuring cost.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SupervisorJson {
    /// Processor time, in seconds.
    pub cpu_s: Option<f64>,
    /// Most resident memory.
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
            running_s: seconds(ledger.running_ms()),
            rate_per_s: ledger.rate_per_s(),
            images: ledger.images,
            release_us: ReleaseJson {
                p50: ledger.release.p50_ns.map(microseconds),
                p99: ledger.release.p99_ns.map(microseconds),
                max: ledger.release.max_ns.map(microseconds),
            },
            peak: PeakJson::of(&ledger.peak),
            at_end: AtEndJson::of(&ledger.at_end),
            lingering: images.map(LingeringJson::of).collect(),
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

    /// As text: indented, with a newline at the end.
    ///
    /// # Errors
    /// Something in the scenario has no JSON form: a path that is not UTF-8.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        super::to_text(self)
    }
}

impl LingeringJson {
    fn of((subject, image): (u32, &LingeringImage)) -> LingeringJson {
        LingeringJson {
            subject,
            dev: image.dev,
            inode: image.inode,
            module: image.module,
            dropped_at_cycle: image.dropped_at_cycle,
            lingering_ms: image.lingering_ms,
            holders: image.holders.iter().map(HolderJson::of).collect(),
            holders_total: image.holders_total,
        }
    }
}

impl HolderJson {
    fn of(holder: &Holder) -> HolderJson {
        let none =
            |kind| HolderJson { kind, slot: None, state: None, fd: None, start: None, end: None };
        match *holder {
            Holder::Fd { fd } => HolderJson { fd: Some(fd), ..none("fd") },
            Holder::Slot { slot, state } => {
                HolderJson { slot: Some(slot), state: Some(state), ..none("slot") }
            }
            Holder::Mapping { start, end } => {
                HolderJson { start: Some(start), end: Some(end), ..none("mapping") }
            }
        }
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
