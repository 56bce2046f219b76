//! The images of one thread's modules, from their creation to the release that the death watch
//! reports.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use hdrhistogram::Histogram;
use leakbench_model::{Counts, ObjectId};

use crate::holders::{Holder, HolderSearch};
use crate::new_memfds::SEARCHES;
use crate::wire::{Lingering, NO_COUNTS, ReadingsSeen, StatusPage};
use leakbench_kernel::{DeathWatch, ImageObjects, ReadError, WatchError};

/// Failures that are kept between two barriers.
const FAILURES_MAX: usize = 10;

/// Longer times to release are counted as this: an hour, in ns.
const RELEASE_MAX_NS: u64 = 3_600_000_000_000;

/// The key of an image for the death watch and for its module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageKey {
    place: u32,
    /// Distinguishes the image from a later one in the same place: an image may be released before
    /// its module is dropped.
    serial: u64,
}

/// The account of every image that a thread's modules made.
#[derive(Debug)]
pub(crate) struct Images {
    watch: DeathWatch<ImageKey>,
    objects: ImageObjects,
    /// Images that are not released, and free places.
    places: Vec<Option<Image>>,
    free: Vec<u32>,
    counts: Counts,
    release_ns: Histogram<u64>,
    failures: Vec<String>,
    search: HolderSearch,
}

#[derive(Clone, Copy, Debug)]
struct Image {
    serial: u64,
    object: ObjectId,
    module: u64,
    /// The time and the cycle in which its module's drop began.
    dropped: Option<(Instant, u64)>,
    /// The drop has returned and the image is not released.
    outlived: Option<Outlived>,
}

/// The circumstance of a drop that an image has outlived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlived {
    /// leakbench read the process meanwhile.
    BesideReading,
    /// Nothing that leakbench does explains it.
    Alone,
    /// The same, and this holder was found.
    HeldBy(Holder),
}

/// A look at all readings of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looked {
    samples: ReadingsSeen,
    searches: ReadingsSeen,
}

impl Looked {
    /// At the samples of the supervisor, and at the searches of a driver for its images.
    pub(crate) fn at(page: &StatusPage) -> Looked {
        Looked { samples: page.readings().look(), searches: SEARCHES.look() }
    }

    /// True if there was a reading since then.
    pub(crate) fn is_beside_reading(self, now: Looked) -> bool {
        self.samples.is_beside_reading(now.samples) || self.searches.is_beside_reading(now.searches)
    }
}

/// No account of images can be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoImages {
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error(transparent)]
    Objects(#[from] ReadError),
}

impl Images {
    /// An empty account.
    ///
    /// # Errors
    /// The kernel gives no inotify instance, or no memfd.
    pub(crate) fn new() -> Result<Images, NoImages> {
        Ok(Images {
            watch: DeathWatch::new()?,
            objects: ImageObjects::new()?,
            places: Vec::new(),
            free: Vec::new(),
            counts: NO_COUNTS,
            release_ns: Histogram::new_with_bounds(1, RELEASE_MAX_NS, 2)
                .expect("the bounds are constant and right"),
            failures: Vec::new(),
            search: HolderSearch::new(),
        })
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) fn end_cycle(&mut self) {
        self.counts.cycles += 1;
    }

    /// Watches the image behind `fd`, of module `module`. `None`: it cannot be watched, and is counted
    /// as unknown.
    pub(crate) fn made(&mut self, fd: BorrowedFd<'_>, module: u64) -> Option<ImageKey> {
        self.counts.made += 1;
        let watched = self.try_watch(fd, module);
        match watched {
            Ok(key) => {
                self.counts.live += 1;
                Some(key)
            }
            Err(failure) => {
                self.counts.unknown += 1;
                self.add_failure(failure);
                None
            }
        }
    }

    fn try_watch(&mut self, fd: BorrowedFd<'_>, module: u64) -> Result<ImageKey, String> {
        let cannot = |error: &dyn std::fmt::Display| {
            format!("the image of module {module} cannot be watched: {error}")
        };
        let object = self.objects.identify(fd).map_err(|error| cannot(&error))?;
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
        let image = Image { serial, object, module, dropped: None, outlived: None };
        self.places[place as usize] = Some(image);
        Ok(key)
    }

    /// The drop of these images' module begins now.
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

    /// The drop of these images' module has returned. Images that are released by now were released
    /// synchronously. `is_beside_reading` returns true if leakbench has read the process meanwhile. If not,
    /// and if `may_search`, this searches the process for what still holds them.
    pub(crate) fn drop_returned(
        &mut self,
        keys: &[ImageKey],
        is_beside_reading: impl FnOnce() -> bool,
        may_search: bool,
    ) {
        self.drain();
        let is_beside_reading = is_beside_reading();
        let outlived = match is_beside_reading {
            true => Outlived::BesideReading,
            false => Outlived::Alone,
        };
        let mut objects = Vec::new();
        for key in keys {
            if let Some(image) = self.place(*key) {
                image.outlived = Some(outlived);
                objects.push(image.object);
            }
        }
        if may_search && !is_beside_reading && !objects.is_empty() {
            self.search_holders(keys, &objects);
        }
    }

    /// Searches this process for the holders of these images. One that is released before the search
    /// ends has no known holder.
    fn search_holders(&mut self, keys: &[ImageKey], objects: &[ObjectId]) {
        let Some(held_inside) = self.search.held_inside(objects) else { return };
        self.drain();
        for key in keys {
            if let Some(image) = self.place(*key) {
                let is_inside = held_inside.contains(&image.object);
                let holder = if is_inside { Holder::Inside } else { Holder::Outside };
                image.outlived = Some(Outlived::HeldBy(holder));
            }
        }
    }

    /// Takes every release until now into account.
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
                // The runtime gave up the image before its module was dropped.
                None => {
                    counts.live -= 1;
                    counts.synchronous += 1;
                }
                Some((since, _)) => {
                    counts.lingering -= 1;
                    match image.outlived {
                        None => counts.synchronous += 1,
                        Some(outlived) => {
                            counts.late += 1;
                            let of_them = match outlived {
                                Outlived::Alone => None,
                                Outlived::BesideReading => Some(&mut counts.late_beside_reading),
                                Outlived::HeldBy(Holder::Inside) => {
                                    Some(&mut counts.late_held_inside)
                                }
                                Outlived::HeldBy(Holder::Outside) => {
                                    Some(&mut counts.late_held_outside)
                                }
                            };
                            if let Some(of_them) = of_them {
                                *of_them.get_or_insert(0) += 1;
                            }
                        }
                    }
                    let ns = u64::try_from((now - since).as_nanos()).unwrap_or(RELEASE_MAX_NS);
                    release_ns.saturating_record(ns);
                }
            }
        });
        match result {
            // At each overflow: the lost events may be those of any image watched now.
            Ok(drained) if drained.overflowed => {
                self.add_failure("the inotify queue overflowed: releases were missed".to_owned());
                self.give_up_watched();
            }
            Ok(_) => {}
            Err(error) => {
                self.add_failure(format!("the death watch cannot be read: {error}"));
                self.give_up_watched();
            }
        }
    }

    /// Images of live modules.
    pub(crate) fn live(&self) -> impl Iterator<Item = ObjectId> {
        self.places.iter().flatten().filter(|image| image.dropped.is_none()).map(|i| i.object)
    }

    /// Images of dropped modules that are not released.
    pub(crate) fn lingering(&self) -> impl Iterator<Item = Lingering> {
        self.places.iter().flatten().filter_map(|image| {
            let (since, dropped_at_cycle) = image.dropped?;
            Some(Lingering {
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

    /// Takes the failures of the death watch since the last call.
    pub(crate) fn take_failures(&mut self) -> Vec<String> {
        std::mem::take(&mut self.failures)
    }

    /// The image of `key`, unless it is released.
    fn place(&mut self, key: ImageKey) -> Option<&mut Image> {
        self.places[key.place as usize].as_mut().filter(|image| image.serial == key.serial)
    }

    /// Counts every image that is watched now as unknown.
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

    fn add_failure(&mut self, failure: String) {
        if self.failures.len() < FAILURES_MAX {
            self.failures.push(failure);
        }
    }
}

/// The descriptor that becomes readable when an image is released.
impl AsFd for Images {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }
}

#[cfg(test)]
mod tests;
