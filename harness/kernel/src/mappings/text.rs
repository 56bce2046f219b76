//! Mappings from the text of `/proc/PID/maps`.
//!
//! ```text
//! 7f3b4c000000-7f3b4c021000 rw-p 00002000 00:01 2061      /memfd:image (deleted)
//! ```
//! One read returns whole lines, about a page of them. Each piece is parsed at once, while it is in
//! the cache, so that memory does not grow with the number of mappings. The kernel prints a newline in
//! a name as `\012`.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};

use leakbench_model::ObjectId;
use memchr::{memchr, memchr_iter, memmem, memrchr};

use crate::error::ReadError;
use crate::mappings::{FileMapping, Mapping, MappingCounts};
use crate::memfd_devices::MemfdDevices;
use crate::object;
use crate::process::Process;
use crate::sys::proc_dir::read;

const FILE: &str = "maps";

/// Appends every file-backed mapping to `mappings`.
pub(super) fn file_mappings(
    process: &mut Process,
    mappings: &mut Vec<FileMapping>,
) -> Result<(), ReadError> {
    let devices = process.memfd_devices();
    for_each_line(process, |line| {
        if object::is_file(line.object) {
            mappings.push(line.file_mapping(devices));
        }
    })
}

/// Appends every mapping to `mappings`.
pub(super) fn mappings(
    process: &mut Process,
    mappings: &mut Vec<Mapping>,
) -> Result<(), ReadError> {
    let devices = process.memfd_devices();
    for_each_line(process, |line| mappings.extend(Mapping::of_line(line, devices)))
}

/// The text of the mappings that begin at `starts`.
pub(super) fn describe(
    process: &Process,
    starts: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, String>, ReadError> {
    let mut found = BTreeMap::new();
    let each = lines(|line: &Line<'_>| {
        if starts.contains(&line.start) {
            let permissions = String::from_utf8_lossy(&line.permissions);
            let name = String::from_utf8_lossy(line.name);
            let text = format!("{:x}-{:x} {permissions} {name}", line.start, line.end);
            found.insert(line.start, text.trim_end().to_owned());
        }
    });
    for_each_piece_into(process, &mut vec![0; Process::BUFFER_BYTES], each)?;
    Ok(found)
}

/// Counts lines, and parses only those that may map a memfd.
pub(super) fn mapping_counts(process: &mut Process) -> Result<MappingCounts, ReadError> {
    let devices = process.memfd_devices();
    let name = memmem::Finder::new(b"/memfd:");
    let mut counts = MappingCounts { all: 0, memfd: 0 };
    for_each_piece(process, |piece| {
        let mut at = 0;
        while let Some(hit) = name.find(&piece[at..]) {
            let hit = at + hit;
            let start = memrchr(b'\n', &piece[..hit]).map_or(0, |newline| newline + 1);
            let end = memchr(b'\n', &piece[hit..]).map_or(piece.len(), |newline| hit + newline);
            let line = &piece[start..end];
            let mapping = parse(line).ok_or_else(|| BadLine {
                number: counts.all + lines_in(&piece[..start]) + 1,
                line,
            })?;
            counts.memfd += u64::from(devices.is_memfd(mapping.object.dev, mapping.name));
            at = end;
        }
        counts.all += lines_in(piece) + u64::from(!piece.ends_with(b"\n"));
        Ok(counts.all)
    })?;
    Ok(counts)
}

/// Parses every line of `maps`.
fn for_each_line(
    process: &mut Process,
    each: impl for<'a> FnMut(&Line<'a>),
) -> Result<(), ReadError> {
    for_each_piece(process, lines(each))
}

/// Splits pieces into lines and parses each.
fn lines(
    mut each: impl for<'a> FnMut(&Line<'a>),
) -> impl for<'a> FnMut(&'a [u8]) -> Result<u64, BadLine<'a>> {
    let mut number = 0;
    move |piece| {
        let mut rest = piece;
        while !rest.is_empty() {
            number += 1;
            let line = take_line(&mut rest);
            each(&parse(line).ok_or(BadLine { number, line })?);
        }
        Ok(number)
    }
}

/// Newlines in a piece.
fn lines_in(piece: &[u8]) -> u64 {
    memchr_iter(b'\n', piece).count() as u64
}

/// Takes the first line off, without its newline.
fn take_line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (line, after) = match memchr(b'\n', rest) {
        Some(newline) => (&rest[..newline], &rest[newline + 1..]),
        None => (*rest, &[][..]),
    };
    *rest = after;
    line
}

/// A line that cannot be parsed, before it becomes an error with the process's number.
struct BadLine<'a> {
    number: u64,
    line: &'a [u8],
}

/// Reads `maps` in pieces of whole lines, none empty; `each` returns the number of lines so far.
///
/// A file without lines is that of a process that waits to be reaped and has no address space.
fn for_each_piece(
    process: &mut Process,
    each: impl for<'a> FnMut(&'a [u8]) -> Result<u64, BadLine<'a>>,
) -> Result<(), ReadError> {
    let mut buffer = process.take_buffer();
    let result = for_each_piece_into(process, &mut buffer, each);
    process.give_back(buffer);
    result
}

/// The same with a buffer that is longer than any line.
fn for_each_piece_into(
    process: &Process,
    buffer: &mut [u8],
    mut each: impl for<'a> FnMut(&'a [u8]) -> Result<u64, BadLine<'a>>,
) -> Result<(), ReadError> {
    let maps: OwnedFd = process.open_file(c"maps", FILE)?;
    let pid = process.pid();
    let malformed = |bad: BadLine<'_>| ReadError::malformed(pid, FILE, bad.number, bad.line);
    let (mut filled, mut lines) = (0, 0);
    loop {
        if filled == buffer.len() {
            return Err(malformed(BadLine { number: lines + 1, line: buffer }));
        }
        match read(maps.as_fd(), &mut buffer[filled..]) {
            Ok(0) if filled > 0 => {
                lines = each(&buffer[..filled]).map_err(malformed)?;
                filled = 0;
            }
            Ok(0) if lines == 0 => return Err(ReadError::Vanished { pid }),
            Ok(0) => return Ok(()),
            Ok(count) => {
                filled += count;
                if let Some(newline) = memrchr(b'\n', &buffer[..filled]) {
                    lines = each(&buffer[..=newline]).map_err(malformed)?;
                    buffer.copy_within(newline + 1..filled, 0);
                    filled -= newline + 1;
                }
            }
            Err(error) => return Err(process.failed(FILE, error)),
        }
    }
}

/// One line of `maps`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) permissions: [u8; 4],
    offset: u64,
    pub(super) object: ObjectId,
    pub(super) name: &'a [u8],
}

impl Line<'_> {
    fn file_mapping(&self, devices: &MemfdDevices) -> FileMapping {
        let [read, write, execute, share] = self.permissions;
        FileMapping {
            start: self.start as usize,
            end: self.end as usize,
            offset: self.offset,
            object: self.object,
            memfd: devices.is_memfd(self.object.dev, self.name),
            shared: share == b's',
            readable: read == b'r',
            writable: write == b'w',
            executable: execute == b'x',
        }
    }
}

/// Parses one line, without its newline; `None` if it is not a line of `maps`.
fn parse(line: &[u8]) -> Option<Line<'_>> {
    let mut rest = line;
    let start = hex(&mut rest, b'-')?;
    let end = hex(&mut rest, b' ')?;
    let (permissions, after) = rest.split_first_chunk::<4>()?;
    rest = after.strip_prefix(b" ")?;
    let offset = hex(&mut rest, b' ')?;
    let major = hex(&mut rest, b':')?;
    let minor = hex(&mut rest, b' ')?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let ino = decimal(&rest[..digits])?;
    let padded = &rest[digits..];
    if !padded.is_empty() && padded[0] != b' ' {
        return None;
    }
    let spaces = padded.iter().position(|&byte| byte != b' ').unwrap_or(padded.len());
    let object = object::from_halves(u32::try_from(major).ok()?, u32::try_from(minor).ok()?, ino);
    Some(Line { start, end, permissions: *permissions, offset, object, name: &padded[spaces..] })
}

/// The value of each byte as a hexadecimal digit; 16 for other bytes.
const NIBBLES: [u8; 256] = {
    let mut table = [16; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    table
};

/// Takes a hexadecimal number and the byte that ends it off the front.
fn hex(rest: &mut &[u8], ends: u8) -> Option<u64> {
    let mut value = 0u64;
    let mut at = 0;
    loop {
        let byte = *rest.get(at)?;
        let nibble = NIBBLES[usize::from(byte)];
        if nibble == 16 {
            if byte != ends || at == 0 || at > 16 {
                return None;
            }
            *rest = &rest[at + 1..];
            return Some(value);
        }
        value = value << 4 | u64::from(nibble);
        at += 1;
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits
        .iter()
        .try_fold(0u64, |value, byte| value.checked_mul(10)?.checked_add(u64::from(byte - b'0')))
}
