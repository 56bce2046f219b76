//! Recordings of leakbench runs, and what is judged and drawn from them.

pub mod recording;
