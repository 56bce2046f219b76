//! Traps of all kinds on all kinds of threads, and signals that are not traps of guests.

#![allow(clippy::unwrap_used, reason = "a test")]

mod control;
mod guest;
mod kinds;
mod nesting;
mod other_signals;
mod sys;
mod threads;
