//! One thread's workload: it makes the steps and keeps the account of their images.

use std::sync::Arc;

use leakbench_scenarios::{GUEST_EXPORT, GeneratedGuest, GuestFile, Scenario, Share, Step, Steps};

use crate::images::{ImageKey, Images, NoImages};
use crate::wire::{StatusPage, StepKind, ThreadStatus};
use crate::{Subject, SubjectError};
use leakbench_kernel::ImageObjects;

/// The modules that cycles make.
#[derive(Clone, Debug)]
pub(super) enum Guests {
    /// A module with other data in each cycle.
    Generated(GeneratedGuest),
    /// These files in turn, and the export that is called.
    Files(Arc<[GuestFile]>, Option<Arc<str>>),
}

/// A live module with its images and instances.
struct Seat<S: Subject> {
    number: u64,
    module: S::Module,
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
    cycles_asked: u64,
    pub(super) images: Images,
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
            cycles_asked: share.cycles,
            images: Images::new()?,
            stopping: false,
            done: false,
        })
    }

    /// The number of cycles of this thread.
    pub(super) fn cycles_asked(&self) -> u64 {
        self.cycles_asked
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
            self.step(step, subject, page, status)?;
        }
        status.begin(self.images.counts().cycles, StepKind::Barrier);
        status.publish(self.images.counts());
        Ok(())
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
            Step::CreateModule { seat, number } => {
                status.begin(cycle, StepKind::CreateModule);
                let binary = self.guests.binary(number);
                let module = subject
                    .create_module(binary)
                    .map_err(|error| StepFailed::at(StepKind::CreateModule, number, error))?;
                let lists = self.spare.take().unwrap_or_default();
                let mut seated = Seat { number, module, shown: false, lists };
                seated.watch(subject, &mut self.images);
                self.seats[seat as usize] = Some(seated);
                check(subject, StepKind::CreateModule, number)?;
            }
            Step::Instantiate { seat, instance } => {
                status.begin(cycle, StepKind::Instantiate);
                let seat = seated(&mut self.seats, seat);
                let made = subject
                    .instantiate(&seat.module)
                    .map_err(|error| StepFailed::at(StepKind::Instantiate, seat.number, error))?;
                let instance = instance as usize;
                if seat.lists.instances.len() <= instance {
                    seat.lists.instances.resize_with(instance + 1, || None);
                }
                seat.lists.instances[instance] = Some(made);
                if !seat.shown {
                    seat.watch(subject, &mut self.images);
                    check(subject, StepKind::Instantiate, seat.number)?;
                }
            }
            Step::Call { seat, instance } => {
                status.begin(cycle, StepKind::Call);
                let seat = seated(&mut self.seats, seat);
                let number = seat.number;
                let instance = seat.lists.instances[instance as usize].as_mut();
                let instance = instance.expect("a step calls an instance that is there");
                self.guests
                    .call(subject, instance, number)
                    .map_err(|error| StepFailed::at(StepKind::Call, number, error))?;
            }
            Step::DropInstance { seat, instance } => {
                status.begin(cycle, StepKind::DropInstance);
                let seat = seated(&mut self.seats, seat);
                let number = seat.number;
                let instance = seat.lists.instances[instance as usize].take();
                subject.drop_instance(instance.expect("a step drops an instance that is there"));
                check(subject, StepKind::DropInstance, number)?;
            }
            Step::DropModule { seat } => {
                status.begin(cycle, StepKind::DropModule);
                let seat = self.seats[seat as usize].take();
                let mut seat = seat.expect("a step drops a module that is there");
                self.images.drop_begins(&seat.lists.images, cycle);
                subject.drop_module(seat.module);
                self.images.drop_returned(&seat.lists.images);
                seat.lists.images.clear();
                seat.lists.instances.clear();
                self.spare = Some(seat.lists);
                check(subject, StepKind::DropModule, seat.number)?;
            }
            Step::EndCycle => {
                self.images.end_cycle();
                status.publish(self.images.counts());
                if page.is_asked_to_stop() && !self.stopping {
                    self.stopping = true;
                    self.steps.stop();
                }
            }
        }
        Ok(())
    }
}

impl<S: Subject> Default for SeatLists<S> {
    fn default() -> Self {
        SeatLists { images: Vec::new(), instances: Vec::new() }
    }
}

impl<S: Subject> Seat<S> {
    fn watch(&mut self, subject: &S, account: &mut Images) {
        subject.images(&self.module, &mut |fd| {
            self.shown = true;
            self.lists.images.extend(account.made(fd, self.number));
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

/// Checks that the images of a module can be watched.
fn show<S: Subject>(subject: &S, module: &S::Module) -> Result<(), SubjectError> {
    let mut objects =
        ImageObjects::new().map_err(|error| SubjectError::unmeasurable(error.to_string()))?;
    let mut refused = None;
    subject.images(module, &mut |fd| {
        if let Err(error) = objects.identify(fd) {
            refused.get_or_insert(error);
        }
    });
    let refused = refused
        .map(|error| SubjectError::new(format!("the module's image cannot be watched: {error}")));
    refused.map_or(Ok(()), Err)
}

impl StepFailed {
    fn at(step: StepKind, number: u64, error: SubjectError) -> StepFailed {
        StepFailed { step: format!("{}, module {number}", step.words()), error }
    }
}

impl Guests {
    /// The binary of module `number`.
    fn binary(&mut self, number: u64) -> &[u8] {
        match self {
            Guests::Generated(guest) => guest.binary(number),
            Guests::Files(files, _) => &files[(number % files.len() as u64) as usize].binary,
        }
    }

    /// Calls the export in an instance of module `number`. A generated guest returns the stamp that it
    /// reads in its memory, which is compared with its module's.
    fn call<S: Subject>(
        &self,
        subject: &S,
        instance: &mut S::Instance,
        number: u64,
    ) -> Result<(), SubjectError> {
        match self {
            Guests::Files(_, None) => Ok(()),
            Guests::Files(_, Some(export)) => subject.call(instance, export).map(drop),
            Guests::Generated(guest) => {
                let found = subject.call(instance, GUEST_EXPORT)?;
                if found == Some(guest.stamp(number) as i64) {
                    return Ok(());
                }
                Err(SubjectError::new(format!(
                    "the instance read {found:?} where its module's image has {}: \
                     its memory shows what another instance wrote",
                    guest.stamp(number) as i64
                )))
            }
        }
    }

    /// Runs each guest once, from creation to drop, so that a guest that cannot run is found before
    /// the first cycle.
    pub(super) fn preflight<S: Subject>(
        &mut self,
        subject: &S,
        page: &StatusPage,
    ) -> Result<(), StepFailed> {
        let guests = match self {
            Guests::Generated(_) => 1,
            Guests::Files(files, _) => files.len() as u64,
        };
        for number in 0..guests {
            page.thread(0).begin(number, StepKind::Preflight);
            self.preflight_one(subject, number)
                .map_err(|error| StepFailed { step: self.describe(number), error })?;
        }
        Ok(())
    }

    fn preflight_one<S: Subject>(&mut self, subject: &S, number: u64) -> Result<(), SubjectError> {
        let module = subject.create_module(self.binary(number))?;
        let mut shown = show(subject, &module);
        let called = subject.instantiate(&module).and_then(|mut instance| {
            let called = self.call(subject, &mut instance, number);
            subject.drop_instance(instance);
            called
        });
        // Some images are made by the first instance.
        shown = shown.and_then(|()| show(subject, &module));
        subject.drop_module(module);
        // The first failure, if there are several.
        called.and(shown).and_then(|()| subject.failure().map_or(Ok(()), Err))
    }

    fn describe(&self, number: u64) -> String {
        match self {
            Guests::Generated(_) => "the generated module".to_owned(),
            Guests::Files(files, _) => files[number as usize].path.display().to_string(),
        }
    }
}
