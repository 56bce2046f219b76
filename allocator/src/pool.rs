//! The pool: slots, and the modules for which they are allocated.
//!
//! A slot is a fixed range of reserved address space. It is larger than the largest memory, so that
//! compiled code needs no bounds checks: an access out of bounds meets inaccessible addresses.
//!
//! ```text
//!  base           image end   len_bytes                  4 GiB              base + stride
//!  │ image        │ zeroes    │ reserved                 │ guard            │ next slot
//!  ├──────────────┼───────────┼──────────────────────────┼──────────────────┤
//!  │ memfd,       │ anonymous,│ anonymous, no access                        │
//!  │ copy on write│ read-write│                                             │
//!  ╰── 1st VMA ───┴─ 2nd VMA ─┴────────────────── 3rd VMA ──────────────────╯
//!  ╰─── accessible memory ────╯
//! ```
//!
//! | state of the slot | image | zeroes | reserved and guard |
//! |---|---|---|---|
//! | cold | – | – | the whole slot; merges with cold neighbours into one VMA |
//! | in use | written pages are private copies | written pages are private | shrinks when the memory grows |
//! | queued | as in use: not reset yet | as in use | as in use |
//! | affine | as in the memfd again, still mapped | zero again, still mapped | as when the memory was created |
//! | warm, after a purge | replaced by zeroes | zero, still mapped | as when the memory was created |
//! | unknown | any mapping: the kernel refused a call midway, and the attempt to unmap the slot | | |
//!
//! The reasons:
//! - An affine slot needs no mapping call for the next instance of its module, but its mapping
//!   keeps the memfd alive after its descriptor is closed. Dropping a module must therefore replace
//!   the image in every affine slot. Otherwise images of dropped modules accumulate, up to one for
//!   each slot.
//! - An image at the start of the memory costs three VMAs a slot, and `vm.max_map_count` is 65,530
//!   by default. So the limit is about 21,800 slots. An image that starts higher costs a fourth
//!   VMA.
//! - A reset drops written pages with `MADV_DONTNEED` and leaves the mappings: the pages of the
//!   image then read as in the memfd, and all others as zero.
//!
//! A [`SlotMapping`] owns its slot. The pool holds it while the slot is free or queued, a
//! [`SlotMemory`] while it is in use, and a thread while it resets or purges the slot (a
//! [checkout](crate::slot_table)). So no thread holds the lock during a system call.

use std::io;
use std::num::NonZeroU32;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};

use crate::geometry::{Geometry, MAPPINGS_PER_SLOT, MEMORY_MAX_BYTES, WASM_PAGE_BYTES};
use crate::ids::{ModuleId, SlotId};
use crate::image::{Image, ImageError, InitialMemory};
use crate::module::{ModuleShared, PoolModule};
use crate::purge_fault::PurgeFault;
use crate::slot::SlotMemory;
use crate::slot_table::SlotTable;
use crate::sync::{AtomicU64, Condvar, Mutex, MutexGuard};
use crate::sys::{self, ImageFile, InitialContents, SlotMapping};
use leakbench_model::{DEFAULT_SLOTS, DEFAULT_WARM_SLOTS, ImageKind, OnDrop, SlotState, Strategy};

/// The configuration of a [`Pool`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolConfig {
    /// The number of slots: the maximum number of memories at one time.
    pub slots: NonZeroU32,
    /// The rule by which an allocation chooses a free slot.
    pub strategy: Strategy,
    /// Only for [`Strategy::WarmLru`]: the number of free warm slots from which on an allocation
    /// takes a warm slot and not a cold one.
    pub warm_slots: u32,
    /// The policy for free slots that map the image of a dropped module.
    pub on_drop: OnDrop,
    /// The number of slots to reset together. With 1, each slot is reset when its memory is
    /// dropped.
    pub decommit_batch: NonZeroU32,
    /// If true, dropping a module first resets all queued slots, so that the purge finds its own
    /// among them.
    pub flush_on_drop: bool,
    /// The form in which the pool keeps initial memory.
    pub image: ImageKind,
    /// The seed of strategies that choose at random.
    pub seed: u64,
    /// Purges that go wrong on purpose. It has an effect with [`OnDrop::Purge`].
    pub purge_fault: Option<PurgeFault>,
}

impl Default for PoolConfig {
    fn default() -> PoolConfig {
        PoolConfig {
            slots: DEFAULT_SLOTS,
            strategy: Strategy::Random,
            warm_slots: DEFAULT_WARM_SLOTS,
            on_drop: OnDrop::Purge,
            decommit_batch: NonZeroU32::MIN,
            flush_on_drop: false,
            image: ImageKind::Memfd,
            seed: 0,
            purge_fault: None,
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

/// The present numbers of a pool's slots, and the failures so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStats {
    /// Number of free slots.
    pub free: u32,
    /// Number of slots in the decommit queue.
    pub queued: u32,
    /// Number of resets that the kernel refused. Each of these slots was unmapped instead, or is
    /// [`SlotState::Unknown`].
    pub reset_failures: u64,
    /// Number of failed purges: the kernel refused to unmap a dropped module's image from a slot,
    /// or to free the image's pages. Also counts slots that became or stayed [`SlotState::Unknown`]
    /// when they were allocated to another module: such a slot may map the old module's image, and
    /// the old module's drop does not find it.
    pub purge_failures: u64,
    /// Number of purges that went wrong on purpose, by [`PoolConfig::purge_fault`].
    pub purge_faults: u64,
}

/// A pool of slots. See the [crate] for an example.
#[derive(Debug)]
pub struct Pool {
    geometry: Geometry,
    pub(crate) on_drop: OnDrop,
    pub(crate) flush_on_drop: bool,
    pub(crate) purge_fault: Option<PurgeFault>,
    pub(crate) resets_at_once: bool,
    image: ImageKind,
    next_module: AtomicU64,
    pub(crate) reset_failures: AtomicU64,
    pub(crate) purge_failures: AtomicU64,
    pub(crate) purge_faults: AtomicU64,
    table: Mutex<SlotTable>,
    pub(crate) table_changed: Condvar,
}

impl Pool {
    /// Reserves address space for a pool. All slots are cold.
    ///
    /// # Errors
    /// If `vm.max_map_count` does not allow the mappings that the slots need, or the address space
    /// is too small. Both errors give the number of slots that would fit.
    ///
    /// The check counts three mappings for each slot, which assumes that images start at address 0
    /// of their memories. A slot whose image starts higher needs four. A pool of such slots can
    /// pass the check and run out of mappings later, which is [`AllocError::Map`].
    pub fn new(config: &PoolConfig) -> Result<Arc<Pool>, PoolError> {
        let slots = config.slots.get();
        if let Some(mappings) = sys::limits::mappings() {
            let fits = mappings.max.saturating_sub(mappings.present) / MAPPINGS_PER_SLOT as u64;
            let fits = u32::try_from(fits).unwrap_or(u32::MAX);
            if slots > fits {
                let sys::limits::Mappings { max, present } = mappings;
                // The error must not give a number that the address space does not allow.
                let fits = sys::reserve(fits).map_or_else(|error| error.fits, |_| fits);
                return Err(PoolError::Mappings { slots, fits, max, present });
            }
        }
        let sys::Reserved { slots: mappings, slabs } = sys::reserve(slots).map_err(|error| {
            PoolError::AddressSpace { slots, fits: error.fits, source: error.source }
        })?;
        Ok(Pool::of(config, mappings, Geometry::of_slabs(slabs)))
    }

    /// A pool that has modules but no slots, for memories that are [mapped alone](crate::OwnMemory).
    /// The configuration's number of slots and strategy have no effect.
    pub fn without_slots(config: &PoolConfig) -> Arc<Pool> {
        Pool::of(config, Vec::new(), Geometry::of_slabs([]))
    }

    fn of(config: &PoolConfig, mappings: Vec<SlotMapping>, geometry: Geometry) -> Arc<Pool> {
        Arc::new(Pool {
            geometry,
            on_drop: config.on_drop,
            flush_on_drop: config.flush_on_drop,
            purge_fault: config.purge_fault,
            resets_at_once: config.decommit_batch == NonZeroU32::MIN,
            image: config.image,
            next_module: AtomicU64::new(0),
            reset_failures: AtomicU64::new(0),
            purge_failures: AtomicU64::new(0),
            purge_faults: AtomicU64::new(0),
            table: Mutex::new(SlotTable::new(config, mappings)),
            table_changed: Condvar::new(),
        })
    }

    /// The addresses of the slots.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Adds a module, and creates an image of its initial memory.
    ///
    /// # Errors
    /// If the initial memory ends beyond [`MEMORY_MAX_BYTES`], or the kernel refuses a memfd.
    pub fn add_module(
        self: &Arc<Pool>,
        initial: Option<InitialMemory<'_>>,
    ) -> Result<PoolModule, ImageError> {
        let image = match initial {
            Some(initial) => Image::new(initial, self.image, self.on_drop)?,
            None => None,
        };
        Ok(self.module_with(image))
    }

    /// Adds a module whose initial memory is in a file. Slots map the file, unless the pool copies
    /// images or frees the pages of dropped ones.
    ///
    /// # Errors
    /// Those of [`Pool::add_module`]; or if the file must be read, and the kernel refuses.
    pub fn add_module_of_file(
        self: &Arc<Pool>,
        initial: ImageFile,
    ) -> Result<PoolModule, ImageError> {
        Ok(self.module_with(Image::of_file(initial, self.image, self.on_drop)?))
    }

    fn module_with(self: &Arc<Pool>, image: Option<Image>) -> PoolModule {
        let id = ModuleId::new(self.next_module.fetch_add(1, Ordering::Relaxed));
        PoolModule { shared: Arc::new(ModuleShared { id, image, pool: Arc::clone(self) }) }
    }

    /// Allocates a slot and maps a memory of `len_bytes` there. The memory holds the module's
    /// initial memory, and zeroes elsewhere. Without a module all of it is zero, and the slot gets
    /// no affinity.
    ///
    /// # Errors
    /// If the length is not a multiple of [`WASM_PAGE_BYTES`], more than [`MEMORY_MAX_BYTES`] or
    /// too short for the module's initial memory; if no slot is free; or if the kernel refuses a
    /// mapping. After each of these errors the slot is free again.
    pub fn allocate(
        self: &Arc<Pool>,
        module: Option<&PoolModule>,
        len_bytes: usize,
    ) -> Result<SlotMemory, AllocError> {
        let shared = module.map(|module| &module.shared);
        if shared.is_some_and(|shared| !Arc::ptr_eq(&shared.pool, self)) {
            return Err(AllocError::ForeignModule);
        }
        let initial = match shared.and_then(|shared| Some((shared.id, shared.image.as_ref()?))) {
            Some((id, image)) => image.initial(id),
            None => InitialContents::Zeroes,
        };
        AllocError::check_length(len_bytes, &initial)?;
        let (mut mapping, evicted) = self.take_slot(shared.map(|shared| shared.id))?;
        let may_map_another = evicted.is_some() || mapping.is_unknown();
        let result = mapping.establish(len_bytes, &initial);
        if let Some(module) = evicted {
            self.end_eviction(module);
        }
        if let Err(source) = result {
            let slot = mapping.slot();
            if may_map_another && mapping.is_unknown() {
                // The slot is affine to this module now, so the other one's purge misses it.
                self.purge_failures.fetch_add(1, Ordering::Relaxed);
            }
            self.free(mapping);
            return Err(AllocError::Map { slot, len_bytes, source });
        }
        Ok(SlotMemory::new(mapping, shared.cloned(), Arc::clone(self)))
    }

    /// Allocates a slot. If the slot maps the image of another module, also returns that module. If
    /// no slot is free, flushes the decommit queue, or waits for slots that threads have checked
    /// out.
    pub(crate) fn take_slot(
        &self,
        module: Option<ModuleId>,
    ) -> Result<(SlotMapping, Option<ModuleId>), AllocError> {
        let mut table = self.table();
        loop {
            if let Some(taken) = table.allocate(module) {
                return Ok(taken);
            }
            table = if !table.queue_is_empty() {
                drop(table);
                self.flush_queue();
                self.table()
            } else if table.has_checkouts() {
                self.wait(table)
            } else {
                let slots = self.geometry.slot_count();
                return Err(AllocError::PoolExhausted {
                    slots,
                    in_use: slots - table.free_count(),
                });
            };
        }
    }

    /// Locks the slot table. No operation on the table panics midway, so a poisoned lock is still
    /// consistent.
    pub(crate) fn table(&self) -> MutexGuard<'_, SlotTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a thread has freed slots or ended an eviction.
    pub(crate) fn wait<'a>(
        &self,
        mut table: MutexGuard<'a, SlotTable>,
    ) -> MutexGuard<'a, SlotTable> {
        table.waiters += 1;
        let mut table = self.table_changed.wait(table).unwrap_or_else(PoisonError::into_inner);
        table.waiters -= 1;
        table
    }

    /// Writes the state of every slot to `out`, indexed by slot number. Takes time in proportion to
    /// the number of slots, and holds the pool's lock meanwhile.
    pub fn slot_uses(&self, out: &mut Vec<SlotUse>) {
        self.table().slot_uses(out);
    }

    /// Writes to `out` the module whose image each slot maps that is free or queued, once for each
    /// such slot. Takes time in proportion to the number of slots, and holds the pool's lock meanwhile.
    pub fn mapped_modules(&self, out: &mut Vec<ModuleId>) {
        self.table().mapped_modules(out);
    }

    /// The present numbers of slots, and the failures so far.
    pub fn stats(&self) -> PoolStats {
        let table = self.table();
        PoolStats {
            free: table.free_count(),
            queued: table.queued_count(),
            reset_failures: self.reset_failures.load(Ordering::Relaxed),
            purge_failures: self.purge_failures.load(Ordering::Relaxed),
            purge_faults: self.purge_faults.load(Ordering::Relaxed),
        }
    }
}

/// A pool cannot be created.
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
        /// The requested number of slots.
        slots: u32,
        /// The number of slots that fit, by mappings (three for each slot) and address space.
        fits: u32,
        /// The limit.
        max: u64,
        /// The number of mappings that the process has.
        present: u64,
    },
    /// Too little address space.
    #[error(
        "the address space has no room for {slots} slots ({source}): {fits} slots would fit; raise \
         RLIMIT_AS (`ulimit -v`), if it is set"
    )]
    AddressSpace {
        /// The requested number of slots.
        slots: u32,
        /// The number of slots that fit.
        fits: u32,
        /// The kernel's error.
        source: io::Error,
    },
}

/// Advice for a refused mapping, to be appended to the message.
pub(crate) fn advice(refused: &io::Error) -> &'static str {
    match refused.kind() {
        io::ErrorKind::OutOfMemory => {
            ": out of memory, or the process has reached vm.max_map_count mappings or RLIMIT_AS: use \
             fewer slots, or raise the limit"
        }
        _ => "",
    }
}

/// A memory cannot be allocated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllocError {
    /// Every slot is in use.
    #[error("all slots are in use ({in_use} of {slots}): drop an instance, or use more slots")]
    PoolExhausted {
        /// The number of slots of the pool.
        slots: u32,
        /// The number of slots in use.
        in_use: u32,
    },
    /// The length is more than [`MEMORY_MAX_BYTES`].
    #[error("a memory of {len_bytes} bytes is too long: a slot holds {MEMORY_MAX_BYTES} bytes")]
    TooLong {
        /// The requested length.
        len_bytes: usize,
    },
    /// The length is not a multiple of [`WASM_PAGE_BYTES`].
    #[error(
        "a memory of {len_bytes} bytes is not a whole number of pages of {WASM_PAGE_BYTES} bytes"
    )]
    NotWholePages {
        /// The requested length.
        len_bytes: usize,
    },
    /// The memory is too short for the module's initial memory.
    #[error(
        "a memory of {len_bytes} bytes is too short: its initial memory ends at {image_end_bytes}"
    )]
    ShorterThanImage {
        /// The requested length.
        len_bytes: usize,
        /// The end of the module's initial memory.
        image_end_bytes: usize,
    },
    /// The module was added to another pool.
    #[error("the module belongs to another pool")]
    ForeignModule,
    /// The kernel refused a mapping.
    #[error(
        "cannot map a memory of {len_bytes} bytes into slot {slot} ({source}{})", advice(.source)
    )]
    Map {
        /// The slot, which is free again.
        slot: SlotId,
        /// The requested length.
        len_bytes: usize,
        /// The kernel's error.
        source: io::Error,
    },
    /// The kernel refused a mapping outside of slots.
    #[error("cannot map a memory of {len_bytes} bytes ({source}{})", advice(.source))]
    MapOwn {
        /// The requested length.
        len_bytes: usize,
        /// The kernel's error.
        source: io::Error,
    },
}

impl AllocError {
    /// Compares the length of a memory with what a slot can hold and with its initial contents.
    pub(crate) fn check_length(
        len_bytes: usize,
        initial: &InitialContents<'_>,
    ) -> Result<(), AllocError> {
        if len_bytes > MEMORY_MAX_BYTES {
            return Err(AllocError::TooLong { len_bytes });
        }
        if !len_bytes.is_multiple_of(WASM_PAGE_BYTES) {
            return Err(AllocError::NotWholePages { len_bytes });
        }
        let image_end_bytes = initial.end_bytes();
        if image_end_bytes > len_bytes {
            return Err(AllocError::ShorterThanImage { len_bytes, image_end_bytes });
        }
        Ok(())
    }
}
