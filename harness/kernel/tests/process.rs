//! The reader of a process: live ones compared with `procfs`, ended ones, and malformed trees.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

mod sys;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use leakbench_kernel::{Bound, Machine, MappingSource, Process, ReadError};
use leakbench_model::{Footprint, Resource};
use sys::Still;
use tempfile::TempDir;

const PID: u32 = 4242;

/// A tree like `/proc` with one process that has these files and a valid `stat`.
fn tree(files: &[(&str, &[u8])]) -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    let folder = tree.path().join(PID.to_string());
    fs::create_dir(&folder).unwrap();
    let stat = format!("{PID} (a) name) R) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 987654 0 0");
    fs::write(folder.join("stat"), stat).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    tree
}

fn open(tree: &TempDir) -> Process {
    Process::open_under(tree.path(), PID).unwrap()
}

/// A value of `theirs` that is the same before and after, with the value of `ours` between.
fn settled<T: std::fmt::Debug, U>(
    mut theirs: impl FnMut() -> T,
    mut ours: impl FnMut() -> U,
) -> (T, U) {
    for _ in 0..1000 {
        let (before, between, after) = (theirs(), ours(), theirs());
        if format!("{before:?}") == format!("{after:?}") {
            return (after, between);
        }
    }
    panic!("never held still")
}

#[test]
fn a_live_process_is_read_as_procfs_reads_it() {
    let child = Still::fork();
    let theirs = procfs::process::Process::new(child.pid().cast_signed()).unwrap();
    let mut ours = Process::open(child.pid()).unwrap();
    assert_eq!(ours.pid(), child.pid());
    assert_eq!(ours.start_time_ticks(), theirs.stat().unwrap().starttime);

    // Other processes share pages with this one, so only values that did not change are compared.
    let (status, read) = settled(|| theirs.status().unwrap(), || ours.status().unwrap());
    let bytes = |kib: Option<u64>| kib.map(|kib| kib * 1024);
    let expected = Footprint::default()
        .with(Resource::AddressSpaceBytes, bytes(status.vmsize))
        .with(Resource::RssBytes, bytes(status.vmrss))
        .with(Resource::AnonymousBytes, bytes(status.rssanon))
        .with(Resource::FileBytes, bytes(status.rssfile))
        .with(Resource::ShmemBytes, bytes(status.rssshmem))
        .with(Resource::SwapBytes, bytes(status.vmswap))
        .with(Resource::PageTablesBytes, bytes(status.vmpte))
        .with(Resource::LockedBytes, bytes(status.vmlck))
        .with(Resource::HugetlbBytes, bytes(status.hugetlbpages))
        .with(Resource::Threads, status.threads);
    assert_eq!(read, expected);
    assert!(read.of(Resource::RssBytes).unwrap() > 0);
    let (status, peak) = settled(|| theirs.status().unwrap(), || ours.rss_peak_bytes().unwrap());
    assert_eq!(peak, bytes(status.vmhwm));

    let rollup = || {
        let sums = theirs.smaps_rollup().unwrap().memory_map_rollup;
        sums.0[0].extension.map.clone().into_iter().collect::<BTreeMap<_, _>>()
    };
    let (rollup, sums) = settled(rollup, || ours.smaps_rollup().unwrap());
    for (name, value) in [
        ("Pss", sums.pss_bytes),
        ("Pss_Shmem", sums.pss_shmem_bytes),
        ("Private_Dirty", sums.private_dirty_bytes),
    ] {
        assert_eq!(value, rollup.get(name).copied(), "{name}");
    }
    assert!(sums.pss_bytes.unwrap() > 0);

    let limit = ours.limits().unwrap().open_files;
    let own = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    assert_eq!(limit.soft, own.current.map_or(Bound::Unlimited, Bound::At));
    assert_eq!(limit.hard, own.maximum.map_or(Bound::Unlimited, Bound::At));
}

/// Every read that must report the end of the process.
fn assert_vanished(process: &mut Process) {
    let mut mappings = Vec::new();
    let reads = [
        ("mappings by query", process.file_mappings_from(MappingSource::Query, &mut mappings)),
        ("mappings by text", process.file_mappings_from(MappingSource::Text, &mut mappings)),
        ("mappings", process.file_mappings(&mut mappings).map(drop)),
        ("mapping counts", process.mapping_counts().map(drop)),
        ("descriptors", process.fds(&mut Vec::new())),
        ("descriptor count", process.fd_count().map(drop)),
        ("smaps_rollup", process.smaps_rollup().map(drop)),
    ];
    for (name, read) in reads {
        assert!(matches!(read, Err(ReadError::Vanished { .. })), "{name}: {read:?}");
    }
}

#[test]
fn a_process_that_ended_has_vanished_reaped_or_not() {
    let child = Still::fork();
    let mut process = Process::open(child.pid()).unwrap();
    // The control: while it lives, every read succeeds.
    process.file_mappings(&mut Vec::new()).unwrap();
    process.fds(&mut Vec::new()).unwrap();
    assert!(process.fd_count().unwrap() > 0);

    child.kill();
    assert_vanished(&mut process);
    let left = process.status().unwrap();
    assert_eq!(left, Footprint::from([(Resource::Threads, 1)]));

    let pid = child.pid();
    drop(child);
    assert_vanished(&mut process);
    assert!(matches!(process.status(), Err(ReadError::Vanished { .. })));
    let unborn = Process::open(pid);
    assert!(matches!(unborn, Err(ReadError::Vanished { .. })), "{unborn:?}");
}

#[test]
fn a_process_that_ran_another_program_is_read_as_what_it_is_now() {
    let mut child = Command::new("sh")
        .args(["-c", "read line; exec sleep 60"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Process::open(child.id()).unwrap();
    process.mapping_counts().unwrap();
    let start = process.start_time_ticks();
    drop(child.stdin.take());
    let name = format!("/proc/{}/comm", child.id());
    while fs::read_to_string(&name).unwrap() != "sleep\n" {
        std::thread::yield_now();
    }
    let counted = process.mapping_counts();
    let read = process.file_mappings(&mut Vec::new());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(counted.unwrap().all > 0);
    read.unwrap();
    assert_eq!(process.start_time_ticks(), start);
}

#[test]
fn a_process_of_another_user_is_forbidden() {
    if rustix::process::geteuid().is_root() {
        eprintln!("root may read every process: no read is refused here");
        return;
    }
    let refused = Process::open(1).unwrap().file_mappings(&mut Vec::new()).unwrap_err();
    assert!(matches!(refused, ReadError::Forbidden { pid: 1, file: "maps" }), "{refused:?}");
}

#[test]
fn the_name_in_stat_may_hold_anything() {
    assert_eq!(open(&tree(&[])).start_time_ticks(), 987_654);
}

#[test]
fn a_missing_file_is_absent_and_a_missing_process_has_vanished() {
    let tree = tree(&[]);
    let mut process = open(&tree);
    for (read, file) in [
        (process.mapping_counts().map(drop), "maps"),
        (process.status().map(drop), "status"),
        (process.smaps_rollup().map(drop), "smaps_rollup"),
        (process.fds(&mut Vec::new()), "fd"),
        (process.fd_count().map(drop), "fd"),
        (process.limits().map(drop), "limits"),
    ] {
        assert!(
            matches!(&read, Err(ReadError::Absent { pid: PID, file: absent }) if *absent == file),
            "{read:?}"
        );
    }
    let other = Process::open_under(tree.path(), PID + 1);
    assert!(matches!(other, Err(ReadError::Vanished { .. })), "{other:?}");
}

#[test]
fn a_missing_line_of_status_is_none_and_a_malformed_one_is_an_error() {
    // A name that is not UTF-8, and a name that begins like a field.
    let text = b"Name:\t\xff\xfe\nState:\tS\nVmRSSx:\t 1 kB\nVmRSS:\t     320 kB\nThreads:\t3\n";
    let expected = Footprint::from([(Resource::RssBytes, 320 * 1024), (Resource::Threads, 3)]);
    assert_eq!(open(&tree(&[("status", text)])).status().unwrap(), expected);

    for bad in [
        "VmRSS:\t320",
        "VmRSS:\t-1 kB",
        "VmRSS:\t kB",
        "VmRSS:\t99999999999999999999 kB",
        "Threads:\tx",
    ] {
        let text = format!("Name:\tx\n{bad}\n");
        let error = open(&tree(&[("status", text.as_bytes())])).status().unwrap_err();
        assert!(
            matches!(&error, ReadError::Malformed { file: "status", reason, .. } if reason.starts_with("line 2:")),
            "{bad}: {error:?}"
        );
    }
}

#[test]
fn malformed_maps_are_reported_by_line() {
    let good = "1000-2000 r--p 00000000 08:01 5 /bin/x\n";
    for bad in [
        "1000-2000 r--p 00000000 08:01",
        "1000 2000 r--p 00000000 08:01 5",
        "g000-2000 r--p 00000000 08:01 5",
        "1000-2000 r-- 00000000 08:01 5",
        "1000-2000 r--p 00000000 08:01 5x",
        "1000-2000 r--p 00000000 08:01 99999999999999999999",
        "11112222333344445-2000 r--p 0 08:01 5",
        "",
    ] {
        let text = format!("{good}{good}{bad}\n{good}");
        let tree = tree(&[("maps", text.as_bytes())]);
        let mut process = open(&tree);
        let error = process.file_mappings(&mut Vec::new()).unwrap_err();
        assert!(
            matches!(&error, ReadError::Malformed { file: "maps", reason, .. } if reason.starts_with("line 3:")),
            "{bad:?}: {error:?}"
        );
    }
    let bad = format!("{good}{good}1000-2000 r--p 0 0:01 /memfd:image (deleted)\n");
    let error = open(&tree(&[("maps", bad.as_bytes())])).mapping_counts().unwrap_err();
    assert!(
        matches!(&error, ReadError::Malformed { file: "maps", reason, .. } if reason.starts_with("line 3:")),
        "{error:?}"
    );
    let endless = vec![b'1'; 1 << 20];
    let error = open(&tree(&[("maps", &endless)])).mapping_counts().unwrap_err();
    assert!(
        matches!(&error, ReadError::Malformed { reason, .. } if reason.starts_with("line 1:")),
        "{error:?}"
    );
    assert!(error.to_string().len() < 300, "{error}");
    let nothing = open(&tree(&[("maps", b"")])).mapping_counts();
    assert!(matches!(nothing, Err(ReadError::Vanished { .. })), "{nothing:?}");
    // The control: the valid line alone, with and without its newline.
    for text in [good, good.trim_end()] {
        let tree = tree(&[("maps", text.as_bytes())]);
        let mut process = open(&tree);
        let mut mappings = Vec::new();
        process.file_mappings(&mut mappings).unwrap();
        assert_eq!(mappings.len(), 1);
        assert_eq!(process.mapping_counts().unwrap().all, 1);
    }
}

#[test]
fn errors_name_the_remedy() {
    let forbidden = ReadError::Forbidden { pid: 7, file: "maps" }.to_string();
    assert!(
        forbidden.contains("maps of process 7") && forbidden.contains("CAP_SYS_PTRACE"),
        "{forbidden}"
    );
    let missing = Process::open_under(Path::new("/nonexistent"), 1);
    assert!(matches!(missing, Err(ReadError::Hidden { pid: 1 })), "{missing:?}");
    let hidden = missing.expect_err("it is hidden").to_string();
    assert!(hidden.contains("mount -t proc") && hidden.contains("hidepid"), "{hidden}");
    let of_parent = leakbench_kernel::Stat::of(Path::new("/nonexistent"), 1);
    assert!(matches!(of_parent, Err(ReadError::Hidden { pid: 1 })), "{of_parent:?}");
    let unused = Process::open_under(Path::new("/nonexistent"), u32::MAX);
    assert!(matches!(unused, Err(ReadError::Vanished { .. })), "{unused:?}");
}

#[test]
fn the_machine_is_read_and_serialized() {
    let machine = Machine::read();
    assert_eq!(machine.kernel.as_deref(), rustix::system::uname().release().to_str().ok());
    assert!(machine.max_map_count.is_some_and(|count| count > 0));
    assert!(machine.cpus.is_some_and(|cpus| cpus > 0));
    assert!(machine.procmap_query.is_some());
    let text = serde_json::to_string(&machine).unwrap();
    assert_eq!(serde_json::from_str::<Machine>(&text).unwrap(), machine);

    let nothing = Machine::read_under("/nonexistent".as_ref());
    assert_eq!((nothing.kernel, nothing.max_map_count, nothing.procmap_query), (None, None, None));
}
