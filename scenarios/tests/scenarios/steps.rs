//! The steps of a thread, carried out on a plain model of a runtime.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use leakbench_scenarios::{Mode, Offer, Options, Outcome, Scenario, Share, Step, Steps};
use proptest::prelude::*;

/// Seats as a runtime would have them; what a step may not do panics.
struct Model {
    seats: Vec<Option<Seat>>,
    live_modules: u32,
    modes: Vec<Mode>,
    /// Numbers of modules of cycles.
    created: Vec<u64>,
    /// Those of them that the runtime has refused.
    refused: u64,
    /// Long-lived modules.
    settled: Vec<u64>,
    dropped: BTreeSet<u64>,
    cycles: u64,
    most_live: usize,
    /// Instances in the store of one.
    beside: u32,
    visits: u64,
}

/// A module with its instances, until all of them are dropped.
#[derive(Clone)]
struct Seat {
    number: u64,
    mode: Mode,
    module: bool,
    instances: Vec<bool>,
}

impl Model {
    fn new(scenario: &Scenario) -> Model {
        Model {
            seats: vec![None; (scenario.live_modules.get() + scenario.long_lived) as usize],
            live_modules: scenario.live_modules.get(),
            modes: scenario.modes().to_vec(),
            created: Vec::new(),
            refused: 0,
            settled: Vec::new(),
            dropped: BTreeSet::new(),
            cycles: 0,
            most_live: 0,
            beside: 0,
            visits: 0,
        }
    }

    fn seat(&mut self, seat: u32) -> &mut Seat {
        self.seats[seat as usize].as_mut().expect("the seat has a module")
    }

    /// A module or an instance of the seat was dropped.
    fn vacate(&mut self, seat: u32) {
        let Seat { number, module, instances, .. } = self.seat(seat);
        let number = *number;
        if !*module && instances.iter().all(|taken| !taken) {
            assert!(self.dropped.insert(number), "dropped twice");
            self.seats[seat as usize] = None;
        }
    }

    fn apply(&mut self, step: Step, instances: u32) {
        match step {
            Step::CreateModule { seat, number, mode, expect } => {
                assert!(self.seats[seat as usize].is_none(), "a module is made in a taken seat");
                assert_eq!(expect, mode.created());
                let made =
                    Seat { number, mode, module: true, instances: vec![false; instances as usize] };
                if seat >= self.live_modules {
                    assert!(self.created.is_empty(), "a long-lived module is made too late");
                    assert_eq!(mode, Mode::Plain);
                    self.settled.push(number);
                    self.seats[seat as usize] = Some(made);
                    return;
                }
                let turn = number % self.modes.len() as u64;
                assert_eq!(mode, self.modes[turn as usize], "modes are taken in turn");
                self.created.push(number);
                if expect != Outcome::Done {
                    self.refused += 1;
                    return;
                }
                self.seats[seat as usize] = Some(made);
                let live = &self.seats[..self.live_modules as usize];
                self.most_live = self.most_live.max(live.iter().flatten().count());
            }
            Step::Instantiate { seat, instance, expect } => {
                self.visits += u64::from(seat >= self.live_modules);
                let Seat { mode, module, instances, .. } = self.seat(seat);
                assert!(*module, "instantiated after its drop");
                assert_eq!(expect, mode.instantiated());
                let taken = &mut instances[instance as usize];
                assert!(!*taken, "instantiated in a taken seat");
                *taken = expect == Outcome::Done;
            }
            Step::InstantiateBeside { seat, instance } => {
                let Seat { mode, module, instances, .. } = self.seat(seat);
                assert!(*module && instances[instance as usize], "no store");
                assert_eq!(*mode, Mode::OneStore);
                self.beside += 1;
            }
            Step::FillPool { seat } => {
                let Seat { mode, module, .. } = self.seat(seat);
                assert!(*module && *mode == Mode::OutOfSlots);
            }
            Step::Call { seat, instance, expect } => {
                let Seat { mode, instances, .. } = self.seat(seat);
                assert!(instances[instance as usize], "no instance to call");
                assert_eq!(expect, mode.called());
            }
            Step::DropInstance { seat, instance } => {
                let Seat { mode, module, instances, .. } = self.seat(seat);
                let taken = &mut instances[instance as usize];
                assert!(*taken, "no instance to drop");
                *taken = false;
                assert!(*module || *mode == Mode::ModuleFirst);
                self.vacate(seat);
            }
            Step::DropModule { seat } => {
                let cycling = &self.seats[..self.live_modules as usize];
                let long_lived = seat >= self.live_modules;
                assert!(!long_lived || cycling.iter().all(Option::is_none), "it was to live long");
                let Seat { mode, module, instances, .. } = self.seat(seat);
                assert!(*module, "no module to drop");
                *module = false;
                let left = instances.iter().any(|&taken| taken);
                assert_eq!(left, *mode == Mode::ModuleFirst, "dropped under its instances");
                self.vacate(seat);
            }
            Step::EndCycle => self.cycles += 1,
        }
    }

    /// Checks the end: every module is dropped, and no number was used twice.
    fn check_end(&self) {
        assert!(self.seats.iter().all(Option::is_none), "something is live");
        let all: BTreeSet<u64> = self.created.iter().chain(&self.settled).copied().collect();
        let total = self.created.len() + self.settled.len();
        assert_eq!(all.len(), total, "a number is used twice");
        assert_eq!(all.len() as u64, self.dropped.len() as u64 + self.refused);
        assert!(self.dropped.is_subset(&all));
    }
}

fn scenario(live_modules: u32, instances: u32, seed: u64) -> Scenario {
    with_long_lived(0, live_modules, instances, seed)
}

fn with_long_lived(long_lived: u32, live_modules: u32, instances: u32, seed: u64) -> Scenario {
    let options = Options {
        long_lived: Some(long_lived),
        live_modules: NonZeroU32::new(live_modules),
        instances: NonZeroU32::new(instances),
        seed: Some(seed),
        ..Options::default()
    };
    Scenario::new(options, &Offer::builtin(), NonZeroU32::MIN).expect("valid")
}

fn any_scenario() -> impl Strategy<Value = Scenario> {
    let modes = prop::collection::vec(prop::sample::select(&Mode::ALL[..]), 0..6);
    (0..4u32, 1..9u32, 1..5u32, any::<u64>(), modes).prop_map(
        |(long_lived, live, instances, seed, mut mode)| {
            mode.retain(|mode| *mode != Mode::Reuse || long_lived > 0);
            Scenario { mode, ..with_long_lived(long_lived, live, instances, seed) }
        },
    )
}

fn any_share() -> impl Strategy<Value = Share> {
    (0..1u64 << 40, 0..60u64).prop_map(|(first, cycles)| Share { first, cycles })
}

proptest! {
    #[test]
    fn steps_make_and_drop_each_module_of_the_share_once(
        scenario in any_scenario(),
        share in any_share(),
    ) {
        let mut model = Model::new(&scenario);
        for step in Steps::new(&scenario, share) {
            model.apply(step, scenario.instances.get());
        }
        model.check_end();
        let modes = scenario.modes();
        let mode = |number: u64| modes[(number % modes.len() as u64) as usize];
        let numbers = share.first..share.first + share.cycles;
        let made: Vec<u64> = numbers.clone().filter(|it| mode(*it) != Mode::Reuse).collect();
        prop_assert_eq!(&model.created, &made);
        prop_assert_eq!(model.cycles, share.cycles);
        let long_lived = if share.cycles == 0 { 0 } else { scenario.long_lived as usize };
        prop_assert_eq!(model.settled.len(), long_lived);
        let kept = made.iter().filter(|number| mode(**number).created() == Outcome::Done);
        let live = u64::from(scenario.live_modules.get()).min(kept.count() as u64);
        prop_assert_eq!(model.most_live as u64, live);
        let reuses = numbers.clone().filter(|it| mode(*it) == Mode::Reuse).count() as u64;
        prop_assert!(model.visits >= reuses);
        // A store of one cycle has four instances at least.
        let stores = numbers.filter(|it| mode(*it) == Mode::OneStore).count() as u32;
        prop_assert_eq!(model.beside, stores * (scenario.instances.get().max(4) - 1));
    }

    #[test]
    fn steps_that_are_stopped_begin_no_cycle_and_drop_what_is_live(
        scenario in any_scenario(),
        share in any_share(),
        stop_after in 0..2_000usize,
        next_after in 0..3usize,
    ) {
        let mut steps = Steps::new(&scenario, share);
        let mut model = Model::new(&scenario);
        for step in steps.by_ref().take(stop_after) {
            model.apply(step, scenario.instances.get());
        }
        let created = model.created.len();
        let cycles = model.cycles;
        steps.stop();
        // Also when stopped more than once.
        for step in steps.by_ref().take(next_after) {
            model.apply(step, scenario.instances.get());
        }
        steps.stop();
        let left: Vec<Step> = steps.by_ref().take(10_000).collect();
        prop_assert!(left.len() < 10_000, "it goes on for ever");
        for step in left {
            model.apply(step, scenario.instances.get());
        }
        model.check_end();
        prop_assert_eq!(model.created.len(), created);
        prop_assert!(model.cycles <= cycles + 1, "a cycle that has begun is ended, and no more");
        prop_assert_eq!(steps.next(), None);
    }

    /// A thread counts a cycle at each [`Step::EndCycle`]; the number of a module is its cycle in the run.
    #[test]
    fn the_cycles_of_a_thread_have_numbers_in_the_run(
        cycles in 1_u64..200, processes in 1_u32..4, threads in 1_u32..4, live in 1_u32..5,
        long_lived in 0_u32..3,
    ) {
        let scenario = Scenario {
            cycles: cycles.try_into().expect("not 0"),
            processes: processes.try_into().expect("not 0"),
            threads: threads.try_into().expect("not 0"),
            ..with_long_lived(long_lived, live, 1, 0)
        };
        for subject in 0..processes {
            for thread in 0..threads {
                let share = scenario.share_of_subject(subject).part(thread, scenario.threads);
                let mut cycle = 0;
                for step in Steps::new(&scenario, share) {
                    match step {
                        Step::CreateModule { seat, number, .. } => {
                            prop_assert_eq!(scenario.share_of_module(subject, number), Some(share));
                            prop_assert_eq!(share.has(number), seat < live);
                            prop_assert!(seat >= live || share.cycle_of_run(cycle) == number);
                        }
                        Step::DropModule { .. } => prop_assert!(share.has(share.cycle_of_run(cycle))),
                        Step::EndCycle => cycle += 1,
                        _ => {}
                    }
                }
            }
        }
    }

    #[test]
    fn same_scenario_seed_and_share_give_the_same_steps(
        scenario in any_scenario(),
        share in any_share(),
    ) {
        let steps = || Steps::new(&scenario, share);
        prop_assert!(steps().eq(steps()));
    }
}

#[test]
fn seeds_and_shares_choose_differently() {
    let share = Share { first: 0, cycles: 100 };
    // Seats alone: numbers differ between shares anyhow.
    let seats = |seed, first| -> Vec<u32> {
        let scenario = scenario(8, 2, seed);
        let steps = Steps::new(&scenario, Share { first, ..share });
        steps
            .filter_map(|step| match step {
                Step::CreateModule { seat, .. } => Some(seat),
                _ => None,
            })
            .collect()
    };
    assert_eq!(seats(1, 0), seats(1, 0));
    assert_ne!(seats(1, 0), seats(2, 0));
    assert_ne!(seats(1, 0), seats(1, 100));
    let used: BTreeSet<u32> = seats(1, 0).into_iter().collect();
    assert_eq!(used.len(), 8);
}

/// One module at a time is the plain cycle, with nothing else between.
#[test]
fn a_cycle_of_one_live_module_creates_calls_and_drops_it() {
    use Step::{Call, CreateModule, DropInstance, DropModule, EndCycle, Instantiate};
    let expect = Outcome::Done;
    let share = Share { first: 7, cycles: 1 };
    let steps: Vec<Step> = Steps::new(&scenario(1, 2, 0), share).collect();
    let seat = 0;
    let of = |instance| {
        [
            Instantiate { seat, instance, expect },
            Call { seat, instance, expect },
            DropInstance { seat, instance },
        ]
    };
    let ([make, call, drop], [make_other, call_other, drop_other]) = (of(0), of(1));
    let create = CreateModule { seat, number: 7, mode: Mode::Plain, expect };
    let end = [DropModule { seat }, EndCycle];
    let cycle = [create, make, call, make_other, call_other, drop, drop_other];
    assert_eq!(steps, [cycle.as_slice(), &end].concat());
}

#[test]
fn half_of_the_cycles_visit_a_long_lived_module() {
    let scenario = with_long_lived(3, 1, 1, 7);
    let mut visits = [0; 3];
    for step in Steps::new(&scenario, Share { first: 0, cycles: 1_000 }) {
        if let Step::Call { seat: seat @ 1.., instance: 0, .. } = step {
            visits[seat as usize - 1] += 1;
        }
    }
    assert!((400..600).contains(&visits.iter().sum::<u32>()), "{visits:?}");
    assert!(visits.iter().all(|&visits| visits > 100), "{visits:?}");
}

#[test]
fn long_lived_modules_of_two_threads_have_numbers_of_their_own() {
    let scenario = with_long_lived(3, 1, 1, 7);
    let settled = |first| -> BTreeSet<u64> {
        let steps = Steps::new(&scenario, Share { first, cycles: 1 });
        steps
            .filter_map(|step| match step {
                Step::CreateModule { seat: 1.., number, .. } => Some(number),
                _ => None,
            })
            .collect()
    };
    assert_eq!(settled(0).len(), 3);
    assert!(settled(0).is_disjoint(&settled(1)));
}

/// A decommit batch of as many slots as instances would fill exactly at each module's drop, and
/// hide what its queue holds back, if every module came with that many drops of instances.
#[test]
fn drops_of_instances_align_with_no_batch() {
    for (live_modules, instances) in [(1, 2), (1, 4), (1, 16), (3, 4)] {
        let scenario = scenario(live_modules, instances, 7);
        let steps = Steps::new(&scenario, Share { first: 0, cycles: 200 });
        let mut since_drop = 0;
        let mut aligned = 0;
        let mut modules = 0;
        for step in steps {
            match step {
                Step::DropInstance { .. } => since_drop += 1,
                Step::DropModule { .. } => {
                    modules += 1;
                    aligned += u32::from(since_drop % instances == 0);
                    since_drop = 0;
                }
                _ => {}
            }
        }
        assert_eq!(modules, 200);
        assert!(aligned < 150, "{live_modules} of {instances}: {aligned} of {modules} aligned");
    }
}
