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

fn prefer(page: &mut Page<'_>, scheme: &str) {
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    page.call("Emulation.setEmulatedMedia", json!({ "features": features }));
}

fn background(page: &mut Page<'_>) -> String {
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
