//! Each kind of planted growth is found under its own name, and bounded use is no leak.

use super::victim::Victim;
use super::{Observed, attach, exec};

/// Enough for about eighty samples.
const LONG: &[&str] = &["--duration", "5s"];

fn assert_leaks(observed: &Observed, name: &str, example: &str) {
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
    let observed = Observed::of(&mut exec(LONG, &habits));
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    for (name, example) in [
        ("file_fds", "observe"),
        ("deleted_file_fds", "(deleted)"),
        ("memfd_fds", "/memfd:leaked"),
        ("socket_fds", "socket:["),
        ("pipe_fds", "pipe:["),
        ("event_fds", "eventfd"),
        ("timer_fds", "timerfd"),
        ("epoll_fds", "eventpoll"),
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

#[test]
fn mappings_of_three_kinds() {
    let victim = Victim::start(&["anonymous_mappings", "executable_mappings", "mapped-memfds"]);
    let observed = Observed::of(&mut attach(LONG, &victim.pid()));
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
    let observed = Observed::of(&mut exec(LONG, &["threads", "zombies", "segments", "in-flight"]));
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    assert_leaks(&observed, "threads", "(leaked)");
    assert_leaks(&observed, "zombies", "(true), a zombie");
    assert_leaks(&observed, "sysv_segments", "shared memory");
    assert_leaks(&observed, "fds_in_flight", "descriptors in flight");
    assert_ne!(observed.class("fds"), "leak");
}

#[test]
fn memory() {
    let victim = Victim::start(&["heap"]);
    let observed = Observed::of(&mut attach(LONG, &victim.pid()));
    assert_eq!(observed.verdict(), (1, "leak"), "{:#}", observed.result);
    assert_leaks(&observed, "anonymous_bytes", "KiB more than at its first sample");
    assert_ne!(observed.class("fds"), "leak");
}

#[test]
fn a_memfd_that_only_a_child_holds_is_found_with_the_tree() {
    let victim = Victim::start(&["child-with-memfds"]);
    let alone = attach(LONG, &victim.pid()).spawn().unwrap();
    let with_tree = Observed::of(attach(LONG, &victim.pid()).arg("--tree"));
    let alone = Observed::from(alone.wait_with_output().unwrap());

    assert_eq!(with_tree.verdict(), (1, "leak"), "{:#}", with_tree.result);
    assert_leaks(&with_tree, "memfds", "of child ");
    // The control: without its child the process leaks nothing.
    assert_eq!(alone.verdict(), (0, "clean"), "{:#}", alone.result);
    assert_eq!(alone.resource("children")["last"], 1, "{:#}", alone.resource("children"));
}

#[test]
fn a_bounded_cache_and_reused_descriptor_numbers_are_no_leak() {
    let observed = Observed::of(&mut exec(LONG, &["bounded-cache", "churn"]));
    assert_eq!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
    assert_eq!(observed.class("file_fds"), "bounded");
    assert!(["flat", "sawtooth"].contains(&observed.class("event_fds")));
}

#[test]
fn a_sawtooth_is_no_leak() {
    let observed = Observed::of(&mut exec(LONG, &["sawtooth"]));
    assert_eq!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
    assert_eq!(observed.class("event_fds"), "sawtooth");
}

#[test]
fn a_growing_reservation_is_no_leak_and_has_a_forecast() {
    let victim = Victim::start(&["reservation"]);
    let observed = Observed::of(&mut attach(LONG, &victim.pid()));
    assert_eq!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
    let space = observed.resource("address_space_bytes");
    assert_eq!(space["class"], "reservation", "{space:#}");
    assert!(space["seconds_to_limit"].as_f64().is_some(), "{space:#}");
}

#[test]
fn an_idle_process_is_flat() {
    let victim = Victim::start(&["idle"]);
    let observed = Observed::of(&mut attach(&["--duration", "3s"], &victim.pid()));
    assert_eq!(observed.verdict(), (0, "clean"), "{:#}", observed.result);
    assert_eq!(observed.class("fds"), "flat");
    assert_eq!(observed.class("mappings"), "flat");
}
