//! One thread's workload: it makes the steps and keeps the account of their images.

use leakbench_model::FailedSteps;
use leakbench_scenarios::{Mode, Outcome, Scenario, Share, Step, Steps};

use crate::guests::Guests;
use crate::images::{ImageKey, Images, Looked, NoImages};
use crate::outcome::{drop_elsewhere, expect};
use crate::tolerance::Tolerance;
use crate::wire::{StatusPage, StepKind, ThreadStatus};
use crate::{Subject, SubjectError};

/// A module with its images and instances, until the last of them is dropped.
struct Seat<S: Subject> {
    number: u64,
    mode: Mode,
    /// `None` if it is dropped before its instances.
    module: Option<S::Module>,
    /// The module has shown an image, even one that could not be watched: that one is counted already.
    shown: bool,
    lists: SeatLists<S>,
}

struct SeatLists<S: Subject> {
    images: Vec<ImageKey>,
    instances: Vec<Option<S::Instance>>,
}

/// A thread's workload with its modules and instances.
pub(super) struct Worker<S: Subject> {
    thread: u32,
    steps: Steps,
    guests: Guests,
    seats: Vec<Option<Seat<S>>>,
    /// The lists of a dropped module, kept for their memory.
    spare: Option<SeatLists<S>>,
    /// Slots of the pool; 0 if they are unknown.
    slots: u64,
    cycles_asked: u64,
    pub(super) images: Images,
    tolerance: Tolerance,
    stopping: bool,
    /// Every step is done.
    pub(super) done: bool,
}

/// A step that failed.
#[derive(Debug)]
pub(super) struct StepFailed {
    /// The step in words, with its module.
    pub(super) step: String,
    pub(super) error: SubjectError,
}

impl<S: Subject> Worker<S> {
    pub(super) fn new(
        thread: u32,
        scenario: &Scenario,
        share: Share,
        guests: Guests,
    ) -> Result<Worker<S>, NoImages> {
        Ok(Worker {
            thread,
            steps: Steps::new(scenario, share),
            guests,
            seats: (0..scenario.live_modules.get() + scenario.long_lived).map(|_| None).collect(),
            spare: None,
            slots: scenario.slots.map_or(0, |slots| slots.get().into()),
            cycles_asked: share.cycles,
            images: Images::new()?,
            tolerance: Tolerance::of(scenario),
            stopping: false,
            done: false,
        })
    }

    /// The number of cycles of this thread.
    pub(super) fn cycles_asked(&self) -> u64 {
        self.cycles_asked
    }

    /// Its steps that failed so far while calls failed on purpose.
    pub(super) fn failed_steps(&self) -> FailedSteps {
        self.tolerance.failed.clone()
    }

    /// The total of cycles at the given one of `barriers` barriers.
    pub(super) fn cycles_until(&self, barrier: u32, barriers: u32) -> u64 {
        let until = u128::from(self.cycles_asked) * u128::from(barrier) / u128::from(barriers);
        u64::try_from(until).unwrap_or(self.cycles_asked)
    }

    /// Makes steps until `cycles` cycles are done in total, or until every step is done.
    pub(super) fn run(
        &mut self,
        subject: &S,
        page: &StatusPage,
        cycles: u64,
    ) -> Result<(), StepFailed> {
        let status = page.thread(self.thread);
        while self.images.counts().cycles < cycles || cycles >= self.cycles_asked || self.stopping {
            let Some(step) = self.steps.next() else {
                self.done = true;
                break;
            };
            if self.tolerance.is_on() && !self.is_possible(&step) {
                continue;
            }
            if let Err(failure) = self.step(step, subject, page, status) {
                self.tolerance.count(failure, page)?;
            }
        }
        status.begin(self.images.counts().cycles, StepKind::Barrier);
        status.publish(self.images.counts());
        Ok(())
    }

    /// False if the step's module or instance is missing, since an earlier step failed.
    fn is_possible(&self, step: &Step) -> bool {
        let seat = |seat: u32| self.seats[seat as usize].as_ref();
        let has_module = |number| seat(number).is_some_and(|seat| seat.module.is_some());
        let has_instance = |number, instance: u32| {
            seat(number)
                .and_then(|seat| seat.lists.instances.get(instance as usize))
                .is_some_and(Option::is_some)
        };
        match *step {
            Step::CreateModule { .. } | Step::EndCycle => true,
            Step::Instantiate { seat, .. }
            | Step::FillPool { seat }
            | Step::DropModule { seat } => has_module(seat),
            Step::InstantiateBeside { seat, instance } => {
                has_module(seat) && has_instance(seat, instance)
            }
            Step::Call { seat, instance, .. } | Step::DropInstance { seat, instance } => {
                has_instance(seat, instance)
            }
        }
    }

    fn step(
        &mut self,
        step: Step,
        subject: &S,
        page: &StatusPage,
        status: &ThreadStatus,
    ) -> Result<(), StepFailed> {
        let cycle = self.images.counts().cycles;
        match step {
            Step::CreateModule { seat, number, mode, expect: expected } => {
                status.begin(cycle, StepKind::CreateModule);
                let binary = self.guests.binary(mode, number);
                let made = expect(expected, subject.create_module_as(mode, binary))
                    .map_err(|error| StepFailed::at(StepKind::CreateModule, number, error))?;
                if let Some(module) = made {
                    let lists = self.spare.take().unwrap_or_default();
                    let mut seated =
                        Seat { number, mode, module: Some(module), shown: false, lists };
                    seated.watch(subject, &mut self.images);
                    self.seats[seat as usize] = Some(seated);
                }
                check(subject, StepKind::CreateModule, number)?;
            }
            Step::Instantiate { seat, instance, expect: expected } => {
                status.begin(cycle, StepKind::Instantiate);
                let seat = seated(&mut self.seats, seat);
                let made = expect(expected, subject.instantiate_as(seat.mode, seat.module()))
                    .map_err(|error| StepFailed::at(StepKind::Instantiate, seat.number, error))?;
                let instance = instance as usize;
                if seat.lists.instances.len() <= instance {
                    seat.lists.instances.resize_with(instance + 1, || None);
                }
                seat.lists.instances[instance] = made;
                if !seat.shown {
                    seat.watch(subject, &mut self.images);
                    check(subject, StepKind::Instantiate, seat.number)?;
                }
            }
            Step::InstantiateBeside { seat, instance } => {
                status.begin(cycle, StepKind::Instantiate);
                let Seat { module, lists, number, .. } = seated(&mut self.seats, seat);
                let module = module.as_ref().expect("a step names a module that is there");
                let instance = lists.instances[instance as usize].as_mut();
                let instance = instance.expect("a step names a store that is there");
                let made = subject.instantiate_beside(instance, module);
                expect(Outcome::Done, made)
                    .map_err(|error| StepFailed::at(StepKind::Instantiate, *number, error))?;
            }
            Step::FillPool { seat } => {
                let seat = seated(&mut self.seats, seat);
                let number = seat.number;
                fill_pool(subject, seat, self.slots, || {
                    status.begin(cycle, StepKind::Instantiate);
                })
                .map_err(|error| StepFailed::at(StepKind::Instantiate, number, error))?;
                if !seat.shown {
                    seat.watch(subject, &mut self.images);
                }
                check(subject, StepKind::DropInstance, number)?;
            }
            Step::Call { seat, instance, expect: expected } => {
                status.begin(cycle, StepKind::Call);
                let seat = seated(&mut self.seats, seat);
                let (number, mode) = (seat.number, seat.mode);
                let instance = seat.lists.instances[instance as usize].as_mut();
                let instance = instance.expect("a step calls an instance that is there");
                expect(expected, self.guests.call(subject, instance, mode, number))
                    .map_err(|error| StepFailed::at(StepKind::Call, number, error))?;
            }
            Step::DropInstance { seat: place, instance } => {
                status.begin(cycle, StepKind::DropInstance);
                let seat = seated(&mut self.seats, place);
                let number = seat.number;
                let instance = seat.lists.instances[instance as usize].take();
                let instance = instance.expect("a step drops an instance that is there");
                let is_last = seat.is_last();
                if is_last {
                    self.images.drop_begins(&seat.lists.images, cycle);
                }
                let before = Looked::at(page);
                match seat.mode {
                    Mode::DropElsewhere => drop_elsewhere(subject, instance),
                    _ => subject.drop_instance(instance),
                }
                if is_last {
                    self.vacate(place, before, subject, page);
                }
                check(subject, StepKind::DropInstance, number)?;
            }
            Step::DropModule { seat: place } => {
                status.begin(cycle, StepKind::DropModule);
                let seat = seated(&mut self.seats, place);
                let number = seat.number;
                let module = seat.module.take().expect("a step drops a module that is there");
                // Instances that outlive their module keep its images.
                let is_last = seat.is_last();
                if is_last {
                    self.images.drop_begins(&seat.lists.images, cycle);
                }
                let before = Looked::at(page);
                subject.drop_module(module);
                if is_last {
                    self.vacate(place, before, subject, page);
                }
                check(subject, StepKind::DropModule, number)?;
            }
            Step::EndCycle => {
                self.images.end_cycle();
                self.tolerance.cycle_begins(page);
                status.publish(self.images.counts());
                if page.is_asked_to_stop() && !self.stopping {
                    self.stopping = true;
                    self.steps.stop();
                }
            }
        }
        Ok(())
    }

    /// Empties a seat whose module and instances are dropped.
    fn vacate(&mut self, seat: u32, before: Looked, subject: &S, page: &StatusPage) {
        // A search must not shift the calls that fail on purpose, nor find what another process holds.
        let may_search = !self.tolerance.is_on() && subject.process().is_none();
        let seat = self.seats[seat as usize].take();
        let mut lists = seat.expect("a step vacates a seat that is taken").lists;
        let is_beside = || before.is_beside_reading(Looked::at(page));
        self.images.drop_returned(&lists.images, is_beside, may_search);
        lists.images.clear();
        lists.instances.clear();
        self.spare = Some(lists);
    }
}

/// Instantiates the module of `seat` until the pool has no slot, then drops these instances.
/// `begin` is called before each instance.
fn fill_pool<S: Subject>(
    subject: &S,
    seat: &Seat<S>,
    slots: u64,
    begin: impl Fn(),
) -> Result<(), SubjectError> {
    let mut instances = Vec::new();
    let refused = loop {
        begin();
        match subject.instantiate_as(seat.mode, seat.module()) {
            Ok(instance) if instances.len() as u64 <= slots => instances.push(instance),
            made => break made,
        }
    };
    let filled = expect(Outcome::NoSlot, refused).map(drop);
    instances.into_iter().for_each(|instance| {
        begin();
        subject.drop_instance(instance);
    });
    filled
}

impl<S: Subject> Default for SeatLists<S> {
    fn default() -> Self {
        SeatLists { images: Vec::new(), instances: Vec::new() }
    }
}

impl<S: Subject> Seat<S> {
    fn module(&self) -> &S::Module {
        self.module.as_ref().expect("a step names a module that is there")
    }

    /// True if neither the module nor an instance is left.
    fn is_last(&self) -> bool {
        self.module.is_none() && self.lists.instances.iter().all(Option::is_none)
    }

    fn watch(&mut self, subject: &S, account: &mut Images) {
        let Seat { module, shown, lists, number, .. } = self;
        let module = module.as_ref().expect("a step names a module that is there");
        subject.images(module, &mut |fd| {
            *shown = true;
            lists.images.extend(account.made(fd, *number));
        });
    }
}

fn seated<S: Subject>(seats: &mut [Option<Seat<S>>], seat: u32) -> &mut Seat<S> {
    seats[seat as usize].as_mut().expect("a step names a module that is there")
}

/// Returns the failure that the last step could not return itself.
fn check<S: Subject>(subject: &S, step: StepKind, number: u64) -> Result<(), StepFailed> {
    match subject.failure() {
        Some(error) => Err(StepFailed::at(step, number, error)),
        None => Ok(()),
    }
}

impl StepFailed {
    fn at(step: StepKind, number: u64, error: SubjectError) -> StepFailed {
        StepFailed { step: format!("{}, module {number}", step.words()), error }
    }
}
