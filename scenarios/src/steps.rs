//! The steps that a scenario unrolls into for one thread. Pure: the same scenario, seed and
//! share give the same steps.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::options::Scenario;
use crate::scenario::Share;

/// One operation of a thread on its runtime.
///
/// A thread has `live_modules` seats for modules, each with `instances` seats for instances, and
/// after them `long_lived` seats with a seat for one instance each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make module `number` and put it into the empty seat `seat`. In a seat that is not of a
    /// long-lived one, a cycle begins with it.
    CreateModule {
        /// Seat for the module.
        seat: u32,
        /// Its number in the run.
        number: u64,
    },
    /// Instantiate the module of `seat`.
    Instantiate {
        /// The module's seat.
        seat: u32,
        /// Seat for the instance, empty until now.
        instance: u32,
    },
    /// Call into an instance.
    Call {
        /// The module's seat.
        seat: u32,
        /// The instance's.
        instance: u32,
    },
    /// Drop an instance.
    DropInstance {
        /// The module's seat.
        seat: u32,
        /// The instance's, empty from now on.
        instance: u32,
    },
    /// Drop the module, whose instances are gone.
    DropModule {
        /// Its seat, empty from now on.
        seat: u32,
    },
    /// A cycle is over: as many modules have been created as cycles are done, but for the
    /// long-lived ones.
    EndCycle,
}

/// Iterator over the steps of one thread.
///
/// Each cycle makes a module, instantiates it and calls each instance. With one live module, the
/// cycle then drops it. With more, the module stays, and before the next is made in a full house
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
    rng: SmallRng,
    next: u64,
    end: u64,
    /// For each seat, true if a module has it.
    taken: Vec<bool>,
    taken_count: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The long-lived module of that seat, counted among them, is to be made.
    Settle { index: u32 },
    /// Between cycles.
    Start,
    /// Instances of `seat` from `instance` on are to be dropped, then its module.
    Vacate { seat: u32, instance: u32, then: After },
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
    Populate,
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
            // The share's first number tells threads apart.
            rng: SmallRng::seed_from_u64(
                scenario.seed ^ share.first.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            ),
            next: share.first,
            end: share.first + share.cycles,
            taken: vec![false; seats as usize],
            taken_count: 0,
            state: State::Settle { index: 0 },
        }
    }

    /// Begins no further cycle: what follows only drops what is live.
    pub fn stop(&mut self) {
        self.end = self.next;
    }

    /// The seat of the next cycle: an empty one, or a random one to be vacated first.
    fn start(&mut self) -> State {
        if self.next == self.end {
            return State::Leave { seat: 0 };
        }
        if self.taken_count < self.seats {
            // Seats fill in order and are refilled at once, so the empty one is either the next
            // or the one just vacated.
            return State::Create { seat: self.taken_count };
        }
        let seat = self.rng.random_range(0..self.seats);
        State::Vacate { seat, instance: 0, then: After::Create }
    }

    /// The state after the cycle's own module is finished.
    fn done(&mut self) -> State {
        if self.long_lived > 0 && self.rng.random() {
            let index = self.rng.random_range(0..self.long_lived);
            return State::Visit { seat: self.seats + index };
        }
        State::End
    }

    /// The state after a cycle's module has its instances.
    fn populated(&mut self, seat: u32) -> State {
        if self.seats == 1 && (self.instances == 1 || self.rng.random()) {
            return State::Vacate { seat, instance: 0, then: After::Done };
        }
        let other = self.rng.random_range(0..self.taken_count);
        let instance = self.rng.random_range(0..self.instances);
        State::Again { seat: other, instance }
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
                    return Some(Step::CreateModule { seat: self.seats + index, number });
                }
                State::Start => self.state = self.start(),
                // Stopped while a seat was vacated for it.
                State::Create { .. } if self.next == self.end => {
                    self.state = State::Leave { seat: 0 };
                }
                State::Create { seat } => {
                    let number = self.next;
                    self.next += 1;
                    self.taken[seat as usize] = true;
                    self.taken_count += 1;
                    self.state = State::Populate { seat, instance: 0 };
                    return Some(Step::CreateModule { seat, number });
                }
                State::Populate { seat, instance } if instance == self.instances => {
                    self.state = self.populated(seat);
                }
                State::Populate { seat, instance } => {
                    self.state = State::Call { seat, instance, then: AfterCall::Populate };
                    return Some(Step::Instantiate { seat, instance });
                }
                State::Call { seat, instance, then } => {
                    self.state = match then {
                        AfterCall::Populate => State::Populate { seat, instance: instance + 1 },
                        AfterCall::Done if self.seats == 1 => {
                            State::Vacate { seat, instance: 0, then: After::Done }
                        }
                        AfterCall::Done => State::Done,
                    };
                    return Some(Step::Call { seat, instance });
                }
                State::Again { seat, instance } => {
                    self.state = State::AgainInstantiate { seat, instance };
                    return Some(Step::DropInstance { seat, instance });
                }
                State::AgainInstantiate { seat, instance } => {
                    self.state = State::Call { seat, instance, then: AfterCall::Done };
                    return Some(Step::Instantiate { seat, instance });
                }
                State::Vacate { seat, instance, then } if instance == self.instances => {
                    self.taken[seat as usize] = false;
                    self.taken_count -= 1;
                    self.state = match then {
                        After::Create => State::Create { seat },
                        After::Done => State::Done,
                        After::Leave => State::Leave { seat: seat + 1 },
                    };
                    return Some(Step::DropModule { seat });
                }
                State::Vacate { seat, instance, then } => {
                    self.state = State::Vacate { seat, instance: instance + 1, then };
                    return Some(Step::DropInstance { seat, instance });
                }
                State::Done => self.state = self.done(),
                State::Visit { seat } => {
                    self.state = State::VisitCall { seat };
                    return Some(Step::Instantiate { seat, instance: 0 });
                }
                State::VisitCall { seat } => {
                    self.state = State::VisitDrop { seat };
                    return Some(Step::Call { seat, instance: 0 });
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
                    self.state = if self.taken[seat as usize] {
                        State::Vacate { seat, instance: 0, then: After::Leave }
                    } else {
                        State::Leave { seat: seat + 1 }
                    };
                }
            }
        }
    }
}
