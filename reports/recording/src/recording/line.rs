//! The lines of one kind of recording: all in which a run and an observation differ.

use std::collections::HashSet;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The lines of one kind of recording. The recorder and the reader are the same for all kinds.
pub trait Line: Clone + Serialize + DeserializeOwned {
    /// The kind.
    const KIND: RecordingKind;
    /// Version of the format that this leakbench writes, and the only one that it reads.
    const VERSION: u32;
    /// The lines that a recorder thins. [`Member::group`] is an index into this.
    const GROUPS: &'static [Group];
    /// The lists inside of lines that a recorder clears.
    const LISTS: &'static [List];
    /// Repeated lines of one sort that are kept; more are only counted.
    const REPEATS_MAX: usize;
    /// The content of the first line.
    type Start;
    /// Sort of a line that may repeat without end.
    type Repeat: Ord;

    /// The content of the line, if it is a first line.
    fn start(&self) -> Option<&Self::Start>;

    /// True if the line is the last of a recording.
    fn is_end(&self) -> bool;

    /// Cuts texts and lists of the line to their limits. `first` is the recording's first line.
    fn shorten(&mut self, first: Option<&Self>);

    /// The group of the line; `None` of a line that always stays.
    fn member(&self) -> Option<Member>;

    /// Number of elements in the line's list of index `list` in [`Line::LISTS`].
    fn list_len(&self, list: usize) -> usize;

    /// Empties that list.
    fn clear_list(&mut self, list: usize);

    /// Positions of the lines and lists that must stay.
    fn pins(lines: &[Self]) -> Pins;

    /// The sort of the line and its time in ms; `None` of a line that is never repeated.
    fn repeat(&self) -> Option<(Self::Repeat, u64)>;

    /// The line that stands for `count` repeated lines that were not kept, the latest at `at_ms`.
    fn omitted(repeat: Self::Repeat, count: u64, at_ms: u64) -> Self;
}

/// Lines of one kind that are thinned.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Maximum number of lines of one subject.
    pub subject_max: usize,
    /// Maximum number of lines of all subjects.
    pub total_max: usize,
    /// The lines that stay when there are more.
    pub keep: Keep,
}

/// The lines that stay when a group is thinned. Pinned lines stay in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first line in each stretch of time.
    FirstOfStretch,
    /// Pinned lines only.
    Pinned,
}

/// A line as a member of its group.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Index into [`Line::GROUPS`].
    pub group: usize,
    /// The subject that the line is about.
    pub subject: u32,
    /// Its time in ms.
    pub at_ms: u64,
}

/// A list inside of lines.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// Elements in all lines together. Once there are more, unpinned lists are cleared.
    pub max: usize,
    /// True if unpinned lists are cleared at every thinning, also below `max`.
    pub always: bool,
}

/// Positions of what must stay in a recording.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    /// Lines.
    pub lines: HashSet<usize>,
    /// Lines whose list stays too, for each of [`Line::LISTS`].
    pub lists: Vec<HashSet<usize>>,
}

/// The subject of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingKind {
    /// A run of modules.
    Run,
    /// A process that was observed.
    Observation,
}

impl RecordingKind {
    pub(super) const ALL: [RecordingKind; 2] = [RecordingKind::Run, RecordingKind::Observation];

    /// The `record` field of the first line.
    pub(super) fn first_tag(self) -> &'static str {
        match self {
            RecordingKind::Run => "start",
            RecordingKind::Observation => "observation-start",
        }
    }
}

impl std::fmt::Display for RecordingKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RecordingKind::Run => "a run of modules",
            RecordingKind::Observation => "an observed process",
        })
    }
}
