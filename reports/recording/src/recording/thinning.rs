//! Drops lines so that the size of a recording does not grow with its duration. Pure.
//!
//! Counters in lines are totals, so a dropped line does not change the meaning of later ones.
//! Lines that a ledger reads individually are pinned and stay. Of the others, the first line in
//! each stretch of time stays. Stretches double in length until at most half of the limit is
//! used. So the lines that stay are spread evenly, and lines since the last thinning are complete.
//!
//! Long lists inside of lines are cleared first, unless they are pinned as well.

use std::collections::HashMap;

use super::line::{Group, Keep, Line, Member, Pins};

/// Counts the lines of a recording, and drops some when there are too many.
#[derive(Debug)]
pub(super) struct Thinning {
    groups: Vec<GroupState>,
    lists: Vec<ListState>,
}

#[derive(Debug, Default)]
struct GroupState {
    tally: Tally,
    /// The first line in each stretch of this many ms stays.
    stretch_ms: u64,
}

#[derive(Debug)]
struct ListState {
    len: usize,
    /// Thinning is due above this: at least [`super::line::List::max`], and twice the elements
    /// that remained last time. Pinned lists of many subjects alone may exceed the former.
    max: usize,
}

/// Number of lines of a group.
#[derive(Debug, Default)]
struct Tally {
    by_subject: HashMap<u32, usize>,
    total: usize,
    subject_max: usize,
}

impl Tally {
    fn add(&mut self, subject: u32) {
        let count = self.by_subject.entry(subject).or_default();
        *count += 1;
        self.subject_max = self.subject_max.max(*count);
        self.total += 1;
    }

    fn exceeds(&self, group: &Group) -> bool {
        self.subject_max > group.subject_max || self.total > group.total_max
    }

    fn is_below_half(&self, group: &Group) -> bool {
        self.subject_max <= group.subject_max / 2 && self.total <= group.total_max / 2
    }
}

impl Thinning {
    pub(super) fn new<L: Line>() -> Thinning {
        let group = |_| GroupState { tally: Tally::default(), stretch_ms: 1 };
        Thinning {
            groups: L::GROUPS.iter().map(group).collect(),
            lists: L::LISTS.iter().map(|list| ListState { len: 0, max: list.max }).collect(),
        }
    }

    /// Counts a line that is about to be added.
    pub(super) fn admit<L: Line>(&mut self, line: &L) {
        if let Some(Member { group, subject, .. }) = line.member() {
            self.groups[group].tally.add(subject);
        }
        for (index, list) in self.lists.iter_mut().enumerate() {
            list.len += line.list_len(index);
        }
    }

    /// True if [`Thinning::thin`] is due.
    pub(super) fn is_due<L: Line>(&self) -> bool {
        let mut groups = self.groups.iter().zip(L::GROUPS);
        groups.any(|(state, group)| state.tally.exceeds(group))
            || self.lists.iter().any(|list| list.len > list.max)
    }

    /// Drops lines of the groups that exceed a limit, down to half of it, and clears lists.
    pub(super) fn thin<L: Line>(&mut self, lines: &mut Vec<L>) {
        let latest_ms = lines.iter().filter_map(L::member).map(|member| member.at_ms).max();
        for (index, group) in L::GROUPS.iter().enumerate() {
            let state = &mut self.groups[index];
            if state.tally.exceeds(group) {
                state.stretch_ms =
                    thin_group(lines, index, group, state.stretch_ms, latest_ms.unwrap_or(0));
            }
        }
        self.clear_lists(lines);
        self.recount(lines);
    }

    fn clear_lists<L: Line>(&self, lines: &mut [L]) {
        let pins = L::pins(lines);
        for (list, state) in self.lists.iter().enumerate() {
            if !L::LISTS[list].always && state.len <= state.max {
                continue;
            }
            for (position, line) in lines.iter_mut().enumerate() {
                if !pins.lists[list].contains(&position) {
                    line.clear_list(list);
                }
            }
        }
    }

    fn recount<L: Line>(&mut self, lines: &[L]) {
        self.groups.iter_mut().for_each(|group| group.tally = Tally::default());
        self.lists.iter_mut().for_each(|list| list.len = 0);
        lines.iter().for_each(|line| self.admit(line));
        for (state, list) in self.lists.iter_mut().zip(L::LISTS) {
            state.max = list.max.max(state.len.saturating_mul(2));
        }
    }
}

/// Thins one group and returns the length of the stretches that were necessary.
fn thin_group<L: Line>(
    lines: &mut Vec<L>,
    index: usize,
    group: &Group,
    mut stretch_ms: u64,
    latest_ms: u64,
) -> u64 {
    let pins = L::pins(lines);
    loop {
        let (stay, tally) = selected(lines, index, group.keep, stretch_ms, &pins);
        let is_last = group.keep == Keep::Pinned || stretch_ms > latest_ms;
        if is_last || tally.is_below_half(group) {
            let mut stay = stay.into_iter();
            lines.retain(|_| stay.next().unwrap_or(true));
            return stretch_ms;
        }
        stretch_ms = stretch_ms.saturating_mul(2);
    }
}

/// For each line whether it stays, and how many of the group do.
fn selected<L: Line>(
    lines: &[L],
    index: usize,
    keep: Keep,
    stretch_ms: u64,
    pins: &Pins,
) -> (Vec<bool>, Tally) {
    let mut tally = Tally::default();
    let mut latest_stretch = HashMap::new();
    let stays = |(position, line): (usize, &L)| {
        let Some(Member { subject, at_ms, .. }) = line.member().filter(|of| of.group == index)
        else {
            return true;
        };
        let stretch = at_ms / stretch_ms;
        let is_first = latest_stretch.insert(subject, stretch) != Some(stretch);
        let stays = (is_first && keep == Keep::FirstOfStretch) || pins.lines.contains(&position);
        if stays {
            tally.add(subject);
        }
        stays
    };
    let stay = lines.iter().enumerate().map(stays).collect();
    (stay, tally)
}
