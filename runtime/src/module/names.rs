//! The names of functions, in one text.

/// The names of a module's functions. An empty name is none.
#[derive(Debug, Default)]
pub(crate) struct FuncNames {
    /// The names, one after the other.
    pub(super) text: String,
    /// For each function: where its name begins and ends in the text. Shorter than the list of
    /// functions if the last ones have none.
    pub(super) starts: Vec<u32>,
    pub(super) ends: Vec<u32>,
}

impl FuncNames {
    /// Sets the name of a function. Names have less than 4 GiB, as the binaries that contain them.
    pub(super) fn set(&mut self, func: usize, name: &str) {
        if func >= self.ends.len() {
            self.starts.resize(func + 1, 0);
            self.ends.resize(func + 1, 0);
        }
        self.starts[func] = self.text.len() as u32;
        self.text.push_str(name);
        self.ends[func] = self.text.len() as u32;
    }

    /// The name of a function.
    pub(crate) fn get(&self, func: usize) -> Option<&str> {
        let (&start, &end) = (self.starts.get(func)?, self.ends.get(func)?);
        self.text.get(start as usize..end as usize).filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_has_its_last_name() {
        let mut names = FuncNames::default();
        assert_eq!(names.get(0), None);
        for (func, name) in [(3, "third"), (1, "first"), (3, "again"), (4, "")] {
            names.set(func, name);
        }
        let all = (0..6).map(|func| names.get(func));
        assert!(all.eq([None, Some("first"), None, Some("again"), None, None]));
    }
}
