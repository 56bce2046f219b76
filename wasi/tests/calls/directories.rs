//! Directories and paths.

use leakbench_wasi::WasiCtx;
use tempfile::TempDir;

use crate::guest::{FOLLOW, Guest, Open, RESULT, errno};

fn guest() -> (TempDir, Guest) {
    let folder = tempfile::tempdir().unwrap();
    let context = WasiCtx::builder().preopen(folder.path(), "/data").unwrap().build().unwrap();
    (folder, Guest::new(context))
}

#[test]
fn a_directory_has_the_guests_name() {
    let (_folder, mut guest) = guest();
    guest.ok("fd_prestat_get", &[3, 0]);
    assert_eq!([guest.word(0), guest.word(4)], [0, 5]);
    guest.ok("fd_prestat_dir_name", &[3, 64, 5]);
    assert_eq!(guest.bytes(64, 5), b"/data");
    assert_eq!(guest.call("fd_prestat_dir_name", &[3, 64, 4]), errno::NAMETOOLONG);
    assert_eq!(guest.call("fd_prestat_get", &[4, 0]), errno::BADF);
    let opened = guest.open(3, ".", Open::default()).unwrap();
    assert_eq!(guest.call("fd_prestat_get", &[opened, 0]), errno::BADF);
}

#[test]
fn directories_are_made_listed_and_removed() {
    let (folder, mut guest) = guest();
    assert_eq!(guest.path("path_create_directory", 3, "dir"), 0);
    assert_eq!(guest.path("path_create_directory", 3, "dir"), errno::EXIST);
    for name in ["a", "b", "c"] {
        std::fs::write(folder.path().join("dir").join(name), "").unwrap();
    }
    let dir = guest.open(3, "dir", Open::default()).unwrap();
    let names = list(&mut guest, dir, 4096);
    assert_eq!(names, [".", "..", "a", "b", "c"]);
    assert_eq!(list(&mut guest, dir, 27), names, "with room for one entry of three bytes");
    assert_eq!(guest.path("path_remove_directory", 3, "dir"), errno::NOTEMPTY);
    for name in ["dir/a", "dir/b", "dir/c"] {
        assert_eq!(guest.path("path_unlink_file", 3, name), 0);
    }
    assert_eq!(guest.path("path_remove_directory", 3, "dir"), 0);
    assert!(!folder.path().join("dir").exists());
    assert_eq!(guest.call("fd_readdir", &[dir, 64, 64, u64::MAX, 0]), errno::INVAL);
}

/// The names in a directory, sorted, read with a buffer of `size` bytes.
fn list(guest: &mut Guest, dir: u64, size: u64) -> Vec<String> {
    let [buf, _] = guest.put(&vec![0; size as usize]);
    let (mut names, mut cookie) = (Vec::new(), 0);
    loop {
        assert!(names.len() < 100, "the listing does not end");
        guest.ok("fd_readdir", &[dir, buf, size, cookie, 0]);
        let used = u64::from(guest.word(RESULT));
        let bytes = guest.bytes(buf, used);
        let mut rest = &bytes[..];
        while rest.len() >= 24 {
            let len = u32::from_le_bytes(rest[16..20].try_into().unwrap()) as usize;
            let Some(name) = rest.get(24..24 + len) else { break };
            names.push(String::from_utf8(name.to_vec()).unwrap());
            cookie = u64::from_le_bytes(rest[0..8].try_into().unwrap());
            rest = &rest[24 + len..];
        }
        if used < size {
            names.sort();
            return names;
        }
    }
}

#[test]
fn the_parent_of_a_directory_has_no_number_of_its_own() {
    let (_folder, mut guest) = guest();
    guest.ok("fd_filestat_get", &[3, 0]);
    let own = guest.long(8);
    let [buf, size] = guest.put(&[0; 4096]);
    guest.ok("fd_readdir", &[3, buf, size, 0, 0]);
    // The folder is empty, so its entries are "." and "..", in either order.
    let bytes = guest.bytes(buf, 51);
    let second = 24 + usize::from(bytes[16]);
    let numbers =
        [8, second + 8].map(|at| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()));
    assert_eq!(numbers, [own, own]);
}

#[test]
fn files_are_linked_renamed_and_unlinked() {
    let (folder, mut guest) = guest();
    std::fs::write(folder.path().join("a"), "text").unwrap();
    let ([a, a_len], [b, b_len], [c, c_len]) = (guest.put(b"a"), guest.put(b"b"), guest.put(b"c"));
    guest.ok("path_link", &[3, 0, a, a_len, 3, b, b_len]);
    assert_eq!(guest.call("path_link", &[3, 0, a, a_len, 3, b, b_len]), errno::EXIST);
    assert_eq!(guest.call("path_link", &[3, FOLLOW, a, a_len, 3, c, c_len]), errno::INVAL);
    guest.ok("path_filestat_get", &[3, 0, a, a_len, 0]);
    assert_eq!([guest.long(24), guest.long(32)], [2, 4], "links, size");
    guest.ok("path_rename", &[3, a, a_len, 3, c, c_len]);
    assert_eq!(guest.path("path_unlink_file", 3, "a"), errno::NOENT);
    assert_eq!(guest.path("path_unlink_file", 3, "b"), 0);
    assert_eq!(std::fs::read(folder.path().join("c")).unwrap(), b"text");
    guest.ok("path_filestat_set_times", &[3, 0, c, c_len, 5, 7_000_000_000, 0b0101]);
    guest.ok("path_filestat_get", &[3, 0, c, c_len, 0]);
    assert_eq!([guest.long(40), guest.long(48)], [5, 7_000_000_000]);
}

#[test]
fn links_are_read_and_followed() {
    let (folder, mut guest) = guest();
    std::fs::write(folder.path().join("file"), "text").unwrap();
    let ([target, target_len], [link, link_len]) = (guest.put(b"file"), guest.put(b"link"));
    guest.ok("path_symlink", &[target, target_len, 3, link, link_len]);
    let [buf, _] = guest.put(&[0; 16]);
    guest.ok("path_readlink", &[3, link, link_len, buf, 16, 0]);
    assert_eq!(guest.word(RESULT), 4);
    assert_eq!(guest.bytes(buf, 5), b"file\0");
    guest.ok("path_readlink", &[3, link, link_len, buf, 2, 0]);
    assert_eq!(guest.word(RESULT), 2, "cut");
    assert_eq!(guest.call("path_readlink", &[3, target, target_len, buf, 16, 0]), errno::INVAL);
    let fd = guest.open(3, "link", Open::default()).unwrap();
    assert_eq!(guest.read(fd), Ok(b"text".to_vec()));
    assert_eq!(guest.open(3, "link", Open { lookup: 0, ..Open::default() }), Err(errno::LOOP));
    guest.ok("path_filestat_get", &[3, 0, link, link_len, 0]);
    assert_eq!(guest.bytes(16, 1), [7], "the link");
    guest.ok("path_filestat_get", &[3, FOLLOW, link, link_len, 0]);
    assert_eq!(guest.bytes(16, 1), [4], "its target");
}

#[test]
fn a_path_is_opened_as_requested() {
    let (folder, mut guest) = guest();
    let exclusive = Open { open: 0b101, ..Open::create() };
    assert_eq!(guest.open(3, "file", exclusive), Ok(4));
    assert_eq!(guest.open(3, "file", exclusive), Err(errno::EXIST));
    assert_eq!(guest.open(3, "none", Open::default()), Err(errno::NOENT));
    assert_eq!(guest.open(4, "file", Open::default()), Err(errno::NOTDIR));
    let directory = Open { open: 0b10, ..Open::default() };
    assert_eq!(guest.open(3, "file", directory), Err(errno::NOTDIR));
    assert_eq!(guest.open(3, ".", Open { base: u64::MAX, ..directory }), Err(errno::ISDIR));
    assert_eq!(guest.open(3, "x", Open { open: 0b11, ..directory }), Err(errno::INVAL));
    assert_eq!(guest.open(3, "x", Open { open: 1 << 4, ..directory }), Err(errno::INVAL));
    assert_eq!(guest.open(3, "x", Open { lookup: 2, ..directory }), Err(errno::INVAL));
    assert_eq!(guest.open(3, "x", Open { flags: 1 << 5, ..directory }), Err(errno::INVAL));
    std::fs::write(folder.path().join("full"), "text").unwrap();
    guest.open(3, "full", Open { open: 1 << 3, ..Open::create() }).unwrap();
    assert_eq!(std::fs::read(folder.path().join("full")).unwrap(), b"");
    let long = "x/".repeat(2100);
    assert_eq!(guest.open(3, &long, Open::default()), Err(errno::NAMETOOLONG));
    let dir = guest.open(3, ".", directory).unwrap();
    assert_eq!(guest.read(dir), Err(errno::ISDIR));
    assert_eq!(guest.call("fd_seek", &[dir, 0, 0, 0]), errno::BADF);
    assert_eq!(guest.call("fd_tell", &[dir, 0]), errno::BADF);
    assert_eq!(guest.call("fd_filestat_set_size", &[dir, 0]), errno::ISDIR);
    guest.ok("fd_sync", &[dir]);
    guest.ok("fd_filestat_set_times", &[dir, 0, 9, 0b0100]);
    guest.ok("fd_filestat_get", &[dir, 0]);
    assert_eq!(guest.long(48), 9);
}

#[test]
fn a_path_that_ends_with_a_slash_names_a_directory() {
    let (folder, mut guest) = guest();
    std::fs::write(folder.path().join("file"), "").unwrap();
    std::fs::create_dir(folder.path().join("dir")).unwrap();
    std::os::unix::fs::symlink("dir", folder.path().join("link")).unwrap();
    for lookup in [0, FOLLOW] {
        for (path, expected) in [
            ("file", 0),
            ("dir/", 0),
            ("link/", 0),
            ("link/.", 0),
            ("file/", errno::NOTDIR),
            ("file/.", errno::NOTDIR),
        ] {
            let [at, len] = guest.put(path.as_bytes());
            let found = guest.call("path_filestat_get", &[3, lookup, at, len, RESULT.into()]);
            assert_eq!(found, expected, "{path} with lookup {lookup}");
            if expected == 0 && path.starts_with("link") {
                let kind = guest.bytes(u64::from(RESULT) + 16, 1);
                assert_eq!(kind, [3], "{path} is the directory");
            }
            let times = guest.call("path_filestat_set_times", &[3, lookup, at, len, 0, 0, 8]);
            assert_eq!(times, expected, "{path} with lookup {lookup}");
        }
    }
}

/// Only a directory gets a name that ends with a slash, also by a rename.
#[test]
fn a_rename_to_a_path_that_ends_with_a_slash_moves_directories_only() {
    let (folder, mut guest) = guest();
    std::fs::write(folder.path().join("file"), "").unwrap();
    std::fs::create_dir(folder.path().join("dir")).unwrap();
    std::os::unix::fs::symlink("nothing", folder.path().join("link")).unwrap();
    for (from, to, expected) in [
        ("file", "new/", errno::NOTDIR),
        ("file", "new/.", errno::NOTDIR),
        ("link", "new/", errno::NOTDIR),
        ("link/", "new", errno::NOTDIR),
        ("nothing", "new/", errno::NOENT),
        ("dir", "new/", 0),
        ("new/", "dir", 0),
        ("link", "new", 0),
    ] {
        let [[at, len], [new_at, new_len]] = [guest.put(from.as_bytes()), guest.put(to.as_bytes())];
        let found = guest.call("path_rename", &[3, at, len, 3, new_at, new_len]);
        assert_eq!(found, expected, "{from} to {to}");
    }
}
