//! The code cache. Modules whose binaries differ only in the bytes of their data segments share
//! compiled code.
//!
//! The key is the binary without those bytes, but with their lengths. Validity does not depend on
//! the bytes, so of two binaries with one key both are valid or neither is. The cache compares
//! whole keys: a collision of hashes costs time only.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use wasmparser::{BinaryReader, DataSectionReader};

use crate::error::Error;
use crate::module::compiled::CompiledModule;

/// Maximum size of the keys and machine code in one cache, in bytes.
const CACHE_MAX_BYTES: usize = 256 << 20;

/// Maximum size of a key buffer that a thread keeps, in bytes.
const KEY_KEPT_BYTES: usize = 4 << 20;

/// Compiled modules, up to a number and a size.
#[derive(Debug)]
pub(crate) struct CodeCache {
    capacity: NonZeroUsize,
    max_bytes: usize,
    hasher: RandomState,
    entries: RwLock<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_hash: HashMap<u64, Vec<Entry>, BuildHasherDefault<IdentityHasher>>,
    /// The hash of each entry, in the order in which eviction considers them.
    order: VecDeque<u64>,
    /// Size of all entries in bytes.
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    key: Box<[u8]>,
    module: Arc<CompiledModule>,
    /// True if the entry was used since eviction last considered it.
    used: AtomicBool,
}

impl Entry {
    /// The entry's size in bytes. The rest of a compiled module is in proportion to it.
    fn bytes(&self) -> usize {
        self.key.len() + self.module.code.len_bytes()
    }
}

thread_local! {
    static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl CodeCache {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self::with_max_bytes(capacity, CACHE_MAX_BYTES)
    }

    fn with_max_bytes(capacity: NonZeroUsize, max_bytes: usize) -> Self {
        CodeCache { capacity, max_bytes, hasher: RandomState::new(), entries: RwLock::default() }
    }

    /// The code of `binary`. If it is not in the cache, `compile` makes it.
    ///
    /// # Errors
    /// Those of `compile`. The cache is then unchanged.
    pub(crate) fn get_or_compile(
        &self,
        binary: &[u8],
        compile: impl FnOnce() -> Result<Arc<CompiledModule>, Error>,
    ) -> Result<Arc<CompiledModule>, Error> {
        KEY.with_borrow_mut(|key| {
            let module = self.by_key(binary, key, compile);
            if key.capacity() > KEY_KEPT_BYTES {
                *key = Vec::new();
            }
            module
        })
    }

    /// As [`Self::get_or_compile`], with a buffer for the key.
    fn by_key(
        &self,
        binary: &[u8],
        key: &mut Vec<u8>,
        compile: impl FnOnce() -> Result<Arc<CompiledModule>, Error>,
    ) -> Result<Arc<CompiledModule>, Error> {
        if write_key(binary, key).is_none() {
            // Not a module; `compile` returns the reason.
            return compile();
        }
        let hash = self.hasher.hash_one(&**key);
        if let Some(known) = self.get(hash, key) {
            return Ok(known);
        }
        let module = compile()?;
        let used = AtomicBool::new(false);
        let entry = Entry { key: key.as_slice().into(), module, used };
        Ok(self.insert(hash, entry))
    }

    fn get(&self, hash: u64, key: &[u8]) -> Option<Arc<CompiledModule>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.by_hash.get(&hash)?.iter().find(|e| *e.key == *key)?;
        // Written only if it changes, so that threads share the cache line.
        if !entry.used.load(Ordering::Relaxed) {
            entry.used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&entry.module))
    }

    /// Adds `entry`, unless it is larger than the whole cache. Returns its module, or that of an
    /// entry with the same key.
    fn insert(&self, hash: u64, entry: Entry) -> Arc<CompiledModule> {
        let module = Arc::clone(&entry.module);
        let bytes = entry.bytes();
        if bytes > self.max_bytes {
            return module;
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let same = entries.by_hash.entry(hash).or_default();
        if let Some(known) = same.iter().find(|e| e.key == entry.key) {
            // Another thread has added it.
            return Arc::clone(&known.module);
        }
        same.push(entry);
        entries.order.push_back(hash);
        entries.bytes += bytes;
        let mut evicted = Vec::new();
        while entries.order.len() > self.capacity.get() || entries.bytes > self.max_bytes {
            let Some(entry) = entries.evict() else { break };
            evicted.push(entry);
        }
        drop(entries);
        // Dropped without the lock, because unmapping code takes system calls.
        drop(evicted);
        module
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.read().unwrap().order.len()
    }
}

impl Entries {
    /// Removes the oldest entry that was not used since the last eviction considered it.
    fn evict(&mut self) -> Option<Entry> {
        loop {
            let hash = self.order.pop_front()?;
            let same = self.by_hash.get_mut(&hash)?;
            let used = |e: &Entry| e.used.swap(false, Ordering::Relaxed);
            match same.iter().position(|e| !used(e)) {
                None => self.order.push_back(hash),
                Some(i) => {
                    let entry = same.swap_remove(i);
                    if same.is_empty() {
                        self.by_hash.remove(&hash);
                    }
                    self.bytes -= entry.bytes();
                    return Some(entry);
                }
            }
        }
    }
}

/// Writes the key of `binary`: all of it except the bytes of its data segments. `None` if it does
/// not have the structure of a module.
fn write_key(binary: &[u8], key: &mut Vec<u8>) -> Option<()> {
    const DATA_SECTION: u8 = 11;
    key.clear();
    key.extend_from_slice(binary.get(..8)?);
    let mut at = 8;
    while at < binary.len() {
        let mut reader = BinaryReader::new(&binary[at..], 0);
        let id = reader.read_u8().ok()?;
        let len_bytes = reader.read_var_u32().ok()? as usize;
        let body = at + reader.current_position();
        let end = body.checked_add(len_bytes)?;
        let section = binary.get(body..end)?;
        if id == DATA_SECTION {
            key.extend_from_slice(&binary[at..body]);
            let mut copied = 0;
            for segment in DataSectionReader::new(BinaryReader::new(section, 0)).ok()? {
                let segment = segment.ok()?;
                // The start of the payload in the section. The key includes everything before it:
                // mode, offset and length.
                let payload = segment.data.as_ptr().addr() - section.as_ptr().addr();
                key.extend_from_slice(section.get(copied..payload)?);
                copied = payload + segment.data.len();
            }
            key.extend_from_slice(section.get(copied..)?);
        } else {
            key.extend_from_slice(&binary[at..end]);
        }
        at = end;
    }
    Some(())
}

/// The hasher for keys that are hashes.
#[derive(Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 keys")
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests;
