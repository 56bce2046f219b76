//! The states of a slot, and their one alphabet of letters.

crate::names! {
    /// The state of a slot of a pool. Later states explain more of a leak.
    ///
    /// A subject reports the states of [`SlotState::REPORTED`]. The other four come from what `/proc`
    /// shows: of a runtime that reports no states, that is all that is known.
    #[derive(PartialOrd, Ord)]
    SlotState ("slot state") {
        /// Maps no image. The runtime does not report states.
        Empty = "empty",
        /// Free, and maps nothing.
        Cold = "cold",
        /// Free, and maps memory but no image.
        Warm = "warm",
        /// Maps the image of a live module. The runtime does not report states.
        MapsLive = "maps-live",
        /// Free, and kept warm for the module that it last served. In a map and in counts that
        /// module is live.
        Affine = "affine",
        /// Lent to an instance.
        InUse = "in-use",
        /// Unknown to the subject, after a call that failed.
        Unknown = "unknown",
        /// Given back, and waiting in the decommit queue.
        Queued = "queued",
        /// Maps the image of a dropped module, whatever state the subject reports.
        MapsDropped = "maps-dropped",
        /// Affine to a dropped module, whose image it maps.
        AffineDropped = "affine-dropped",
    }
}

impl SlotState {
    /// The states that a subject can report.
    pub const REPORTED: [SlotState; 6] = [
        SlotState::Cold,
        SlotState::Warm,
        SlotState::InUse,
        SlotState::Affine,
        SlotState::Queued,
        SlotState::Unknown,
    ];

    /// The states that a holder can be in: those of [`SlotState::as_holder`].
    pub const OF_HOLDERS: [SlotState; 5] = [
        SlotState::Cold,
        SlotState::InUse,
        SlotState::Affine,
        SlotState::Queued,
        SlotState::Unknown,
    ];

    /// Its letter in the protocols, in a recording and on a report's page.
    pub const fn letter(self) -> char {
        match self {
            SlotState::Empty => '-',
            SlotState::Cold => '.',
            SlotState::Warm => 'w',
            SlotState::MapsLive => 'l',
            SlotState::Affine => 'a',
            SlotState::InUse => 'u',
            SlotState::Unknown => '?',
            SlotState::Queued => 'q',
            SlotState::MapsDropped => 'd',
            SlotState::AffineDropped => 'x',
        }
    }

    /// The state of a letter; `None` of any other letter.
    pub fn from_letter(letter: char) -> Option<SlotState> {
        SlotState::ALL.into_iter().find(|state| state.letter() == letter)
    }

    /// As [`SlotState::from_letter`], of the letters that a subject may report.
    pub fn from_reported_letter(letter: char) -> Option<SlotState> {
        SlotState::REPORTED.into_iter().find(|state| state.letter() == letter)
    }

    /// In words, for a legend.
    pub const fn words(self) -> &'static str {
        match self {
            SlotState::Empty => "maps no image",
            SlotState::Cold => "free, cold",
            SlotState::Warm => "free, warm without an image",
            SlotState::MapsLive => "maps a live module's image",
            SlotState::Affine => "affine to a live module",
            SlotState::InUse => "in use",
            SlotState::Unknown => "not known",
            SlotState::Queued => "queued for decommit",
            SlotState::MapsDropped => "maps a dropped module's image",
            SlotState::AffineDropped => "affine to a dropped module",
        }
    }

    /// The state that a map shows for a slot that its subject reports in this state, if `/proc`
    /// shows a dropped module's image there.
    pub fn mapping_dropped(self) -> SlotState {
        match self {
            SlotState::Queued => SlotState::Queued,
            SlotState::Affine => SlotState::AffineDropped,
            _ => SlotState::MapsDropped,
        }
    }

    /// The state that a [`Holder`](crate::Holder) names for a slot reported in this state. A
    /// holder maps an image, which neither a warm nor a cold slot should: both are `Cold`.
    pub fn as_holder(self) -> SlotState {
        match self {
            SlotState::Warm => SlotState::Cold,
            state => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_stands_for_one_state() {
        for state in SlotState::ALL {
            assert_eq!(SlotState::from_letter(state.letter()), Some(state));
            let reported = SlotState::REPORTED.contains(&state).then_some(state);
            assert_eq!(SlotState::from_reported_letter(state.letter()), reported);
            let is_reported = SlotState::REPORTED.iter().any(|it| it.as_holder() == state);
            assert_eq!(SlotState::OF_HOLDERS.contains(&state), is_reported);
        }
        assert_eq!(SlotState::from_letter('z'), None);
        assert!(SlotState::ALL.is_sorted());
    }
}
