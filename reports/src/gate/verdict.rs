//! The verdict of the gate, with the exit code of each.

use leakbench_model::exit_code;

leakbench_model::names! {
    /// The verdict of the gate: the gravest of the policies of level error. A run that is only slow is
    /// `fail`, and no leak.
    ///
    /// A later one outweighs an earlier one.
    #[derive(PartialOrd, Ord)]
    GateVerdict ("gate verdict") {
        /// Every policy of level error passed.
        Pass = "pass",
        /// A policy of level error cannot be decided, or a run was not measured to its end.
        Inconclusive = "inconclusive",
        /// A policy of level error failed at one attempt and passed at another.
        Flaky = "flaky",
        /// A policy of level error failed at every attempt.
        Fail = "fail",
        /// The subject of a run crashed, failed, was killed or hung.
        SubjectDied = "subject-died",
    }
}

impl GateVerdict {
    /// The exit code of `leakbench gate`.
    pub fn exit_code(self) -> u8 {
        match self {
            GateVerdict::Pass => exit_code::CLEAN,
            GateVerdict::Flaky | GateVerdict::Fail => exit_code::LEAK,
            GateVerdict::SubjectDied => exit_code::SUBJECT_DIED,
            GateVerdict::Inconclusive => exit_code::INCONCLUSIVE,
        }
    }

    /// The word that a headline begins with.
    pub(super) fn word(self) -> &'static str {
        match self {
            GateVerdict::Pass => "PASS",
            GateVerdict::Inconclusive => "INCONCLUSIVE",
            GateVerdict::Flaky => "FLAKY",
            GateVerdict::Fail => "FAIL",
            GateVerdict::SubjectDied => "SUBJECT DIED",
        }
    }
}
