//! The series as CSV: a line for each sample of a run or an observation, or for each run of a
//! comparison. Missing measurements are empty fields. Texts cannot act as a spreadsheet's formulas.

use std::io;

use csv::Writer;

use crate::comparison::{Comparison, Row, RunSummary};
use crate::recorded::{Recorded, RecordedKind};
use leakbench_model::text::printable;
use leakbench_model::{Footprint, Resource};
use leakbench_recording::ledger::{Ledger, SubjectSample};
use leakbench_recording::observation::ObservationLedger;

/// The series of a run, an observation or a comparison.
pub(super) fn csv(recorded: &Recorded) -> io::Result<String> {
    let mut lines = Lines(Writer::from_writer(Vec::new()));
    match &recorded.what {
        RecordedKind::Run(run) => samples_of_run(&mut lines, &run.ledger)?,
        RecordedKind::Observation(diagnosis) => samples_of_process(&mut lines, &diagnosis.ledger)?,
        RecordedKind::Comparison(several) => runs(&mut lines, &several.comparison)?,
    }
    let bytes = lines.0.into_inner().map_err(|error| error.into_error())?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// Cells of a line.
type Cells = Vec<String>;

struct Lines(Writer<Vec<u8>>);

impl Lines {
    fn add(&mut self, cells: Cells) -> io::Result<()> {
        self.0.write_record(cells).map_err(io::Error::from)
    }
}

/// The amounts of the resources that a run samples, under their names.
fn footprint(seen: &Footprint) -> impl Iterator<Item = String> {
    Resource::OF_A_RUN.into_iter().map(|resource| number(seen.of(resource)))
}

fn samples_of_run(lines: &mut Lines, ledger: &Ledger) -> io::Result<()> {
    let mut head = vec!["line", "subject", "at_ms", "kind", "cycles", "made"];
    head.extend(["synchronous", "late", "live", "lingering", "unknown"]);
    head.extend(Resource::OF_A_RUN.map(Resource::as_str));
    lines.add(head.into_iter().map(str::to_owned).collect())?;
    let mut samples: Vec<(u32, &SubjectSample)> = Vec::new();
    for subject in &ledger.subjects {
        samples.extend(subject.samples.iter().map(|sample| (subject.number, sample)));
    }
    samples.sort_by_key(|(_, sample)| sample.line);
    for (subject, sample) in samples {
        let counts = &sample.counts;
        let kind = if sample.at_barrier { "barrier" } else { "sample" };
        let mut cells =
            vec![sample.line.to_string(), subject.to_string(), sample.at_ms.to_string()];
        cells.push(kind.to_owned());
        let counts = [
            counts.cycles,
            counts.made,
            counts.synchronous,
            counts.late,
            counts.live,
            counts.lingering,
            counts.unknown,
        ];
        cells.extend(counts.map(|count| count.to_string()));
        cells.extend(footprint(&sample.footprint));
        lines.add(cells)?;
    }
    Ok(())
}

fn samples_of_process(lines: &mut Lines, ledger: &ObservationLedger) -> io::Result<()> {
    let seen = |resource: &Resource| {
        ledger.samples.iter().any(|sample| sample.amounts.of(*resource).is_some())
    };
    let resources: Vec<Resource> = Resource::ALL.into_iter().filter(seen).collect();
    let mut head = ["line", "at_ms", "processes"].map(str::to_owned).to_vec();
    head.extend(resources.iter().map(|resource| resource.to_string()));
    lines.add(head)?;
    for (sample, line) in ledger.samples.iter().zip(&ledger.sample_lines) {
        let mut cells =
            vec![line.to_string(), sample.at_ms.to_string(), sample.processes.to_string()];
        cells.extend(resources.iter().map(|name| number(sample.amounts.of(*name))));
        lines.add(cells)?;
    }
    Ok(())
}

fn runs(lines: &mut Lines, comparison: &Comparison) -> io::Result<()> {
    // The prefix avoids a clash of a flag's name with a column's.
    let flags = comparison.swept.iter();
    let mut head: Cells =
        flags.map(|swept| format!("setting_{}", swept.flag.replace('-', "_"))).collect();
    let own = ["row", "subject", "round", "folder", "verdict", "refusal", "runtime"];
    head.extend(own.into_iter().map(str::to_owned));
    let done = ["started_unix_s", "cycles", "cycles_asked", "running_s", "rate_per_s"];
    let images = ["made", "synchronous", "late", "lingering", "unknown"];
    head.extend(done.into_iter().chain(images).map(str::to_owned));
    for when in ["at_end", "peak"] {
        head.extend(Resource::OF_A_RUN.map(|resource| format!("{when}_{resource}")));
    }
    lines.add(head)?;
    for row in &comparison.rows {
        for run in &row.runs {
            lines.add(run_cells(comparison, row, Some(run)))?;
        }
        // A refusal has a line too.
        if row.runs.is_empty() || row.refusal.is_some() {
            lines.add(run_cells(comparison, row, None))?;
        }
    }
    Ok(())
}

fn run_cells(comparison: &Comparison, row: &Row, run: Option<&RunSummary>) -> Cells {
    let values = comparison.swept.iter().enumerate();
    let mut cells: Cells =
        values.map(|(index, _)| row.values.get(index).map_or(String::new(), |v| text(v))).collect();
    cells.extend([text(&row.name), text(&row.subject)]);
    let refusal = match (run, &row.refusal) {
        (None, Some(refusal)) => text(refusal.reason()),
        _ => String::new(),
    };
    cells.push(run.map_or(String::new(), |run| run.round.to_string()));
    cells.push(run.map_or(String::new(), |run| text(&run.folder)));
    cells.push(run.map_or("not-run", |run| run.verdict.as_str()).to_owned());
    cells.push(refusal);
    let runtime = run.and_then(|run| run.runtime.as_deref());
    cells.push(runtime.map_or(String::new(), text));
    let Some(run) = run else {
        // The measurements are missing.
        cells.resize(cells.len() + 10 + 2 * Resource::OF_A_RUN.len(), String::new());
        return cells;
    };
    let done = [run.started_unix_s, run.cycles, run.cycles_asked];
    cells.extend(done.map(|count| count.to_string()));
    cells.push(run.running_s.to_string());
    cells.push(run.rate_per_s.map_or(String::new(), |rate| rate.to_string()));
    let images = &run.images;
    let images = [images.made, images.synchronous, images.late, images.lingering, images.unknown];
    cells.extend(images.map(|count| count.to_string()));
    cells.extend(footprint(&run.at_end));
    cells.extend(footprint(&run.peak));
    cells
}

fn number(number: Option<u64>) -> String {
    number.map_or(String::new(), |number| number.to_string())
}

/// A text from outside. An apostrophe before the first character of a formula marks it as text for a
/// spreadsheet (OWASP, CSV injection).
fn text(text: &str) -> String {
    let shown = printable(text);
    match shown.chars().next() {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') => format!("'{shown}"),
        _ => shown.into_owned(),
    }
}
