//! Mappings by both sources, compared with each other, with `procfs` and with the mapped objects.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

mod sys;

use std::ffi::CString;
use std::fs;
use std::os::fd::AsFd;

use leakbench_kernel::objects::OwnSegment;
use leakbench_kernel::{FileMapping, MappingSource, Process, ReadError};
use leakbench_model::ObjectId;
use procfs::process::{MMPermissions, MMapPath};
use rustix::fs::{MemfdFlags, fstat, ftruncate, memfd_create};
use rustix::mm::MapFlags;
use sys::{OwnMapping, Sharing, Still, memfd, page};

fn object(fd: impl AsFd) -> ObjectId {
    let stat = fstat(fd).unwrap();
    ObjectId { dev: stat.st_dev, ino: stat.st_ino }
}

/// Mappings by text and, if the kernel has it, by query, which must be equal.
fn mappings_of(pid: u32) -> Vec<FileMapping> {
    let mut process = Process::open(pid).unwrap();
    let (mut text, mut query) = (Vec::new(), Vec::new());
    process.file_mappings_from(MappingSource::Text, &mut text).unwrap();
    match process.file_mappings_from(MappingSource::Query, &mut query) {
        Ok(()) => assert_eq!(query, text),
        Err(ReadError::Absent { .. }) => eprintln!("no PROCMAP_QUERY here: text alone is tested"),
        Err(error) => panic!("{error}"),
    }
    text
}

fn at(mappings: &[FileMapping], start: usize) -> FileMapping {
    *mappings
        .iter()
        .find(|mapping| mapping.start == start)
        .unwrap_or_else(|| panic!("no mapping at {start:x}"))
}

#[test]
fn both_sources_agree_with_each_other_and_with_procfs_on_thousands_of_memfds() {
    let mut slots = OwnMapping::reserve(3000);
    let images: Vec<_> = (0..1500)
        .map(|at| {
            let image = memfd(c"image", 1);
            slots.replace_page(at * 2, &image);
            object(&image)
        })
        .collect();
    let child = Still::fork();
    let mappings = mappings_of(child.pid());

    let ours: Vec<_> = mappings
        .iter()
        .filter(|mapping| slots.start() <= mapping.start && mapping.end <= slots.end())
        .collect();
    assert_eq!(ours.iter().map(|mapping| mapping.object).collect::<Vec<_>>(), images);
    assert!(ours.iter().all(|mapping| mapping.memfd
        && !mapping.shared
        && mapping.readable
        && mapping.writable
        && !mapping.executable));
    assert!(
        mappings.iter().any(|mapping| !mapping.memfd && mapping.executable),
        "this binary's own code is a mapping"
    );

    let theirs = procfs::process::Process::new(child.pid().cast_signed()).unwrap().maps().unwrap();
    let theirs: Vec<_> = theirs.iter().collect();
    let mut process = Process::open(child.pid()).unwrap();
    let counts = process.mapping_counts().unwrap();
    assert_eq!(counts.all, theirs.len() as u64);
    assert_eq!(counts.memfd, mappings.iter().filter(|mapping| mapping.memfd).count() as u64);
    let backed: Vec<_> = theirs
        .iter()
        .filter(|map| map.dev != (0, 0))
        .map(|map| FileMapping {
            start: map.address.0 as usize,
            end: map.address.1 as usize,
            offset: map.offset,
            object: ObjectId {
                dev: rustix::fs::makedev(map.dev.0.cast_unsigned(), map.dev.1.cast_unsigned()),
                ino: map.inode,
            },
            memfd: matches!(&map.pathname, MMapPath::Path(path) if path.starts_with("/memfd:image (deleted)")),
            shared: map.perms.contains(MMPermissions::SHARED),
            readable: map.perms.contains(MMPermissions::READ),
            writable: map.perms.contains(MMPermissions::WRITE),
            executable: map.perms.contains(MMPermissions::EXECUTE),
        })
        .collect();
    // Other tests of this binary may have mapped memfds of other names when this one forked.
    let named = |mapping: &FileMapping| FileMapping {
        memfd: mapping.memfd && images.contains(&mapping.object),
        ..*mapping
    };
    assert_eq!(mappings.iter().map(named).collect::<Vec<_>>(), backed);
}

#[test]
fn a_memfd_is_known_whatever_it_is_called_and_however_it_is_mapped() {
    let names = [
        "plain",
        "",
        "two\nlines",
        " (deleted)",
        "a b  c",
        "/memfd:x (deleted)",
        "back\\012slash",
        "\t\x01é",
    ];
    let longest = "n".repeat(249);
    for name in names.iter().copied().chain([longest.as_str()]) {
        let image = memfd(&CString::new(name).unwrap(), 4);
        let private = OwnMapping::file(&image, 1, 2, Sharing::Private);
        let shared = OwnMapping::file(&image, 0, 4, Sharing::Shared);
        let mappings = mappings_of(Still::fork().pid());
        for (mapping, is_shared, offset) in [(&private, false, page() as u64), (&shared, true, 0)] {
            let read = at(&mappings, mapping.start());
            assert!(read.memfd, "{name:?}");
            assert_eq!(read.object, object(&image), "{name:?}");
            assert_eq!(
                (read.end, read.shared, read.offset),
                (mapping.end(), is_shared, offset),
                "{name:?}"
            );
        }
    }
}

#[test]
fn what_only_looks_like_a_memfd_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut mapped = Vec::new();
    for name in ["memfd:x", "memfd:x (deleted)", "two\nlines", "a /memfd:", "deleted"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let path = if name.ends_with('/') || name.ends_with(':') {
            path.join("memfd:y (deleted)")
        } else {
            path
        };
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, vec![1; page()]).unwrap();
        let file = fs::File::open(&path).unwrap();
        for sharing in [Sharing::Private, Sharing::Shared] {
            mapped.push((name, OwnMapping::file(&file, 0, 1, sharing)));
        }
        if name == "deleted" {
            fs::remove_file(&path).unwrap();
        }
    }
    // Other objects on the device of memfds.
    mapped.push(("shared anonymous memory", OwnMapping::anonymous(1, Sharing::Shared)));
    let segment = OwnSegment::attach(page()).ok();
    // The control: a memfd among them is found.
    let image = memfd(c"control", 1);
    let control = OwnMapping::file(&image, 0, 1, Sharing::Shared);

    let child = Still::fork();
    let mappings = mappings_of(child.pid());
    for (name, mapping) in &mapped {
        assert!(!at(&mappings, mapping.start()).memfd, "{name:?}");
    }
    if let Some(segment) = &segment {
        assert!(!at(&mappings, segment.address()).memfd);
        assert_eq!(at(&mappings, segment.address()).object.dev, object(&image).dev);
    }
    assert!(at(&mappings, control.start()).memfd);
    let counts = Process::open(child.pid()).unwrap().mapping_counts().unwrap();
    assert_eq!(counts.memfd, mappings.iter().filter(|mapping| mapping.memfd).count() as u64);
}

#[test]
fn a_memfd_on_huge_pages_is_a_memfd_and_anonymous_huge_pages_are_none() {
    let huge = 2 << 20;
    let Ok(image) =
        memfd_create(c"huge", MemfdFlags::CLOEXEC | MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB)
    else {
        eprintln!("no huge pages of 2 MiB here");
        return;
    };
    ftruncate(&image, huge).unwrap();
    // NORESERVE: it needs no huge page as long as no page is touched.
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    let Ok(private) = OwnMapping::with_flags(&image, 0, huge as usize, flags) else {
        eprintln!("huge pages cannot be mapped here");
        return;
    };
    let shared =
        OwnMapping::with_flags(&image, 0, huge as usize, MapFlags::SHARED | MapFlags::NORESERVE)
            .unwrap();
    let mappings = mappings_of(Still::fork().pid());
    for mapping in [&private, &shared] {
        let mapping = at(&mappings, mapping.start());
        assert!(mapping.memfd);
        assert_eq!(mapping.object, object(&image));
    }
}

#[test]
fn a_process_without_the_request_is_read_as_text() {
    let mut process = Process::open(std::process::id()).unwrap();
    let mut mappings = Vec::new();
    let source = process.file_mappings(&mut mappings).unwrap();
    let query = process.file_mappings_from(MappingSource::Query, &mut Vec::new());
    assert_eq!(source == MappingSource::Query, query.is_ok());

    // A plain file refuses the request, as an older kernel does.
    let tree = tempfile::tempdir().unwrap();
    let folder = tree.path().join("7");
    fs::create_dir(&folder).unwrap();
    fs::copy("/proc/self/stat", folder.join("stat")).unwrap();
    fs::copy("/proc/self/maps", folder.join("maps")).unwrap();
    let mut process = Process::open_under(tree.path(), 7).unwrap();
    assert_eq!(process.file_mappings(&mut mappings).unwrap(), MappingSource::Text);
    assert!(!mappings.is_empty());
    let refused = process.file_mappings_from(MappingSource::Query, &mut mappings).unwrap_err();
    assert!(matches!(refused, ReadError::Absent { pid: 7, file: "PROCMAP_QUERY" }), "{refused:?}");
}
