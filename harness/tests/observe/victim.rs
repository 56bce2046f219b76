//! A process that leaks on purpose: `leakbench habits`, the program that `leakbench selftest` observes too.

use std::io::{self, BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The lines that a victim prints after its first tick, and when every leak has grown far beyond noise.
const BEGUN: &str = "the habits have begun";
const GROWN: &str = "the habits have grown";

/// The command line of a victim with these habits. It goes on until it is killed.
pub(crate) fn words(habits: &[&str]) -> Vec<String> {
    let own = env!("CARGO_BIN_EXE_leakbench");
    [own, "habits", &habits.join(",")].map(str::to_owned).to_vec()
}

/// The same for a victim that ends when its standard input is closed, if it has grown.
pub(crate) fn ending_words(habits: &[&str]) -> Vec<String> {
    let mut words = words(habits);
    words.push("--until-input-ends".to_owned());
    words
}

/// A victim that has begun. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Victim {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Victim {
    /// Starts a victim and waits for its first tick, so that no observation includes its start, in
    /// which the dynamic loader adds some twenty mappings.
    pub(crate) fn start(habits: &[&str]) -> Victim {
        let words = words(habits);
        let mut command = Command::new(&words[0]);
        Victim::start_by(command.args(&words[1..])).expect("the binary starts")
    }

    /// As [`Victim::start`], by a command that runs [`words`].
    pub(crate) fn start_by(command: &mut Command) -> io::Result<Victim> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut victim = Victim { child, output };
        victim.wait_for(BEGUN);
        Ok(victim)
    }

    /// Waits until every leak has grown.
    pub(crate) fn grow(&mut self) {
        self.wait_for(GROWN);
    }

    fn wait_for(&mut self, words: &str) {
        let printed = self.output.any(|line| line.is_ok_and(|line| line.contains(words)));
        assert!(printed, "the victim ended before it printed {words:?}");
    }

    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be waited for").is_none()
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
