//! The report as one HTML page that needs nothing else: no network, no server, no other file.
//!
//! What it says stands in its markup, so that it reads without scripts: the banner, the figures,
//! findings, tables and facts, and of each chart its numbers in short. Charts are drawn by the
//! scripts in `script/` and `charts/`, from JSON in the page. Its content security policy lets
//! that one script and that one style sheet act and nothing else: every name in a report is data.

mod brief;
mod chart;
mod data;
mod digest;
mod page;
mod style;
mod table;
mod text;

pub use page::html;

/// The page's script, in the order in which its parts need each other.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("script/base.js"),
    include_str!("script/scale.js"),
    include_str!("script/timeline.js"),
    include_str!("script/plot.js"),
    include_str!("charts/lines.js"),
    include_str!("charts/slots.js"),
    include_str!("charts/times.js"),
    include_str!("charts/lifetimes.js"),
    include_str!("charts/panels.js"),
    include_str!("script/table.js"),
    include_str!("script/main.js"),
    "})();\n",
);
