//! The reduction of a list of parameters to a local minimum. Pure: a closure tries each candidate.

/// A part of a candidate that can become smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// A number of at least `min`.
    Number { value: u64, min: u64 },
    /// Elements of a list: false for one that is left out.
    Elements(Vec<bool>),
}

/// How small a number must become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// One less does not fail.
    Exact,
    /// An eighth less does not fail: enough where a failure is a matter of chance.
    Eighth,
}

/// Reduces `start`, which fails, as far as `fails` holds. Returns the smallest candidate that failed, and the
/// error that ended the search early.
///
/// Without an error the result is a local minimum: no number can be one less or the least, and no element
/// can be left out, or the candidate does not fail. A pass over the parameters takes at most 2 log₂ n + 4 trials
/// for a number and 3 n for a list. Each pass but the last makes a parameter smaller.
pub(super) fn reduce<E>(
    start: Vec<Parameter>,
    precision: Precision,
    fails: impl FnMut(&[Parameter]) -> Result<bool, E>,
) -> (Vec<Parameter>, Result<(), E>) {
    let mut search = Search { smallest: start, precision, fails };
    let end = search.reach_the_minimum();
    (search.smallest, end)
}

struct Search<F> {
    smallest: Vec<Parameter>,
    precision: Precision,
    fails: F,
}

impl<E, F: FnMut(&[Parameter]) -> Result<bool, E>> Search<F> {
    /// Reduces each parameter in turn until none becomes smaller.
    fn reach_the_minimum(&mut self) -> Result<(), E> {
        loop {
            let mut is_smaller = false;
            for index in 0..self.smallest.len() {
                is_smaller |= match self.smallest[index].clone() {
                    Parameter::Number { value, min } => self.lower(index, value, min)?,
                    Parameter::Elements(elements) => self.thin(index, elements)?,
                };
            }
            if !is_smaller {
                return Ok(());
            }
        }
    }

    /// Lowers a number: doubles from the minimum up to the first value that fails, then bisects between it
    /// and the last one that did not. A trial costs time in proportion to its numbers, so this takes less
    /// time than halving from above, which begins with the most expensive trials.
    fn lower(&mut self, index: usize, value: u64, min: u64) -> Result<bool, E> {
        let precision = self.precision;
        let slack = |failing: u64| match precision {
            Precision::Exact => 0,
            Precision::Eighth => failing / 8,
        };
        let mut fails = |value| self.accepts(index, Parameter::Number { value, min });
        let (mut passing, mut failing) = (None, value);
        let (mut next, mut width) = (min, 1_u64);
        while next < failing {
            if fails(next)? {
                failing = next;
                break;
            }
            passing = Some(next);
            next = next.saturating_add(width);
            width = width.saturating_mul(2);
        }
        while let Some(below) = passing
            && failing - below > 1 + slack(failing)
        {
            let middle = below + (failing - below) / 2;
            if fails(middle)? {
                failing = middle;
            } else {
                passing = Some(middle);
            }
        }
        // Less is no reason for another pass.
        Ok(value - failing > slack(value))
    }

    /// Leaves elements out: all, then halves and smaller parts, at last each alone.
    fn thin(&mut self, index: usize, mut elements: Vec<bool>) -> Result<bool, E> {
        let present = |elements: &[bool]| -> Vec<usize> {
            (0..elements.len()).filter(|&at| elements[at]).collect()
        };
        let mut is_smaller = false;
        let mut size = present(&elements).len();
        while size > 0 {
            for part in present(&elements).chunks(size) {
                let mut fewer = elements.clone();
                part.iter().for_each(|&at| fewer[at] = false);
                if self.accepts(index, Parameter::Elements(fewer.clone()))? {
                    elements = fewer;
                    is_smaller = true;
                }
            }
            size /= 2;
        }
        Ok(is_smaller)
    }

    /// Tries the smallest candidate with another value of a parameter, and keeps it if it fails.
    fn accepts(&mut self, index: usize, parameter: Parameter) -> Result<bool, E> {
        let mut candidate = self.smallest.clone();
        candidate[index] = parameter;
        let is_failing = (self.fails)(&candidate)?;
        if is_failing {
            self.smallest = candidate;
        }
        Ok(is_failing)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    impl Parameter {
        /// Maximum of trials of one pass.
        fn trials_max(&self) -> u32 {
            match self {
                // The doubling and the bisection.
                Parameter::Number { value, min } => 2 * (64 - (value - min).leading_zeros()) + 2,
                // Parts of each size: 1 and 2, and 4, and so on.
                Parameter::Elements(elements) => 3 * elements.len() as u32 + 1,
            }
        }

        /// The amount that a pass makes less.
        fn size(&self) -> u64 {
            match self {
                Parameter::Number { value, min } => value - min,
                Parameter::Elements(elements) => {
                    elements.iter().filter(|there| **there).count() as u64
                }
            }
        }

        /// The parameters that the contract compares with this one.
        fn smaller(&self) -> Vec<Parameter> {
            match self {
                Parameter::Number { value, min } if value > min => {
                    let min = *min;
                    [min, value - 1].map(|value| Parameter::Number { value, min }).to_vec()
                }
                Parameter::Number { .. } => Vec::new(),
                Parameter::Elements(elements) => {
                    let present = (0..elements.len()).filter(|&at| elements[at]);
                    let without = present.map(|at| {
                        let mut fewer = elements.clone();
                        fewer[at] = false;
                        Parameter::Elements(fewer)
                    });
                    without.collect()
                }
            }
        }
    }

    fn any_parameter() -> impl Strategy<Value = Parameter> {
        prop_oneof![
            (0..4_u64, 0..2_000_000_u64)
                .prop_map(|(min, more)| Parameter::Number { value: min + more, min }),
            prop::collection::vec(any::<bool>(), 0..12).prop_map(Parameter::Elements),
        ]
    }

    fn any_parameters() -> impl Strategy<Value = Vec<Parameter>> {
        prop::collection::vec(any_parameter(), 0..6)
    }

    /// The result of a search with an infallible predicate, with its numbers of trials and of successes.
    fn reduced(
        start: &[Parameter],
        precision: Precision,
        mut fails: impl FnMut(&[Parameter]) -> bool,
    ) -> (Vec<Parameter>, u32, u32) {
        let (mut trials, mut successes) = (0, 0);
        let (smallest, end) = reduce(start.to_vec(), precision, |candidate| {
            trials += 1;
            let is_failing = fails(candidate);
            successes += u32::from(is_failing);
            Ok::<bool, Infallible>(is_failing)
        });
        end.expect("no error");
        (smallest, trials, successes)
    }

    fn trials_max(start: &[Parameter]) -> u32 {
        start.iter().map(Parameter::trials_max).sum()
    }

    fn is_local_minimum(smallest: &[Parameter], fails: impl Fn(&[Parameter]) -> bool) -> bool {
        (0..smallest.len()).all(|index| {
            smallest[index].smaller().into_iter().all(|parameter| {
                let mut candidate = smallest.to_vec();
                candidate[index] = parameter;
                !fails(&candidate)
            })
        })
    }

    /// A hash of the candidate that decides at random, but always in the same way.
    fn at_random(candidate: &[Parameter], salt: u64) -> bool {
        let mut hash = salt;
        let mut add = |number: u64| hash = (hash ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for parameter in candidate {
            match parameter {
                Parameter::Number { value, .. } => add(*value),
                Parameter::Elements(elements) => {
                    elements.iter().for_each(|it| add(u64::from(*it) + 7))
                }
            }
        }
        hash >> 62 == 0
    }

    proptest! {
        /// Each parameter has a least value of its own: the search finds exactly these, in two passes.
        #[test]
        fn independent_thresholds_are_found_exactly(
            start in any_parameters(),
            share in prop::collection::vec(0.0..1.0_f64, 6),
        ) {
            let needed: Vec<Parameter> = start.iter().zip(&share).map(|(it, share)| match it {
                Parameter::Number { value, min } => Parameter::Number {
                    value: min + ((value - min) as f64 * share) as u64,
                    min: *min,
                },
                Parameter::Elements(elements) => {
                    let few = (elements.len() as f64 * share) as usize;
                    let kept = elements.iter().enumerate().map(|(at, it)| *it && at % 3 <= few % 3);
                    Parameter::Elements(kept.collect())
                }
            }).collect();
            let has = |candidate: &[Parameter]| candidate.iter().zip(&needed).all(|pair| match pair {
                (Parameter::Number { value, .. }, Parameter::Number { value: needed, .. }) => value >= needed,
                (Parameter::Elements(elements), Parameter::Elements(needed)) => {
                    elements.iter().zip(needed).all(|(it, needed)| *it || !needed)
                }
                _ => false,
            });
            let (smallest, trials, _) = reduced(&start, Precision::Exact, has);
            prop_assert_eq!(&smallest, &needed);
            prop_assert!(trials <= 2 * trials_max(&start), "{} trials", trials);
            let (rough, fewer, _) = reduced(&start, Precision::Eighth, has);
            prop_assert!(has(&rough));
            prop_assert!(fewer <= 2 * trials_max(&start), "{} trials", fewer);
            for (rough, needed) in rough.iter().zip(&needed) {
                match (rough, needed) {
                    (Parameter::Number { value, .. }, Parameter::Number { value: needed, .. }) => {
                        prop_assert!(value - value / 8 <= *needed, "{} of {}", value, needed);
                    }
                    (rough, needed) => prop_assert_eq!(rough, needed),
                }
            }
        }

        /// A monotone predicate that couples parameters: a sum must stay large enough.
        #[test]
        fn a_monotone_predicate_ends_at_a_local_minimum(
            start in any_parameters(),
            share in 0.0..1.0_f64,
        ) {
            let sum = |it: &[Parameter]| it.iter().map(Parameter::size).sum::<u64>();
            let needed = (sum(&start) as f64 * share) as u64;
            let fails = |it: &[Parameter]| sum(it) >= needed;
            let (smallest, trials, successes) = reduced(&start, Precision::Exact, fails);
            prop_assert!(fails(&smallest));
            prop_assert_eq!(sum(&smallest), needed);
            prop_assert!(is_local_minimum(&smallest, fails));
            prop_assert!(trials <= (1 + successes) * trials_max(&start), "{} trials", trials);
        }

        /// Any predicate: the result fails, is a local minimum, and the search ends.
        #[test]
        fn any_predicate_ends_at_a_local_minimum(start in any_parameters(), salt: u64) {
            let fails = |it: &[Parameter]| it == start.as_slice() || at_random(it, salt);
            let (smallest, trials, successes) = reduced(&start, Precision::Exact, fails);
            prop_assert!(fails(&smallest));
            prop_assert!(is_local_minimum(&smallest, fails));
            prop_assert!(trials <= (1 + successes) * trials_max(&start), "{} trials", trials);
        }

        /// A search that is stopped has the smallest candidate that failed until then.
        #[test]
        fn a_stopped_search_keeps_the_last_failure(
            start in any_parameters(),
            salt: u64,
            allowed in 0..40_u32,
        ) {
            let (mut trials, mut last) = (0, start.clone());
            let (smallest, end) = reduce(start.clone(), Precision::Exact, |candidate| {
                if trials == allowed {
                    return Err("stopped");
                }
                trials += 1;
                let is_failing = at_random(candidate, salt);
                if is_failing {
                    last = candidate.to_vec();
                }
                Ok(is_failing)
            });
            prop_assert_eq!(smallest, last);
            prop_assert!(end.is_ok() || trials == allowed);
        }
    }
}
