//! TOML files of which every key and value is known by its line, so that what is wrong is told
//! with the place.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something in a file, with its line.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<T> {
    /// From 1.
    pub(super) line: usize,
    pub(super) what: T,
}

/// A text that is no TOML.
#[derive(Debug)]
pub(super) struct NotToml {
    pub(super) line: Option<usize>,
    pub(super) why: String,
}

/// A table's entries, in the order of the file.
pub(super) struct Table<'a> {
    text: &'a str,
    entries: Vec<(At<String>, At<DeValue<'a>>)>,
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
            let key = At { line: key_line, what: key.into_inner().into_owned() };
            (key, At { line, what: value.into_inner() })
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

    pub(super) fn entries(&self) -> impl Iterator<Item = (At<&str>, At<&DeValue<'a>>)> {
        self.entries.iter().map(|(key, value)| {
            let key = At { line: key.line, what: key.what.as_str() };
            (key, At { line: value.line, what: &value.what })
        })
    }

    /// The texts of a value that is a list of texts.
    pub(super) fn texts(&self, value: &DeValue<'a>) -> Option<Vec<At<String>>> {
        let DeValue::Array(array) = value else {
            return None;
        };
        let texts = array.iter().map(|one| {
            let text = one.get_ref().as_str()?.to_owned();
            Some(At { line: line_at(self.text, one), what: text })
        });
        texts.collect()
    }
}

/// A number as it is in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Fraction(f64),
}

impl Number {
    /// `None` of what is no number, or one of more than 64 bits.
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

/// The name that `given` was most likely meant to be.
pub(super) fn meant<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|name| (distance(given, name), name));
    // A third of a name that is wrong is another name.
    let near = near.filter(|&(distance, name)| distance <= name.len().div_ceil(3).min(4));
    near.min_by_key(|&(distance, _)| distance).map(|(_, name)| name)
}

/// How many letters must be put in, left out or changed to make one of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_near() {
        let known = ["lingering-at-end", "lingering-peak", "peak-fds", "peak-mappings"];
        assert_eq!(meant("lingring-at-end", known), Some("lingering-at-end"));
        assert_eq!(meant("peak-fd", known), Some("peak-fds"));
        assert_eq!(meant("throughput", known), None);
        assert_eq!([distance("", "abc"), distance("kitten", "sitting")], [3, 3]);
    }
}
