//! A runtime behind a pipe: a command that speaks the step protocol on its standard input and
//! output, as `docs/protocol.md` has it.

mod conversation;
mod memfds;
mod messages;

use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use leakbench_scenarios::{Scenario, SubjectName};

use self::conversation::{AskError, Conversation, StartError};
use self::memfds::Memfds;
use self::messages::{Called, Done, Hello, Request, Slots, VERSION, Version, base64};
use leakbench_kernel::ReadError;
use leakbench_subject::protocol::SlotLetter;
use leakbench_subject::{Slab, SlotState, Subject, SubjectError};

/// How long a reply may take, whatever the scenario says: a deadline must fit the clock.
const PATIENCE_MAX: Duration = Duration::from_hours(24 * 365);

/// A command that is driven step by step.
#[derive(Debug)]
pub(crate) struct Piped {
    pid: u32,
    runtime: String,
    slabs: Vec<Slab>,
    driven: Mutex<Driven>,
}

/// A module in the command, by the number that it was told.
#[derive(Debug)]
pub(crate) struct PipedModule(u64);

/// An instance in the command, by the number that it was told.
#[derive(Debug)]
pub(crate) struct PipedInstance(u64);

/// The command, one step at a time.
#[derive(Debug)]
struct Driven {
    conversation: Conversation,
    memfds: Memfds,
    /// Modules made so far: the next one's number is one more.
    modules: u64,
    /// The same of instances.
    instances: u64,
    /// Whether it tells of its slots.
    has_slots: bool,
    /// What failed where nothing could be returned.
    failure: Option<SubjectError>,
}

impl Piped {
    /// Starts the command and greets it.
    ///
    /// # Errors
    /// It does not start, is not one of this protocol's version, or its descriptors cannot be
    /// read.
    pub(crate) fn new(scenario: &Scenario) -> Result<Piped, SubjectError> {
        let SubjectName::Command(command) = &scenario.subject else {
            return Err(SubjectError::new("the scenario is for another runtime"));
        };
        // Before the supervisor's patience ends, so that what was not answered is named.
        let patience = Duration::from_millis(scenario.timeout_s.get().saturating_mul(900));
        let patience = patience.min(PATIENCE_MAX);
        let mut conversation = Conversation::start(command, patience)?;
        let pid = conversation.pid();
        let runtime = greet(&mut conversation)?;
        // A command that has no slots refuses what it does not know.
        let slots = match conversation.ask::<Slots>(&Request::Slots) {
            Ok(slots) => Some(slots),
            Err(AskError::Refused(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let memfds = Memfds::of(pid).map_err(|error| unreadable(&error))?;
        let has_slots = slots.is_some();
        let slabs = slots.map(|slots| slots.slabs).unwrap_or_default();
        let driven =
            Driven { conversation, memfds, modules: 0, instances: 0, has_slots, failure: None };
        Ok(Piped { pid, runtime, slabs, driven: Mutex::new(driven) })
    }

    fn driven(&self) -> MutexGuard<'_, Driven> {
        // A thread that panics ends the whole subject.
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Learns its name and version, and that it is looked at in the right place.
fn greet(conversation: &mut Conversation) -> Result<String, SubjectError> {
    let hello = Request::Hello { leakbench: VERSION };
    let answer = conversation.ask_whole(&hello)?;
    let Version { leakbench } = conversation.read(&hello, &answer)?;
    if leakbench != VERSION {
        return Err(SubjectError::new(format!(
            "the command speaks version {leakbench} of the step protocol, and leakbench version \
             {VERSION}: take a driver or a leakbench that goes with the other"
        )));
    }
    let Hello { pid, runtime } = conversation.read(&hello, &answer)?;
    let started = conversation.pid();
    if pid != started {
        return Err(SubjectError::new(format!(
            "the runtime is in process {pid}, and what was started is process {started}: start \
             the runtime itself, or with 'exec' where a shell starts it, so that leakbench looks \
             at the right one (and in the same pid namespace)"
        )));
    }
    Ok(runtime)
}

impl Driven {
    /// Keeps a failure for [`Subject::failure`].
    fn keep<T, E: Into<SubjectError>>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.failure.get_or_insert(error.into());
                None
            }
        }
    }
}

impl Subject for Piped {
    type Module = PipedModule;
    type Instance = PipedInstance;

    fn create_module(&self, binary: &[u8]) -> Result<PipedModule, SubjectError> {
        let mut driven = self.driven();
        driven.modules += 1;
        let module = driven.modules;
        let request = Request::Create { module, binary: &base64(binary) };
        let Done {} = driven.conversation.ask(&request)?;
        Ok(PipedModule(module))
    }

    /// What has appeared in the command's descriptors since this was asked last: one step is done
    /// at a time, so it is this module's.
    fn images(&self, _: &PipedModule, show: &mut dyn FnMut(BorrowedFd<'_>)) {
        let mut driven = self.driven();
        match driven.memfds.show_new(show) {
            // The next step tells how it ended.
            Ok(()) | Err(ReadError::Vanished { .. }) => {}
            Err(error) => driven.failure = Some(unreadable(&error)),
        }
    }

    fn instantiate(
        &self,
        PipedModule(module): &PipedModule,
    ) -> Result<PipedInstance, SubjectError> {
        let mut driven = self.driven();
        driven.instances += 1;
        let instance = driven.instances;
        let request = Request::Instantiate { module: *module, instance };
        let Done {} = driven.conversation.ask(&request)?;
        Ok(PipedInstance(instance))
    }

    fn call(
        &self,
        PipedInstance(instance): &mut PipedInstance,
        export: &str,
    ) -> Result<Option<i64>, SubjectError> {
        let request = Request::Call { instance: *instance, export };
        let Called { result } = self.driven().conversation.ask(&request)?;
        Ok(result)
    }

    fn drop_instance(&self, PipedInstance(instance): PipedInstance) {
        let mut driven = self.driven();
        let answer = driven.conversation.ask::<Done>(&Request::DropInstance { instance });
        driven.keep(answer);
    }

    fn drop_module(&self, PipedModule(module): PipedModule) {
        let mut driven = self.driven();
        let answer = driven.conversation.ask::<Done>(&Request::DropModule { module });
        driven.keep(answer);
    }

    fn slabs(&self) -> Vec<Slab> {
        self.slabs.clone()
    }

    fn slot_states(&self, states: &mut Vec<SlotState>) {
        states.clear();
        let mut driven = self.driven();
        if !driven.has_slots {
            return;
        }
        let answer = driven.conversation.ask::<Slots>(&Request::Slots);
        if let Some(slots) = driven.keep(answer) {
            states.extend(slots.states.bytes().filter_map(SlotLetter::read));
        }
    }

    fn runtime(&self) -> Option<String> {
        Some(self.runtime.clone())
    }

    fn process(&self) -> Option<u32> {
        Some(self.pid)
    }

    fn failure(&self) -> Option<SubjectError> {
        let mut driven = self.driven();
        let Driven { failure, conversation, .. } = &mut *driven;
        // One that has left by itself has given up what it held by that, which proves nothing.
        failure.take().or_else(|| conversation.has_ended().map(SubjectError::broken))
    }

    fn shut_down(&self) -> Result<(), SubjectError> {
        self.driven().conversation.close().map_err(SubjectError::broken)
    }
}

impl From<AskError> for SubjectError {
    fn from(error: AskError) -> SubjectError {
        match error {
            AskError::Refused(message) => SubjectError::new(message),
            AskError::Broken(message) => SubjectError::broken(message),
        }
    }
}

impl From<StartError> for SubjectError {
    fn from(error: StartError) -> SubjectError {
        SubjectError::new(error.to_string())
    }
}

fn unreadable(error: &ReadError) -> SubjectError {
    SubjectError::unmeasurable(format!("cannot see which memfds the command has: {error}"))
}
