//! Bounds of an observation's recording: a day of samples stays below three megabytes.

use std::collections::HashSet;

use super::{
    Example, Examples, Limits, OBSERVATION_VERSION, ObservationRecord, ObservationStart, Remark,
};
use crate::recording::{Group, Keep, Line, List, Member, Pins, RecordingKind};

/// Indices into [`Line::GROUPS`].
const SAMPLES: usize = 0;
const EXAMPLES: usize = 1;
const LIMITS: usize = 2;
const OLD_OBJECTS: usize = 3;

/// Characters kept of a text from the process. A path may have 4,096.
const TEXT_CHARS_MAX: usize = 300;
/// Limits of one line: a resource has several at most.
const LIMITS_MAX: usize = 200;
/// Holders of an example that are kept by name. Of more, the number is kept.
const HOLDERS_MAX: usize = 8;

impl Line for ObservationRecord {
    const KIND: RecordingKind = RecordingKind::Observation;
    const VERSION: u32 = OBSERVATION_VERSION;
    const GROUPS: &'static [Group] = &[
        // At most 1.7 kB each.
        Group { subject_max: 1_600, total_max: 1_600, keep: Keep::FirstOfStretch },
        // A later line of these replaces all earlier ones.
        Group { subject_max: 8, total_max: 8, keep: Keep::Pinned },
        Group { subject_max: 8, total_max: 8, keep: Keep::Pinned },
        // The same; some ten kilobytes each.
        Group { subject_max: 2, total_max: 2, keep: Keep::Pinned },
    ];
    const LISTS: &'static [List] = &[];
    const REPEATS_MAX: usize = 50;
    type Start = ObservationStart;
    /// [`Remark::prevents_clean`].
    type Repeat = bool;

    fn start(&self) -> Option<&ObservationStart> {
        match self {
            ObservationRecord::Start(start) => Some(start),
            _ => None,
        }
    }

    fn is_end(&self) -> bool {
        matches!(self, ObservationRecord::End(_))
    }

    fn shorten(&mut self, _first: Option<&ObservationRecord>) {
        match self {
            ObservationRecord::Examples(examples) => examples.shorten(),
            ObservationRecord::Limits(Limits { limits, .. }) => {
                limits.truncate(LIMITS_MAX);
                limits.iter_mut().for_each(|limit| shorten(&mut limit.name));
            }
            ObservationRecord::Remark(remark) => {
                shorten(&mut remark.what);
                if let Some(event) = &mut remark.event {
                    shorten(&mut event.program);
                }
            }
            _ => {}
        }
    }

    fn member(&self) -> Option<Member> {
        match self {
            ObservationRecord::Sample(sample) => {
                Some(Member { group: SAMPLES, subject: 0, at_ms: sample.at_ms })
            }
            ObservationRecord::Examples(examples) => {
                Some(Member { group: EXAMPLES, subject: 0, at_ms: examples.at_ms })
            }
            ObservationRecord::Limits(limits) => {
                Some(Member { group: LIMITS, subject: 0, at_ms: limits.at_ms })
            }
            ObservationRecord::OldObjects(old_objects) => {
                Some(Member { group: OLD_OBJECTS, subject: 0, at_ms: old_objects.at_ms })
            }
            _ => None,
        }
    }

    fn list_len(&self, _list: usize) -> usize {
        0
    }

    fn clear_list(&mut self, _list: usize) {}

    /// The latest line of each group.
    fn pins(lines: &[ObservationRecord]) -> Pins {
        let latest = |group| {
            lines.iter().rposition(|line| line.member().is_some_and(|of| of.group == group))
        };
        let pinned: HashSet<usize> =
            [SAMPLES, EXAMPLES, LIMITS, OLD_OBJECTS].into_iter().filter_map(latest).collect();
        Pins { lines: pinned, lists: Vec::new() }
    }

    fn repeat(&self) -> Option<(bool, u64)> {
        match self {
            ObservationRecord::Remark(remark) => Some((remark.prevents_clean, remark.at_ms)),
            _ => None,
        }
    }

    fn omitted(prevents_clean: bool, count: u64, at_ms: u64) -> ObservationRecord {
        let what = format!("{count} more remarks, not listed");
        ObservationRecord::Remark(Remark { at_ms, prevents_clean, what, event: None })
    }
}

impl Examples {
    fn shorten(&mut self) {
        for objects in self.objects.values_mut() {
            objects.truncate(Examples::OF_EACH_MAX);
            for Example { what, holders, .. } in objects {
                shorten(what);
                if holders.len() > HOLDERS_MAX {
                    let more = holders.len() - HOLDERS_MAX;
                    holders.truncate(HOLDERS_MAX);
                    holders.push(format!("{more} more"));
                }
                holders.iter_mut().for_each(shorten);
            }
        }
    }
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(TEXT_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
}
