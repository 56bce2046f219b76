//! Descriptors: reading, writing, state, and the table.

use leakbench_wasi::WasiCtx;
use tempfile::TempDir;

use crate::guest::{Guest, Open, READ, RESULT, WRITE, errno};

/// A guest whose descriptor 3 is a new folder.
fn guest() -> (TempDir, Guest) {
    let folder = tempfile::tempdir().unwrap();
    let context = WasiCtx::builder().preopen(folder.path(), "/data").unwrap().build().unwrap();
    (folder, Guest::new(context))
}

#[test]
fn what_is_written_is_read() {
    let (folder, mut guest) = guest();
    let fd = guest.open(3, "file", Open::create()).unwrap();
    assert_eq!(guest.write(fd, b"Hello, world!"), Ok(13));
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"Hello, world!");
    assert_eq!(guest.read(fd), Ok(vec![]), "the position is at the end");
    guest.ok("fd_tell", &[fd, 0]);
    assert_eq!(guest.long(RESULT), 13);
    guest.ok("fd_seek", &[fd, (-6_i64) as u64, 2, 0]);
    assert_eq!(guest.long(RESULT), 7);
    assert_eq!(guest.read(fd), Ok(b"world!".to_vec()));
    assert_eq!(guest.call("fd_seek", &[fd, 0, 3, 0]), errno::INVAL);
    assert_eq!(guest.call("fd_seek", &[fd, u64::MAX, 0, 0]), errno::INVAL);
    guest.ok("fd_sync", &[fd]);
    guest.ok("fd_datasync", &[fd]);
    guest.ok("fd_advise", &[fd, 0, 0, 3]);
    assert_eq!(guest.call("fd_advise", &[fd, 0, 0, 6]), errno::INVAL);
}

#[test]
fn several_buffers_are_used_at_a_position() {
    let (_folder, mut guest) = guest();
    let fd = guest.open(3, "file", Open::create()).unwrap();
    let (first, second) = (guest.put(b"abc"), guest.put(b"defgh"));
    let [at, len] = guest.buffers(&[first, second]);
    guest.ok("fd_pwrite", &[fd, at, len, 2, 0]);
    assert_eq!(guest.word(RESULT), 8);
    // In the reverse order of their addresses.
    let (high, low) = (guest.put(&[0; 4]), guest.put(&[0; 4]));
    let [at, len] = guest.buffers(&[low, high]);
    guest.ok("fd_pread", &[fd, at, len, 1, 0]);
    assert_eq!(guest.word(RESULT), 8);
    assert_eq!(guest.bytes(low[0], 4), b"\0abc");
    assert_eq!(guest.bytes(high[0], 4), b"defg");
    guest.ok("fd_tell", &[fd, 0]);
    assert_eq!(guest.long(RESULT), 0, "the position stays");
    guest.ok("fd_read", &[fd, at, len, 0]);
    assert_eq!(guest.word(RESULT), 8);
    assert_eq!(guest.bytes(low[0], 4), b"\0\0ab");
    assert_eq!(guest.bytes(high[0], 4), b"cdef");
}

#[test]
fn a_file_has_a_size_and_times() {
    let (_folder, mut guest) = guest();
    let fd = guest.open(3, "file", Open::create()).unwrap();
    guest.ok("fd_filestat_set_size", &[fd, 100]);
    guest.ok("fd_allocate", &[fd, 0, 200]);
    guest.ok("fd_filestat_set_times", &[fd, 1_000_000_007, 2_000_000_009, 0b0101]);
    guest.ok("fd_filestat_get", &[fd, 0]);
    assert_eq!(guest.bytes(16, 1), [4], "a regular file");
    let size_and_times = [32, 40, 48].map(|at| guest.long(at));
    assert_eq!(size_and_times, [200, 1_000_000_007, 2_000_000_009]);
    assert_eq!(guest.call("fd_filestat_set_times", &[fd, 0, 0, 0b0011]), errno::INVAL);
    assert_eq!(guest.call("fd_filestat_set_times", &[fd, 0, 0, 0b10000]), errno::INVAL);
}

#[test]
fn rights_can_only_be_taken_away() {
    let (_folder, mut guest) = guest();
    let fd = guest.open(3, "file", Open::create()).unwrap();
    guest.ok("fd_fdstat_get", &[fd, 0]);
    let (base, inheriting) = (guest.long(8), guest.long(16));
    assert_eq!((base & (READ | WRITE), inheriting), (READ | WRITE, 0));
    guest.ok("fd_fdstat_set_rights", &[fd, base & !WRITE, 0]);
    assert_eq!(guest.write(fd, b"x"), Err(errno::BADF));
    assert_eq!(guest.read(fd), Ok(vec![]));
    assert_eq!(guest.call("fd_fdstat_set_rights", &[fd, base, 0]), errno::NOTCAPABLE);
    // A directory passes on at most the rights that it inherits.
    guest.ok("fd_fdstat_get", &[3, 0]);
    let (base, inheriting) = (guest.long(8), guest.long(16));
    guest.ok("fd_fdstat_set_rights", &[3, base, inheriting & !WRITE]);
    let fd = guest.open(3, "file", Open::create()).unwrap();
    assert_eq!(guest.write(fd, b"x"), Err(errno::BADF));
}

#[test]
fn flags_of_a_descriptor_are_the_files() {
    let (_folder, mut guest) = guest();
    let fd = guest.open(3, "file", Open { flags: 1, ..Open::create() }).unwrap();
    guest.ok("fd_fdstat_get", &[fd, 0]);
    assert_eq!(guest.bytes(0, 4), [4, 0, 1, 0], "a regular file that is appended to");
    guest.ok("fd_fdstat_set_flags", &[fd, 0b100]);
    guest.ok("fd_fdstat_get", &[fd, 0]);
    assert_eq!(guest.bytes(2, 2), [4, 0], "a read does not wait");
    assert_eq!(guest.call("fd_fdstat_set_flags", &[fd, 0b10]), errno::NOTSUP);
    assert_eq!(guest.call("fd_fdstat_set_flags", &[fd, 1 << 5]), errno::INVAL);
}

#[test]
fn a_closed_number_is_used_again() {
    let (_folder, mut guest) = guest();
    let [first, second] = [(), ()].map(|()| guest.open(3, "file", Open::create()).unwrap());
    assert_eq!([first, second], [4, 5]);
    guest.ok("fd_close", &[first]);
    assert_eq!(guest.call("fd_close", &[first]), errno::BADF);
    assert_eq!(guest.open(3, "file", Open::default()), Ok(first));
    guest.ok("fd_renumber", &[first, second]);
    assert_eq!(guest.call("fd_close", &[first]), errno::BADF);
    guest.ok("fd_renumber", &[second, second]);
    assert_eq!(guest.call("fd_renumber", &[second, first]), errno::BADF);
    guest.ok("fd_close", &[second]);
}

#[test]
fn a_guest_has_at_most_so_many_descriptors() {
    let folder = tempfile::tempdir().unwrap();
    let context = WasiCtx::builder().preopen(folder.path(), ".").unwrap().max_descriptors(6);
    let mut guest = Guest::new(context.build().unwrap());
    assert_eq!(guest.open(3, "a", Open::create()), Ok(4));
    assert_eq!(guest.open(3, "b", Open::create()), Ok(5));
    assert_eq!(guest.open(3, "c", Open::create()), Err(errno::MFILE));
    assert!(!folder.path().join("c").exists(), "nothing is created");
    guest.ok("fd_close", &[4]);
    assert_eq!(guest.open(3, "c", Open::create()), Ok(4));
    let error = WasiCtx::builder().max_descriptors(2).build().unwrap_err();
    assert_eq!(error.to_string(), "more than 2 descriptors are handed in: raise max_descriptors");
}

/// One limit holds for files and streams together. A write is cut there, and the next one fails.
#[test]
fn a_guest_writes_at_most_so_many_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let context = |max| {
        let context = WasiCtx::builder().preopen(folder.path(), ".").unwrap();
        context.max_written_bytes(max).build().unwrap()
    };
    let mut guest = Guest::new(context(20));
    let fd = guest.open(3, "file", Open::create()).unwrap();
    assert_eq!(guest.write(fd, b"12345678"), Ok(8));
    assert_eq!(guest.write(1, b"to nowhere"), Ok(10));
    assert_eq!(guest.write(fd, b""), Ok(0));
    assert_eq!(guest.call("fd_allocate", &[fd, 0, 3]), errno::DQUOT);
    let (first, second) = (guest.put(b"a"), guest.put(b"bcd"));
    let [at, len] = guest.buffers(&[first, second]);
    guest.ok("fd_pwrite", &[fd, at, len, 8, 0]);
    assert_eq!(guest.word(RESULT), 2, "the rest is cut");
    assert_eq!(std::fs::read(folder.path().join("file")).unwrap(), b"12345678ab");
    for stream in [fd, 1, 2] {
        assert_eq!(guest.write(stream, b"x"), Err(errno::DQUOT));
    }
    assert_eq!(guest.call("fd_pwrite", &[fd, at, len, 0, 0]), errno::DQUOT);
    assert_eq!(guest.write(fd, b""), Ok(0), "nothing needs no quota");
    assert_eq!(guest.read(fd), Ok(b"ab".to_vec()), "other calls go on");
    assert_eq!(std::fs::metadata(folder.path().join("file")).unwrap().len(), 10);

    let mut guest = Guest::new(context(100));
    let fd = guest.open(3, "file", Open::create()).unwrap();
    guest.ok("fd_allocate", &[fd, 0, 99]);
    assert_eq!(guest.write(fd, b"xyz"), Ok(1));
    assert_eq!(guest.call("fd_allocate", &[fd, 0, 1]), errno::DQUOT);
}

#[test]
fn streams_that_lead_nowhere_discard_and_end() {
    let mut guest = Guest::new(WasiCtx::builder().build().unwrap());
    assert_eq!(guest.write(1, b"to nowhere"), Ok(10));
    assert_eq!(guest.read(0), Ok(vec![]));
    assert_eq!(guest.call("fd_seek", &[1, 0, 0, 0]), errno::SPIPE);
    assert_eq!(guest.call("fd_sync", &[1]), errno::BADF);
    guest.ok("fd_filestat_get", &[1, 0]);
    assert_eq!(guest.bytes(16, 1), [0]);
}
