//! Observations: bounds of the recording, classes of resources, suspects and the verdict.

mod bounds;
mod classes;
mod old_objects;
mod suspects;
mod verdict;

use leakbench_model::Resource;
use leakbench_recording::observation::*;
use proptest::prelude::*;

use crate::fixtures::any_observation::{any_observation, any_record};

pub(crate) fn diagnosed(recording: &ObservationRecording) -> Diagnosis {
    Diagnosis::of(recording).expect("it says what was observed")
}

pub(crate) fn class(diagnosis: &Diagnosis, resource: Resource) -> Option<ResourceClass> {
    diagnosis.account(resource).and_then(|account| account.class)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Each resource that leaks is a suspect or the evidence of one.
    #[test]
    fn every_leak_belongs_to_one_suspect(
        records in proptest::collection::vec(any_record(), 0..120),
        in_order in any::<bool>(),
    ) {
        let diagnosis = diagnosed(&any_observation(records, in_order));
        let mut suspected: Vec<Resource> = diagnosis.suspects.iter()
            .flat_map(|suspect| std::iter::once(suspect.resource).chain(suspect.evidence.clone()))
            .collect();
        suspected.sort();
        let leaks: Vec<Resource> =
            diagnosis.accounts.iter().filter(|a| a.leaks()).map(|a| a.resource).collect();
        prop_assert_eq!(suspected, leaks);
    }
}
