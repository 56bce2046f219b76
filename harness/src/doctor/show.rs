//! A diagnosis as lines and as JSON. Pure.

use leakbench_model::text::printable;
use serde::Serialize;

use super::check::{Check, Diagnosis, State};
use super::room::Room;
use leakbench_kernel::Machine;

/// Version of the JSON.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Json<'a> {
    version: u32,
    verdict: &'static str,
    exit_code: u8,
    headline: String,
    /// How many slots fit, and why no more.
    slots: serde_json::Value,
    checks: &'a [Check],
    machine: &'a Machine,
}

pub(super) fn json(
    diagnosis: &Diagnosis,
    machine: &Machine,
    room: &Room,
) -> Result<String, serde_json::Error> {
    let fitness = diagnosis.fitness();
    let json = Json {
        version: VERSION,
        verdict: fitness.as_str(),
        exit_code: fitness.exit_code(),
        headline: fitness.headline(),
        slots: room.json(),
        checks: &diagnosis.checks,
        machine,
    };
    Ok(serde_json::to_string_pretty(&json)? + "\n")
}

/// A line a check, the verdict last.
pub(super) fn text(diagnosis: &Diagnosis, colour: bool) -> String {
    let width = diagnosis.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let paint = |sgr: &str, text: &str| match colour {
        true => format!("\x1b[{sgr}m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let mut lines: Vec<String> = Vec::new();
    for check in &diagnosis.checks {
        let sgr = match check.state {
            State::Ok => "32",
            State::Limited => "33",
            State::Missing => "31",
        };
        let state = paint(sgr, &format!("{:7}", check.state.as_str()));
        // Names of files and words of drivers may be in them.
        let told = format!("{} — {}", check.found, check.means);
        let mut line = format!("{state}  {:width$}  {}", check.name, printable(&told));
        if let Some(command) = &check.change {
            let word = if check.state == State::Ok { "for more" } else { "change it" };
            line += &format!("; {word}: {}", printable(command));
        }
        lines.push(line);
    }
    let fitness = diagnosis.fitness();
    let verdict = format!("verdict: {}", fitness.headline());
    lines.push(paint("1", &printable(&verdict)));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_check_and_the_verdict_last() {
        let checks = vec![
            Check::new("memfd", State::Ok, "one was made", "fine").needed(),
            Check::new("open files", State::Limited, "few\x1b[2K\nverdict: fine", "less")
                .change("ulimit -n 4096"),
            Check::new("mappings", State::Ok, "many", "slots").change("sysctl -w a=1"),
        ];
        let text = text(&Diagnosis { checks }, false);
        assert_eq!(
            text,
            "ok       memfd       one was made — fine\n\
             limited  open files  few\\u{1b}[2K\\nverdict: fine — less; change it: ulimit -n 4096\n\
             ok       mappings    many — slots; for more: sysctl -w a=1\n\
             verdict: this machine can measure, but: open files, few\\u{1b}[2K\\nverdict: fine\n"
        );
    }
}
