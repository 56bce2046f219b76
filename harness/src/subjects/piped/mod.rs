//! The bridge to a runtime in another process: a command that has the step protocol of
//! `docs/protocol.md` on its standard input and output.

mod conversation;
mod line_pipes;
mod memfds;
mod messages;

use std::os::fd::BorrowedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use leakbench_scenarios::{Scenario, SubjectName};

use self::conversation::{Conversation, RequestError, StartError};
use self::memfds::Memfds;
use self::messages::{Called, Done, Hello, Request, Slots, VERSION, Version, base64};
use leakbench_kernel::ReadError;
use leakbench_subject::{Slabs, SlotState, Subject, SubjectError};

/// The longest time for a reply: a deadline must fit the clock.
const REPLY_WITHIN_MAX: Duration = Duration::from_hours(24 * 365);

/// A command that is driven step by step.
#[derive(Debug)]
pub(crate) struct Piped {
    pid: u32,
    runtime: String,
    slabs: Slabs,
    driven: Mutex<Driven>,
}

/// A module in the command, by its number in requests.
#[derive(Debug)]
pub(crate) struct PipedModule(u64);

/// An instance in the command, by its number in requests.
#[derive(Debug)]
pub(crate) struct PipedInstance(u64);

/// The command, one step at a time.
#[derive(Debug)]
struct Driven {
    conversation: Conversation,
    memfds: Memfds,
    /// The number of the latest module.
    modules: u64,
    /// The number of the latest instance.
    instances: u64,
    /// The command answers the request for slots.
    has_slots: bool,
    /// A failure of a step that returns no error.
    failure: Option<SubjectError>,
}

impl Piped {
    /// Starts the command and exchanges versions.
    ///
    /// # Errors
    /// It does not start, has another version of the protocol, or its descriptors cannot be read.
    pub(crate) fn new(scenario: &Scenario) -> Result<Piped, SubjectError> {
        let SubjectName::Command(command) = &scenario.subject else {
            return Err(SubjectError::new("the scenario is for another runtime"));
        };
        // Shorter than the supervisor's limit, so that the report names the request.
        let reply_within = Duration::from_millis(scenario.timeout.0.get().saturating_mul(900));
        let reply_within = reply_within.min(REPLY_WITHIN_MAX);
        let mut conversation = Conversation::start(command, reply_within)?;
        let pid = conversation.pid();
        let runtime = hello(&mut conversation)?;
        // A command without slots refuses this request.
        let slots = match conversation.request::<Slots>(&Request::Slots) {
            Ok(slots) => Some(slots),
            Err(RequestError::Refused(_)) => None,
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
        // A panic ends the subject, so no other thread sees this lock poisoned.
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Exchanges versions, and checks that the runtime is in the process that was started. Returns the
/// runtime's name and version.
fn hello(conversation: &mut Conversation) -> Result<String, SubjectError> {
    let hello = Request::Hello { leakbench: VERSION };
    let answer = conversation.request_unread(&hello)?;
    let Version { leakbench } = conversation.read(&hello, &answer)?;
    if leakbench != VERSION {
        return Err(SubjectError::new(format!(
            "the command has version {leakbench} of the step protocol, and leakbench has version \
             {VERSION}: use a driver and a leakbench of the same version"
        )));
    }
    let Hello { pid, runtime } = conversation.read(&hello, &answer)?;
    let started = conversation.pid();
    if pid != started {
        return Err(SubjectError::new(format!(
            "the runtime is in process {pid}, and leakbench has started process {started}: start \
             the runtime itself, or by 'exec' from a shell, in the same pid namespace, so that \
             leakbench measures the right process"
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
        let Done {} = driven.conversation.request(&request)?;
        Ok(PipedModule(module))
    }

    /// Shows the memfds that are new in the command's descriptors since the last call. There is one
    /// step at a time, so they are this module's.
    fn images(&self, _: &PipedModule, show: &mut dyn FnMut(BorrowedFd<'_>)) {
        let mut driven = self.driven();
        match driven.memfds.show_new(show) {
            // The next request reports how it ended.
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
        let Done {} = driven.conversation.request(&request)?;
        Ok(PipedInstance(instance))
    }

    fn call(
        &self,
        PipedInstance(instance): &mut PipedInstance,
        export: &str,
    ) -> Result<Option<i64>, SubjectError> {
        let request = Request::Call { instance: *instance, export };
        let Called { result } = self.driven().conversation.request(&request)?;
        Ok(result)
    }

    fn drop_instance(&self, PipedInstance(instance): PipedInstance) {
        let mut driven = self.driven();
        let answer = driven.conversation.request::<Done>(&Request::DropInstance { instance });
        driven.keep(answer);
    }

    fn drop_module(&self, PipedModule(module): PipedModule) {
        let mut driven = self.driven();
        let answer = driven.conversation.request::<Done>(&Request::DropModule { module });
        driven.keep(answer);
    }

    fn slabs(&self) -> Slabs {
        self.slabs.clone()
    }

    fn slot_states(&self, states: &mut Vec<SlotState>) {
        states.clear();
        let mut driven = self.driven();
        if !driven.has_slots {
            return;
        }
        let answer = driven.conversation.request::<Slots>(&Request::Slots);
        if let Some(slots) = driven.keep(answer) {
            states.extend(slots.states.chars().filter_map(SlotState::from_reported_letter));
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
        // The end of the process has released all that it held, so its steps prove nothing.
        failure.take().or_else(|| conversation.has_ended().map(SubjectError::broken))
    }

    fn shut_down(&self) -> Result<(), SubjectError> {
        self.driven().conversation.close().map_err(SubjectError::broken)
    }
}

impl From<RequestError> for SubjectError {
    fn from(error: RequestError) -> SubjectError {
        match error {
            RequestError::Refused(message) => SubjectError::new(message),
            RequestError::Broken(message) => SubjectError::broken(message),
        }
    }
}

impl From<StartError> for SubjectError {
    fn from(error: StartError) -> SubjectError {
        SubjectError::new(error.to_string())
    }
}

fn unreadable(error: &ReadError) -> SubjectError {
    SubjectError::unmeasurable(format!("cannot list the memfds of the command: {error}"))
}
