//! The planted kinds: what leaks in each, and what the judge must find there.

mod observations;
mod runs;

use leakbench_model::{Reason, Resource};

pub(super) use self::runs::FLAGS;

/// A run or an observation of something that leaks on purpose, or that resembles a leak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// What the subject leaves behind, in words.
    pub(super) what: &'static str,
    pub(super) expected: Expected,
    pub(super) trial: TrialKind,
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub(super) enum TrialKind {
    /// A run with plants.
    Run {
        /// Slots of the pool.
        slots: &'static str,
        /// Flags of the run, beside those of all cases.
        flags: &'static [&'static str],
    },
    /// An observation of a program with a habit.
    Observation {
        habit: &'static str,
        /// The observations that may be made beside it.
        beside: Beside,
    },
}

/// The observations that may be made beside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// Any.
    All,
    /// None whose objects the kernel allows a user a small number of.
    OtherLimits,
    /// None: the kernel counts its objects for the user, so all observations see them, also those that are none
    /// of this test. It is made only if the user names it.
    None,
}

/// The finding that a case must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Images linger, held so; at the end exactly those that the subject kept.
    Lingering(Reason),
    /// A resource grows with the cycles.
    Growth(Resource),
    /// Guests left descriptors open.
    GuestDescriptors,
    /// Images are released late. A barrier may find some that linger.
    Late,
    /// These resources of an observed process leak. A finding names the first.
    Leak(&'static [Resource]),
    /// A resource of an observed process fills what is mapped, which may be a leak or not.
    Filling(Resource),
    /// None: the verdict is clean.
    Nothing,
}

impl Case {
    /// True for an observation whose objects all observations of its user see.
    pub(super) fn is_alone(&self) -> bool {
        matches!(self.trial, TrialKind::Observation { beside: Beside::None, .. })
    }
}

/// Every case.
pub(crate) fn cases() -> impl Iterator<Item = &'static Case> {
    runs::CASES.iter().chain(observations::CASES)
}

use Expected::{Filling, Growth, GuestDescriptors, Late, Leak, Lingering, Nothing};

impl Expected {
    /// True if the subject leaves more and more behind.
    pub(super) fn is_leak(self) -> bool {
        !matches!(self, Nothing | Filling(_))
    }

    /// The finding in words.
    pub(super) fn in_words(self) -> String {
        match self {
            Lingering(reason) => format!("images held by {}", reason.plural()),
            Growth(resource) => format!("growth of {}", resource.noun()),
            GuestDescriptors => "descriptors of dropped guests".to_owned(),
            Late => "late releases".to_owned(),
            Leak(resources) => {
                let nouns: Vec<&str> = resources.iter().map(|resource| resource.noun()).collect();
                format!("growth of {}", nouns.join(" and "))
            }
            Filling(resource) => format!("filling by {}", resource.noun()),
            Nothing => "nothing".to_owned(),
        }
    }

    /// True if the runs need a module with WASI.
    pub(super) fn needs_wasi(self) -> bool {
        self == GuestDescriptors
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_cases_of_the_short_test_exist() {
        for name in super::super::SHORT {
            assert!(cases().any(|case| case.name == name), "{name}");
        }
    }

    #[test]
    fn each_case_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = cases().map(|case| case.name).collect();
        assert_eq!(names.len(), cases().count());
    }
}
