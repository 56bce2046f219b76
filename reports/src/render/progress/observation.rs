//! Progress of an observation: time, what the process has, and how many resources rise.

use leakbench_model::Resource;
use leakbench_model::text::{bytes, coarse_s, counted, third_person};
use leakbench_recording::observation::ObservationSample;
use leakbench_recording::trend::{Trend, TrendClass};

use super::Progress;

/// A few samples of a process so far, evenly spread.
#[derive(Clone, Debug)]
pub struct ObservationProgress {
    pid: u32,
    duration_ms: Option<u64>,
    latest: Option<ObservationSample>,
    /// Every `stride`th sample.
    kept: Vec<ObservationSample>,
    stride: usize,
    seen: usize,
}

/// Maximum of kept samples: enough to see which resources rise, few enough to fit a trend each time.
const KEPT_MAX: usize = 64;

impl ObservationProgress {
    /// Progress before the first sample of process `pid`. The observation takes `duration_ms`, or
    /// lasts until the process ends.
    pub fn new(pid: u32, duration_ms: Option<u64>) -> ObservationProgress {
        ObservationProgress { pid, duration_ms, latest: None, kept: Vec::new(), stride: 1, seen: 0 }
    }

    /// Takes in a sample.
    pub fn see(&mut self, sample: &ObservationSample) {
        self.latest = Some(sample.clone());
        if self.seen.is_multiple_of(self.stride) {
            self.kept.push(sample.clone());
        }
        self.seen += 1;
        if self.kept.len() > KEPT_MAX {
            let mut index = 0;
            self.kept.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// Resources that would be classified as leaks now.
    fn rising(&self) -> u64 {
        let rises = |resource: &Resource| {
            let amounts = self.kept.iter();
            let amounts =
                amounts.filter_map(|sample| Some((sample.at_ms, sample.amounts.of(*resource)?)));
            let series: Vec<(f64, f64)> =
                amounts.map(|(at_ms, amount)| (at_ms as f64, amount as f64)).collect();
            let trend = Trend::of(&series, resource.noise() as f64);
            trend.is_some_and(|trend| trend.class == TrendClass::Leak)
        };
        Resource::ALL.iter().filter(|resource| rises(resource)).count() as u64
    }
}

impl Progress for ObservationProgress {
    fn parts(&self) -> Vec<String> {
        let at_ms = self.latest.as_ref().map_or(0, |sample| sample.at_ms);
        let of = self.duration_ms.map(|ms| format!(" of {}", coarse_s(ms.div_ceil(1_000))));
        let elapsed = coarse_s(at_ms / 1_000);
        let of = of.unwrap_or_default();
        let mut parts = vec![format!("observing {} for {elapsed}{of}", self.pid)];
        let amount = |resource| self.latest.as_ref()?.amounts.of(resource);
        parts.extend(amount(Resource::Fds).map(|fds| counted(fds, "fd")));
        parts.extend(amount(Resource::Mappings).map(|mappings| counted(mappings, "mapping")));
        parts.extend(amount(Resource::RssBytes).map(|rss| format!("{} resident", bytes(rss))));
        parts.extend(match self.rising() {
            0 => None,
            rising => {
                Some(format!("{} {}", counted(rising, "resource"), third_person(rising, "rise")))
            }
        });
        parts
    }
}
