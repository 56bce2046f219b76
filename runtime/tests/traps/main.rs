//! Traps of every kind, on every kind of thread; signals that are not the guest's.

#![allow(clippy::unwrap_used, reason = "a test")]

mod guest;
mod kinds;
mod nesting;
mod not_the_guests;
mod sys;
mod threads;
