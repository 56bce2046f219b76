//! The verdict in one sentence.

use crate::render::headline::said;
use leakbench_model::text::counted;
use leakbench_recording::observation::{
    Diagnosis, ResourceClass, sample_summary, unobserved_children,
};

/// The verdict and its reason: `LEAK — socket descriptors grow by 12.0 a second (95 % 11.8 to
/// 12.2); RLIMIT_NOFILE of 1,024 is met in 80 s`. One line, [`crate::render::printable`].
pub fn observation_headline(diagnosis: &Diagnosis) -> String {
    let judgement = &diagnosis.judgement;
    let reason = match judgement.decisive() {
        Some(finding) => finding.message.clone(),
        None => clean(diagnosis),
    };
    said(judgement.verdict, &reason)
}

fn clean(diagnosis: &Diagnosis) -> String {
    let told = diagnosis.accounts.iter().filter(|account| account.class.is_some()).count();
    let mut text = format!(
        "none of {} leaks, {}",
        counted(told as u64, "resource"),
        sample_summary(&diagnosis.ledger),
    );
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
