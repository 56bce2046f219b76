//! Budgets and baselines.

use leakbench_reports::gate::{Baseline, Budget};
use leakbench_scenarios::Options;

/// Reads bytes as a budget, as the options of a run beside it, and as a baseline.
///
/// # Panics
/// If a baseline is not the same after it is written and read again, or an error has no text.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Budget::parse(text, "budget.toml") {
        check_error(&error.to_string());
    }
    if let Err(error) = Options::from_run_table(text, "budget.toml") {
        check_error(&error.to_string());
    }
    check_baseline(text);
    // Few inputs are a baseline, so each one is also the command of one, with all characters escaped.
    let command: String = text.chars().map(|char| format!("\\U{:08x}", u32::from(char))).collect();
    check_baseline(&format!("version = 1\n[run.\"{command}\"]\nlingering-at-end = 7\n"));
}

/// Reads a baseline, writes it and reads it again.
fn check_baseline(text: &str) {
    match Baseline::parse(text, "baseline.toml") {
        Ok(baseline) => {
            let written = baseline.to_text();
            assert_eq!(
                Baseline::parse(&written, "baseline.toml").as_ref(),
                Ok(&baseline),
                "{written}"
            );
        }
        Err(error) => check_error(&error.to_string()),
    }
}

/// A message is one line.
fn check_error(message: &str) {
    assert!(!message.is_empty() && !message.contains('\n'), "{message:?}");
}
