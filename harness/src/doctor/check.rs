//! One check and what all of them come to. Pure.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) weight: Weight,
    /// What was found, in a clause.
    pub(super) found: String,
    /// What that means for measuring, in a clause.
    pub(super) means: String,
    /// The command that changes it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) change: Option<String>,
}

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// There, and less than some runs need.
    Limited,
    /// Not there, or it does not work.
    Missing,
}

/// What hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Weight {
    /// Without it there is no measurement.
    Needed,
    /// Without it some runs are not possible.
    Wanted,
    /// It is good to have: all can be measured without it.
    Extra,
}

impl State {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Limited => "limited",
            State::Missing => "missing",
        }
    }
}

impl Check {
    /// A check of that name; by itself it is wanted.
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

    /// With the command that changes it.
    pub(super) fn change(self, command: impl Into<String>) -> Check {
        Check { change: Some(command.into()), ..self }
    }

    /// As [`change`](Self::change), unless all is well.
    pub(super) fn remedy(self, command: impl Into<String>) -> Check {
        match self.state {
            State::Ok => self,
            State::Limited | State::Missing => self.change(command),
        }
    }
}

/// All that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diagnosis {
    pub(super) checks: Vec<Check>,
}

/// What the machine is fit for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fitness {
    /// Everything.
    Everything,
    /// Measuring, but for what these say.
    But(Vec<String>),
    /// Nothing, for these reasons.
    Nothing(Vec<String>),
}

impl Diagnosis {
    /// What the checks come to.
    pub(super) fn fitness(&self) -> Fitness {
        let bad = |fails: fn(&Check) -> bool| -> Vec<String> {
            let checks = self.checks.iter().filter(|check| fails(check));
            checks.map(|check| format!("{}, {}", check.name, check.found)).collect()
        };
        let missing = bad(|check| check.weight == Weight::Needed && check.state == State::Missing);
        if !missing.is_empty() {
            return Fitness::Nothing(missing);
        }
        let limited = bad(|check| check.weight != Weight::Extra && check.state != State::Ok);
        if limited.is_empty() { Fitness::Everything } else { Fitness::But(limited) }
    }
}

impl Fitness {
    /// 0 where something can be measured, 4 ("inconclusive") where nothing can.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Fitness::Everything | Fitness::But(_) => 0,
            Fitness::Nothing(_) => 4,
        }
    }

    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Fitness::Everything => "everything",
            Fitness::But(_) => "but",
            Fitness::Nothing(_) => "nothing",
        }
    }

    /// In a sentence.
    pub(super) fn headline(&self) -> String {
        match self {
            Fitness::Everything => "this machine can measure everything".to_owned(),
            Fitness::But(what) => format!("this machine can measure, but: {}", what.join("; ")),
            Fitness::Nothing(why) => format!("this machine cannot measure: {}", why.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn checks() -> impl Strategy<Value = Vec<Check>> {
        let state = prop_oneof![Just(State::Ok), Just(State::Limited), Just(State::Missing)];
        let weight = prop_oneof![Just(Weight::Needed), Just(Weight::Wanted), Just(Weight::Extra)];
        let check = (state, weight).prop_map(|(state, weight)| Check {
            weight,
            ..Check::new("name", state, "found", "means")
        });
        prop::collection::vec(check, 0..8)
    }

    proptest! {
        #[test]
        fn only_what_is_needed_and_missing_keeps_a_machine_from_measuring(checks in checks()) {
            let is = |check: &Check, weight, state| (check.weight, check.state) == (weight, state);
            let stops = checks.iter().any(|check| is(check, Weight::Needed, State::Missing));
            let fine = checks.iter().all(|c| c.weight == Weight::Extra || c.state == State::Ok);
            let fitness = Diagnosis { checks }.fitness();
            prop_assert_eq!(fitness.exit_code() == 4, stops);
            prop_assert_eq!(fitness == Fitness::Everything, fine);
        }
    }

    #[test]
    fn the_last_line_says_what_and_why() {
        let few = Check::new("open files", State::Limited, "RLIMIT_NOFILE is 16", "");
        let none = Check::new("memfd", State::Missing, "refused", "").needed();
        let diagnosis =
            |checks: &[&Check]| Diagnosis { checks: checks.iter().copied().cloned().collect() };
        for (checks, expected) in [
            (&[][..], "this machine can measure everything"),
            (&[&few], "this machine can measure, but: open files, RLIMIT_NOFILE is 16"),
            (&[&few, &none], "this machine cannot measure: memfd, refused"),
        ] {
            assert_eq!(diagnosis(checks).fitness().headline(), expected);
        }
    }
}
