//! Images that linger: which they are, since when, and who holds them.

use leakbench_scenarios::Scenario;

use super::timeline::seconds;
use super::{Chart, Lifetime, Lifetimes, LingeringRow, LingeringTable, Plot};
use crate::ledger::{Ledger, Reason, SubjectLedger};
use crate::recording::LingeringImage;
use crate::render::holder;

/// The table, of a run that made images.
pub(super) fn table(ledger: &Ledger) -> Option<LingeringTable> {
    let scenario = &ledger.start.scenario;
    let images = longest_first(ledger);
    let total = ledger.images.lingering.max(images.len() as u64);
    let shown = images.into_iter().take(LingeringTable::ROWS_MAX);
    let rows = shown.map(|(subject, image)| LingeringRow {
        subject: subject.number,
        inode: image.inode,
        module: image.module,
        created_at_cycle: created_at_cycle(scenario, subject.number, image.module),
        dropped_at_cycle: image.dropped_at_cycle,
        age_ms: image.lingering_ms,
        holders: image.holders.iter().map(holder).collect(),
        holders_total: image.holders_total,
        reason: Reason::of(image),
        line: subject.basis_line,
    });
    (ledger.images.made > 0).then(|| LingeringTable { rows: rows.collect(), total })
}

/// From when to when the longest-lingering ones did; `None` where none is listed.
pub(super) fn lifetimes(ledger: &Ledger) -> Option<Chart> {
    let images = longest_first(ledger);
    let several = ledger.subjects.len() > 1;
    let total = ledger.images.lingering.max(images.len() as u64);
    let shown = images.into_iter().take(Lifetimes::BARS_MAX);
    let bars = shown.map(|(subject, image)| {
        // What is listed is of the latest barrier.
        let seen_ms = subject.barriers.last().map_or(0, |barrier| barrier.at_ms);
        let of = if several { format!(" of subject {}", subject.number) } else { String::new() };
        Lifetime {
            name: format!("inode {} of module {}{of}", image.inode, image.module),
            from_s: seconds(seen_ms.saturating_sub(image.lingering_ms)),
            to_s: seconds(seen_ms),
            reason: Reason::of(image),
            holders: held_by(image),
            line: subject.basis_line,
        }
    });
    let bars: Vec<Lifetime> = bars.collect();
    let rest = total.saturating_sub(bars.len() as u64);
    (!bars.is_empty()).then(|| Chart {
        id: "lifetimes".to_owned(),
        title: "The longest-lingering images".to_owned(),
        reads: "From the drop of its module to the last look at it: a bar that ends with the run \
                is an image that nobody ever gave back."
            .to_owned(),
        plot: Plot::Lifetimes(Lifetimes { bars, rest, until_s: seconds(ledger.last_seen_ms) }),
    })
}

/// All listed images with their subjects, the longest-lingering first.
fn longest_first(ledger: &Ledger) -> Vec<(&SubjectLedger, &LingeringImage)> {
    let subjects = ledger.subjects.iter();
    let mut images: Vec<(&SubjectLedger, &LingeringImage)> = subjects
        .flat_map(|subject| subject.lingering.iter().map(move |image| (subject, image)))
        .collect();
    images.sort_by_key(|(_, image)| std::cmp::Reverse(image.lingering_ms));
    images
}

/// `slot 731 (affine), fd 17 and 14 more`.
fn held_by(image: &LingeringImage) -> String {
    let holders: Vec<String> = image.holders.iter().map(holder).collect();
    if holders.is_empty() {
        return "no holder shows in the subject".to_owned();
    }
    let more = image.holders_total.saturating_sub(holders.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    holders.join(", ") + &more
}

/// In which cycle of its thread a module was made: each thread makes those of its share in the
/// order of their numbers, one a cycle. A long-lived module, made before the first cycle, has a
/// number outside every share.
fn created_at_cycle(scenario: &Scenario, subject: u32, module: u64) -> Option<u64> {
    // A recording comes from a file, and may hold any number.
    if subject >= scenario.processes.get() || scenario.threads.get() > Scenario::THREADS_MAX {
        return None;
    }
    let share = scenario.share_of_subject(subject);
    let mut shares = (0..scenario.threads.get()).map(|thread| share.part(thread, scenario.threads));
    shares.find_map(|share| {
        let cycle = module.checked_sub(share.first)?;
        (cycle < share.cycles).then_some(cycle)
    })
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use leakbench_scenarios::{Offer, Options, Step, Steps};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a worker does: it counts a cycle at each [`Step::EndCycle`].
        #[test]
        fn modules_are_made_in_the_cycles_that_their_numbers_say(
            cycles in 1_u64..200, processes in 1_u32..4, threads in 1_u32..4, live in 1_u32..5,
            long_lived in 0_u32..3,
        ) {
            let options = Options {
                cycles: NonZeroU64::new(cycles),
                processes: NonZeroU32::new(processes),
                threads: NonZeroU32::new(threads),
                live_modules: NonZeroU32::new(live),
                long_lived: Some(long_lived),
                ..Options::default()
            };
            let scenario = Scenario::new(options, &Offer::builtin(), NonZeroU32::MIN);
            let scenario = scenario.expect("a valid scenario");
            for subject in 0..processes {
                let share = scenario.share_of_subject(subject);
                for thread in 0..threads {
                    let mut cycle = 0;
                    for step in Steps::new(&scenario, share.part(thread, scenario.threads)) {
                        match step {
                            Step::CreateModule { seat, number } => {
                                let made = (seat < live).then_some(cycle);
                                prop_assert_eq!(created_at_cycle(&scenario, subject, number), made);
                            }
                            Step::EndCycle => cycle += 1,
                            _ => {}
                        }
                    }
                }
            }
        }
    }
}
