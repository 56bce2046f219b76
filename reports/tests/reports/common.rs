//! Fixtures and golden files.

use std::path::{Path, PathBuf};

use leakbench_recording::judge::Judgement;
use leakbench_recording::ledger::Ledger;
use leakbench_reports::render::{Closing, Summary, SummaryStyle};
use leakbench_reports::report::{Means, Report};

pub(crate) use crate::fixtures::run::*;

/// The number of findings that a summary shows or counts as left out.
pub(crate) fn findings_counted(summary: &str) -> usize {
    let levels = ["error      ", "warn       ", "note       "];
    let starts = |line: &&str| levels.iter().any(|level| line.starts_with(level));
    let shown = summary.lines().filter(starts).count();
    let left_out = summary.lines().filter_map(|line| {
        let count = line.strip_prefix("           … and ").or(line.strip_prefix("findings   "))?;
        let (count, what) = count.split_once(' ')?;
        what.trim_start_matches("more ").starts_with("finding").then_some(count)
    });
    let left_out = left_out.map(|count| count.parse::<usize>().expect("a small number"));
    shown + left_out.sum::<usize>()
}

/// True if the page names something to do next. Drawing the page is done by then.
pub(crate) fn has_a_next_step(report: &Report) -> bool {
    report.next.iter().any(|step| step.means != Means::OnRecording("report"))
}

/// Compares `drawn` with the golden file of that name, or with `LEAKBENCH_BLESS` writes it.
pub(crate) fn golden(name: &str, drawn: &str) -> Result<(), String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("LEAKBENCH_BLESS").is_some() {
        std::fs::write(&path, drawn).expect("golden file can be written");
        return Ok(());
    }
    let kept = std::fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))?;
    if kept == drawn {
        return Ok(());
    }
    let first = kept.lines().zip(drawn.lines()).find(|(a, b)| a != b);
    Err(format!("{name} differs, first in (kept, drawn): {first:#?}"))
}

/// A run's summary as a terminal without colours shows it.
pub(crate) fn summary(
    ledger: &Ledger,
    judgement: &Judgement,
    width: usize,
    out: Option<&Path>,
) -> String {
    let style = SummaryStyle { width: Some(width), out, ..SummaryStyle::default() };
    Summary::of_run(ledger, judgement).draw(&style, &Closing::default())
}
