//! A check, and the verdict that all checks add up to. Pure.

use leakbench_model::exit_code;
use serde::Serialize;

/// The result of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) weight: Weight,
    /// The finding, in a clause.
    pub(super) found: String,
    /// Its consequence for measurements, in a clause.
    pub(super) means: String,
    /// The command that changes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) change: Option<String>,
}

leakbench_model::names! {
    /// The state of what a check tries.
    pub(super) State ("state") {
        Ok = "ok",
        /// Present, but too little for some runs.
        Limited = "limited",
        /// Absent, or it does not work.
        Missing = "missing",
    }
}

leakbench_model::names! {
    /// The importance of a check.
    pub(super) Weight ("weight") {
        /// No measurement is possible without it.
        Needed = "needed",
        /// Some runs are impossible without it.
        Wanted = "wanted",
        /// Everything can be measured without it.
        Extra = "extra",
    }
}

impl State {
    /// The state of a number whose minimum is `wanted`.
    pub(super) fn enough(number: u64, wanted: u64) -> State {
        match number {
            0 => State::Missing,
            number if number < wanted => State::Limited,
            _ => State::Ok,
        }
    }
}

impl Check {
    /// A check of weight [`Weight::Wanted`].
    pub(super) fn new(
        name: &'static str,
        state: State,
        found: impl Into<String>,
        means: impl Into<String>,
    ) -> Check {
        let (found, means) = (found.into(), means.into());
        Check { name, state, weight: Weight::Wanted, found, means, change: None }
    }

    pub(super) fn needed(self) -> Check {
        Check { weight: Weight::Needed, ..self }
    }

    pub(super) fn extra(self) -> Check {
        Check { weight: Weight::Extra, ..self }
    }

    pub(super) fn change(self, command: impl Into<String>) -> Check {
        Check { change: Some(command.into()), ..self }
    }

    /// As [`change`](Self::change), unless the state is ok.
    pub(super) fn remedy(self, command: impl Into<String>) -> Check {
        match self.state {
            State::Ok => self,
            State::Limited | State::Missing => self.change(command),
        }
    }
}

/// The verdict on the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fitness {
    Everything,
    /// It can measure, with these limits.
    But(Vec<String>),
    /// It cannot measure, for these reasons.
    Nothing(Vec<String>),
}

impl Fitness {
    pub(super) fn of(checks: &[Check]) -> Fitness {
        let bad = |fails: fn(&Check) -> bool| -> Vec<String> {
            let checks = checks.iter().filter(|check| fails(check));
            checks.map(|check| format!("{}, {}", check.name, check.found)).collect()
        };
        let missing = bad(|check| check.weight == Weight::Needed && check.state == State::Missing);
        if !missing.is_empty() {
            return Fitness::Nothing(missing);
        }
        let limited = bad(|check| check.weight != Weight::Extra && check.state != State::Ok);
        if limited.is_empty() { Fitness::Everything } else { Fitness::But(limited) }
    }

    /// 0 if the machine can measure, else 4 (inconclusive).
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Fitness::Everything | Fitness::But(_) => exit_code::CLEAN,
            Fitness::Nothing(_) => exit_code::INCONCLUSIVE,
        }
    }

    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Fitness::Everything => "everything",
            Fitness::But(_) => "but",
            Fitness::Nothing(_) => "nothing",
        }
    }

    /// One sentence.
    pub(super) fn headline(&self) -> String {
        match self {
            Fitness::Everything => "this machine can measure everything".to_owned(),
            Fitness::But(limits) => format!("this machine can measure, but: {}", limits.join("; ")),
            Fitness::Nothing(reasons) => {
                format!("this machine cannot measure: {}", reasons.join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn checks() -> impl Strategy<Value = Vec<Check>> {
        let state = prop::sample::select(State::ALL.to_vec());
        let weight = prop::sample::select(Weight::ALL.to_vec());
        let check = (state, weight).prop_map(|(state, weight)| Check {
            weight,
            ..Check::new("name", state, "found", "means")
        });
        prop::collection::vec(check, 0..8)
    }

    proptest! {
        #[test]
        fn only_a_missing_needed_check_prevents_measurements(checks in checks()) {
            let is = |check: &Check, weight, state| (check.weight, check.state) == (weight, state);
            let stops = checks.iter().any(|check| is(check, Weight::Needed, State::Missing));
            let fine = checks.iter().all(|c| c.weight == Weight::Extra || c.state == State::Ok);
            let fitness = Fitness::of(&checks);
            prop_assert_eq!(fitness.exit_code() == 4, stops);
            prop_assert_eq!(fitness == Fitness::Everything, fine);
        }
    }

    #[test]
    fn the_headline_names_the_checks_that_failed() {
        let few = Check::new("open files", State::Limited, "RLIMIT_NOFILE is 16", "");
        let none = Check::new("memfd", State::Missing, "refused", "").needed();
        for (checks, expected) in [
            (&[][..], "this machine can measure everything"),
            (&[&few], "this machine can measure, but: open files, RLIMIT_NOFILE is 16"),
            (&[&few, &none], "this machine cannot measure: memfd, refused"),
        ] {
            let checks: Vec<Check> = checks.iter().copied().cloned().collect();
            assert_eq!(Fitness::of(&checks).headline(), expected);
        }
    }
}
