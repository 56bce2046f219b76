//! Choices of holders and of processes, and tables.

use leakbench_reports::render::html;
use leakbench_reports::report::{Plot, SlotRows};
use serde_json::json;

use super::{assert_no_complaints, focus, tip};
use crate::browser::browser;
use crate::fixture;

/// The rows of the table that are shown.
const ROWS: &str = "[...document.querySelectorAll('#lingering-images tbody tr')]
    .filter((row) => row.checkVisibility()).length";

/// The pixels of the slot map that are as vermilion as a held slot.
const HELD: &str = "(() => { const canvas = document.querySelector('#slots .plot canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let held = 0;
    for (let at = 0; at < data.length; at += 4) held += data[at + 1] === 0x44 ? 1 : 0;
    return held; })()";

#[test]
fn a_choice_of_holders_filters_table_map_and_survival() {
    let Some(mut browser) = browser("a_choice_of_holders_filters_table_map_and_survival") else {
        return;
    };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::leak()));
    let items = "[...document.querySelectorAll('#holders .breakdown button')]
        .map((it) => it.textContent).join('; ')";
    let crumbs = "document.querySelector('#holders .crumbs').innerText";
    assert_eq!(page.text(items), "an affine slot 160; a queued slot 40");
    let bars = "[...document.querySelectorAll('#survival .block')]
        .reduce((sum, bar) => sum + bar.height.baseVal.value, 0)";
    let (all_held, all_bars) = (page.eval(HELD), page.eval(bars));
    assert_eq!(page.eval(ROWS), 200);

    page.eval("document.querySelectorAll('#holders .breakdown button')[0].click()");
    page.until(&format!("{ROWS} === 160"));
    let ranges = page.text(items);
    assert!(ranges.contains("slots 0–49 11; slots 50–99 7; "), "{ranges}");
    // By the keyboard to the images of one slot.
    page.eval("document.querySelectorAll('#holders .breakdown button')[1].focus()");
    page.key("Enter");
    page.until(&format!("{ROWS} === 7"));
    page.until(&format!("{HELD} < {all_held} / 10 && {HELD} > 0"));
    page.until(&format!("{bars} < {all_bars} / 10"));
    let slots = page.text(items);
    assert!(slots.starts_with("slot 53 1; "), "{slots}");
    page.key("Enter");
    page.until(&format!("{ROWS} === 1"));
    let image = page.text(items);
    assert!(image.starts_with("inode 4980"), "{image}");
    assert_eq!(page.text(crumbs), "all 200\nan affine slot 160\nslots 50–99 7\nslot 53 1");
    page.until("document.getElementById('live').textContent === 'slot 53: 1 images'");
    // A search looks among the chosen, and Escape goes back.
    page.key("Escape");
    page.until(&format!("{ROWS} === 7"));
    page.eval("document.querySelector('#holders .crumbs button').click()");
    page.until(&format!("{ROWS} === 200 && {HELD} === {all_held} && {bars} === {all_bars}"));
    assert_no_complaints(&mut page);
}

#[test]
fn each_process_has_a_map_to_choose() {
    let Some(mut browser) = browser("each_process_has_a_map_to_choose") else { return };
    let mut report = fixture::held(20_000, 1);
    for chart in &mut report.charts {
        if let Plot::Slots(maps) = &mut chart.plot {
            let pool = maps.maps[0].clone();
            maps.maps.extend((1..6).map(|subject| SlotRows { subject, ..pool.clone() }));
            maps.maps[4].rows.truncate(3);
        }
    }
    let mut page = browser.open(1280);
    page.show(&html(&report));
    let rows = "document.querySelectorAll('#slots .plot svg > .axis')[0].children.length";
    let pressed =
        "[...document.querySelectorAll('.maps button')].map((it) => it.ariaPressed).join()";
    assert_eq!(page.text(pressed), "true,false,false,false,false,false");
    assert_eq!(page.eval(rows), 10);
    page.eval("document.querySelectorAll('.maps button')[4].click()");
    page.until(&format!("{rows} === 3"));
    assert_eq!(page.text(pressed), "false,false,false,false,true,false");
    let drawn = "[...document.querySelectorAll('.maps canvas')].every((it) => it.width === 132)";
    assert_eq!(page.eval(drawn), true);
    focus(&mut page, "slots");
    page.key("Home");
    let shown = tip(&mut page, "slots");
    assert!(shown.contains("of process 4"), "{shown}");
    assert!(shown.contains("slots 0–78: affine to a dropped module1line 10"), "{shown}");
    assert!(shown.contains("slots 0–78: free, cold78line 10"), "{shown}");
    assert!(shown.contains("in all slotsaffine to a dropped module1free, cold19,999"), "{shown}");
    assert_no_complaints(&mut page);
}

#[test]
fn tables_are_sorted_and_searched() {
    let Some(mut browser) = browser("tables_are_sorted_and_searched") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::leak()));
    let column = |n: u32| {
        format!(
            "[...document.querySelectorAll('#lingering-images tbody tr:not([hidden])')]
                .map((row) => row.cells[{n}].textContent)"
        )
    };
    let heading = |n: u32| format!("document.querySelectorAll('#lingering-images th')[{n}]");
    let sorted = |n: u32| format!("{}.getAttribute('aria-sort')", heading(n));

    // By the keyboard: by age, ascending, then descending.
    page.eval(&format!("{}.firstChild.focus()", heading(3)));
    page.key("Enter");
    page.until(&format!("{} === 'ascending'", sorted(3)));
    assert_eq!(page.text(&format!("{}[0]", column(3))), "3.7 s");
    assert_eq!(page.text(&format!("{}[199]", column(3))), "4.7 s");
    page.key("Enter");
    page.until(&format!("{} === 'descending'", sorted(3)));
    assert_eq!(page.text(&format!("{}[0]", column(2))), "1");
    // Numbers sort as numbers, and unknown values come last in both orders.
    for order in ["ascending", "descending"] {
        page.eval(&format!("{}.firstChild.click()", heading(1)));
        assert_eq!(page.text(&sorted(1)), order);
        assert_eq!(page.text(&format!("{}[199]", column(1))), "unknown");
        let first = if order == "ascending" { "1" } else { "598" };
        assert_eq!(page.text(&format!("{}[0]", column(1))), first);
    }
    assert!(page.eval(&sorted(3)).is_null());

    page.eval("document.querySelector('#lingering-images input').focus()");
    page.call("Input.insertText", json!({ "text": "QUEUED 49800689" }));
    let status = "document.querySelector('#lingering-images .shown-rows').textContent";
    page.until(&format!("{status} === 'showing 1 of 200; 750 more in the recording'"));
    assert_eq!(page.text(&format!("{}.join()", column(0))), "49800689");
    page.eval("document.querySelector('#lingering-images input').select()");
    page.call("Input.insertText", json!({ "text": "no such thing" }));
    page.until(&format!("{status}.startsWith('showing 0 of 200')"));
    // A table of texts sorts by the amounts in them.
    page.eval("document.querySelectorAll('#resources th button')[1].click()");
    let rows = "[...document.querySelectorAll('#resources tbody tr')]
        .map((row) => row.cells[0].textContent).join()";
    assert_eq!(page.text(rows), "sockets,mappings,memory");
    assert_no_complaints(&mut page);
}
