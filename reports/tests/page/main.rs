//! The HTML report: its markup, and its behaviour in a real browser.
//!
//! Without a Chromium the tests in a browser are skipped with a note on stderr.
//! `LEAKBENCH_CHROMIUM=require` makes that a failure; `LEAKBENCH_CHROMIUM=PATH` names the program.

mod appearance;
mod browser;
mod driven;
mod fixture;
mod markup;
mod paper;
