//! The reason for which an image lingers.

use crate::text::grouped;
use crate::{Holder, LingeringImage, SlotState};

crate::names! {
    /// The reason for which an image lingers: the kind of its holder. Of several kinds, the first of this list counts.
    #[derive(PartialOrd, Ord)]
    Reason ("reason") {
        /// A slot lent to an instance maps it, though its module was dropped.
        InUseSlot = "in-use-slot",
        /// A slot in the decommit queue maps it.
        QueuedSlot = "queued-slot",
        /// A free slot that is kept warm maps it.
        AffineSlot = "affine-slot",
        /// A slot that its pool reports as cold maps it.
        ColdSlot = "cold-slot",
        /// A slot of unknown state maps it.
        UnknownSlot = "unknown-slot",
        /// A mapping outside every slot maps it.
        OtherMapping = "other-mapping",
        /// A descriptor is open, and there is no mapping.
        DescriptorOnly = "descriptor-only",
        /// `/proc` shows no holder in the subject.
        NotInSubject = "not-in-subject",
    }
}

impl Reason {
    /// The reason of an image.
    pub fn of(image: &LingeringImage) -> Reason {
        let reasons = image.holders.iter().map(|holder| match holder {
            Holder::Slot { state, .. } => Reason::of_slot(*state),
            Holder::Mapping { .. } => Reason::OtherMapping,
            Holder::Fd { .. } => Reason::DescriptorOnly,
        });
        reasons.min().unwrap_or(Reason::NotInSubject)
    }

    /// The reason of an image that a slot in this state maps.
    pub fn of_slot(state: SlotState) -> Reason {
        match state {
            SlotState::InUse => Reason::InUseSlot,
            SlotState::Queued => Reason::QueuedSlot,
            SlotState::Affine | SlotState::AffineDropped => Reason::AffineSlot,
            SlotState::Cold | SlotState::Warm => Reason::ColdSlot,
            SlotState::Empty
            | SlotState::MapsLive
            | SlotState::Unknown
            | SlotState::MapsDropped => Reason::UnknownSlot,
        }
    }

    /// True if the holder is a slot.
    pub fn is_slot(self) -> bool {
        self <= Reason::UnknownSlot
    }

    /// One holder, fit for `held by …`: `an affine slot`.
    pub fn singular(self) -> &'static str {
        match self {
            Reason::InUseSlot => "a slot in use",
            Reason::QueuedSlot => "a queued slot",
            Reason::AffineSlot => "an affine slot",
            Reason::ColdSlot => "a cold slot",
            Reason::UnknownSlot => "a slot of unknown state",
            Reason::OtherMapping => "a mapping outside every slot",
            Reason::DescriptorOnly => "a descriptor alone",
            Reason::NotInSubject => "nothing visible in the subject",
        }
    }

    /// Several holders, fit for `held by …`: `affine slots`.
    pub fn plural(self) -> &'static str {
        match self {
            Reason::InUseSlot => "slots in use",
            Reason::QueuedSlot => "queued slots",
            Reason::AffineSlot => "affine slots",
            Reason::ColdSlot => "cold slots",
            Reason::UnknownSlot => "slots of unknown state",
            Reason::OtherMapping => "mappings outside every slot",
            Reason::DescriptorOnly => "descriptors alone",
            Reason::NotInSubject => "nothing visible in the subject",
        }
    }

    /// A number of holders: `1 affine slot`, `951 affine slots`.
    pub fn counted(self, holders: u64) -> String {
        let noun = match (holders, self.singular().split_once(' ')) {
            (1, Some((_article, noun))) => noun,
            _ => self.plural(),
        };
        format!("{} {noun}", grouped(holders))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_holders_has_its_noun() {
        assert_eq!(Reason::AffineSlot.counted(1), "1 affine slot");
        assert_eq!(Reason::InUseSlot.counted(1_200), "1,200 slots in use");
    }
}
