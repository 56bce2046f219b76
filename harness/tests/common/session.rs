//! Commands that share a temporary folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use super::leakbench;

/// A temporary folder, the working directory of commands.
pub(crate) struct Session {
    folder: tempfile::TempDir,
}

/// Exit code and output of a finished command.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    pub(crate) fn of(output: Output) -> Finished {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code().expect("it exits by itself");
        Finished { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Session {
    pub(crate) fn new() -> Session {
        Session { folder: tempfile::tempdir().expect("a folder") }
    }

    /// The path of a file or folder in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Finished {
        let mut command = leakbench(args);
        Finished::of(command.current_dir(self.folder.path()).output().expect("the binary starts"))
    }

    /// Starts a command with piped output.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = leakbench(args);
        command.current_dir(self.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary starts")
    }

    /// Every file in a folder, at any depth, by its path in the folder.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    collect(root, &path, files);
                    continue;
                }
                let name = path.strip_prefix(root).expect("beneath it").display().to_string();
                files.insert(name, std::fs::read(&path).expect("a file"));
            }
        }
        let (root, mut files) = (self.path(folder), BTreeMap::new());
        collect(&root, &root, &mut files);
        files
    }
}
