//! The affine slots of each module.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::links::{Links, List};
use crate::ids::ModuleId;

/// For each module with affine slots, a list of them, least recently used first.
#[derive(Debug)]
pub(super) struct Affinity {
    links: Links,
    lists: HashMap<ModuleId, List, BuildHasherDefault<NumberHasher>>,
}

impl Affinity {
    pub(super) fn new(slots: u32) -> Affinity {
        Affinity { links: Links::new(slots), lists: HashMap::default() }
    }

    /// The slot that served a module most recently, whose memory is most likely in a CPU cache.
    pub(super) fn latest(&self, module: ModuleId) -> Option<u32> {
        self.lists.get(&module)?.last()
    }

    pub(super) fn insert(&mut self, module: ModuleId, slot: u32) {
        self.links.push(self.lists.entry(module).or_default(), slot);
    }

    /// Removes a slot that is affine to a module.
    pub(super) fn remove(&mut self, module: ModuleId, slot: u32) {
        let Some(list) = self.lists.get_mut(&module) else {
            debug_assert!(
                false,
                "module {module} has no affine slot, so slot {slot} is not affine to it"
            );
            return;
        };
        self.links.remove(list, slot);
        if list.is_empty() {
            self.lists.remove(&module);
        }
    }

    /// Every module with its slots. Checks the structure.
    #[cfg(test)]
    pub(super) fn checked(&self) -> HashMap<ModuleId, Vec<u32>> {
        let lists = self.lists.iter();
        lists.map(|(module, list)| (*module, self.links.checked(*list))).collect()
    }
}

/// Hashes module numbers by one multiplication (Fibonacci hashing). The pool counts the numbers up,
/// so nothing can choose them to collide.
#[derive(Debug, Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
