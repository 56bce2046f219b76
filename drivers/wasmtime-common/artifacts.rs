//! Precompiled artifacts, so that a cycle with known code makes a new module without compiling.
//!
//! The binaries of cycles mostly differ in the payloads of their data segments alone, and an artifact
//! contains these verbatim. So one artifact serves for all binaries of one *skeleton*, which are equal
//! but for payloads: their payloads are written over those of the first binary.
//!
//! This is checked. The second binary of a skeleton is compiled as well. The offsets of payloads that
//! differ are valid if the first artifact with these payloads equals the second artifact byte for byte.
//! A payload that is equal in both proves no offset, so it must be the same in a later binary. Otherwise
//! each distinct binary has an artifact of its own. That happens if a payload is not in the artifact
//! (because the compiler omits zeroes, or another segment overwrites it), or if a short one is found
//! elsewhere first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::binary::Binary;
use super::lru::Lru;

/// The size in bytes of each of the two caches: of skeletons, and of distinct binaries. The artifact of a large
/// program, such as a Python, has about 100 MB.
const CACHE_BYTES: usize = 512 << 20;

/// The output of an engine's compiler, with the payloads of one binary.
#[derive(Clone, Debug)]
pub(crate) struct Artifact(Arc<Vec<u8>>);

/// The artifacts of one engine.
#[derive(Debug)]
pub(crate) struct Artifacts {
    skeletons: Mutex<Lru<Skeleton>>,
    binaries: Mutex<Lru<Artifact>>,
}

/// The artifacts of the binaries with one skeleton.
#[derive(Clone, Debug)]
enum Skeleton {
    /// All binaries so far had these payloads.
    One { payloads: Arc<Vec<Vec<u8>>>, artifact: Artifact },
    /// Payloads can be written into this artifact.
    Shared { artifact: Artifact, places: Arc<Vec<Place>> },
    /// Each binary needs an artifact of its own.
    Separate,
}

/// The place of a payload in an artifact.
#[derive(Debug)]
enum Place {
    /// It can be written at this offset.
    At(usize),
    /// It is somewhere, and must be this one.
    Fixed(Vec<u8>),
}

impl Artifacts {
    pub(crate) fn new() -> Artifacts {
        Artifacts {
            skeletons: Mutex::new(Lru::new(CACHE_BYTES)),
            binaries: Mutex::new(Lru::new(CACHE_BYTES)),
        }
    }

    /// The artifact of a binary: a known one, or the output of `compile`.
    ///
    /// # Errors
    /// Those of `compile`.
    pub(crate) fn artifact<E>(
        &self,
        binary: &Binary<'_>,
        compile: impl Fn(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Artifact, E> {
        let compile = || compile(binary.bytes()).map(|bytes| Artifact(Arc::new(bytes)));
        let skeleton = binary.skeleton();
        let known = lock(&self.skeletons).get(&skeleton).cloned();
        let (known, artifact) = match known {
            Some(Skeleton::Shared { artifact, places }) => {
                return match artifact.with(binary.payloads(), &places) {
                    Some(artifact) => Ok(artifact),
                    None => self.separate(binary, compile),
                };
            }
            Some(Skeleton::Separate) => return self.separate(binary, compile),
            Some(Skeleton::One { payloads, artifact })
                if binary.payloads().eq(payloads.iter().map(Vec::as_slice)) =>
            {
                return Ok(artifact);
            }
            Some(Skeleton::One { payloads, artifact: first }) => {
                let second = compile()?;
                (Skeleton::of_two(first, &payloads, &second, binary), second)
            }
            None => {
                let artifact = compile()?;
                let payloads = Arc::new(binary.payloads().map(<[u8]>::to_vec).collect());
                (Skeleton::One { payloads, artifact: artifact.clone() }, artifact)
            }
        };
        let bytes = artifact.bytes().len();
        lock(&self.skeletons).insert(skeleton, known, bytes);
        Ok(artifact)
    }

    /// The artifact of this binary alone.
    fn separate<E>(
        &self,
        binary: &Binary<'_>,
        compile: impl Fn() -> Result<Artifact, E>,
    ) -> Result<Artifact, E> {
        if let Some(artifact) = lock(&self.binaries).get(binary.bytes()) {
            return Ok(artifact.clone());
        }
        let artifact = compile()?;
        let bytes = artifact.bytes().len();
        lock(&self.binaries).insert(binary.bytes().to_vec(), artifact.clone(), bytes);
        Ok(artifact)
    }
}

impl Skeleton {
    /// Compares the artifacts of two binaries with one skeleton.
    fn of_two(
        first: Artifact,
        payloads: &[Vec<u8>],
        second: &Artifact,
        binary: &Binary<'_>,
    ) -> Skeleton {
        let places = payloads.iter().zip(binary.payloads()).map(|(payload, other)| {
            if payload == other {
                return Some(Place::Fixed(payload.clone()));
            }
            memchr::memmem::find(first.bytes(), payload).map(Place::At)
        });
        match places.collect::<Option<Vec<Place>>>().map(Arc::new) {
            Some(places)
                if first
                    .with(binary.payloads(), &places)
                    .is_some_and(|replaced| replaced.0 == second.0) =>
            {
                Skeleton::Shared { artifact: first, places }
            }
            _ => Skeleton::Separate,
        }
    }
}

impl Artifact {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// This artifact with other payloads of the same lengths. `None` if one of them must be another.
    fn with<'a>(
        &self,
        payloads: impl Iterator<Item = &'a [u8]>,
        places: &[Place],
    ) -> Option<Artifact> {
        let mut bytes = self.bytes().to_vec();
        for (payload, place) in payloads.zip(places) {
            match place {
                Place::At(offset) => {
                    bytes[*offset..offset + payload.len()].copy_from_slice(payload);
                }
                Place::Fixed(fixed) if fixed == payload => {}
                Place::Fixed(_) => return None,
            }
        }
        Some(Artifact(Arc::new(bytes)))
    }
}

/// Locks a cache. A panic of another thread leaves its entries valid.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
