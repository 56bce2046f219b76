//! Suites as XML.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Case, CaseResult, Problem, Suite};
use leakbench_model::text::{printable, utc};

/// A document of these suites.
pub(super) fn write(suites: &[Suite]) -> io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let counts = COUNTS.map(|(name, counts)| {
        let all: usize = suites.iter().map(|suite| suite.count(counts)).sum();
        (name, all.to_string())
    });
    let root = writer.create_element("testsuites").with_attribute(("name", "leakbench"));
    root.with_attributes(counts.iter().map(|(name, count)| (*name, count.as_str())))
        .write_inner_content(|writer| suites.iter().try_for_each(|suite| suite.write(writer)))?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// An attribute, and the results that it counts.
type Counted = (&'static str, fn(&CaseResult) -> bool);

const COUNTS: [Counted; 4] = [
    ("tests", |_| true),
    ("failures", |result| matches!(result, CaseResult::Failed(_))),
    ("errors", |result| matches!(result, CaseResult::Error(_))),
    ("skipped", |result| matches!(result, CaseResult::Skipped(_))),
];

impl Suite {
    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let name = shown(&self.name);
        let mut attributes = vec![("name", name.clone())];
        attributes.extend(COUNTS.map(|(name, counts)| (name, self.count(counts).to_string())));
        if let Some((started_unix_s, wall_s)) = self.time {
            attributes.push(("time", wall_s.to_string()));
            // The schema of most readers has no time zone.
            let started = utc(started_unix_s).replace(" UTC", "").replace(' ', "T");
            attributes.push(("timestamp", started));
        }
        let element = writer.create_element("testsuite");
        element.with_attributes(borrowed(&attributes)).write_inner_content(|writer| {
            if !self.properties.is_empty() {
                writer.create_element("properties").write_inner_content(|writer| {
                    self.properties.iter().try_for_each(|(name, value)| {
                        let value = shown(value);
                        let property = writer.create_element("property");
                        let attributes = [("name", *name), ("value", value.as_str())];
                        property.with_attributes(attributes).write_empty().map(drop)
                    })
                })?;
            }
            self.cases.iter().try_for_each(|case| case.write(&name, writer))
        })?;
        Ok(())
    }
}

impl Case {
    fn write(&self, suite: &str, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let name = shown(&self.name);
        let element = writer.create_element("testcase");
        let element = element.with_attributes([("classname", suite), ("name", name.as_str())]);
        if matches!(self.result, CaseResult::Passed) && self.out.is_empty() {
            return element.write_empty().map(drop);
        }
        element.write_inner_content(|writer| {
            match &self.result {
                CaseResult::Passed => {}
                CaseResult::PassedFlaky(problem) => problem.write("flakyFailure", writer)?,
                CaseResult::Failed(problem) => problem.write("failure", writer)?,
                CaseResult::Error(problem) => problem.write("error", writer)?,
                CaseResult::Skipped(why) => {
                    let message = shown(why);
                    let skipped = writer.create_element("skipped");
                    skipped.with_attribute(("message", message.as_str())).write_empty()?;
                }
            }
            if !self.out.is_empty() {
                let out = writer.create_element("system-out");
                out.write_text_content(BytesText::new(&shown_lines(&self.out)))?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

impl Problem {
    fn write(&self, element: &str, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let attributes = [("message", shown(&self.message)), ("type", shown(&self.kind))];
        let element = writer.create_element(element).with_attributes(borrowed(&attributes));
        element.write_text_content(BytesText::new(&shown_lines(&self.lines)))?;
        Ok(())
    }
}

fn borrowed<'a>(
    attributes: &'a [(&'static str, String)],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    attributes.iter().map(|(name, value)| (*name, value.as_str()))
}

/// A text as XML 1.0 allows it: of [`printable`] characters, only U+FFFE and U+FFFF are forbidden.
fn shown(text: &str) -> String {
    printable(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

fn shown_lines(lines: &[String]) -> String {
    lines.iter().map(|line| shown(line)).collect::<Vec<String>>().join("\n")
}
