//! Matrices of faults: rows, verdict, text and page.

use leakbench_model::{Call, exit_code};
use leakbench_reports::faults::{CallCount, FaultCell, FaultMatrix, FaultOutcome};
use leakbench_reports::render::{fault_page, fault_text};

fn cell(fault: &str, outcome: FaultOutcome) -> FaultCell {
    let fault = fault.parse().expect("a fault");
    let hostile = "<script>alert(1)</script>\u{1b}[2J\u{202e}";
    FaultCell {
        fault,
        outcome,
        what: hostile.to_owned(),
        command: format!("leakbench '{hostile}'"),
    }
}

fn matrix(cells: Vec<FaultCell>) -> FaultMatrix {
    FaultMatrix {
        subject: "<b>server</b>\u{1b}[2J".to_owned(),
        command: "leakbench faults -- '<b>server</b>\u{1b}[2J'".to_owned(),
        calls: vec![
            CallCount { call: Call::Mmap, calls: 2_000 },
            CallCount { call: Call::Openat, calls: 3 },
        ],
        cells_total: 4_003,
        cells_chosen: cells.len() as u64,
        cells,
        interrupted: false,
    }
}

#[test]
fn cells_are_in_rows_by_position() {
    let cells = ["openat=EMFILE@3", "mmap=ENOMEM@2000", "openat=EMFILE@1", "openat=EMFILE@2+"];
    let matrix = matrix(cells.map(|fault| cell(fault, FaultOutcome::Survived)).to_vec());
    let rows = matrix.rows();
    let rows: Vec<(Call, bool, u64, Vec<u64>)> = rows
        .iter()
        .map(|row| {
            let positions = row.cells.iter().map(|(position, _)| *position).collect();
            (row.call, row.persists, row.positions, positions)
        })
        .collect();
    assert_eq!(
        rows,
        [
            (Call::Mmap, false, 2_000, vec![2_000]),
            (Call::Openat, false, 3, vec![1, 3]),
            (Call::Openat, true, 3, vec![2]),
        ]
    );
}

#[test]
fn the_gravest_cell_decides() {
    use FaultOutcome::{Died, Hung, Leaked, Named, Survived, Unmet, Unnamed};
    for (outcomes, code, verdict) in [
        (&[Survived, Named, Unnamed, Unmet][..], exit_code::CLEAN, "passed"),
        (&[Survived, Leaked], exit_code::LEAK, "FAILED"),
        (&[Died], exit_code::LEAK, "FAILED"),
        (&[Named, Hung], exit_code::LEAK, "FAILED"),
        (&[Unmet], exit_code::INCONCLUSIVE, "inconclusive"),
        (&[], exit_code::INCONCLUSIVE, "inconclusive"),
    ] {
        let cells = outcomes.iter().map(|outcome| cell("mmap=ENOMEM@1", *outcome)).collect();
        let mut matrix = matrix(cells);
        assert_eq!((matrix.exit_code(), matrix.verdict()), (code, verdict), "{outcomes:?}");
        let text = fault_text(&matrix);
        let last = text.lines().last().expect("a verdict");
        assert!(last.starts_with(&format!("faults: {verdict} — ")), "{last}");
        matrix.interrupted = true;
        assert_eq!(matrix.exit_code(), exit_code::INTERRUPTED);
    }
}

#[test]
fn what_was_not_tried_is_counted() {
    let matrix = matrix(vec![cell("mmap=ENOMEM@7", FaultOutcome::Leaked)]);
    assert_eq!(matrix.headline(), "1 cell of 4,003 tried: 1 leaked");
    let text = fault_text(&matrix);
    assert!(text.contains("1 of 2,000"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&matrix.to_json().expect("JSON")).expect("JSON");
    assert_eq!(json["cells"][0]["fault"], "mmap=ENOMEM@7");
    assert_eq!((&json["cells_total"], &json["exit_code"]), (&4_003.into(), &1.into()));
}

#[test]
fn words_of_programs_are_inert() {
    let outcomes = FaultOutcome::ALL.map(|outcome| cell("openat=EMFILE@1", outcome));
    let matrix = matrix(outcomes.to_vec());
    let page = fault_page(&matrix);
    assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
    assert!(page.contains("&lt;script&gt;"));
    for text in [page, fault_text(&matrix)] {
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    }
}
