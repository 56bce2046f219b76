//! Files of compiled modules: modules map them, and the kernel releases them afterwards.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use leakbench_runtime::allocator::{ImageKind, OnDrop};
use leakbench_runtime::{Engine, Error, Instance, Memories, Module, OptLevel, Store};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tempfile::TempDir;

use crate::counts::{self, Counts};
use crate::sys::{load, load_file, load_trusted_file};
use crate::{config, engine};

/// A module with so many functions beside the one to call.
fn text(functions: usize) -> String {
    let others =
        "(func (param i32) (drop (i32.div_u (i32.const 1) (local.get 0))))".repeat(functions);
    format!(
        r#"(module (memory 1) (data (i32.const 0) "data")
             (func (export "f") (result i32)
               (i32.store8 (i32.const 0) (i32.const 7)) (i32.load (i32.const 0)))
             {others})"#
    )
}

/// Numbers of functions: of a small file, of which only the code is mapped, and of a large one.
const SIZES: [usize; 2] = [0, 1000];

fn file(engine: &Engine, functions: usize) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("module.bin");
    let bytes = engine.precompile_module(text(functions).as_bytes()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn call(module: &Module) -> (Store<()>, Instance) {
    let mut store = Store::new(module.engine(), ());
    let instance = Instance::new(&mut store, module, &[]).unwrap();
    let f = instance.get_typed_func::<(), i32>(&store, "f").unwrap();
    assert_eq!(f.call(&mut store, ()).unwrap().to_le_bytes(), *b"\x07ata");
    (store, instance)
}

/// The permissions of the mappings of a file.
fn mappings(path: &Path) -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let path = path.to_str().unwrap();
    let lines = maps.lines().filter(|line| line.contains(path));
    lines.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
}

/// Amounts in KiB that the kernel reports for the mappings of a file that cannot be written.
fn amounts(path: &Path, name: &str) -> Vec<u64> {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut amounts = Vec::new();
    let mut is_of_file = false;
    for line in maps.lines() {
        if line.split_whitespace().next().is_some_and(|first| first.contains('-')) {
            is_of_file = line.contains(path.to_str().unwrap()) && !line.contains(" rw-p ");
        } else if let Some((of, amount)) = line.split_once(':')
            && is_of_file
            && of == name
        {
            amounts.push(amount.trim().trim_end_matches(" kB"));
        }
    }
    amounts.into_iter().map(|amount| amount.parse().unwrap()).collect()
}

/// Watches a file until the kernel destroys it.
struct Watch(OwnedFd);

impl Watch {
    fn new(path: &Path) -> Self {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&inotify, path, WatchFlags::DELETE_SELF).unwrap();
        Watch(inotify)
    }

    fn is_destroyed(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        match Reader::new(&self.0, &mut buffer).next() {
            Ok(event) => event.events().contains(ReadFlags::DELETE_SELF),
            Err(Errno::AGAIN) => false,
            Err(error) => panic!("inotify: {error}"),
        }
    }
}

/// The mapping has no page that is the process's own: all are those of the page cache.
#[test]
fn the_code_is_mapped_and_shared() {
    let _alone = counts::run_alone();
    let engine = engine(OptLevel::None);
    for (functions, expected) in SIZES.into_iter().zip([&["r-xp"][..], &["r--p", "r-xp"]]) {
        is_mapped_and_shared(&engine, functions, expected);
    }
}

fn is_mapped_and_shared(engine: &Engine, functions: usize, expected: &[&str]) {
    let (_folder, path) = file(engine, functions);
    let before = Counts::now();
    let module = load_file(engine, &path).unwrap();
    let _used = call(&module);
    // The slot maps the image.
    let (slots, others): (Vec<String>, Vec<String>) =
        mappings(&path).into_iter().partition(|permissions| permissions == "rw-p");
    assert_eq!(slots.len(), 1);
    assert_eq!(others, expected);
    assert_eq!(module.image().unwrap().len_bytes(), 4096);
    assert!(amounts(&path, "Anonymous").iter().all(|&own| own == 0));
    assert!(amounts(&path, "Rss").iter().all(|&resident| resident > 0));
    // A second module maps the file again, and shares the pages.
    let second = load_file(engine, &path).unwrap();
    call(&second);
    assert_eq!(mappings(&path).len(), 2 * (1 + expected.len()));
    let (resident, own_share) = (amounts(&path, "Rss"), amounts(&path, "Pss"));
    let last = resident.len() - 1;
    assert!(own_share[last] < resident[last], "{own_share:?} of {resident:?} kB");
    // Each module keeps the file open, for later instances.
    assert_eq!(Counts::now().fds, before.fds + 2);
}

/// With these policies a module has an image of its own, and its file is not changed.
#[test]
fn a_pool_may_not_map_images_of_files() {
    let _alone = counts::run_alone();
    for (image, on_drop) in [
        (ImageKind::Copy, OnDrop::Purge),
        (ImageKind::Auto, OnDrop::Purge),
        (ImageKind::Memfd, OnDrop::Truncate),
    ] {
        let mut config = config(OptLevel::None);
        (config.pool.image, config.pool.on_drop) = (image, on_drop);
        let engine = Engine::new(&config).unwrap();
        let (_folder, path) = file(&engine, 0);
        let before = std::fs::read(&path).unwrap();
        let module = load_file(&engine, &path).unwrap();
        call(&module);
        assert_eq!(mappings(&path), ["r-xp"], "{image} {on_drop}");
        drop(module);
        assert!(std::fs::read(&path).unwrap() == before, "{image} {on_drop}");
    }
}

/// Memories on demand map or copy the image of a file.
#[test]
fn memories_on_demand_have_the_image() {
    let _alone = counts::run_alone();
    let mut config = config(OptLevel::None);
    config.memories = Memories::OnDemand;
    let engine = Engine::new(&config).unwrap();
    let (folder, path) = file(&engine, 0);
    let module = load_file(&engine, &path).unwrap();
    let used = call(&module);
    assert!(mappings(&path).contains(&"rw-p".to_owned()));
    drop((module, used));
    // Shorter than the page of its image.
    let text = r#"(module (memory (export "m") 10 (pagesize 1)) (data (i32.const 3) "data"))"#;
    std::fs::write(&path, engine.precompile_module(text.as_bytes()).unwrap()).unwrap();
    let module = load_file(&engine, &path).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[]).unwrap();
    let memory = instance.get_memory(&store, "m").unwrap();
    assert_eq!(memory.data(&store), b"\0\0\0data\0\0\0");
    drop((store, module));
    assert_eq!(mappings(folder.path()), [""; 0]);
}

/// Whatever is dropped last: the module, a store with its instance, or the engine's clones.
#[test]
fn the_file_is_released_with_its_last_user() {
    let _alone = counts::run_alone();
    let engine = engine(OptLevel::Speed);
    type Order = fn(Module, Store<()>, &dyn Fn(bool));
    let orders: [Order; 3] = [
        |module, store, is_mapped| {
            drop(store);
            is_mapped(true);
            drop(module);
        },
        |module, store, is_mapped| {
            drop(module);
            is_mapped(true);
            drop(store);
        },
        |module, store, is_mapped| {
            let clone = module.clone();
            drop((module, store));
            is_mapped(true);
            call(&clone);
            is_mapped(true);
            drop(clone);
        },
    ];
    for (order, functions) in orders.into_iter().flat_map(|order| SIZES.map(|size| (order, size))) {
        let (_folder, path) = file(&engine, functions);
        let watch = Watch::new(&path);
        let module = load_file(&engine, &path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (store, _) = call(&module);
        order(module, store, &|expected| {
            assert!(!watch.is_destroyed());
            assert_eq!(!mappings(&path).is_empty(), expected);
        });
        assert!(watch.is_destroyed(), "the kernel still has the file");
        assert_eq!(mappings(&path), [""; 0]);
    }
}

/// Refused artifacts, and modules whose image is refused, leave no mapping.
#[test]
fn nothing_remains_of_many_modules() {
    let _alone = counts::run_alone();
    for functions in SIZES {
        nothing_remains(functions);
    }
}

fn nothing_remains(functions: usize) {
    let engine = engine(OptLevel::None);
    let (folder, path) = file(&engine, functions);
    let bytes = std::fs::read(&path).unwrap();
    let mut damaged = bytes.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let damaged_path = folder.path().join("damaged");
    std::fs::write(&damaged_path, &damaged).unwrap();
    let once = || {
        call(&load(&engine, &bytes).unwrap());
        call(&load_file(&engine, &path).unwrap());
        assert!(matches!(load(&engine, &damaged), Err(Error::Artifact(_))));
        assert!(matches!(load_file(&engine, &damaged_path), Err(Error::Artifact(_))));
    };
    once();
    let before = Counts::now();
    (0..500).for_each(|_| once());
    before.assert_same_now("artifacts");
    assert_eq!(mappings(folder.path()), [""; 0]);
}

#[test]
fn a_trusted_file_is_loaded_or_compiled() {
    let _alone = counts::run_alone();
    let engine = engine(OptLevel::None);
    let (folder, path) = file(&engine, 0);
    call(&load_trusted_file(&engine, &path).unwrap());
    let as_text = folder.path().join("module.wat");
    std::fs::write(&as_text, text(0)).unwrap();
    call(&load_trusted_file(&engine, &as_text).unwrap());
    assert!(Engine::detect_precompiled_file(&path).unwrap().is_some());
    assert!(Engine::detect_precompiled_file(&as_text).unwrap().is_none());
    let missing = folder.path().join("missing");
    for error in [
        load_trusted_file(&engine, &missing).unwrap_err(),
        load_file(&engine, &missing).unwrap_err(),
        Engine::detect_precompiled_file(&missing).unwrap_err(),
    ] {
        assert!(error.to_string().contains("missing: No such file"), "{error}");
    }
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let error = load_file(&engine, &empty).unwrap_err().to_string();
    assert_eq!(error, "not a compiled module: no bytes at all");
}
