//! Interfaces of newer kernels, which measurements can do without: what each saves.

use std::fs;
use std::io;

use super::check::{Check, State};
use leakbench_kernel::{Machine, has_fd_count, has_pagemap_scan};

pub(super) fn checks(machine: &Machine) -> Vec<Check> {
    vec![procmap_query(machine), fd_count(), pagemap_scan(), map_files()]
}

fn procmap_query(machine: &Machine) -> Check {
    const NAME: &str = "PROCMAP_QUERY";
    match machine.procmap_query {
        Some(true) => Check::new(NAME, State::Ok, "it works", "mappings are read at half the cost"),
        Some(false) => Check::new(
            NAME,
            State::Limited,
            "this kernel is older than 6.11",
            "mappings are read from the text of maps, at twice the cost",
        ),
        None => Check::new(NAME, State::Limited, "it could not be tried", "see /proc above"),
    }
    .extra()
}

fn fd_count() -> Check {
    const NAME: &str = "descriptor count";
    match has_fd_count() {
        Ok(true) => Check::new(
            NAME,
            State::Ok,
            "one stat call reads it",
            "a sample need not list the descriptors",
        ),
        Ok(false) => Check::new(
            NAME,
            State::Limited,
            "this kernel is older than 6.2",
            "each sample lists the descriptors, which takes longer if there are many",
        ),
        Err(error) => Check::new(
            NAME,
            State::Limited,
            format!("it cannot be read ({error})"),
            "see /proc above",
        ),
    }
    .extra()
}

fn pagemap_scan() -> Check {
    const NAME: &str = "PAGEMAP_SCAN";
    match has_pagemap_scan() {
        Ok(true) => Check::new(NAME, State::Ok, "it works", "a runtime can offer --pagemap-scan"),
        Ok(false) => Check::new(
            NAME,
            State::Limited,
            "this kernel is older than 6.7",
            "no runtime can offer --pagemap-scan",
        ),
        Err(error) => Check::new(
            NAME,
            State::Limited,
            format!("it could not be tried ({error})"),
            "--pagemap-scan may not work",
        ),
    }
    .extra()
}

fn map_files() -> Check {
    const NAME: &str = "map_files";
    let followed = || -> io::Result<bool> {
        let entry = fs::read_dir("/proc/self/map_files")?.next().transpose()?;
        entry.map_or(Ok(false), |entry| fs::metadata(entry.path()).map(|_| true))
    };
    match followed() {
        Ok(true) => {
            Check::new(NAME, State::Ok, "links can be followed", "leakbench does not need it")
        }
        Ok(false) => Check::new(NAME, State::Limited, "it is empty", "leakbench does not need it"),
        Err(error) => Check::new(
            NAME,
            State::Limited,
            format!("links cannot be followed ({error})"),
            "leakbench does not need it: device and inode identify a mapped file",
        ),
    }
    .extra()
}
