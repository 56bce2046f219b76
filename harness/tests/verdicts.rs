//! Runs with a known verdict: the cure, the historic leak, the decommit queue.

mod common;

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::Instant;

use common::{HANG, Run, leakbench, wait_until};

#[test]
fn every_strategy_with_the_cure_is_clean() {
    for strategy in ["next-available", "random", "reuse-affinity", "warm-lru"] {
        let flags = ["--strategy", strategy, "--cycles", "2000"];
        let run = Run::undisturbed(|| Run::recorded(&flags));
        assert_eq!((run.code, run.verdict()), (0, "clean"), "{strategy}: {:?}", run.result);
        run.assert_released_by_drops(2000);
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
        let flags = [&["--cycles", "500"][..], args].concat();
        let run = Run::undisturbed(|| Run::of(&flags));
        assert_eq!((run.code, run.verdict()), (0, "clean"), "{args:?}: {:?}", run.result);
        let confirmed = run.images("synchronous") + run.images("late");
        assert_eq!(confirmed, run.images("made"), "{args:?}");
        assert_eq!(run.images("made"), 500, "{args:?}");
    }
}

/// Images linger at every barrier, so each waits for the whole settle time.
#[test]
fn the_time_of_the_cycles_is_without_barriers() {
    let args = ["--strategy", "random", "--on-drop", "keep", "--slots", "50", "--cycles", "500"];
    let flags = ["--barriers", "5", "--settle-ms", "200", "--processes", "1"];
    let run = Run::of(&[&args[..], &flags].concat());
    let [running_s, wall_s, rate] = ["running_s", "wall_s", "rate_per_s"]
        .map(|field| run.result[field].as_f64().expect("a number"));
    assert!(0.0 < running_s && running_s + 5.0 * 0.2 <= wall_s, "{running_s} of {wall_s}");
    assert!((rate * running_s / 500.0 - 1.0).abs() < 1e-6, "{rate} in {running_s}");
}

/// Without a pool, no free slot holds the image of a dropped module, and no slots limit the instances.
#[test]
fn memories_on_demand_leave_nothing_behind() {
    let flags = ["--cycles", "200", "--on-drop", "keep", "--instances", "3", "--processes", "1"];
    let pooled = Run::of(&[&flags[..], &["--slots", "50"]].concat());
    assert_eq!((pooled.code, pooled.verdict()), (1, "leak"), "{:?}", pooled.result);
    let flags = [&flags[..], &["--allocation", "on-demand", "--slots", "1"]].concat();
    let on_demand = Run::recorded(&flags);
    assert_eq!((on_demand.code, on_demand.verdict()), (0, "clean"), "{:?}", on_demand.result);
    on_demand.assert_released_by_drops(200);
    let summary = leakbench(&flags).output().expect("the binary starts").stdout;
    let summary = String::from_utf8(summary).expect("UTF-8");
    assert!(summary.contains("builtin, memories on demand, 1 process"), "{summary}");
}

/// After n uses of S slots at random, S(1-(1-1/S)^n) slots keep an image: 950 of 1000 after 3000.
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
fn slots_in_the_decommit_queue_are_found() {
    // 3000 is 187 batches of 16, and 8 slots that stay in the queue.
    let args = ["--decommit-batch", "16", "--cycles", "3000", "--barriers", "1"];
    let run = Run::of(&args);
    assert_eq!(run.code, 1);
    let states: Vec<String> = run.holders().into_iter().filter_map(|(_, state)| state).collect();
    assert_eq!(states.iter().filter(|state| *state == "queued").count(), 8);
    assert!(states.iter().any(|state| state == "affine"));
}

/// With one instance for each slot of a batch, every drop could empty the queue.
#[test]
fn instances_that_match_the_batch_do_not_hide_the_queue() {
    let args = ["--decommit-batch", "16", "--instances", "16", "--cycles", "300"];
    let run = Run::of(&args);
    assert_eq!((run.code, run.verdict()), (1, "leak"), "{:?}", run.result);
}

/// An image that this process holds by a descriptor.
struct Held {
    image: File,
    inode: u64,
}

/// Opens images of live modules of a running subject until it has `count`.
fn hold_images(subject: i32, size_bytes: u64, count: usize) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    let deadline = Instant::now() + HANG;
    while held.len() < count {
        assert!(Instant::now() < deadline, "the subject shows {} images", held.len());
        for entry in std::fs::read_dir(format!("/proc/{subject}/fd")).expect("it runs") {
            let path = entry.expect("a descriptor").path();
            // The subject may close or reuse the descriptor at any moment.
            let is_memfd = std::fs::read_link(&path)
                .is_ok_and(|name| name.as_os_str().as_bytes().starts_with(b"/memfd:"));
            let Some(image) = is_memfd.then(|| File::open(&path).ok()).flatten() else { continue };
            let stat = image.metadata().expect("it is open");
            let is_new = held.iter().all(|held| held.inode != stat.ino());
            if is_new && stat.len() >= size_bytes && held.len() < count {
                held.push(Held { image, inode: stat.ino() });
            }
        }
    }
    held
}

fn inodes_of_fds(pid: i32) -> HashSet<u64> {
    let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs");
    fds.filter_map(|fd| Some(std::fs::metadata(fd.ok()?.path()).ok()?.ino())).collect()
}

#[test]
fn a_truncated_image_lingers_without_its_pages() {
    const SIZE_BYTES: u64 = 256 << 10;
    for (on_drop, keeps_pages) in [("truncate", false), ("keep", true)] {
        let args = ["--on-drop", on_drop, "--slots", "50", "--image-size", "256KiB"];
        let run = Run::of(&[&args[..], &["--cycles", "100"]].concat());
        assert_eq!((run.code, run.verdict()), (1, "leak"));
        assert!(run.images("lingering") > 25, "{on_drop}: {}", run.images("lingering"));

        let endless = ["--cycles", "1000000000", "--processes", "1", "--json"];
        let mut command = leakbench(&[&args[..], &endless].concat());
        let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        let subject = common::subjects_of(&run, 1)[0];
        let held = hold_images(subject, SIZE_BYTES, 5);
        // Closing its descriptor is the last step of dropping a module.
        let live = |held: &Held, fds: &HashSet<u64>| fds.contains(&held.inode);
        wait_until("the modules are dropped", || {
            let fds = inodes_of_fds(subject);
            !held.iter().any(|held| live(held, &fds))
        });
        run.kill().expect("it is there");
        run.wait().expect("it can be waited for");
        for Held { image, .. } in held {
            let stat = image.metadata().expect("it is open");
            let resident_bytes = stat.blocks() * 512;
            match keeps_pages {
                true => assert!(resident_bytes >= SIZE_BYTES, "{on_drop}: {resident_bytes}"),
                false => assert_eq!(resident_bytes, 0, "{on_drop}"),
            }
        }
    }
}

/// A refused watch does not count as a release, so such a run is not clean.
#[test]
fn images_that_cannot_be_watched_make_a_run_inconclusive() {
    // The limit belongs to a user namespace, so the run has its own.
    let lower = "echo 3 > /proc/sys/user/max_inotify_watches";
    let script = format!("{lower} && exec \"$0\" \"$@\"");
    let in_namespace = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "sh", "-c", script]);
        command
    };
    match in_namespace(lower).output() {
        Ok(tried) if tried.status.success() => {}
        Ok(tried) => {
            let why = String::from_utf8_lossy(&tried.stderr).into_owned();
            return eprintln!("not tested: no user namespace with a limit: {why}");
        }
        Err(error) => return eprintln!("not tested: no unshare(1): {error}"),
    }
    let run = |live_modules: &str| {
        let mut command = in_namespace(&script);
        command.arg(env!("CARGO_BIN_EXE_leakbench"));
        let args = ["--cycles", "200", "--processes", "1", "--json"];
        command.args(args).args(["--live-modules", live_modules]);
        Run::from(command.output().expect("unshare was there"))
    };
    // The control: as many watches as images at a time.
    let enough = run("3");
    assert_eq!((enough.code, enough.verdict()), (0, "clean"), "{:?}", enough.result);

    let short = run("8");
    assert_eq!((short.code, short.verdict()), (4, "inconclusive"));
    assert!(short.images("unknown") > 0);
    assert_eq!(short.images("made"), 200);
    let released = short.images("synchronous") + short.images("late");
    assert_eq!(short.images("made"), short.images("unknown") + released);
    let findings = short.result["findings"].to_string();
    assert!(findings.contains("user.max_inotify_watches is 3"), "{findings}");
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
