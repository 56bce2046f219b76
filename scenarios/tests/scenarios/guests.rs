//! The modules of cycles: valid, each unlike any other, or refused by name.

use std::collections::HashSet;
use std::path::PathBuf;

use leakbench_scenarios::{Feature, GUEST_EXPORT, GeneratedGuest, GuestFile, GuestFileError, Mode};
use proptest::prelude::*;
use wasmparser::{ExternalKind, Parser, Payload, Validator, WasmFeatures};

/// The offset at which all but the 8 bytes from it on are alike, if there is one.
fn differing(a: &[u8], b: &[u8]) -> Vec<usize> {
    assert_eq!(a.len(), b.len());
    (0..a.len()).filter(|&index| a[index] != b[index]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn generated_modules_are_valid_and_differ_in_their_stamp_alone(
        image_bytes in prop_oneof![Just(24u64), Just(4096), Just(65_536), Just(65_537), 24..300_000u64],
        seed in any::<u64>(),
        numbers in (any::<u64>(), any::<u64>()),
        mode in prop::sample::select(&Mode::ALL[..]),
        features in prop::sample::subsequence(&Feature::ALL[..], 0..=Feature::ALL.len()),
    ) {
        let mut guest = GeneratedGuest::new(mode, &features, image_bytes, seed);
        let [one, other] = [numbers.0, numbers.1].map(|number| guest.binary(number).to_vec());
        for binary in [&one, &other] {
            let mut allowed = WasmFeatures::WASM2;
            allowed.set(WasmFeatures::GC_TYPES | WasmFeatures::GC, features.contains(&Feature::GcHeap));
            allowed.set(WasmFeatures::FUNCTION_REFERENCES, features.contains(&Feature::GcHeap));
            let shared = features.contains(&Feature::SharedMemory);
            allowed.set(WasmFeatures::THREADS, shared);
            allowed.set(WasmFeatures::MULTI_MEMORY, shared || features.contains(&Feature::Memories));
            let validated = Validator::new_with_features(allowed | WasmFeatures::GC_TYPES)
                .validate_all(binary);
            let is_valid = mode != Mode::Invalid;
            prop_assert_eq!(validated.is_ok(), is_valid, "{:?}", validated.err());
        }
        let places = differing(&one, &other);
        if let (Some(first), Some(last)) = (places.first(), places.last()) {
            prop_assert!(last - first < 8);
        }
        prop_assert_eq!(numbers.0 == numbers.1, one == other);
        let again = GeneratedGuest::new(mode, &features, image_bytes, seed).binary(numbers.0).to_vec();
        prop_assert_eq!(again, one, "the same whatever was made before");
    }
}

#[test]
fn stamps_of_a_run_are_all_distinct() {
    for seed in [0, 1, u64::MAX] {
        let guest = GeneratedGuest::new(Mode::Plain, &[], 24, seed);
        let stamps: HashSet<u64> = (0..100_000).map(|number| guest.stamp(number)).collect();
        assert_eq!(stamps.len(), 100_000);
        // The scratch cell holds 0 or 1: a dirty slot must not pass for another stamp's.
        assert!(!stamps.contains(&0));
    }
}

/// The stamp is in the first 8 bytes of memory, the scratch cell in the next 8, and what is
/// exported is what is called.
#[test]
fn a_generated_module_is_laid_out_as_it_says() {
    let mut guest = GeneratedGuest::new(Mode::Plain, &[], 4096, 3);
    let stamp = guest.stamp(5);
    let mut exports = Vec::new();
    let mut data = None;
    for payload in Parser::new(0).parse_all(guest.binary(5)) {
        match payload.expect("valid") {
            Payload::ExportSection(section) => {
                let read = section.into_iter().map(|export| export.expect("valid"));
                exports.extend(read.map(|export| (export.name, export.kind)));
            }
            Payload::DataSection(section) => {
                let mut segments = section.into_iter();
                data = Some(segments.next().expect("one").expect("valid").data);
                assert!(segments.next().is_none());
            }
            _ => {}
        }
    }
    assert!(exports.contains(&(GUEST_EXPORT, ExternalKind::Func)));
    let data = data.expect("a data section");
    assert_eq!(data.len(), 4096);
    assert_eq!(data[..8], stamp.to_le_bytes());
    assert_eq!(data[8..24], [0; 16]);
    assert!(data[24..].iter().all(|&byte| byte != 0), "every page is real");
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).expect("the folder is writable");
        path
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

#[test]
fn files_and_folders_are_read_in_order() {
    let folder = Folder::new();
    folder.file("b.wat", "(module)");
    folder.file("a.wasm", b"\0asm\x01\0\0\0");
    folder.file("notes.txt", "no module");
    std::fs::create_dir(folder.path().join("inner")).expect("the folder is writable");
    let other = Folder::new();
    let named = other.file("module.bin", "anything: the runtime is to say what is wrong with it");
    let guests = GuestFile::read_all(&[named.clone(), folder.path()]).expect("readable");
    let paths: Vec<PathBuf> = guests.iter().map(|guest| guest.path.clone()).collect();
    let inside = ["a.wasm", "b.wat"].map(|name| folder.path().join(name));
    assert_eq!(paths, [&[named], inside.as_slice()].concat());
    assert_eq!(guests[1].binary, b"\0asm\x01\0\0\0");
    assert_eq!(guests[2].binary, b"\0asm\x01\0\0\0");
    assert!(guests[0].binary.starts_with(b"anything"));
}

fn refused(path: PathBuf) -> (GuestFileError, String) {
    let error = GuestFile::read_all(std::slice::from_ref(&path)).expect_err("it is refused");
    let message = error.to_string();
    assert!(message.contains(&path.display().to_string()), "{message}");
    assert!(!message.contains('\n'), "one line: {message}");
    (error, message)
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let folder = Folder::new();
    let (error, _) = refused(folder.path().join("absent.wasm"));
    assert!(matches!(error, GuestFileError::Read { .. }));

    let (error, _) = refused(folder.path());
    assert!(matches!(error, GuestFileError::NoModules { .. }));

    let (error, message) = refused(folder.file("bad.wat", "(module\n  (func $f\n    nonsense))"));
    assert!(matches!(error, GuestFileError::Text { .. }));
    assert!(message.contains("line 3, column 5: "), "{message}");
    assert!(message.contains("nonsense") || message.contains("unknown"), "{message}");

    let (error, _) = refused(folder.file("bytes.wat", [0xff, 0xfe, 0]));
    assert!(matches!(error, GuestFileError::Text { .. }));
}
