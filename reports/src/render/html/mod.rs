//! The report as one HTML page, without network, server or other files.
//!
//! The markup has all facts, so the page can be read without scripts: banner, figures, findings,
//! tables, facts, and a table of each chart's main numbers. The scripts in `script/` and `charts/`
//! draw the charts from JSON in the page. The content security policy allows that one script and one
//! style sheet alone: every name in a report is data.

mod brief;
mod chart;
mod data;
mod digest;
mod page;
mod style;
mod table;
mod text;

pub use page::html;

/// The page's script. Later parts use earlier ones.
const SCRIPT: &str = concat!(
    "(() => {\n\"use strict\";\n",
    include_str!("script/base.js"),
    include_str!("script/scale.js"),
    include_str!("script/timeline.js"),
    include_str!("script/plot.js"),
    include_str!("charts/lines.js"),
    include_str!("charts/slot-map.js"),
    include_str!("charts/slots.js"),
    include_str!("charts/times.js"),
    include_str!("charts/lifetimes.js"),
    include_str!("charts/panels.js"),
    include_str!("script/table.js"),
    include_str!("script/main.js"),
    "})();\n",
);
