//! The modules of cycles, the calls of their instances, and the preflight of each.

use std::sync::Arc;

use leakbench_kernel::ImageObjects;
use leakbench_scenarios::{GUEST_EXPORT, GeneratedGuest, GuestFile, Mode, Outcome, Scenario};

use crate::outcome::{drop_elsewhere, expect};
use crate::wire::{StatusPage, StepKind};
use crate::worker::StepFailed;
use crate::{Subject, SubjectError};

/// The modules that cycles make.
#[derive(Clone, Debug)]
pub(super) enum Guests {
    /// For each mode of the run, a module with other data in each cycle.
    Generated(Vec<(Mode, GeneratedGuest)>),
    /// These files in turn, and the export to call in place of `_start`.
    Files(Arc<[GuestFile]>, Option<Arc<str>>),
}

/// The modes to try before the first cycle: each once, and that of long-lived modules.
fn modes(scenario: &Scenario) -> Vec<Mode> {
    let mut modes = scenario.modes().to_vec();
    if scenario.long_lived > 0 {
        modes.push(Mode::Plain);
    }
    // A cycle without a module of its own has an instance of a long-lived one.
    modes.retain(|mode| *mode != Mode::Reuse);
    modes.sort_by_key(|mode| *mode as u8);
    modes.dedup();
    modes
}

/// The file of module `number`.
fn file(files: &[GuestFile], number: u64) -> &GuestFile {
    &files[(number % files.len() as u64) as usize]
}

impl Guests {
    /// A generated module for each mode of the scenario.
    pub(super) fn generated(scenario: &Scenario) -> Guests {
        let guest = |mode| {
            let Scenario { feature, image_size, seed, .. } = scenario;
            (mode, GeneratedGuest::new(mode, feature, image_size.0, *seed))
        };
        Guests::Generated(modes(scenario).into_iter().map(guest).collect())
    }

    /// The binary of module `number`, in a cycle of `mode`.
    pub(super) fn binary(&mut self, mode: Mode, number: u64) -> &[u8] {
        match self {
            Guests::Generated(guests) => {
                let guest = guests.iter_mut().find(|(own, _)| *own == mode);
                let (_, guest) = guest.expect("each mode of the run has a guest");
                guest.binary(number)
            }
            Guests::Files(files, _) => &file(files, number).binary,
        }
    }

    /// Calls what an instance of module `number` runs. A generated guest returns the stamp that it reads in its
    /// memory, which is compared with its module's.
    pub(super) fn call<S: Subject>(
        &self,
        subject: &S,
        instance: &mut S::Instance,
        mode: Mode,
        number: u64,
    ) -> Result<(), SubjectError> {
        match self {
            Guests::Files(files, invoke) => {
                let mut calls = file(files, number).calls(invoke.as_deref());
                calls.try_for_each(|export| subject.call(instance, export).map(drop))
            }
            Guests::Generated(guests) => {
                let guest = guests.iter().find(|(own, _)| *own == mode);
                let (_, guest) = guest.expect("each mode of the run has a guest");
                let found = subject.call(instance, GUEST_EXPORT)?;
                if found == Some(guest.stamp(number) as i64) {
                    return Ok(());
                }
                Err(SubjectError::wrong_memory(format!(
                    "the instance read {found:?} where its module's image has {}: \
                     its memory shows what another instance wrote",
                    guest.stamp(number) as i64
                )))
            }
        }
    }

    /// Runs each guest once in each mode, from creation to drop, so that a guest that cannot run is
    /// found before the first cycle.
    pub(super) fn preflight<S: Subject>(
        &mut self,
        subject: &S,
        scenario: &Scenario,
        page: &StatusPage,
    ) -> Result<(), StepFailed> {
        let guests = match self {
            Guests::Generated(_) => 1,
            Guests::Files(files, _) => files.len() as u64,
        };
        for mode in modes(scenario) {
            for number in 0..guests {
                page.thread(0).begin(number, StepKind::Preflight);
                self.preflight_one(subject, mode, number)
                    .map_err(|error| StepFailed { step: self.describe(mode, number), error })?;
            }
        }
        Ok(())
    }

    fn preflight_one<S: Subject>(
        &mut self,
        subject: &S,
        mode: Mode,
        number: u64,
    ) -> Result<(), SubjectError> {
        let made = subject.create_module_as(mode, self.binary(mode, number));
        let Some(module) = expect(mode.created(), made)? else {
            return subject.failure().map_or(Ok(()), Err);
        };
        let mut shown = show(subject, &module);
        let made = expect(mode.instantiated(), subject.instantiate_as(mode, &module));
        // Some images are made by the first instance.
        shown = shown.and_then(|()| show(subject, &module));
        let (mut module, mut called) = (Some(module), Ok(()));
        match made {
            Ok(Some(mut instance)) => {
                called =
                    self.preflight_calls(subject, &mut instance, module.as_ref(), mode, number);
                if mode == Mode::ModuleFirst {
                    module.take().into_iter().for_each(|module| subject.drop_module(module));
                }
                match mode {
                    Mode::DropElsewhere => drop_elsewhere(subject, instance),
                    _ => subject.drop_instance(instance),
                }
            }
            Ok(None) => {}
            Err(error) => called = Err(error),
        }
        module.into_iter().for_each(|module| subject.drop_module(module));
        // The first failure, if there are several.
        called.and(shown).and_then(|()| subject.failure().map_or(Ok(()), Err))
    }

    fn preflight_calls<S: Subject>(
        &self,
        subject: &S,
        instance: &mut S::Instance,
        module: Option<&S::Module>,
        mode: Mode,
        number: u64,
    ) -> Result<(), SubjectError> {
        expect(mode.called(), self.call(subject, instance, mode, number))?;
        if let (Mode::OneStore, Some(module)) = (mode, module) {
            expect(Outcome::Done, subject.instantiate_beside(instance, module))?;
            expect(mode.called(), self.call(subject, instance, mode, number))?;
        }
        Ok(())
    }

    fn describe(&self, mode: Mode, number: u64) -> String {
        match self {
            Guests::Generated(_) if mode == Mode::Plain => "the generated module".to_owned(),
            Guests::Generated(_) => format!("the generated module of mode {mode}"),
            Guests::Files(files, _) => files[number as usize].path.display().to_string(),
        }
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
