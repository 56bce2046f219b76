//! Samples of a subject, as evidence.

use leakbench_model::text::counted;
use leakbench_recording::ledger::SubjectSample;

/// `barrier of subject 0 after 3,000 cycles`, `sample of subject 0 after 60 cycles`.
pub(super) fn described(subject: u32, sample: &SubjectSample) -> String {
    let kind = if sample.at_barrier { "barrier" } else { "sample" };
    let cycles = counted(sample.counts.cycles, "cycle");
    format!("{kind} of subject {subject} after {cycles}")
}
