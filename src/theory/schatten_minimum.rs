//! Minima of `C(A) + λL ‖A‖_{2/L}^{2/L}`, `‖A‖_p^p = Σ σ_i^p`: what the minima of `C(A) + λ‖θ‖²` are on the
//! side of the map (Srebro, Rennie & Jaakkola 2004 for `L = 2`, the nuclear norm; Dai, Karzand & Srebro
//! 2021 for any depth).
//!
//! Accelerated proximal gradient steps with restarts (Beck & Teboulle 2009; O'Donoghue & Candès 2015),
//! `A ← prox(B − η ∇C(B))`, `B` a little ahead of `A`: the proximal map acts on each singular value `t` alone and
//! goes to a minimum of `½(s − t)² + ηλL s^{2/L}`. For `L = 2` that is soft thresholding, the problem is
//! convex and every limit is the global minimum. For `L ≥ 3` there are two: 0, a minimum always since the
//! slope is infinite there, and `s_+`; modes that are present go to `s_+` while it exists, absent ones stay
//! absent, so that the limit is a local minimum next to the start. Nothing here knows of weights.

use super::weight_decay::stationary;
use crate::linalg::{Mat, MatRef, product, representation_cost, svd, zeros};
use crate::model::Cost;

const STEPS: usize = 200_000;
/// Relative move at which the iteration rests.
const RESTS: f64 = 1e-15;
/// Power steps for the largest curvature.
const POWER_STEPS: usize = 200;

/// A limit of the iteration.
#[derive(Debug, Clone)]
pub struct SchattenMinimum {
    pub end_to_end: Mat<f64>,
    /// `C(A) + λL Σ σ_i^{2/L}`.
    pub objective: f64,
}

/// The minimum that proximal gradient steps lead to from the `rank` largest modes of `start`; for `L = 2`
/// all modes take part. `None` where something is not finite. `depth ≥ 2`, `l2 > 0`.
pub fn schatten_minimum(
    cost: &Cost,
    depth: usize,
    l2: f64,
    start: MatRef<'_, f64>,
    rank: usize,
) -> Option<SchattenMinimum> {
    let step = 0.95 / largest_curvature(cost)?;
    let most = if depth > 2 { rank } else { usize::MAX };
    let (mut at, mut ahead) = (start.to_owned(), start.to_owned());
    let mut momentum = 1.0_f64;
    let mut present = Vec::new();
    let (rows, cols) = cost.shape();
    let mut gradient = zeros(rows, cols);
    let mut scratch = cost.scratch();
    for _ in 0..STEPS {
        cost.gradient(ahead.as_ref(), gradient.as_mut(), &mut scratch);
        let moved = &ahead - &gradient * faer::Scale(step);
        let (next, strengths) = proximal(moved.as_ref(), depth, step * l2, most)?;
        present = strengths;
        let by = &next - &at;
        // Momentum that points back is dropped.
        let back = &ahead - &next;
        let uphill = back.col_iter().zip(by.col_iter());
        let uphill: f64 = uphill.map(|(x, y)| x.transpose() * y).sum();
        let grown = 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt());
        let carry = if uphill > 0.0 {
            0.0
        } else {
            (momentum - 1.0) / grown
        };
        momentum = if uphill > 0.0 { 1.0 } else { grown };
        let size = by.norm_l2();
        ahead = &next + by * faer::Scale(carry);
        at = next;
        if size <= RESTS * at.norm_l2() {
            break;
        }
    }
    // From the strengths themselves: roundoff of absent modes has a visible power.
    let fit = cost.gradient(at.as_ref(), gradient.as_mut(), &mut scratch);
    let objective = fit + l2 * representation_cost(depth, present);
    objective.is_finite().then_some(SchattenMinimum {
        end_to_end: at,
        objective,
    })
}

/// The largest `most` singular values moved to their minima, the others to 0; with the values.
fn proximal(
    a: MatRef<'_, f64>,
    depth: usize,
    l2: f64,
    most: usize,
) -> Option<(Mat<f64>, Vec<f64>)> {
    let parts = svd(a)?;
    let moved = |t: f64| stationary(depth, t, l2).map_or(0.0, |found| found.upper);
    let of = |(k, t): (usize, &f64)| if k < most { moved(*t) } else { 0.0 };
    let strengths: Vec<f64> = parts.s.iter().enumerate().map(of).collect();
    let mut left = parts.u;
    for (k, s) in strengths.iter().enumerate() {
        left.col_mut(k).iter_mut().for_each(|x| *x *= s);
    }
    Some((product(left.as_ref(), parts.v.transpose()), strengths))
}

/// The largest eigenvalue of the cost's curvature, from above to 1 %.
pub(super) fn largest_curvature(cost: &Cost) -> Option<f64> {
    let (rows, cols) = cost.shape();
    let start = Mat::from_fn(rows, cols, |i, j| {
        1.0 + 0.1 * ((3 * i + 7 * j) as f64).sin()
    });
    let largest = cost.curvature_norm(start, POWER_STEPS);
    (largest > 0.0 && largest.is_finite()).then_some(1.01 * largest)
}
