//! The limits that control groups set on memory and tasks, of both versions.
//!
//! Only limits in the hierarchy that this process sees are found: those above the root of a
//! container are hidden from inside it.

use std::fs;
use std::path::{Path, PathBuf};

use procfs::process::{MountInfo, MountInfos};
use procfs::{FromRead, ProcessCGroups};

use super::error::ReadError;
use super::process::Process;

/// A limit that a control group sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupLimit {
    /// The limit.
    pub max: u64,
    /// What the group has of it; of memory, what cannot be reclaimed. `None` if unknown.
    pub used: Option<u64>,
    /// The file and its group: `memory.max of /system.slice/x`.
    pub name: String,
}

impl CgroupLimit {
    /// What is left.
    fn room(&self) -> u64 {
        self.max.saturating_sub(self.used.unwrap_or(0))
    }
}

/// The limits that leave least room, from a process's groups up to the roots; `None` if there is no
/// limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CgroupLimits {
    /// Memory of the whole group in bytes: anonymous, shared and the page cache. At `memory.max` the
    /// kernel kills; at `memory.high` it only slows down.
    pub memory_bytes: Option<CgroupLimit>,
    /// Processes and threads of the whole group.
    pub tasks: Option<CgroupLimit>,
}

impl Process {
    /// Reads the limits of its control groups. There are none without control groups, or if the list
    /// of mounts cannot be read.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn cgroup_limits(&mut self, proc: &Path) -> Result<CgroupLimits, ReadError> {
        let groups: ProcessCGroups = match self.read_parsed(c"cgroup", "cgroup") {
            Err(ReadError::Absent { .. }) => return Ok(CgroupLimits::default()),
            other => other?,
        };
        let mounts = MountInfos::from_file(proc.join("self/mountinfo"));
        Ok(limits(&groups, &mounts.unwrap_or(MountInfos(Vec::new()))))
    }
}

fn limits(groups: &ProcessCGroups, mounts: &MountInfos) -> CgroupLimits {
    let mut found = CgroupLimits::default();
    let mounts: Vec<Hierarchy> = mounts.0.iter().filter_map(Hierarchy::of).collect();
    for group in &groups.0 {
        let path = &group.pathname;
        for mount in mounts.iter().filter(|mount| mount.has_controllers(&group.controllers)) {
            // Version 2 names no controllers and has all of them.
            let is_v2 = group.controllers.is_empty();
            let has = |name: &str| is_v2 || group.controllers.iter().any(|c| c == name);
            if has("memory") {
                let files: &[&str] =
                    if is_v2 { &["memory.max", "memory.high"] } else { &["memory.limit_in_bytes"] };
                for file in files {
                    tighten(&mut found.memory_bytes, mount.tightest(path, file, memory_used));
                }
            }
            if has("pids") {
                let used = |group: &Path| number(&group.join("pids.current"));
                tighten(&mut found.tasks, mount.tightest(path, "pids.max", used));
            }
        }
    }
    found
}

fn tighten(limit: &mut Option<CgroupLimit>, other: Option<CgroupLimit>) {
    let Some(other) = other else {
        return;
    };
    if limit.as_ref().is_none_or(|limit| other.room() < limit.room()) {
        *limit = Some(other);
    }
}

/// Anonymous and shared memory of a group, from `memory.stat` of either version.
fn memory_used(group: &Path) -> Option<u64> {
    let text = fs::read_to_string(group.join("memory.stat")).ok()?;
    let value = |names: [&str; 2]| {
        let mut lines = text.lines().filter_map(|line| line.split_once(' '));
        lines
            .find(|(name, _)| names.contains(name))
            .and_then(|(_, value)| value.parse::<u64>().ok())
    };
    Some(value(["anon", "total_rss"])?.saturating_add(value(["shmem", "total_shmem"]).unwrap_or(0)))
}

/// The number in a file. `max`, and the huge number of version 1, mean that there is no limit.
fn number(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.trim().parse::<u64>().ok().filter(|&number| number < 1 << 62)
}

/// A mounted hierarchy of control groups.
#[derive(Debug)]
struct Hierarchy {
    /// The group that is its root.
    root: String,
    mount_point: PathBuf,
    /// Its controllers in version 1; `None` for version 2.
    controllers: Option<Vec<String>>,
}

impl Hierarchy {
    /// `None` for a mount of another file system.
    fn of(mount: &MountInfo) -> Option<Hierarchy> {
        let controllers = match mount.fs_type.as_str() {
            "cgroup2" => None,
            "cgroup" => Some(mount.super_options.keys().cloned().collect()),
            _ => return None,
        };
        Some(Hierarchy {
            root: mount.root.clone(),
            mount_point: mount.mount_point.clone(),
            controllers,
        })
    }

    /// Compares it with the controllers of a line of `/proc/PID/cgroup`, none of them for version 2.
    fn has_controllers(&self, controllers: &[String]) -> bool {
        match &self.controllers {
            None => controllers.is_empty(),
            Some(own) => {
                !controllers.is_empty() && controllers.iter().all(|name| own.contains(name))
            }
        }
    }

    /// The number in `file` that leaves least room, from `group` up to the mount's root. `used` reads
    /// what a group has, from its folder.
    fn tightest(
        &self,
        group: &str,
        file: &str,
        used: impl Fn(&Path) -> Option<u64>,
    ) -> Option<CgroupLimit> {
        let below = group.strip_prefix(self.root.trim_end_matches('/'))?;
        // A group outside of this process's namespace, which is not visible here.
        if below.contains("/..") {
            return None;
        }
        let mut limit = None;
        let mut below = below.trim_matches('/');
        loop {
            let folder = self.mount_point.join(below);
            let found = number(&folder.join(file)).map(|max| CgroupLimit {
                max,
                used: used(&folder),
                name: format!("{file} of /{below}"),
            });
            tighten(&mut limit, found);
            if below.is_empty() {
                return limit;
            }
            below = below.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hierarchies of both versions in a folder, and their lines of mountinfo.
    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, String) {
        let tree = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let at = tree.path().display();
        let mounts = format!(
            "22 1 0:20 / /proc rw - proc proc rw\n\
             31 23 0:28 / {at}/v2 rw,relatime shared:4 - cgroup2 cgroup2 rw\n\
             32 31 0:29 /docker {at}/memory rw - cgroup cgroup rw,memory\n\
             33 31 0:30 / {at}/pids rw - cgroup cgroup rw,pids\n"
        );
        (tree, mounts)
    }

    fn limit(max: u64, name: &str) -> Option<CgroupLimit> {
        used(max, None, name)
    }

    fn used(max: u64, used: Option<u64>, name: &str) -> Option<CgroupLimit> {
        Some(CgroupLimit { max, used, name: name.to_owned() })
    }

    fn limits(groups: &str, mounts: &str) -> CgroupLimits {
        super::limits(
            &ProcessCGroups::from_read(groups.as_bytes()).unwrap(),
            &MountInfos::from_read(mounts.as_bytes()).unwrap(),
        )
    }

    #[test]
    fn the_tightest_limit_up_the_hierarchy_counts() {
        let (_tree, mounts) = tree(&[
            ("v2/a/memory.max", "1000\n"),
            ("v2/a/b/memory.max", "2000\n"),
            ("v2/a/b/c/memory.max", "max\n"),
            ("v2/a/b/c/pids.max", "77\n"),
        ]);
        let found = limits("0::/a/b/c\n", &mounts);
        assert_eq!(found.memory_bytes, limit(1000, "memory.max of /a"));
        assert_eq!(found.tasks, limit(77, "pids.max of /a/b/c"));
        assert_eq!(limits("0::/x\n", &mounts), CgroupLimits::default());
        assert_eq!(limits("0::/../a\n", &mounts), CgroupLimits::default());
        assert_eq!(limits("", ""), CgroupLimits::default());
    }

    #[test]
    fn the_limit_that_leaves_least_room_counts() {
        let (_tree, mounts) = tree(&[
            ("v2/a/memory.max", "1000\n"),
            ("v2/a/memory.stat", "anon 700\nfile 9000\nshmem 200\n"),
            ("v2/a/b/memory.max", "500\n"),
            ("v2/a/b/memory.stat", "anon 300\n"),
            ("v2/a/b/memory.high", "350\n"),
            ("v2/a/pids.max", "100\n"),
            ("v2/a/pids.current", "99\n"),
            ("v2/a/b/pids.max", "10\n"),
            ("v2/a/b/pids.current", "3\n"),
        ]);
        let found = limits("0::/a/b\n", &mounts);
        assert_eq!(found.memory_bytes, used(350, Some(300), "memory.high of /a/b"));
        assert_eq!(found.tasks, used(100, Some(99), "pids.max of /a"));
        // Without the soft limit it is the group above.
        let found = limits("0::/a\n", &mounts);
        assert_eq!(found.memory_bytes, used(1000, Some(900), "memory.max of /a"));
    }

    #[test]
    fn version_one_is_read_below_its_mounts_root() {
        let (_tree, mounts) = tree(&[
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/1/memory.limit_in_bytes", "4096\n"),
            ("pids/1/pids.max", "5\n"),
        ]);
        let found = limits("9:name=systemd:/\n4:memory:/docker/1\n3:pids:/1\n", &mounts);
        assert_eq!(found.memory_bytes, limit(4096, "memory.limit_in_bytes of /1"));
        assert_eq!(found.tasks, limit(5, "pids.max of /1"));
        assert_eq!(limits("4:memory:/elsewhere\n", &mounts), CgroupLimits::default());
    }
}
