//! `T_1 = −ln|x_1|/r_1 + t_h`: the first escape of two layers from a small start   (Jacot et al.
//! 2021; Li, Luo & Lyu 2021; for squared error Saxe et al. 2014).
//!
//! With `−∇C(0) = Σ σ_i u_i v_iᵀ` and `r_i = σ_i − 2λ`, the hidden-space vectors `x_i = (W_1 v_i +
//! W_2ᵀ u_i)/2` of the start grow as `e^{r_i t}`; the other halves decay, so the start need not be
//! balanced. `t_h` is the time at which the way of rank one from 0 to the next saddle, normalised
//! as `e^{2 r_1 τ} u_1 v_1ᵀ`, meets the level; for squared error
//! `t_h = (1/2r_1) ln[ℓ r_1/(r_1 − ℓ)]`.
//!
//! The error falls as `α^{1−r_2/r_1}` with the size `α` of the start: what escapes carries
//! `x_2·x_1/|x_1|` of mode 2. For squared error mode 2 acts at second order only and the exponent
//! doubles. This is an argument, confirmed by integration, not a theorem.

use super::growth::Growth;
use super::heteroclinic::Way;
use super::unmet::Unmet;
use crate::linalg::{Mat, MatRef, multiply, zeros};
use crate::model::Cost;

/// What roundoff leaves of times, relative to their terms.
pub(super) const ROUNDOFF: f64 = 1e-14;

/// Growth, overlaps and the time of the first escape.
#[derive(Debug, Clone)]
pub struct FirstEscape {
    /// What grows at `A = 0`.
    pub growth: Growth,
    /// `ln|x_1|`.
    pub log_overlap: f64,
    /// `T_0 = −ln|x_1|/r_1`: the time at which the way of rank one has `τ = 0`.
    pub origin: f64,
    /// `t_h`.
    pub passage: f64,
    /// `T_1 = T_0 + t_h`.
    pub time: f64,
    /// Estimate of the error: twice the first neglected terms.
    pub error: f64,
}

/// `x_i` of the start, scaled so that they neither over- nor underflow.
pub(super) struct Overlaps {
    /// Columns `e^{−scale} x_i : h × min(n_0, n_L)`.
    pub x: Mat<f64>,
    pub scale: f64,
}

impl Overlaps {
    pub(super) fn new(
        growth: &Growth,
        w1: MatRef<'_, f64>,
        w2: MatRef<'_, f64>,
    ) -> Result<Self, Unmet> {
        let size = w1.norm_l1().max(w2.norm_l1());
        let sum = w1.norm_l1() + w2.norm_l1();
        if !sum.is_finite() {
            return Err(Unmet::NotFinite);
        }
        if sum == 0.0 {
            return Err(Unmet::ZeroOverlap);
        }
        let d = growth.directions.as_ref();
        let (v, u) = (d.subrows(0, w1.ncols()), d.subrows(w1.ncols(), w2.nrows()));
        let mut x = zeros(w1.nrows(), d.ncols());
        let (below, above) = (w1 * faer::Scale(1.0 / size), w2 * faer::Scale(1.0 / size));
        multiply(x.as_mut(), false, 0.5, below.as_ref(), v);
        multiply(x.as_mut(), true, 0.5, above.transpose(), u);
        Ok(Self {
            x,
            scale: size.ln(),
        })
    }

    /// `x_i·x_1/|x_1|`, `i ≥ 2`, each times `e^{r_i t}`.
    fn carried(&self, growth: &Growth, t: f64) -> Vec<f64> {
        let first = self.x.col(0);
        let along = |i: usize| first.transpose() * self.x.col(i) / first.norm_l2();
        let grown = |i: usize| (self.scale + growth.rates[i] * t).exp();
        (1..self.x.ncols()).map(|i| along(i) * grown(i)).collect()
    }

    /// `Σ_{i≥2} |x_i|² e^{2 r_i t}`.
    fn others(&self, growth: &Growth, t: f64) -> f64 {
        let grown = |i: usize| (2.0 * (self.scale + growth.rates[i] * t)).exp();
        (1..self.x.ncols())
            .map(|i| self.x.col(i).squared_norm_l2() * grown(i))
            .sum()
    }
}

/// The first time at which `σ_1(A)` reaches `level`, for `A = w2 w1` under `C(A) + l2 ‖θ‖²`.
///
/// Assumes a small start; how small is what `error` says.
///
/// # Errors
/// The assumption that does not hold: shapes that fit, `r_1 > 0` alone at the top, `x_1 ≠ 0`, a
/// level below the next saddle.
pub fn first_escape(
    cost: &Cost,
    l2: f64,
    w1: MatRef<'_, f64>,
    w2: MatRef<'_, f64>,
    level: f64,
) -> Result<FirstEscape, Unmet> {
    let (rows, cols) = cost.shape();
    if (w2.nrows(), w1.ncols()) != (rows, cols) || w1.nrows() != w2.ncols() {
        return Err(Unmet::Shapes);
    }
    let zero = zeros(rows, cols);
    let growth = Growth::at(cost, l2, zero.as_ref(), 0)?;
    let rate = growth.first(0.0)?;
    let overlaps = Overlaps::new(&growth, w1, w2)?;
    let first = overlaps.x.col(0).norm_l2();
    if first <= f64::EPSILON {
        return Err(Unmet::ZeroOverlap);
    }
    let log_overlap = overlaps.scale + first.ln();
    let origin = -log_overlap / rate;
    let leave = || Way::new(cost, l2, (zero.as_ref(), 0), &growth, 0, level);
    let passage = match cost {
        Cost::SquaredError { .. } => logistic_passage(rate, level)?,
        _ => leave()?.event()?,
    };
    // What escapes carries a part of the other modes: the same way with that part in it.
    let mut disturbed = leave()?;
    disturbed.perturb(&growth, &overlaps.carried(&growth, origin));
    let shift = disturbed
        .event()
        .map_or(f64::INFINITY, |t| (t - passage).abs());
    let others = overlaps.others(&growth, origin + passage) / (2.0 * rate * level);
    Ok(FirstEscape {
        log_overlap,
        origin,
        passage,
        time: origin + passage,
        error: 2.0 * (shift + others) + ROUNDOFF * (origin.abs() + passage.abs()),
        growth,
    })
}

/// `(1/2r) ln[ℓ r/(r − ℓ)]`: when `s = r/(1 + r e^{−2rτ})` is `ℓ`.
///
/// # Errors
/// `LevelNotReached` unless `0 < ℓ < r`.
pub fn logistic_passage(rate: f64, level: f64) -> Result<f64, Unmet> {
    if !(level > 0.0 && level < rate) {
        return Err(Unmet::LevelNotReached);
    }
    Ok((level.ln() - (-level / rate).ln_1p()) / (2.0 * rate))
}
