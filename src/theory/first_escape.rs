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
//! doubles. The halves that decay are carried likewise, with `α^{1+r_2/r_1}`. Directions without a partner
//! (`n_0 ≠ n_L`) are carried as a mode that does not grow. What the start does to its own growth before the
//! escape is of order `α²`: the way begins at `A = 0`, not at `A(0)`. This is an argument, confirmed by integration, not a theorem.

use super::growth::Growth;
use super::heteroclinic::Way;
use super::schatten_minimum::largest_curvature;
use super::unmet::Unmet;
use crate::linalg::{Mat, MatRef, multiply, product, zeros};
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
    /// Relative error of every amplitude from what the start does before the escape.
    pub early: f64,
}

/// `x_i` of the start, scaled so that they neither over- nor underflow.
pub(super) struct Overlaps {
    /// Columns `e^{−scale} x_i : h × min(n_0, n_L)`.
    pub x: Mat<f64>,
    /// The halves that decay, `e^{−scale} (W_1 v_i − W_2ᵀ u_i)/2`.
    pub y: Mat<f64>,
    /// What the hidden neurons have in directions without a partner, `e^{−scale}` of it, and
    /// whether these are inputs.
    pub idle: Mat<f64>,
    pub idle_inputs: bool,
    pub scale: f64,
}

impl Overlaps {
    fn new(growth: &Growth, w1: MatRef<'_, f64>, w2: MatRef<'_, f64>) -> Result<Self, Unmet> {
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
        let (below, above) = (w1 * faer::Scale(1.0 / size), w2 * faer::Scale(1.0 / size));
        let above = above.transpose();
        let half = |sign: f64| {
            let mut half = zeros(w1.nrows(), d.ncols());
            multiply(half.as_mut(), false, 0.5, below.as_ref(), v);
            multiply(half.as_mut(), true, 0.5 * sign, above, u);
            half
        };
        let idle_inputs = w1.ncols() > w2.nrows();
        Ok(Self {
            x: half(1.0),
            y: half(-1.0),
            idle: match idle_inputs {
                true => outside(below.as_ref(), v),
                false => outside(above, u),
            },
            idle_inputs,
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

    /// The half of mode `i` that decays, as far as the neuron that escapes carries it: `e^{scale} y_i·x_1/|x_1|
    /// (v_i, −u_i)`.
    fn carried_decaying(&self, growth: &Growth, i: usize, inputs: usize) -> Vec<f64> {
        let first = self.x.col(0);
        let along = first.transpose() * self.y.col(i) / first.norm_l2() * self.scale.exp();
        let direction = growth.directions.col(i);
        let sign = |k: usize| if k < inputs { along } else { -along };
        let entries = direction.iter().enumerate();
        entries.map(|(k, d)| sign(k) * d).collect()
    }

    /// `(‖y‖ + ‖z‖)²` at `t`, of the halves that decay and what has no partner: the part of `A` that the mode has
    /// nothing to do with.
    fn beside(&self, growth: &Growth, l2: f64, t: f64) -> f64 {
        let decayed = |i: usize| ((-growth.rates[i] - 4.0 * l2) * t).exp();
        let square = |i: usize| (self.y.col(i).norm_l2() * decayed(i)).powi(2);
        let decaying: f64 = (0..self.y.ncols()).map(square).sum();
        let idle = self.idle.norm_l2() * (-2.0 * l2 * t).exp();
        (self.scale.exp() * (decaying.sqrt() + idle)).powi(2)
    }

    /// What the neuron that escapes carries without a partner, as a neuron `(input, output)`.
    fn carried_idle(&self, inputs: usize, outputs: usize) -> Vec<f64> {
        let first = self.x.col(0);
        let size = self.scale.exp() / first.norm_l2();
        let part = |i: usize| size * (first.transpose() * self.idle.col(i));
        let mut neuron = vec![0.0; inputs + outputs];
        let begin = if self.idle_inputs { 0 } else { inputs };
        for (i, entry) in neuron[begin..]
            .iter_mut()
            .enumerate()
            .take(self.idle.ncols())
        {
            *entry = part(i);
        }
        neuron
    }

    /// `|x_1|²/2r_1 + Σ |z|² ∫_0^t e^{2ρs} ds` over the other parts `z` of the start with their rates
    /// `ρ`: what the start adds to the logarithm of an amplitude per unit of curvature.
    fn early(&self, growth: &Growth, l2: f64, t: f64) -> f64 {
        let t = t.max(0.0);
        let size = 2.0 * self.scale;
        let span = |rate: f64| match rate * t {
            small if small.abs() < 1e-8 => size.exp() * t,
            _ => ((size + 2.0 * rate * t).exp() - size.exp()) / (2.0 * rate),
        };
        let grows = |i: usize| self.x.col(i).squared_norm_l2();
        let decays = |i: usize| self.y.col(i).squared_norm_l2() * span(-growth.rates[i] - 4.0 * l2);
        // What growth adds is in `carried` and `others`.
        let stays = |i: usize| grows(i) * span(growth.rates[i].min(0.0));
        let others: f64 = (1..self.x.ncols()).map(stays).sum();
        let decaying: f64 = (0..self.y.ncols()).map(decays).sum();
        let idle = self.idle.squared_norm_l2() * span(-2.0 * l2);
        size.exp() * grows(0) / (2.0 * growth.rates[0]) + others + decaying + idle
    }
}

/// `M (I − B Bᵀ)` for orthonormal columns `B`, all of them or with zeros for what is missing.
fn outside(m: MatRef<'_, f64>, basis: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = m.to_owned();
    let inner = product(m, basis);
    multiply(out.as_mut(), true, -1.0, inner.as_ref(), basis.transpose());
    out
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
    with_overlaps(cost, l2, [w1, w2], level).map(|(escape, _)| escape)
}

/// The same with the overlaps of the start, from which further escapes follow.
///
/// # Errors
/// Those of [`first_escape`].
pub(super) fn with_overlaps(
    cost: &Cost,
    l2: f64,
    [w1, w2]: [MatRef<'_, f64>; 2],
    level: f64,
) -> Result<(FirstEscape, Overlaps), Unmet> {
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
    disturbed.perturb_by(&overlaps.carried_idle(cols, rows), -2.0 * l2, origin);
    // From the start on: before it they would have been larger than they were.
    disturbed.go_to(-origin);
    for (i, rate) in growth.rates.iter().enumerate() {
        let half = overlaps.carried_decaying(&growth, i, cols);
        disturbed.perturb_by(&half, -rate - 4.0 * l2, origin);
    }
    let shift = disturbed
        .event()
        .map_or(f64::INFINITY, |t| (t - passage).abs());
    let others = overlaps.others(&growth, origin + passage)
        + overlaps.beside(&growth, l2, (origin + passage).max(0.0));
    let others = others / (2.0 * rate * level);
    let curvature = largest_curvature(cost).unwrap_or(0.0);
    let early = curvature * overlaps.early(&growth, l2, origin + passage);
    let escape = FirstEscape {
        log_overlap,
        origin,
        passage,
        time: origin + passage,
        error: 2.0 * (shift + others + early / rate) + ROUNDOFF * (origin.abs() + passage.abs()),
        early,
        growth,
    };
    Ok((escape, overlaps))
}

/// `(1/2r) ln[ℓ r/(r − ℓ)]`: when `s = r/(1 + r e^{−2rτ})` is `ℓ`.
///
/// `LevelNotReached` unless `0 < ℓ < r`.
fn logistic_passage(rate: f64, level: f64) -> Result<f64, Unmet> {
    if !(level > 0.0 && level < rate) {
        return Err(Unmet::LevelNotReached);
    }
    Ok((level.ln() - (-level / rate).ln_1p()) / (2.0 * rate))
}
