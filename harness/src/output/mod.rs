//! The output of a command: progress while it works, then the summary or the JSON, and the files in
//! its folder.

mod conclusion;
mod files;
pub(crate) mod folder;
mod link;
mod opener;
mod progress;
mod stream;
mod verbosity;

pub(crate) use conclusion::{Conclusion, Document, Output, finish};
pub(crate) use files::ReportFiles;
pub(crate) use opener::open;
pub(crate) use progress::ProgressDisplay;
pub(crate) use stream::{Stream, labelled, print, print_note};
pub(crate) use verbosity::Verbosity;
