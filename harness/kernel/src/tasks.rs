//! The threads and the children of a process.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::Path;

use super::error::ReadError;
use super::fields;
use super::process::Process;
use super::stat::Stat;

const FILE: &str = "task";

impl Process {
    /// Reads the numbers of its threads and of its children, in rising order, into the two lists, which
    /// it clears first. A child that has ended and was not reaped is among them.
    ///
    /// # Errors
    /// See [`ReadError`]. [`ReadError::Absent`] if the kernel lists no children
    /// (`CONFIG_PROC_CHILDREN`): then `threads` is complete, and [`children_by_parent`] finds the
    /// children.
    pub fn tasks(
        &mut self,
        threads: &mut Vec<u32>,
        children: &mut Vec<u32>,
    ) -> Result<(), ReadError> {
        threads.clear();
        children.clear();
        let dir = self.open_dir(c"task", FILE)?;
        let listed = self.fd_buffers().numbers(&dir, |tid| threads.extend(u32::try_from(tid)));
        listed.map_err(|error| self.failed(FILE, error))?;
        if threads.is_empty() {
            return Err(ReadError::Vanished { pid: self.pid() });
        }
        threads.sort_unstable();
        let mut text = Vec::new();
        for tid in &*threads {
            match self.read_all(&path(*tid, "children"), "children", &mut text) {
                // The thread has ended meanwhile, and its children belong to another thread.
                Err(ReadError::Absent { .. }) if !self.has(&path(*tid, "stat")) => continue,
                other => other?,
            }
            let numbers = text.split(u8::is_ascii_whitespace).filter_map(fields::number);
            children.extend(numbers.filter_map(|pid| u32::try_from(pid).ok()));
        }
        children.sort_unstable();
        children.dedup();
        Ok(())
    }

    /// The name of one of its threads. Bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// See [`ReadError`]; [`ReadError::Absent`] for a thread that has ended.
    pub fn thread_name(&self, tid: u32) -> Result<String, ReadError> {
        let mut text = Vec::new();
        self.read_all(&path(tid, "comm"), "comm", &mut text)?;
        Ok(String::from_utf8_lossy(text.trim_ascii_end()).into_owned())
    }
}

fn path(tid: u32, file: &str) -> CString {
    CString::new(format!("task/{tid}/{file}")).unwrap_or_default()
}

/// The children of every process, by their parent. It reads every process of the machine.
///
/// # Errors
/// The folder cannot be listed. A process that ends meanwhile is omitted.
pub fn children_by_parent(proc: &Path) -> std::io::Result<BTreeMap<u32, Vec<u32>>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in std::fs::read_dir(proc)? {
        let pid = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(pid) = pid
            && let Ok(stat) = Stat::of(proc, pid)
        {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    children.values_mut().for_each(|pids| pids.sort_unstable());
    Ok(children)
}
