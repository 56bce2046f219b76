//! What rows of a sweep have in common.

use super::{Comparison, Row};
use leakbench_model::text::{counted, grouped};

/// The values that some rows of a sweep share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Common {
    /// Each flag of several values with the one that all of them have: `on-drop=keep`.
    pub(crate) values: Vec<String>,
    /// The number of the rows.
    count: u64,
    /// The number of all rows that have these values.
    matching: u64,
}

impl Common {
    /// Of rows by their numbers.
    pub(crate) fn of(comparison: &Comparison, rows: &[usize]) -> Common {
        let all = || comparison.rows.iter();
        let chosen: Vec<&Row> = rows.iter().filter_map(|&row| comparison.rows.get(row)).collect();
        let shared = |flag: usize| {
            let value = chosen.first()?.values.get(flag)?;
            let same = chosen.iter().all(|row| row.values.get(flag) == Some(value));
            (same && comparison.swept.get(flag)?.values.len() > 1).then_some((flag, value))
        };
        let shared: Vec<(usize, &String)> =
            (0..comparison.swept.len()).filter_map(shared).collect();
        let has = |row: &&Row| shared.iter().all(|&(flag, it)| row.values.get(flag) == Some(it));
        let values =
            shared.iter().map(|&(flag, value)| format!("{}={value}", comparison.swept[flag].flag));
        Common {
            values: values.collect(),
            count: chosen.len() as u64,
            matching: all().filter(has).count() as u64,
        }
    }

    /// `4 combinations with on-drop=keep`, `3 of 4 combinations with on-drop=keep`, `3 of 8
    /// combinations`.
    pub(crate) fn words(&self) -> String {
        let with = match self.values.as_slice() {
            [] => String::new(),
            values => format!(" with {}", values.join(",")),
        };
        if self.count == self.matching && self.values.is_empty() && self.count > 1 {
            return format!("all {}", counted(self.count, "combination"));
        }
        match self.count == self.matching {
            true => format!("{}{with}", counted(self.count, "combination")),
            false => {
                format!(
                    "{} of {}{with}",
                    grouped(self.count),
                    counted(self.matching, "combination")
                )
            }
        }
    }

    /// The values of a row that the others do not share: `strategy=random,slots=1000`.
    pub(crate) fn but(&self, comparison: &Comparison, row: &Row) -> String {
        let own = comparison.swept.iter().zip(&row.values);
        let own = own.map(|(swept, value)| format!("{}={value}", swept.flag));
        own.filter(|value| !self.values.contains(value)).collect::<Vec<String>>().join(",")
    }
}
