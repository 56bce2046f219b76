//! The cost of the readers beside the `procfs` crate, on a process with 40,000 mappings, and the cost of
//! a death watch for an image.
//!
//! The process is a forked child that does nothing, with slots in the layout of a pool, three mappings
//! each: a page of an image of its own, mapped copy-on-write; a page of memory beyond the image; a
//! guard. The kernel's own part is a bench of its own: no reader of the text can be faster, and
//! with expensive system calls no query either.

#![allow(clippy::unwrap_used, reason = "what a bench cannot set up stops it")]
#![allow(missing_docs, reason = "criterion writes public functions")]

#[path = "../tests/sys/mod.rs"]
mod sys;

use std::hint::black_box;
use std::os::fd::AsFd;

use criterion::{Criterion, criterion_group, criterion_main};
use leakbench_kernel::{DeathWatch, MappingSource, Process};
use sys::{OwnMapping, Sharing, Still, memfd};

/// Three mappings each: 40,000 in all.
const SLOTS: usize = 13_333;

fn with_slots(count: usize) -> Still {
    let mut slots = OwnMapping::reserve(count * 3);
    for slot in 0..count {
        slots.replace_page(slot * 3, memfd(c"image", 1));
        slots.open_page(slot * 3 + 1);
    }
    Still::fork()
}

fn snapshots(c: &mut Criterion) {
    let child = with_slots(SLOTS);
    let mut process = Process::open(child.pid()).unwrap();
    let counts = process.mapping_counts().unwrap();
    assert!(counts.all >= 3 * SLOTS as u64 && counts.memfd == SLOTS as u64, "{counts:?}");
    let mut mappings = Vec::new();
    let has_query = process.file_mappings(&mut mappings).unwrap() == MappingSource::Query;

    let mut group = c.benchmark_group("snapshot of 40,000 mappings");
    group.sample_size(30);
    if has_query {
        group.bench_function("query", |b| {
            b.iter(|| process.file_mappings_from(MappingSource::Query, &mut mappings).unwrap())
        });
    }
    group.bench_function("text", |b| {
        b.iter(|| process.file_mappings_from(MappingSource::Text, &mut mappings).unwrap())
    });
    group.bench_function("counts", |b| b.iter(|| black_box(process.mapping_counts().unwrap())));
    group.bench_function("kernel's text, unread", |b| {
        let mut buffer = vec![0; 64 * 1024];
        b.iter(|| {
            use std::io::Read;
            let mut maps = std::fs::File::open(format!("/proc/{}/maps", child.pid())).unwrap();
            while maps.read(&mut buffer).unwrap() > 0 {}
        });
    });
    let theirs = procfs::process::Process::new(child.pid().cast_signed()).unwrap();
    group.bench_function("procfs maps()", |b| b.iter(|| black_box(theirs.maps().unwrap())));
    group.finish();
}

/// The files that the sampler reads ten times a second, for a pool of 1,000 slots.
fn sample_of_1000_slots(c: &mut Criterion) {
    let child = with_slots(1000);
    let mut process = Process::open(child.pid()).unwrap();
    c.bench_function("sample of 1,000 slots: mapping counts, descriptors, status", |b| {
        b.iter(|| {
            let counts = process.mapping_counts().unwrap();
            let fds = process.fd_count().unwrap();
            black_box((counts, fds, process.status().unwrap()))
        });
    });
}

/// The small files of the sampler. `procfs` takes longer, so these have readers by hand.
fn small_files(c: &mut Criterion) {
    let child = Still::fork();
    let mut process = Process::open(child.pid()).unwrap();
    let theirs = procfs::process::Process::new(child.pid().cast_signed()).unwrap();
    let mut group = c.benchmark_group("small files");
    group.bench_function("stat", |b| b.iter(|| black_box(process.stat().unwrap())));
    group.bench_function("procfs stat()", |b| b.iter(|| black_box(theirs.stat().unwrap())));
    group.bench_function("status", |b| b.iter(|| black_box(process.status().unwrap())));
    group.bench_function("procfs status()", |b| b.iter(|| black_box(theirs.status().unwrap())));
    group.finish();
}

fn descriptors(c: &mut Criterion) {
    let images: Vec<_> = (0..1000).map(|_| memfd(c"image", 0)).collect();
    let child = Still::fork();
    drop(images);
    let mut process = Process::open(child.pid()).unwrap();
    let mut entries = Vec::new();
    let mut group = c.benchmark_group("1,000 descriptors");
    group.bench_function("fds", |b| b.iter(|| process.fds(&mut entries).unwrap()));
    let theirs = procfs::process::Process::new(child.pid().cast_signed()).unwrap();
    group.bench_function("procfs fd()", |b| {
        b.iter(|| theirs.fd().unwrap().for_each(|fd| drop(black_box(fd.unwrap()))))
    });
    group.finish();
}

/// An image's life without and with a watch: the difference is the watch's cost.
fn death_watch(c: &mut Criterion) {
    let mut group = c.benchmark_group("image made, mapped, unmapped, closed");
    let live = || {
        let image = memfd(c"image", 1);
        let mapping = OwnMapping::file(&image, 0, 1, Sharing::Private);
        (image, mapping)
    };
    group.bench_function("alone", |b| b.iter(|| drop(live())));
    let mut watch = DeathWatch::new().unwrap();
    group.bench_function("watched", |b| {
        b.iter(|| {
            let (image, mapping) = live();
            watch.watch(image.as_fd(), 0u64).unwrap();
            drop((image, mapping));
            assert_eq!(watch.drain(|_| {}).unwrap().deaths, 1);
        });
    });
    // The same with 10,000 others alive: a table's cost must not grow with what lives.
    let others: Vec<_> = (0..10_000)
        .map(|_| {
            let image = memfd(c"image", 1);
            watch.watch(image.as_fd(), 0).unwrap();
            OwnMapping::file(&image, 0, 1, Sharing::Private)
        })
        .collect();
    group.bench_function("watched beside 10,000", |b| {
        b.iter(|| {
            let (image, mapping) = live();
            watch.watch(image.as_fd(), 0u64).unwrap();
            drop((image, mapping));
            assert_eq!(watch.drain(|_| {}).unwrap().deaths, 1);
        });
    });
    drop(others);
    group.finish();
}

criterion_group!(benches, snapshots, sample_of_1000_slots, small_files, descriptors, death_watch);
criterion_main!(benches);
