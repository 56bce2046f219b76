//! A diagnosis as text and as JSON. Pure.

use leakbench_model::text::printable;
use serde::Serialize;

use super::capacity::Capacity;
use super::check::{Check, Fitness, State};
use leakbench_kernel::Machine;

/// Version of the JSON.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    verdict: &'static str,
    exit_code: u8,
    headline: String,
    /// How many slots fit into a process.
    slots: serde_json::Value,
    checks: &'a [Check],
    machine: &'a Machine,
}

pub(super) fn json(
    checks: &[Check],
    machine: &Machine,
    capacity: &Capacity,
) -> Result<String, serde_json::Error> {
    let fitness = Fitness::of(checks);
    let json = Json {
        version: VERSION,
        verdict: fitness.as_str(),
        exit_code: fitness.exit_code(),
        headline: fitness.headline(),
        slots: capacity.json(),
        checks,
        machine,
    };
    Ok(serde_json::to_string_pretty(&json)? + "\n")
}

/// A line for each check, the verdict last.
pub(super) fn lines(checks: &[Check], colour: bool) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let paint = |sgr: &str, text: &str| match colour {
        true => format!("\x1b[{sgr}m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let mut lines: Vec<String> = Vec::new();
    for check in checks {
        let sgr = match check.state {
            State::Ok => "32",
            State::Limited => "33",
            State::Missing => "31",
        };
        let state = paint(sgr, &format!("{:7}", check.state.as_str()));
        // They may contain names of files and messages of drivers.
        let text = format!("{} — {}", check.found, check.means);
        let mut line = format!("{state}  {:width$}  {}", check.name, printable(&text));
        if let Some(command) = &check.change {
            let word = if check.state == State::Ok { "for more" } else { "to change" };
            line += &format!("; {word}: {}", printable(command));
        }
        lines.push(line);
    }
    let fitness = Fitness::of(checks);
    let verdict = format!("verdict: {}", fitness.headline());
    lines.push(paint("1", &printable(&verdict)));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_a_line_and_the_verdict_is_last() {
        let checks = vec![
            Check::new("memfd", State::Ok, "one was made", "fine").needed(),
            Check::new("open files", State::Limited, "few\x1b[2K\nverdict: fine", "less")
                .change("ulimit -n 4096"),
            Check::new("mappings", State::Ok, "many", "slots").change("sysctl -w a=1"),
        ];
        let text = lines(&checks, false);
        assert_eq!(
            text,
            "ok       memfd       one was made — fine\n\
             limited  open files  few\\u{1b}[2K\\nverdict: fine — less; to change: ulimit -n 4096\n\
             ok       mappings    many — slots; for more: sysctl -w a=1\n\
             verdict: this machine can measure, but: open files, few\\u{1b}[2K\\nverdict: fine\n"
        );
    }
}
