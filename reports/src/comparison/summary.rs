//! The summary of one run in a comparison.

use crate::headline;
use leakbench_model::text::{counted, grouped, third_person};
use leakbench_model::{Footprint, Verdict};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::{Images, Ledger};

/// One run of a comparison. Missing measurements are `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// Its round, from 1.
    pub round: u32,
    /// The folder of its recording and result, beside the comparison's own file.
    pub folder: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// The verdict in a sentence.
    pub headline: String,
    /// The reason why it is not clean, in a clause.
    pub reason: Option<String>,
    /// The runtime's name and version, as it reports them.
    pub runtime: Option<String>,
    /// The command that reproduces it.
    pub command: String,
    /// Its start, in seconds since 1970.
    pub started_unix_s: u64,
    /// Cycles done.
    pub cycles: u64,
    /// Cycles requested.
    pub cycles_asked: u64,
    /// Time in which cycles ran, without barriers, in seconds.
    pub running_s: f64,
    /// Cycles a second.
    pub rate_per_s: Option<f64>,
    /// Its images by their fate.
    pub images: Images,
    /// Its footprint after every module was dropped, summed over processes.
    pub at_end: Footprint,
    /// Its peaks, each at its own time, summed over processes.
    pub peak: Footprint,
}

impl RunSummary {
    /// The summary of a run that was recorded in `folder`.
    pub fn new(round: u32, folder: String, ledger: &Ledger, judgement: &Judgement) -> RunSummary {
        RunSummary {
            round,
            folder,
            verdict: judgement.verdict,
            headline: headline::of_run(ledger, judgement),
            reason: reason(ledger, judgement),
            runtime: ledger.start.runtime.clone(),
            command: ledger.start.command.clone(),
            started_unix_s: ledger.start.started_unix_s,
            cycles: ledger.cycles,
            cycles_asked: ledger.start.scenario.cycles.get(),
            running_s: ledger.running_us() as f64 / 1e6,
            rate_per_s: ledger.rate_per_s(),
            images: ledger.images,
            at_end: ledger.at_end,
            peak: ledger.peak,
        }
    }
}

/// The decisive finding. Of lingering images only their number: the run's own report has holders.
fn reason(ledger: &Ledger, judgement: &Judgement) -> Option<String> {
    let decisive = judgement.decisive()?;
    let images = &ledger.images;
    if judgement.verdict == Verdict::Leak && images.lingering > 0 {
        let verb = third_person(images.lingering, "linger");
        let made = counted(images.made, "image");
        return Some(format!("{} of {made} {verb}", grouped(images.lingering)));
    }
    Some(decisive.message.clone())
}
