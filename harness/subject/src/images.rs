//! The images of one thread's modules: from their making, over the drop of their module, to
//! their release, as the death watch tells it.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use hdrhistogram::Histogram;
use leakbench_model::Counts;

use crate::protocol::LingeringReport;
use leakbench_kernel::{DeathWatch, ObjectId, WatchError};

/// Troubles told at most between two barriers.
const TROUBLES_MAX: usize = 10;

/// Times to release beyond this are counted as this: an hour, in ns.
const RELEASE_MAX_NS: u64 = 3_600_000_000_000;

/// The key by which the death watch and a module know an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageKey {
    place: u32,
    /// Tells the image from a later one in the same place: an image may be released before its
    /// module is dropped.
    serial: u64,
}

/// Account of every image that a thread's modules made.
#[derive(Debug)]
pub(crate) struct Images {
    watch: DeathWatch<ImageKey>,
    /// Images that live, and free places.
    places: Vec<Option<Image>>,
    free: Vec<u32>,
    counts: Counts,
    release_ns: Histogram<u64>,
    troubles: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
struct Image {
    serial: u64,
    object: ObjectId,
    module: u64,
    /// When its module's drop began, and in which cycle.
    dropped: Option<(Instant, u64)>,
    /// Whether the drop has returned without the image being released.
    outlived_drop: bool,
}

impl Images {
    /// An account of nothing yet.
    ///
    /// # Errors
    /// The kernel gives no inotify instance.
    pub(crate) fn new() -> Result<Images, WatchError> {
        Ok(Images {
            watch: DeathWatch::new()?,
            places: Vec::new(),
            free: Vec::new(),
            counts: Counts::default(),
            release_ns: Histogram::new_with_bounds(1, RELEASE_MAX_NS, 2)
                .expect("the bounds are constant and right"),
            troubles: Vec::new(),
        })
    }

    /// The account so far.
    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A cycle is done.
    pub(crate) fn end_cycle(&mut self) {
        self.counts.cycles += 1;
    }

    /// Watches the image behind `fd`, of module `module`. `None`: it cannot be watched, which is
    /// accounted for.
    pub(crate) fn made(&mut self, fd: BorrowedFd<'_>, module: u64) -> Option<ImageKey> {
        self.counts.made += 1;
        let watched = self.try_watch(fd, module);
        match watched {
            Ok(key) => {
                self.counts.live += 1;
                Some(key)
            }
            Err(trouble) => {
                self.counts.unknown += 1;
                self.trouble(trouble);
                None
            }
        }
    }

    fn try_watch(&mut self, fd: BorrowedFd<'_>, module: u64) -> Result<ImageKey, String> {
        let cannot = |error: &dyn std::fmt::Display| {
            format!("the image of module {module} cannot be watched: {error}")
        };
        let object = ObjectId::of(fd).map_err(|error| cannot(&error))?;
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            (self.places.len() - 1) as u32
        });
        let key = ImageKey { place, serial: self.counts.made };
        if let Err(error) = self.watch.watch(fd, key) {
            self.free.push(place);
            return Err(cannot(&error));
        }
        let serial = key.serial;
        let image = Image { serial, object, module, dropped: None, outlived_drop: false };
        self.places[place as usize] = Some(image);
        Ok(key)
    }

    /// The drop of the module of these images begins now.
    pub(crate) fn drop_begins(&mut self, keys: &[ImageKey], cycle: u64) {
        let now = Instant::now();
        for key in keys {
            if let Some(image) = self.place(*key) {
                image.dropped = Some((now, cycle));
                self.counts.live -= 1;
                self.counts.lingering += 1;
            }
        }
    }

    /// The drop of the module of these images has returned. What was released until now was
    /// released synchronously.
    pub(crate) fn drop_returned(&mut self, keys: &[ImageKey]) {
        self.drain();
        for key in keys {
            if let Some(image) = self.place(*key) {
                image.outlived_drop = true;
            }
        }
    }

    /// Accounts for every release that has happened until now.
    pub(crate) fn drain(&mut self) {
        let Images { watch, places, free, counts, release_ns, .. } = self;
        let now = Instant::now();
        let result = watch.drain(|key| {
            let place = &mut places[key.place as usize];
            let Some(image) = place.take_if(|image| image.serial == key.serial) else {
                return;
            };
            free.push(key.place);
            match image.dropped {
                // The runtime let go of the image before its module was dropped: early, and
                // certainly not late.
                None => {
                    counts.live -= 1;
                    counts.synchronous += 1;
                }
                Some((since, _)) => {
                    counts.lingering -= 1;
                    match image.outlived_drop {
                        false => counts.synchronous += 1,
                        true => counts.late += 1,
                    }
                    let ns = u64::try_from((now - since).as_nanos()).unwrap_or(RELEASE_MAX_NS);
                    release_ns.saturating_record(ns);
                }
            }
        });
        match result {
            // Each overflow anew: whatever is watched now may have died in it.
            Ok(drained) if drained.overflowed => {
                self.trouble("the inotify queue overflowed: releases were missed".to_owned());
                self.give_up_watched();
            }
            Ok(_) => {}
            Err(error) => {
                self.trouble(format!("the death watch cannot be read: {error}"));
                self.give_up_watched();
            }
        }
    }

    /// Images of live modules.
    pub(crate) fn live(&self) -> impl Iterator<Item = ObjectId> {
        self.places.iter().flatten().filter(|image| image.dropped.is_none()).map(|i| i.object)
    }

    /// Images of dropped modules that are not released.
    pub(crate) fn lingering(&self) -> impl Iterator<Item = LingeringReport> {
        self.places.iter().flatten().filter_map(|image| {
            let (since, dropped_at_cycle) = image.dropped?;
            Some(LingeringReport {
                object: image.object,
                module: image.module,
                dropped_at_cycle,
                lingering_ms: since.elapsed().as_millis() as u64,
            })
        })
    }

    /// Adds the times to release, in ns, to `sum`, which must resize itself.
    pub(crate) fn add_release_times(&self, sum: &mut Histogram<u64>) {
        sum.add(&self.release_ns).expect("the sum resizes itself");
    }

    /// What went wrong since this was asked last.
    pub(crate) fn take_troubles(&mut self) -> Vec<String> {
        std::mem::take(&mut self.troubles)
    }

    /// The image of `key`, unless it is released.
    fn place(&mut self, key: ImageKey) -> Option<&mut Image> {
        self.places[key.place as usize].as_mut().filter(|image| image.serial == key.serial)
    }

    /// Nothing that is watched now can be known any more.
    fn give_up_watched(&mut self) {
        for (place, image) in self.places.iter_mut().enumerate() {
            let Some(image) = image.take() else { continue };
            self.free.push(place as u32);
            match image.dropped {
                None => self.counts.live -= 1,
                Some(_) => self.counts.lingering -= 1,
            }
            self.counts.unknown += 1;
        }
    }

    fn trouble(&mut self, what: String) {
        if self.troubles.len() < TROUBLES_MAX {
            self.troubles.push(what);
        }
    }
}

#[cfg(test)]
mod tests;
