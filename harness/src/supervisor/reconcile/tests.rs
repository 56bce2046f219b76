//! Generates images of known state and holders, describes them as both witnesses would, and checks
//! the comparison of the two descriptions.

use proptest::prelude::*;

use super::*;
use leakbench_model::{ObjectId, Slab, Slabs};
use leakbench_subject::wire::Lingering;

const STRIDE: u64 = 1 << 32;
/// Two slabs of 8 and 4 slots, with a gap between them.
const SLABS: [Slab; 2] = [
    Slab { base: STRIDE, stride_bytes: STRIDE, slots: 8 },
    Slab { base: 100 * STRIDE, stride_bytes: STRIDE, slots: 4 },
];
fn slabs() -> Slabs {
    Slabs::new(SLABS.to_vec())
}

/// The true state of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Live,
    Lingering,
    /// Released by the death watch.
    Released,
    /// Existed before the first cycle.
    Known,
}

#[derive(Clone, Debug)]
struct Image {
    fate: Fate,
    /// Slots that map it, each with its number of pieces.
    slots: Vec<(u32, u8)>,
    fds: u8,
    /// Mapped outside every slot.
    outside: bool,
    /// A memfd; else a file on some file system.
    memfd: bool,
}

fn image() -> impl Strategy<Value = Image> {
    let fate = prop_oneof![
        Just(Fate::Live),
        Just(Fate::Lingering),
        Just(Fate::Released),
        Just(Fate::Known)
    ];
    let slots = prop::collection::btree_map(0_u32..12, 1_u8..3, 0..4);
    let parts = (fate, slots, 0_u8..3, any::<bool>(), any::<bool>());
    parts.prop_map(|(fate, slots, fds, outside, memfd)| Image {
        fate,
        slots: slots.into_iter().collect(),
        fds,
        outside,
        memfd,
    })
}

impl Image {
    fn is_visible(&self) -> bool {
        !self.slots.is_empty() || self.fds > 0 || self.outside
    }
}

fn address_of(slot: u32) -> u64 {
    match slot {
        0..8 => SLABS[0].base + u64::from(slot) * STRIDE,
        _ => SLABS[1].base + u64::from(slot - 8) * STRIDE,
    }
}

fn mapping(object: ObjectId, start: u64, memfd: bool) -> FileMapping {
    FileMapping {
        start: start as usize,
        end: start as usize + 4096,
        offset: 0,
        object,
        memfd,
        shared: false,
        readable: true,
        writable: true,
        executable: false,
    }
}

/// The images as the death watch and as `/proc` describe them.
fn describe(images: &[Image], letters: &[SlotState]) -> (BarrierReached, Scan, HashSet<ObjectId>) {
    let mut report = BarrierReached {
        slots: letters.iter().copied().map(SlotState::letter).collect(),
        ..BarrierReached::default()
    };
    let mut scan = Scan::default();
    let mut known = HashSet::new();
    // A file that the death watch does not name is no image, wherever it is mapped.
    scan.mappings.push(mapping(ObjectId { dev: 9, ino: 9 }, address_of(3), false));
    for (ino, image) in images.iter().enumerate() {
        let object = ObjectId { dev: 1, ino: ino as u64 };
        match image.fate {
            Fate::Live => report.live.push(object),
            Fate::Lingering => report.lingering.push(Lingering {
                object,
                module: ino as u64 * 10,
                dropped_at_cycle: 5,
                lingering_ms: 7,
            }),
            Fate::Known => {
                known.insert(object);
            }
            Fate::Released => {}
        }
        for &(slot, pieces) in &image.slots {
            let starts = (0..u64::from(pieces)).map(|piece| address_of(slot) + piece * 8192);
            scan.mappings.extend(starts.map(|start| mapping(object, start, image.memfd)));
        }
        if image.outside {
            scan.mappings.push(mapping(object, 50 * STRIDE, image.memfd));
        }
        scan.fds.extend((0..image.fds).map(|fd| FdEntry {
            fd: i32::from(fd) + 10 * ino as i32,
            object,
            kind: if image.memfd { FdKind::Memfd } else { FdKind::DeletedFile },
            name_hash: 0,
            bytes: 0,
        }));
    }
    (report, scan, known)
}

/// The state of each slot of a map that has each.
fn each_slot(map: &SlotMap) -> Vec<SlotState> {
    assert_eq!(map.slots_per_bin(), 1);
    map.bins().map(|bin| bin[0].state).collect()
}

proptest! {
    #[test]
    fn each_image_is_accounted_for(
        images in prop::collection::vec(image(), 0..12),
        letters in prop::collection::vec(prop::sample::select(&SlotState::REPORTED[..]), 12),
    ) {
        let (report, scan, known) = describe(&images, &letters);
        let reconciled = reconcile(&report, &scan, &slabs(), &known);

        // Every lingering image is listed, with exactly its holders.
        let lingering: Vec<(usize, &Image)> =
            images.iter().enumerate().filter(|(_, image)| image.fate == Fate::Lingering).collect();
        prop_assert_eq!(reconciled.lingering.len(), lingering.len());
        for (listed, (ino, image)) in reconciled.lingering.iter().zip(&lingering) {
            prop_assert_eq!(listed.object.ino, *ino as u64);
            prop_assert_eq!(listed.module, *ino as u64 * 10);
            let mut expected: Vec<Holder> = image
                .slots
                .iter()
                .map(|&(slot, _)| {
                    let state = match letters[slot as usize] {
                        SlotState::Cold | SlotState::Warm => SlotState::Cold,
                        SlotState::InUse => SlotState::InUse,
                        SlotState::Affine => SlotState::Affine,
                        SlotState::Queued => SlotState::Queued,
                        _ => SlotState::Unknown,
                    };
                    Holder::Slot { slot, state }
                })
                .collect();
            if image.outside {
                let start = 50 * STRIDE;
                expected.push(Holder::Mapping { start, end: start + 4096 });
            }
            let fds = (0..i32::from(image.fds)).map(|fd| fd + 10 * *ino as i32);
            expected.extend(fds.map(|fd| Holder::Fd { fd }));
            prop_assert_eq!(&listed.holders, &expected);
            prop_assert_eq!(listed.holders_total, expected.len() as u64);
        }

        // A disagreement is what one witness alone sees, and nothing else.
        let one_sided = |image: &&Image| match image.fate {
            Fate::Live => !image.is_visible(),
            // A file that is no memfd may be anything.
            Fate::Released => image.memfd && image.is_visible(),
            Fate::Lingering | Fate::Known => false,
        };
        let expected = images.iter().filter(one_sided).count() as u64;
        prop_assert_eq!(reconciled.disagreements_total, expected);
        prop_assert_eq!(reconciled.disagreements.len() as u64, expected);

        // Every slot is counted once.
        let slots = reconciled.slots.expect("the subject reported its slots");
        let each = SlotCounts::states().filter_map(|state| slots.of(state));
        prop_assert_eq!(each.sum::<u64>(), 12);
        let holds = |slot: &u32| {
            lingering.iter().any(|(_, image)| image.slots.iter().any(|(s, _)| s == slot))
        };
        let is_affine = |slot: &u32| letters[*slot as usize] == SlotState::Affine;
        let dropped = (0..12_u32).filter(|slot| is_affine(slot) && holds(slot));
        let dropped: Vec<u32> = dropped.collect();
        prop_assert_eq!(slots.of(SlotState::AffineDropped), Some(dropped.len() as u64));

        // The map shows the reported state, unless the slot maps a dropped module's image.
        let map = reconciled.slot_map.expect("the subject reported its slots");
        for (slot, (cell, letter)) in (0..).zip(each_slot(&map).into_iter().zip(&letters)) {
            let expected = match letter {
                SlotState::Queued => SlotState::Queued,
                SlotState::Affine if dropped.contains(&slot) => SlotState::AffineDropped,
                _ if holds(&slot) => SlotState::MapsDropped,
                SlotState::Affine => SlotState::Affine,
                SlotState::Cold => SlotState::Cold,
                SlotState::Warm => SlotState::Warm,
                SlotState::InUse => SlotState::InUse,
                _ => SlotState::Unknown,
            };
            prop_assert_eq!(cell, expected);
        }
    }

    #[test]
    fn without_slot_states_the_map_shows_the_mappings(
        images in prop::collection::vec(image(), 0..12),
    ) {
        let (report, scan, known) = describe(&images, &[]);
        let map = reconcile(&report, &scan, &slabs(), &known).slot_map.expect("there are slots");
        let maps = |slot: u32, fate: Fate| {
            let fated = images.iter().filter(|image| image.fate == fate);
            fated.flat_map(|image| &image.slots).any(|(s, _)| *s == slot)
        };
        for (slot, cell) in (0..).zip(each_slot(&map)) {
            let expected = match (maps(slot, Fate::Lingering), maps(slot, Fate::Live)) {
                (true, _) => SlotState::MapsDropped,
                (false, true) => SlotState::MapsLive,
                (false, false) => SlotState::Empty,
            };
            prop_assert_eq!(cell, expected);
        }
    }
}

#[test]
fn lists_are_capped_and_totals_are_not() {
    let held =
        Image { fate: Fate::Lingering, slots: Vec::new(), fds: 200, outside: false, memfd: true };
    let unknown = Image { fate: Fate::Released, ..held.clone() };
    let images: Vec<Image> = std::iter::repeat_n(held, Barrier::LINGERING_MAX + 5)
        .chain(std::iter::repeat_n(unknown, Barrier::DISAGREEMENTS_MAX + 5))
        .collect();
    let (report, scan, known) = describe(&images, &[]);
    let reconciled = reconcile(&report, &scan, &slabs(), &known);
    assert_eq!(reconciled.lingering.len(), Barrier::LINGERING_MAX);
    assert_eq!(reconciled.lingering[0].holders.len(), LingeringImage::HOLDERS_MAX);
    assert_eq!(reconciled.lingering[0].holders_total, 200);
    assert_eq!(reconciled.disagreements.len(), Barrier::DISAGREEMENTS_MAX);
    assert_eq!(reconciled.disagreements_total, Barrier::DISAGREEMENTS_MAX as u64 + 5);
    assert_eq!(reconciled.slots, None, "the subject reported no slot states");
}

/// Twenty slots, each mapping the image in two pieces, are twenty holders.
#[test]
fn pieces_are_one_holder_beyond_the_cap_too() {
    let slabs = [Slab { base: STRIDE, stride_bytes: STRIDE, slots: 20 }];
    let image =
        Image { fate: Fate::Lingering, slots: Vec::new(), fds: 0, outside: false, memfd: true };
    let (report, mut scan, known) = describe(&[image], &[]);
    let object = report.lingering[0].object;
    for slot in 1..=20 {
        scan.mappings.push(mapping(object, slot * STRIDE, true));
        scan.mappings.push(mapping(object, slot * STRIDE + 8192, true));
    }
    let reconciled = reconcile(&report, &scan, &Slabs::new(slabs.to_vec()), &known);
    assert_eq!(reconciled.lingering[0].holders_total, 20);
    let unknown = Holder::Slot { slot: 0, state: SlotState::Unknown };
    assert_eq!(reconciled.lingering[0].holders[0], unknown, "the subject reported no slot states");
}
