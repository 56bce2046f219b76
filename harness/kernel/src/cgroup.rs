//! What the control groups of a process let it have: memory and tasks, of both versions.
//!
//! Only limits that stand in the hierarchy as this process sees it are found: from inside a
//! container, those above its own root are hidden.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::ReadError;
use super::process::Process;

/// A limit that a control group sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupLimit {
    /// The most.
    pub most: u64,
    /// The file that says so and the group: `memory.max of /system.slice/x`.
    pub name: String,
}

/// The tightest limits from a process's groups up to the roots; `None` where none is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CgroupLimits {
    /// Memory in bytes, of the whole group: anonymous, shared and the page cache.
    pub memory_bytes: Option<CgroupLimit>,
    /// Processes and threads of the whole group.
    pub tasks: Option<CgroupLimit>,
}

impl Process {
    /// What its control groups let it have; nothing, where it is in none.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn cgroup_limits(&mut self, proc: &Path) -> Result<CgroupLimits, ReadError> {
        let mut groups = Vec::new();
        match self.read_all(c"cgroup", "cgroup", &mut groups) {
            // A kernel without control groups sets no limits by them.
            Err(ReadError::Absent { .. }) => return Ok(CgroupLimits::default()),
            other => other?,
        }
        let mounts = fs::read_to_string(proc.join("self/mountinfo")).unwrap_or_default();
        Ok(limits(&String::from_utf8_lossy(&groups), &mounts))
    }
}

fn limits(groups: &str, mounts: &str) -> CgroupLimits {
    let mut found = CgroupLimits::default();
    let mounts: Vec<Mount> = mounts.lines().filter_map(Mount::parse).collect();
    for line in groups.lines() {
        // "0::/user.slice" of version 2, "4:memory:/docker/1" of version 1.
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else {
            continue;
        };
        for mount in mounts.iter().filter(|mount| mount.serves(controllers)) {
            let has =
                |name: &str| controllers.is_empty() || controllers.split(',').any(|c| c == name);
            if has("memory") {
                let file =
                    if controllers.is_empty() { "memory.max" } else { "memory.limit_in_bytes" };
                tighten(&mut found.memory_bytes, mount.tightest(group, file));
            }
            if has("pids") {
                tighten(&mut found.tasks, mount.tightest(group, "pids.max"));
            }
        }
    }
    found
}

fn tighten(limit: &mut Option<CgroupLimit>, other: Option<CgroupLimit>) {
    let Some(other) = other else {
        return;
    };
    if limit.as_ref().is_none_or(|limit| other.most < limit.most) {
        *limit = Some(other);
    }
}

/// A mounted hierarchy.
#[derive(Debug)]
struct Mount {
    /// The group that is its root.
    root: String,
    at: PathBuf,
    /// Empty for version 2, else the names of its controllers.
    controllers: Option<Vec<String>>,
}

impl Mount {
    /// `32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu`
    fn parse(line: &str) -> Option<Mount> {
        let (front, back) = line.split_once(" - ")?;
        let mut front = front.split(' ').skip(3);
        let (root, at) = (front.next()?, front.next()?);
        let mut back = back.split(' ');
        let controllers = match back.next()? {
            "cgroup2" => None,
            "cgroup" => Some(back.nth(1)?.split(',').map(str::to_owned).collect()),
            _ => return None,
        };
        Some(Mount { root: root.to_owned(), at: PathBuf::from(at), controllers })
    }

    /// Whether it is the hierarchy of these controllers, as `/proc/PID/cgroup` names them.
    fn serves(&self, controllers: &str) -> bool {
        match &self.controllers {
            None => controllers.is_empty(),
            Some(own) => {
                !controllers.is_empty()
                    && controllers.split(',').all(|name| own.iter().any(|own| own == name))
            }
        }
    }

    /// The least that `file` says from `group` up to the mount's root.
    fn tightest(&self, group: &str, file: &str) -> Option<CgroupLimit> {
        let below = group.strip_prefix(self.root.trim_end_matches('/'))?;
        // Beyond the root of this process's own namespace: not to be seen from here.
        if below.contains("/..") {
            return None;
        }
        let mut limit = None;
        let mut below = below.trim_matches('/');
        loop {
            let text = fs::read_to_string(self.at.join(below).join(file)).unwrap_or_default();
            // "max" and the huge number that version 1 prints in its place are no limits.
            let most = text.trim().parse::<u64>().ok().filter(|&most| most < 1 << 62);
            let name = || format!("{file} of /{below}");
            tighten(&mut limit, most.map(|most| CgroupLimit { most, name: name() }));
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

    fn limit(most: u64, name: &str) -> Option<CgroupLimit> {
        Some(CgroupLimit { most, name: name.to_owned() })
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
