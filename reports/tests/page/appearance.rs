//! The look of the page: contrast, narrow screens, paper.

use leakbench_reports::render::html;
use serde_json::json;

use crate::browser::{Page, browser};
use crate::fixture;

/// Every text of the page with its contrast to the background, the worst first, by the formula of the
/// Web Content Accessibility Guidelines.
const CONTRASTS: &str = r#"(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    // Each colour is painted once: the page has thousands of texts and few colours.
    const painted = new Map();
    const rgba = (colour) => {
        if (!painted.has(colour)) {
            canvas.clearRect(0, 0, 1, 1);
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            painted.set(colour, [...canvas.getImageData(0, 0, 1, 1).data]);
        }
        return painted.get(colour);
    };
    const luminance = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((c) => c / 255)
            .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const behind = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const colour = rgba(getComputedStyle(each).backgroundColor);
            if (colour[3] === 255) return colour;
        }
        return [255, 255, 255, 255];
    };
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.checkVisibility()
            || element.closest("script, style, noscript")) continue;
        const style = getComputedStyle(element);
        const drawn = element.namespaceURI.endsWith("svg");
        const [a, b] = [rgba(drawn ? style.fill : style.color), behind(element)].map(luminance);
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        found.push([Math.round(contrast * 100) / 100, texts.currentNode.data.trim().slice(0, 40)]);
    }
    return found.sort((a, b) => a[0] - b[0]);
})()"#;

fn contrasts(page: &mut Page<'_>) -> Vec<(f64, String)> {
    serde_json::from_value(page.eval(CONTRASTS)).expect("contrasts")
}

pub(crate) fn prefer(page: &mut Page<'_>, scheme: &str) {
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    page.call("Emulation.setEmulatedMedia", json!({ "features": features }));
}

pub(crate) fn background(page: &mut Page<'_>) -> String {
    page.text("getComputedStyle(document.body).backgroundColor")
}

/// A pixel of the slot map: red, green, blue.
const CELL: &str = "(() => { const canvas = document.querySelector('#slots canvas');
    const context = canvas.getContext('2d');
    return [...context.getImageData(5, canvas.height - 5, 1, 1).data].slice(0, 3).join(); })()";

/// The share of vermilion in the pixels of the slot map, which are mixtures of it and the colour of
/// cold slots; and the number of pixels that are vermilion.
const VERMILION: &str = "(() => { const canvas = document.querySelector('#slots .plot canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let [sum, full, all] = [0, 0, 0];
    for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] === 0) continue;
        const part = (0xf0 - data[at + 2]) / (0xf0 - 0x0c);
        [sum, full, all] = [sum + part, full + (part === 1), all + 1];
    }
    return [sum / all, full]; })()";

#[test]
fn a_slot_map_shows_the_share_of_held_slots() {
    let Some(mut browser) = browser("a_slot_map_shows_the_share_of_held_slots") else { return };
    for width in [1280, 390] {
        let mut page = browser.open(width);
        prefer(&mut page, "light");
        for (slots, held) in [
            (1_000, 260),
            (1_000, 455),
            (1_000, 940),
            (1_000, 1),
            (20_000, 5_200),
            (20_000, 9_100),
            (20_000, 18_800),
            (20_000, 1),
            (20_000, 0),
        ] {
            page.show(&html(&fixture::held(slots, held)));
            let shown: (f64, f64) = serde_json::from_value(page.eval(VERMILION)).expect("numbers");
            let truth = f64::from(held) / f64::from(slots);
            assert!((shown.0 - truth).abs() < 0.03, "{held} of {slots} at {width}: {shown:?}");
            // One slot has a mark in each of ten rows.
            let marked = match held {
                0 => 0.0..=0.0,
                1 => 20.0..=600.0,
                _ => 0.0..=f64::MAX,
            };
            assert!(marked.contains(&shown.1), "{held} of {slots} at {width}: {shown:?}");
        }
    }
}

#[test]
fn every_text_stands_out_in_light_and_dark() {
    let Some(mut browser) = browser("every_text_stands_out_in_light_and_dark") else { return };
    for report in [
        fixture::leak(),
        fixture::proved(),
        fixture::observed(),
        fixture::three_suspects(),
        fixture::comparison(),
        fixture::compared(),
        fixture::swept(),
    ] {
        let mut page = browser.open(1280);
        for scheme in ["light", "dark"] {
            prefer(&mut page, scheme);
            page.show(&html(&report));
            page.eval(
                "document.querySelectorAll('details').forEach((each) => { each.open = true; })",
            );
            let texts = contrasts(&mut page);
            assert!(texts.len() > 40, "{} texts", texts.len());
            assert!(texts[0].0 >= 4.5, "{scheme}: {:?}", &texts[..texts.len().min(5)]);
        }
    }
}

/// On a screen of 1280 by 800, each part of interest begins on the first screen, and most of the main chart
/// is on it.
#[test]
fn the_first_screen_has_verdict_chart_next_step_and_findings() {
    let name = "the_first_screen_has_verdict_chart_next_step_and_findings";
    let Some(mut browser) = browser(name) else { return };
    for report in
        [fixture::leak(), fixture::proved(), fixture::observed(), fixture::three_suspects()]
    {
        let mut page = browser.open(1280);
        page.show(&html(&report));
        page.until("document.querySelector('.main .plot svg') !== null");
        let mut top = |selector: &str| {
            let place = format!("document.querySelector('{selector}').getBoundingClientRect().top");
            page.eval(&place).as_f64().expect("a number")
        };
        for (part, lowest) in
            [(".banner", 100.0), (".main h2", 400.0), ("#next", 400.0), ("#findings", 760.0)]
        {
            let top = top(part);
            assert!(top < lowest, "{}: {part} begins at {top}", report.title);
        }
        assert!(top(".main .plot") < 560.0, "{}", top(".main .plot"));
    }
}

#[test]
fn light_and_dark_follow_the_system_until_one_is_chosen() {
    let Some(mut browser) = browser("light_and_dark_follow_the_system_until_one_is_chosen") else {
        return;
    };
    let mut page = browser.open(1280);
    prefer(&mut page, "light");
    page.show(&html(&fixture::leak()));
    let (light, light_cell) = (background(&mut page), page.text(CELL));
    prefer(&mut page, "dark");
    page.until("document.getElementById('theme').textContent === 'Light'");
    let dark = background(&mut page);
    assert_ne!(light, dark);
    // The canvas changes its colours too.
    page.until(&format!("{CELL} !== '{light_cell}'"));
    page.eval("document.getElementById('theme').click()");
    assert_eq!(background(&mut page), light);
    prefer(&mut page, "light");
    page.eval("document.getElementById('theme').click()");
    assert_eq!(background(&mut page), dark);
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn a_phone_scrolls_down_only() {
    let Some(mut browser) = browser("a_phone_scrolls_down_only") else { return };
    for report in [
        fixture::leak(),
        fixture::proved(),
        fixture::observed(),
        fixture::three_suspects(),
        fixture::comparison(),
        fixture::compared(),
        fixture::swept(),
        fixture::hostile(),
    ] {
        let mut page = browser.open(360);
        page.show(&html(&report));
        page.eval("document.querySelectorAll('details').forEach((each) => { each.open = true; })");
        let root = "document.documentElement";
        let wide = page.eval(&format!("{root}.scrollWidth"));
        assert_eq!(wide, 360, "{}", page.text(WIDEST));
        assert!(page.eval(&format!("{root}.scrollHeight")).as_f64().is_some_and(|it| it > 900.0));
        assert_eq!(page.complaints(), Vec::<String>::new());
    }
}

#[test]
fn a_phone_shows_a_comparison_whole_and_no_empty_controls() {
    let Some(mut browser) = browser("a_phone_shows_a_comparison_whole_and_no_empty_controls")
    else {
        return;
    };
    let mut page = browser.open(360);
    page.show(&html(&fixture::comparison()));
    let scroll = "document.querySelector('#heat .scroll')";
    let beyond = page.eval(&format!("{scroll}.scrollWidth - {scroll}.clientWidth"));
    assert_eq!(beyond, 0, "the heat map is cut");
    // A table that must be cut shows an edge.
    let edge = page.text(&format!("getComputedStyle({scroll}).borderRightStyle"));
    assert_eq!(edge, "solid");
    let controls = "document.getElementById('controls').checkVisibility()";
    assert_eq!(page.eval(controls), false);
    page.eval("document.querySelector('.panel .plot').focus()");
    page.key("+");
    page.until(controls);
    page.eval("document.getElementById('reset').click()");
    page.until(&format!("!{controls}"));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

/// Elements that reach beyond the screen outside any box that scrolls.
const WIDEST: &str = r#"[...document.querySelectorAll("body *")]
    .filter((each) => !each.closest(".scroll") && each.getBoundingClientRect().right > 361)
    .map((each) => `${each.tagName}.${each.getAttribute("class")} ${each.textContent.slice(0, 30)}`)
    .slice(0, 5).join("; ")"#;

#[test]
fn without_scripts_there_are_tables_and_no_dead_controls() {
    let Some(mut browser) = browser("without_scripts_there_are_tables_and_no_dead_controls") else {
        return;
    };
    let mut page = browser.open(1280);
    page.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    page.show(&html(&fixture::leak()));
    for hidden in [".plot", "#controls", "#theme", ".search", ".copy"] {
        let visible = format!("document.querySelector({}).checkVisibility()", json!(hidden));
        assert_eq!(page.eval(&visible), false, "{hidden}");
    }
    for shown in ["h1", "noscript p", "#lingering details", "#lingering-images td", "code"] {
        let visible = format!("document.querySelector({}).checkVisibility()", json!(shown));
        assert_eq!(page.eval(&visible), true, "{shown}");
    }
    // The charts' numbers are readable without a click, and on paper even if they were closed.
    let numbers = "document.querySelector('#lingering details td').checkVisibility()";
    assert_eq!(page.eval(numbers), true);
    page.eval("document.querySelector('#lingering details').open = false");
    assert_eq!(page.eval(numbers), false);
    page.call("Emulation.setEmulatedMedia", json!({ "media": "print" }));
    assert_eq!(page.eval(numbers), true);
}

/// The bar of a holder fills its track in height.
#[test]
fn bars_of_holders_are_as_high_as_their_tracks() {
    let Some(mut browser) = browser("bars_of_holders_are_as_high_as_their_tracks") else { return };
    let mut page = browser.open(1280);
    page.show(&html(&fixture::leak()));
    page.until("document.querySelectorAll('#holders .track').length > 1");
    let heights = "[...document.querySelectorAll('#holders .track')].filter((track) =>
        track.offsetHeight !== track.firstElementChild.offsetHeight).length";
    assert_eq!(page.eval(heights), 0);
}

/// Heat maps have as much of a row as their columns need; the headings of rows break at words only.
#[test]
fn a_sweep_is_whole_and_its_headings_are_legible() {
    let Some(mut browser) = browser("a_sweep_is_whole_and_its_headings_are_legible") else {
        return;
    };
    let mut page = browser.open(1280);
    for (pairs, flag, value, sizes) in [
        (6, "slots", "1000", ["whole"; 3]),
        (3, "slots", "1000", ["half", "half", "whole"]),
        (2, "slots", "1000", ["third"; 3]),
        (2, "strategy", "warm-lru", ["half", "half", "whole"]),
        (2, "strategy", "reuse-affinity", ["whole"; 3]),
    ] {
        page.show(&html(&fixture::swept_by_measures(pairs, flag, value)));
        page.until("document.querySelector('.multiples .plot svg') !== null");
        let fits = "[...document.querySelectorAll('.card:not(.main) > .scroll:has(.heat)')]
            .map((box) => box.parentElement.classList[1] + (box.scrollWidth - box.clientWidth)).join()";
        let expected = sizes.map(|size| format!("{size}0")).join(",");
        assert_eq!(page.text(fits), expected, "{} columns of {value}", 2 * pairs);
    }
    for width in [1280, 390] {
        page.resize(width);
        let broken = "[...document.querySelectorAll('.multiples tbody th')].filter((heading) => {
            const range = document.createRange();
            range.selectNodeContents(heading);
            return range.getClientRects().length !== 1;
        }).length";
        assert_eq!(page.eval(broken), 0, "at {width}");
        // A drawing that is smaller than its numbers need would be scaled down.
        let scaled = scaled_drawings(&mut page);
        assert_eq!(scaled, Vec::<String>::new(), "at {width}");
    }
}

/// Drawings whose size differs from the size they were drawn for, with both widths.
pub(crate) fn scaled_drawings(page: &mut Page<'_>) -> Vec<String> {
    page.eval("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))");
    let scaled = page.eval(
        "[...document.querySelectorAll('.plot > svg')].map((drawing) => {
            const shown = drawing.getBoundingClientRect().width;
            return [drawing.closest('figure').id, drawing.viewBox.baseVal.width, shown];
        }).filter(([, drawn, shown]) => Math.abs(shown / drawn - 1) > 0.06)
            .map((each) => each.join(' '))",
    );
    serde_json::from_value(scaled).expect("texts")
}
