//! Why each policy came out as it did, with the lines of the recording that say so.

use super::{Evidence, Outcome, PolicyLevel, PolicyOutcome, Status};
use leakbench_model::text::{counted, printable};

/// Lines of evidence told of a policy.
const EVIDENCE_TOLD: usize = 8;

/// Each policy, what was measured and allowed, why, and from which lines; the headline last. Text
/// from files is [`crate::render::printable`].
pub fn explain(outcome: &Outcome) -> String {
    let mut text = format!("budget: {}\n", printable(&outcome.budget));
    let mut run = None;
    for policy in &outcome.policies {
        if run != Some(&policy.run) {
            text += &format!("\n{}\n", printable(&policy.run));
            run = Some(&policy.run);
        }
        text += &told(policy);
    }
    format!("{text}\ngate: {}\n", printable(&outcome.headline))
}

fn told(policy: &PolicyOutcome) -> String {
    let name = policy.policy;
    if policy.status == Status::Off {
        let why = match policy.message.as_str() {
            "off" => String::new(),
            why => format!(" — {}", printable(why)),
        };
        return format!("  {name}: off{why}\n");
    }
    let level = match policy.level {
        PolicyLevel::Warn => " (warn)",
        PolicyLevel::Off | PolicyLevel::Error => "",
    };
    let mut text = format!("  {name}: {}{level}\n", word(policy.status));
    let measured = policy.measured.as_deref().unwrap_or("nothing");
    text += &format!("    measured  {}\n", printable(measured));
    text += &format!("    allowed   {}\n", printable(&policy.allowed));
    text += &format!("    because   {}\n", printable(&policy.message));
    for evidence in policy.evidence.iter().take(EVIDENCE_TOLD) {
        text += &format!("    read off  {}\n", line(evidence));
    }
    let more = policy.evidence.len().saturating_sub(EVIDENCE_TOLD);
    if more > 0 {
        text += &format!("    read off  … and {}\n", counted(more as u64, "more line"));
    }
    text
}

/// `out/recording.jsonl:42  barrier of subject 0 after 3,000 cycles: 942 lingering`.
fn line(evidence: &Evidence) -> String {
    let path = evidence.path.display().to_string();
    format!("{}:{}  {}", printable(&path), evidence.line, printable(&evidence.what))
}

/// How it came out, as people read it.
fn word(status: Status) -> &'static str {
    match status {
        Status::Off => "off",
        Status::Passed => "passed",
        Status::Flaky => "flaky",
        Status::Inconclusive => "inconclusive",
        Status::Failed => "FAILED",
    }
}
