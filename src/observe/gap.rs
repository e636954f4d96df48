//! The gap of the Schatten identity, `‖θ‖² − L Σ σ_i^{2/L} ≥ 0`: how much shorter the weights could be at the
//! same `A`; 0 when they are balanced.

use super::trajectory::Row;

/// The gap in a row. Singular values beyond the rank are roundoff of the product, which the power would
/// make visible, and are left out.
pub fn schatten_gap(depth: usize, row: &Row) -> f64 {
    let power = 2.0 / depth as f64;
    let present = row.singular_values.iter().take(row.rank);
    let least: f64 = present.map(|s| s.powf(power)).sum();
    row.parameter_norm_sq - depth as f64 * least
}
