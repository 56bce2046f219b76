//! A binary and the payloads of its data segments.

use std::ops::Range;

use wasmparser::{Parser, Payload};

/// The binary of a module.
#[derive(Clone, Debug)]
pub(crate) struct Binary<'a> {
    bytes: &'a [u8],
    /// The ranges of payloads that are not empty, in order.
    payloads: Vec<Range<usize>>,
    memories: usize,
}

impl<'a> Binary<'a> {
    /// Finds data segments and memories. A binary that cannot be parsed, which Wasmtime refuses, has no
    /// payloads here and `usize::MAX` memories.
    pub(crate) fn new(bytes: &'a [u8]) -> Binary<'a> {
        Binary::read(bytes).unwrap_or(Binary { bytes, payloads: Vec::new(), memories: usize::MAX })
    }

    fn read(bytes: &'a [u8]) -> wasmparser::Result<Binary<'a>> {
        let mut binary = Binary { bytes, payloads: Vec::new(), memories: 0 };
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::MemorySection(section) => binary.memories += section.count() as usize,
                Payload::DataSection(section) => {
                    for segment in section {
                        let segment = segment?;
                        // A segment ends with its payload.
                        let end = segment.range.end as usize;
                        if !segment.data.is_empty() {
                            binary.payloads.push(end - segment.data.len()..end);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(binary)
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The number of memories that it defines, which is the maximum of its images.
    pub(crate) fn memories(&self) -> usize {
        self.memories
    }

    pub(crate) fn payloads(&self) -> impl Iterator<Item = &'a [u8]> + use<'_, 'a> {
        self.payloads.iter().map(|range| &self.bytes[range.clone()])
    }

    /// Its bytes without the payloads. Two binaries with equal skeletons have payloads of the same
    /// lengths, and compile to the same code.
    pub(crate) fn skeleton(&self) -> Vec<u8> {
        let mut skeleton = Vec::new();
        let mut from = 0;
        for payload in &self.payloads {
            skeleton.extend_from_slice(&self.bytes[from..payload.start]);
            from = payload.end;
        }
        skeleton.extend_from_slice(&self.bytes[from..]);
        skeleton
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_MEMORIES: &[u8] = b"\0asm\x01\0\0\0\
        \x05\x05\x02\0\x01\0\x01\
        \x0b\x13\x03\0\x41\0\x0b\x02AB\x01\0\x02\x01\x41\x05\x0b\x03CDE";

    #[test]
    fn payloads_are_found_and_left_out() {
        let binary = Binary::new(TWO_MEMORIES);
        assert_eq!(binary.memories(), 2);
        // An empty payload is omitted.
        assert_eq!(binary.payloads().collect::<Vec<_>>(), [&b"AB"[..], b"CDE"]);
        let mut other = TWO_MEMORIES.to_vec();
        let end = other.len();
        other[end - 3..].copy_from_slice(b"xyz");
        assert_eq!(Binary::new(&other).skeleton(), binary.skeleton());
        assert_eq!(binary.skeleton().len(), TWO_MEMORIES.len() - 5);
        // Other bytes distinguish skeletons: here the offset of the last segment.
        other[end - 6] = 6;
        assert_ne!(Binary::new(&other).skeleton(), binary.skeleton());
    }

    #[test]
    fn a_binary_that_cannot_be_parsed_has_no_payloads() {
        let broken = &TWO_MEMORIES[..TWO_MEMORIES.len() - 1];
        let binary = Binary::new(broken);
        assert_eq!((binary.payloads().count(), binary.memories()), (0, usize::MAX));
        assert_eq!(binary.skeleton(), broken);
    }
}
