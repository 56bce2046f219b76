//! The account compared with a plain model, with real memfds.
//!
//! No unit test of this crate starts a process: a child would hold every image until it
//! runs its program.

#[path = "../../../kernel/tests/sys/mod.rs"]
mod sys;

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};

use leakbench_kernel::object_of;
use leakbench_model::ObjectId;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use sys::{OwnMapping, Sharing, memfd};

/// A reference that keeps an image alive.
#[derive(Debug)]
enum Holder {
    Fd(OwnedFd),
    Mapping { _mapping: OwnMapping },
}

/// The model of an image, kept by the test.
#[derive(Debug)]
struct Twin {
    key: ImageKey,
    object: ObjectId,
    module: u64,
    holders: Vec<Holder>,
    /// The cycle in which its module was dropped.
    dropped: Option<u64>,
    /// True if the last holder was released after the drop had returned; `None` while there is one.
    ended_late: Option<bool>,
    /// The account has been updated since then.
    accounted: bool,
}

impl Twin {
    fn let_go(&mut self, which: &Index) {
        if !self.holders.is_empty() {
            self.holders.swap_remove(which.index(self.holders.len()));
        }
        self.note_end(self.dropped.is_some());
    }

    fn note_end(&mut self, after_drop: bool) {
        if self.holders.is_empty() {
            self.ended_late.get_or_insert(after_drop);
        }
    }

    fn descriptor(&self) -> Option<&OwnedFd> {
        self.holders.iter().find_map(|holder| match holder {
            Holder::Fd(fd) => Some(fd),
            Holder::Mapping { .. } => None,
        })
    }
}

/// An account and its model, to which the same operations are applied.
struct World {
    images: Images,
    twins: Vec<Twin>,
    modules: u64,
    refused: u64,
    /// Releases after the drop of their module, which have a time to release.
    timed: u64,
}

#[derive(Clone, Debug)]
enum Op {
    /// A module with so many images.
    Make(usize),
    /// Adds a holder to an image: a mapping if true, else a descriptor.
    Hold(Index, bool),
    /// Releases one holder of an image.
    LetGo(Index, Index),
    /// Drops a module, and with it one holder of each of its images, or all of them if true.
    Drop(Index, bool),
    /// Shows an image a second time, so that its watch is refused.
    ShowAgain(Index),
    /// Drops modules whose images are all released: other images may have their places.
    DropReleased,
    Drain,
    EndCycle,
}

fn op() -> impl Strategy<Value = Op> {
    let any = any::<Index>;
    prop_oneof![
        3 => (1_usize..4).prop_map(Op::Make),
        2 => (any(), prop::bool::ANY).prop_map(|(image, maps)| Op::Hold(image, maps)),
        3 => (any(), any()).prop_map(|(image, holder)| Op::LetGo(image, holder)),
        3 => (any(), prop::bool::ANY).prop_map(|(module, whole)| Op::Drop(module, whole)),
        1 => any().prop_map(Op::ShowAgain),
        1 => Just(Op::DropReleased),
        2 => Just(Op::Drain),
        1 => Just(Op::EndCycle),
    ]
}

impl World {
    fn new() -> World {
        let images = Images::new().expect("an inotify instance");
        World { images, twins: Vec::new(), modules: 0, refused: 0, timed: 0 }
    }

    fn make(&mut self, images: usize) {
        for _ in 0..images {
            let fd = memfd(c"image", 1);
            let key = self.images.made(fd.as_fd(), self.modules).expect("it can be watched");
            let object = object_of(fd.as_fd()).expect("it is open");
            let (module, holders) = (self.modules, vec![Holder::Fd(fd)]);
            let (dropped, ended_late, accounted) = (None, None, false);
            self.twins.push(Twin { key, object, module, holders, dropped, ended_late, accounted });
        }
        self.modules += 1;
    }

    fn drop_module(&mut self, number: u64, whole: bool) {
        let cycle = self.images.counts().cycles;
        let of_module = |twin: &&mut Twin| twin.module == number && twin.dropped.is_none();
        let keys: Vec<ImageKey> =
            self.twins.iter_mut().filter(of_module).map(|twin| twin.key).collect();
        self.images.drop_begins(&keys, cycle);
        for twin in self.twins.iter_mut().filter(of_module) {
            if whole {
                twin.holders.clear();
            } else {
                twin.holders.pop();
            }
            twin.note_end(false);
            if !twin.accounted {
                twin.dropped = Some(cycle);
            }
        }
        self.images.drop_returned(&keys, || false, false);
        self.accounted();
    }

    fn drain(&mut self) {
        self.images.drain();
        self.accounted();
    }

    /// The account has every release now.
    fn accounted(&mut self) {
        for twin in
            self.twins.iter_mut().filter(|twin| twin.ended_late.is_some() && !twin.accounted)
        {
            twin.accounted = true;
            self.timed += u64::from(twin.dropped.is_some());
        }
    }

    fn act(&mut self, op: &Op) {
        let count = self.twins.len();
        match op {
            Op::Make(images) => self.make(*images),
            Op::Drain => self.drain(),
            Op::EndCycle => self.images.end_cycle(),
            Op::DropReleased => {
                let keys: Vec<ImageKey> =
                    self.twins.iter().filter(|twin| twin.accounted).map(|twin| twin.key).collect();
                self.images.drop_begins(&keys, 1_000_000);
                self.images.drop_returned(&keys, || false, false);
                self.accounted();
            }
            _ if count == 0 => {}
            Op::Hold(image, maps) => {
                let twin = &mut self.twins[image.index(count)];
                let Some(fd) = twin.descriptor() else { return };
                let holder = match maps {
                    true => {
                        Holder::Mapping { _mapping: OwnMapping::file(fd, 0, 1, Sharing::Private) }
                    }
                    false => Holder::Fd(fd.try_clone().expect("a descriptor")),
                };
                twin.holders.push(holder);
            }
            Op::LetGo(image, holder) => self.twins[image.index(count)].let_go(holder),
            Op::Drop(image, whole) => {
                self.drop_module(self.twins[image.index(count)].module, *whole)
            }
            Op::ShowAgain(image) => {
                let twin = &self.twins[image.index(count)];
                let Some(fd) = twin.descriptor() else { return };
                assert_eq!(self.images.made(fd.as_fd(), twin.module), None);
                self.refused += 1;
                let failures = self.images.take_failures();
                let names_module = |failure: &String| {
                    failure.contains(&format!("module {} cannot be watched", twin.module))
                };
                assert!(failures.len() == 1 && failures.iter().all(names_module), "{failures:?}");
            }
        }
    }

    fn check(&mut self) {
        let twins = || self.twins.iter();
        let count = |is: &dyn Fn(&&Twin) -> bool| twins().filter(is).count() as u64;
        let expected = Counts {
            cycles: self.images.counts().cycles,
            made: twins().count() as u64 + self.refused,
            synchronous: count(&|twin| twin.accounted && twin.ended_late == Some(false)),
            late: count(&|twin| twin.accounted && twin.ended_late == Some(true)),
            late_beside_reading: Some(0),
            late_held_inside: Some(0),
            late_held_outside: Some(0),
            live: count(&|twin| !twin.accounted && twin.dropped.is_none()),
            lingering: count(&|twin| !twin.accounted && twin.dropped.is_some()),
            unknown: self.refused,
        };
        assert_eq!(*self.images.counts(), expected);
        assert_adds_up(self.images.counts());

        let live = twins().filter(|twin| !twin.accounted && twin.dropped.is_none());
        let live: BTreeSet<ObjectId> = live.map(|twin| twin.object).collect();
        assert_eq!(self.images.live().collect::<BTreeSet<_>>(), live);
        assert_eq!(self.images.live().count(), live.len());

        let lingering = twins().filter(|twin| !twin.accounted);
        let lingering: BTreeSet<(ObjectId, u64, u64)> =
            lingering.filter_map(|twin| Some((twin.object, twin.module, twin.dropped?))).collect();
        let reported = self.images.lingering();
        let reported = reported.map(|one| (one.object, one.module, one.dropped_at_cycle));
        assert_eq!(reported.collect::<BTreeSet<_>>(), lingering);
        assert_eq!(self.images.lingering().count(), lingering.len());

        let mut times = Histogram::new(2).expect("2 figures are allowed");
        self.images.add_release_times(&mut times);
        assert_eq!(times.len(), self.timed);
        assert_eq!(self.images.take_failures(), Vec::<String>::new());
    }
}

fn assert_adds_up(counts: &Counts) {
    let Counts { made, synchronous, late, live, lingering, unknown, .. } = *counts;
    assert_eq!(made, synchronous + late + live + lingering + unknown, "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_account_is_that_of_the_model_after_every_step(ops in prop::collection::vec(op(), 1..60)) {
        let mut world = World::new();
        for op in &ops {
            world.act(op);
            world.check();
        }
        // The end of a run: every module is dropped and every holder released.
        for module in 0..world.modules {
            world.drop_module(module, false);
        }
        world.twins.iter_mut().for_each(|twin| {
            twin.holders.clear();
            twin.note_end(true);
        });
        world.drain();
        world.check();
        let counts = world.images.counts();
        prop_assert_eq!(counts.live + counts.lingering, 0);
    }
}

#[test]
fn places_are_reused() {
    let mut world = World::new();
    for _ in 0..100 {
        world.make(2);
        // A refused watch occupies a place for a moment.
        let shown_again = world.twins[world.twins.len() - 1].descriptor().expect("it is open");
        assert_eq!(world.images.made(shown_again.as_fd(), 0), None);
        world.refused += 1;
        assert_eq!(world.images.take_failures().len(), 1);
        world.drop_module(world.modules - 1, true);
        world.check();
    }
    assert_eq!(world.images.places.len(), 3);
}

/// The number of deaths that overflow the queue: each has two events. `None` if that takes too long.
fn overflowing() -> Option<u64> {
    let setting = "/proc/sys/fs/inotify/max_queued_events";
    let queued: u64 = std::fs::read_to_string(setting).ok()?.trim().parse().ok()?;
    (queued <= 100_000).then_some(queued / 2 + 10)
}

#[test]
fn each_overflow_makes_unknown_what_was_watched_and_nothing_that_comes_after() {
    let Some(deaths) = overflowing() else {
        eprintln!("the inotify queue of this machine is too long to overflow it here: not tested");
        return;
    };
    let mut images = Images::new().expect("an inotify instance");
    for round in 1..=2 {
        let before = *images.counts();
        let kept = memfd(c"kept", 1);
        let lingers = memfd(c"lingers", 1);
        let kept_key = images.made(kept.as_fd(), 0).expect("it can be watched");
        let lingers_key = images.made(lingers.as_fd(), 1).expect("it can be watched");
        images.drop_begins(&[lingers_key], 0);
        images.drop_returned(&[lingers_key], || false, false);
        // The control: so far all is known.
        assert_eq!((images.live().count(), images.lingering().count()), (1, 1));
        for module in 0..deaths {
            images.made(memfd(c"dies", 1).as_fd(), 2 + module).expect("it can be watched");
        }
        images.drain();

        let counts = *images.counts();
        assert_adds_up(&counts);
        assert_eq!((counts.live, counts.lingering, counts.late), (0, 0, 0), "round {round}");
        let unknown = counts.unknown - before.unknown;
        assert!((2..=deaths).contains(&unknown), "round {round}: {counts:?}");
        assert_eq!(counts.made - before.made, deaths + 2);
        assert_eq!((images.live().count(), images.lingering().count()), (0, 0));
        let failures = images.take_failures();
        assert!(failures.len() == 1 && failures[0].contains("overflowed"), "{failures:?}");

        // Deaths of unknown images are reported later, when other images have their places.
        let next: Vec<OwnedFd> = (0..unknown).map(|_| memfd(c"next", 1)).collect();
        let keys: Vec<ImageKey> = next.iter().filter_map(|fd| images.made(fd.as_fd(), 9)).collect();
        assert_eq!(keys.len(), next.len());
        for given_up in [kept_key, lingers_key] {
            assert!(keys.iter().any(|key| key.place == given_up.place));
        }
        images.drop_begins(&[kept_key, lingers_key], 0);
        drop((kept, lingers));
        images.drop_returned(&[kept_key, lingers_key], || false, false);
        assert_eq!(images.counts().live, next.len() as u64);
        assert_eq!(images.counts().unknown, counts.unknown);
        drop(next);
        images.drain();
        assert_eq!(images.counts().synchronous, counts.synchronous + keys.len() as u64);
        assert_adds_up(images.counts());
        assert_eq!(images.take_failures(), Vec::<String>::new());
    }
}

#[test]
fn late_releases_beside_a_reading_are_counted_apart() {
    let mut images = Images::new().expect("an inotify instance");
    let mut late = |is_beside_reading: bool| {
        let image = memfd(c"image", 1);
        let keys = [images.made(image.as_fd(), 0).expect("it can be watched")];
        images.drop_begins(&keys, 0);
        images.drop_returned(&keys, || is_beside_reading, false);
        drop(image);
        images.drain();
        (images.counts().late, images.counts().late_beside_reading)
    };
    assert_eq!(late(false), (1, Some(0)));
    assert_eq!(late(true), (2, Some(1)));
}

#[test]
fn a_late_image_that_the_process_holds_is_held_inside() {
    let mut images = Images::new().expect("an inotify instance");
    let mut late = |holder: &dyn Fn(OwnedFd) -> Holder, may_search: bool| {
        let image = memfd(c"image", 1);
        let keys = [images.made(image.as_fd(), 0).expect("it can be watched")];
        let holder = holder(image);
        images.drop_begins(&keys, 0);
        // As if the last search were long ago.
        images.search = HolderSearch::new();
        images.drop_returned(&keys, || false, may_search);
        drop(holder);
        images.drain();
        (images.counts().late, images.counts().late_held_inside, images.counts().late_held_outside)
    };
    let mapping = |image: OwnedFd| Holder::Mapping {
        _mapping: OwnMapping::file(image.as_fd(), 0, 1, Sharing::Private),
    };
    assert_eq!(late(&Holder::Fd, true), (1, Some(1), Some(0)));
    assert_eq!(late(&mapping, true), (2, Some(2), Some(0)));
    assert_eq!(late(&mapping, false), (3, Some(2), Some(0)), "without a search");
}

#[test]
fn a_search_is_followed_by_a_pause() {
    let mut search = HolderSearch::new();
    assert!(search.held_inside(&[]).is_some());
    assert!(search.held_inside(&[]).is_none());
}
