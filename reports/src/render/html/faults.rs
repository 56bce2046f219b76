//! The page of a matrix of faults: a row for each call and error, with a cell for each position that was tried.
//! It has no script.

use leakbench_model::text::{counted, grouped};
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::text::{LABEL_CHARS_MAX, SENTENCE_CHARS_MAX, shown};
use super::{digest, style};
use crate::faults::{FaultCell, FaultMatrix, FaultOutcome, FaultRow};

/// Cells that a list has at most.
const LISTED_MAX: usize = 200;

/// The whole page, for a file of its own.
pub fn fault_page(matrix: &FaultMatrix) -> String {
    let sheet = style::fault_sheet();
    let policy = format!(
        "default-src 'none'; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        digest::source(&sheet),
    );
    let unnamed: Vec<&FaultCell> =
        matrix.cells.iter().filter(|cell| cell.outcome == FaultOutcome::Unnamed).collect();
    let subject = shown(&matrix.subject, SENTENCE_CHARS_MAX);
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "faults " (matrix.verdict()) " · leakbench" }
                style { (PreEscaped(&sheet)) }
            }
            body {
                header .top {
                    p .mark { "leakbench" }
                    p .title { "faults in " (subject) }
                }
                main {
                    section class={ "banner " (style::fault_verdict_class(matrix)) } aria-label="verdict" {
                        h1 {
                            span .word { (matrix.verdict().to_lowercase()) } " "
                            span .sentence { (matrix.headline()) }
                        }
                    }
                    (legend(matrix))
                    (heat(matrix))
                    (list("Problems", &matrix.problems()))
                    (list("Errors without the error of the call", &unnamed))
                    section {
                        h2 { "Reproduce" }
                        div .command { pre { code { (shown(&matrix.command, SENTENCE_CHARS_MAX)) } } }
                    }
                }
                footer {
                    p {
                        "Each cell is a run of its own, in which a system call fails on purpose. A cell's title has "
                        "its outcome in words. Positions are those of a run without a fault."
                    }
                }
            }
        }
    };
    page.into_string()
}

/// The sign of an outcome, for readers who do not see its colour.
fn sign(outcome: FaultOutcome) -> &'static str {
    match outcome {
        FaultOutcome::Unmet => "–",
        FaultOutcome::Survived => "",
        FaultOutcome::Named => "e",
        FaultOutcome::Unnamed => "?",
        FaultOutcome::Leaked => "L",
        FaultOutcome::Died => "D",
        FaultOutcome::Hung => "H",
    }
}

fn meaning(outcome: FaultOutcome) -> &'static str {
    match outcome {
        FaultOutcome::Unmet => "made fewer calls this time",
        FaultOutcome::Survived => "ended as without the fault and left no more",
        FaultOutcome::Named => "reported an error that names the error of the call",
        FaultOutcome::Unnamed => "reported another error",
        FaultOutcome::Leaked => "left more behind",
        FaultOutcome::Died => "a signal, a panic, or no recovery",
        FaultOutcome::Hung => "did not end in time",
    }
}

fn legend(matrix: &FaultMatrix) -> Markup {
    markup! {
        ul .faults-legend {
            @for outcome in FaultOutcome::ALL.into_iter().filter(|it| matrix.count(*it) > 0) {
                li {
                    span class={ "cell " (style::fault_class(outcome)) } { (sign(outcome)) }
                    span { strong { (grouped(matrix.count(outcome))) " " (outcome) } " " span .muted { (meaning(outcome)) } }
                }
            }
        }
    }
}

fn heat(matrix: &FaultMatrix) -> Markup {
    let rows = matrix.rows();
    markup! {
        @if !rows.is_empty() {
            section {
                h2 { "Each call and error, by the position of the call" }
                table .faults {
                    thead { tr { th { "call" } th { "error" } th { "fails" } th .number { "tried" } th { "outcome by position" } } }
                    tbody {
                        @for row in &rows { (strip(row)) }
                    }
                }
            }
        }
    }
}

fn strip(row: &FaultRow<'_>) -> Markup {
    let tried = row.cells.len() as u64;
    markup! {
        tr {
            th scope="row" { code { (row.call) } }
            td { code { (row.error) } }
            td { (if row.persists { "from then on" } else { "once" }) }
            td .number {
                (grouped(tried))
                @if tried < row.positions { span .muted { " of " (grouped(row.positions)) } }
            }
            td .strip {
                @for (position, cell) in &row.cells {
                    span class={ "cell " (style::fault_class(cell.outcome)) }
                        title={ "call " (grouped(*position)) ": " (cell.outcome) ", " (shown(&cell.what, SENTENCE_CHARS_MAX)) } {
                        (sign(cell.outcome))
                    }
                }
            }
        }
    }
}

fn list(heading: &str, cells: &[&FaultCell]) -> Markup {
    let more = cells.len().saturating_sub(LISTED_MAX) as u64;
    markup! {
        @if !cells.is_empty() {
            section {
                h2 { (heading) }
                div .scroll tabindex="0" role="region" aria-label=(heading) {
                    table {
                        thead { tr { th { "outcome" } th { "fault" } th { "in words" } th { "reproduce" } } }
                        tbody {
                            @for cell in cells.iter().take(LISTED_MAX) {
                                tr {
                                    td .coloured {
                                        span class={ "cell " (style::fault_class(cell.outcome)) } { (sign(cell.outcome)) }
                                        " " (cell.outcome)
                                    }
                                    td { code { (shown(&cell.fault.to_string(), LABEL_CHARS_MAX)) } }
                                    td { (shown(&cell.what, SENTENCE_CHARS_MAX)) }
                                    td { code { (shown(&cell.command, SENTENCE_CHARS_MAX)) } }
                                }
                            }
                        }
                    }
                }
                @if more > 0 { p .note { "and " (counted(more, "more cell")) "; faults.json lists all" } }
            }
        }
    }
}
