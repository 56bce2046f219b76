//! Files that hold the initial memory of modules.

use std::fs::File;

/// The initial memory of a module in a file, to be mapped from there.
///
/// The file has whole pages of the memory: those that hold any of the bytes. In the first and in the
/// last of them the other bytes are zero.
#[derive(Debug)]
pub struct ImageFile {
    pub(crate) file: File,
    pub(crate) start: u64,
    pub(crate) offset_bytes: usize,
    pub(crate) len_bytes: usize,
}

impl ImageFile {
    /// The initial memory of `len_bytes` bytes at `offset_bytes`. Its first page is at `start` of the
    /// file, a multiple of the page size.
    ///
    /// # Safety
    /// Until the module and all of its memories are dropped, nothing changes or shortens the file. It
    /// has all pages of the image.
    pub unsafe fn new(file: File, start: u64, offset_bytes: usize, len_bytes: usize) -> Self {
        ImageFile { file, start, offset_bytes, len_bytes }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::num::NonZeroU32;
    use std::os::unix::fs::FileExt;

    use leakbench_model::{ImageKind, OnDrop};

    use super::*;
    use crate::{ImageError, MEMORY_MAX_BYTES, Pool, PoolConfig, WASM_PAGE_BYTES};

    /// A file with a page of other contents before 8,000 bytes of initial memory at 5,000.
    fn file() -> (File, Vec<u8>) {
        let bytes: Vec<u8> = (1..=250).cycle().take(8_000).collect();
        let mut file = memfd::MemfdOptions::new().create("test").unwrap().into_file();
        file.write_all(&[9; 4096]).unwrap();
        file.write_all(&[0; 5_000 - 4096]).unwrap();
        file.write_all(&bytes).unwrap();
        file.set_len(4 * 4096).unwrap();
        (file, bytes)
    }

    fn contents(file: &File) -> Vec<u8> {
        let mut all = vec![0; file.metadata().unwrap().len() as usize];
        file.read_exact_at(&mut all, 0).unwrap();
        all
    }

    #[test]
    fn memories_have_the_bytes_of_the_file_and_do_not_change_it() {
        for (image, on_drop, is_mapped) in [
            (ImageKind::Memfd, OnDrop::Purge, true),
            (ImageKind::Auto, OnDrop::Keep, true),
            (ImageKind::Memfd, OnDrop::Truncate, false),
            (ImageKind::Copy, OnDrop::Purge, false),
        ] {
            let slots = const { NonZeroU32::new(2).unwrap() };
            let config = PoolConfig { slots, image, on_drop, ..PoolConfig::default() };
            let pool = Pool::new(&config).unwrap();
            let (file, bytes) = file();
            let before = contents(&file);
            // SAFETY: nothing else changes the file, and it has the pages.
            let initial =
                unsafe { ImageFile::new(file.try_clone().unwrap(), 4096, 5_000, bytes.len()) };
            let module = pool.add_module_of_file(initial).unwrap();
            let mut expected = vec![0; WASM_PAGE_BYTES];
            expected[5_000..13_000].copy_from_slice(&bytes);
            for _ in 0..3 {
                let memory = pool.allocate(Some(&module), WASM_PAGE_BYTES).unwrap();
                assert!(crate::sys::read(memory.base(), WASM_PAGE_BYTES) == expected, "{image}");
                // SAFETY: the first byte of the image, of a memory that this test owns.
                unsafe { memory.base().add(5_000).write(255) };
            }
            let mut part = [0; 2];
            module.image().unwrap().read(12_998, &mut part).unwrap();
            assert_eq!(part, bytes[7_998..]);
            let is_file = module.image().unwrap().as_fd().is_some_and(|fd| {
                let inode = |fd| rustix::fs::fstat(fd).unwrap().st_ino;
                inode(fd) == rustix::fs::fstat(&file).unwrap().st_ino
            });
            assert_eq!(is_file, is_mapped, "{image} {on_drop}");
            drop(module);
            assert!(contents(&file) == before, "{image} {on_drop}");
        }
    }

    #[test]
    fn an_image_beyond_the_longest_memory_is_refused() {
        let pool = Pool::without_slots(&PoolConfig::default());
        for (offset, len) in [(MEMORY_MAX_BYTES, 1), (usize::MAX, 1), (1, usize::MAX)] {
            // SAFETY: the image is refused before anything uses the file.
            let initial = unsafe { ImageFile::new(file().0, 0, offset, len) };
            let error = pool.add_module_of_file(initial).unwrap_err();
            assert!(matches!(error, ImageError::TooLong { .. }));
        }
    }
}
