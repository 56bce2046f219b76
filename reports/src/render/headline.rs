//! The verdict in one sentence.

use leakbench_model::text::{counted, grouped, printable};
use leakbench_recording::judge::{Judgement, Verdict};
use leakbench_recording::ledger::Ledger;

/// The verdict and its reason: `LEAK — 951 of 3,000 images linger, held by 951 affine slots`.
/// One line, [`super::printable`].
pub fn headline(ledger: &Ledger, judgement: &Judgement) -> String {
    let reason = match judgement.decisive() {
        Some(finding) => finding.message.clone(),
        None => clean(ledger, judgement),
    };
    said(judgement.verdict, &reason)
}

/// A verdict's word and its reason.
pub(super) fn said(verdict: Verdict, reason: &str) -> String {
    format!("{} — {}", verdict_word(verdict), printable(reason))
}

/// A verdict as people read it.
pub(crate) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "clean",
        Verdict::Leak => "LEAK",
        Verdict::SubjectDied => "subject died",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Interrupted => "interrupted",
    }
}

fn clean(ledger: &Ledger, judgement: &Judgement) -> String {
    let images = &ledger.images;
    if images.made == 0 {
        let cycles = counted(ledger.cycles, "cycle");
        if judgement.findings.iter().any(|finding| finding.rule == "growth") {
            return format!(
                "mappings, descriptors and resident memory do not grow over {cycles}; no image was seen"
            );
        }
        return format!("{cycles} made no image, so there was nothing to prove");
    }
    format!(
        "the kernel released {} of {}",
        grouped(images.released()),
        counted(images.made, "image")
    )
}
