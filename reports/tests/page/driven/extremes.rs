//! Reports with the maximum of everything, with odd amounts, and with hostile names.

use leakbench_reports::render::html;
use serde_json::json;

use super::{assert_no_complaints, focus, tip};
use crate::browser::{Page, browser};
use crate::fixture;

/// The report with the maximum of everything. A second is usual; the bound is far above that, since the
/// machine may be busy.
#[test]
fn the_largest_report_is_below_two_megabytes_and_drawn_within_twenty_seconds() {
    let largest = html(&fixture::largest());
    assert!(largest.len() < 2_000_000, "{} bytes", largest.len());
    // The control: the report is large.
    assert!(largest.len() > 1_000_000, "{} bytes", largest.len());
    let Some(mut browser) =
        browser("the_largest_report_is_below_two_megabytes_and_drawn_within_twenty_seconds")
    else {
        return;
    };
    let mut page = browser.open(1280);
    page.show(&largest);
    page.until("performance.getEntriesByType('navigation')[0].loadEventEnd > 0");
    assert_eq!(page.eval("document.querySelectorAll('.plot:not(:has(svg))').length"), 0);
    let took = page.eval("performance.getEntriesByType('navigation')[0].loadEventEnd");
    assert!(took.as_f64().is_some_and(|ms| ms > 0.0 && ms < 20_000.0), "{took} ms");
    assert_no_complaints(&mut page);
}

/// A program that captures a whole page passes through a window of one pixel. What was drawn stays.
#[test]
fn a_capture_of_the_whole_page_shows_its_charts() {
    let Some(mut browser) = browser("a_capture_of_the_whole_page_shows_its_charts") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::leak()));
    let drawn = "[...document.querySelectorAll('.plot > svg')]
        .map((drawing) => drawing.viewBox.baseVal.width).join()";
    let settled = "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))";
    let before = page.text(drawn);
    page.resize(1);
    page.eval(settled);
    assert_eq!(page.text(drawn), before);
    // The control: a window of some width is drawn for.
    page.resize(390);
    page.eval(settled);
    assert_ne!(page.text(drawn), before);
}

#[test]
fn odd_charts_are_drawn_and_used_without_errors() {
    let Some(mut browser) = browser("odd_charts_are_drawn_and_used_without_errors") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::odd()));
    assert!(page.eval("document.querySelectorAll('.plot').length").as_u64() > Some(12));
    assert_eq!(page.eval("/NaN|Infinity|undefined/.test(document.body.innerText)"), false);
    let plots = page.eval("document.querySelectorAll('.plot').length").as_u64().expect("a number");
    for plot in 0..plots {
        page.eval(&format!("document.querySelectorAll('.plot')[{plot}].focus()"));
        for key in ["End", "ArrowLeft", "ArrowDown", "+", "Home", "0", "-"] {
            page.key(key);
        }
    }
    page.eval("document.querySelectorAll('#axis button')[1].click()");
    page.eval("document.getElementById('theme').click()");
    page.eval("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    let wrong = page.text(
        "[...document.querySelectorAll('svg *')].filter((each) =>
            [...each.attributes].some((it) => /NaN|Infinity|undefined/.test(it.value)))
            .map((each) => each.outerHTML).slice(0, 3).join()",
    );
    assert_eq!(wrong, "");
    assert_no_complaints(&mut page);
}

fn assert_are_texts(page: &mut Page<'_>, selectors: &[&str]) {
    for shown in selectors {
        let text = page.text(&format!("document.querySelector({}).innerText", json!(shown)));
        assert!(text.contains("onerror=alert(1)>"), "{shown}: {text}");
        assert!(!text.contains(['\u{202e}', '\u{2028}']), "{shown}: {text:?}");
    }
}

#[test]
fn hostile_names_are_text_and_nothing_more() {
    let Some(mut browser) = browser("hostile_names_are_text_and_nothing_more") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::hostile()));
    // In every tooltip, too.
    let [left, top, width, height] = page.chart("lingering");
    page.mouse("mouseMoved", left + width * 0.6, top + height * 0.4);
    assert!(tip(&mut page, "lingering").contains("<img src=x onerror=alert(1)></script>"));
    // And among the holders to choose from.
    page.eval("document.querySelector('#holders .breakdown button').click()");
    let holder = page.text("document.querySelector('#holders .breakdown button').textContent");
    assert!(holder.contains("<img src=x onerror=alert(1)></script>"), "{holder}");
    focus(&mut page, "lingering");
    page.key("End");
    page.until("document.getElementById('live').textContent.includes('<img src=x')");
    page.eval("document.querySelector('th button').click()");
    assert_eq!(page.eval("document.querySelectorAll('img, svg[onload], [onerror]').length"), 0);
    assert_eq!(page.eval("document.scripts.length"), 2);
    let shown = ["h1", "h2", ".figures strong", ".said", "code", "#resources td", ".panel h3"];
    assert_are_texts(&mut page, &shown);
    assert_no_complaints(&mut page);
    drop(page);
    let mut page = browser.open(1280);
    page.show(&html(&fixture::hostile_observed()));
    assert_are_texts(&mut page, &[".suspect h2", ".suspect .figure", ".suspect .until"]);
    let example = page.text("document.querySelector('.suspect .cut').title");
    assert!(example.contains("onerror=alert(1)>"), "{example}");
    assert_eq!(page.eval("document.querySelectorAll('img, svg[onload], [onerror]').length"), 0);
    assert_no_complaints(&mut page);
}
