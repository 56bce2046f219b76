//! The amounts of resources that a process has.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Resource;

const RESOURCES: usize = Resource::ALL.len();

/// How much a process has of each resource. What was not measured is absent.
///
/// ```
/// use leakbench_model::{Footprint, Resource};
///
/// let had = Footprint::default().with(Resource::Fds, 11).with(Resource::RssBytes, 4096);
/// assert_eq!(had.of(Resource::Fds), Some(11));
/// assert_eq!(had.of(Resource::Mappings), None);
/// assert_eq!(serde_json::to_string(&had)?, r#"{"fds":11,"rss_bytes":4096}"#);
///
/// // A sum with an unknown part is unknown.
/// let sum = Footprint::sum([had, Footprint::default().with(Resource::Fds, 3)]);
/// assert_eq!(sum, Footprint::default().with(Resource::Fds, 14));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// A bit for each resource, by its number.
    measured: u64,
    /// By the number of the resource; 0 where it was not measured.
    amounts: [u64; RESOURCES],
}

const _: () = assert!(RESOURCES <= u64::BITS as usize, "a bit for each resource");

impl Footprint {
    /// The amount of a resource; `None` if it was not measured.
    pub fn of(&self, resource: Resource) -> Option<u64> {
        let is_measured = self.measured & bit(resource) != 0;
        is_measured.then(|| self.amounts[resource as usize])
    }

    /// Sets the amount of a resource, or that it was not measured.
    pub fn set(&mut self, resource: Resource, amount: impl Into<Option<u64>>) {
        let amount = amount.into();
        self.amounts[resource as usize] = amount.unwrap_or(0);
        match amount {
            Some(_) => self.measured |= bit(resource),
            None => self.measured &= !bit(resource),
        }
    }

    /// The same with another amount of a resource.
    #[must_use]
    pub fn with(mut self, resource: Resource, amount: impl Into<Option<u64>>) -> Footprint {
        self.set(resource, amount);
        self
    }

    /// Adds to the amount of a resource; one that was not measured counts as 0.
    pub fn add(&mut self, resource: Resource, amount: u64) {
        self.set(resource, self.of(resource).unwrap_or(0).saturating_add(amount));
    }

    /// Adds every amount of `other`; one that was not measured counts as 0.
    pub fn add_all(&mut self, other: &Footprint) {
        other.iter().for_each(|(resource, amount)| self.add(resource, amount));
    }

    /// Raises every amount to that of `other`, where it is lower or not measured.
    pub fn raise_to(&mut self, other: &Footprint) {
        for (resource, amount) in other.iter() {
            self.set(resource, self.of(resource).unwrap_or(0).max(amount));
        }
    }

    /// The amounts of several processes together. A sum with an unknown part is unknown.
    pub fn sum(footprints: impl IntoIterator<Item = Footprint>) -> Footprint {
        let sum = footprints.into_iter().reduce(|sum, other| {
            let add = |(resource, amount): (Resource, u64)| {
                Some((resource, amount.saturating_add(other.of(resource)?)))
            };
            sum.iter().filter_map(add).collect()
        });
        sum.unwrap_or_default()
    }

    /// The amounts of these resources alone.
    #[must_use]
    pub fn only(&self, resources: &[Resource]) -> Footprint {
        self.iter().filter(|(resource, _)| resources.contains(resource)).collect()
    }

    /// True if no resource was measured.
    pub fn is_empty(&self) -> bool {
        self.measured == 0
    }

    /// Every measured amount.
    pub fn iter(&self) -> impl Iterator<Item = (Resource, u64)> {
        Resource::ALL.into_iter().filter_map(|resource| Some((resource, self.of(resource)?)))
    }
}

const fn bit(resource: Resource) -> u64 {
    1 << resource as u32
}

impl Default for Footprint {
    /// Nothing measured.
    fn default() -> Footprint {
        Footprint { measured: 0, amounts: [0; RESOURCES] }
    }
}

impl fmt::Debug for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(Resource, u64)> for Footprint {
    fn from_iter<I: IntoIterator<Item = (Resource, u64)>>(amounts: I) -> Footprint {
        let mut footprint = Footprint::default();
        for (resource, amount) in amounts {
            footprint.set(resource, amount);
        }
        footprint
    }
}

impl<const N: usize> From<[(Resource, u64); N]> for Footprint {
    fn from(amounts: [(Resource, u64); N]) -> Footprint {
        amounts.into_iter().collect()
    }
}

impl Serialize for Footprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Footprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Footprint, D::Error> {
        Ok(BTreeMap::<Resource, u64>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amounts() -> impl Strategy<Value = BTreeMap<Resource, u64>> {
        let resource = prop::sample::select(Resource::ALL.to_vec());
        prop::collection::btree_map(resource, any::<u64>(), 0..RESOURCES)
    }

    proptest! {
        #[test]
        fn it_is_a_map(amounts in amounts(), other in amounts()) {
            let mut footprint: Footprint = amounts.clone().into_iter().collect();
            let json = serde_json::to_string(&footprint).expect("JSON");
            prop_assert_eq!(&json, &serde_json::to_string(&amounts).expect("JSON"));
            prop_assert_eq!(serde_json::from_str::<Footprint>(&json).expect("read"), footprint);
            let of_other: Footprint = other.clone().into_iter().collect();
            let sum = Footprint::sum([footprint, of_other]);
            footprint.raise_to(&of_other);
            for resource in Resource::ALL {
                let pair = (amounts.get(&resource), other.get(&resource));
                let both = pair.0.zip(pair.1).map(|(a, b)| a.saturating_add(*b));
                prop_assert_eq!(sum.of(resource), both);
                prop_assert_eq!(footprint.of(resource), pair.0.max(pair.1).copied());
            }
        }
    }
}
