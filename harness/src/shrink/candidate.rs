//! The parameters of a scenario, and the scenario file of a candidate. Pure.

use std::num::NonZeroU32;

use leakbench_scenarios::{ByteSize, Offer, Options, Scenario, Step, Steps};

use super::reduce::Parameter;

/// The numbers that become as small as possible, with their minimum, in the order in which they do.
const SIZES: [(&str, u64); 8] = [
    ("cycles", 1),
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scenario(toml: &str) -> Scenario {
        let options = Options::from_toml(toml, "test").expect("valid TOML");
        Scenario::new(options, &Offer::builtin(), NonZeroU32::MIN).expect("valid options")
    }

    fn candidates(toml: &str) -> Candidates {
        Candidates::new(&scenario(toml), Offer::builtin())
    }

    const FULL: &str = "cycles = 3000\nprocesses = 2\nslots = 500\ndecommit-batch = 16\nseed = 9\n\
        mode = [\"plain\", \"trap\", \"grow\"]\nplant = [\"thread\", \"heap\"]\nimage-size = 70000\n\
        strategy = \"next-available\"\nsettle-ms = 20\n";

    #[test]
    fn the_candidate_of_the_start_is_the_scenario_itself() {
        let candidates = candidates(FULL);
        let candidate = candidates.candidate(&candidates.start()).expect("valid");
        assert_eq!(candidate.scenario, scenario(FULL));
        assert_eq!(candidate.toml().lines().count(), FULL.lines().count(), "{}", candidate.toml());
    }

    #[test]
    fn numbers_of_no_size_only_go_back_to_their_default() {
        let candidates = candidates(FULL);
        let is_size = |flag: &str| {
            candidates.slots.iter().any(
                |slot| matches!(slot, Slot::Size(index) if candidates.recorded[*index].0 == flag),
            )
        };
        assert!(is_size("cycles") && is_size("slots") && is_size("decommit-batch"));
        assert!(!is_size("seed") && !is_size("settle-ms") && !is_size("timeout"));
    }

    #[test]
    fn the_smallest_candidate_has_only_what_differs_from_the_defaults() {
        let candidates = candidates("cycles = 3000\nslots = 7\nsettle-ms = 20");
        let mut least = candidates.start();
        for parameter in &mut least {
            match parameter {
                Parameter::Number { value, min } => *value = *min,
                Parameter::Elements(elements) => elements.fill(false),
            }
        }
        let candidate = candidates.candidate(&least).expect("valid");
        let text = "cycles = 1\nimage-size = \"24\"\nslots = 1\n";
        assert_eq!(candidate.toml(), text);
        assert_eq!(candidate.steps(), Some(5));
    }

    #[test]
    fn an_option_that_is_left_out_has_its_default_whatever_its_number() {
        let candidates = candidates(FULL);
        let mut parameters = candidates.start();
        let batch = candidates.recorded.iter().position(|(flag, _)| flag == "decommit-batch");
        for (slot, parameter) in candidates.slots.iter().zip(&mut parameters) {
            match (slot, parameter) {
                (Slot::Elements(index), Parameter::Elements(elements)) if Some(*index) == batch => {
                    elements.fill(false);
                }
                (Slot::Size(index), Parameter::Number { value, .. }) if Some(*index) == batch => {
                    *value = 5;
                }
                _ => {}
            }
        }
        let candidate = candidates.candidate(&parameters).expect("valid");
        assert_eq!(candidate.scenario.decommit_batch, Some(NonZeroU32::MIN));
    }

    #[test]
    fn a_run_has_more_barriers_only_if_it_has_cycles_for_them() {
        let run = scenario("cycles = 5000\nthreads = 2\nprocesses = 1");
        let candidates = Candidates::new(&run, Offer::builtin());
        let more = candidates.with_barriers(&run, 4).expect("100 by default, and 5,000 cycles");
        let candidate = more.candidate(&more.start()).expect("valid");
        assert_eq!(candidate.scenario.barriers.get(), 400);
        assert!(candidates.with_barriers(&run, 64).is_none());
    }

    #[test]
    fn options_that_contradict_each_other_are_no_candidate() {
        let candidates = candidates("cycles = 10\ninstances = 8\nslots = 8\nprocesses = 1");
        let mut few = candidates.start();
        let slots = SIZES.iter().position(|(flag, _)| *flag == "slots").expect("a size");
        // The built-in runtime has each size.
        few[slots] = Parameter::Number { value: 7, min: 1 };
        assert_eq!(candidates.candidate(&few), None);
    }

    proptest! {
        /// The file of any candidate, read as a user's, is the scenario that was tried.
        #[test]
        fn the_file_of_a_candidate_has_its_run(
            numbers in prop::collection::vec(0.0..1.0_f64, 20),
            kept in prop::collection::vec(any::<bool>(), 40),
            cpus in 1..300_u32,
        ) {
            // So many cycles that the default of processes depends on the machine.
            let candidates = candidates(&FULL.replace("3000", "900000"));
            let mut parameters = candidates.start();
            let (mut numbers, mut kept) = (numbers.into_iter().cycle(), kept.into_iter().cycle());
            for parameter in &mut parameters {
                match parameter {
                    Parameter::Number { value, min } => {
                        let share = numbers.next().unwrap_or_default();
                        *value = *min + ((*value - *min) as f64 * share) as u64;
                    }
                    Parameter::Elements(elements) => {
                        elements.iter_mut().for_each(|it| *it = kept.next().unwrap_or_default());
                    }
                }
            }
            let candidate = candidates.candidate(&parameters).expect("these options go together");
            let options = Options::from_toml(&candidate.toml(), "file").expect("valid TOML");
            let cpus = NonZeroU32::new(cpus).expect("not zero");
            let read = Scenario::new(options, &Offer::builtin(), cpus).expect("valid options");
            prop_assert_eq!(&read, &candidate.scenario, "{}", candidate.toml());
        }
    }
}
