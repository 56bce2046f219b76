//! One rule of a judge.

use super::Finding;

/// One rule of a judge. A rule reads the evidence `E` and reports what it finds.
#[derive(Debug)]
pub struct Rule<E> {
    /// Name of the rule in findings, e.g. `lingering-images`.
    pub name: &'static str,
    pub(crate) judge: fn(&E) -> Vec<Finding>,
}

impl<E> Rule<E> {
    /// The findings of this rule.
    pub(crate) fn findings(&self, evidence: &E) -> Vec<Finding> {
        (self.judge)(evidence)
    }
}
