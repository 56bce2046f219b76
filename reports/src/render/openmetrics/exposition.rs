//! The syntax of OpenMetrics text, version 1.0
//! (<https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>).

use std::fmt::Write;

use leakbench_model::text::printable;

/// Families, in the order in which they were added.
#[derive(Default)]
pub(super) struct Exposition(String);

/// The kind of a family.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// May go up and down.
    Gauge,
    /// Only goes up; its samples end in `_total`.
    Counter,
    /// Facts, as labels; its samples end in `_info`.
    Info,
    /// One of several states.
    StateSet,
    /// Quantiles and their count.
    Summary,
}

/// A number with its labels.
pub(super) struct Sample {
    /// After the family's name.
    suffix: &'static str,
    labels: Labels,
    value: String,
}

/// Names and values.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A family's name, kind, unit and meaning.
pub(super) struct Family<'a> {
    /// Without `leakbench`, and with its unit at the end, if it has one.
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// `seconds` or `bytes`.
    pub(super) unit: Option<&'static str>,
    pub(super) help: &'a str,
}

impl Exposition {
    /// Adds a family, unless it has no sample.
    pub(super) fn add(&mut self, family: &Family, samples: Vec<Sample>) {
        if samples.is_empty() {
            return;
        }
        let Family { name, kind, unit, help } = family;
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Info => "info",
            Kind::StateSet => "stateset",
            Kind::Summary => "summary",
        };
        let text = &mut self.0;
        line(text, format_args!("# TYPE leakbench{name} {kind}"));
        if let Some(unit) = unit {
            line(text, format_args!("# UNIT leakbench{name} {unit}"));
        }
        line(text, format_args!("# HELP leakbench{name} {}", escaped(help)));
        for Sample { suffix, labels, value } in samples {
            let labels: Vec<String> = labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(&printable(value))))
                .collect();
            let labels = match labels.is_empty() {
                true => String::new(),
                false => format!("{{{}}}", labels.join(",")),
            };
            line(text, format_args!("leakbench{name}{suffix}{labels} {value}"));
        }
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.0 + "# EOF\n"
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl Sample {
    /// Of a whole number.
    pub(super) fn count(labels: Labels, value: u64) -> Sample {
        Sample { suffix: "", labels, value: value.to_string() }
    }

    /// Of any number; `None` if it is not finite.
    pub(super) fn number(labels: Labels, value: f64) -> Option<Sample> {
        let value = value.is_finite().then(|| value.to_string())?;
        Some(Sample { suffix: "", labels, value })
    }

    /// With the suffix of its kind of family.
    pub(super) fn called(self, suffix: &'static str) -> Sample {
        Sample { suffix, ..self }
    }
}

/// One sample for each state, of which one is 1. The label of the state has the family's name.
pub(super) fn state_set(
    label: &'static str,
    labels: &Labels,
    states: &[&'static str],
    state: &str,
) -> Vec<Sample> {
    let states = states.iter().map(|&name| {
        let mut labels = labels.clone();
        labels.push((label, name.to_owned()));
        Sample::count(labels, u64::from(name == state))
    });
    states.collect()
}
