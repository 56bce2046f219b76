//! Precompiled artifacts, so that a cycle whose code is known makes a new module without compiling.
//!
//! Cycles mostly differ in the payloads of their data segments alone, and an artifact holds those
//! verbatim. So one artifact serves for all binaries that are the same but for payloads: theirs are
//! put where the first one's stood. Whether that is right is not assumed. The second binary of a
//! kind is compiled as well, and the places are believed only if every payload is another in it,
//! and putting them there makes of the first artifact, byte for byte, what the compiler made of the
//! second. Otherwise (a payload is not found, because zeroes are left out or it lies under another;
//! or it is found elsewhere first, because it is short) each distinct binary has an artifact of its
//! own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::binary::Binary;
use super::lru::Lru;

/// Bytes of artifacts kept for each of: kinds of code, and distinct binaries.
const KEPT_BYTES: usize = 64 << 20;

/// What an engine's compiler returned, with the payloads of the binary that it stands for.
#[derive(Clone, Debug)]
pub(crate) struct Artifact(Arc<Vec<u8>>);

/// The artifacts of one engine.
#[derive(Debug)]
pub(crate) struct Artifacts {
    codes: Mutex<Lru<Code>>,
    whole: Mutex<Lru<Artifact>>,
}

/// What is known of the binaries with one skeleton.
#[derive(Clone, Debug)]
enum Code {
    /// All had these payloads.
    One { payloads: Arc<Vec<Vec<u8>>>, artifact: Artifact },
    /// Payloads can be put into this artifact, at these places.
    Stamped { artifact: Artifact, places: Arc<Vec<usize>> },
    /// They cannot.
    Apart,
}

impl Artifacts {
    pub(crate) fn new() -> Artifacts {
        Artifacts {
            codes: Mutex::new(Lru::new(KEPT_BYTES)),
            whole: Mutex::new(Lru::new(KEPT_BYTES)),
        }
    }

    /// The artifact of a binary, from what is known, or else from `compile`.
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
        let known = lock(&self.codes).get(&skeleton).cloned();
        let (code, artifact) = match known {
            Some(Code::Stamped { artifact, places }) => {
                return Ok(artifact.with(binary.payloads(), &places));
            }
            Some(Code::Apart) => return self.apart(binary, compile),
            Some(Code::One { payloads, artifact })
                if binary.payloads().eq(payloads.iter().map(Vec::as_slice)) =>
            {
                return Ok(artifact);
            }
            Some(Code::One { payloads, artifact: first }) => {
                let second = compile()?;
                (Code::of_two(first, &payloads, &second, binary), second)
            }
            None => {
                let artifact = compile()?;
                let payloads = Arc::new(binary.payloads().map(<[u8]>::to_vec).collect());
                (Code::One { payloads, artifact: artifact.clone() }, artifact)
            }
        };
        let bytes = artifact.bytes().len();
        lock(&self.codes).insert(skeleton, code, bytes);
        Ok(artifact)
    }

    /// The artifact of this very binary.
    fn apart<E>(
        &self,
        binary: &Binary<'_>,
        compile: impl Fn() -> Result<Artifact, E>,
    ) -> Result<Artifact, E> {
        if let Some(artifact) = lock(&self.whole).get(binary.bytes()) {
            return Ok(artifact.clone());
        }
        let artifact = compile()?;
        let bytes = artifact.bytes().len();
        lock(&self.whole).insert(binary.bytes().to_vec(), artifact.clone(), bytes);
        Ok(artifact)
    }
}

impl Code {
    /// What two binaries with one skeleton, and their artifacts, tell of all with it.
    fn of_two(
        first: Artifact,
        payloads: &[Vec<u8>],
        second: &Artifact,
        binary: &Binary<'_>,
    ) -> Code {
        let places = payloads.iter().zip(binary.payloads()).map(|(payload, other)| {
            // One that stayed the same would fit wherever it is found.
            let place = memchr::memmem::find(first.bytes(), payload);
            place.filter(|_| payload != other)
        });
        match places.collect::<Option<Vec<usize>>>().map(Arc::new) {
            Some(places) if first.with(binary.payloads(), &places).0 == second.0 => {
                Code::Stamped { artifact: first, places }
            }
            _ => Code::Apart,
        }
    }
}

impl Artifact {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same with other payloads, of the same lengths.
    fn with<'a>(&self, payloads: impl Iterator<Item = &'a [u8]>, places: &[usize]) -> Artifact {
        let mut bytes = self.bytes().to_vec();
        for (payload, &place) in payloads.zip(places) {
            bytes[place..place + payload.len()].copy_from_slice(payload);
        }
        Artifact(Arc::new(bytes))
    }
}

/// What a panic elsewhere left behind is as good as before: entries are put whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
