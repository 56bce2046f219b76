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
mod faults;
mod multiples;
mod page;
mod spreads;
mod style;
mod suspects;
mod table;
mod text;

pub use faults::fault_page;
pub use page::html;

use crate::report::{Plot, Report};

/// The page's script, with the parts that its charts need. Later parts use earlier ones.
fn script(report: &Report) -> String {
    let charts = chart::shown_charts(report);
    let has = |is: fn(&Plot) -> bool| charts.iter().any(|chart| is(&chart.plot));
    let base = concat!(
        include_str!("script/base.js"),
        include_str!("script/scale.js"),
        include_str!("script/timeline.js"),
        include_str!("script/plot.js"),
        include_str!("charts/events.js"),
        include_str!("charts/lines.js"),
    );
    let slots = concat!(include_str!("charts/slot-map.js"), include_str!("charts/slots.js"));
    let fitted = |it: &Plot| matches!(it, Plot::Lines(lines) if !lines.fits.is_empty());
    let of_charts = [
        (has(fitted), include_str!("charts/fits.js")),
        (has(|it| matches!(it, Plot::Slots(_))), slots),
        (has(|it| matches!(it, Plot::Times(_))), include_str!("charts/times.js")),
        (has(|it| matches!(it, Plot::Proof(_))), include_str!("charts/proof.js")),
        (has(|it| matches!(it, Plot::Survival(_))), include_str!("charts/survival.js")),
        (has(|it| matches!(it, Plot::Panels(_))), include_str!("charts/panels.js")),
    ];
    let of_charts = of_charts.iter().filter(|(needed, _)| *needed).map(|(_, part)| *part);
    let lists = report.lingering.as_ref().is_some_and(|table| !table.rows.is_empty());
    let holders = if lists { include_str!("script/holders.js") } else { "" };
    let rest = [include_str!("script/table.js"), holders, include_str!("script/main.js")];
    let parts: String = [base].into_iter().chain(of_charts).chain(rest).collect();
    format!("(() => {{\n\"use strict\";\n{parts}}})();\n")
}
