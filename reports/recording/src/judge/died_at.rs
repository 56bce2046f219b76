//! Rule `died-at`: a subject that died at a limit of the kernel, converted to leaked objects a
//! cycle.
//!
//! `(65,530 mappings allowed − 62 at rest) / 21,822 cycles = 3 mappings a cycle` says what to
//! search for: the three mappings that one cycle makes.
//!
//! It is a warning that explains the death and decides nothing. It is omitted if the numbers do
//! not fit: if the last sample was far below the limit, or did not grow with the cycles.

mod evidence;
mod limit;
mod per_cycle;

use leakbench_model::text::{counted, grouped};

use self::evidence::Evidence;
use self::limit::{Limit, Objects};
use self::per_cycle::PerCycle;
use super::{Finding, Rule};
use crate::ledger::{Ledger, SubjectLedger};
use crate::recording::{Exit, ExitKind};

pub(super) const RULE: Rule<Ledger> = Rule { name: "died-at", judge };

/// Objects that a subject may have beyond rest, live modules and leaks: those made once.
const ONCE: u64 = 8;
/// The same for each thread.
const ONCE_PER_THREAD: u64 = 4;

/// Objects at rest that were given back or do not count: `[vsyscall]` is a line of maps but no
/// mapping.
const FEWER_THAN_AT_REST: u64 = 3;

fn judge(ledger: &Ledger) -> Vec<Finding> {
    let findings = at_limits(ledger).map(|(subject, limit, death)| {
        let message = format!("subject {} {}", subject.number, death.message(limit));
        Finding::warning(RULE.name, message)
    });
    findings.collect()
}

/// A limit of the kernel for a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelLimit {
    /// `vm.max_map_count` or `RLIMIT_NOFILE`.
    pub name: &'static str,
    /// Objects allowed.
    pub max: u64,
}

/// The limit at which a subject died, of several the first; `None` if no death was at a limit.
///
/// Without a leak only the limit of descriptors is known: its error has one cause.
pub fn limit_reached(ledger: &Ledger) -> Option<KernelLimit> {
    let leaked = at_limits(ledger).map(|(_, limit, _)| limit).next();
    let limit = leaked.or_else(|| descriptors_in_use(ledger))?;
    Some(KernelLimit { name: limit.objects.setting(), max: limit.max })
}

/// The limit of descriptors, if a subject failed there.
fn descriptors_in_use(ledger: &Ledger) -> Option<Limit> {
    ledger.deaths().into_iter().find_map(|(subject, exit)| {
        let error = exit.how.error()?;
        let limits = Limit::of(ledger, subject).into_iter().flatten();
        limits
            .filter(|limit| limit.objects == Objects::Descriptors)
            .find(|limit| limit.objects.is_named_in(error))
    })
}

/// Subjects that died at a limit, in the order of their ends.
fn at_limits(ledger: &Ledger) -> impl Iterator<Item = (&SubjectLedger, Limit, Death)> {
    let once = ONCE + ONCE_PER_THREAD * u64::from(ledger.start.scenario.threads.get());
    ledger.deaths().into_iter().filter_map(move |(subject, exit)| {
        let limits = Limit::of(ledger, subject);
        let mut deaths = limits
            .into_iter()
            .flatten()
            .filter_map(|limit| Some((subject, limit, Death::at(limit, subject, exit, once)?)));
        deaths.next()
    })
}

/// A death at a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Death {
    /// Completed cycles.
    cycles: u64,
    at_rest: u64,
    /// Objects of live modules, which are not leaked.
    live: u64,
    per_cycle: PerCycle,
}

impl Death {
    /// `None` if the subject did not die at that limit. `once` is the number of objects that it
    /// may have made once.
    fn at(limit: Limit, subject: &SubjectLedger, exit: &Exit, once: u64) -> Option<Death> {
        let objects = limit.objects;
        let cycles = subject.counts.cycles;
        let at_rest = limit.count(&subject.at_rest)?;
        // A live image has one descriptor. The number of its mappings is unknown here.
        let live = match objects {
            Objects::Mappings => 0,
            Objects::Descriptors => subject.counts.live,
        };
        let left = limit.max.checked_sub(at_rest)?.checked_sub(live)?;
        if cycles == 0 || left <= once {
            return None;
        }
        let growth = left as f64 / cycles as f64;
        let per_cycle = PerCycle::of(left, cycles, once);
        let evidence = Evidence::of(limit, subject, at_rest, growth);
        let named = match (exit.how.error(), &exit.how) {
            (Some(error), _) if !objects.is_named_in(error) => return None,
            (Some(_), _) => true,
            (None, ExitKind::Exited { .. } | ExitKind::Signaled { .. }) => false,
            (None, _) => return None,
        };
        let fits = match (named, objects, evidence) {
            (_, _, Evidence::Against) => false,
            (_, _, Evidence::AtLimit) => true,
            (true, _, Evidence::Growing) => true,
            // EMFILE has one cause.
            (true, Objects::Descriptors, Evidence::Missing) => true,
            // ENOMEM has many causes, so the quotient must be a whole number.
            (true, Objects::Mappings, Evidence::Missing) => matches!(per_cycle, PerCycle::Whole(_)),
            (false, _, Evidence::Growing | Evidence::Missing) => false,
        };
        fits.then_some(Death { cycles, at_rest, live, per_cycle })
    }

    /// `died after 21,822 cycles: (65,530 mappings allowed − 62 at rest) / 21,822 cycles = 3 mappings a
    /// cycle (vm.max_map_count)`
    fn message(&self, limit: Limit) -> String {
        let noun = limit.objects.noun();
        let live = match self.live {
            0 => String::new(),
            live => format!(" − {} of live modules", grouped(live)),
        };
        let per_cycle = match self.per_cycle {
            PerCycle::Whole(number) => format!("= {}", counted(number, noun)),
            PerCycle::About(number) => format!("is about {} {noun}s", per_cycle::short(number)),
        };
        let cycles = counted(self.cycles, "cycle");
        format!(
            "died after {cycles}: ({} allowed − {} at rest{live}) / {cycles} {per_cycle} a cycle ({})",
            counted(limit.max, noun),
            grouped(self.at_rest),
            limit.objects.setting(),
        )
    }
}
