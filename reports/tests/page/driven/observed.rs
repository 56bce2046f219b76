//! The page of an observed process.

use leakbench_reports::render::html;

use super::{assert_no_complaints, focus, ticks};
use crate::browser::browser;
use crate::fixture;

/// The line goes on to the limit, which the axis of time reaches; a zoomed chart shows the time observed.
#[test]
fn a_fitted_line_goes_on_to_its_limit() {
    let Some(mut browser) = browser("a_fitted_line_goes_on_to_its_limit") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::observed()));
    let label = "document.querySelector('#descriptors text.projection')";
    page.until(&format!("{label}?.textContent === 'RLIMIT_NOFILE 1,024 in 25 s'"));
    for part in [".band", ".fit", ".fit.projected", ".reached", "line.limit"] {
        let drawn = format!("document.querySelectorAll('#descriptors .plot {part}').length > 0");
        assert_eq!(page.eval(&drawn), true, "{part}");
    }
    assert!(ticks(&mut page, "descriptors").contains("80 s"));
    focus(&mut page, "descriptors");
    page.key("+");
    page.until(&format!("{label} === null"));
    assert!(!ticks(&mut page, "descriptors").contains("80 s"));
    assert_no_complaints(&mut page);
}

/// Events are labelled where there is room; folded tables open and sort.
#[test]
fn events_have_labels_and_flat_resources_are_folded() {
    let Some(mut browser) = browser("events_have_labels_and_flat_resources_are_folded") else {
        return;
    };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::observed()));
    let labels = "[...document.querySelectorAll('#descriptors text.label')]";
    page.until(&format!("{labels}.length === 3"));
    let texts = page.text(&format!("{labels}.map((it) => it.textContent).join('|')"));
    assert_eq!(texts, "exec python3|exec gunicorn: <b>|exit 0");
    // Two at about the same time are one above the other.
    assert_eq!(page.eval(&format!("new Set({labels}.map((it) => it.getAttribute('y'))).size")), 2);
    assert_eq!(page.eval("document.querySelector('#flat table').checkVisibility()"), false);
    page.eval("document.querySelector('#flat summary').click()");
    page.until("document.querySelector('#flat table').checkVisibility()");
    let cut = "document.querySelector('#flat .cut')";
    assert_eq!(page.eval(&format!("{cut}.title")), "/a/long/path".repeat(9));
    assert_eq!(page.eval(&format!("{cut}.textContent.length")), 48);
    assert_eq!(page.eval("document.querySelectorAll('#resources td .swatch.tone-bad').length"), 1);
    assert_no_complaints(&mut page);
}
