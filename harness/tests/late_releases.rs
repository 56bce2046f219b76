//! An image that is released late has a holder: the subject itself, or another program.

mod common;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use common::{Run, leakbench};
use leakbench_kernel::children_by_parent;
use leakbench_model::Counts;
use leakbench_recording::recording::{Record, Recording};

const FLAGS: [&str; 6] = ["--processes", "1", "--slots", "8", "--cycles", "20000"];

/// The counts at the last barrier.
fn counts(out: &Path) -> Counts {
    let recording = Recording::<Record>::read(out).expect("a recording");
    let last = recording.records.iter().rev().find_map(|record| match record {
        Record::Barrier(barrier) => Some(barrier.counts),
        _ => None,
    });
    last.expect("a barrier")
}

/// The first memfd that this process has open, and that has no name of leakbench's own.
fn image_of(pid: u32) -> Option<PathBuf> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    entries.map(|entry| entry.path()).find(|path| {
        let target = std::fs::read_link(path).unwrap_or_default();
        target.to_string_lossy().starts_with("/memfd:leakbench-image")
    })
}

/// Opens an image of the subject whenever it sees one, and keeps it for a moment, until the run ends.
fn read_images(run: &mut Child) -> u64 {
    let mut opened = 0;
    while run.try_wait().expect("it can be waited for").is_none() {
        let children = children_by_parent(Path::new("/proc")).expect("/proc");
        let subject = children.get(&run.id()).and_then(|children| children.first().copied());
        for _ in 0..200 {
            let Some(image) = subject.and_then(image_of) else { continue };
            if let Ok(_held) = File::open(image) {
                opened += 1;
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
    opened
}

#[test]
fn another_program_that_holds_an_image_is_no_holder_in_the_subject() {
    let out = tempfile::tempdir().unwrap();
    let path = out.path().to_str().unwrap();
    let mut command = leakbench(&[&FLAGS[..], &["--json", "--out", path]].concat());
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let opened = read_images(&mut run);
    assert!(opened > 0, "no image was seen");
    let counts = counts(out.path());
    assert_eq!(counts.late_held_inside, Some(0), "{counts:?}");
    assert!(counts.late_held_outside > Some(0), "{opened} opened, {counts:?}");
}

#[test]
fn a_descriptor_that_the_runtime_keeps_is_a_holder_in_the_subject() {
    let out = tempfile::tempdir().unwrap();
    let flags = ["--plant", "image-late", "--out", out.path().to_str().unwrap()];
    let run = Run::of(&[&FLAGS[..], &flags].concat());
    assert_eq!((run.code, run.verdict()), (4, "inconclusive"), "{:#}", run.result);
    let counts = counts(out.path());
    assert!(counts.late_held_inside > Some(0), "{counts:?}");
    assert_eq!(counts.late_held_outside, Some(0), "{counts:?}");
    let findings = run.result["findings"].as_array().unwrap();
    let held = "a descriptor or a mapping of the subject still held";
    assert!(findings.iter().any(|finding| finding["message"].as_str().unwrap().contains(held)));
}
