//! The page's markup, read as text.

use leakbench_model::{Reason, SlotState};
use leakbench_recording::recording::SlotMap;
use leakbench_reports::render::html;
use leakbench_reports::report::{Plot, Report};

use crate::fixture;

/// The part of a page that a browser without scripts shows.
fn without_scripts(page: &str) -> String {
    let body = page.find("<body>").expect("a body");
    let data = page.find("<script id=\"data\"").or_else(|| page.find("<script")).expect("data");
    without_words(&page[body..data])
}

/// Markup whose commands are plain text: their words with hyphens are elements, so that no line breaks
/// within them.
fn without_words(markup: &str) -> String {
    let mut parts = markup.split("<span class=\"word\">");
    let first = parts.next().expect("a part").to_owned();
    parts.fold(first, |text, part| text + &part.replacen("</span>", "", 1))
}

#[test]
fn without_scripts_it_says_everything_but_the_charts() {
    let page = html(&fixture::leak());
    let shown = without_scripts(&page);
    for said in [
        "LEAK",
        "950 of 3,000 images linger, held by 950 affine slots",
        "lingering at the end",
        "Charts need JavaScript",
        "Images lingering",
        "49800661",
        "750 more in the recording",
        "late-releases",
        "leakbench --cycles 3000 --on-drop keep --barriers 10",
        "vm.max_map_count",
        "so no limit is drawn",
    ] {
        assert!(shown.contains(said), "{said}");
    }
    // The verdict's word appears once, though the headline has it too.
    assert_eq!(shown.matches("LEAK").count(), 1);
}

#[test]
fn the_order_is_that_of_reading() {
    let page = html(&fixture::leak());
    let ids = [
        "lingering",
        "next",
        "findings",
        "holders",
        "slots",
        "survival",
        "release",
        "mappings",
        "descriptors",
        "memory",
        "page-tables",
        "lingering-images",
        "resources",
        "unmeasured",
        "reproduce",
    ];
    let places =
        ids.map(|id| page.find(&format!(" id=\"{id}\"")).unwrap_or_else(|| panic!("{id}")));
    assert!(places.is_sorted(), "{places:?}");
}

/// The banner has the sentence of the decisive finding.
#[test]
fn no_finding_repeats_the_verdict() {
    let mut report = fixture::leak();
    let sentence = report.findings[0].message.clone();
    assert_eq!(without_scripts(&html(&report)).matches(&sentence).count(), 1);
    report.findings.truncate(1);
    assert!(html(&report).contains("No other findings."));
}

/// The page says what to do next, but not to draw it.
#[test]
fn the_next_steps_have_commands_to_copy() {
    let next = |report: &Report| {
        let page = html(report);
        let ends = ["id=\"next\"", "id=\"findings\""].map(|id| page.find(id).expect("a section"));
        without_words(&page[ends[0]..ends[1]])
    };
    let mut report = fixture::leak();
    let unknown = next(&report);
    for said in [
        "<code>--on-drop purge</code> removes a dropped module's images from its slots",
        "<code>leakbench --cycles 3000 --barriers 10 --on-drop purge</code>",
        "<code>leakbench gate</code> with the recording's folder judges it",
        "<code>leakbench doctor</code> shows the machine",
    ] {
        assert!(unknown.contains(said), "{said}: {unknown}");
    }
    assert!(!unknown.contains("leakbench report"));
    report.recording = Some("out of <b>".into());
    let known = next(&report);
    for said in [
        "<code>leakbench gate</code> judges it",
        "<pre><code>leakbench gate 'out of &lt;b&gt;'</code></pre>",
    ] {
        assert!(known.contains(said), "{said}: {known}");
    }
}

#[test]
fn a_clean_report_has_no_findings_and_no_missing_measurement() {
    let page = html(&fixture::clean());
    assert!(page.contains("verdict-clean"));
    assert!(page.contains("No findings."));
    assert!(page.contains("No image of a dropped module lingers."));
    assert!(!page.contains("id=\"unmeasured\""));
}

/// Charts of what does not linger would repeat the proof.
#[test]
fn a_proof_stands_for_all_that_is_quiet() {
    let page = html(&fixture::proved());
    let shown = without_scripts(&page);
    for absent in ["id=\"lingering\"", "id=\"slots\"", "No image of a dropped module lingers."] {
        assert!(!shown.contains(absent), "{absent}");
    }
    assert!(
        !page.contains("class SlotChart") && html(&fixture::leak()).contains("class SlotChart")
    );
    for said in ["900", "of 1,024, RLIMIT_NOFILE; 9 at rest", "87.9 %", "9 bytes at rest"] {
        assert!(shown.contains(said), "{said}");
    }
    let ids = ["proof", "release", "peaks", "mappings", "reproduce"];
    let places = ids.map(|id| page.find(&format!(" id=\"{id}\"")).expect(id));
    assert!(places.is_sorted(), "{places:?}");
    // A map that shows live images comes after the peaks, with the controls of its axis.
    let mut report = fixture::proved();
    for chart in &mut report.charts {
        if let Plot::Slots(maps) = &mut chart.plot {
            let states = [SlotState::Warm, SlotState::InUse];
            maps.maps[0].rows[0].map = SlotMap::of_states(&states).expect("slots");
        }
    }
    let page = html(&report);
    let ids = ["proof", "release", "peaks", "controls", "slots", "mappings"];
    let places = ids.map(|id| page.find(&format!("id=\"{id}\"")).expect(id));
    assert!(places.is_sorted(), "{places:?}");
    let mut leaked = fixture::proved();
    leaked.charts.remove(0);
    assert!(html(&leaked).contains("id=\"slots\""), "without a proof it is shown");
}

/// An unknown fate is not reported as clean.
#[test]
fn a_table_has_its_caveat() {
    let caveat = "The fate of 1,002 images is unknown.";
    let mut report = fixture::clean();
    let table = report.lingering.get_or_insert_default();
    table.caveat = Some(caveat.to_owned());
    let page = html(&report);
    assert!(page.contains(caveat));
    assert!(!page.contains("No image of a dropped module lingers."));

    let mut report = fixture::leak();
    assert!(!html(&report).contains(caveat));
    report.lingering.get_or_insert_default().caveat = Some(caveat.to_owned());
    assert!(without_scripts(&html(&report)).contains(caveat), "above the rows");
}

#[test]
fn a_reason_is_called_alike_on_the_page_and_in_pictures() {
    let reason = Reason::UnknownSlot;
    let mut report = fixture::leak();
    for row in report.lingering.iter_mut().flat_map(|table| &mut table.rows) {
        row.reason = reason;
    }
    let mut charts = report.charts.iter_mut();
    let chart = charts.find(|chart| chart.id == "survival").expect("survival");
    if let Plot::Survival(survival) = &mut chart.plot {
        survival.reasons[1] = reason;
    }
    let picture = leakbench_reports::draw::svg(chart).expect("a picture");
    assert!(picture.contains(&format!("held by {}", reason.singular())));
    let page = html(&report);
    let [holders, survival, table] = ["holders", "survival", "lingering-images"]
        .map(|id| page.find(&format!("id=\"{id}\"")).expect(id));
    assert!(page[holders..survival].contains(reason.singular()));
    assert!(page[survival..table].contains(reason.singular()));
}

/// A column that says what another one says is left out, and so is a line that is that of all rows.
#[test]
fn no_two_columns_say_the_same() {
    let heads = |report: &Report| {
        let page = html(report);
        let table = &page[page.find("id=\"lingering-images\"").expect("a table")..];
        let head =
            &table[table.find("<thead>").expect("a head")..table.find("</thead>").expect("it")];
        let names = head.split("</th>").filter_map(|cell| cell.rsplit('>').next());
        let names: Vec<String> = names.filter(|it| !it.is_empty()).map(str::to_owned).collect();
        (names.join(" | "), page.contains("Line 19 of the recording lists them."))
    };
    let mut report = fixture::leak();
    // One module was created in an unknown cycle.
    let with_created = "inode | created at cycle | module, dropped at cycle | age | held by";
    assert_eq!(heads(&report), (with_created.to_owned(), true));
    let rows = &mut report.lingering.as_mut().expect("a table").rows;
    rows[3].created_at_cycle = Some(rows[3].dropped_at_cycle);
    let alike = "inode | module and cycle | age | held by";
    assert_eq!(heads(&report), (alike.to_owned(), true));
    let rows = &mut report.lingering.as_mut().expect("a table").rows;
    (rows[1].subject, rows[1].module, rows[1].line) = (1, 999, 20);
    let apart = "process | inode | module | created and dropped at cycle | age | held by | line";
    assert_eq!(heads(&report), (apart.to_owned(), false));
}

#[test]
fn hostile_names_add_no_markup() {
    let page = html(&fixture::hostile());
    // The page's own tags.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<svg/") && !page.contains("<!--"));
    assert!(!page.contains(['\0', '\u{202e}', '\u{2028}']));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(page.contains(r"\u{202e}"));
    // Very long names do not make a very long page.
    assert!(!page.contains(&"x".repeat(300)) && !page.contains(&"y".repeat(3_000)));
}

#[test]
fn it_needs_nothing_else() {
    let page = html(&fixture::leak());
    assert!(page.contains("default-src &#39;none&#39;") || page.contains("default-src 'none'"));
    assert!(!page.contains("unsafe-inline") && !page.contains("unsafe-eval"));
    for reaches_out in ["https://", "@import", "url(http", "src=", "fetch(", "innerHTML"] {
        assert!(!page.contains(reaches_out), "{reaches_out}");
    }
}

/// The cards of suspects replace the figures, and the growth findings that they show.
#[test]
fn suspects_are_cards_with_their_way_to_the_code() {
    let mut report = fixture::observed();
    let growth = "socket descriptors grow by 12.0 a second";
    report.findings[2].rule = "growth";
    report.findings[2].message = growth.to_owned();
    let page = html(&report);
    let shown = without_scripts(&page);
    assert_eq!(shown.matches("<article class=\"suspect\">").count(), 2);
    for said in [
        "<a href=\"#descriptors\">socket descriptors</a>",
        "+12.0 ± 1.0/s",
        "with it grow descriptors",
        "<strong>25 s</strong> to RLIMIT_NOFILE 1,024, 71\u{a0}% used",
        "limit in 23 s to 27 s (95 % CI)",
        "strace -f -k -e socket,accept,accept4,close -p 4242",
        "…",
    ] {
        assert!(shown.contains(said), "{said}");
    }
    let whole =
        format!("title=\"inode 7 on 0:9, {}socket: fd 17, for 58 s\"", "/a/long/path".repeat(9));
    assert!(shown.contains(&whole), "the whole path on hovering");
    assert!(!shown.contains(growth) && !shown.contains("class=\"figures\""));
    // The control: without cards there are figures, and findings of growth.
    report.suspects.clear();
    let page = html(&report);
    assert!(page.contains(growth) && page.contains("class=\"figures\""));
}
