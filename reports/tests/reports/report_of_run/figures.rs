//! Figures and facts.

use super::*;

/// The figure of lingering images.
fn lingering_figure(recording: &Recording) -> Figure {
    let figures = report(recording).figures.into_iter();
    let mut lingering = figures.filter(|figure| figure.label.starts_with("lingering"));
    lingering.next().expect("how many linger")
}

#[test]
fn an_unknown_number_is_not_zero() {
    let texts = |recording: &Recording| {
        let Figure { label, value, beside, tone } = lingering_figure(recording);
        (label, value, beside, tone)
    };
    let figure = |label: &str, value: &str, beside: &str, tone| {
        (label.to_owned(), value.to_owned(), beside.to_owned(), tone)
    };
    let proved = "at the barrier after cycle 28,000; of 28,200 images, 1,002 unknown";
    assert_eq!(
        texts(&recording(killed_leaking())),
        figure("lingering, proved earlier", "1,000", proved, Tone::Bad)
    );
    let unseen = "of 102,500 images, 2 unknown";
    assert_eq!(
        texts(&died(ExitKind::Signaled { signal: 9 })),
        figure("lingering when last seen", "unknown", unseen, Tone::Warning)
    );
    let failed = "of 3,000 images, 100 unknown";
    assert_eq!(
        texts(&inconclusive()),
        figure("lingering at the end", "unknown", failed, Tone::Warning)
    );
    assert_eq!(
        texts(&leak_earlier()),
        figure("lingering at the end", "0", "of 3,000 images, 12 before", Tone::Bad)
    );
    assert_eq!(
        texts(&clean()),
        figure("lingering at the end", "0", "of 1,000,000 images", Tone::Good)
    );
}

/// Two subjects died; the one that died first may have the higher number.
#[test]
fn headline_and_figure_name_the_same_death() {
    for (end_of_0, end_of_1, first) in [(3_200, 3_177, 1), (3_177, 3_200, 0), (3_177, 3_177, 0)] {
        let mut recording = died(ExitKind::Signaled { signal: 9 });
        for record in &mut recording.records {
            if let Record::Exit(exit) = record {
                exit.at_ms = if exit.subject == 0 { end_of_0 } else { end_of_1 };
                exit.how = ExitKind::Signaled { signal: 9 };
            }
        }
        let report = report(&recording);
        let named = format!("subject {first} ");
        assert!(report.headline.contains(&named), "{}", report.headline);
        assert!(report.figures[0].label.starts_with(&named), "{}", report.figures[0].label);
        assert!(report.findings[0].message.starts_with(&named), "{}", report.findings[0].message);
    }
}

#[test]
fn a_runtime_without_images_has_figures_of_growth() {
    let options = Options {
        subject: Some("python3 driver.py".parse().expect("a name")),
        ..Options::default()
    };
    let mut records = vec![start(3_000, 1, options), up(0, 3_000)];
    for number in 1..60 {
        let counts = Counts { cycles: 50 * number, ..Counts::default() };
        let had = footprint(60 + 50 * number, 9, 30 << 20);
        records.push(sample(0, 100 * number, counts, had));
    }
    let counts = Counts { cycles: 3_000, ..Counts::default() };
    let mut seen = barrier(0, 6_000, counts);
    (seen.last, seen.footprint) = (true, footprint(3_060, 9, 30 << 20));
    records.extend([mid_barrier(seen), exit(0, 6_010, ExitKind::Done, &[]), end(6_020)]);
    let report = report(&recording(records));
    let texts: Vec<(&str, &str, Tone)> =
        report.figures.iter().map(|f| (&f.label[..], &f.value[..], f.tone)).collect();
    let expected = [
        ("mappings per 1,000 cycles", "+1,000", Tone::Bad),
        ("descriptors per 1,000 cycles", "no growth", Tone::Good),
        ("resident memory per 1,000 cycles", "no growth", Tone::Good),
    ];
    assert_eq!(texts, expected);
}

#[test]
fn without_images_there_are_other_figures() {
    let report = report(&copy());
    assert!(!ids(&report).contains(&"lingering"), "{:?}", ids(&report));
    assert_eq!(report.lingering, None);
    let labels: Vec<&str> = report.figures.iter().map(|figure| &figure.label[..]).collect();
    assert_eq!(labels, ["cycles", "cycles a second", "resident at the end"]);
    assert!(report.unmeasured.iter().any(|text| text.contains("No image was seen")));
}

#[test]
fn facts_have_choices_and_machine() {
    let report = report(&leak_keep());
    let groups: Vec<&str> = report.facts.iter().map(|group| &group.name[..]).collect();
    assert_eq!(groups, ["reproduce", "scenario", "machine", "runtime", "cost of measuring"]);
    let fact = |group: &str, name: &str| {
        let group = report.facts.iter().find(|known| known.name == group).expect("a group");
        let mut facts = group.facts.iter();
        facts.find(|fact| fact.0 == name).map(|fact| fact.1.as_str())
    };
    assert_eq!(fact("reproduce", "recorded"), Some("2025-06-15 15:06:40 UTC"));
    assert_eq!(fact("reproduce", "seed"), Some("0"));
    assert_eq!(fact("scenario", "on-drop"), Some("keep"));
    assert_eq!(fact("scenario", "invoke"), None);
    assert_eq!(fact("machine", "kernel"), Some("Linux 6.18.0"));
}
