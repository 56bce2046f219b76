//! A map that holds so many bytes and forgets what was used longest ago.

use std::collections::HashMap;

/// Values by key, bounded by their size. Looking up is O(1); making room reads all entries, which
/// is little beside the compilation that each insertion comes after.
#[derive(Debug)]
pub(crate) struct Lru<V> {
    entries: HashMap<Vec<u8>, Entry<V>>,
    bytes: usize,
    bytes_max: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<V> Lru<V> {
    /// An empty one for `bytes_max` bytes of keys and values.
    pub(crate) fn new(bytes_max: usize) -> Lru<V> {
        Lru { entries: HashMap::new(), bytes: 0, bytes_max, clock: 0 }
    }

    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&V> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some(&entry.value)
    }

    /// Puts a value of so many bytes in place of the one there, and forgets others until all
    /// fit. The newest stays, whatever its size.
    pub(crate) fn insert(&mut self, key: Vec<u8>, value: V, value_bytes: usize) {
        self.remove(&key);
        let bytes = key.len() + value_bytes;
        while self.bytes + bytes > self.bytes_max {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.remove(&oldest);
        }
        self.clock += 1;
        self.bytes += bytes;
        self.entries.insert(key, Entry { value, bytes, used: self.clock });
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut lru = Lru::new(33);
        let held = |lru: &mut Lru<u8>, keys: &str| -> String {
            keys.chars().filter(|key| lru.get(&[*key as u8]).is_some()).collect()
        };
        for key in b'a'..=b'c' {
            lru.insert(vec![key], key, 10);
        }
        assert_eq!(held(&mut lru, "a"), "a");
        lru.insert(b"d".to_vec(), b'd', 10);
        assert_eq!(held(&mut lru, "abcd"), "acd");
        // In its own place, no other has to go.
        lru.insert(b"d".to_vec(), b'D', 10);
        assert_eq!(lru.get(b"d"), Some(&b'D'));
        assert_eq!(held(&mut lru, "acd"), "acd");
        // Too large for all: it stays alone, and goes before the next.
        lru.insert(b"e".to_vec(), b'e', 100);
        assert_eq!((held(&mut lru, "acde"), lru.bytes), ("e".to_owned(), 101));
        lru.insert(b"f".to_vec(), b'f', 1);
        assert_eq!((held(&mut lru, "ef"), lru.bytes), ("f".to_owned(), 2));
    }
}
