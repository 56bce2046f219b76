//! One trial: a run in a process of its own, and its result beside the truth.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use leakbench_model::Verdict;
use leakbench_scenarios::shell;
use serde::Deserialize;
use tempfile::TempDir;

use super::case::{Case, Expected, FLAGS};
use super::clean;
use crate::subjects::{TRUTH_FILE, Truth};

/// The name of the trials without a plant.
const CLEAN: &str = "no plant";

/// A module with WASI. Its data make an image; it has its folder open from the start.
const GUEST: &str = r#"(module (memory (export "memory") 1) (data (i32.const 0) "image") (func (export "_start")))"#;

/// A run to be made, and what it must find.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) name: &'static str,
    /// What the subject leaves behind, in words.
    pub(super) what: &'static str,
    pub(super) expected: Expected,
    seed: u64,
    flags: Vec<String>,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Score {
    /// The verdict is that of the truth.
    pub(super) is_right: bool,
    /// The finding names what leaks.
    pub(super) is_named: bool,
    /// The number of images is that of the truth; `None` where none is expected to stay.
    pub(super) is_exact: Option<bool>,
    /// The result in words.
    pub(super) headline: String,
    /// The command of the run.
    pub(super) command: String,
}

impl Score {
    pub(super) fn has_failed(&self) -> bool {
        !self.is_right || !self.is_named || self.is_exact == Some(false)
    }
}

/// The part of a result that is compared with the truth.
#[derive(Debug, Deserialize)]
struct Outcome {
    verdict: Verdict,
    headline: String,
    images: Images,
    findings: Vec<FindingLine>,
}

#[derive(Debug, Deserialize)]
struct Images {
    late: u64,
    lingering: u64,
}

#[derive(Debug, Deserialize)]
struct FindingLine {
    policy: String,
    level: String,
    message: String,
}

/// The files that trials need, in a folder that ends with this value.
#[derive(Debug)]
pub(super) struct Workplace {
    folder: TempDir,
}

impl Workplace {
    /// # Errors
    /// The folder for temporary files is not writable.
    pub(super) fn create() -> io::Result<Workplace> {
        let folder = tempfile::Builder::new().prefix("leakbench-selftest-").tempdir()?;
        std::fs::create_dir(folder.path().join("data"))?;
        std::fs::write(folder.path().join("guest.wat"), GUEST)?;
        Ok(Workplace { folder })
    }

    /// Leaves the folder, so that the command of a failed trial finds its files.
    pub(super) fn keep(self) {
        let _path = self.folder.keep();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Trial {
    pub(super) fn of_case(case: &Case, seed: u64) -> Trial {
        let slots = ["--slots", case.slots];
        let flags = FLAGS.iter().chain(&slots).chain(case.flags);
        let flags = flags.map(|flag| (*flag).to_owned());
        Trial {
            name: case.name,
            what: case.what,
            expected: case.expected,
            seed,
            flags: flags.collect(),
        }
    }

    /// The first trial of the case of this name.
    #[cfg(test)]
    pub(super) fn named(name: &str) -> Trial {
        let case = super::CASES.iter().find(|case| case.name == name);
        Trial::of_case(case.expect("a case"), 0)
    }

    pub(super) fn without_plant(seed: u64) -> Trial {
        let mut flags = clean::flags(seed);
        flags.extend(["--processes", "1"].map(str::to_owned));
        Trial {
            name: CLEAN,
            what: "strategies, threads, modes and sizes at random",
            expected: Expected::Nothing,
            seed,
            flags,
        }
    }

    /// Makes the run. `None` if it was interrupted. `job` is a number that no other trial has meanwhile.
    ///
    /// # Errors
    /// The run cannot be started, or its truth cannot be read.
    pub(super) fn perform(&self, workplace: &Workplace, job: u32) -> io::Result<Option<Score>> {
        let truth_file = workplace.path(&format!("truth-{job}"));
        remove(&truth_file).map_err(naming(&truth_file))?;
        let words = self.words(workplace);
        let mut command = Command::new("/proc/self/exe");
        command.args(&words).arg("--json").env(TRUTH_FILE, &truth_file).stdin(Stdio::null());
        let output = command.output().map_err(naming(Path::new("/proc/self/exe")))?;
        let truth = read_truth(&truth_file).map_err(naming(&truth_file))?;
        let command = shell::command(std::iter::once("leakbench".to_owned()).chain(words));
        let failed = |headline: String| Score {
            is_right: false,
            is_named: false,
            is_exact: None,
            headline,
            command: command.clone(),
        };
        Ok(Some(match serde_json::from_slice::<Outcome>(&output.stdout) {
            Ok(outcome) if outcome.verdict == Verdict::Interrupted => return Ok(None),
            Ok(outcome) => Score { command, ..self.score(&outcome, truth) },
            Err(_) => {
                let stderr = String::from_utf8_lossy(&output.stderr);
                let last = stderr.lines().last().unwrap_or("it printed nothing").to_owned();
                failed(format!("no result ({}): {last}", output.status))
            }
        }))
    }

    fn words(&self, workplace: &Workplace) -> Vec<String> {
        let mut words = self.flags.clone();
        words.extend(["--no-config".to_owned(), "--seed".to_owned(), self.seed.to_string()]);
        if self.expected.needs_wasi() && !self.flags.iter().any(|flag| flag == "--wasm") {
            words.extend(["--wasm".to_owned(), workplace.path("guest.wat").display().to_string()]);
            let data = workplace.path("data");
            words.extend(["--dir".to_owned(), format!("{}::/data", data.display())]);
        }
        words
    }

    fn score(&self, outcome: &Outcome, truth: Truth) -> Score {
        let errors = || outcome.findings.iter().filter(|finding| finding.level == "error");
        let finds = |policy: &str, start: &str| {
            errors().any(|it| it.policy == policy && it.message.starts_with(start))
        };
        let is_leak = outcome.verdict == Verdict::Leak;
        let (is_right, is_named, is_exact) = match self.expected {
            Expected::Lingering(reason) => {
                let (one, several) = (reason.singular(), reason.plural());
                let one = one.split_once(' ').map_or(one, |(_article, noun)| noun);
                let named = errors().any(|it| {
                    it.policy == "lingering-images"
                        && (it.message.contains(one) || it.message.contains(several))
                });
                // The queue is an option, so its runs have no plant that counts.
                let is_exact = (truth.kept > 0).then_some(outcome.images.lingering == truth.images);
                (is_leak, named, is_exact)
            }
            Expected::Growth(resource) => {
                (is_leak, finds("growth", &format!("{} of subject 0", resource.noun())), None)
            }
            Expected::GuestDescriptors => {
                let named = errors().any(|it| it.message.contains("of dropped guests"));
                (is_leak, named, None)
            }
            Expected::Late => {
                let is_right = matches!(outcome.verdict, Verdict::Leak | Verdict::Inconclusive);
                (is_right, outcome.images.late + outcome.images.lingering > 0, None)
            }
            Expected::Nothing => (outcome.verdict == Verdict::Clean, true, None),
        };
        let headline = outcome.headline.clone();
        Score { is_right, is_named, is_exact, headline, command: String::new() }
    }
}

/// The same error with the name of the file.
fn naming(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The truth of a run; nothing was kept if there is no file.
fn read_truth(path: &Path) -> io::Result<Truth> {
    match std::fs::read(path) {
        Ok(line) => Ok(serde_json::from_slice(&line)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Truth::default()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A result with one finding.
    fn outcome(verdict: Verdict, lingering: u64, policy: &str, message: &str) -> Outcome {
        let finding = FindingLine {
            policy: policy.to_owned(),
            level: "error".to_owned(),
            message: message.to_owned(),
        };
        let (headline, images) = (String::new(), Images { late: 0, lingering });
        Outcome { verdict, headline, images, findings: vec![finding] }
    }

    fn fails(case: &str, outcome: &Outcome) -> bool {
        Trial::named(case).score(outcome, Truth { kept: 3, images: 3, refused: None }).has_failed()
    }

    #[test]
    fn images_must_be_counted_and_named() {
        let by = |verdict, lingering, message: &str| {
            outcome(verdict, lingering, "lingering-images", message)
        };
        let held = "3 of 9 images linger, held by 3 affine slots";
        assert!(!fails("skipped-purge", &by(Verdict::Leak, 3, held)));
        assert!(fails("skipped-purge", &by(Verdict::Clean, 3, held)));
        assert!(fails("skipped-purge", &by(Verdict::Leak, 2, held)));
        let other = "3 of 9 images linger, held by 3 queued slots";
        assert!(fails("skipped-purge", &by(Verdict::Leak, 3, other)));
    }

    #[test]
    fn growth_must_be_of_the_resource() {
        let by = |policy, message| outcome(Verdict::Leak, 0, policy, message);
        let threads = "threads of subject 0 grow by 10 per 1,000 cycles";
        assert!(!fails("thread", &by("growth", threads)));
        assert!(fails("thread", &by("leftovers", threads)));
        assert!(fails("thread", &by("growth", "mappings of subject 0 grow by 10")));
    }

    #[test]
    fn what_is_no_leak_must_be_clean() {
        assert!(!fails("cache", &outcome(Verdict::Clean, 0, "coverage", "")));
        for verdict in [Verdict::Leak, Verdict::Inconclusive, Verdict::SubjectDied] {
            assert!(fails("cache", &outcome(verdict, 0, "coverage", "")));
        }
        let late = |verdict| Outcome {
            images: Images { late: 1, lingering: 0 },
            ..outcome(verdict, 0, "late-releases", "")
        };
        assert!(!fails("image-late", &late(Verdict::Inconclusive)));
        assert!(fails("image-late", &late(Verdict::Clean)));
    }
}
