//! Runs of the real binary whose verdict is known: the cure, the historic leak, the queue.

mod common;

use common::Run;

#[test]
fn every_strategy_with_the_cure_is_clean() {
    for strategy in ["next-available", "random", "reuse-affinity", "warm-lru"] {
        let run = Run::of(&["--strategy", strategy, "--cycles", "2000"]);
        assert_eq!((run.code, run.verdict()), (0, "clean"), "{strategy}: {:?}", run.result);
        assert_eq!(run.images("made"), 2000);
        assert_eq!(run.images("synchronous"), 2000, "{strategy}");
        assert_eq!(run.images("lingering"), 0);
    }
}

#[test]
fn threads_processes_and_interleaving_are_clean() {
    for args in [
        &["--threads", "2"][..],
        &["--processes", "2"],
        &["--live-modules", "5", "--instances", "3"],
        &["--live-modules", "3", "--threads", "2", "--processes", "2", "--strategy", "warm-lru"],
        &["--compile", "fresh"],
        &["--image-size", "1MiB"],
        &["--image-size", "100000", "--instances", "2"],
        &["--decommit-batch", "16", "--flush-on-drop"],
        &["--slots", "1"],
    ] {
        let run = Run::of(&[&["--cycles", "500"][..], args].concat());
        assert_eq!((run.code, run.verdict()), (0, "clean"), "{args:?}: {:?}", run.result);
        let confirmed = run.images("synchronous") + run.images("late");
        assert_eq!(confirmed, run.images("made"), "{args:?}");
        assert_eq!(run.images("made"), 500, "{args:?}");
    }
}

/// Of S slots taken at random n times, S(1-(1-1/S)^n) keep an image: 950 of 1000 after 3000.
#[test]
fn the_historic_leak_is_found_and_each_image_has_its_slot() {
    for strategy in ["random", "reuse-affinity"] {
        let args = ["--strategy", strategy, "--on-drop", "keep", "--slots", "1000"];
        let run = Run::of(&[&args[..], &["--cycles", "3000"]].concat());
        assert_eq!((run.code, run.verdict()), (1, "leak"), "{strategy}");
        let lingering = run.images("lingering");
        assert!((920..=980).contains(&lingering), "{strategy}: {lingering} linger");
        let holders = run.holders();
        assert!(!holders.is_empty());
        let affine = ("slot".to_owned(), Some("affine".to_owned()));
        assert!(holders.iter().all(|holder| *holder == affine), "{strategy}: {holders:?}");
        let slots: std::collections::HashSet<u64> = run.result["lingering"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|image| image["holders"][0]["slot"].as_u64().expect("a slot"))
            .collect();
        assert_eq!(slots.len(), holders.len(), "no slot holds two images");
    }
}

#[test]
fn the_slot_freed_last_keeps_one_image() {
    let args = ["--strategy", "next-available", "--on-drop", "keep", "--cycles", "3000"];
    let run = Run::of(&args);
    assert_eq!((run.code, run.images("lingering")), (1, 1));
    assert_eq!(run.images("synchronous"), 0);
    assert_eq!(run.images("late"), 2999);
}

#[test]
fn slots_in_the_decommit_queue_are_found_out() {
    // 3000 is 187 batches of 16 and 8 more: those 8 wait in the queue.
    let args = ["--decommit-batch", "16", "--cycles", "3000", "--barriers", "1"];
    let run = Run::of(&args);
    assert_eq!(run.code, 1);
    let states: Vec<String> = run.holders().into_iter().filter_map(|(_, state)| state).collect();
    assert_eq!(states.iter().filter(|state| *state == "queued").count(), 8);
    assert!(states.iter().any(|state| state == "affine"));
}

/// As many instances as a batch has slots would empty the queue at each drop.
#[test]
fn instances_that_match_the_batch_do_not_hide_the_queue() {
    let args = ["--decommit-batch", "16", "--instances", "16", "--cycles", "300"];
    let run = Run::of(&args);
    assert_eq!((run.code, run.verdict()), (1, "leak"), "{:?}", run.result);
}

#[test]
fn a_truncated_image_lingers_without_its_pages() {
    let args = ["--on-drop", "truncate", "--cycles", "500", "--slots", "100"];
    let run = Run::of(&args);
    assert_eq!((run.code, run.verdict()), (1, "leak"));
    assert!(run.images("lingering") > 50);
}

#[test]
fn copied_images_are_no_kernel_objects() {
    let run = Run::of(&["--image", "copy", "--cycles", "1000", "--on-drop", "keep"]);
    assert_eq!((run.code, run.images("made")), (0, 0), "{:?}", run.result);
}

#[test]
fn the_same_seed_leaves_the_same_images_behind() {
    let args = ["--on-drop", "keep", "--slots", "50", "--cycles", "500", "--live-modules", "7"];
    let modules = |seed| {
        let run = Run::of(&[&args[..], &["--seed", seed]].concat());
        let images = run.result["lingering"].as_array().expect("a list").clone();
        let mut modules: Vec<u64> =
            images.iter().map(|image| image["module"].as_u64().expect("a number")).collect();
        modules.sort_unstable();
        modules
    };
    assert_eq!(modules("7"), modules("7"));
    assert_ne!(modules("7"), modules("8"));
}
