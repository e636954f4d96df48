//! How far a Gaussian start of variance `σ² = w^{−γ}` in `L` layers of width `w` (inputs and outputs
//! fixed) is from the nearest global minimum of `½‖A − A*‖²` and from the nearest saddle, for wide
//! layers. `γ < 1` is lazy: `d_min ≪ d_saddle`; `γ > 1` passes saddles (Jacot et al. 2021, for the
//! exponents).
//!
//! The constants are sharper than in the paper and are not proved here; each estimate says what it
//! rests on. All are leading terms: relative corrections vanish as `w` grows, some as slowly as
//! `w^{(1−γ)/2}`.

use super::schatten::representation_cost;

/// What an estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Derived to leading order and observed in computations; not proved.
    Observed,
    /// An argument that was not checked; not proved.
    Heuristic,
    /// Nothing nearer is known, but it may exist; not proved.
    UpperBound,
}

/// A distance in the space of all weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    pub value: f64,
    pub status: Status,
}

/// Distance to the nearest global minimum.
///
/// - `γ < 1`: `‖A* − A(0)‖_F L^{−1/2} w^{−(L−1)(1−γ)/2}`, `residual` being that norm. Observed for
///   `L` = 2, 3, 4.
/// - `γ > 1`: `(L Σ_i s*_i^{2/L})^{1/2}`, that of the nearest minimum from the origin, `target` being the
///   `s*_i`. Observed for `L` = 2, 3.
/// - `None` for `γ = 1`, where it depends on the draw.
pub fn distance_to_minimum(
    depth: usize,
    width: usize,
    gamma: f64,
    residual: f64,
    target: &[f64],
) -> Option<Distance> {
    let (l, w) = (depth as f64, width as f64);
    let observed = |value| Distance {
        value,
        status: Status::Observed,
    };
    if gamma < 1.0 {
        let kernel = l * w.powf((l - 1.0) * (1.0 - gamma));
        return Some(observed(residual / kernel.sqrt()));
    }
    (gamma > 1.0).then(|| observed(representation_cost(depth, target).sqrt()))
}

/// Distance to the nearest saddle.
///
/// - `γ < 1`: `√2 w^{(1−γ)/2}`, to a saddle that lacks one mode of the target. Observed for `L = 2`; for
///   `L ≥ 3` a heuristic.
/// - `γ > 1`: `(n_0 + n_L)^{1/2} w^{(1−γ)/2}`, to the points with `W_1 = 0` and `W_L = 0`, which are
///   critical whatever the other layers are: an upper bound.
/// - `None` for `γ = 1`, where it depends on the draw, and for `L = 1`, which has no saddle.
pub fn distance_to_saddle(
    depth: usize,
    width: usize,
    gamma: f64,
    inputs: usize,
    outputs: usize,
) -> Option<Distance> {
    let layer = (width as f64).powf(0.5 * (1.0 - gamma));
    let status = match depth {
        0 | 1 => return None,
        2 => Status::Observed,
        _ => Status::Heuristic,
    };
    if gamma < 1.0 {
        let value = 2_f64.sqrt() * layer;
        return Some(Distance { value, status });
    }
    (gamma > 1.0).then(|| Distance {
        value: ((inputs + outputs) as f64).sqrt() * layer,
        status: Status::UpperBound,
    })
}
