//! Pages of comparisons and sweeps.

use leakbench_reports::render::html;
use serde_json::json;

use super::{assert_no_complaints, tip};
use crate::browser::browser;
use crate::fixture;

#[test]
fn panels_share_a_scale_a_cursor_and_a_window() {
    let Some(mut browser) = browser("panels_share_a_scale_a_cursor_and_a_window") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::comparison()));
    let axes = "new Set([...document.querySelectorAll('.panel svg')].map((it) =>
        [...it.querySelectorAll('.axis text')].map((text) => text.textContent).join())).size";
    assert_eq!(page.eval(axes), 1);
    assert_eq!(page.eval("document.querySelectorAll('.panel').length"), 6);
    page.eval("document.querySelector('.panel .plot').focus()");
    page.key("End");
    page.until("document.querySelectorAll('.panel .cursor line').length === 6");
    assert!(tip(&mut page, "panels").starts_with("3,000 cycles"));
    page.key("+");
    page.until("document.getElementById('window').textContent.startsWith('cycles ')");
    assert_eq!(page.eval(axes), 1);
    assert_no_complaints(&mut page);
}

/// A row of ratios has a dot for each round and a line at 1; lines of subjects share a chart.
#[test]
fn subjects_are_compared_on_one_scale() {
    let Some(mut browser) = browser("subjects_are_compared_on_one_scale") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::compared()));
    page.until("document.querySelectorAll('#panels .plot svg .line').length === 3");
    let x = |selector: &str| {
        format!(
            "document.querySelector('#ratios .spread:nth-child(1) {selector}').getBoundingClientRect()"
        )
    };
    assert_eq!(page.eval("document.querySelectorAll('#ratios .round').length"), 6);
    let reference = page.eval(&format!("{}.x", x(".reference")));
    let interval = page.eval(&format!("(({{x, right}}) => [x, right])({})", x(".interval")));
    let within = page.eval(&format!("{reference} > {}[0] && {reference} < {0}[1]", interval));
    assert_eq!(within, true, "{reference} in {interval}");
    let second = page.eval("document.querySelector('#ratios .spread:nth-child(2) .interval').getBoundingClientRect().right");
    assert!(second.as_f64() < reference.as_f64(), "0.05 is left of 1: {second} {reference}");
    assert_no_complaints(&mut page);
}

/// Panels of a sweep stand in a grid with headings, and only those at its edges have axes.
#[test]
fn a_sweep_is_a_grid_with_axes_at_its_edges() {
    let Some(mut browser) = browser("a_sweep_is_a_grid_with_axes_at_its_edges") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::swept()));
    // A combination that was not run has no chart.
    page.until("document.querySelectorAll('#panels .plot svg').length === 7");
    let texts = |side: &str| {
        format!(
            "[...document.querySelectorAll('#panels .plot')]
                .filter((plot) => plot.dataset.edge{side})
                .map((plot) => plot.querySelectorAll('.axis text').length > 0)"
        )
    };
    assert_eq!(page.eval(&texts(" === 'none'")), json!([false, false, false]));
    assert_eq!(page.eval(&texts(" === 'left'")), json!([true]));
    let widths = "(() => { const widths = [...document.querySelectorAll('#panels .plot .grid')]
        .map((line) => Math.round(line.getBoundingClientRect().width));
        return Math.max(...widths) - Math.min(...widths); })()";
    assert!(page.eval(widths).as_f64().is_some_and(|apart| apart <= 2.0), "one scale");
    let spans =
        "[...document.querySelectorAll('#panels thead tr:first-child th')].map((th) => th.colSpan)";
    assert_eq!(page.eval(spans), json!([1, 2, 2]));
    assert_no_complaints(&mut page);
}
