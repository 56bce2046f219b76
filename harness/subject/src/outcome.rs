//! Outcomes of steps, compared with those that they must have.

use leakbench_scenarios::Outcome;

use crate::{Subject, SubjectError};

/// The value of a step that must be done; `None` of a step that must fail and did.
///
/// # Errors
/// The step has another outcome than it must. The message has both, unless it failed for a reason
/// that no mode expects.
pub(super) fn expect<T>(
    expected: Outcome,
    result: Result<T, SubjectError>,
) -> Result<Option<T>, SubjectError> {
    match result {
        Ok(value) if expected == Outcome::Done => Ok(Some(value)),
        Ok(_) => Err(SubjectError::new(format!(
            "the step did not fail (expected: {expected}, outcome: {})",
            Outcome::Done
        ))),
        Err(error) if error.outcome() == expected => Ok(None),
        Err(error) if expected == Outcome::Done && error.outcome() == Outcome::Failed => Err(error),
        Err(error) => {
            let found = error.outcome();
            Err(error.with_words(&format!("(expected: {expected}, outcome: {found})")))
        }
    }
}

/// Drops an instance on another thread.
pub(super) fn drop_elsewhere<S: Subject>(subject: &S, instance: S::Instance) {
    // A panic there is one here.
    std::thread::scope(|scope| {
        scope.spawn(|| subject.drop_instance(instance));
    });
}
