//! Numbers of the gate, for people and for TOML files.

use leakbench_model::text::grouped;

/// A number with as many decimals as matter: `1,500`, `12.3`, `0.0042`.
pub(super) fn figure(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 100.0 {
        let sign = if value < 0.0 && value.round() != 0.0 { "−" } else { "" };
        return format!("{sign}{}", grouped(value.abs().round() as u64));
    }
    // Two digits after the leading zeros.
    let places = (1.0 - value.abs().log10().floor()).clamp(1.0, 9.0) as usize;
    let text = format!("{value:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').replace('-', "−")
}

/// A share in percent: `69 %`, `0.012 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", figure(share * 100.0))
}

/// Rounds up to two digits: a peak without its noise.
pub(super) fn rounded_up(value: u64) -> u64 {
    let digits = value.checked_ilog10().unwrap_or(0);
    let unit = 10u64.pow(digits.saturating_sub(1));
    value.div_ceil(unit).saturating_mul(unit)
}

/// A whole number in TOML: `21_000_000`.
pub(super) fn toml_integer(value: u64) -> String {
    grouped(value).replace(',', "_")
}
