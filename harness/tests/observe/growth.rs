//! Each kind of planted growth is found under its own name, and bounded use is no leak.

use std::process::{Command, Stdio};

use leakbench_kernel::objects;
use leakbench_model::Resource;
use leakbench_recording::observation::{ObservationRecord, ObservationRecording};

use super::common::{finish, leakbench, wait_for_samples};
use super::victim::{self, Victim};
use super::{
    Observed, SAMPLES, attach, attach_for_growth, end_sampled, exec_of, exec_to_the_end,
    exec_until_read,
};

pub(crate) fn assert_leaks(observed: &Observed, name: &str, example: &str) {
    assert_eq!(observed.class(name), "leak", "{name}: {:#}", observed.resource(name));
    let found = observed.example(name);
    assert!(found.contains(example), "{name}: {example:?} is not in {found}");
    let rate = observed.resource(name)["rate_per_s"].as_f64().unwrap();
    assert!(rate > 0.0, "{name}: {rate}");
}

#[test]
fn descriptors_of_eight_kinds() {
    let habits =
        ["files", "deleted-files", "memfds", "sockets", "pipes", "events", "timers", "epolls"];
    let observed = exec_to_the_end(&habits);
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    for (name, example) in [
        ("file_fds", "leakbench"),
        ("deleted_file_fds", "(deleted)"),
        ("memfd_fds", "/memfd:leaked"),
        ("socket_fds", "UDP UNCONNECTED at 127.0.0.1"),
        ("pipe_fds", "pipe"),
        ("event_fds", "eventfd"),
        ("timer_fds", "timerfd"),
        ("epoll_fds", "watching fd "),
        ("memfds", "/memfd:leaked"),
    ] {
        assert_leaks(&observed, name, example);
        assert!(observed.example(name).contains("fd "), "{}", observed.example(name));
    }
    // The limit of descriptors is known, and so is the time to reach it.
    let all = observed.resource("fds");
    assert!(all["limit"].as_u64().is_some() || all["limit"].is_object(), "{all:#}");
    assert!(all["seconds_to_limit"].as_f64().is_some_and(|seconds| seconds > 0.0), "{all:#}");
    assert_ne!(observed.class("threads"), "leak");
    assert_ne!(observed.class("executable_mappings"), "leak");
}

/// Sockets of a leak grow old, and those that are closed after a while do not.
#[test]
fn a_leak_below_traffic_is_recorded_by_age() {
    let out = tempfile::tempdir().unwrap();
    let mut victim = Victim::start(&["traffic", "sockets"]);
    let flags = ["--out", out.path().to_str().unwrap()];
    let observer = attach(&flags, &victim.pid()).spawn().unwrap();
    victim.grow();
    let observed = end_sampled(observer, out.path());
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    assert_leaks(&observed, "socket_fds", "UDP");
    let recording = ObservationRecording::read(out.path()).unwrap();
    let old_objects = recording.records.iter().rev().find_map(|record| match record {
        ObservationRecord::OldObjects(old_objects) => Some(old_objects),
        _ => None,
    });
    let old_objects = old_objects.expect("ages");
    let old = &old_objects.counts[&Resource::SocketFds];
    assert!(old.is_sorted() && old[old.len() - 1] >= old[0] + 15, "{old_objects:?}");
    assert!(old_objects.young[&Resource::SocketFds] >= 30, "{old_objects:?}");
}

#[test]
fn descriptors_of_rarer_kinds() {
    let kinds = [
        ("ptys", "pty_fds", true),
        ("rings", "io_uring_fds", objects::io_uring().is_ok()),
        ("bpf-maps", "bpf_fds", objects::bpf_map().is_ok()),
        ("perf-events", "perf_event_fds", objects::perf_event().is_ok()),
        ("posix-queues", "posix_queue_fds", objects::posix_queue(2, 700).is_ok()),
    ];
    let allowed = kinds.into_iter().filter(|(.., allowed)| *allowed);
    let (habits, names): (Vec<&str>, Vec<&str>) =
        allowed.map(|(habit, name, _)| (habit, name)).unzip();
    let observed = exec_to_the_end(&habits);
    for &name in &names {
        assert_leaks(&observed, name, "fd ");
    }
    if names.contains(&"posix_queue_fds") {
        let bytes = observed.resource("posix_queue_bytes");
        assert_leaks(&observed, "posix_queue_bytes", "/leakbench-");
        assert_eq!(bytes["limit_name"], "RLIMIT_MSGQUEUE", "{bytes:#}");
    }
    assert_eq!(observed.resource("pty_fds")["limit_name"], "kernel.pty.max");
    assert_eq!(observed.class("other_fds"), "flat");
}

#[test]
fn sockets_have_states_and_equal_ones_are_one_example() {
    let observed = exec_to_the_end(&["close-wait", "connections", "files"]);
    assert_leaks(&observed, "socket_fds", "CLOSE_WAIT to 127.0.0.1:");
    assert!(observed.example("socket_fds").contains(" from 127.0.0.1:"), "{:#}", observed.result);
    // As many of each end, and half as many as of those that the server has closed.
    let examples = observed.examples("socket_fds");
    let count = |words: &str| {
        let found = examples.iter().find(|(what, _)| what.starts_with(words));
        found.unwrap_or_else(|| panic!("{words}: {examples:?}")).1
    };
    let closed = count("CLOSE_WAIT to 127.0.0.1:");
    let (clients, accepted) = (count("ESTABLISHED to "), count("ESTABLISHED at "));
    assert!(clients.abs_diff(accepted) <= 1, "{examples:?}");
    assert!(closed > 10 && closed.abs_diff(2 * clients) <= 3, "{examples:?}");
    // A file that is opened again and again is one example by its path.
    let files = observed.examples("file_fds");
    assert!(files.len() == 1 && files[0].1 > 10 && files[0].0.starts_with('/'), "{files:?}");
}

#[test]
fn sockets_of_another_network_namespace_have_states() {
    let unshare = ["unshare", "--map-root-user", "--net", "--"];
    let refused = Command::new(unshare[0]).args(&unshare[1..]).arg("true").status();
    if !refused.is_ok_and(|status| status.success()) {
        eprintln!("this user may not make a network namespace: nothing to test");
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let mut command = leakbench(&["exec", "--json", "--interval", "50ms", "--out"]);
    command.arg(out.path()).arg("--").args(unshare).args(victim::ending_words(&["any-sockets"]));
    command.stdin(Stdio::piped());
    let observer = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_samples(out.path(), SAMPLES);
    let observed = Observed::from(finish(observer));
    assert_leaks(&observed, "socket_fds", "UDP UNCONNECTED at 0.0.0.0");
}

#[test]
fn watches_of_one_inotify_descriptor() {
    let observed = exec_until_read(&["watches"], Resource::InotifyWatches);
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    // Only root may look up the path.
    let newest = if rustix::process::geteuid().is_root() { "of /usr/bin/" } else { "of inode " };
    assert_leaks(&observed, "inotify_watches", newest);
    let watches = observed.resource("inotify_watches");
    assert_eq!(watches["limit_name"], "fs.inotify.max_user_watches", "{watches:#}");
    assert_ne!(observed.class("inotify_fds"), "leak");
    // The control: watches that are removed, and descriptors without watches.
    let observed = exec_until_read(&["watch-churn", "inotifies"], Resource::InotifyWatches);
    assert_eq!(observed.class("inotify_watches"), "flat", "{:#}", observed.result);
    assert_leaks(&observed, "inotify_fds", "anon_inode:inotify");
    let instances = observed.resource("inotify_fds");
    assert_eq!(instances["limit_name"], "fs.inotify.max_user_instances", "{instances:#}");
}

#[test]
fn files_that_grow_while_they_are_held() {
    let observed = exec_to_the_end(&["deleted-growth", "memfd-growth", "tmpfs-growth"]);
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    // The first sample may see the file empty, and then all of it is growth.
    assert_leaks(&observed, "deleted_bytes", " KiB");
    assert_leaks(&observed, "unmapped_memfd_bytes", "/memfd:buffer (deleted), ");
    assert_leaks(&observed, "tmpfs_bytes", "/dev/shm/");
    assert_ne!(observed.class("fds"), "leak");
    assert_ne!(observed.class("shmem_bytes"), "leak");
    // The controls: memfds that are mapped or written again and again, and small files that pile up.
    let observed = exec_to_the_end(&["memfd-rewrite", "mapped-memfd-growth", "deleted-files"]);
    assert_ne!(observed.class("unmapped_memfd_bytes"), "leak", "{:#}", observed.result);
    assert_eq!(observed.class("deleted_bytes"), "flat", "{:#}", observed.result);
    assert_leaks(&observed, "deleted_file_fds", "(deleted)");
}

#[test]
fn system_v_objects_of_the_process_and_of_no_other() {
    let out = tempfile::tempdir().unwrap();
    let idle = Victim::start(&["idle"]);
    let bystander = attach(&["--out", out.path().to_str().unwrap()], &idle.pid()).spawn().unwrap();
    let observed = exec_to_the_end(&["semaphores", "queues", "segments-of-children"]);
    let bystander = end_sampled(bystander, out.path());
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    for (name, example, limit) in [
        ("sysv_semaphores", "set of 1 semaphore", "kernel.sem (SEMMNI)"),
        ("sysv_queues", "queue of 1 message", "kernel.msgmni"),
        ("sysv_segments", "which has ended", "kernel.shmmni"),
    ] {
        assert_leaks(&observed, name, example);
        let limit_name = observed.resource(name)["limit_name"].as_str().unwrap();
        assert!(limit_name.starts_with(limit), "{name}: {limit_name}");
        // The control: a process of the same user at the same time.
        assert_eq!(bystander.resource(name)["peak"], 0, "{:#}", bystander.resource(name));
    }
}

/// The kernel does not record who made them. In an IPC namespace of its own, nothing else can have.
#[test]
fn unused_semaphores_are_of_the_tree_that_is_alone_in_its_namespace() {
    let unshare = ["--map-root-user", "--ipc"];
    let can_unshare = Command::new("unshare").args(unshare).arg("true").status();
    let sees_all = std::fs::read_link("/proc/self/ns/pid").unwrap();
    if !can_unshare.is_ok_and(|it| it.success()) || !sees_all.ends_with("pid:[4026531836]") {
        eprintln!("skipped: no namespaces, or a PID namespace that hides processes");
        return;
    }
    let alone = "\"$0\" \"$@\"; exit $?";
    // The control: another process is in the namespace.
    let beside = "sleep 300 & \"$0\" \"$@\"; code=$?; kill $!; exit $code";
    for (script, expected) in [(alone, (1, "leak")), (beside, (4, "inconclusive"))] {
        let out = tempfile::tempdir().unwrap();
        let words = victim::ending_words(&["unused-semaphores"]);
        let inner = exec_of(&["--out", out.path().to_str().unwrap()], &words);
        let mut command = Command::new("unshare");
        command.args(unshare).args(["sh", "-c", script]).arg(inner.get_program());
        command.args(inner.get_args()).stdin(Stdio::piped());
        let observer = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for_samples(out.path(), SAMPLES);
        let observed = Observed::from(finish(observer));
        assert_eq!(observed.verdict(), expected, "{script}: {:#}", observed.result);
        let is_unknown = observed.result.to_string().contains("their maker is unknown");
        assert_eq!(is_unknown, expected.0 == 4, "{script}: {:#}", observed.result["findings"]);
        if expected.0 == 1 {
            assert_leaks(&observed, "sysv_semaphores", "set of 1 semaphore");
        }
    }
}

#[test]
fn the_other_end_of_a_pipe_is_named() {
    let [observed] = attach_for_growth(&["children"], [&["--no-tree"]]);
    assert_leaks(&observed, "pipe_fds", "(cat)");
    // The control: both ends are in the process.
    let [observed] = attach_for_growth(&["pipes"], [&[]]);
    assert_leaks(&observed, "pipe_fds", "pipe");
    let holders = observed.resource("pipe_fds")["example"]["holders"].as_array().unwrap();
    assert!(holders.len() == 2 && holders[1].as_str().unwrap().starts_with("fd "), "{holders:?}");
}

#[test]
fn mappings_of_three_kinds() {
    let [observed] =
        attach_for_growth(&["anonymous-mappings", "executable-mappings", "mapped-memfds"], [&[]]);
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    assert_leaks(&observed, "anonymous_mappings", "p");
    assert_leaks(&observed, "executable_mappings", "xp");
    assert_leaks(&observed, "memfd_mappings", "/memfd:mapped");
    // These memfds have mappings only.
    assert_leaks(&observed, "memfds", "1 mapping");
    assert_ne!(observed.class("memfd_fds"), "leak");
    assert_ne!(observed.class("fds"), "leak");
}

#[test]
fn tasks_segments_and_descriptors_in_flight() {
    let observed = exec_to_the_end(&["threads", "zombies", "segments", "in-flight"]);
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    assert_leaks(&observed, "threads", "(leaked)");
    assert_leaks(&observed, "zombies", "(true), a zombie");
    assert_leaks(&observed, "sysv_segments", "shared memory");
    assert_leaks(&observed, "fds_in_flight", "descriptors in flight");
    assert_ne!(observed.class("fds"), "leak");
}

#[test]
fn memory() {
    let [observed] = attach_for_growth(&["heap"], [&[]]);
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    assert_leaks(&observed, "anonymous_bytes", "KiB more than at its first sample");
    assert_ne!(observed.class("fds"), "leak");
}

#[test]
fn memory_within_one_mapping_is_no_leak() {
    let [observed] = attach_for_growth(&["filling"], [&[]]);
    assert_eq!(observed.verdict(), (4, "inconclusive"), "{:#}", observed.result);
    let memory = observed.resource("anonymous_bytes");
    assert_eq!(memory["class"], "filling", "{memory:#}");
    assert!(memory["limit"].as_u64().is_some_and(|limit| limit >= 1 << 30), "{memory:#}");
}

#[test]
fn a_memfd_that_only_a_child_holds_is_found_with_the_tree() {
    let flags: [&[&str]; 3] = [&["--tree"], &["--no-tree"], &[]];
    let [with_tree, alone, unsaid] = attach_for_growth(&["child-with-memfds"], flags);
    assert_eq!(with_tree.verdict(), (1, "leak"), "{:#}", with_tree.result);
    assert_leaks(&with_tree, "memfds", "of child ");
    // The control: without its child the process leaks nothing.
    assert_eq!(alone.verdict(), (0, "clean"), "{:#}", alone.result);
    assert_eq!(alone.resource("children")["last"], 1, "{:#}", alone.resource("children"));
    // Unless the user says that the child does not matter, it may leak.
    assert_eq!(unsaid.verdict(), (4, "inconclusive"), "{:#}", unsaid.result);
}

#[test]
fn a_bounded_cache_and_reused_descriptor_numbers_are_no_leak() {
    let observed = exec_to_the_end(&["bounded-cache", "churn"]);
    assert_eq!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
    assert_eq!(observed.class("file_fds"), "bounded");
    assert!(["flat", "sawtooth"].contains(&observed.class("event_fds")));
}

#[test]
fn a_sawtooth_is_no_leak() {
    let observed = exec_to_the_end(&["sawtooth"]);
    assert_eq!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
    assert_eq!(observed.class("event_fds"), "sawtooth");
}

#[test]
fn a_growing_reservation_is_no_leak_and_has_a_forecast() {
    let [observed] = attach_for_growth(&["reservation"], [&[]]);
    assert_eq!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
    let space = observed.resource("address_space_bytes");
    assert_eq!(space["class"], "reservation", "{space:#}");
    assert!(space["seconds_to_limit"].as_f64().is_some(), "{space:#}");
}

#[test]
fn an_idle_process_is_flat() {
    let [observed] = attach_for_growth(&["idle"], [&[]]);
    assert_eq!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
    assert_eq!(observed.class("fds"), "flat");
    assert_eq!(observed.class("mappings"), "flat");
}
