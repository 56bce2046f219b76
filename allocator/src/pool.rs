//! The pool: slots, who has them, and the modules they serve.
//!
//! A slot's [`SlotMapping`] is with whoever may change it: in the pool while the slot is free or
//! queued, in a [`SlotMemory`] while it is in use, with a thread that resets or purges it in
//! between (a [flight](crate::shelf)). So no lock is held across a system call.

use std::io;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::geometry::{Geometry, MAPPINGS_PER_SLOT, MEMORY_MAX_BYTES, WASM_PAGE_BYTES};
use crate::ids::{ModuleId, SlotId};
use crate::image::{Image, ImageError, InitialMemory};
use crate::module::{ModuleShared, PoolModule};
use crate::shelf::Shelf;
use crate::slot::SlotMemory;
use crate::sys::{self, Initial, SlotMapping};
use leakbench_model::{ImageKind, OnDrop, SlotState, Strategy};

/// How a pool is to behave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolConfig {
    /// How many memories there can be at once.
    pub slots: NonZeroU32,
    /// Which free slot an allocation takes.
    pub strategy: Strategy,
    /// Under [`Strategy::WarmLru`], the number of unused warm slots from which on one of them is
    /// taken rather than a cold one.
    pub warm_slots: u32,
    /// What becomes of slots that still map the image of a module that is dropped.
    pub on_drop: OnDrop,
    /// How many slots wait until they are reset together; one is reset at once.
    pub decommit_batch: NonZeroU32,
    /// Whether dropping a module first resets the slots that wait, so that none of its own hides
    /// among them.
    pub flush_on_drop: bool,
    /// Where initial memory is kept.
    pub image: ImageKind,
    /// For the strategies that choose at random.
    pub seed: u64,
}

impl Default for PoolConfig {
    fn default() -> PoolConfig {
        PoolConfig {
            slots: const { NonZeroU32::new(1000).unwrap() },
            strategy: Strategy::Random,
            warm_slots: 100,
            on_drop: OnDrop::Purge,
            decommit_batch: NonZeroU32::MIN,
            flush_on_drop: false,
            image: ImageKind::Memfd,
            seed: 0,
        }
    }
}

/// The state of a slot, and the module whose image the slot maps, if that module has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotUse {
    /// The state. A slot that is [affine](SlotState::Affine) may be so to a dropped module.
    pub state: SlotState,
    /// The module that an affine slot last served, or that a slot in use or in the queue serves.
    pub module: Option<ModuleId>,
}

/// What a pool has been through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStats {
    /// Slots that can be allocated now.
    pub free: u32,
    /// Slots that wait in the decommit queue.
    pub queued: u32,
    /// How often the kernel refused to reset a slot. Each time the slot was discarded instead, or
    /// is [`SlotState::Unknown`].
    pub reset_failures: u64,
    /// How often the kernel refused to unmap a dropped module's image from a slot, or to punch out
    /// its pages; and how often a slot became or stayed [`SlotState::Unknown`] when it was taken
    /// for another module, whereupon the drop of the one that it may still map does not find it.
    pub purge_failures: u64,
}

/// A pool of slots.
#[derive(Debug)]
pub struct Pool {
    geometry: Geometry,
    pub(crate) on_drop: OnDrop,
    pub(crate) flush_on_drop: bool,
    pub(crate) resets_at_once: bool,
    image: ImageKind,
    next_module: AtomicU64,
    pub(crate) reset_failures: AtomicU64,
    pub(crate) purge_failures: AtomicU64,
    shelf: Mutex<Shelf>,
    pub(crate) shelf_changed: Condvar,
}

impl Pool {
    /// Reserves address space for a pool; nothing else is mapped yet.
    ///
    /// # Errors
    /// If the process may not have so many mappings (`vm.max_map_count`), or has not so much address
    /// space. Both errors say how many slots would do.
    ///
    /// Three mappings are counted for a slot, which assumes that images start at address 0 of their
    /// memories. A slot whose image starts further up has four: a pool that passes the check can
    /// then run out of mappings when most slots are mapped, which is [`AllocError::Map`].
    pub fn new(config: &PoolConfig) -> Result<Arc<Pool>, PoolError> {
        let slots = config.slots.get();
        if let Some(mappings) = sys::limits::mappings() {
            let fits = mappings.max.saturating_sub(mappings.present) / MAPPINGS_PER_SLOT as u64;
            let fits = u32::try_from(fits).unwrap_or(u32::MAX);
            if slots > fits {
                let sys::limits::Mappings { max, present } = mappings;
                // No number is named that the address space would then refuse.
                let fits = sys::reserve(fits).map_or_else(|error| error.fits, |_| fits);
                return Err(PoolError::Mappings { slots, fits, max, present });
            }
        }
        let sys::Reserved { slots: mappings, slabs } = sys::reserve(slots).map_err(|error| {
            PoolError::AddressSpace { slots, fits: error.fits, source: error.source }
        })?;
        Ok(Arc::new(Pool {
            geometry: Geometry::of_slabs(slabs),
            on_drop: config.on_drop,
            flush_on_drop: config.flush_on_drop,
            resets_at_once: config.decommit_batch == NonZeroU32::MIN,
            image: config.image,
            next_module: AtomicU64::new(0),
            reset_failures: AtomicU64::new(0),
            purge_failures: AtomicU64::new(0),
            shelf: Mutex::new(Shelf::new(config, mappings)),
            shelf_changed: Condvar::new(),
        }))
    }

    /// Where the slots lie.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Makes a module, and of its initial memory an image.
    ///
    /// # Errors
    /// If the bytes reach beyond any memory, or the kernel refuses a memfd.
    pub fn add_module(
        self: &Arc<Pool>,
        initial: Option<InitialMemory<'_>>,
    ) -> Result<PoolModule, ImageError> {
        let image = match initial {
            Some(initial) => Image::new(initial, self.image, self.on_drop)?,
            None => None,
        };
        let id = ModuleId::new(self.next_module.fetch_add(1, Ordering::Relaxed));
        Ok(PoolModule { shared: Arc::new(ModuleShared { id, image, pool: Arc::clone(self) }) })
    }

    /// Takes a slot and makes it a memory of so many bytes, which hold the module's initial memory
    /// and zeroes elsewhere. Without a module all is zero, and the slot gets no affinity.
    ///
    /// # Errors
    /// If the length is not in whole [`WASM_PAGE_BYTES`], beyond [`MEMORY_MAX_BYTES`] or too short
    /// for the module's initial memory; if no slot is free; or if the kernel refuses a mapping.
    /// No slot is lost by any of these.
    pub fn allocate(
        self: &Arc<Pool>,
        module: Option<&PoolModule>,
        len_bytes: usize,
    ) -> Result<SlotMemory, AllocError> {
        let shared = module.map(|module| &module.shared);
        if shared.is_some_and(|shared| !Arc::ptr_eq(&shared.pool, self)) {
            return Err(AllocError::ForeignModule);
        }
        if len_bytes > MEMORY_MAX_BYTES {
            return Err(AllocError::TooLong { len_bytes });
        }
        if !len_bytes.is_multiple_of(WASM_PAGE_BYTES) {
            return Err(AllocError::NotWholePages { len_bytes });
        }
        let initial = match shared.and_then(|shared| Some((shared.id, shared.image.as_ref()?))) {
            Some((id, image)) => {
                let image_end_bytes = image.offset_bytes() + image.len_bytes();
                if image_end_bytes > len_bytes {
                    return Err(AllocError::ShorterThanImage { len_bytes, image_end_bytes });
                }
                image.initial(id)
            }
            None => Initial::Zeroes,
        };
        let (mut mapping, evicted) = self.take_slot(shared.map(|shared| shared.id))?;
        let maps_anothers = evicted.is_some() || mapping.is_unknown();
        let result = mapping.establish(len_bytes, &initial);
        if let Some(module) = evicted {
            self.end_eviction(module);
        }
        if let Err(source) = result {
            let slot = mapping.slot();
            if maps_anothers && mapping.is_unknown() {
                // Its affinity is to this module now: the other one's purge does not find it.
                self.purge_failures.fetch_add(1, Ordering::Relaxed);
            }
            self.put_back(mapping);
            return Err(AllocError::Map { slot, len_bytes, source });
        }
        Ok(SlotMemory::new(mapping, shared.cloned(), Arc::clone(self)))
    }

    /// Takes a slot out of the pool, and names the module that is evicted from it. Only if none is
    /// free, but some wait to be reset or are with a thread that will bring them back, does it do
    /// that or wait.
    pub(crate) fn take_slot(
        &self,
        module: Option<ModuleId>,
    ) -> Result<(SlotMapping, Option<ModuleId>), AllocError> {
        let mut shelf = self.shelf();
        loop {
            if let Some(taken) = shelf.allocate(module) {
                return Ok(taken);
            }
            shelf = if !shelf.queue_is_empty() {
                drop(shelf);
                self.flush_queue();
                self.shelf()
            } else if shelf.flights_pending() {
                self.wait(shelf)
            } else {
                let slots = self.geometry.slot_count();
                return Err(AllocError::PoolExhausted {
                    slots,
                    in_use: slots - shelf.free_count(),
                });
            };
        }
    }

    /// The lock is held for moments only, and nothing in them leaves the shelf half changed: should
    /// a thread panic nevertheless, the others go on.
    pub(crate) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until some thread has put slots back, or ended an eviction.
    pub(crate) fn wait<'a>(&self, mut shelf: MutexGuard<'a, Shelf>) -> MutexGuard<'a, Shelf> {
        shelf.waiters += 1;
        let mut shelf = self.shelf_changed.wait(shelf).unwrap_or_else(PoisonError::into_inner);
        shelf.waiters -= 1;
        shelf
    }

    /// The state of every slot, by its number, in place of what `out` held. Takes time by the
    /// number of slots, under the pool's lock: for moments at which nothing else is to happen.
    pub fn slot_uses(&self, out: &mut Vec<SlotUse>) {
        self.shelf().slot_uses(out);
    }

    /// How many slots are free and queued, and what failed so far.
    pub fn stats(&self) -> PoolStats {
        let shelf = self.shelf();
        PoolStats {
            free: shelf.free_count(),
            queued: shelf.queued_count(),
            reset_failures: self.reset_failures.load(Ordering::Relaxed),
            purge_failures: self.purge_failures.load(Ordering::Relaxed),
        }
    }
}

/// A pool cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Too many mappings.
    #[error(
        "{slots} slots need {MAPPINGS_PER_SLOT} memory mappings each (one more where an image starts \
         above address 0), but vm.max_map_count is {max} and the process already has {present}: \
         {fits} slots would fit, or raise it with `sysctl vm.max_map_count`"
    )]
    Mappings {
        /// The number of slots asked for.
        slots: u32,
        /// The number that would fit, by mappings (three a slot) and by address space.
        fits: u32,
        /// The limit.
        max: u64,
        /// How many mappings the process has.
        present: u64,
    },
    /// Too little address space.
    #[error("the address space has no room for {slots} slots ({source}): {fits} slots would fit")]
    AddressSpace {
        /// The number of slots asked for.
        slots: u32,
        /// The number that would fit.
        fits: u32,
        /// What the kernel said.
        source: io::Error,
    },
}

/// What to do about a refused mapping.
pub(crate) fn hint(refused: &io::Error) -> &'static str {
    match refused.kind() {
        io::ErrorKind::OutOfMemory => {
            ": memory is short, or the process has all the mappings it may have: ask for fewer slots, \
             or raise vm.max_map_count"
        }
        _ => "",
    }
}

/// No memory could be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllocError {
    /// Every slot is in use.
    #[error("all slots are in use ({in_use} of {slots}): drop an instance, or ask for more slots")]
    PoolExhausted {
        /// The slots of the pool.
        slots: u32,
        /// How many of them are in use.
        in_use: u32,
    },
    /// Longer than any memory.
    #[error("a memory of {len_bytes} bytes is longer than the {MEMORY_MAX_BYTES} a slot holds")]
    TooLong {
        /// The length asked for.
        len_bytes: usize,
    },
    /// Not in whole pages.
    #[error("{len_bytes} bytes are not whole WebAssembly pages of {WASM_PAGE_BYTES} bytes")]
    NotWholePages {
        /// The length asked for.
        len_bytes: usize,
    },
    /// The initial memory does not fit in.
    #[error(
        "a memory of {len_bytes} bytes is too short for initial memory up to {image_end_bytes}"
    )]
    ShorterThanImage {
        /// The length asked for.
        len_bytes: usize,
        /// Where the module's initial memory ends.
        image_end_bytes: usize,
    },
    /// Modules belong to the pool that made them.
    #[error("the module belongs to another pool")]
    ForeignModule,
    /// The kernel refused.
    #[error(
        "cannot map a memory of {len_bytes} bytes into slot {slot} ({source}{})", hint(.source)
    )]
    Map {
        /// The slot that was to hold it; it is free again.
        slot: SlotId,
        /// The length asked for.
        len_bytes: usize,
        /// What the kernel said.
        source: io::Error,
    },
}
