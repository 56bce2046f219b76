//! Limits of a guest, and its end at one of them.
//!
//! The guest runs on a thread of its own, whose stack has room for the guest's and for host functions. The
//! calling thread waits, and begins the engine's next epoch when the time is over.

use std::panic;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use leakbench_model::text::{bytes, duration_ms, grouped};
use leakbench_runtime::{Config, Engine, Error, LimitError, Memories, Store, StoreLimits, Trap};
use leakbench_wasi::WasiCtxBuilder;

use super::{GuestEnd, WasmError};

/// Stack beside the guest's, in bytes: for the compiler, host functions and the reserve of the runtime.
const HOST_STACK_BYTES: usize = 8 << 20;

/// Time after the timeout in which a host function may return.
const GRACE: Duration = Duration::from_secs(1);

/// The limits of a guest. `None` is the runtime's default, which mostly is no limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GuestLimits {
    /// Time from the beginning of the guest's code to its end.
    pub(crate) timeout: Option<Duration>,
    /// Operators.
    pub(crate) fuel: Option<u64>,
    /// All memories together, in bytes.
    pub(crate) memory_bytes: Option<u64>,
    /// Elements of all tables together.
    pub(crate) table_elements: Option<u64>,
    /// The guest's stack in bytes.
    pub(crate) stack_bytes: Option<usize>,
    /// Descriptors, with streams and folders.
    pub(crate) descriptors: Option<usize>,
    /// Bytes written to files and streams together.
    pub(crate) written_bytes: Option<u64>,
}

impl GuestLimits {
    /// The configuration of the guest's engine.
    pub(super) fn config(&self) -> Config {
        let default = Config::default();
        Config {
            memories: Memories::OnDemand,
            max_wasm_stack_bytes: self.stack_bytes.unwrap_or(default.max_wasm_stack_bytes),
            epoch_interruption: self.timeout.is_some(),
            consume_fuel: self.fuel.is_some(),
            ..default
        }
    }

    /// The context with these limits.
    pub(super) fn of_context(&self, mut context: WasiCtxBuilder) -> WasiCtxBuilder {
        if let Some(max) = self.descriptors {
            context = context.max_descriptors(max);
        }
        if let Some(max) = self.written_bytes {
            context = context.max_written_bytes(max);
        }
        context
    }

    /// A store with these limits and `data`.
    ///
    /// # Errors
    /// Those of [`Store::set_fuel`].
    pub(super) fn store<T: Send + 'static>(
        &self,
        engine: &Engine,
        data: T,
    ) -> Result<Store<T>, Error> {
        let mut store = Store::new(engine, data);
        store.set_limits(StoreLimits {
            memory_bytes: self.memory_bytes,
            table_elements: self.table_elements,
            ..StoreLimits::default()
        });
        store.set_epoch_deadline(1);
        if let Some(fuel) = self.fuel {
            store.set_fuel(fuel)?;
        }
        Ok(store)
    }

    /// Runs `guest` on a thread of its own until it ends, or until it is stuck in a host function after the
    /// timeout. It then stays there until the process ends. `guest` calls its argument when the guest's store
    /// exists and its code begins.
    ///
    /// # Errors
    /// Those of `guest`; or there is no thread.
    pub(super) fn run(
        &self,
        engine: &Engine,
        guest: impl FnOnce(&dyn Fn()) -> Result<GuestEnd, WasmError> + Send + 'static,
    ) -> Result<GuestEnd, WasmError> {
        let stack_bytes = engine.config().max_wasm_stack_bytes.saturating_add(HOST_STACK_BYTES);
        // `None` when the guest begins, then its end.
        let (sender, events) = mpsc::channel();
        let thread = thread::Builder::new().name("guest".to_owned()).stack_size(stack_bytes);
        let thread = thread.spawn(move || {
            // If nothing receives them, the process is about to end.
            let end = guest(&|| drop(sender.send(None)));
            drop(sender.send(Some(end)));
        });
        let thread = thread.map_err(|source| WasmError::Thread { stack_bytes, source })?;
        let mut wait = None;
        let mut is_late = false;
        loop {
            let event = match wait {
                None => events.recv().map_err(RecvTimeoutError::from),
                Some(time) => events.recv_timeout(time),
            };
            match event {
                Ok(None) => wait = self.timeout,
                Ok(Some(end)) => return end,
                Err(RecvTimeoutError::Timeout) if is_late => {
                    let grace = duration_ms(GRACE.as_millis() as u64);
                    let advice = self.raise_timeout();
                    let message =
                        format!("still in a host function {grace} after the timeout: {advice}");
                    return Ok(GuestEnd::Stopped { message });
                }
                Err(RecvTimeoutError::Timeout) => {
                    engine.increment_epoch();
                    is_late = true;
                    wait = Some(GRACE);
                }
                Err(RecvTimeoutError::Disconnected) => match thread.join() {
                    Err(payload) => panic::resume_unwind(payload),
                    Ok(()) => unreachable!("the thread sends an end or panics"),
                },
            }
        }
    }

    /// The flag that a stopped guest needs, as an end of its message.
    pub(super) fn advice(&self, error: &Error) -> Option<String> {
        match error.trap()? {
            Trap::Interrupt => Some(self.raise_timeout()),
            Trap::OutOfFuel => {
                let fuel = grouped(self.fuel.unwrap_or_default());
                Some(format!("it consumed {fuel} units of fuel; raise --fuel"))
            }
            Trap::StackOverflow => {
                let stack = bytes(self.config().max_wasm_stack_bytes as u64);
                Some(format!("the stack of guests has {stack}; raise --max-stack"))
            }
            _ => None,
        }
    }

    fn raise_timeout(&self) -> String {
        let time = duration_ms(self.timeout.unwrap_or_default().as_millis() as u64);
        format!("it ran for {time}; raise --timeout")
    }
}

/// The flag of one of the store's limits.
pub(super) fn flag_of(limit: &LimitError) -> &'static str {
    match limit.field {
        "table_elements" => "--max-table-elements",
        _ => "--max-memory",
    }
}
