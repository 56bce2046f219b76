//! The identity and the state of a process, from `/proc/PID/stat`.

use std::path::Path;

use super::error::ReadError;
use super::fields;
use super::process::{Process, failed, open_dir};
use super::sys::proc_dir::ProcDir;

/// Fields of `/proc/PID/stat`, which every user may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its name (`comm`), which it may choose freely. Bytes that are not UTF-8 are replaced.
    pub name: String,
    /// It has ended and waits to be reaped, or is being reaped.
    pub has_ended: bool,
    /// Its parent's number.
    pub parent: u32,
    /// It is a thread of the kernel, without memory and descriptors of its own.
    pub is_kernel_thread: bool,
    /// Page faults of the children that it has waited for, and of theirs: they grow with each child.
    pub children_faults: u64,
    /// The time of its start, in clock ticks since boot.
    pub start_time_ticks: u64,
    /// The address at which its stack began, which differs after an `exec`. `None` if this user may
    /// not read it.
    pub stack_start: Option<u64>,
}

/// `PF_KTHREAD` of the kernel's `include/linux/sched.h`.
const KERNEL_THREAD: u64 = 0x0020_0000;

impl Stat {
    /// Reads the process that has this number now.
    ///
    /// # Errors
    /// [`ReadError::Vanished`] if there is no such process, [`ReadError::Hidden`] if only `/proc` has none.
    pub fn of(proc: &Path, pid: u32) -> Result<Stat, ReadError> {
        let dir = open_dir(proc, pid)?;
        Stat::read(pid, &dir)
    }

    pub(super) fn read(pid: u32, dir: &ProcDir) -> Result<Stat, ReadError> {
        const FILE: &str = "stat";
        let mut buffer = [0; 4096];
        let text =
            dir.read_whole(c"stat", &mut buffer).map_err(|error| failed(pid, FILE, error))?;
        Stat::parse(text).ok_or_else(|| ReadError::malformed(pid, FILE, 1, text))
    }

    /// Parses `4242 (a name) with) S 1 ...`. Fields are counted from the last parenthesis, since the name
    /// may contain some. Their numbers are those of proc_pid_stat(5).
    fn parse(text: &[u8]) -> Option<Stat> {
        let name_begin = text.iter().position(|&byte| byte == b'(')? + 1;
        let name_end = text.iter().rposition(|&byte| byte == b')')?;
        let name = text.get(name_begin..name_end)?;
        let mut fields =
            text[name_end + 1..].split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        let state = *fields.next()?.first()?;
        let parent = fields.next().and_then(fields::number)?;
        let flags = fields.nth(9 - 5).and_then(fields::number)?;
        let children_faults = fields.nth(11 - 10).and_then(fields::number)?;
        let start_time_ticks = fields.nth(22 - 12).and_then(fields::number)?;
        let stack_start = fields.nth(28 - 23).and_then(fields::number);
        Some(Stat {
            name: String::from_utf8_lossy(name).into_owned(),
            has_ended: matches!(state, b'Z' | b'X'),
            parent: u32::try_from(parent).ok()?,
            children_faults,
            is_kernel_thread: flags & KERNEL_THREAD != 0,
            start_time_ticks,
            stack_start: stack_start.filter(|&address| address != 0),
        })
    }
}

impl Process {
    /// Its command line, which it may overwrite; empty if this user may not read it. Bytes that are not
    /// UTF-8 are replaced.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn command_line(&self) -> Result<Vec<String>, ReadError> {
        let mut text = Vec::new();
        self.read_all(c"cmdline", "cmdline", &mut text)?;
        let text = text.trim_ascii_end().strip_suffix(b"\0").unwrap_or(&text);
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let words = text.split(|&byte| byte == 0);
        Ok(words.map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }
}
