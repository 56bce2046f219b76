//! Who a process is, and whether it still runs: the fields of `/proc/PID/stat` that say so.

use std::path::Path;

use super::error::ReadError;
use super::fields;
use super::process::{Process, failed};
use super::sys::proc_dir::ProcDir;

/// From `/proc/PID/stat`, which anybody may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its name (`comm`), as it calls itself: data. Bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Whether it has ended and waits to be reaped, or is just being.
    pub has_ended: bool,
    /// Its parent's number.
    pub parent: u32,
    /// Whether it is a thread of the kernel, which has no memory and no descriptors of its own.
    pub is_kernel_thread: bool,
    /// When it started, in clock ticks since boot.
    pub start_time_ticks: u64,
    /// Where its stack began, which differs after an `exec`. `None` to those who may not know.
    pub stack_start: Option<u64>,
}

/// `PF_KTHREAD` of the kernel's `include/linux/sched.h`.
const KERNEL_THREAD: u64 = 0x0020_0000;

impl Stat {
    /// Of the process that has this number now.
    ///
    /// # Errors
    /// [`ReadError::Vanished`] if there is none.
    pub fn of(proc: &Path, pid: u32) -> Result<Stat, ReadError> {
        let dir =
            ProcDir::open(&proc.join(pid.to_string())).map_err(|error| failed(pid, "", error))?;
        Stat::read(pid, &dir)
    }

    pub(super) fn read(pid: u32, dir: &ProcDir) -> Result<Stat, ReadError> {
        const FILE: &str = "stat";
        let mut buffer = [0; 4096];
        let text =
            dir.read_whole(c"stat", &mut buffer).map_err(|error| failed(pid, FILE, error))?;
        Stat::parse(text).ok_or_else(|| ReadError::malformed(pid, FILE, 1, text))
    }

    /// `4242 (a name) with) S 1 ...`: fields are counted from the last parenthesis, since the name
    /// may hold any. Their numbers are those of proc_pid_stat(5).
    fn parse(text: &[u8]) -> Option<Stat> {
        let name_begin = text.iter().position(|&byte| byte == b'(')? + 1;
        let name_end = text.iter().rposition(|&byte| byte == b')')?;
        let name = text.get(name_begin..name_end)?;
        let mut fields =
            text[name_end + 1..].split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        let state = *fields.next()?.first()?;
        let parent = fields.next().and_then(fields::number)?;
        let flags = fields.nth(9 - 5).and_then(fields::number)?;
        let start_time_ticks = fields.nth(22 - 10).and_then(fields::number)?;
        let stack_start = fields.nth(28 - 23).and_then(fields::number);
        Some(Stat {
            name: String::from_utf8_lossy(name).into_owned(),
            has_ended: matches!(state, b'Z' | b'X'),
            parent: u32::try_from(parent).ok()?,
            is_kernel_thread: flags & KERNEL_THREAD != 0,
            start_time_ticks,
            stack_start: stack_start.filter(|&address| address != 0),
        })
    }
}

impl Process {
    /// The words that it was started with, or has put in their place; none to those who may not
    /// know. Data: bytes that are not UTF-8 are replaced.
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
