//! Images of a driver that leaves what the test asks for: files that are no memfds, and late releases.

mod common;

use std::io::Write;
use std::path::Path;
use std::process::Output;

use common::{Run, leakbench};

const CYCLES: u64 = 40;

/// A run of the driver `leaky`, with images of this kind.
fn run(image: &str, leaves: &str) -> Output {
    let drivers = Path::new(env!("CARGO_BIN_EXE_leakbench")).with_file_name("examples");
    assert!(drivers.join("leakbench-leaky").is_file(), "build it with the tests (cargo test)");
    let mut module = tempfile::Builder::new().suffix(".wat").tempfile().expect("a file");
    module.write_all(b"(module)").expect("written");
    let plain = |path: &Path| path.to_str().expect("a plain path").to_owned();
    let args = [
        "--subject",
        "leaky",
        "--processes",
        "1",
        "--json",
        "--settle-ms",
        "500",
        "--barriers",
        "2",
    ];
    let mut run = leakbench(&args);
    run.args(["--driver-dir", &plain(&drivers), "--wasm", &plain(module.path())]);
    run.args(["--cycles", &CYCLES.to_string()]);
    run.env("LEAKY_IMAGE", image).env("LEAKY_LEAVES", leaves);
    run.output().expect("the binary starts")
}

#[test]
fn a_file_is_an_image_like_a_memfd() {
    for image in ["memfd", "file"] {
        let run = Run::from(run(image, "nothing"));
        assert_eq!((run.code, run.verdict()), (0, "clean"), "{image}: {}", run.result);
        assert_eq!((run.images("made"), run.images("unknown")), (CYCLES, 0), "{image}");
    }
}

#[test]
fn holders_of_files_are_named() {
    for (leaves, kind) in [("open-image", "fd"), ("mapped-image", "mapping")] {
        for image in ["memfd", "file"] {
            let run = Run::from(run(image, leaves));
            assert_eq!((run.code, run.verdict()), (1, "leak"), "{image}: {}", run.result);
            assert_eq!(run.images("lingering"), CYCLES, "{image}");
            let holders = run.holders();
            assert_eq!(holders.len() as u64, CYCLES, "{image}: {holders:?}");
            assert!(holders.iter().all(|(found, _)| found == kind), "{image}: {holders:?}");
        }
    }
}

/// The kernel keeps a file with a name, whatever is dropped.
#[test]
fn a_driver_whose_files_have_names_is_refused() {
    let output = run("named-file", "nothing");
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("still has a name"), "{message}");
    assert!(message.contains("unlink the file before you show it"), "{message}");
}

/// No sample delays these releases: another thread makes them after the drop.
#[test]
fn releases_that_are_late_by_themselves_are_not_clean() {
    let run = Run::from(run("memfd", "image-for-a-moment"));
    assert_eq!((run.code, run.verdict()), (4, "inconclusive"), "{}", run.result);
    // Of those that the other thread releases at once, some are not late.
    assert!(run.images("late") > CYCLES / 2, "{}", run.result);
    assert_eq!(run.images("lingering"), 0, "{}", run.result);
    let headline = run.result["headline"].as_str().expect("a sentence");
    assert!(headline.contains("released late though leakbench read nothing"), "{headline}");
}
