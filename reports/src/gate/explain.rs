//! `gate explain`: the outcome of each policy with its reason, and the lines of the recording that
//! show it.

use leakbench_model::text::{counted, printable};

use super::{Evidence, Outcome, PolicyLevel, PolicyOutcome, Status};

/// Lines of evidence printed for a policy.
const EVIDENCE_SHOWN: usize = 8;

/// Each policy with the measured value, the limit, the reason and the evidence; the headline last.
/// The text is [`printable`].
pub fn explain(outcome: &Outcome) -> String {
    let mut text = format!("budget: {}\n", printable(&outcome.budget));
    let mut run = None;
    for policy in &outcome.policies {
        if run != Some(&policy.run) {
            text += &format!("\n{}\n", printable(&policy.run));
            run = Some(&policy.run);
        }
        text += &explained(policy);
    }
    format!("{text}\ngate: {}\n", printable(&outcome.short_headline()))
}

fn explained(policy: &PolicyOutcome) -> String {
    let name = &policy.policy;
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
    let status = match policy.status {
        Status::Failed => "FAILED",
        status => status.as_str(),
    };
    let mut text = format!("  {name}: {status}{level}\n");
    let measured = policy.measured.as_deref().unwrap_or("nothing");
    text += &format!("    measured  {}\n", printable(measured));
    text += &format!("    allowed   {}\n", printable(&policy.allowed));
    text += &format!("    reason    {}\n", printable(&policy.message));
    for evidence in policy.evidence.iter().take(EVIDENCE_SHOWN) {
        text += &format!("    evidence  {}\n", line(evidence));
    }
    let more = policy.evidence.len().saturating_sub(EVIDENCE_SHOWN);
    if more > 0 {
        text += &format!("    evidence  … and {}\n", counted(more as u64, "more line"));
    }
    text
}

/// `out/recording.jsonl:42  barrier of subject 0 after 3,000 cycles: 942 lingering`.
fn line(evidence: &Evidence) -> String {
    let path = evidence.path.display().to_string();
    format!("{}:{}  {}", printable(&path), evidence.line, printable(&evidence.what))
}
