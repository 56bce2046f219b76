//! Loading compiled modules. Their code runs as it is, so the caller vouches for it.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use leakbench_allocator::ImageFile;

use crate::engine::Engine;
use crate::error::Error;
use crate::module::{Module, artifact};
use crate::sys::code_memory::{CodeMemory, CodeMemoryError, MappedFile};

/// The bytes of an artifact, for whose origin the caller vouched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trusted<'a>(&'a [u8]);

impl<'a> Trusted<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        self.0
    }
}

/// The file of an artifact, for whose origin the caller vouched. Nothing changes or shortens it while
/// it is open or mapped.
#[derive(Debug)]
pub(crate) struct TrustedFile {
    file: File,
    len_bytes: usize,
}

impl TrustedFile {
    pub(crate) fn len_bytes(&self) -> usize {
        self.len_bytes
    }

    /// Its contents, copied.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.len_bytes];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    /// Its contents, mapped.
    pub(crate) fn map(&self) -> Result<MappedFile, CodeMemoryError> {
        // SAFETY: the file is so long, and stays as it is.
        unsafe { MappedFile::new(&self.file, self.len_bytes) }
    }

    /// The code at `place`, mapped.
    ///
    /// # Panics
    /// If `place` is not within the file, or does not begin with a page.
    pub(crate) fn map_code(&self, place: Range<usize>) -> Result<CodeMemory, CodeMemoryError> {
        assert!(place.end <= self.len_bytes, "code beyond the file");
        // SAFETY: within the file, which stays as it is.
        unsafe { CodeMemory::of_file(&self.file, place) }
    }

    /// The pages at `place` as the image of the range `span` of a memory.
    ///
    /// # Panics
    /// If `place` is not within the file, or shorter than the image.
    pub(crate) fn into_image(self, place: Range<usize>, span: Range<usize>) -> ImageFile {
        let lead_bytes = span.start % rustix::param::page_size();
        assert!(lead_bytes + span.len() <= place.len(), "an image beyond its place");
        assert!(place.end <= self.len_bytes, "an image beyond the file");
        // SAFETY: the file has these pages, and stays as it is.
        unsafe { ImageFile::new(self.file, place.start as u64, span.start, span.len()) }
    }
}

impl Module {
    /// Loads a compiled module from the bytes of [`Module::serialize`] or
    /// [`Engine::precompile_module`], and creates its memory image. It copies the code.
    ///
    /// # Errors
    /// [`Error::Artifact`] if the bytes are not a compiled module, are damaged, or were compiled by
    /// another version, with other settings or for a processor with other instructions. If the
    /// kernel refuses code memory or the image.
    ///
    /// # Safety
    /// The bytes are those that this crate made, or damaged only by chance. Their checksum does not
    /// protect against forgery, and their code runs without any further check.
    pub unsafe fn deserialize(engine: &Engine, bytes: impl AsRef<[u8]>) -> Result<Self, Error> {
        artifact::load(engine, Trusted(bytes.as_ref()))
    }

    /// As [`Module::deserialize`], from a file. Code and image are not copied: the module and its
    /// instances map the file, so processes that load the same file share its pages. The file stays
    /// mapped until the module and every store with an instance of it are dropped, also if it is
    /// removed meanwhile.
    ///
    /// The image is a memfd, or copied, if the pool's configuration says so:
    /// [`ImageKind`](leakbench_allocator::ImageKind), and `OnDrop::Truncate`.
    ///
    /// # Errors
    /// [`Error::File`] if the file cannot be opened, and those of [`Module::deserialize`]. The kernel
    /// does not map code of a file system that is mounted with `noexec`.
    ///
    /// # Safety
    /// As [`Module::deserialize`]. Nothing writes to the file or shortens it while it is mapped. To
    /// replace it, rename another file to its name.
    pub unsafe fn deserialize_file(engine: &Engine, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let failed = |source| Error::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        // SAFETY: by the contract.
        unsafe { Module::deserialize_open(engine, file, failed) }
    }

    /// As [`Module::deserialize_file`], from a file that is open.
    ///
    /// # Errors
    /// Those of [`Module::deserialize_file`].
    ///
    /// # Safety
    /// As [`Module::deserialize_file`].
    pub unsafe fn deserialize_open_file(engine: &Engine, file: File) -> Result<Self, Error> {
        let failed = |source| Error::File { path: "(an open file)".into(), source };
        // SAFETY: by the contract.
        unsafe { Module::deserialize_open(engine, file, failed) }
    }

    /// # Safety
    /// As [`Module::deserialize_file`].
    unsafe fn deserialize_open(
        engine: &Engine,
        file: File,
        failed: impl Fn(io::Error) -> Error,
    ) -> Result<Self, Error> {
        let len_bytes = file.metadata().map_err(&failed)?.len() as usize;
        artifact::load_file(engine, TrustedFile { file, len_bytes }, failed)
    }

    /// Loads a compiled module as [`Module::deserialize_file`] does if the file is one, and otherwise
    /// compiles it as [`Module::from_file`] does.
    ///
    /// # Errors
    /// Those of the two.
    ///
    /// # Safety
    /// As [`Module::deserialize_file`].
    pub unsafe fn from_trusted_file(
        engine: &Engine,
        path: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        match Engine::detect_precompiled_file(path)? {
            // SAFETY: by the contract.
            Some(_) => unsafe { Module::deserialize_file(engine, path) },
            None => Module::from_file(engine, path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An engine that loads a module needs no compiler before the first call.
    #[test]
    fn a_module_brings_the_trampolines_of_its_exports() {
        let text = r#"(module
            (func (export "f") (param i32 f64) (result i64) (i64.const 5))
            (func $hidden (param i64)))"#;
        let bytes = Engine::default().precompile_module(text.as_bytes()).unwrap();
        let engine = Engine::default();
        // SAFETY: bytes that this crate made.
        let module = unsafe { Module::deserialize(&engine, &bytes) }.unwrap();
        let offered = module.compiled().signatures.iter().map(|signature| signature.has_offer());
        assert!(offered.eq([true, false]));
        let signature = &module.compiled().signatures[0];
        let compiled = engine.compiler().entry_trampoline(signature.ty()).unwrap();
        assert_eq!(signature.entry(&engine).unwrap().text(), compiled.text);
    }
}
