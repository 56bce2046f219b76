//! The page under pointing, dragging, typing and clicking.

mod comparison;
mod extremes;
mod observed;
mod pointing;
mod tables;
mod zooming;

use leakbench_reports::render::html;

use crate::browser::{Page, browser};
use crate::fixture;

/// The charts over time that are drawn as lines.
const LINES: [&str; 5] = ["lingering", "mappings", "descriptors", "memory", "page-tables"];

fn tip(page: &mut Page<'_>, id: &str) -> String {
    page.until(&format!("!document.querySelector('#{id} .tip').hidden"));
    page.text(&format!("document.querySelector('#{id} .tip').textContent"))
}

/// The labels of a chart's horizontal axis.
fn ticks(page: &mut Page<'_>, id: &str) -> String {
    page.text(&format!(
        "[...document.querySelectorAll('#{id} .plot svg > .axis:last-of-type text')]
            .concat([...document.querySelectorAll('#{id} .plot svg > .axis text')])
            .map((text) => text.textContent).filter((text) => / s$/.test(text)).join()"
    ))
}

/// Shows time instead of cycles.
fn choose_time(page: &mut Page<'_>) {
    page.eval("document.querySelector('[data-axis=time]').click()");
    page.until(
        "[...document.querySelectorAll('#mappings .axis text')].some((it) => / s$/.test(it.textContent))",
    );
}

fn assert_no_complaints(page: &mut Page<'_>) {
    assert_eq!(page.complaints(), Vec::<String>::new());
}

fn focus(page: &mut Page<'_>, id: &str) {
    page.eval(&format!("document.querySelector('#{id} .plot').focus()"));
}

#[test]
fn it_loads_without_errors_and_asks_for_nothing_else() {
    let Some(mut browser) = browser("it_loads_without_errors_and_asks_for_nothing_else") else {
        return;
    };
    let reports = [
        fixture::leak(),
        fixture::clean(),
        fixture::proved(),
        fixture::observed(),
        fixture::comparison(),
        fixture::compared(),
        fixture::swept(),
        fixture::hostile(),
    ];
    for report in reports {
        let mut page = browser.open(1280);
        page.show(&html(&report));
        page.until(
            "[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg'))",
        );
        assert_no_complaints(&mut page);
    }
    // The control: complaints are found.
    let mut page = browser.open(1280);
    page.show("<script>fetch('https://127.0.0.1:9/'); console.error('no'); nothing()</script>");
    page.until("document.readyState === 'complete'");
    let complaints = page.complaints();
    for wrong in ["requests https://127.0.0.1:9/", "consoleAPICalled", "exceptionThrown"] {
        assert!(complaints.iter().any(|it| it.contains(wrong)), "{wrong}: {complaints:?}");
    }
}
