//! Components without imports as guests.

use leakbench_components::Component;
use leakbench_runtime::{Engine, Error};

use super::{Guest, GuestEnd, WasmError};

impl Guest {
    /// Calls the function that `invoke` names, with arguments in WAVE. Calls `begins` before the guest's code
    /// runs. The inner error is one of the guest.
    ///
    /// # Errors
    /// The guest did not run.
    pub(super) fn run_component(
        &self,
        engine: &Engine,
        bytes: &[u8],
        begins: &dyn Fn(),
    ) -> Result<Result<GuestEnd, Error>, WasmError> {
        let path = || self.module.clone();
        let flags = [
            ("--dir", !self.world.dirs.is_empty()),
            ("--env", !self.world.env.is_empty()),
            ("the words after --", !self.world.args.is_empty()),
            ("--trap-unknown-imports", self.trap_unknown_imports),
        ];
        if let Some((flag, _)) = flags.into_iter().find(|(_, is_given)| *is_given) {
            return Err(WasmError::ComponentFlag { path: path(), flag });
        }
        let call = self.invoke.as_deref().ok_or_else(|| WasmError::NoCall { path: path() })?;
        let refused = |error| WasmError::Component { path: path(), error };
        let component = Component::new(engine, bytes).map_err(refused)?;
        let call = component.call(call).map_err(refused)?;
        let mut store = self.limits.store(engine, component.state())?;
        begins();
        let result = component
            .instantiate(&mut store)
            .and_then(|instance| instance.call(&mut store, &call))
            .map(|result| GuestEnd::Exited { code: 0, results: result.into_iter().collect() });
        Ok(result)
    }
}
