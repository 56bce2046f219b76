//! The matrix of faults: what became of a command in each run in which system calls failed.

use leakbench_model::text::{counted, grouped};
use leakbench_model::{Call, ErrorNumber, Fault, When, exit_code};
use serde::Serialize;

/// Version of the JSON form.
const VERSION: u32 = 1;

leakbench_model::names! {
    /// What became of a run in which a call failed. A later one in this order is graver.
    #[derive(PartialOrd, Ord)]
    FaultOutcome ("outcome of a fault") {
        /// The run did not make so many calls this time.
        Unmet = "unmet",
        /// It ended as without the fault, and left no more behind.
        Survived = "survived",
        /// It reported an error, and its words have the error of the call.
        Named = "named",
        /// It reported an error without the error of the call.
        Unnamed = "unnamed",
        /// It ended as without the fault and left more behind, or left processes behind.
        Leaked = "leaked",
        /// A signal or a panic ended it, or it did not recover.
        Died = "died",
        /// It did not end in time.
        Hung = "hung",
    }
}

impl FaultOutcome {
    /// True if a program with a correct error path has no such outcome.
    pub fn is_problem(self) -> bool {
        self >= FaultOutcome::Leaked
    }
}

/// One run with a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultCell {
    /// The fault.
    pub fault: Fault,
    /// What became of it.
    pub outcome: FaultOutcome,
    /// The outcome in words.
    pub what: String,
    /// The command that makes this run again.
    pub command: String,
}

/// The number of calls of a run without faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CallCount {
    /// The call.
    pub call: Call,
    /// The number.
    pub calls: u64,
}

/// All runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultMatrix {
    /// The command under test.
    pub subject: String,
    /// The command that makes the matrix again.
    pub command: String,
    /// The calls of the run without faults.
    pub calls: Vec<CallCount>,
    /// The number of all cells, of which some were chosen.
    pub cells_total: u64,
    /// The number of those chosen.
    pub cells_chosen: u64,
    /// The runs that were made.
    pub cells: Vec<FaultCell>,
    /// The user interrupted it.
    pub interrupted: bool,
}

/// The cells of one call and error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRow<'a> {
    /// The call.
    pub call: Call,
    /// Its error.
    pub error: ErrorNumber,
    /// True if later calls fail too.
    pub persists: bool,
    /// The number of positions, of which some were tried.
    pub positions: u64,
    /// The cells by position, with the position.
    pub cells: Vec<(u64, &'a FaultCell)>,
}

impl FaultRow<'_> {
    /// The number of cells with an outcome.
    pub fn count(&self, outcome: FaultOutcome) -> u64 {
        self.cells.iter().filter(|(_, cell)| cell.outcome == outcome).count() as u64
    }
}

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    verdict: &'static str,
    exit_code: u8,
    headline: String,
    interrupted: bool,
    subject: &'a str,
    command: &'a str,
    calls: &'a [CallCount],
    cells_total: u64,
    cells_chosen: u64,
    cells: &'a [FaultCell],
}

impl FaultMatrix {
    /// The rows, in the order of calls and errors.
    pub fn rows(&self) -> Vec<FaultRow<'_>> {
        let mut rows: Vec<FaultRow<'_>> = Vec::new();
        for cell in &self.cells {
            let Fault { call, error, when } = cell.fault;
            let (persists, position) = match when {
                When::From(position) => (true, position.get()),
                When::Nth(position) | When::Every(position) => (false, position.get()),
                When::Never => (false, 0),
            };
            let is_of =
                |row: &FaultRow<'_>| (row.call, row.error, row.persists) == (call, error, persists);
            match rows.iter_mut().find(|row| is_of(row)) {
                Some(row) => row.cells.push((position, cell)),
                None => {
                    let made = self.calls.iter().find(|count| count.call == call);
                    let positions = made.map_or(0, |count| count.calls);
                    let cells = vec![(position, cell)];
                    rows.push(FaultRow { call, error, persists, positions, cells });
                }
            }
        }
        rows.sort_by_key(|row| (row.call, row.error, row.persists));
        rows.iter_mut().for_each(|row| row.cells.sort_by_key(|(position, _)| *position));
        rows
    }

    /// The number of cells with an outcome.
    pub fn count(&self, outcome: FaultOutcome) -> u64 {
        self.cells.iter().filter(|cell| cell.outcome == outcome).count() as u64
    }

    /// Cells with a problem, the gravest first.
    pub fn problems(&self) -> Vec<&FaultCell> {
        let mut cells: Vec<&FaultCell> =
            self.cells.iter().filter(|cell| cell.outcome.is_problem()).collect();
        cells.sort_by_key(|cell| std::cmp::Reverse(cell.outcome));
        cells
    }

    /// 0 if no cell has a problem, 1 if one has, 4 if none was tried, 130 after an interruption.
    pub fn exit_code(&self) -> u8 {
        let met = self.cells.iter().any(|cell| cell.outcome != FaultOutcome::Unmet);
        match (self.interrupted, self.cells.iter().any(|cell| cell.outcome.is_problem())) {
            (true, _) => exit_code::INTERRUPTED,
            (false, true) => exit_code::LEAK,
            (false, false) if met => exit_code::CLEAN,
            (false, false) => exit_code::INCONCLUSIVE,
        }
    }

    /// The verdict in a word.
    pub fn verdict(&self) -> &'static str {
        match self.exit_code() {
            exit_code::INTERRUPTED => "interrupted",
            exit_code::LEAK => "FAILED",
            exit_code::CLEAN => "passed",
            _ => "inconclusive",
        }
    }

    /// The verdict in a sentence: how many runs had which outcome.
    pub fn headline(&self) -> String {
        if self.cells.is_empty() {
            return "no call can fail: the run made none of those that were chosen".to_owned();
        }
        let outcomes = FaultOutcome::ALL.iter().rev();
        let counts = outcomes.filter_map(|outcome| {
            let count = self.count(*outcome);
            (count > 0).then(|| format!("{} {outcome}", grouped(count)))
        });
        let counts: Vec<String> = counts.collect();
        let of_all = match self.cells_total == self.cells.len() as u64 {
            true => String::new(),
            false => format!(" of {}", grouped(self.cells_total)),
        };
        let tried = self.cells.len() as u64;
        format!("{}{of_all} tried: {}", counted(tried, "cell"), counts.join(", "))
    }

    /// The JSON document.
    ///
    /// # Errors
    /// serde's.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let json = Json {
            version: VERSION,
            verdict: self.verdict(),
            exit_code: self.exit_code(),
            headline: self.headline(),
            interrupted: self.interrupted,
            subject: &self.subject,
            command: &self.command,
            calls: &self.calls,
            cells_total: self.cells_total,
            cells_chosen: self.cells_chosen,
            cells: &self.cells,
        };
        Ok(serde_json::to_string_pretty(&json)? + "\n")
    }
}
