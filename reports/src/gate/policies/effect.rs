//! The size of the difference between two samples, for any distribution.

/// Cliff's delta, from −1 to 1: the share of pairs in which the value of `a` is greater than that of
/// `b`, less the share in which it is smaller. 0 if one is empty.
pub(super) fn cliffs_delta(a: &[f64], b: &[f64]) -> f64 {
    let mut sorted = b.to_vec();
    sorted.sort_by(f64::total_cmp);
    let balance: i64 = a
        .iter()
        .map(|value| {
            let less = sorted.partition_point(|other| other < value);
            let not_greater = sorted.partition_point(|other| other <= value);
            less as i64 - (sorted.len() - not_greater) as i64
        })
        .sum();
    let pairs = a.len() * b.len();
    if pairs == 0 { 0.0 } else { balance as f64 / pairs as f64 }
}

/// The size of an effect, by the thresholds of Romano and others (2006).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Negligible,
    Small,
    Medium,
    Large,
}

impl Effect {
    pub(super) fn of(delta: f64) -> Effect {
        match delta.abs() {
            size if size < 0.147 => Effect::Negligible,
            size if size < 0.33 => Effect::Small,
            size if size < 0.474 => Effect::Medium,
            _ => Effect::Large,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Effect::Negligible => "negligible",
            Effect::Small => "small",
            Effect::Medium => "medium",
            Effect::Large => "large",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn delta_agrees_with_counting_all_pairs(
            a in prop::collection::vec(0u8..20, 0..30),
            b in prop::collection::vec(0u8..20, 0..30),
        ) {
            let [a, b] = [a, b].map(|of| of.into_iter().map(f64::from).collect::<Vec<f64>>());
            let pairs = a.iter().flat_map(|x| b.iter().map(move |y| (x > y, x < y)));
            let balance: i32 = pairs.map(|(more, less)| i32::from(more) - i32::from(less)).sum();
            let all = (a.len() * b.len()).max(1) as f64;
            prop_assert!((cliffs_delta(&a, &b) - f64::from(balance) / all).abs() < 1e-9);
        }
    }

    #[test]
    fn thresholds() {
        let of = [0.0, 0.146, 0.147, -0.33, 0.473, -0.474, 1.0].map(Effect::of);
        use Effect::{Large, Medium, Negligible, Small};
        assert_eq!(of, [Negligible, Negligible, Small, Medium, Medium, Large, Large]);
    }
}
