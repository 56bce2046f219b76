//!

pub mod kernel;
