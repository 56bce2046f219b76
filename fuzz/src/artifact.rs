//! Damaged artifacts.
//!
//! The runtime's contract has two parts. Who writes an artifact decides what the process does, so artifacts
//! come from this crate. Damage by chance and artifacts of other versions, compilers and machines are refused.
//! The second part is checked here, and the code of an artifact never runs.

use std::fs::File;
use std::io::Write;
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::OnceLock;

use arbitrary::Arbitrary;
use leakbench_runtime::{Config, Engine, Error, PoolConfig};

use crate::sys;

/// A change of an artifact.
#[derive(Arbitrary, Debug)]
enum Edit {
    Xor { at: u32, bits: u8 },
    Word { at: u32, word: u64 },
    Cut { len: u32 },
    Append { bytes: Vec<u8> },
    Copy { from: u32, to: u32, len: u16 },
}

/// An artifact and its damage.
#[derive(Arbitrary, Debug)]
pub struct Case {
    module: u8,
    edits: Vec<Edit>,
    /// Loaded from a file, whose code and image are mapped.
    is_file: bool,
    /// If true, the bytes are those of `raw` alone.
    is_raw: bool,
    raw: Vec<u8>,
    /// If true, it is an artifact of another version or machine: format and settings differ, and the checksum
    /// is right.
    is_foreign: bool,
}

struct Originals {
    engine: Engine,
    artifacts: Vec<Vec<u8>>,
}

/// Modules with each kind of declaration. The last one is longer than what a loader reads at once.
const MODULES: [&str; 4] = [
    "(module)",
    r#"(module (memory 1) (data (i32.const 1) "abc") (data "kept")
        (func (export "f") (param i32 f64) (result i64) (i64.const 5)) (func unreachable))"#,
    r#"(module $named (import "a" "b" (func $b (param i32))) (import "a" "g" (global i32))
        (table 3 funcref) (elem (i32.const 0) $b $c) (global (mut i64) (i64.const 1))
        (tag $t (param i32)) (export "t" (table 0)) (start $c)
        (func $c (block $h (result i32) (try_table (catch $t $h) (call $b (i32.const 1))) (i32.const 0))
            drop))"#,
    r#"(module (memory 3) (data (i32.const 5000) "far") (data (i32.const 70000) "away")
        (type $f (func (result i32))) (table 1 (ref null $f)) (func (export "x") (type $f) (i32.const 7))
        (func (export "y") (result i32) (call_ref $f (table.get 0 (i32.const 0)))))"#,
];

fn originals() -> &'static Originals {
    static ORIGINALS: OnceLock<Originals> = OnceLock::new();
    ORIGINALS.get_or_init(|| {
        let slots = NonZeroU32::new(4).expect("not zero");
        let config =
            Config { pool: PoolConfig { slots, ..PoolConfig::default() }, ..Config::default() };
        let engine = Engine::new(&config).expect("an engine");
        let precompiled =
            |text: &&str| engine.precompile_module(text.as_bytes()).expect("a valid module");
        let artifacts = MODULES.iter().map(precompiled).collect();
        Originals { engine, artifacts }
    })
}

/// Loads a damaged artifact.
///
/// # Panics
/// If damage is not detected, or an artifact without damage is refused.
pub fn check(case: &Case) {
    let Originals { engine, artifacts } = originals();
    let original = &artifacts[usize::from(case.module) % artifacts.len()];
    let mut bytes = if case.is_raw { case.raw.clone() } else { original.clone() };
    if case.is_foreign && !case.is_raw {
        bytes = foreign(&bytes, &case.edits);
    } else {
        case.edits.iter().for_each(|edit| edit.apply(&mut bytes));
        // With the right checksum it is no damage by chance.
        if bytes != *original && has_checksum(&bytes) {
            return;
        }
    }
    let loaded = match case.is_file {
        true => sys::loaded_file(engine, file(&bytes)),
        false => sys::loaded(engine, &bytes),
    };
    match loaded {
        // Artifacts of machines with fewer instructions are accepted.
        Ok(_) => assert!(bytes == *original || case.is_foreign, "damage is not detected"),
        Err(Error::Artifact(error)) => assert_ne!(bytes, *original, "{error}"),
        Err(error) => panic!("refused for another reason: {error}"),
    }
}

/// The artifact with other settings of the same length, and perhaps another format.
fn foreign(original: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut edited = original.to_vec();
    for edit in edits {
        match edit {
            Edit::Xor { .. } | Edit::Word { .. } | Edit::Copy { .. } => edit.apply(&mut edited),
            Edit::Cut { .. } | Edit::Append { .. } => {}
        }
    }
    let mut bytes = original.to_vec();
    for place in [FORMAT, settings(original)] {
        bytes[place.clone()].copy_from_slice(&edited[place]);
    }
    if let Some(checksum) = checksum(&bytes) {
        bytes[CHECKSUM].copy_from_slice(&checksum.to_ne_bytes());
    }
    bytes
}

fn file(bytes: &[u8]) -> File {
    let fd = rustix::fs::memfd_create("artifact", rustix::fs::MemfdFlags::CLOEXEC);
    let mut file = File::from(fd.expect("a memfd"));
    file.write_all(bytes).expect("room for an artifact");
    file
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len().max(1);
        let place = |at: u32| at as usize % len;
        match *self {
            Edit::Xor { at, bits } => {
                if let Some(byte) = bytes.get_mut(place(at)) {
                    *byte ^= bits;
                }
            }
            Edit::Word { at, word } => {
                let at = place(at) / 4 * 4;
                if let Some(place) = bytes.get_mut(at..at + 8) {
                    place.copy_from_slice(&word.to_ne_bytes());
                }
            }
            Edit::Cut { len } => bytes.truncate(place(len)),
            Edit::Append { bytes: ref more } => bytes.extend_from_slice(more),
            Edit::Copy { from, to, len } => {
                let (from, to) = (place(from), place(to));
                let len = usize::from(len).min(bytes.len() - from.max(to).min(bytes.len()));
                bytes.copy_within(from..from + len, to);
            }
        }
    }
}

/// The place of the format's number.
const FORMAT: Range<usize> = 8..12;
/// The place of the checksum, which is that of all other bytes.
const CHECKSUM: Range<usize> = 12..16;
/// The length of the header. The lengths of the ten parts follow the checksum, the settings' first.
const HEADER_BYTES: usize = 96;

/// The place of the settings.
fn settings(artifact: &[u8]) -> Range<usize> {
    let len = artifact[CHECKSUM.end..][..8].try_into().map_or(0, u64::from_ne_bytes);
    HEADER_BYTES..HEADER_BYTES + len as usize
}

fn checksum(bytes: &[u8]) -> Option<u32> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes.get(..CHECKSUM.start)?);
    hasher.update(bytes.get(CHECKSUM.end..)?);
    Some(hasher.finalize())
}

fn has_checksum(bytes: &[u8]) -> bool {
    let found = bytes.get(CHECKSUM).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
    found.is_some() && found == checksum(bytes)
}
