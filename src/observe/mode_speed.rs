//! Speeds of the modes beside those of a balanced network (Arora, Cohen, Hu & Luo 2019, theorem 3):
//!
//! `σ_r' = −L σ_r^{2−2/L} ⟨∇C, u_r v_rᵀ⟩ − 2λL σ_r`.
//!
//! Speeds are `σ_r' = ⟨dA/dt, u_r v_rᵀ⟩` with `dA/dt` from the layers.

use crate::linalg::{Mat, Svd, product, svd};

use super::measure::{Measurement, Probe};

/// `max_r |σ_r' − σ_r'(balanced)| / max_r |σ_r'|` over the modes above the numerical rank: 0 for balanced
/// weights. NaN where nothing moves.
pub(super) fn residual(probe: &mut Probe<'_>, m: &Measurement, weights: &[f64]) -> f64 {
    let Some(modes) = svd(m.end_to_end.as_ref()) else {
        return f64::NAN;
    };
    let speeds = along(&modes, &probe.velocity_at(weights));
    let pull = along(&modes, &probe.cost_gradient(&m.end_to_end));
    let (depth, l2) = (probe.network().depth() as f64, probe.l2());
    let balanced = |r: usize| {
        let s = modes.s[r];
        -depth * (s.powf(2.0 - 2.0 / depth) * pull[r] + 2.0 * l2 * s)
    };
    let count = probe.rank(m, probe.rank_tolerance());
    let largest = |value: &dyn Fn(usize) -> f64| (0..count).map(value).fold(0.0, f64::max);
    let off = largest(&|r| (speeds[r] - balanced(r)).abs());
    off / largest(&|r| speeds[r].abs())
}

/// `⟨X, u_r v_rᵀ⟩` for every mode.
fn along(modes: &Svd, x: &Mat<f64>) -> Vec<f64> {
    let images = product(x.as_ref(), modes.v.as_ref());
    let of = |r: usize| {
        (0..x.nrows())
            .map(|i| modes.u[(i, r)] * images[(i, r)])
            .sum()
    };
    (0..modes.s.len()).map(of).collect()
}
