//! TOML tables whose keys and values have their lines, so that an error names the line, the
//! similar key and all known keys. serde's own errors of unknown keys name neither.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A part of a file, with its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtLine<T> {
    /// From 1.
    pub(super) line: usize,
    pub(super) what: T,
}

/// A text that is not TOML.
#[derive(Debug)]
pub(super) struct NotToml {
    pub(super) line: Option<usize>,
    pub(super) why: String,
}

/// A table's entries, in the order of the file.
pub(super) struct Table<'a> {
    text: &'a str,
    entries: Vec<(AtLine<String>, AtLine<DeValue<'a>>)>,
}

impl<'a> Table<'a> {
    /// Reads a file's text.
    pub(super) fn parse(text: &'a str) -> Result<Table<'a>, NotToml> {
        let table = DeTable::parse(text).map_err(|error| NotToml {
            line: error.span().map(|span| line_of(text, span.start)),
            why: error.message().replace('\n', ", "),
        })?;
        Ok(Table::of(text, table.into_inner()))
    }

    fn of(text: &'a str, table: DeTable<'a>) -> Table<'a> {
        let entries = table.into_iter().map(|(key, value)| {
            let (key_line, line) = (line_at(text, &key), line_at(text, &value));
            let key = AtLine { line: key_line, what: key.into_inner().into_owned() };
            (key, AtLine { line, what: value.into_inner() })
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by_key(|(key, _)| key.line);
        Table { text, entries }
    }

    /// The entries of a value that is a table.
    pub(super) fn within(&self, value: &DeValue<'a>) -> Option<Table<'a>> {
        match value {
            DeValue::Table(table) => Some(Table::of(self.text, table.clone())),
            _ => None,
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (AtLine<&str>, AtLine<&DeValue<'a>>)> {
        self.entries.iter().map(|(key, value)| {
            let key = AtLine { line: key.line, what: key.what.as_str() };
            (key, AtLine { line: value.line, what: &value.what })
        })
    }

    /// The strings of a value that is a list of strings.
    pub(super) fn texts(&self, value: &DeValue<'a>) -> Option<Vec<AtLine<String>>> {
        let DeValue::Array(array) = value else {
            return None;
        };
        let texts = array.iter().map(|one| {
            let text = one.get_ref().as_str()?.to_owned();
            Some(AtLine { line: line_at(self.text, one), what: text })
        });
        texts.collect()
    }
}

/// A number of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Fraction(f64),
}

impl Number {
    /// `None` if the value is not a number, or has more than 64 bits.
    pub(super) fn of(value: &DeValue<'_>) -> Option<Number> {
        match value {
            DeValue::Integer(whole) => {
                i64::from_str_radix(whole.as_str(), whole.radix()).ok().map(Number::Whole)
            }
            DeValue::Float(fraction) => fraction.as_str().parse().ok().map(Number::Fraction),
            _ => None,
        }
    }
}

fn line_at<T>(text: &str, spanned: &Spanned<T>) -> usize {
    line_of(text, spanned.span().start)
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    1 + before.filter(|&&byte| byte == b'\n').count()
}

/// The name that is most similar to `given`, if one is similar enough to be meant.
pub(super) fn most_similar<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = known.into_iter().map(|name| (strsim::levenshtein(given, name), name));
    // A name that differs in more than a third is another name.
    let near = near.filter(|&(distance, name)| distance <= name.len().div_ceil(3).min(4));
    near.min_by_key(|&(distance, _)| distance).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_has_a_suggestion_and_another_name_has_none() {
        let known = ["lingering-at-end", "lingering-peak", "peak-fds", "peak-mappings"];
        assert_eq!(most_similar("lingring-at-end", known), Some("lingering-at-end"));
        assert_eq!(most_similar("peak-fd", known), Some("peak-fds"));
        assert_eq!(most_similar("throughput", known), None);
    }
}
