//! Reports of what leakbench recorded: runs, observations and comparisons as pages, pictures and
//! texts, and judged by a budget.
//!
//! ```text
//! Recording ─► Ledger, Judgement ─► Recorded ─► Report ─► draw:   PNG, SVG
//!   (leakbench-recording)              │           └────► render: HTML, terminal, JSON, CSV, …
//!                                      └► gate: Budget ─► Outcome ─► render
//! ```
//!
//! 1. [`recorded::Recorded`] is an output folder, read and judged. Of several runs it has a
//!    [`comparison::Comparison`].
//! 2. [`report::Report`] is the report as data: headline, figures, charts, findings, tables, facts.
//! 3. [`draw`] makes pictures of it, [`render::Format`] all files.
//! 4. [`gate::judge`] judges recordings by a budget. Its [`gate::Outcome`] adds to the files.
//!
//! Each module uses only modules before it: [`headline`] ─► [`comparison`] ─► [`recorded`] ─►
//! [`report`] ─► palette ─► [`draw`] ─► [`render`]. [`gate`] and [`faults`] stand beside the report, and only
//! [`render`] uses them. All of it is a pure function of recordings, so a report can be drawn again,
//! and a run judged again, long after the process is gone. Only [`recorded`] reads files.
//!
//! ```
//! use std::num::NonZeroU32;
//! use std::path::Path;
//!
//! use leakbench_model::Verdict;
//! use leakbench_recording::recording::{RECORDING_VERSION, Record, Recording, Start};
//! use leakbench_reports::recorded::Recorded;
//! use leakbench_reports::render::Format;
//! use leakbench_reports::report::Report;
//! use leakbench_scenarios::{Offer, Options, Scenario};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A run that was cut off right after its start.
//! let scenario = Scenario::new(Options::default(), &Offer::builtin(), NonZeroU32::MIN)?;
//! let start = Start {
//!     version: RECORDING_VERSION,
//!     subject: scenario.subject.to_string(),
//!     runtime: None,
//!     command: scenario.command_line(),
//!     scenario,
//!     started_unix_s: 1_750_000_000,
//!     fingerprint: Default::default(),
//! };
//! let recording = Recording { records: vec![Record::Start(Box::new(start))] };
//!
//! let recorded = Recorded::of_run(Path::new("out"), &recording)?;
//! let report = Report::of(&recorded);
//! assert_eq!(report.verdict, Verdict::Inconclusive);
//!
//! let files = Format::Html.files(&report, &recorded, None)?;
//! assert_eq!(files[0].name, "report.html");
//! # Ok(())
//! # }
//! ```

pub mod comparison;
pub mod draw;
pub mod faults;
pub mod gate;
pub mod headline;
mod palette;
pub mod recorded;
pub mod render;
pub mod report;
