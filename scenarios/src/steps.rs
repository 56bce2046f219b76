//! The steps that a scenario unrolls into for one thread. Pure: the same scenario, seed and
//! share give the same steps.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::mode::{Mode, Outcome};
use crate::options::Scenario;
use crate::scenario::Share;

/// One operation of a thread on its runtime, with the outcome that it must have.
///
/// A thread has `live_modules` seats for modules, each with `instances` seats for instances, and
/// after them `long_lived` seats with a seat for one instance each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make module `number` and put it into the empty seat `seat`. In a seat that is not of a
    /// long-lived one, a cycle begins with it.
    CreateModule {
        /// Seat for the module; it stays empty if the module must be refused.
        seat: u32,
        /// Its number in the run.
        number: u64,
        /// The course of its cycle.
        mode: Mode,
        /// The outcome.
        expect: Outcome,
    },
    /// Instantiate the module of `seat`.
    Instantiate {
        /// The module's seat.
        seat: u32,
        /// Seat for the instance, empty until now; it stays empty if the instantiation must fail.
        instance: u32,
        /// The outcome.
        expect: Outcome,
    },
    /// Instantiate the module of `seat` once more, in the store of an instance.
    InstantiateBeside {
        /// The module's seat.
        seat: u32,
        /// The instance that has the store. From now on, calls of it are calls of the new one.
        instance: u32,
    },
    /// Instantiate the module of `seat` until the outcome is [`Outcome::NoSlot`], then drop these
    /// instances.
    FillPool {
        /// The module's seat.
        seat: u32,
    },
    /// Call into an instance.
    Call {
        /// The module's seat.
        seat: u32,
        /// The instance's.
        instance: u32,
        /// The outcome.
        expect: Outcome,
    },
    /// Drop an instance.
    DropInstance {
        /// The module's seat.
        seat: u32,
        /// The instance's, empty from now on.
        instance: u32,
    },
    /// Drop the module, whose instances are gone, but in a cycle of [`Mode::ModuleFirst`].
    DropModule {
        /// Its seat, empty from now on.
        seat: u32,
    },
    /// A cycle is over.
    EndCycle,
}

/// Iterator over the steps of one thread.
///
/// Each cycle has a number, and its mode is that of the number: cycles take the scenario's modes in
/// turn. A cycle makes a module, instantiates it and calls each instance, as far as its mode has it.
/// With one live module, the cycle then drops it. With more, the module stays, and before the next is made in a full house
/// a random one is dropped; and each cycle drops and instantiates again an instance of a random
/// live module, so that drops and instantiations of different modules interleave. With one module
/// of several instances, half of the cycles do so. Thus no workload aligns with the size of a
/// decommit batch, which would hide what the queue holds back. Long-lived modules are made before
/// the first cycle; half of the cycles make, call and drop an instance of a random one. At the end
/// all are dropped.
#[derive(Debug)]
pub struct Steps {
    seats: u32,
    instances: u32,
    long_lived: u32,
    /// The number of the first long-lived module; the next ones count down from it.
    first_long_lived: u64,
    /// Not empty.
    modes: Vec<Mode>,
    rng: SmallRng,
    next: u64,
    end: u64,
    /// For each seat, the mode of the module that has it.
    taken: Vec<Option<Mode>>,
    taken_count: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The long-lived module of that seat, counted among them, is to be made.
    Settle { index: u32 },
    /// Between cycles.
    Start,
    /// The instances of `seat` and its module are to be dropped; `dropped` of them are.
    Vacate { seat: u32, dropped: u32, then: After },
    /// The module for `seat` is to be made.
    Create { seat: u32 },
    /// Instances of `seat` from `instance` on are to be made.
    Populate { seat: u32, instance: u32 },
    /// That instance has been made and is to be called.
    Call { seat: u32, instance: u32, then: AfterCall },
    /// That instance is to be dropped and made again.
    Again { seat: u32, instance: u32 },
    /// That instance was dropped and is to be made again.
    AgainInstantiate { seat: u32, instance: u32 },
    /// An instance of a long-lived module is to be made.
    Visit { seat: u32 },
    /// It has been made and is to be called.
    VisitCall { seat: u32 },
    /// It has been called and is to be dropped.
    VisitDrop { seat: u32 },
    /// The cycle's own module is finished.
    Done,
    /// The cycle is complete.
    End,
    /// All cycles are done: the seats from this one on are to be vacated.
    Leave { seat: u32 },
    /// And then the long-lived modules from this one on.
    Forsake { index: u32 },
}

#[derive(Clone, Copy, Debug)]
enum After {
    Create,
    Done,
    Leave,
}

#[derive(Clone, Copy, Debug)]
enum AfterCall {
    /// The instances from `next` on are to be made.
    Populate {
        next: u32,
    },
    Done,
}

impl Steps {
    /// The steps by which one thread does `share` of `scenario`.
    pub fn new(scenario: &Scenario, share: Share) -> Steps {
        let seats = scenario.live_modules.get();
        Steps {
            seats,
            instances: scenario.instances.get(),
            long_lived: scenario.long_lived,
            first_long_lived: share.first_long_lived(),
            modes: scenario.modes().to_vec(),
            // The share's first number tells threads apart.
            rng: SmallRng::seed_from_u64(
                scenario.seed ^ share.first.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            ),
            next: share.first,
            end: share.first + share.cycles,
            taken: vec![None; seats as usize],
            taken_count: 0,
            state: State::Settle { index: 0 },
        }
    }

    /// Begins no further cycle: what follows only drops what is live.
    pub fn stop(&mut self) {
        self.end = self.next;
    }

    /// The mode of cycle `number`.
    fn mode(&self, number: u64) -> Mode {
        let modes = &self.modes;
        let turn = number % modes.len() as u64;
        modes[turn as usize]
    }

    /// The mode of the module in `seat`, which may be that of a long-lived one.
    fn mode_of(&self, seat: u32) -> Mode {
        self.taken.get(seat as usize).copied().flatten().unwrap_or(Mode::Plain)
    }

    /// The beginning of the next cycle: in an empty seat, or in a random one to be vacated first.
    fn start(&mut self) -> State {
        if self.next == self.end {
            return State::Leave { seat: 0 };
        }
        if self.mode(self.next) == Mode::Reuse {
            self.next += 1;
            return self.visit();
        }
        let empty = self.taken.iter().position(Option::is_none);
        if let Some(seat) = empty {
            return State::Create { seat: seat as u32 };
        }
        let seat = self.rng.random_range(0..self.seats);
        State::Vacate { seat, dropped: 0, then: After::Create }
    }

    /// An instance of a random long-lived module.
    fn visit(&mut self) -> State {
        let index = self.rng.random_range(0..self.long_lived);
        State::Visit { seat: self.seats + index }
    }

    /// The state after the cycle's own module is finished.
    fn done(&mut self) -> State {
        if self.long_lived > 0 && self.rng.random() {
            return self.visit();
        }
        State::End
    }

    /// The state after a cycle's module has its instances.
    fn populated(&mut self, seat: u32) -> State {
        let kept = |mode: Mode| mode.kept(self.instances);
        let is_alone = self.seats == 1 && kept(self.mode_of(seat)) <= 1;
        if is_alone || (self.seats == 1 && self.rng.random()) {
            return State::Vacate { seat, dropped: 0, then: After::Done };
        }
        let other = self.rng.random_range(0..self.taken_count);
        let mut taken = (0..self.seats).filter(|seat| self.taken[*seat as usize].is_some());
        let Some(other) = taken.nth(other as usize) else { return State::Done };
        let instance = self.rng.random_range(0..self.instances);
        // A store of several instances is not made again, since it would be another one.
        match self.mode_of(other) {
            mode if instance < kept(mode) && mode != Mode::OneStore => {
                State::Again { seat: other, instance }
            }
            _ if self.seats == 1 => State::Vacate { seat, dropped: 0, then: After::Done },
            _ => State::Done,
        }
    }

    /// The next step that makes instances of the module in `seat`, the first of which is `instance`;
    /// `None` if all are made.
    fn populate(&mut self, seat: u32, instance: u32) -> Option<Step> {
        let mode = self.mode_of(seat);
        if instance == mode.instances(self.instances) {
            return None;
        }
        let next = instance + 1;
        if mode == Mode::OutOfSlots {
            self.state = State::Populate { seat, instance: mode.instances(self.instances) };
            return Some(Step::FillPool { seat });
        }
        let expect = mode.instantiated();
        if expect != Outcome::Done {
            self.state = State::Populate { seat, instance: next };
            return Some(Step::Instantiate { seat, instance, expect });
        }
        let then = AfterCall::Populate { next };
        if mode == Mode::OneStore && instance > 0 {
            self.state = State::Call { seat, instance: 0, then };
            return Some(Step::InstantiateBeside { seat, instance: 0 });
        }
        self.state = State::Call { seat, instance, then };
        Some(Step::Instantiate { seat, instance, expect })
    }

    /// The step that drops one more of the instances of the module in `seat` and of the module, after
    /// `dropped` of them.
    fn vacate(&mut self, seat: u32, dropped: u32, then: After) -> Step {
        let mode = self.mode_of(seat);
        let kept = mode.kept(self.instances);
        self.state = State::Vacate { seat, dropped: dropped + 1, then };
        if dropped == kept {
            self.taken[seat as usize] = None;
            self.taken_count -= 1;
            self.state = match then {
                After::Create => State::Create { seat },
                After::Done => State::Done,
                After::Leave => State::Leave { seat: seat + 1 },
            };
        }
        match mode {
            Mode::ModuleFirst if dropped == 0 => Step::DropModule { seat },
            Mode::ModuleFirst => Step::DropInstance { seat, instance: dropped - 1 },
            _ if dropped == kept => Step::DropModule { seat },
            _ => Step::DropInstance { seat, instance: dropped },
        }
    }
}

impl Iterator for Steps {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            match self.state {
                State::Settle { index } if index == self.long_lived => {
                    self.state = State::Start;
                }
                // Stopped before the first cycle.
                State::Settle { index } if self.next == self.end => {
                    self.long_lived = index;
                }
                State::Settle { index } => {
                    self.state = State::Settle { index: index + 1 };
                    let number = self.first_long_lived.wrapping_sub(u64::from(index));
                    let (mode, expect) = (Mode::Plain, Outcome::Done);
                    return Some(Step::CreateModule {
                        seat: self.seats + index,
                        number,
                        mode,
                        expect,
                    });
                }
                State::Start => self.state = self.start(),
                // Stopped while a seat was vacated for it.
                State::Create { .. } if self.next == self.end => {
                    self.state = State::Leave { seat: 0 };
                }
                State::Create { seat } => {
                    let number = self.next;
                    self.next += 1;
                    let mode = self.mode(number);
                    let expect = mode.created();
                    self.state = State::Done;
                    if expect == Outcome::Done {
                        self.taken[seat as usize] = Some(mode);
                        self.taken_count += 1;
                        self.state = State::Populate { seat, instance: 0 };
                    }
                    return Some(Step::CreateModule { seat, number, mode, expect });
                }
                State::Populate { seat, instance } => match self.populate(seat, instance) {
                    Some(step) => return Some(step),
                    None => self.state = self.populated(seat),
                },
                State::Call { seat, instance, then } => {
                    let expect = self.mode_of(seat).called();
                    self.state = match then {
                        AfterCall::Populate { next } => State::Populate { seat, instance: next },
                        AfterCall::Done if self.seats == 1 => {
                            State::Vacate { seat, dropped: 0, then: After::Done }
                        }
                        AfterCall::Done => State::Done,
                    };
                    return Some(Step::Call { seat, instance, expect });
                }
                State::Again { seat, instance } => {
                    self.state = State::AgainInstantiate { seat, instance };
                    return Some(Step::DropInstance { seat, instance });
                }
                State::AgainInstantiate { seat, instance } => {
                    self.state = State::Call { seat, instance, then: AfterCall::Done };
                    let expect = Outcome::Done;
                    return Some(Step::Instantiate { seat, instance, expect });
                }
                State::Vacate { seat, dropped, then } => {
                    return Some(self.vacate(seat, dropped, then));
                }
                State::Done => self.state = self.done(),
                State::Visit { seat } => {
                    self.state = State::VisitCall { seat };
                    let expect = Outcome::Done;
                    return Some(Step::Instantiate { seat, instance: 0, expect });
                }
                State::VisitCall { seat } => {
                    self.state = State::VisitDrop { seat };
                    let expect = Outcome::Done;
                    return Some(Step::Call { seat, instance: 0, expect });
                }
                State::VisitDrop { seat } => {
                    self.state = State::End;
                    return Some(Step::DropInstance { seat, instance: 0 });
                }
                State::End => {
                    self.state = State::Start;
                    return Some(Step::EndCycle);
                }
                State::Leave { seat } if seat == self.seats => {
                    self.state = State::Forsake { index: 0 };
                }
                State::Forsake { index } if index == self.long_lived => return None,
                State::Forsake { index } => {
                    self.state = State::Forsake { index: index + 1 };
                    return Some(Step::DropModule { seat: self.seats + index });
                }
                State::Leave { seat } => {
                    self.state = if self.taken[seat as usize].is_some() {
                        State::Vacate { seat, dropped: 0, then: After::Leave }
                    } else {
                        State::Leave { seat: seat + 1 }
                    };
                }
            }
        }
    }
}
