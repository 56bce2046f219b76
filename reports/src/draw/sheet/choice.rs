//! The charts of the main picture.

use crate::report::{Chart, Plot, Report};

/// The main charts: of a run without a leak the proof, times and peaks, and if something else grows, its
/// chart in place of the proof; of a dead subject the first ones, which say what it ran out of; of a leak lingering images, slots, survival and times. Else the
/// first ones, four at most.
pub(super) fn main_charts(report: &Report) -> Vec<&Chart> {
    let is = |chart: &Chart, wanted: fn(&Plot) -> bool| wanted(&chart.plot);
    let has = |wanted: fn(&Plot) -> bool| report.charts.iter().any(|chart| is(chart, wanted));
    let is_proof: fn(&Plot) -> bool = |plot| matches!(plot, Plot::Proof(_));
    let is_peaks: fn(&Plot) -> bool = |plot| matches!(plot, Plot::Peaks(_));
    let is_times: fn(&Plot) -> bool = |plot| matches!(plot, Plot::Times(_));
    let is_proved = has(is_proof);
    let mut left: Vec<&Chart> =
        report.charts.iter().filter(|chart| !(is_proved && chart.is_quiet())).collect();
    let is_dead = left.iter().take(2).any(|chart| is(chart, is_peaks));
    let is_lines: fn(&Plot) -> bool = |plot| matches!(plot, Plot::Lines(_));
    let leads_with_lines = report.charts.first().is_some_and(|chart| is(chart, is_lines));
    let wanted: &[fn(&Plot) -> bool] = match (is_dead, is_proved) {
        (true, _) => &[],
        (false, true) if leads_with_lines => &[is_lines, is_times, is_peaks],
        (false, true) => &[is_proof, is_times, is_peaks],
        (false, false) if has(|plot| matches!(plot, Plot::Slots(_) | Plot::Survival(_))) => &[
            is_lines,
            |plot| matches!(plot, Plot::Slots(_)),
            |plot| matches!(plot, Plot::Survival(_)),
            is_times,
            is_lines,
        ],
        (false, false) => &[],
    };
    let mut chosen: Vec<&Chart> = Vec::new();
    for is_wanted in wanted {
        if let Some(at) = left.iter().position(|chart| is_wanted(&chart.plot)) {
            chosen.push(left.remove(at));
        }
    }
    if is_dead || !is_proved {
        chosen.extend(left);
    }
    chosen.truncate(4);
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Lines, Peaks, Proof, SlotMaps, Survival, Times};

    fn chart(id: &str, plot: Plot) -> Chart {
        Chart { id: id.to_owned(), title: String::new(), reads: String::new(), plot }
    }

    /// The charts that explain each verdict, in a picture.
    #[test]
    fn a_picture_shows_what_explains_the_verdict() {
        let report = |charts: Vec<Chart>| Report {
            title: String::new(),
            verdict: leakbench_model::Verdict::Clean,
            headline: String::new(),
            suspects: Vec::new(),
            figures: Vec::new(),
            charts,
            next: Vec::new(),
            findings: Vec::new(),
            lingering: None,
            tables: Vec::new(),
            facts: Vec::new(),
            unmeasured: Vec::new(),
            recording: None,
        };
        let shown = |charts: Vec<Chart>| {
            let report = report(charts);
            let ids = main_charts(&report).into_iter().map(|chart| chart.id.clone());
            ids.collect::<Vec<String>>().join(" ")
        };
        let lines = |id: &str| chart(id, Plot::Lines(Lines::default()));
        let slots = || chart("slots", Plot::Slots(SlotMaps::default()));
        let times = || chart("release", Plot::Times(Times::default()));
        let peaks = || chart("peaks", Plot::Peaks(Peaks::default()));
        let proof = || chart("proof", Plot::Proof(Proof::default()));
        let survival = chart("survival", Plot::Survival(Survival::default()));
        let clean = vec![proof(), lines("mappings"), slots(), times(), peaks()];
        assert_eq!(shown(clean), "proof release peaks");
        let grown = vec![lines("threads"), proof(), lines("mappings"), slots(), times(), peaks()];
        assert_eq!(shown(grown), "threads release peaks");
        let leak = vec![lines("lingering"), lines("mappings"), slots(), times(), peaks(), survival];
        assert_eq!(shown(leak), "lingering slots survival release");
        let died = vec![lines("descriptors"), peaks(), proof(), lines("mappings"), times()];
        assert_eq!(shown(died), "descriptors peaks proof mappings");
        let observed = vec![lines("memory"), lines("sockets")];
        assert_eq!(shown(observed), "memory sockets");
    }
}
