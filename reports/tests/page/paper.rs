//! The page on paper.

use leakbench_reports::render::html;
use serde_json::json;

use crate::appearance::{background, prefer, scaled_drawings};
use crate::browser::browser;
use crate::fixture;

#[test]
fn paper_has_charts_and_no_controls() {
    let Some(mut browser) = browser("paper_has_charts_and_no_controls") else { return };
    let mut page = browser.open(1280);
    prefer(&mut page, "dark");
    page.show(&html(&fixture::leak()));
    assert_eq!(page.eval("document.querySelector('#lingering details').open"), false);
    page.eval("dispatchEvent(new Event('beforeprint'))");
    page.call("Emulation.setEmulatedMedia", json!({ "media": "print" }));
    assert_eq!(background(&mut page), "rgb(255, 255, 255)");
    for hidden in [
        "#controls",
        "#theme",
        ".search",
        ".copy",
        "#lingering summary",
        "#lingering-images tbody tr:nth-child(51)",
    ] {
        let visible = format!("document.querySelector({}).checkVisibility()", json!(hidden));
        assert_eq!(page.eval(&visible), false, "{hidden}");
    }
    for shown in [
        "#lingering svg",
        "#slots canvas",
        "#lingering-images tbody tr:nth-child(50)",
        "code",
        ".facts dd",
    ] {
        let visible = format!("document.querySelector({}).checkVisibility()", json!(shown));
        assert_eq!(page.eval(&visible), true, "{shown}");
    }
    // Each printed page repeats the headings, and a note counts the rows that are left out.
    let display = "getComputedStyle(document.querySelector('#lingering-images thead')).display";
    assert_eq!(page.text(display), "table-header-group");
    // Repeated headings would omit a button's text.
    let button = "getComputedStyle(document.querySelector('#lingering-images th button')).display";
    assert_eq!(page.text(button), "contents");
    let printed = "getComputedStyle(document.querySelector('#lingering-images .shown-rows'),
        '::after').content";
    assert_eq!(page.text(printed), "\"; the first 50 on paper\"");
    // After a search, its rows are printed, wherever they are in the table.
    page.eval(
        "(() => { const input = document.querySelector('#lingering-images input');
            input.value = '49801361';
            input.dispatchEvent(new Event('input')); })()",
    );
    let found = "[...document.querySelectorAll('#lingering-images tbody tr')]
        .filter((row) => row.checkVisibility()).map((row) => row.rowIndex).join()";
    assert_eq!(page.text(found), "101");
    assert_eq!(page.text(printed), "none");
    page.call("Emulation.setEmulatedMedia", json!({ "media": "" }));
    let pdf = page.call("Page.printToPDF", json!({ "printBackground": true }));
    assert!(pdf["data"].as_str().is_some_and(|data| data.len() > 20_000));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

/// Paper has nothing to click: what is folded on the screen is printed.
#[test]
fn folded_resources_are_printed() {
    let Some(mut browser) = browser("folded_resources_are_printed") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::observed()));
    let visible = "document.querySelector('#flat table').checkVisibility()";
    assert_eq!(page.eval(visible), false);
    page.call("Emulation.setEmulatedMedia", json!({ "media": "print" }));
    assert_eq!(page.eval(visible), true);
}

/// The scripts draw for the width of paper, so that letters keep their size there.
#[test]
fn paper_has_drawings_of_its_own_size() {
    let Some(mut browser) = browser("paper_has_drawings_of_its_own_size") else { return };
    for report in [
        fixture::leak(),
        fixture::proved(),
        fixture::observed(),
        fixture::three_suspects(),
        fixture::compared(),
        fixture::swept_by_measures(2, "slots", "1000"),
        fixture::swept_by_measures(4, "slots", "1000"),
        fixture::swept_by_measures(6, "slots", "1000"),
    ] {
        for screen in [1280, 390] {
            let mut page = browser.open(screen);
            page.show(&html(&report));
            page.until("document.querySelector('.plot svg') !== null");
            page.eval("dispatchEvent(new Event('beforeprint'))");
            page.call("Emulation.setEmulatedMedia", json!({ "media": "print" }));
            // A sheet of A4 within its margins.
            page.resize(716);
            let scaled = scaled_drawings(&mut page);
            assert_eq!(scaled, Vec::<String>::new(), "{} from {screen}", report.title);
            let wide = page.eval(
                "[...document.querySelectorAll('.heat')].filter((map) =>
                    map.offsetWidth > map.closest('.card').clientWidth).length",
            );
            assert_eq!(wide, 0, "{}: heat maps beyond their place", report.title);
        }
    }
}

/// Paper cannot unfold what a screen folds.
#[test]
fn paper_has_the_evidence_of_each_suspect() {
    let Some(mut browser) = browser("paper_has_the_evidence_of_each_suspect") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::three_suspects()));
    // The first example of each is always visible.
    let seen = "[...document.querySelectorAll('.suspect')].map((card) =>
        [...card.querySelectorAll('.example')].filter((it) => it.checkVisibility()).length).join()";
    assert_eq!(page.text(seen), "1,1,1");
    // Its line has the path and no inode.
    let first = page.text("document.querySelector('.suspect > .example').textContent");
    assert!(first.starts_with("/a/long/path") && first.ends_with("fd 17, for 58 s"), "{first}");
    page.call("Emulation.setEmulatedMedia", json!({ "media": "print" }));
    assert_eq!(page.text(seen), "2,2,2");
    let summaries = "[...document.querySelectorAll('.suspect summary')]
        .filter((it) => it.checkVisibility()).length";
    assert_eq!(page.eval(summaries), 0);
}
