//! The plan of a soak and the phases that are done, as lines of a file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use leakbench_model::Verdict;
use serde::{Deserialize, Serialize};

use super::phase::{KINDS, Kind};
use crate::error::Error;

/// The file in the soak's folder.
const FILE: &str = "soak.jsonl";

/// What a soak does: its first line. A soak goes on only with the same plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The time of all phases together, in seconds.
    pub(crate) total_s: u64,
    /// The time of a phase, in seconds.
    pub(crate) phase_s: u64,
    /// The runtime under test.
    pub(crate) subject: String,
    /// Flags of every phase; if there are none, phases of the built-in runtime take [`KINDS`] in turn.
    pub(crate) flags: Vec<String>,
}

impl Plan {
    /// True if the phases that are done took the whole time.
    pub(super) fn is_done(&self, done: &[Checkpoint]) -> bool {
        seconds(done) >= self.total_s.max(1)
    }

    /// The kind of a phase.
    pub(super) fn kind(&self, number: u64) -> Kind {
        let kinds: &[Kind] = match (self.subject.as_str(), &self.flags[..]) {
            ("builtin", []) => &KINDS,
            _ => &KINDS[..1],
        };
        kinds[usize::try_from(number % kinds.len() as u64).unwrap_or(0)]
    }
}

/// A phase that is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Its number, from 0.
    pub(crate) phase: u64,
    /// The name of its kind.
    pub(crate) kind: String,
    /// Its time, in seconds.
    pub(crate) took_s: f64,
    /// Its verdict.
    pub(crate) verdict: Verdict,
    /// The verdict in words.
    pub(crate) headline: String,
    /// Cycles done.
    pub(crate) cycles: u64,
    /// Images that were made.
    pub(crate) images: u64,
    /// Cycles a second, without barriers.
    pub(crate) rate_per_s: Option<f64>,
    /// Peak resident memory of the supervisor.
    pub(crate) supervisor_peak_bytes: Option<u64>,
    /// Resident memory of the subjects at their last barriers.
    pub(crate) subject_rss_bytes: Option<u64>,
    /// Size of the recording.
    pub(crate) recording_bytes: u64,
    /// The command that makes the run again.
    pub(crate) command: String,
}

/// The time that phases took, in whole seconds.
pub(super) fn seconds(done: &[Checkpoint]) -> u64 {
    done.iter().map(|phase| phase.took_s).sum::<f64>() as u64
}

/// The file of a soak.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    done: Vec<Checkpoint>,
}

impl Log {
    /// Opens the file, or begins it. A line that was cut when the soak was killed is removed.
    ///
    /// # Errors
    /// The folder has a soak with another plan, a line is damaged, or it cannot be written.
    pub(super) fn open(folder: &Path, plan: &Plan) -> Result<Log, Error> {
        let path = folder.join(FILE);
        let failed = |error| Error::Write { path: path.clone(), error };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(failed)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Error::Read { path: path.clone(), error })?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).map_err(failed)?;
        let done = match text[..whole].split_once('\n') {
            None => {
                writeln!(file, "{}", serde_json::to_string(plan)?).map_err(failed)?;
                Vec::new()
            }
            Some((first, rest)) => read(first, rest, plan)
                .map_err(|why| Error::Usage(format!("{}: {why}", path.display())))?,
        };
        file.sync_all().map_err(failed)?;
        Ok(Log { path, file, done })
    }

    pub(super) fn done(&self) -> &[Checkpoint] {
        &self.done
    }

    /// Adds a line. When this returns, the phase is done whatever happens.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn add(&mut self, checkpoint: Checkpoint) -> Result<(), Error> {
        let line = serde_json::to_string(&checkpoint)? + "\n";
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| Error::Write { path: self.path.clone(), error })?;
        self.done.push(checkpoint);
        Ok(())
    }
}

fn read(first: &str, rest: &str, plan: &Plan) -> Result<Vec<Checkpoint>, String> {
    let own: Plan = serde_json::from_str(first)
        .map_err(|error| format!("line 1 is no plan of a soak ({error}): choose another --out"))?;
    if own != *plan {
        return Err(format!(
            "the folder has a soak of {} s in phases of {} s with subject {} and flags [{}]: use the same to go on, \
             or choose another --out",
            own.total_s,
            own.phase_s,
            own.subject,
            own.flags.join(" ")
        ));
    }
    let mut done = Vec::new();
    for (number, line) in (0..).zip(rest.lines()) {
        let checkpoint: Checkpoint = serde_json::from_str(line)
            .map_err(|error| format!("line {} is no checkpoint: {error}", number + 2))?;
        if checkpoint.phase != number {
            return Err(format!(
                "line {} is phase {}: a line is missing",
                number + 2,
                checkpoint.phase
            ));
        }
        done.push(checkpoint);
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan { total_s: 60, phase_s: 25, subject: "builtin".to_owned(), flags: Vec::new() }
    }

    fn checkpoint(phase: u64) -> Checkpoint {
        Checkpoint {
            phase,
            kind: "random".to_owned(),
            took_s: 25.1,
            verdict: Verdict::Clean,
            headline: "all released".to_owned(),
            cycles: 1_000,
            images: 1_000,
            rate_per_s: Some(40.0),
            supervisor_peak_bytes: None,
            subject_rss_bytes: None,
            recording_bytes: 5,
            command: "leakbench".to_owned(),
        }
    }

    #[test]
    fn phases_cover_the_time_and_take_kinds_in_turn() {
        let done: Vec<Checkpoint> = (0..3).map(checkpoint).collect();
        assert!(!plan().is_done(&[]) && !plan().is_done(&done[..2]));
        assert!(plan().is_done(&done), "75 s of 60 s");
        let names: Vec<&str> = (0..8).map(|number| plan().kind(number).name).collect();
        assert_eq!(names[0], names[KINDS.len()]);
        assert_ne!(names[0], names[1]);
        let with_flags = Plan { flags: vec!["--slots".to_owned(), "9".to_owned()], ..plan() };
        assert_eq!(with_flags.kind(1).name, with_flags.kind(0).name);
    }

    /// Whatever was written when the soak was killed.
    #[test]
    fn a_log_that_is_cut_anywhere_goes_on_with_the_whole_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = Log::open(folder.path(), &plan()).expect("a new log");
        (0..2).for_each(|phase| log.add(checkpoint(phase)).expect("it is added"));
        let path = folder.path().join(FILE);
        let whole = std::fs::read(&path).expect("the file");
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).expect("it is cut");
            let lines = whole[..length].iter().filter(|byte| **byte == b'\n').count();
            let mut log = Log::open(folder.path(), &plan()).expect("it goes on");
            let done = lines.saturating_sub(1);
            assert_eq!(log.done().len(), done, "after {length} bytes");
            log.add(checkpoint(done as u64)).expect("it is added");
            let again = Log::open(folder.path(), &plan()).expect("it goes on");
            assert_eq!(again.done().len(), done + 1, "after {length} bytes");
        }
    }

    #[test]
    fn another_plan_or_a_damaged_line_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = Log::open(folder.path(), &plan()).expect("a new log");
        log.add(checkpoint(0)).expect("it is added");
        let other = Plan { phase_s: 20, ..plan() };
        let error = Log::open(folder.path(), &other).expect_err("another plan").to_string();
        assert!(error.contains("phases of 25 s"), "{error}");
        let path = folder.path().join(FILE);
        let text = std::fs::read_to_string(&path).expect("the file");
        std::fs::write(&path, text.replace("\"phase\":0", "\"phase\":1")).expect("it is changed");
        let error = Log::open(folder.path(), &plan()).expect_err("a gap").to_string();
        assert!(error.contains("line 2 is phase 1"), "{error}");
        std::fs::write(&path, "no soak\n").expect("it is changed");
        let error = Log::open(folder.path(), &plan()).expect_err("no plan").to_string();
        assert!(error.contains("line 1 is no plan"), "{error}");
    }
}
