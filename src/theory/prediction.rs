//! Predictions for a problem, each with the assumptions it was found to satisfy.

use super::balance::{ROUNDOFF, is_multiple_of_identity};
use super::mode_strength::time_between;
use crate::linalg::{Mat, MatRef, Svd, multiply, svd};
use crate::model::{Cost, Network, Problem};

/// One number or curve that theory gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// `escape_time` (in time units of the flow).
    pub quantity: &'static str,
    /// Mode `k = 1, 2, …`.
    pub mode: usize,
    pub value: f64,
    /// The formula.
    pub formula: &'static str,
    /// What was checked and holds.
    pub assumptions: Vec<&'static str>,
    /// `(t, σ_k(t))`.
    pub curve: Vec<(f64, f64)>,
}

/// Least `a_r(0)` in units of the largest: below it fewer than nine digits of `a_r(0)` are left in
/// the product of the layers, and escape times would be those of its roundoff.
const LEAST_START: f64 = 1e-6;

/// Closed forms for the escape of each mode through `fraction` of its final value: a balanced
/// start aligned with the target, squared error, no regularisation. Empty otherwise.
pub fn predictions(problem: &Problem, fraction: f64) -> Vec<Prediction> {
    let Cost::SquaredError { target } = &problem.cost else {
        return Vec::new();
    };
    if problem.l2 != 0.0 || !is_balanced(&problem.network, &problem.initial_weights) {
        return Vec::new();
    }
    let Some(strengths) = aligned_strengths(problem, target) else {
        return Vec::new();
    };
    let depth = problem.network.depth();
    let largest = strengths.first().map_or(0.0, |(_, target)| *target);
    let strongest = strengths
        .iter()
        .fold(0.0, |m: f64, (start, _)| m.max(*start));
    strengths
        .iter()
        .enumerate()
        .filter(|(_, (start, target))| {
            let known = *start > LEAST_START * strongest;
            known && *target > ROUNDOFF * largest && *start < fraction * target
        })
        .map(|(k, &(start, target))| Prediction {
            quantity: "escape_time",
            mode: k + 1,
            value: time_between(depth, target, start, fraction * target),
            formula: "s*^(2/L-2) [Phi_L((fraction)^(1/L)) - Phi_L((s0/s*)^(1/L))]",
            assumptions: vec!["squared error", "balanced start", "aligned start", "l2 = 0"],
            curve: curve(depth, target, start),
        })
        .collect()
}

/// `(t, s)` from the start to within 1e-6 of the target, even in the logit of `s/s*`.
fn curve(depth: usize, target: f64, start: f64) -> Vec<(f64, f64)> {
    const POINTS: usize = 160;
    let logit = |s: f64| (s / (target - s)).ln();
    let (y0, y1) = (logit(start), logit(target * (1.0 - 1e-6)));
    (0..=POINTS)
        .map(|i| {
            let y = y0 + (y1 - y0) * i as f64 / POINTS as f64;
            let s = target / (1.0 + (-y).exp());
            (time_between(depth, target, start, s), s)
        })
        .collect()
}

/// `W_{l+1}ᵀ W_{l+1} = W_l W_lᵀ` for every hidden layer, up to roundoff.
fn is_balanced(network: &Network, weights: &[f64]) -> bool {
    let balanced = |l| {
        let (low, high) = (network.layer(weights, l), network.layer(weights, l + 1));
        is_multiple_of_identity(low, high, 0.0)
    };
    (1..network.depth()).all(balanced)
}

/// `(a_r(0), s*_r)` for each mode when `A(0)` is diagonal in the target's singular basis.
fn aligned_strengths(problem: &Problem, target: &Mat<f64>) -> Option<Vec<(f64, f64)>> {
    let network = &problem.network;
    let mut products = network.product_storage();
    network.prefix_products(&problem.initial_weights, &mut products);
    let start = products.pop()?;
    let basis = svd(target.as_ref())?;
    let rotated = rotate(&basis, start.as_ref());
    let k = basis.s.len();
    let diagonal: Vec<f64> = (0..k).map(|r| rotated[(r, r)]).collect();
    let kept: f64 = diagonal.iter().map(|a| a * a).sum();
    let lost = (start.squared_norm_l2() - kept).abs();
    let within: f64 = (0..k)
        .flat_map(|i| (0..k).map(move |j| (i, j)))
        .filter(|(i, j)| i != j)
        .map(|(i, j)| rotated[(i, j)] * rotated[(i, j)])
        .sum();
    let aligned = within.sqrt() <= ROUNDOFF * kept.sqrt() && lost <= ROUNDOFF * kept;
    aligned.then(|| diagonal.into_iter().zip(basis.s).collect())
}

/// `Uᵀ A V`.
fn rotate(basis: &Svd, a: MatRef<'_, f64>) -> Mat<f64> {
    let k = basis.s.len();
    let (mut half, mut out) = (Mat::zeros(k, a.ncols()), Mat::zeros(k, k));
    multiply(half.as_mut(), false, 1.0, basis.u.transpose(), a);
    multiply(out.as_mut(), false, 1.0, half.as_ref(), basis.v.as_ref());
    out
}
