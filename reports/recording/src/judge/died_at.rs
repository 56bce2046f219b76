//! Policy `died-at`: a subject that ended at a limit of the kernel, read back as what it leaked a
//! cycle. `(65,530 mappings allowed − 62 at rest) / 21,822 cycles = 3 mappings a cycle` says where to
//! look: what one cycle makes three of.
//!
//! A warning beside the finding that the subject died, which it explains and does not decide. It
//! keeps silent where the numbers do not fit: where the subject was seen far below the limit, or
//! seen not to grow with its cycles.

use serde_json::{Map, Value};

use super::{Finding, Level};
use crate::ledger::{Ledger, SubjectLedger};
use crate::recording::{Exit, ExitKind, Footprint};
use leakbench_model::text::{counted, grouped};

pub(super) const POLICY: &str = "died-at";

/// Beyond what cycles leave behind and what is of live modules, a subject may have so many more
/// than at rest: what each of its threads has, and what is opened or mapped once.
const ONCE: u64 = 8;
const ONCE_A_THREAD: u64 = 4;

/// What it had at rest and has given up, or what does not count: `[vsyscall]` is a line of maps
/// and no mapping.
const LESS_THAN_AT_REST: u64 = 3;

/// A quotient can be told to be a whole number if what is had once moves it by at most this.
const WHOLE_WITHIN: f64 = 0.1;

/// A look says something about growth once so many should have been there.
const GROWTH_TOLD: f64 = 32.0;

/// The part of the growth that was to be seen which must have been.
const GROWTH_SEEN: f64 = 0.5;

/// A subject that leaves without a word was at the limit if it was seen this close to it.
const AT_LIMIT: f64 = 0.9;

pub(super) fn judge(ledger: &Ledger) -> Vec<Finding> {
    let told = deaths(ledger).map(|(subject, limit, death)| {
        let message = format!("subject {} {}", subject.number, death.told(limit));
        Finding::aside(POLICY, Level::Warn, message)
    });
    told.collect()
}

/// A setting of the machine, and what it allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelLimit {
    /// `vm.max_map_count` or `RLIMIT_NOFILE`.
    pub name: &'static str,
    /// What it was.
    pub max: u64,
}

/// The limit that the first of the dead subjects met, where the numbers say that it met one.
pub fn limit_reached(ledger: &Ledger) -> Option<KernelLimit> {
    let (_, limit, _) = deaths(ledger).next()?;
    Some(KernelLimit { name: limit.kind.setting(), max: limit.most })
}

/// Subjects that died at a limit.
fn deaths(ledger: &Ledger) -> impl Iterator<Item = (&SubjectLedger, Limit, Death)> {
    let once = ONCE + ONCE_A_THREAD * u64::from(ledger.start.scenario.threads.get());
    let dead = ledger.subjects.iter().filter(|subject| subject.died());
    dead.filter_map(move |subject| {
        let limits = Limit::of(&ledger.start.fingerprint);
        limits.into_iter().flatten().find_map(|limit| {
            let exit = subject.exit.as_ref()?;
            Some((subject, limit, Death::at(limit, subject, exit, once)?))
        })
    })
}

/// What a process may have so many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mappings,
    Descriptors,
}

/// A limit of the machine that the run was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    kind: Kind,
    most: u64,
}

impl Limit {
    /// Those that the fingerprint tells of.
    fn of(fingerprint: &Map<String, Value>) -> [Option<Limit>; 2] {
        let mappings = fingerprint.get("max_map_count").and_then(Value::as_u64);
        // "unlimited" is no number.
        let fds = fingerprint.get("open_files").and_then(|limit| limit.get("soft")?.as_u64());
        [
            mappings.map(|most| Limit { kind: Kind::Mappings, most }),
            fds.map(|most| Limit { kind: Kind::Descriptors, most }),
        ]
    }
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Kind::Mappings => "mapping",
            Kind::Descriptors => "descriptor",
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Kind::Mappings => "vm.max_map_count",
            Kind::Descriptors => "RLIMIT_NOFILE",
        }
    }

    fn had(self, footprint: &Footprint) -> Option<u64> {
        match self {
            Kind::Mappings => footprint.mappings,
            Kind::Descriptors => footprint.fds,
        }
    }

    /// Whether the kernel's answer at this limit is in a runtime's words: as `strerror` has it, or
    /// Rust or C with the number.
    fn is_named_in(self, error: &str) -> bool {
        let (words, number, name) = match self {
            Kind::Mappings => ("Cannot allocate memory", 12, "ENOMEM"),
            Kind::Descriptors => ("Too many open files", 24, "EMFILE"),
        };
        // "Too many open files in system" is ENFILE: everybody's table, not this process's.
        let words_alone = || error.contains(words) && !error.contains("open files in system");
        let numbered = |word: &str| error.contains(&format!("{word} {number})"));
        words_alone() || numbered("os error") || numbered("errno") || error.contains(name)
    }
}

/// A death at a limit, as far as the numbers show it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Death {
    /// Cycles done by then.
    cycles: u64,
    at_rest: u64,
    /// Held by modules that lived: not leaked.
    live: u64,
    a_cycle: ACycle,
}

/// What each cycle left behind.
#[derive(Clone, Copy, Debug, PartialEq)]
enum ACycle {
    /// So many, each time.
    Whole(u64),
    /// So many on average.
    About(f64),
}

impl Death {
    /// Whether the subject died at that limit; `once` is how many it may have got once.
    fn at(limit: Limit, subject: &SubjectLedger, exit: &Exit, once: u64) -> Option<Death> {
        let kind = limit.kind;
        let cycles = subject.counts.cycles;
        let at_rest = kind.had(&subject.at_rest)?;
        // An image that lives holds a descriptor; how many mappings it has, nobody knows here.
        let live = match kind {
            Kind::Mappings => 0,
            Kind::Descriptors => subject.counts.live,
        };
        let left = limit.most.checked_sub(at_rest)?.checked_sub(live)?;
        if cycles == 0 || left <= once {
            return None;
        }
        let growth = left as f64 / cycles as f64;
        let a_cycle = ACycle::of(left, cycles, once);
        let seen = Seen::of(limit, subject, at_rest, growth);
        let named = match &exit.how {
            ExitKind::Failed { error } | ExitKind::ProtocolViolation { line: error } => {
                if !kind.is_named_in(error) {
                    return None;
                }
                true
            }
            ExitKind::Exited { .. } | ExitKind::Signaled { .. } => false,
            ExitKind::Hung { .. } | ExitKind::Done | ExitKind::Stopped => return None,
        };
        let fits = match (named, kind, seen) {
            (_, _, Seen::Otherwise) => false,
            (_, _, Seen::AtLimit) => true,
            (true, _, Seen::Growing) => true,
            // Descriptors have one limit that is told so.
            (true, Kind::Descriptors, Seen::Nothing) => true,
            // Memory is refused for many a reason: the number alone must speak.
            (true, Kind::Mappings, Seen::Nothing) => matches!(a_cycle, ACycle::Whole(_)),
            (false, _, Seen::Growing | Seen::Nothing) => false,
        };
        fits.then_some(Death { cycles, at_rest, live, a_cycle })
    }

    /// `died after 21,822 cycles: (65,530 mappings allowed − 62 at rest) / 21,822 cycles = 3 mappings a
    /// cycle (vm.max_map_count)`
    fn told(&self, limit: Limit) -> String {
        let noun = limit.kind.noun();
        let live = match self.live {
            0 => String::new(),
            live => format!(" − {} of live modules", grouped(live)),
        };
        let a_cycle = match self.a_cycle {
            ACycle::Whole(number) => format!("= {}", counted(number, noun)),
            ACycle::About(number) => format!("is about {} {noun}s", short(number)),
        };
        let cycles = counted(self.cycles, "cycle");
        format!(
            "died after {cycles}: ({} allowed − {} at rest{live}) / {cycles} {a_cycle} a cycle ({})",
            counted(limit.most, noun),
            grouped(self.at_rest),
            limit.kind.setting(),
        )
    }
}

impl ACycle {
    /// What `left` over so many cycles comes to, `once` of it at most being no part of what each
    /// leaves behind.
    fn of(left: u64, cycles: u64, once: u64) -> ACycle {
        let about = left as f64 / cycles as f64;
        let whole = about.round().max(1.0);
        let excess = left as f64 - whole * cycles as f64;
        // The cycle that failed is not among those that are done, and may have made all but one.
        let slack = once as f64 + whole;
        let explained = -(LESS_THAN_AT_REST as f64)..=slack;
        if slack <= WHOLE_WITHIN * cycles as f64 && explained.contains(&excess) {
            ACycle::Whole(whole as u64)
        } else {
            ACycle::About(about)
        }
    }
}

/// What the last look from outside says about a death at a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// There was none, or too early to say.
    Nothing,
    /// The growth that leads to the limit, on its way.
    Growing,
    /// The limit, nearly met.
    AtLimit,
    /// Something else: less growth than that, or more than the limit would allow.
    Otherwise,
}

impl Seen {
    fn of(limit: Limit, subject: &SubjectLedger, at_rest: u64, growth: f64) -> Seen {
        // The last moment is of a subject that is gone, and shows nothing.
        let mut moments = subject.samples.iter().rev();
        let seen = moments
            .find_map(|moment| Some((moment.counts.cycles, limit.kind.had(&moment.footprint)?)));
        let Some((cycles, had)) = seen else { return Seen::Nothing };
        if had > limit.most.saturating_add(LESS_THAN_AT_REST) {
            return Seen::Otherwise;
        }
        let due = growth * cycles as f64;
        let grown = had.saturating_sub(at_rest) as f64;
        if due >= GROWTH_TOLD && grown < due * GROWTH_SEEN {
            Seen::Otherwise
        } else if had as f64 >= limit.most as f64 * AT_LIMIT {
            Seen::AtLimit
        } else if due >= GROWTH_TOLD {
            Seen::Growing
        } else {
            Seen::Nothing
        }
    }
}

/// Two decimals, or what it takes to be no zero.
fn short(number: f64) -> String {
    if number >= 0.01 { format!("{number:.2}") } else { format!("{number:.1e}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_kernels_answers_are_known_in_any_runtimes_words() {
        for words in [
            "cannot create a memfd for a memory image (Too many open files (os error 24)); ...",
            "EMFILE: too many open files, memfd_create",
            "OSError: [Errno 24] Too many open files",
            "mmap failed (errno 24)",
        ] {
            assert!(Kind::Descriptors.is_named_in(words), "{words}");
            assert!(!Kind::Mappings.is_named_in(words), "{words}");
        }
        for words in [
            "cannot map a memory of 65536 bytes into slot 7 (Cannot allocate memory (os error 12)",
            "mmap failed: ENOMEM",
        ] {
            assert!(Kind::Mappings.is_named_in(words), "{words}");
            assert!(!Kind::Descriptors.is_named_in(words), "{words}");
        }
        for words in ["all 1000 slots are in use", "Too many open files in system", "os error 125)"]
        {
            assert!(!Kind::Mappings.is_named_in(words), "{words}");
            assert!(!Kind::Descriptors.is_named_in(words), "{words}");
        }
    }

    proptest! {
        /// Whatever is leaked a cycle is read back, whatever was had once and whatever the cycle
        /// that failed had made.
        #[test]
        fn a_leak_of_whole_numbers_is_read_back(
            leaked in 1u64..20, cycles in 1u64..1_000_000, once in 0u64..20,
            had in 0u64..20, begun in 0u64..20,
        ) {
            let left = leaked * cycles + had.min(once) + begun.min(leaked - 1);
            match ACycle::of(left, cycles, once) {
                ACycle::Whole(number) => prop_assert_eq!(number, leaked),
                // Too few cycles to tell.
                ACycle::About(_) => prop_assert!(cycles < 10 * (once + leaked + 1)),
            }
        }

        /// A growth that is no whole number is never told as one.
        #[test]
        fn a_fraction_is_no_whole_number(
            leaked in 0u64..20, part in 0.11f64..0.9, cycles in 1u64..1_000_000, once in 0u64..20,
        ) {
            let left = ((leaked as f64 + part) * cycles as f64) as u64;
            let is_whole = matches!(ACycle::of(left, cycles, once), ACycle::Whole(_));
            prop_assert!(!is_whole);
        }
    }
}
