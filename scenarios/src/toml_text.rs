//! Options as a scenario file.

use crate::flag::OptionRow;
use crate::options::Options;
use crate::value::Values;

impl Options {
    /// A scenario file with these options, each a flag with its values as the command line writes them: see
    /// [`Options::given`]. [`Options::from_toml`] reads it back. Flags that are no options are left out.
    ///
    /// ```
    /// use leakbench_scenarios::Options;
    ///
    /// let options = Options::from_toml("cycles = \"3k\"\nmode = [\"trap\"]", "two lines")?;
    /// assert_eq!(Options::toml_of(&options.given()), "cycles = 3000\nmode = [\"trap\"]\n");
    /// # Ok::<(), leakbench_scenarios::ScenarioFileError>(())
    /// ```
    pub fn toml_of(given: &[(String, Vec<String>)]) -> String {
        let rows = Options::rows();
        let mut text = String::new();
        for (flag, values) in given {
            let Some(OptionRow { values: kind, .. }) = rows.iter().find(|row| row.flag == *flag)
            else {
                continue;
            };
            let value = match (kind, values.as_slice()) {
                (Values::List(inner), values) => {
                    let elements = values.iter().map(|value| toml_value(inner, value));
                    format!("[{}]", elements.collect::<Vec<String>>().join(", "))
                }
                (kind, [.., value]) => toml_value(kind, value),
                (_, []) => continue,
            };
            text += &format!("{flag} = {value}\n");
        }
        text
    }
}

fn toml_value(kind: &Values, value: &str) -> String {
    match kind {
        Values::Switch => (value == "on").to_string(),
        // Numbers of TOML are signed. A larger one is text, which a number may be too.
        Values::Number { .. } if value.parse::<i64>().is_ok() => value.to_owned(),
        _ => basic_string(value),
    }
}

/// A string on one line, which the writer of the `toml` crate spreads over several if it has line breaks.
fn basic_string(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => text += &format!("\\u{:04X}", u32::from(c)),
            c => text.push(c),
        }
    }
    text + "\""
}
