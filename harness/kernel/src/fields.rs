//! Files of lines `Name: value` under `/proc`.

/// The number of the first line `key: value` and its value, trimmed; `None` if there is no such line.
/// The file is bytes and not text, since the name of a thread may be any bytes.
pub(super) fn value<'a>(file: &'a [u8], key: &str) -> Option<(u64, &'a [u8])> {
    (1..).zip(file.split(|&byte| byte == b'\n')).find_map(|(number, line)| {
        let rest = line.strip_prefix(key.as_bytes())?.trim_ascii_start();
        rest.strip_prefix(b":").map(|value| (number, value.trim_ascii()))
    })
}

/// A decimal number.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A hexadecimal number.
pub(super) fn hex(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

/// `N kB` in bytes.
pub(super) fn kib_as_bytes(text: &[u8]) -> Option<u64> {
    number(text.strip_suffix(b"kB")?.trim_ascii_end())?.checked_mul(1024)
}
