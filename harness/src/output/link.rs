//! Links to files, for terminals.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The URI of a file on this machine: `file://host/tmp/out/report.html`. The name of the machine
/// keeps a terminal on another one from opening a file of its own. `None` if the path cannot be made
/// absolute.
pub(super) fn uri(path: &Path) -> Option<String> {
    let absolute = std::path::absolute(path).ok()?;
    let host = rustix::system::uname();
    Some(of(host.nodename().to_bytes(), absolute.as_os_str().as_bytes()))
}

fn of(host: &[u8], path: &[u8]) -> String {
    format!("file://{}{}", encoded(host), encoded(path))
}

/// With percent signs for all bytes that a URI reserves.
fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_has_no_byte_that_steers_a_terminal() {
        assert_eq!(of(b"host", b"/out/report.html"), "file://host/out/report.html");
        let evil = of(b"h", b"/a b\x1b\\\x07;%\xff/report.html");
        assert_eq!(evil, "file://h/a%20b%1B%5C%07%3B%25%FF/report.html");
    }

    #[test]
    fn a_relative_path_becomes_absolute() {
        let uri = uri(Path::new("out/report.html")).expect("a folder to work in");
        assert!(uri.starts_with("file://") && uri.ends_with("/out/report.html"), "{uri}");
        assert!(uri.matches('/').count() > 4, "{uri}");
    }
}
