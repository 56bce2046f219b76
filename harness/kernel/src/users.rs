//! What the kernel counts for each user and for the whole machine.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use procfs::FromRead;

use super::fields;

/// The keys of a user and their limit, from `/proc/key-users`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserKeys {
    /// Keys that count towards the limit.
    pub count: u64,
    /// `kernel.keys.maxkeys`, or `kernel.keys.root_maxkeys` for root.
    pub max: u64,
}

/// The keys of a user; `None` if it has none, or if the kernel has no keys.
pub fn user_keys(proc: &Path, user: u32) -> Option<UserKeys> {
    let text = fs::read_to_string(proc.join("key-users")).ok()?;
    // "    0:     9 8/8 3/1000000 40/25000000"
    let wanted = format!("{user}:");
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(wanted.as_str()))?;
    let (count, max) = line.split_whitespace().nth(2)?.split_once('/')?;
    Some(UserKeys { count: count.parse().ok()?, max: max.parse().ok()? })
}

/// Processes and threads of a user together. It reads every process of the machine.
pub fn user_tasks(proc: &Path, user: u32) -> Option<u64> {
    let mut tasks = 0;
    for entry in fs::read_dir(proc).ok()?.flatten() {
        let is_process = entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        if !is_process || entry.metadata().is_ok_and(|folder| folder.uid() != user) {
            continue;
        }
        // It may have ended meanwhile.
        let status = fs::read(entry.path().join("status")).unwrap_or_default();
        let threads =
            fields::value(&status, "Threads").and_then(|(_, value)| fields::number(value));
        tasks += threads.unwrap_or(0);
    }
    Some(tasks)
}

/// Processes and threads of the machine together.
pub fn machine_tasks(proc: &Path) -> Option<u64> {
    // "0.20 0.18 0.12 1/80 11206"
    let text = fs::read_to_string(proc.join("loadavg")).ok()?;
    text.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

/// The memory of a machine, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineMemory {
    /// All of it.
    pub total: u64,
    /// What is in use and cannot be reclaimed; `None` if the kernel does not print it.
    pub used: Option<u64>,
}

/// The memory of this machine.
pub fn machine_memory(proc: &Path) -> Option<MachineMemory> {
    let memory = procfs::Meminfo::from_file(proc.join("meminfo")).ok()?;
    let used = memory.mem_available.map(|available| memory.mem_total.saturating_sub(available));
    Some(MachineMemory { total: memory.mem_total, used })
}

/// The huge pages of this machine, of the default size; `None` if it has none.
pub fn huge_pages(proc: &Path) -> Option<MachineMemory> {
    let memory = procfs::Meminfo::from_file(proc.join("meminfo")).ok()?;
    let bytes = |pages: u64| pages.saturating_mul(memory.hugepagesize.unwrap_or(0));
    let total = memory.hugepages_total.filter(|&total| total > 0)?;
    let used = memory.hugepages_free.map(|free| bytes(total.saturating_sub(free)));
    Some(MachineMemory { total: bytes(total), used })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_by_number() {
        let proc = tempfile::tempdir().unwrap();
        let keys = "    0:     9 8/8 3/1000000 40/25000000\n 1000:     2 2/2 7/200 9/20000\n";
        fs::write(proc.path().join("key-users"), keys).unwrap();
        assert_eq!(user_keys(proc.path(), 1000), Some(UserKeys { count: 7, max: 200 }));
        assert_eq!(user_keys(proc.path(), 100), None);
        fs::write(proc.path().join("loadavg"), "0.20 0.18 0.12 1/80 11206\n").unwrap();
        assert_eq!(machine_tasks(proc.path()), Some(80));
        for (pid, threads) in [("7", 3), ("8", 4), ("self", 100)] {
            fs::create_dir(proc.path().join(pid)).unwrap();
            let status = format!("Name:\tx\nThreads:\t{threads}\n");
            fs::write(proc.path().join(pid).join("status"), status).unwrap();
        }
        let own = rustix::process::geteuid().as_raw();
        assert_eq!(user_tasks(proc.path(), own), Some(7));
        assert_eq!(user_tasks(proc.path(), own + 1), Some(0));
        assert!(machine_memory(Path::new("/proc")).unwrap().used > Some(0));
    }
}
