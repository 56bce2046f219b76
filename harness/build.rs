//! Gives the program its target and, in a clone with git, its commit, for `leakbench --version`.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").unwrap_or_default();
    let commit = commit().map_or(String::new(), |commit| commit + ", ");
    println!("cargo:rustc-env=LEAKBENCH_BUILD={commit}{target}");
}

/// The commit of this folder's own clone. In a package, or vendored by another repository, there is
/// none.
fn commit() -> Option<String> {
    if git(&["rev-parse", "--show-prefix"])? != "harness/" {
        return None;
    }
    // A commit, a switch and a rebase each add a line to this log.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).is_file() {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
