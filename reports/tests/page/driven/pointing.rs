//! A chart says what is at its cursor.

use leakbench_reports::render::html;
use leakbench_reports::report::{Mark, MarkKind, Plot};

use super::{LINES, assert_no_complaints, choose_time, focus, tip};
use crate::browser::browser;
use crate::fixture;

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

/// A name may stand over the bars, but no line of another quantile runs through it.
#[test]
fn no_line_of_a_histogram_crosses_the_name_of_another() {
    let Some(mut browser) = browser("no_line_of_a_histogram_crosses_the_name_of_another") else {
        return;
    };
    for (p50, p99) in [(0.0, 0.05), (0.0, 0.9), (0.4, 0.5), (0.9, 0.97)] {
        let mut report = fixture::proved();
        for chart in &mut report.charts {
            let Plot::Times(times) = &mut chart.plot else { continue };
            let (first, last) = (times.bins[0].from_ns, times.bins[times.bins.len() - 1].to_ns);
            let at = |share: f64| Some((first * (last / first).powf(share)) as u64);
            (times.p50_ns, times.p99_ns, times.max_ns) = (at(p50), at(p99), at(1.0));
        }
        let html = html(&report);
        for width in [1280, 390] {
            let mut page = browser.open(width);
            page.show(&html);
            page.until("document.querySelectorAll('#release text.statistic').length === 3");
            let crossed = page.eval(
                "[...document.querySelectorAll('#release text.statistic')].flatMap((name) => {
                    const box = name.getBoundingClientRect();
                    return [...document.querySelectorAll('#release line.statistic')]
                        .map((line) => line.getBoundingClientRect())
                        .filter((line) => line.left > box.left && line.left < box.right
                            && line.top < box.bottom - 4 && line.bottom > box.top)
                        .map(() => name.textContent);
                })",
            );
            assert_eq!(crossed, serde_json::json!([]), "{p50} {p99} at {width}");
        }
    }
}
