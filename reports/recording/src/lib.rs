//! Recordings of leakbench: their lines, and the pure functions that judge them. Only [`recording`]
//! reads and writes files.
//!
//! The types, in the order in which data passes them:
//!
//! | | a run of modules | an observed process |
//! |---|---|---|
//! | a line | [`recording::Record`] | [`observation::ObservationRecord`] |
//! | takes lines and bounds their number | [`recording::Recorder`] | [`observation::ObservationRecorder`] |
//! | all lines | [`recording::Recording`] | [`observation::ObservationRecording`] |
//! | a fold over the lines | [`ledger::Ledger`] | [`observation::ObservationLedger`] |
//! | the trend of a series | [`judge::Growth`] | [`observation::Accounts`] |
//! | findings and the verdict | [`judge::Judgement`] | [`observation::Diagnosis`] |
//!
//! [`trend`] is the statistics behind both judges, and [`rate`] prints its rates. A recorder is generic over the line; both kinds
//! of lines differ only in what [`recording::Line`] states.
//!
//! # Example
//! Record a leak of descriptors in memory, and judge it:
//!
//! ```
//! use leakbench_model::{Footprint, Resource, Verdict};
//! use leakbench_recording::observation::{
//!     Diagnosis, OBSERVATION_VERSION, ObservationEnd, ObservationRecord, ObservationRecorder,
//!     ObservationSample, ObservationStart, Scope,
//! };
//!
//! let mut recorder = ObservationRecorder::in_memory();
//! recorder.record(ObservationRecord::Start(Box::new(ObservationStart {
//!     version: OBSERVATION_VERSION,
//!     command: "leakbench attach 4242".to_owned(),
//!     pid: 4242,
//!     start_time_ticks: 123_456,
//!     process: "server".to_owned(),
//!     started_here: false,
//!     scope: Scope::Process,
//!     interval_ms: 1_000,
//!     started_unix_s: 1_750_000_000,
//!     limits: Vec::new(),
//!     fingerprint: serde_json::Map::new(),
//! })))?;
//! for second in 0..60 {
//!     recorder.record(ObservationRecord::Sample(Box::new(ObservationSample {
//!         at_ms: second * 1_000,
//!         amounts: Footprint::default().with(Resource::Fds, 12 + second),
//!         processes: 1,
//!         ..ObservationSample::default()
//!     })))?;
//! }
//! recorder.record(ObservationRecord::End(ObservationEnd {
//!     at_ms: 60_000,
//!     interrupted: false,
//!     observer_cpu_ms: None,
//! }))?;
//!
//! let diagnosis = Diagnosis::of(&recorder.finish())?;
//! assert_eq!(diagnosis.judgement.verdict, Verdict::Leak);
//! assert_eq!(
//!     diagnosis.judgement.findings[0].message,
//!     "descriptors grow by 1.0 ± 0.0 a second (95 % CI)",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod recording;

pub mod ledger;

pub mod judge;
pub mod rate;
pub mod trend;

pub mod observation;
