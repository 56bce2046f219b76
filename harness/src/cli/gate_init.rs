//! `leakbench gate init`: a commented budget from a run.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

use leakbench_model::text::{counted, printable};
use leakbench_reports::gate::Budget;
use leakbench_scenarios::{Options, shell};

use super::gate::read_all;
use super::project_file::PROJECT_FILE;
use crate::error::Error;
use crate::output::{folder, print};

/// `leakbench gate init`.
#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// Folders that --out named
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,

    /// The file to write
    #[arg(long, value_name = "FILE", default_value = PROJECT_FILE)]
    out: PathBuf,

    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

impl InitArgs {
    /// Writes the file and prints what to do with it.
    ///
    /// # Errors
    /// The file exists, or cannot be written, or the folders have no recording.
    pub(super) fn run(&self) -> Result<ExitCode, Error> {
        if !self.force && self.out.metadata().is_ok_and(|file| file.is_file()) {
            let path = self.out.display();
            let message = format!("{path} exists already: replace it with --force");
            return Err(Error::Usage(message));
        }
        let mut budget = Budget::init(&read_all(&self.folders)?);
        if self.force {
            budget += &self.run_defaults()?;
        }
        folder::write_at(&self.out, budget.as_bytes())
            .map_err(|error| Error::Write { path: self.out.clone(), error })?;
        print(&self.closing(&budget))?;
        Ok(ExitCode::SUCCESS)
    }

    /// The `[run]` table of the file that is replaced: it is not the budget's.
    ///
    /// # Errors
    /// The table has a mistake, or the file has defaults of runs in another form.
    fn run_defaults(&self) -> Result<String, Error> {
        let Ok(old) = std::fs::read_to_string(&self.out) else {
            return Ok(String::new());
        };
        let name = self.out.display().to_string();
        let defaults = match Options::from_run_table(&old, &name) {
            Ok(defaults) => defaults,
            // A file without such a table may have any mistake: it is replaced.
            Err(_) if !old.contains("[run]") => return Ok(String::new()),
            Err(error) => return Err(error.into()),
        };
        let mut lines = old.lines().skip_while(|line| !line.starts_with("[run]"));
        let header = lines.next().into_iter();
        let lines = header.chain(lines.take_while(|line| !line.starts_with('[')));
        let table = lines.map(|line| format!("\n{line}")).collect::<String>();
        let table = if table.is_empty() { table } else { table.trim_end().to_owned() + "\n" };
        match Options::from_run_table(&table, &name) {
            Ok(kept) if kept == defaults => Ok(table),
            _ => Err(Error::Usage(format!(
                "{name} has defaults of runs outside a [run] table: move them there, or remove them"
            ))),
        }
    }

    /// What was written, and what to do with it.
    fn closing(&self, budget: &str) -> String {
        let policies = budget.lines().filter(|line| line.starts_with("[policy.")).count() as u64;
        let mut next = vec![OsStr::new("leakbench"), OsStr::new("gate")];
        next.extend(self.folders.iter().map(|folder| folder.as_os_str()));
        if self.out.as_os_str() != PROJECT_FILE {
            next.extend([OsStr::new("--budget"), self.out.as_os_str()]);
        }
        let folders = self.folders.iter().map(|folder| folder.display().to_string());
        format!(
            "wrote      {}, with limits for {} from {}\n\
             next       {} judges by it; change its limits, and check it in\n",
            printable(&self.out.display().to_string()),
            counted(policies, "measurement"),
            printable(&folders.collect::<Vec<String>>().join(" ")),
            shell::command(next),
        )
    }
}
