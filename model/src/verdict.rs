//! The verdict on a run or an observation, and the exit codes.

crate::names! {
    /// The verdict on a run or an observation. Of several findings the last in this order decides.
    ///
    /// A leak that is proved outweighs what is unknown; of a subject that died nothing more can be
    /// said. (Of an observed process a leak that was seen is the verdict, however it ended.)
    #[derive(PartialOrd, Ord)]
    Verdict ("verdict") {
        /// The kernel released every image of a dropped module.
        Clean = "clean",
        /// The measurement cannot be trusted: a witness failed, or did not see enough.
        Inconclusive = "inconclusive",
        /// Images lingered, or a resource grew without bound.
        Leak = "leak",
        /// The subject crashed, failed, was killed or hung.
        SubjectDied = "subject-died",
        /// The user ended the run.
        Interrupted = "interrupted",
    }
}

impl Verdict {
    /// The exit code of leakbench.
    pub const fn exit_code(self) -> u8 {
        match self {
            Verdict::Clean => exit_code::CLEAN,
            Verdict::Leak => exit_code::LEAK,
            Verdict::SubjectDied => exit_code::SUBJECT_DIED,
            Verdict::Inconclusive => exit_code::INCONCLUSIVE,
            Verdict::Interrupted => exit_code::INTERRUPTED,
        }
    }
}

/// The exit codes of every command.
pub mod exit_code {
    /// Clean; the gate passed; the machine can measure.
    pub const CLEAN: u8 = 0;
    /// A leak, or a budget exceeded.
    pub const LEAK: u8 = 1;
    /// Wrong use or bad input: the command did nothing, or could not keep a clean result.
    pub const WRONG_USE: u8 = 2;
    /// The subject died or hung.
    pub const SUBJECT_DIED: u8 = 3;
    /// Inconclusive; the machine cannot measure.
    pub const INCONCLUSIVE: u8 = 4;
    /// The user ended the run (128 + SIGINT, as shells have it).
    pub const INTERRUPTED: u8 = 130;
}
