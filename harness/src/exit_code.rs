//! The exit codes of every command.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | clean; the gate passed; the machine can measure |
//! | 1 | leak; a budget was exceeded |
//! | 2 | wrong use or bad input |
//! | 3 | the subject died or hung |
//! | 4 | inconclusive; the machine cannot measure |
//! | 130 | interrupted |
//!
//! [`Verdict::exit_code`] has the code of each verdict; this module has those of commands that
//! reach none.
//!
//! [`Verdict::exit_code`]: leakbench_recording::judge::Verdict::exit_code

/// Wrong use or bad input: the command did nothing, or could not keep a clean result.
pub const WRONG_USE: u8 = 2;
