//! What an observation proves.

use super::accounts::{Account, Accounts, ResourceClass};
use super::ledger::ObservationLedger;
use super::rate::Rate;
use super::suspects::Suspect;
use super::{ObservationRecording, ProcessExitKind, Resource};
use crate::judge::{Finding, Judgement, Level};
use crate::ledger::NoStart;
use crate::trend::Trend;
use leakbench_model::Verdict;
use leakbench_model::text::{coarse_s, counted, duration_ms, grouped, signal_name};

/// What an observed process does, and what that comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// What was seen.
    pub ledger: ObservationLedger,
    /// What each resource does.
    pub accounts: Accounts,
    /// The leaks, the worst first.
    pub suspects: Vec<Suspect>,
    /// The verdict, and what it rests on.
    pub judgement: Judgement,
}

/// The policy whose findings are the suspects.
pub const GROWTH: &str = "growth";
/// The policy that says what was not seen.
const COVERAGE: &str = "coverage";
const INTERRUPTION: &str = "interruption";
const EXIT: &str = "exit";
const EXHAUSTION: &str = "exhaustion";
const REMARKS: &str = "remarks";
const RESERVATION: &str = "reservation";

/// Every policy of an observation, also for those that find nothing.
pub const OBSERVATION_RULES: [&str; 7] =
    [INTERRUPTION, EXIT, GROWTH, EXHAUSTION, REMARKS, COVERAGE, RESERVATION];

/// Whoever attaches to a process ends that when enough was seen: an end like any other. A command
/// that is interrupted did not come to its own end.
fn interruption(ledger: &ObservationLedger) -> Option<Finding> {
    let end = ledger.end.filter(|end| end.interrupted)?;
    let message = format!("after {} and {}", duration_ms(end.at_ms), sample_summary(ledger));
    let enough = ledger.judged().len() >= Trend::POINTS_MIN;
    Some(if !ledger.start.started_here && enough {
        Finding::aside(INTERRUPTION, Level::Note, format!("ended by its user {message}"))
    } else {
        Finding::error(INTERRUPTION, Verdict::Interrupted, message)
    })
}

/// A command must leave by itself, with the code that says that all went well. How a process
/// ends that leakbench did not start is not its business.
fn exit(ledger: &ObservationLedger) -> Option<Finding> {
    let gone = ledger.exit.as_ref()?;
    let here = ledger.start.started_here;
    let how = match gone.how {
        ProcessExitKind::Stopped => return None,
        ProcessExitKind::Exited { code } => format!("left with exit code {code}"),
        ProcessExitKind::Signaled { signal } => {
            let name = signal_name(signal).map_or(String::new(), |name| format!(" ({name})"));
            format!("was ended by signal {signal}{name}")
        }
        ProcessExitKind::Vanished => "was gone".to_owned(),
    };
    let pid = ledger.start.pid;
    let message = format!("process {pid} {how} after {}", duration_ms(gone.at_ms));
    let failed =
        !matches!(gone.how, ProcessExitKind::Exited { code: 0 } | ProcessExitKind::Vanished);
    Some(if here && failed {
        Finding::error(EXIT, Verdict::SubjectDied, message)
    } else {
        Finding::aside(EXIT, Level::Note, message)
    })
}

fn growth(suspect: &Suspect, accounts: &Accounts) -> Option<Finding> {
    let account = accounts.get(suspect.resource)?;
    let mut message = grows(account)?;
    if let Some(meeting) = &suspect.forecast {
        message += &meets(&meeting.limit, meeting.seconds);
    }
    Some(Finding::error(GROWTH, Verdict::Leak, message))
}

/// What came to its limit grows no more, because it cannot: as flat as if nothing leaked.
fn exhaustion(accounts: &Accounts) -> impl Iterator<Item = Finding> {
    accounts.exhausted().filter_map(|account| {
        let limit = account.limit.as_ref()?;
        let resource = account.resource;
        let stay = if resource.is_singular() { "stays" } else { "stay" };
        let (peak, most) = (resource.amount(account.peak), resource.amount(limit.max));
        let message = format!(
            "{} came to {peak} of {most} ({}) and {stay} there",
            resource.noun(),
            limit.name
        );
        Some(Finding::error(EXHAUSTION, Verdict::Leak, message))
    })
}

fn reservations(accounts: &Accounts) -> impl Iterator<Item = Finding> {
    let reserved = |account: &&Account| account.class == Some(ResourceClass::Reservation);
    accounts.iter().filter(reserved).filter_map(|account| {
        let mut message = grows(account)? + ", and memory does not grow with it: a reservation";
        if let (Some(limit), Some(in_s)) = (&account.limit, account.seconds_to_limit) {
            message += &meets(limit, in_s);
        }
        Some(Finding::aside(RESERVATION, Level::Note, message))
    })
}

/// `socket descriptors grow by 12.0 a second (95 % 11.8 to 12.2)`.
fn grows(account: &Account) -> Option<String> {
    let resource = account.resource;
    let ending = if resource.is_singular() { "s" } else { "" };
    let rate = Rate::of(account.trend.as_ref()?, resource.unit());
    Some(format!("{} grow{ending} by {}", resource.noun(), rate.in_words()))
}

/// `; RLIMIT_NOFILE of 1,024 is met in 80 s`.
fn meets(limit: &super::Limit, in_s: f64) -> String {
    let most = limit.resource.amount(limit.max);
    format!("; {} of {most} is met in {}", limit.name, coarse_s(in_s as u64))
}

fn remarks(ledger: &ObservationLedger) -> impl Iterator<Item = Finding> {
    ledger.remarks.iter().map(|remark| {
        let what = remark.what.clone();
        match remark.prevents_clean {
            true => Finding::error(REMARKS, Verdict::Inconclusive, what),
            false => Finding::aside(REMARKS, Level::Note, what),
        }
    })
}

/// What was seen too rarely proves nothing.
fn coverage(ledger: &ObservationLedger, accounts: &Accounts) -> Vec<Finding> {
    let gap = |message| Finding::error(COVERAGE, Verdict::Inconclusive, message);
    let mut findings = Vec::new();
    let few = ledger.judged().len() < Trend::POINTS_MIN;
    if few {
        findings.push(gap(format!(
            "{} in {} can be judged, and {} are needed: observe for longer, or look more often \
             (--interval)",
            counted(ledger.judged().len() as u64, "look"),
            duration_ms(ledger.observed_ms()),
            Trend::POINTS_MIN,
        )));
    } else if accounts.iter().all(|account| account.class.is_none())
        && accounts.iter().any(|account| account.samples >= Trend::POINTS_MIN)
    {
        let judged = counted(ledger.judged().len() as u64, "look");
        findings.push(gap(format!("the {judged} are bunched in time, so no trend can be told")));
    } else if accounts.iter().all(|account| account.class.is_none()) {
        findings.push(gap(format!("nothing could be read in {}", sample_summary(ledger))));
    } else {
        let untold = accounts.iter().filter(|account| account.class.is_none());
        findings.extend(untold.map(|account| {
            let (noun, of) = (account.resource.noun(), ledger.judged().len() as u64);
            let seen = account.samples as u64;
            let message = if seen < Trend::POINTS_MIN as u64 {
                let seen = grouped(seen);
                format!("{noun} could be read in only {seen} of {}", counted(of, "look"))
            } else {
                format!("{noun}: resident memory is not known, so nobody can tell what it does")
            };
            Finding::aside(COVERAGE, Level::Warn, message)
        }));
    }
    if ledger.end.is_none() {
        findings.push(gap("the recording ends before the observation does".to_owned()));
    }
    findings
}

/// What a process leaves to its children is not seen without them.
fn children(ledger: &ObservationLedger) -> Option<Finding> {
    let most = ledger.unobserved_children_max();
    let message = format!("up to {}: --tree observes them too", unobserved_children(most));
    (most > 0).then(|| Finding::aside(COVERAGE, Level::Warn, message))
}

/// `1 child process was not observed`, `3 child processes were not observed`.
pub fn unobserved_children(children: u64) -> String {
    let (processes, were) = if children == 1 { ("process", "was") } else { ("processes", "were") };
    format!("{} child {processes} {were} not observed", grouped(children))
}

/// `60 looks in 60 s`.
pub fn sample_summary(ledger: &ObservationLedger) -> String {
    let count = counted(ledger.samples.len() as u64, "look");
    format!("{count} in {}", duration_ms(ledger.observed_ms()))
}

impl Diagnosis {
    /// Judges an observation.
    ///
    /// # Errors
    /// The recording does not say what was observed.
    pub fn of(recording: &ObservationRecording) -> Result<Diagnosis, NoStart> {
        let ledger = ObservationLedger::of(recording)?;
        let accounts = Accounts::of(&ledger);
        let suspects = Suspect::all(&ledger, &accounts);
        let mut findings: Vec<Finding> = Vec::new();
        findings.extend(interruption(&ledger));
        findings.extend(exit(&ledger));
        findings.extend(suspects.iter().filter_map(|suspect| growth(suspect, &accounts)));
        findings.extend(exhaustion(&accounts));
        findings.extend(remarks(&ledger));
        findings.extend(coverage(&ledger, &accounts));
        findings.extend(children(&ledger));
        findings.extend(reservations(&accounts));
        let mut judgement = Judgement::from_findings(findings);
        // Growth that was seen is proved, however the process or the observation came to an end: many
        // a process dies of its leak.
        if judgement.findings.iter().any(|finding| finding.supports == Some(Verdict::Leak)) {
            judgement.verdict = Verdict::Leak;
        }
        Ok(Diagnosis { ledger, accounts, suspects, judgement })
    }

    /// How many resources are of a class.
    pub fn count(&self, class: ResourceClass) -> usize {
        self.accounts.iter().filter(|account| account.class == Some(class)).count()
    }

    /// One resource's account, if it was seen.
    pub fn account(&self, resource: Resource) -> Option<&Account> {
        self.accounts.get(resource)
    }
}
