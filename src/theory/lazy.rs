//! How far a Gaussian start of variance `σ² = w^{−γ}` in `L` layers of width `w` (inputs and outputs
//! fixed) is from the nearest global minimum of `½‖A − A*‖²` and from the nearest saddle, for wide
//! layers. `γ < 1` is lazy: `d_min ≪ d_saddle`; `γ > 1` passes saddles (Jacot et al. 2021, for the
//! exponents).
//!
//! The constants are sharper than in the paper and are not proved here; each estimate says what it
//! rests on. All are leading terms: relative corrections vanish as `w` grows, some as slowly as
//! `w^{(1−γ)/2}`.

use super::schatten::representation_cost;
use crate::linalg::numerical_rank;

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
/// - `γ > 1`: `(2r)^{1/2} w^{(1−γ)/2}`, `r` the number of singular values of the `target` above 1e-12 of the
///   first, to the points without any of its modes, where `W_1` vanishes on its inputs, `W_L` into its
///   outputs and `A = 0`: an upper bound.
/// - `None` for `γ = 1`, where it depends on the draw, and for `L = 1`, which has no saddle.
pub fn distance_to_saddle(
    depth: usize,
    width: usize,
    gamma: f64,
    target: &[f64],
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
        value: ((2 * numerical_rank(target)) as f64).sqrt() * layer,
        status: Status::UpperBound,
    })
}

/// `max_u u (−½ ln u − ¾ + u − u²/4)` over `0 < u < 1`, see [`departure`].
const LARGEST_DEPARTURE: f64 = 0.0515426550131402;

/// Two layers, `½ < γ < 1`, squared error: `sup_t ‖A − A_lin‖_F/‖A*‖_F`, to leading order
/// `h ‖A*‖_6³/‖A*‖_F · w^{−2(1−γ)}`, `‖A*‖_6⁶ = Σ s*_i⁶`, `h = 0.0516…`.
///
/// With `τ = w^{1−γ}t`, `ε = w^{−(1−γ)}` and the kernel `w^{1−γ}(N_1 ⊗ I + I ⊗ N_2)` the products of the
/// layers obey `dA/dτ = −G N_1 − N_2 G`, `dN_1/dτ = −ε²(AᵀG + GᵀA)`, `dN_2/dτ = −ε²(AGᵀ + GAᵀ)`,
/// `G = A − A*`, exactly, from `N = I + O(w^{−1/2})` and `A(0) = O(w^{1/2−γ})`. To order `ε²`, with
/// `u = e^{−2τ}`, `N = I + ½ε² s*²(1 − u)²` and `A − A_lin = ε² s*³ u (−½ ln u − ¾ + u − u²/4)` in each mode.
/// `None` for other `γ`: at `γ = ½` the factor depends on the draw of `A(0)`.
pub fn departure(width: usize, gamma: f64, target: &[f64]) -> Option<f64> {
    let size = power_sum(target, 2).sqrt();
    let cubes = power_sum(target, 6).sqrt();
    small_start(gamma).then(|| LARGEST_DEPARTURE * cubes / size * movement(width, gamma))
}

/// `‖K − K_0‖_F/‖K_0‖_F` at the end, to leading order, where [`departure`] holds: `N_1` ends at
/// `I + ½ε² A*ᵀA*` and `N_2` at `I + ½ε² A*A*ᵀ`.
pub fn kernel_drift(
    width: usize,
    gamma: f64,
    target: &[f64],
    inputs: usize,
    outputs: usize,
) -> Option<f64> {
    let (squares, fourths) = (power_sum(target, 2), power_sum(target, 4));
    let (n, m) = (inputs as f64, outputs as f64);
    let moved = ((n + m) * fourths + 2.0 * squares * squares).sqrt();
    small_start(gamma).then(|| moved / (4.0 * (n * m).sqrt()) * movement(width, gamma))
}

/// How means and single starts of two layers come to their powers.
#[derive(Debug, Clone, PartialEq)]
pub struct Corrections {
    /// `q_1 < q_2 < …`, the first few.
    pub exponents: Vec<f64>,
    /// The inverse variance over starts of `ln` of a value grows as this power of `w`: `2γ − 1`.
    pub weight: f64,
}

/// Corrections that are given.
const MOST_CORRECTIONS: usize = 3;

/// The powers `q_i` of the corrections: for two layers the means over starts of `ln` of the lazy
/// distance and of the drift of the kernel are `ln c − 2(1−γ) ln w + Σ c_i w^{−q_i}`.
///
/// Both are analytic in `ε² = w^{−2(1−γ)}`, in the kernel's own deviation `w^{−1/2}X` and in
/// `A(0) = w^{1/2−γ}Z`. `W_2 → −W_2` turns `Z` and leaves `X`, and `X` has mean zero, so means have the
/// powers `a = 2(1−γ)` of `ε²`, `b = 2γ−1` of `Z²`, `1 = a + b` of `X²`, and their products: the
/// `q_i` are all `ia + jb > 0`. At `γ = ½` every order of `A(0)` is in `c`, and `b` drops out.
/// `None` outside `½ ≤ γ < 1`.
pub fn corrections(gamma: f64) -> Option<Corrections> {
    let (a, b) = (2.0 - 2.0 * gamma, 2.0 * gamma - 1.0);
    let constant = b.abs() < EQUAL;
    if !constant && !small_start(gamma) {
        return None;
    }
    let of_start = if constant { 0 } else { MOST_CORRECTIONS };
    let power = |i: usize, j: usize| i as f64 * a + j as f64 * b;
    let all = (0..=MOST_CORRECTIONS).flat_map(|i| (0..=of_start).map(move |j| power(i, j)));
    let mut exponents: Vec<f64> = all.filter(|q| *q > EQUAL).collect();
    exponents.sort_by(f64::total_cmp);
    exponents.dedup_by(|x, y| (*x - *y).abs() < EQUAL);
    exponents.truncate(MOST_CORRECTIONS);
    Some(Corrections {
        exponents,
        weight: b,
    })
}

/// Powers nearer than this are one.
const EQUAL: f64 = 1e-9;

fn small_start(gamma: f64) -> bool {
    gamma > 0.5 && gamma < 1.0
}

/// `ε² = w^{−2(1−γ)}`.
fn movement(width: usize, gamma: f64) -> f64 {
    (width as f64).powf(-2.0 * (1.0 - gamma))
}

fn power_sum(values: &[f64], power: i32) -> f64 {
    values.iter().map(|s| s.powi(power)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The leading equations for a scalar target by Euler's method with `ε → 0`: `d e/dτ = −2e + u·δN`,
    /// `dδN/dτ = 2u(1 − u)` (both halves of the kernel), in units of `ε²`.
    #[test]
    fn the_largest_departure_is_that_of_the_leading_equations() {
        let (mut kernel, mut e, mut largest) = (0.0_f64, 0.0_f64, 0.0_f64);
        let step = 1e-5;
        for k in 0..400_000 {
            let u = (-2.0 * step * f64::from(k)).exp();
            e += step * (u * 2.0 * kernel - 2.0 * e);
            kernel += step * 2.0 * u * (1.0 - u);
            largest = largest.max(e);
        }
        // Euler's error is of the size of the step.
        let found = departure(1, 0.75, &[1.0]).expect("a start that vanishes");
        assert!((found / largest - 1.0).abs() < 1e-4, "{found} {largest}");
        // ½ (1 − u)² at τ = 4.
        let half = 0.5 * (1.0 - (-8.0_f64).exp()).powi(2);
        assert!((kernel - half).abs() < 1e-4, "{kernel} {half}");
    }

    #[test]
    fn corrections_are_the_slowest_products() {
        for (gamma, expected) in [
            (0.5, [1.0, 2.0, 3.0]),
            (0.6, [0.2, 0.4, 0.6]),
            (0.75, [0.5, 1.0, 1.5]),
            // a = 0.2, b = 0.8: two corrections of ε² come first.
            (0.9, [0.2, 0.4, 0.6]),
            // a = 0.7, b = 0.3
            (0.65, [0.3, 0.6, 0.7]),
        ] {
            let found = corrections(gamma).expect("a lazy start");
            for (found, expected) in found.exponents.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{gamma}: {found}");
            }
        }
        assert_eq!(corrections(1.0), None);
        assert_eq!(corrections(0.4), None);
    }
}
