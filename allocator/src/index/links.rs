//! Doubly linked lists of slots, with all links in one array. Removing any slot is O(1).

/// The link at an end of a list.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
}

/// The links of all slots. Each slot is in at most one of the lists that use them.
#[derive(Debug)]
pub(super) struct Links(Vec<Link>);

/// The two ends of one list. The default is empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    first: u32,
    last: u32,
}

impl Default for List {
    fn default() -> List {
        List { first: NONE, last: NONE }
    }
}

impl List {
    pub(super) fn is_empty(self) -> bool {
        self.first == NONE
    }

    /// The oldest slot.
    pub(super) fn first(self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// The newest slot.
    pub(super) fn last(self) -> Option<u32> {
        (self.last != NONE).then_some(self.last)
    }
}

impl Links {
    pub(super) fn new(slots: u32) -> Links {
        Links(vec![Link { previous: NONE, next: NONE }; slots as usize])
    }

    /// Appends a slot that is in no list.
    pub(super) fn push(&mut self, list: &mut List, slot: u32) {
        self.0[slot as usize] = Link { previous: list.last, next: NONE };
        match list.last {
            NONE => list.first = slot,
            last => self.0[last as usize].next = slot,
        }
        list.last = slot;
    }

    /// Removes a slot from the list that contains it.
    pub(super) fn remove(&mut self, list: &mut List, slot: u32) {
        let Link { previous, next } = self.0[slot as usize];
        match previous {
            NONE => list.first = next,
            previous => self.0[previous as usize].next = next,
        }
        match next {
            NONE => list.last = previous,
            next => self.0[next as usize].previous = previous,
        }
    }

    /// The slots of a list, oldest first. Checks each link in both directions.
    #[cfg(test)]
    pub(super) fn checked(&self, list: List) -> Vec<u32> {
        let mut slots = Vec::new();
        let (mut previous, mut at) = (NONE, list.first);
        while at != NONE {
            assert_eq!(self.0[at as usize].previous, previous, "link back from slot {at}");
            assert!(slots.len() <= self.0.len(), "the list is circular");
            slots.push(at);
            (previous, at) = (at, self.0[at as usize].next);
        }
        assert_eq!(list.last, previous, "the list's end");
        slots
    }
}
