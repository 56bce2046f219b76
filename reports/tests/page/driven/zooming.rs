//! The axis of charts over time: its window, its unit, and what stands on it.

use leakbench_reports::render::html;
use leakbench_reports::report::{Mark, MarkKind, Plot};
use serde_json::json;

use super::{LINES, assert_no_complaints, choose_time, focus, ticks};
use crate::browser::browser;
use crate::fixture;

#[test]
fn dragging_zooms_all_charts_over_time_and_0_resets() {
    let Some(mut browser) = browser("dragging_zooms_all_charts_over_time_and_0_resets") else {
        return;
    };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::leak()));
    choose_time(&mut page);
    let whole: Vec<String> = LINES.iter().map(|id| ticks(&mut page, id)).collect();
    let rows = "document.querySelectorAll('#slots svg > .axis')[0].children.length";
    assert_eq!(page.eval(rows), 10);
    let [left, top, width, height] = page.chart("lingering");
    let at = |share: f64| (left + 64.0 + (width - 76.0) * share, top + height / 2.0);
    page.drag(at(0.19), at(0.41));
    page.until("!document.getElementById('reset').hidden");
    page.until(&format!("{rows} === 3"));
    let window = page.text("document.getElementById('window').textContent");
    assert_eq!(window, "0.95 s to 2.05 s");
    for (id, whole) in LINES.iter().zip(&whole) {
        let zoomed = ticks(&mut page, id);
        assert_ne!(&zoomed, whole, "{id}");
        assert!(zoomed.split(',').all(|tick| tick < "2.1"), "{id}: {zoomed}");
    }
    assert!(!ticks(&mut page, "memory").contains("4.0 s"));

    focus(&mut page, "mappings");
    page.key("0");
    page.until("document.getElementById('reset').hidden");
    page.until(&format!("{rows} === 10"));
    let again: Vec<String> = LINES.iter().map(|id| ticks(&mut page, id)).collect();
    assert_eq!(again, whole);
    // A click does not zoom.
    page.drag(at(0.5), at(0.502));
    assert_eq!(page.eval("document.getElementById('reset').hidden"), true);
    // The slot map zooms by dragging downwards.
    let [left, top, _, _] = page.chart("slots");
    page.drag((left + 300.0, top + 8.0 + 40.0), (left + 300.0, top + 8.0 + 100.0));
    page.until("!document.getElementById('reset').hidden");
    page.eval("document.getElementById('reset').click()");
    page.until("document.getElementById('reset').hidden");
    // The wheel zooms with Ctrl only.
    let [left, top, width, height] = page.chart("memory");
    for modifiers in [0, 2] {
        let wheel = json!({ "type": "mouseWheel", "x": left + width / 2.0, "y": top + height / 2.0,
            "deltaX": 0, "deltaY": -40, "modifiers": modifiers });
        page.call("Input.dispatchMouseEvent", wheel);
        page.eval(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
        );
        assert_eq!(page.eval("document.getElementById('reset').hidden"), modifiers == 0);
    }
    assert_no_complaints(&mut page);
}

#[test]
fn what_zooms_in_and_out_again_shows_the_whole_run() {
    let Some(mut browser) = browser("what_zooms_in_and_out_again_shows_the_whole_run") else {
        return;
    };
    // The run goes on after its last cycle, as in a settle time.
    let mut report = fixture::leak();
    for chart in &mut report.charts {
        if let Plot::Lines(lines) = &mut chart.plot {
            let (from_s, to_s) = (fixture::END_S, fixture::END_S + 0.3);
            let text = String::new();
            let (kind, label) = (MarkKind::Settle, String::new());
            lines.marks.push(Mark { kind, from_s, to_s, text, cycles: None, label });
        }
    }
    let mut page = browser.open(1280);
    page.show(&html(&report));
    focus(&mut page, "lingering");
    page.key("+");
    page.until("!document.getElementById('reset').hidden");
    page.key("-");
    page.until("document.getElementById('window').textContent === ''");
    assert_eq!(page.eval("document.getElementById('reset').hidden"), true);
    // For any cursor and any ratio of the two axes.
    let left = page.eval(
        "(() => { const left = [];
            const plot = document.querySelector('#lingering .plot');
            const type = (key) => plot.dispatchEvent(new KeyboardEvent('keydown', { key }));
            const reset = document.getElementById('reset');
            type('Home');
            for (let stop = 0; stop <= 100; stop += 1) {
                for (const keys of ['+-', '++--', '+++---']) {
                    for (const key of keys) {
                        type(key);
                        if (key === '+' && reset.hidden) left.push(['is whole', stop, keys]);
                    }
                    if (!reset.hidden) left.push(['is not whole', stop, keys]);
                    type('0');
                }
                type('ArrowRight');
            }
            // The wheel's steps are not factors of 2.
            const box = plot.querySelector('svg').getBoundingClientRect();
            const wheel = (x, deltaY) => plot.dispatchEvent(new WheelEvent('wheel',
                { deltaY, clientX: box.left + x, clientY: box.top, ctrlKey: true }));
            for (let x = 70; x < box.width; x += 7) {
                wheel(x, -40);
                wheel(x, 40);
                if (!reset.hidden) left.push(['is not whole', x]);
                type('0');
            }
            return left.slice(0, 5); })()",
    );
    assert_eq!(left, json!([]));
    assert_no_complaints(&mut page);
}

#[test]
fn the_axis_and_the_series_can_be_chosen() {
    let Some(mut browser) = browser("the_axis_and_the_series_can_be_chosen") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::leak()));
    let axis =
        "[...document.querySelectorAll('#lingering .axis text')].map((it) => it.textContent)";
    assert_eq!(page.eval(&format!("{axis}.includes('2,500')")), true);
    assert!(ticks(&mut page, "lingering").is_empty());
    let pressed =
        "[...document.querySelectorAll('#axis button')].map((it) => it.ariaPressed).join()";
    assert_eq!(page.text(pressed), "true,false");
    // Settle times cover no cycles.
    let settles = "[document.querySelectorAll('#lingering rect.settle').length,
        document.querySelector('#lingering .key.settle').checkVisibility()].join()";
    assert_eq!(page.text(settles), "0,false");
    choose_time(&mut page);
    page.until(&format!("!{axis}.includes('2,500')"));
    assert_eq!(page.text(settles), "10,true");
    page.eval("document.querySelector('[data-axis=cycles]').click()");
    page.until(&format!("{axis}.includes('2,500')"));
    assert_eq!(page.text(pressed), "true,false");

    let line = "document.querySelectorAll('#mappings svg .line').length";
    assert_eq!(page.eval(line), 2);
    page.eval("document.querySelector('#mappings .legend button').focus()");
    page.key("Enter");
    page.until(&format!("{line} === 1"));
    let pressed = "document.querySelector('#mappings .legend button').ariaPressed";
    assert_eq!(page.text(pressed), "false");
    page.key("Enter");
    page.until(&format!("{line} === 2"));
    assert_no_complaints(&mut page);
}

/// Dots stand at their own cycles, and a drop in the cycles that ran before its settle time.
#[test]
fn marks_stand_at_their_cycles() {
    let Some(mut browser) = browser("marks_stand_at_their_cycles") else { return };
    let mut report = fixture::leak();
    for chart in &mut report.charts {
        if let Plot::Lines(lines) = &mut chart.plot {
            // Nine tenths of the time before each barrier is settle time.
            lines.series.retain(|series| series.points.len() < 20);
            for mark in &mut lines.marks {
                if mark.kind == MarkKind::Settle {
                    mark.from_s = mark.to_s - 0.45;
                }
            }
            lines.marks.retain(|mark| mark.kind != MarkKind::Drop || mark.from_s == 0.05);
        }
    }
    let mut page = browser.open(1280);
    page.show(&html(&report));
    let path = page.text("document.querySelector('#lingering path.drop').getAttribute('d')");
    let at: f64 = path[1..path.find(' ').expect("a place")].parse().expect("a number");
    let dots = page.eval(
        "[...document.querySelectorAll('#lingering circle.dot')].map((it) => it.cx.baseVal.value)",
    );
    let dots: Vec<f64> = serde_json::from_value(dots).expect("numbers");
    // The first barrier is after 300 cycles, and its settle time began after 0.05 s.
    assert_eq!(dots.len(), 10);
    assert!((dots[0] - at).abs() < 0.1, "{at} {dots:?}");
    assert!((dots[1] - 2.0 * dots[0] + 64.0).abs() < 0.1, "{dots:?}");
}
