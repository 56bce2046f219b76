//! The parameters of a scenario, and the scenario file of a candidate. Pure.

use std::num::NonZeroU32;

use leakbench_scenarios::{ByteSize, Offer, Options, Scenario, Step, Steps};

use super::reduce::Parameter;

/// The numbers that become as small as possible, with their minimum, in the order in which they do.
const SIZES: [(&str, u64); 8] = [
    (CYCLES, 1),
    ("processes", 1),
    ("threads", 1),
    ("live-modules", 1),
    ("instances", 1),
    ("long-lived", 0),
    ("slots", 1),
    ("image-size", Scenario::IMAGE_SIZE_MIN),
];

/// The numbers whose default is best, and otherwise a small one. Of other numbers, such as the seed or a time,
/// a smaller one is no simpler.
const SETTINGS: [(&str, u64); 4] =
    [("barriers", 1), ("decommit-batch", 1), ("warm-slots", 0), ("keep-resident", 0)];

/// The size that counts the steps.
const CYCLES: &str = "cycles";

/// The option without which a scenario is of another runtime.
const SUBJECT: &str = "subject";

/// More steps than these are not counted.
const COUNTED_CYCLES_MAX: u64 = 100_000;

/// The processors of the machines on which a scenario file must have the same run.
const MACHINES: [NonZeroU32; 3] = [
    NonZeroU32::MIN,
    NonZeroU32::new(2).expect("not zero"),
    NonZeroU32::new(256).expect("not zero"),
];

/// The options of a scenario, and the parameters that stand for them.
#[derive(Debug)]
pub(super) struct Candidates {
    offer: Offer,
    /// The options with their recorded values: sizes, and others that differ from their defaults.
    recorded: Vec<(String, Vec<String>)>,
    slots: Vec<Slot>,
    start: Vec<Parameter>,
}

/// The option that a parameter stands for, as an index into the options.
#[derive(Clone, Copy, Debug)]
enum Slot {
    /// The number.
    Size(usize),
    /// The elements of the list, or the option as a list of one element: without it the default counts.
    Elements(usize),
}

/// A scenario that can run, and its file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    pub(super) scenario: Scenario,
    /// The options that differ from the defaults, with their values.
    pub(super) settings: Vec<(String, Vec<String>)>,
}

impl Candidates {
    /// The parameters of a scenario of a runtime with these choices.
    pub(super) fn new(scenario: &Scenario, offer: Offer) -> Candidates {
        let all = scenario.options().given();
        let is_size = |flag: &str| SIZES.iter().any(|(size, _)| *size == flag);
        let kept = all.iter().filter(|(flag, _)| {
            is_size(flag) || flag == SUBJECT || !is_default(&all, flag, scenario, &offer)
        });
        let recorded: Vec<(String, Vec<String>)> = kept.cloned().collect();
        let sizes = |numbers: &[(&str, u64)]| {
            let sizes = numbers.iter().filter_map(|(flag, min)| {
                let index = recorded.iter().position(|(name, _)| name == flag)?;
                let value = number(&recorded[index].1)?.max(*min);
                Some((Slot::Size(index), Parameter::Number { value, min: *min }))
            });
            sizes.collect::<Vec<_>>()
        };
        let others = recorded.iter().enumerate();
        let others = others.filter(|(_, (flag, _))| !is_size(flag) && flag != SUBJECT);
        let others = others.map(|(index, (_, values))| {
            (Slot::Elements(index), Parameter::Elements(vec![true; values.len()]))
        });
        // The settings at last: only one that cannot have its default needs a number.
        let all = sizes(&SIZES).into_iter().chain(others).chain(sizes(&SETTINGS));
        let (slots, start) = all.unzip();
        Candidates { offer, recorded, slots, start }
    }

    /// Those of the same scenario with so many times as many barriers; `None` if there is not a cycle for each.
    pub(super) fn with_barriers(&self, scenario: &Scenario, times: u32) -> Option<Candidates> {
        let barriers = scenario.barriers.checked_mul(NonZeroU32::new(times)?)?;
        let has_cycles = u64::from(barriers.get()) <= scenario.cycles.get();
        let scenario = Scenario { barriers, ..scenario.clone() };
        has_cycles.then(|| Candidates::new(&scenario, self.offer.clone()))
    }

    /// The parameters of the scenario itself.
    pub(super) fn start(&self) -> Vec<Parameter> {
        self.start.clone()
    }

    /// The same parameters with cycles that cannot become fewer, or that can.
    pub(super) fn with_cycles(
        &self,
        mut parameters: Vec<Parameter>,
        are_fixed: bool,
    ) -> Vec<Parameter> {
        for (slot, parameter) in self.slots.iter().zip(&mut parameters) {
            let is_cycles = matches!(slot, Slot::Size(index) if self.recorded[*index].0 == CYCLES);
            if let (true, Parameter::Number { value, min }) = (is_cycles, parameter) {
                *min = if are_fixed { *value } else { 1 };
            }
        }
        parameters
    }

    /// The candidate of these parameters; `None` if its options contradict each other.
    pub(super) fn candidate(&self, parameters: &[Parameter]) -> Option<Candidate> {
        let mut settings = self.recorded.clone();
        for (slot, parameter) in self.slots.iter().zip(parameters) {
            match (slot, parameter) {
                (Slot::Size(index), Parameter::Number { value, .. }) => {
                    let (flag, values) = &mut settings[*index];
                    if values.is_empty() {
                        // It was left out, as an element.
                        continue;
                    }
                    let is_bytes = matches!(flag.as_str(), "image-size" | "keep-resident");
                    let text =
                        if is_bytes { ByteSize(*value).to_string() } else { value.to_string() };
                    *values = vec![text];
                }
                (Slot::Elements(index), Parameter::Elements(elements)) => {
                    let (_, values) = &mut settings[*index];
                    let kept = values.drain(..).zip(elements).filter(|(_, is_kept)| **is_kept);
                    *values = kept.map(|(value, _)| value).collect();
                }
                _ => unreachable!("a parameter keeps its kind"),
            }
        }
        settings.retain(|(_, values)| !values.is_empty());
        let scenario = complete(&settings, &self.offer, MACHINES[0])?;
        for (flag, _) in settings.clone() {
            if is_default(&settings, &flag, &scenario, &self.offer) {
                settings.retain(|(name, _)| *name != flag);
            }
        }
        Some(Candidate { scenario, settings })
    }
}

impl Candidate {
    /// Its scenario file, without comments.
    pub(super) fn toml(&self) -> String {
        Options::toml_of(&self.settings)
    }

    /// The number of its steps; `None` if there are too many to be counted.
    pub(super) fn steps(&self) -> Option<usize> {
        let scenario = &self.scenario;
        if scenario.cycles.get() > COUNTED_CYCLES_MAX {
            return None;
        }
        let subjects = 0..scenario.processes.get();
        let threads = subjects.flat_map(|subject| {
            let share = scenario.share_of_subject(subject);
            (0..scenario.threads.get()).map(move |thread| share.part(thread, scenario.threads))
        });
        let steps = threads.map(|share| {
            // The end of a cycle does nothing.
            Steps::new(scenario, share).filter(|step| *step != Step::EndCycle).count()
        });
        Some(steps.sum())
    }

    /// True if each run of it takes the same steps in the same order.
    pub(super) fn is_repeatable(&self) -> bool {
        self.scenario.threads == NonZeroU32::MIN
    }
}

/// The number that an option's text stands for.
fn number(values: &[String]) -> Option<u64> {
    let [text] = values else { return None };
    text.parse().ok().or_else(|| text.parse::<ByteSize>().ok().map(|bytes| bytes.0))
}

/// The scenario of these options.
fn complete(
    settings: &[(String, Vec<String>)],
    offer: &Offer,
    cpus: NonZeroU32,
) -> Option<Scenario> {
    let options = Options::from_toml(&Options::toml_of(settings), "candidate").ok()?;
    Scenario::new(options, offer, cpus).ok()
}

/// True if the scenario is the same without this option, on any machine.
fn is_default(
    settings: &[(String, Vec<String>)],
    flag: &str,
    scenario: &Scenario,
    offer: &Offer,
) -> bool {
    let others = settings.iter().filter(|(name, _)| name != flag);
    let others: Vec<(String, Vec<String>)> = others.cloned().collect();
    MACHINES.iter().all(|cpus| complete(&others, offer, *cpus).as_ref() == Some(scenario))
}

#[cfg(test)]
mod tests;
