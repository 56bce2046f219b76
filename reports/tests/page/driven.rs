//! The page under pointing, dragging, typing and clicking.

use leakbench_reports::render::html;
use leakbench_reports::report::{Mark, MarkKind, Plot, SlotRows};
use serde_json::json;

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

#[test]
fn pointing_shows_values_in_every_chart() {
    let Some(mut browser) = browser("pointing_shows_values_in_every_chart") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::leak()));
    let [left, top, width, height] = page.chart("lingering");
    // The plot reaches from 64 pixels to 12 before the end; the barrier at 2.5 s is in its middle.
    page.mouse("mouseMoved", left + 64.0 + (width - 76.0) / 2.0, top + height / 2.0);
    let shown = tip(&mut page, "lingering");
    let value = fixture::lingering_after(1_500);
    assert!(shown.starts_with("2.5 s · 1,500 cycles"), "{shown}");
    assert!(shown.contains(&format!("lingering{value}line 14")), "{shown}");
    assert!(shown.contains("barrier 5"), "{shown}");
    // The other charts point to the same time and show their values in their legends.
    page.until("document.querySelectorAll('#lingering .cursor line').length === 1");
    for id in LINES {
        page.until(&format!("document.querySelectorAll('#{id} .cursor line').length === 1"));
    }
    let mappings = format!("mappings{}", leakbench_grouped(44.0 + 3.0 * value));
    let legend = page.text("document.querySelector('#mappings .legend').textContent");
    assert!(legend.starts_with(&mappings), "{legend} {mappings}");
    assert_eq!(page.eval("document.querySelectorAll('#slots .cursor rect').length"), 1);
    // No chart points anywhere once the mouse is gone.
    page.mouse("mouseMoved", 2.0, 2.0);
    page.until("document.querySelectorAll('.cursor *').length === 0");
    page.until("[...document.querySelectorAll('.tip')].every((tip) => tip.hidden)");
    assert_no_complaints(&mut page);
}

fn leakbench_grouped(value: f64) -> String {
    let (thousands, rest) = (value as u64 / 1_000, value as u64 % 1_000);
    if thousands > 0 { format!("{thousands},{rest:03}") } else { rest.to_string() }
}

#[test]
fn slots_times_and_survival_tell_what_is_pointed_at() {
    let Some(mut browser) = browser("slots_times_and_survival_tell_what_is_pointed_at") else {
        return;
    };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::leak()));
    let [left, top, width, height] = page.chart("slots");
    // The last of ten rows, and the slot at three quarters.
    let x = left + 64.0 + (width - 76.0) * 0.7505;
    page.mouse("mouseMoved", x, top + 8.0 + (height - 40.0) * 0.95);
    let shown = tip(&mut page, "slots");
    assert!(shown.starts_with("5 s · 3,000 cycles"), "{shown}");
    assert!(shown.contains("slot 750: affine to a dropped moduleline 19"), "{shown}");
    let dropped = fixture::lingering_after(3_000);
    assert!(shown.contains(&format!("affine to a dropped module{dropped}")), "{shown}");

    let [left, top, width, height] = page.chart("release");
    page.mouse("mouseMoved", left + 52.0 + (width - 68.0) * 0.6625, top + height * 0.7);
    let shown = tip(&mut page, "release");
    assert!(shown.starts_with("398 ms to 501 ms") && shown.contains("count2,000"), "{shown}");

    let [left, top, width, height] = page.chart("survival");
    page.mouse("mouseMoved", left + 64.0 + (width - 76.0) * 0.05, top + height * 0.4);
    let shown = tip(&mut page, "survival");
    let expected = "0 to 299 cycles since the dropdropped300\
                    held by a queued slot103.3 %held by an affine slot22073.3 %expected86.1 %";
    assert_eq!(shown, expected);
    assert_no_complaints(&mut page);
}

#[test]
fn a_proof_tells_what_was_verified_at_each_barrier() {
    let Some(mut browser) = browser("a_proof_tells_what_was_verified_at_each_barrier") else {
        return;
    };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::proved()));
    let lanes = page.text("document.querySelector('#proof .plot svg').textContent");
    assert!(lanes.contains("death watch, inside: 3,000 destroyed, 30 of them late"), "{lanes}");
    assert!(lanes.contains("scan of /proc, outside: 0 still held"), "{lanes}");
    assert_eq!(page.eval("document.querySelectorAll('#proof .block').length"), 21);
    let [left, top, width, _] = page.chart("proof");
    page.mouse("mouseMoved", left + width * 0.35, top + 30.0);
    let shown = tip(&mut page, "proof");
    let expected =
        "barrier of process 1 after 600 cyclesreleased300of them late30still held0line 13";
    assert_eq!(shown, expected);
    focus(&mut page, "proof");
    page.key("End");
    let shown = tip(&mut page, "proof");
    assert!(shown.starts_with("barrier of process 1 after 1,500 cycles"), "{shown}");
    page.until("document.getElementById('live').textContent.includes('released 300')");
    // What has nothing to show is absent, with its scripts.
    assert_eq!(page.eval("document.querySelectorAll('#lingering, #slots').length"), 0);
    assert_eq!(page.eval("document.querySelectorAll('#peaks .meter').length"), 1);
    assert_no_complaints(&mut page);
}

#[test]
fn the_main_chart_says_what_happened_where_it_did() {
    let Some(mut browser) = browser("the_main_chart_says_what_happened_where_it_did") else {
        return;
    };
    let mut page = browser.open(1280);
    let mut report = fixture::leak();
    let words = "[...document.querySelectorAll('text.words')].map((it) => it.textContent).join()";
    page.show(&html(&report));
    assert_eq!(page.text(words), "");
    for chart in &mut report.charts {
        if let Plot::Lines(lines) = &mut chart.plot {
            let text = "subject 0 failed in cycle 2,900 (drop): no descriptor".to_owned();
            lines.marks.push(Mark {
                kind: MarkKind::Incident,
                from_s: 4.9,
                to_s: 4.9,
                text,
                cycles: None,
                label: String::new(),
            });
        }
    }
    page.show(&html(&report));
    // Once, at the side of its line that has room for it.
    assert_eq!(page.text(words), "subject 0 failed in cycle 2,900 (drop)");
    assert_eq!(
        page.text("document.querySelector('text.words').getAttribute('text-anchor')"),
        "end"
    );
    assert_no_complaints(&mut page);
}

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
fn a_chart_works_from_the_keyboard_and_says_what_is_at_its_cursor() {
    let Some(mut browser) =
        browser("a_chart_works_from_the_keyboard_and_says_what_is_at_its_cursor")
    else {
        return;
    };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::leak()));
    choose_time(&mut page);
    let live = "document.getElementById('live').textContent";
    focus(&mut page, "lingering");
    page.key("End");
    assert!(tip(&mut page, "lingering").starts_with("5 s · 3,000 cycles"));
    page.until(&format!("{live}.startsWith('5 s · 3,000 cycles: ')"));
    assert!(page.text(live).contains("lingering 950"));
    page.key("ArrowLeft");
    page.until(
        "document.querySelector('#lingering .tip').textContent.startsWith('4.95 s · 2,970')",
    );
    page.key("Home");
    page.key("ArrowRight");
    page.until("document.querySelector('#lingering .tip').textContent.startsWith('0.05 s · 30 ')");
    page.key("+");
    page.until("document.getElementById('window').textContent.endsWith(' to 2.53 s')");
    page.until(&format!("{live}.startsWith('zoomed to ')"));
    page.key("-");
    page.until("document.getElementById('reset').hidden");
    page.key("+");
    page.until("!document.getElementById('reset').hidden");
    page.key("Escape");
    page.until("document.getElementById('reset').hidden");
    // Slots and bins too.
    focus(&mut page, "slots");
    page.key("End");
    page.key("ArrowUp");
    page.key("ArrowRight");
    let boxed = "document.querySelector('#slots .tip').textContent";
    page.until(&format!("{boxed}.startsWith('4.5 s · 2,700 cyclesslot 1: ')"));
    focus(&mut page, "release");
    page.key("ArrowRight");
    assert!(tip(&mut page, "release").starts_with("1.0 ms to 1.3 ms"));
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
    assert_are_texts(&mut page, &[".suspect h2", ".suspect .figure", ".suspect .until .beside"]);
    let example = page.text("document.querySelector('.suspect .cut').title");
    assert!(example.contains("onerror=alert(1)>"), "{example}");
    assert_eq!(page.eval("document.querySelectorAll('img, svg[onload], [onerror]').length"), 0);
    assert_no_complaints(&mut page);
}

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
    assert_eq!(page.eval(&format!("{cut}.textContent.length")), 64);
    assert_eq!(page.eval("document.querySelectorAll('#resources td .swatch.tone-bad').length"), 1);
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
