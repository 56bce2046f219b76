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
        candidates
            .slots
            .iter()
            .any(|slot| matches!(slot, Slot::Size(index) if candidates.recorded[*index].0 == flag))
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
fn fixed_cycles_are_as_small_as_they_can_be() {
    let candidates = candidates(FULL);
    let number = |parameters: &[Parameter]| match parameters[0] {
        Parameter::Number { value, min } => (value, min),
        Parameter::Elements(_) => panic!("cycles are the first size"),
    };
    let fixed = candidates.with_cycles(candidates.start(), true);
    assert_eq!(number(&fixed), (3_000, 3_000));
    assert_eq!(fixed[1..], candidates.start()[1..]);
    assert_eq!(candidates.with_cycles(fixed, false), candidates.start());
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
