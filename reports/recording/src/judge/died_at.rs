//! Rule `died-at`: a subject that died at a limit of the kernel, converted to leaked objects a
//! cycle.
//!
//! `(65,530 mappings allowed − 62 at rest) / 21,822 cycles = 3 mappings a cycle` says what to
//! search for: the three mappings that one cycle makes.
//!
//! It is a warning that explains the death and decides nothing. It is omitted if the numbers do
//! not fit: if the last sample was far below the limit, or did not grow with the cycles.

use leakbench_model::text::{counted, grouped};
use leakbench_model::{Footprint, Resource};
use serde_json::{Map, Value};

use super::{Finding, Rule};
use crate::ledger::{Ledger, SubjectLedger, SubjectSample};
use crate::recording::{Exit, ExitKind};

pub(super) const RULE: Rule<Ledger> = Rule { name: "died-at", judge };

/// Objects that a subject may have beyond rest, live modules and leaks: those made once.
const ONCE: u64 = 8;
/// The same for each thread.
const ONCE_PER_THREAD: u64 = 4;

/// Objects at rest that were given back or do not count: `[vsyscall]` is a line of maps but no
/// mapping.
const FEWER_THAN_AT_REST: u64 = 3;

/// A quotient is taken as a whole number if objects made once change it by at most this.
const WHOLE_WITHIN: f64 = 0.1;

/// Expected growth from which on a sample is evidence for or against growth.
const EXPECTED_MIN: f64 = 32.0;

/// Minimum ratio of observed to expected growth.
const OBSERVED_RATIO_MIN: f64 = 0.5;

/// A subject that reported no error was at the limit if its last sample was this close to it.
const AT_LIMIT: f64 = 0.9;

fn judge(ledger: &Ledger) -> Vec<Finding> {
    let findings = deaths(ledger).map(|(subject, limit, death)| {
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

/// The limit at which the first dead subject died; `None` if no death was at a limit.
pub fn limit_reached(ledger: &Ledger) -> Option<KernelLimit> {
    let (_, limit, _) = deaths(ledger).next()?;
    Some(KernelLimit { name: limit.objects.setting(), max: limit.max })
}

/// Subjects that died at a limit.
fn deaths(ledger: &Ledger) -> impl Iterator<Item = (&SubjectLedger, Limit, Death)> {
    let once = ONCE + ONCE_PER_THREAD * u64::from(ledger.start.scenario.threads.get());
    let dead = ledger.subjects.iter().filter(|subject| subject.died());
    dead.filter_map(move |subject| {
        let limits = Limit::of(&ledger.start.fingerprint);
        limits.into_iter().flatten().find_map(|limit| {
            let exit = subject.exit.as_ref()?;
            Some((subject, limit, Death::at(limit, subject, exit, once)?))
        })
    })
}

/// Objects that a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Objects {
    Mappings,
    Descriptors,
}

/// A limit of the machine of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    objects: Objects,
    max: u64,
}

impl Limit {
    /// The limits in the fingerprint.
    fn of(fingerprint: &Map<String, Value>) -> [Option<Limit>; 2] {
        let mappings = fingerprint.get("max_map_count").and_then(Value::as_u64);
        // "unlimited" is not a number.
        let fds = fingerprint.get("open_files").and_then(|limit| limit.get("soft")?.as_u64());
        [
            mappings.map(|max| Limit { objects: Objects::Mappings, max }),
            fds.map(|max| Limit { objects: Objects::Descriptors, max }),
        ]
    }
}

impl Objects {
    fn noun(self) -> &'static str {
        match self {
            Objects::Mappings => "mapping",
            Objects::Descriptors => "descriptor",
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Objects::Mappings => "vm.max_map_count",
            Objects::Descriptors => "RLIMIT_NOFILE",
        }
    }

    fn count(self, footprint: &Footprint) -> Option<u64> {
        match self {
            Objects::Mappings => footprint.of(Resource::Mappings),
            Objects::Descriptors => footprint.of(Resource::Fds),
        }
    }

    /// True if a runtime's error contains the error of the kernel at this limit: the text of
    /// `strerror`, or the number as Rust and C print it.
    fn is_named_in(self, error: &str) -> bool {
        let (words, number, name) = match self {
            Objects::Mappings => ("Cannot allocate memory", 12, "ENOMEM"),
            Objects::Descriptors => ("Too many open files", 24, "EMFILE"),
        };
        // "Too many open files in system" is ENFILE, the limit of the whole system.
        let has_text = || error.contains(words) && !error.contains("open files in system");
        let numbered = |word: &str| error.contains(&format!("{word} {number})"));
        has_text() || numbered("os error") || numbered("errno") || error.contains(name)
    }
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

/// Objects that each cycle leaked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum PerCycle {
    /// The same number in each cycle.
    Whole(u64),
    /// An average.
    About(f64),
}

impl Death {
    /// `None` if the subject did not die at that limit. `once` is the number of objects that it
    /// may have made once.
    fn at(limit: Limit, subject: &SubjectLedger, exit: &Exit, once: u64) -> Option<Death> {
        let objects = limit.objects;
        let cycles = subject.counts.cycles;
        let at_rest = objects.count(&subject.at_rest)?;
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
        let named = match &exit.how {
            ExitKind::Failed { error } | ExitKind::ProtocolViolation { line: error } => {
                if !objects.is_named_in(error) {
                    return None;
                }
                true
            }
            ExitKind::Exited { .. } | ExitKind::Signaled { .. } => false,
            ExitKind::Hung { .. } | ExitKind::Done | ExitKind::Stopped => return None,
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
            PerCycle::About(number) => format!("is about {} {noun}s", short(number)),
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

impl PerCycle {
    /// The quotient of `left` objects and `cycles`, of which up to `once` objects were made once.
    fn of(left: u64, cycles: u64, once: u64) -> PerCycle {
        let about = left as f64 / cycles as f64;
        let whole = about.round().max(1.0);
        let excess = left as f64 - whole * cycles as f64;
        // The cycle that failed is not counted, and may have made all of its objects but one.
        let slack = once as f64 + whole;
        let explained = -(FEWER_THAN_AT_REST as f64)..=slack;
        if slack <= WHOLE_WITHIN * cycles as f64 && explained.contains(&excess) {
            PerCycle::Whole(whole as u64)
        } else {
            PerCycle::About(about)
        }
    }
}

/// Evidence of the last sample for a death at a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    /// There is no sample, or it was too early.
    Missing,
    /// It grew at the rate that leads to the limit.
    Growing,
    /// It was close to the limit.
    AtLimit,
    /// It grew less, or had more than the limit allows.
    Against,
}

impl Evidence {
    fn of(limit: Limit, subject: &SubjectLedger, at_rest: u64, growth: f64) -> Evidence {
        // The last sample may be of a dead process and then has no count; one that is exiting has
        // closed its descriptors, of which a subject has some.
        let is_alive = |sample: &&SubjectSample| sample.footprint.of(Resource::Fds) != Some(0);
        let mut samples = subject.samples.iter().rev().filter(is_alive);
        let last = samples.find_map(|sample| {
            Some((sample.counts.cycles, limit.objects.count(&sample.footprint)?))
        });
        let Some((cycles, count)) = last else { return Evidence::Missing };
        if count > limit.max.saturating_add(FEWER_THAN_AT_REST) {
            return Evidence::Against;
        }
        let expected = growth * cycles as f64;
        let grown = count.saturating_sub(at_rest) as f64;
        if expected >= EXPECTED_MIN && grown < expected * OBSERVED_RATIO_MIN {
            Evidence::Against
        } else if count as f64 >= limit.max as f64 * AT_LIMIT {
            Evidence::AtLimit
        } else if expected >= EXPECTED_MIN {
            Evidence::Growing
        } else {
            Evidence::Missing
        }
    }
}

/// Two decimals, or scientific notation for small numbers.
fn short(number: f64) -> String {
    if number >= 0.01 { format!("{number:.2}") } else { format!("{number:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_kernels_errors_are_found_in_any_runtimes_messages() {
        for error in [
            "cannot create a memfd for a memory image (Too many open files (os error 24)); ...",
            "EMFILE: too many open files, memfd_create",
            "OSError: [Errno 24] Too many open files",
            "mmap failed (errno 24)",
        ] {
            assert!(Objects::Descriptors.is_named_in(error), "{error}");
            assert!(!Objects::Mappings.is_named_in(error), "{error}");
        }
        for error in [
            "cannot map a memory of 65536 bytes into slot 7 (Cannot allocate memory (os error 12)",
            "mmap failed: ENOMEM",
        ] {
            assert!(Objects::Mappings.is_named_in(error), "{error}");
            assert!(!Objects::Descriptors.is_named_in(error), "{error}");
        }
        for error in ["all 1000 slots are in use", "Too many open files in system", "os error 125)"]
        {
            assert!(!Objects::Mappings.is_named_in(error), "{error}");
            assert!(!Objects::Descriptors.is_named_in(error), "{error}");
        }
    }

    proptest! {
        /// The number of objects a cycle is found for any number made once or in the last cycle.
        #[test]
        fn a_whole_number_a_cycle_is_found(
            leaked in 1u64..20, cycles in 1u64..1_000_000, once in 0u64..20,
            made_once in 0u64..20, begun in 0u64..20,
        ) {
            let left = leaked * cycles + made_once.min(once) + begun.min(leaked - 1);
            match PerCycle::of(left, cycles, once) {
                PerCycle::Whole(number) => prop_assert_eq!(number, leaked),
                // Too few cycles.
                PerCycle::About(_) => prop_assert!(cycles < 10 * (once + leaked + 1)),
            }
        }

        /// A fraction is never taken for a whole number.
        #[test]
        fn a_fraction_is_no_whole_number(
            leaked in 0u64..20, part in 0.11f64..0.9, cycles in 1u64..1_000_000, once in 0u64..20,
        ) {
            let left = ((leaked as f64 + part) * cycles as f64) as u64;
            let is_whole = matches!(PerCycle::of(left, cycles, once), PerCycle::Whole(_));
            prop_assert!(!is_whole);
        }
    }
}
