//! Recordings.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use leakbench_recording::observation::ObservationRecord;
use leakbench_recording::recording::{Line, Record, Recording};

/// Reads bytes as the recordings of both kinds.
///
/// # Panics
/// If what was read is not the same after it is written and read again.
pub fn check(data: &[u8]) {
    let mut file = Contents::new();
    check_kind::<Record>(data, &mut file);
    check_kind::<ObservationRecord>(data, &mut file);
}

fn check_kind<L: Line + PartialEq + std::fmt::Debug>(data: &[u8], file: &mut Contents) {
    let Ok(recording) = Recording::<L>::read(&file.of(data)) else { return };
    let mut text = Vec::new();
    for record in &recording.records {
        serde_json::to_writer(&mut text, record).expect("a record has a JSON form");
        text.push(b'\n');
    }
    let again = Recording::<L>::read(&file.of(&text));
    assert_eq!(again.ok().as_ref(), Some(&recording), "{}", String::from_utf8_lossy(&text));
}

/// A file without a folder.
struct Contents(File);

impl Contents {
    fn new() -> Contents {
        let fd = rustix::fs::memfd_create("recording", rustix::fs::MemfdFlags::CLOEXEC);
        Contents(fd.expect("a memfd").into())
    }

    /// The path of the file with these bytes.
    fn of(&mut self, bytes: &[u8]) -> PathBuf {
        let file = &mut self.0;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(bytes))
            .expect("room");
        format!("/proc/self/fd/{}", file.as_raw_fd()).into()
    }
}
