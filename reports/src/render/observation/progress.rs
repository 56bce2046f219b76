//! How far an observation is, in one line.

use leakbench_model::text::{bytes, coarse_s, counted, grouped};
use leakbench_recording::observation::{ObservationSample, Resource};
use leakbench_recording::trend::{Trend, TrendClass};

/// The looks at a process so far: a few, evenly.
#[derive(Clone, Debug)]
pub struct ObservationProgress {
    pid: u32,
    duration_ms: Option<u64>,
    latest: Option<ObservationSample>,
    /// Every `stride`th look.
    looks: Vec<ObservationSample>,
    stride: usize,
    seen: usize,
}

/// Looks that are kept: enough for a first idea of what rises, few enough for every redrawing.
const LOOKS_MAX: usize = 64;

impl ObservationProgress {
    /// Nothing seen yet of process `pid`, which is to be observed for `duration_ms`, or until it
    /// ends.
    pub fn new(pid: u32, duration_ms: Option<u64>) -> ObservationProgress {
        ObservationProgress {
            pid,
            duration_ms,
            latest: None,
            looks: Vec::new(),
            stride: 1,
            seen: 0,
        }
    }

    /// Takes in a look.
    pub fn see(&mut self, look: &ObservationSample) {
        self.latest = Some(look.clone());
        if self.seen.is_multiple_of(self.stride) {
            self.looks.push(look.clone());
        }
        self.seen += 1;
        if self.looks.len() > LOOKS_MAX {
            let mut index = 0;
            self.looks.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// One line of at most `width` columns, without a newline: what fits of the whole.
    pub fn line(&self, width: usize) -> String {
        let mut line = String::new();
        for part in self.parts() {
            if line.chars().count() + part.chars().count() > width {
                break;
            }
            line += &part;
        }
        line
    }

    /// The whole, for a log: `watching 4242 for 12 s of 60 s: 1,024 fds, 3,002 mappings, 41.0 MiB; 3
    /// resources rise`.
    pub fn plain(&self) -> String {
        self.parts().concat()
    }

    fn parts(&self) -> Vec<String> {
        let at_ms = self.latest.as_ref().map_or(0, |look| look.at_ms);
        let mut parts = vec![format!("watching {} for {}", self.pid, coarse_s(at_ms / 1_000))];
        parts.extend(self.duration_ms.map(|ms| format!(" of {}", coarse_s(ms.div_ceil(1_000)))));
        let amount = |resource| self.latest.as_ref()?.amounts.get(&resource).copied();
        let amounts = [
            amount(Resource::Fds).map(|fds| counted(fds, "fd")),
            amount(Resource::Mappings).map(|mappings| counted(mappings, "mapping")),
            amount(Resource::ResidentBytes).map(bytes),
        ];
        for (index, amount) in amounts.into_iter().flatten().enumerate() {
            parts.push(format!("{}{amount}", if index == 0 { ": " } else { ", " }));
        }
        parts.extend(match self.rising() {
            0 => None,
            1 => Some("; 1 resource rises".to_owned()),
            rising => Some(format!("; {} resources rise", grouped(rising))),
        });
        parts
    }

    /// How many resources would be told to leak now.
    fn rising(&self) -> u64 {
        let rises = |resource: &Resource| {
            let amounts = self.looks.iter();
            let amounts =
                amounts.filter_map(|look| Some((look.at_ms, *look.amounts.get(resource)?)));
            let series: Vec<(f64, f64)> =
                amounts.map(|(at_ms, amount)| (at_ms as f64, amount as f64)).collect();
            let trend = Trend::of(&series, resource.noise() as f64);
            trend.is_some_and(|trend| trend.class == TrendClass::Leak)
        };
        Resource::ALL.iter().filter(|resource| rises(resource)).count() as u64
    }
}
