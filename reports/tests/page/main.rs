//! The HTML report: what its markup says, and what it does in a real browser.
//!
//! Without a Chromium the latter is skipped, which is said on stderr. `LEAKBENCH_CHROMIUM=require`
//! makes that a failure, and `LEAKBENCH_CHROMIUM=PATH` names the program.

mod appearance;
mod browser;
mod driven;
mod fixture;
mod markup;
