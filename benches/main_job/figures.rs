//! Figures beside their budgets.

/// Prints one figure, its budget, and whether it is kept.
pub fn print(what: &str, value: f64, unit: &str, budget: f64) {
    let verdict = if value <= budget { "ok" } else { "OVER" };
    println!("  {what:<44} {value:>9.3} {unit:<4} budget {budget} {unit}: {verdict}");
}

/// The value that `percent` of the values do not exceed.
pub fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(f64::NAN)
}
