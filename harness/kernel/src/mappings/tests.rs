//! `maps` as any kernel might print it, read back and counted.

use std::fs;

use leakbench_model::ObjectId;
use proptest::prelude::*;

use super::{FileMapping, MappingCounts, Process};
use crate::memfd_devices::MemfdDevices;

/// A mapping, and its name in `maps`.
type Named = (FileMapping, String);

/// The device of memfds here, as `maps` prints it.
fn memfd_device() -> u64 {
    let devices = MemfdDevices::get().unwrap();
    (0..64).map(|minor| rustix::fs::makedev(0, minor)).find(|&dev| devices.contains(dev)).unwrap()
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("[heap]".to_owned()),
        "/memfd:[ -~]{0,20} \\(deleted\\)",
        "/[ -~]{0,30}",
        // Longer than the piece that the kernel hands out at once.
        (0..9000usize).prop_map(|len| format!("/{}", "x".repeat(len))),
        "/a\\\\012/memfd:[ -~]{0,20}",
    ]
}

fn mapping() -> impl Strategy<Value = Named> {
    let device = prop_oneof![
        3 => Just(0),
        3 => Just(memfd_device()),
        1 => (1u32..4096, 0u32..0x10_0000).prop_map(|(major, minor)| rustix::fs::makedev(major, minor)),
    ];
    let bits = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (any::<usize>(), any::<usize>(), any::<u64>(), device, any::<u64>(), bits, name()).prop_map(
        |(start, end, offset, dev, ino, (readable, writable, executable, shared), name)| {
            let object = ObjectId { dev, ino };
            let name = name.trim_start().to_owned();
            let memfd = dev == memfd_device() && name.starts_with("/memfd:");
            (
                FileMapping {
                    start,
                    end,
                    offset,
                    object,
                    memfd,
                    shared,
                    readable,
                    writable,
                    executable,
                },
                name,
            )
        },
    )
}

/// As the kernel's `show_map_vma` prints it.
fn print((mapping, name): &Named) -> String {
    let bit = |set: bool, letter: char| if set { letter } else { '-' };
    let front = format!(
        "{:08x}-{:08x} {}{}{}{} {:08x} {:02x}:{:02x} {} ",
        mapping.start,
        mapping.end,
        bit(mapping.readable, 'r'),
        bit(mapping.writable, 'w'),
        bit(mapping.executable, 'x'),
        if mapping.shared { 's' } else { 'p' },
        mapping.offset,
        rustix::fs::major(mapping.object.dev),
        rustix::fs::minor(mapping.object.dev),
        mapping.object.ino,
    );
    if name.is_empty() { format!("{front}\n") } else { format!("{front:<73}{name}\n") }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Enough text that lines fall across the ends of the reader's buffer.
    #[test]
    fn every_line_is_read_back_and_counted(mappings in prop::collection::vec(mapping(), 1..200)) {
        let tree = tempfile::tempdir().unwrap();
        let folder = tree.path().join("9");
        fs::create_dir(&folder).unwrap();
        fs::copy("/proc/self/stat", folder.join("stat")).unwrap();
        fs::write(folder.join("maps"), mappings.iter().map(print).collect::<String>()).unwrap();
        let mut process = Process::open_under(tree.path(), 9).unwrap();

        let mut read = Vec::new();
        process.file_mappings(&mut read).unwrap();
        let backed: Vec<_> = mappings.iter().map(|(mapping, _)| *mapping).filter(|mapping| mapping.object.dev != 0).collect();
        prop_assert_eq!(&read, &backed);
        let memfd = backed.iter().filter(|mapping| mapping.memfd).count() as u64;
        prop_assert_eq!(process.mapping_counts().unwrap(), MappingCounts { all: mappings.len() as u64, memfd });
    }
}
