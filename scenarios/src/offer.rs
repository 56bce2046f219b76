//! The choices of a runtime, and the settlement of a run's options with them.

use crate::flag;

use crate::options::{Offer, Scenario};
use crate::scenario::ScenarioError;
use crate::subject_name::SubjectName;
use crate::value::{Value, Word};

impl Offer {
    /// A runtime without choices.
    pub fn none(runtime: impl Into<String>) -> Offer {
        Offer { runtime: runtime.into(), ..Offer::default() }
    }

    /// Maximum of threads that drive the runtime.
    pub(crate) fn threads_max(&self) -> u32 {
        self.threads_max.map_or(Scenario::THREADS_MAX, |most| most.get().min(Scenario::THREADS_MAX))
    }
}

/// Settles the choices of a runtime, and refuses those that `subject` does not offer.
pub(crate) struct Settlement {
    pub(crate) subject: SubjectName,
}

impl Settlement {
    /// The word that was asked for, else the default; `None` if the runtime does not have the choice.
    pub(crate) fn word<T: Word>(
        &self,
        field: &str,
        asked: Option<T>,
        offered: &[T],
    ) -> Result<Option<T>, ScenarioError> {
        match asked {
            Some(word) if !offered.contains(&word) => {
                let offered = offered.iter().map(T::text).collect();
                Err(self.refused(field, word.text(), offered))
            }
            Some(word) => Ok(Some(word)),
            None => Ok(offered.first().copied()),
        }
    }

    /// The words that were asked for, all of which must be offered.
    pub(crate) fn several<T: Word>(
        &self,
        field: &str,
        asked: Vec<T>,
        offered: &[T],
    ) -> Result<Vec<T>, ScenarioError> {
        match asked.iter().find(|word| !offered.contains(word)) {
            Some(word) => {
                let offered = offered.iter().map(T::text).collect();
                Err(self.refused(field, word.text(), offered))
            }
            None => Ok(asked),
        }
    }

    /// The same for a number, of which the runtime takes any.
    pub(crate) fn amount<T: Value>(
        &self,
        field: &str,
        asked: Option<T>,
        offered: Option<T>,
    ) -> Result<Option<T>, ScenarioError> {
        match (asked, offered) {
            (Some(number), None) => Err(self.refused(field, number.text(), Vec::new())),
            (asked, offered) => Ok(asked.or(offered)),
        }
    }

    fn refused(&self, field: &str, given: String, offered: Vec<String>) -> ScenarioError {
        let subject = self.subject.clone();
        ScenarioError::NotOffered { subject, flag: flag::name(field), given, offered }
    }
}

/// Every word, the default first; none without a default.
pub(crate) fn default_first<T: Word>(default: Option<T>) -> Vec<T> {
    let others = T::ALL.iter().copied().filter(|word| Some(*word) != default);
    default.map_or(Vec::new(), |default| std::iter::once(default).chain(others).collect())
}
