//! The mappings of a slot as data, and the fewest mapping calls from one layout to another.

use std::ops::Range;

use crate::ids::ModuleId;

/// A module's image, mapped at the range `bytes` of a memory. Both ends are multiples of the page
/// size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MappedImage {
    pub(crate) module: ModuleId,
    pub(crate) bytes: Range<usize>,
}

/// The mappings of a slot: the image over its range, anonymous zeroes over the rest of `len_bytes`
/// from the base, and reserved address space beyond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) len_bytes: usize,
    pub(crate) image: Option<MappedImage>,
}

/// The mapping calls that turn one layout into another, in the order of the fields. No range is
/// empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Map as reserved address space.
    pub(crate) reserve: Option<Range<usize>>,
    /// Map as anonymous zeroes.
    pub(crate) zero: Option<Range<usize>>,
    /// Map the whole image of the new layout.
    pub(crate) image: Option<Range<usize>>,
}

impl Layout {
    /// Reserved address space only.
    pub(crate) const COLD: Layout = Layout { len_bytes: 0, image: None };

    fn image_bytes(&self) -> Range<usize> {
        self.image.as_ref().map_or(0..0, |image| image.bytes.clone())
    }

    /// The number of mappings, with that of the reserved address space beyond the memory. A layout
    /// without memory has none: its neighbours have the same address space.
    pub(crate) fn mappings(&self) -> u64 {
        let image = self.image_bytes();
        if self.len_bytes == 0 {
            return 0;
        }
        let before = image.start > 0;
        let after = image.end < self.len_bytes;
        u64::from(before) + u64::from(!image.is_empty()) + u64::from(after) + 1
    }

    /// The calls that turn this layout into another one. They do not touch pages that both have
    /// alike, with one exception: anonymous pages between two ranges to be zeroed. Those hold
    /// zeroes after a reset, and one call over all is cheaper than two.
    pub(crate) fn plan_to(&self, to: &Layout) -> Plan {
        let reserve = non_empty(to.len_bytes..self.len_bytes);
        if self.image == to.image {
            return Plan { reserve, zero: non_empty(self.len_bytes..to.len_bytes), image: None };
        }
        // To be zeroed: the old image and the reserved part, without the new image.
        let new = to.image_bytes();
        let old = self.image_bytes();
        let zero = [old.start..old.end.min(to.len_bytes), self.len_bytes..to.len_bytes]
            .into_iter()
            .flat_map(|range| {
                [range.start..range.end.min(new.start), range.start.max(new.end)..range.end]
            })
            .filter(|range| !range.is_empty())
            .reduce(|hull, range| hull.start.min(range.start)..hull.end.max(range.end));
        Plan { reserve, zero, image: non_empty(new) }
    }
}

fn non_empty(range: Range<usize>) -> Option<Range<usize>> {
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGES: usize = 12;

    /// The contents of one page of a slot.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Page {
        Reserved,
        Zero,
        Image(ModuleId, usize),
    }

    fn page_of(layout: &Layout, page: usize) -> Page {
        match &layout.image {
            _ if page >= layout.len_bytes => Page::Reserved,
            Some(image) if image.bytes.contains(&page) => {
                Page::Image(image.module, page - image.bytes.start)
            }
            _ => Page::Zero,
        }
    }

    /// Simulates the calls, page by page.
    fn apply(pages: &mut [Page], plan: &Plan, module: Option<ModuleId>) {
        for page in plan.reserve.clone().unwrap_or_default() {
            pages[page] = Page::Reserved;
        }
        for page in plan.zero.clone().unwrap_or_default() {
            pages[page] = Page::Zero;
        }
        for (nth, page) in plan.image.clone().unwrap_or_default().enumerate() {
            pages[page] = Page::Image(module.expect("an image to map"), nth);
        }
    }

    fn layouts() -> impl Strategy<Value = Layout> {
        (0..=PAGES, 0..3u64, 0..=PAGES, 0..=PAGES).prop_map(|(len_bytes, module, a, b)| {
            let bytes = a.min(b).min(len_bytes)..a.max(b).min(len_bytes);
            let image =
                (!bytes.is_empty()).then(|| MappedImage { module: ModuleId::new(module), bytes });
            Layout { len_bytes, image }
        })
    }

    proptest! {
        #[test]
        fn a_plan_results_in_its_layout(from in layouts(), to in layouts()) {
            let mut pages: Vec<_> = (0..PAGES).map(|page| page_of(&from, page)).collect();
            let plan = from.plan_to(&to);
            apply(&mut pages, &plan, to.image.as_ref().map(|image| image.module));
            for (page, is) in pages.iter().enumerate() {
                prop_assert_eq!(*is, page_of(&to, page), "page {}, {:?}", page, &plan);
            }
        }
    }

    fn layout(len_bytes: usize, module: u64, bytes: Range<usize>) -> Layout {
        Layout { len_bytes, image: Some(MappedImage { module: ModuleId::new(module), bytes }) }
    }

    #[test]
    fn the_same_layout_needs_no_call() {
        let same = layout(16, 7, 1..3);
        assert_eq!(same.plan_to(&same), Plan::default());
    }

    #[test]
    fn another_module_of_the_same_shape_needs_one_call() {
        let plan = layout(16, 1, 0..2).plan_to(&layout(16, 2, 0..2));
        assert_eq!(plan, Plan { image: Some(0..2), ..Plan::default() });
    }

    #[test]
    fn a_cold_slot_needs_two_calls_wherever_the_image_is() {
        let start = Layout::COLD.plan_to(&layout(16, 1, 0..2));
        assert_eq!(start, Plan { reserve: None, zero: Some(2..16), image: Some(0..2) });
        let middle = Layout::COLD.plan_to(&layout(16, 1, 4..5));
        assert_eq!(middle, Plan { reserve: None, zero: Some(0..16), image: Some(4..5) });
    }

    #[test]
    fn a_longer_memory_of_the_same_module_keeps_its_image() {
        let plan = layout(16, 1, 0..2).plan_to(&layout(32, 1, 0..2));
        assert_eq!(plan, Plan { zero: Some(16..32), ..Plan::default() });
    }
}
