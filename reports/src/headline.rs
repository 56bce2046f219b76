//! The verdict and its reason in one sentence: `LEAK — 951 of 3,000 images linger`.

use leakbench_model::Verdict;
use leakbench_model::text::{counted, grouped, printable};
use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_recording::observation::{
    Diagnosis, ResourceClass, sample_summary, unobserved_children,
};

/// The headline of a run: `LEAK — 951 of 3,000 images linger, held by 951 affine slots`. One line,
/// [`printable`].
pub fn of_run(ledger: &Ledger, judgement: &Judgement) -> String {
    let reason = match judgement.decisive() {
        Some(finding) => finding.message.clone(),
        None => clean_run(ledger, judgement),
    };
    headline(judgement.verdict, &reason)
}

/// The headline of an observation: `LEAK — socket descriptors grow by 12.0 ± 0.2 a second (95 %
/// CI); RLIMIT_NOFILE (1,024) is reached in 80 s`. One line, [`printable`].
pub fn of_observation(diagnosis: &Diagnosis) -> String {
    let reason = match diagnosis.judgement.decisive() {
        Some(finding) => finding.message.clone(),
        None => clean_observation(diagnosis),
    };
    headline(diagnosis.judgement.verdict, &reason)
}

/// A verdict and its reason.
pub(crate) fn headline(verdict: Verdict, reason: &str) -> String {
    format!("{} — {}", verdict_word(verdict), printable(reason))
}

/// The word for a verdict in texts; a leak is in capitals.
pub(crate) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "clean",
        Verdict::Leak => "LEAK",
        Verdict::SubjectDied => "subject died",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Interrupted => "interrupted",
    }
}

fn clean_run(ledger: &Ledger, judgement: &Judgement) -> String {
    let images = &ledger.images;
    if images.made > 0 {
        let (released, made) = (grouped(images.released()), counted(images.made, "image"));
        return format!("the kernel released {released} of {made}");
    }
    let cycles = counted(ledger.cycles, "cycle");
    if judgement.findings.iter().any(|finding| finding.rule == "growth") {
        return format!(
            "mappings, descriptors and resident memory do not grow over {cycles}; no image was seen"
        );
    }
    format!("{cycles} made no image, so there was nothing to prove")
}

fn clean_observation(diagnosis: &Diagnosis) -> String {
    let classified = diagnosis.accounts.iter().filter(|account| account.class.is_some()).count();
    let resources = counted(classified as u64, "resource");
    let mut text = format!("none of {resources} leaks, {}", sample_summary(&diagnosis.ledger));
    for class in [ResourceClass::Bounded, ResourceClass::Sawtooth, ResourceClass::Reservation] {
        match diagnosis.count(class) {
            0 => {}
            count => text += &format!(", {count} {}", class.as_str()),
        }
    }
    match diagnosis.ledger.unobserved_children_max() {
        0 => {}
        children => text += &format!("; {}", unobserved_children(children)),
    }
    text
}
