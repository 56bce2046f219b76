//! The five ways in which a run can be judged, and the exit code of each.

use serde::Serialize;

/// What a run came to. Later ones outweigh earlier ones: a leak that is proved is a leak whatever
/// else is unknown, and of a subject that died no more than that can be said. (Of an observed process
/// a leak that was seen is the verdict, whatever its end.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The kernel released every image of a dropped module.
    Clean,
    /// A witness failed, or did not see enough.
    Inconclusive,
    /// Images lingered.
    Leak,
    /// The subject crashed, failed, was killed or hung.
    SubjectDied,
    /// Its user ended the run.
    Interrupted,
}

impl Verdict {
    /// The exit code of leakbench. 2 is no verdict: it stands for wrong use.
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Clean => 0,
            Verdict::Leak => 1,
            Verdict::SubjectDied => 3,
            Verdict::Inconclusive => 4,
            Verdict::Interrupted => 130,
        }
    }

    /// The spelling used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Clean => "clean",
            Verdict::Leak => "leak",
            Verdict::SubjectDied => "subject-died",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Interrupted => "interrupted",
        }
    }
}
