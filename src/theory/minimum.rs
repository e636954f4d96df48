//! Minima of `½‖A − A*‖² + λ‖θ‖²`, one mode of the target after the other:
//! `min_{W_L…W_1 = A} ‖θ‖² = L Σ_i σ_i(A)^{2/L}` leaves `Σ_i ½(s_i − s*_i)² + λL s_i^{2/L}`
//! (Srebro, Rennie & Jaakkola 2004 for `L = 2`; Dai, Karzand & Srebro 2021 for any depth).
//!
//! A mode is present in the global minimum, with strength `s_+`, if and only if `λ < λ_g(s*_i)`. For
//! `L ≤ 2` and for `λ = 0` there is no other local minimum (Kawaguchi 2016 for `λ = 0`). For `L ≥ 3`
//! and `λ > 0` the local minima are nested: the `k` largest modes at `s_+`, for every `k` from 0 to the
//! number of modes with `λ < λ_c(s*_i)`, as far as the widths permit.

use super::weight_decay::{global_l2, objective, stationary};

/// A minimum up to rotations of the hidden layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// `σ_1 ≥ σ_2 ≥ …` of `A`, one for each mode of the target.
    pub singular_values: Vec<f64>,
    /// Number of positive ones.
    pub rank: usize,
    /// `½‖A − A*‖² + λ‖θ‖²`.
    pub loss: f64,
}

/// The global minimum for `widths` `n_0 … n_L`, singular values `target` of `A*` in any order and
/// `l2 ≥ 0`. At `l2 = global_l2` the lower rank is given, at equal loss.
pub fn global_minimum(widths: &[usize], target: &[f64], l2: f64) -> Minimum {
    let (depth, sorted) = (depth(widths), decreasing(target));
    let present = |s: &&f64| **s > 0.0 && l2 < global_l2(depth, **s);
    let rank = sorted.iter().filter(present).count();
    nested(depth, &sorted, l2, rank.min(bottleneck(widths)))
}

/// All local minima, by increasing rank, under the same conditions and for distinct positive
/// `target`s. That these are all was checked against every critical point at depths 2 to 5; a proof
/// by the Hessian spectrum is in docs/theory.md.
pub fn local_minima(widths: &[usize], target: &[f64], l2: f64) -> Vec<Minimum> {
    let (depth, sorted) = (depth(widths), decreasing(target));
    if depth < 3 || l2 == 0.0 {
        return vec![global_minimum(widths, target, l2)];
    }
    let possible = |s: &&f64| stationary(depth, **s, l2).is_some();
    let most = sorted.iter().filter(possible).count();
    (0..=most.min(bottleneck(widths)))
        .map(|rank| nested(depth, &sorted, l2, rank))
        .collect()
}

/// The first `rank` modes at their upper stationary strength.
fn nested(depth: usize, sorted: &[f64], l2: f64, rank: usize) -> Minimum {
    let mode = |(i, &target): (usize, &f64)| match stationary(depth, target, l2) {
        Some(found) if i < rank => found.upper,
        _ => 0.0,
    };
    let singular_values: Vec<f64> = sorted.iter().enumerate().map(mode).collect();
    let costs = singular_values.iter().zip(sorted);
    let loss = costs.map(|(&s, &target)| objective(depth, target, l2, s));
    Minimum {
        rank,
        loss: loss.sum(),
        singular_values,
    }
}

fn depth(widths: &[usize]) -> usize {
    widths.len().saturating_sub(1)
}

/// The largest rank that `A` can have.
fn bottleneck(widths: &[usize]) -> usize {
    widths.iter().copied().min().unwrap_or(0)
}

pub(super) fn decreasing(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    sorted
}
