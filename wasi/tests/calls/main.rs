//! The functions of WASI preview 1, called by a guest.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

mod descriptors;
mod directories;
mod guest;
mod hostile;
mod others;
mod sandbox;
