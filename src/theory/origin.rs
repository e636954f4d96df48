//! Where weight decay wins: the basin of the origin of `C(A) + λ‖θ‖²`, `C` convex, `L ≥ 2`.
//!
//! `d‖θ‖²/dt = −2L⟨A, ∇C(A)⟩ − 4λ‖θ‖²`; convexity gives `⟨A, ∇C(A)⟩ ≥ ⟨A, ∇C(0)⟩ ≥ −g‖A‖_*`,
//! `g = ‖∇C(0)‖_2`, and `L Σ σ_i^{2/L} ≤ ‖θ‖²` gives `‖A‖_* ≤ x^{L/2}`, `x = ‖θ‖²/L`. So
//!
//! `dx/dt ≤ 2x (g x^{(L−2)/2} − 2λ)`:
//!
//! where the bracket is negative it stays so and the weights go to 0. For `L = 2` that is everywhere once
//! `λ > g/2`, and `A = 0` is then the global minimum; for `L ≥ 3` a ball of `‖θ‖² < L(2λ/g)^{2/(L−2)}` for every
//! `λ > 0`, whatever better minima there are. For one balanced mode it is `s < (2λ/s*)^{L/(L−2)}`, to
//! leading order `s_−`.

use super::weight_decay::{critical_l2, global_l2};
use crate::linalg::{MatRef, svd};
use crate::model::{Cost, Problem};

/// Singular value of the target, relative to the largest, that counts as absent.
const ABSENT: f64 = 1e-12;

/// Values of `λ` at which a mode is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// From here on no critical point has the mode.
    pub critical: f64,
    /// From here on the global minimum lacks it.
    pub global: f64,
}

/// Whether the flow from weights with `‖θ‖²` = `norm_sq` is known to go to the origin; `slope` is
/// `‖∇C(0)‖_2`. A sufficient condition.
pub fn tends_to_origin(depth: usize, l2: f64, slope: f64, norm_sq: f64) -> bool {
    let l = depth as f64;
    let pull = slope * (norm_sq / l).powf(0.5 * (l - 2.0));
    depth >= 2 && l2 > 0.0 && pull < 2.0 * l2
}

/// `‖∇C(0)‖_2`; infinite where it cannot be had.
pub fn slope(cost: &Cost) -> f64 {
    let largest =
        svd(cost.gradient_at_origin().as_ref()).and_then(|parts| parts.s.first().copied());
    largest.unwrap_or(f64::INFINITY)
}

/// Singular values of a target, decreasing, without absent ones.
pub fn present_modes(target: MatRef<'_, f64>) -> Vec<f64> {
    let values = svd(target).map_or(Vec::new(), |t| t.s);
    let floor = ABSENT * values.first().copied().unwrap_or(0.0);
    values.into_iter().filter(|s| *s > floor).collect()
}

/// Thresholds of the modes, by decreasing strength: for squared error of the modes of the target that the
/// narrowest layer lets through; of the first mode, `‖∇C(0)‖_2/2` for both, for every other cost and
/// `L = 2`; else none is known.
pub fn thresholds(problem: &Problem) -> Vec<Threshold> {
    let depth = problem.network.depth();
    let of = |s: f64| Threshold {
        critical: critical_l2(depth, s),
        global: global_l2(depth, s),
    };
    match &problem.cost {
        Cost::SquaredError { target } if depth >= 2 => {
            let modes = present_modes(target.as_ref()).into_iter();
            modes.take(problem.network.max_rank()).map(of).collect()
        }
        cost if depth == 2 => vec![of(slope(cost))],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::weight_decay::stationary;

    /// A balanced mode has `‖θ‖² = L s^{2/L}` and dies out below `s_−`, which is above the bound and close
    /// to it for small `λ`.
    #[test]
    fn the_ball_of_a_scalar_mode_ends_just_below_its_lower_root() {
        for depth in 3..8 {
            let (l, target, l2) = (depth as f64, 1.7, 1e-5);
            let lower = stationary(depth, target, l2).expect("roots").lower;
            let norm_sq = |s: f64| l * s.powf(2.0 / l);
            assert!(!tends_to_origin(depth, l2, target, norm_sq(lower)));
            // s_− = (2λ/(s* − s_−))^{L/(L−2)}
            let near = lower * (1.0 - 2.0 * l / (l - 2.0) * lower / target) * (1.0 - 1e-12);
            assert!(tends_to_origin(depth, l2, target, norm_sq(near)), "{depth}");
        }
    }

    #[test]
    fn two_layers_have_one_threshold_and_one_layer_has_none() {
        assert!(tends_to_origin(2, 0.86, 1.7, 1e9));
        assert!(!tends_to_origin(2, 0.84, 1.7, 1e-9));
        assert!(!tends_to_origin(1, 9.0, 1.7, 1e-9));
        assert!(!tends_to_origin(3, 0.0, 1.7, 0.0));
    }
}
