//! A map of bounded size that removes the least recently used entry.

use std::collections::HashMap;

/// Values by key, bounded by their size. A lookup is O(1). A removal reads all entries, which costs
/// little beside the compilation before each insertion.
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
    /// An empty map for `bytes_max` bytes of keys and values.
    pub(crate) fn new(bytes_max: usize) -> Lru<V> {
        Lru { entries: HashMap::new(), bytes: 0, bytes_max, clock: 0 }
    }

    pub(crate) fn get(&mut self, key: &[u8]) -> Option<&V> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some(&entry.value)
    }

    /// Inserts or replaces a value of `value_bytes`, and removes others until all fit. The new value
    /// stays even if it is larger than the map.
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
    fn the_least_recently_used_entry_is_removed_first() {
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
        // A replacement of equal size removes no other entry.
        lru.insert(b"d".to_vec(), b'D', 10);
        assert_eq!(lru.get(b"d"), Some(&b'D'));
        assert_eq!(held(&mut lru, "acd"), "acd");
        // An entry larger than the map stays alone, and is removed before the next.
        lru.insert(b"e".to_vec(), b'e', 100);
        assert_eq!((held(&mut lru, "acde"), lru.bytes), ("e".to_owned(), 101));
        lru.insert(b"f".to_vec(), b'f', 1);
        assert_eq!((held(&mut lru, "ef"), lru.bytes), ("f".to_owned(), 2));
    }
}
