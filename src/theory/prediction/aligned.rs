//! Single modes in closed form: a balanced start aligned with the target, squared error.

use super::{Declined, Prediction, Predictions, Quantity, Question, Reach};
use crate::linalg::{Mat, MatRef, Svd, product, svd};
use crate::model::{Cost, Network, Problem};
use crate::theory::balance::{ROUNDOFF, is_multiple_of_identity};
use crate::theory::{mode_strength, weight_decay};

const RESULT: &str = "modes one by one, in closed form";
const FORMULA: &str = "t = int ds / (L s^(2-2/L) (s* - s) - 2 lambda L s)";

/// Least `a_r(0)` in units of the largest: below it fewer than nine digits of `a_r(0)` are left in
/// the product of the layers, and escape times would be those of its roundoff.
const LEAST_START: f64 = 1e-6;
/// Roundoff of `a_r(0)` in units of the largest.
const START_ERROR: f64 = 16.0 * f64::EPSILON;
/// Relative error of a time or strength in closed form.
const FORM_ERROR: f64 = 1e-13;
/// Singular values below this part of the largest are not predicted: runs do not promise them.
const VISIBLE: f64 = 1e-3;
/// A mode counts as settled within this part of its limit.
const SETTLED: f64 = 1e-10;

/// The modes of a problem, each following `ds/dt = L s^{2−2/L} (s* − s) − 2λ L s`.
struct Modes {
    depth: usize,
    l2: f64,
    /// `(a_r(0), s*_r)` where the start is known well enough.
    known: Vec<(f64, f64)>,
    /// Roundoff of the starts.
    start_error: f64,
    /// Whether a mode with something to learn is missing.
    incomplete: bool,
}

pub(super) fn predict(question: &Question<'_>) -> Predictions {
    let modes = match Modes::of(question.problem) {
        Ok(modes) => modes,
        Err(reason) => {
            return Predictions {
                declined: vec![Declined::new(RESULT, reason)],
                ..Predictions::default()
            };
        }
    };
    let levels = question.levels();
    let escapes = levels
        .iter()
        .take(modes.known.len())
        .enumerate()
        .filter_map(|(i, &level)| modes.escape(i, level));
    let finals = modes.finals(question.horizon);
    Predictions {
        offered: escapes.chain(finals).collect(),
        ..Predictions::default()
    }
}

impl Modes {
    fn of(problem: &Problem) -> Result<Self, &'static str> {
        let Cost::SquaredError { target } = &problem.cost else {
            return Err("the cost is not the squared error");
        };
        if !is_balanced(&problem.network, &problem.initial_weights) {
            return Err("the start is not balanced");
        }
        let strengths =
            aligned_strengths(problem, target).ok_or("the start is not aligned with the target")?;
        let strongest = strengths
            .iter()
            .fold(0.0, |m: f64, (start, _)| m.max(*start));
        let is_known = |(start, _): &(f64, f64)| *start > LEAST_START * strongest;
        let largest = strengths
            .iter()
            .fold(0.0, |m: f64, (_, target)| m.max(*target));
        let missing = |m: &(f64, f64)| !is_known(m) && m.1 > ROUNDOFF * largest;
        Ok(Self {
            incomplete: strengths.iter().any(missing),
            depth: problem.network.depth(),
            l2: problem.l2,
            known: strengths.into_iter().filter(is_known).collect(),
            start_error: START_ERROR * strongest,
        })
    }

    /// `ds/dt`.
    fn speed(&self, s: f64, target: f64) -> f64 {
        let l = self.depth as f64;
        l * s.powf(2.0 - 2.0 / l) * (target - s) - 2.0 * self.l2 * l * s
    }

    /// The mode that is the `i`-th to reach `level`, from 0: then `σ_{i+1}` passes it. With its time.
    fn reaches(&self, i: usize, level: f64) -> Option<(f64, f64, f64)> {
        let time = |&(start, target): &(f64, f64)| match start >= level {
            true => 0.0,
            // Negative: on its way down it was there before.
            false => match weight_decay::time_between(self.depth, target, self.l2, start, level) {
                time if time >= 0.0 => time,
                _ => f64::INFINITY,
            },
        };
        let mut times: Vec<_> = self.known.iter().map(|m| (time(m), m.0, m.1)).collect();
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        times.get(i).copied()
    }

    /// When `σ_{i+1}` passes its level, or that it never does.
    fn escape(&self, i: usize, level: f64) -> Option<Prediction> {
        let (time, start, target) = self.reaches(i, level)?;
        if time == 0.0 {
            return None;
        }
        if time.is_finite() {
            let shift = self.start_error / self.speed(start, target).abs();
            let error = FORM_ERROR * time + shift;
            let curve = match self.l2 == 0.0 {
                true => curve(self.depth, target, start),
                false => Vec::new(),
            };
            return Some(self.offer(Quantity::EscapeTime, i, time, error, curve));
        }
        let mut limits: Vec<f64> = self.known.iter().map(|m| self.limit(m)).collect();
        limits.sort_by(|a, b| b.total_cmp(a));
        let value = limits[i];
        (value < level)
            .then(|| self.offer(Quantity::Trapped, i, value, FORM_ERROR * value, Vec::new()))
    }

    fn limit(&self, &(start, target): &(f64, f64)) -> f64 {
        weight_decay::limit(self.depth, target, self.l2, start)
    }

    /// `σ_1, σ_2, …` at the horizon, if all are known.
    fn finals(&self, horizon: f64) -> Vec<Prediction> {
        if self.incomplete {
            return Vec::new();
        }
        let ends: Option<Vec<_>> = self.known.iter().map(|m| self.at(m, horizon)).collect();
        let mut ends = ends.unwrap_or_default();
        ends.sort_by(|a, b| b.0.total_cmp(&a.0));
        let largest = ends.first().map_or(0.0, |end| end.0);
        ends.retain(|end| end.0 >= VISIBLE * largest);
        let offer = |(i, (value, error)): (usize, (f64, f64))| {
            self.offer(Quantity::FinalSingularValue, i, value, error, Vec::new())
        };
        ends.into_iter().enumerate().map(offer).collect()
    }

    /// Strength of a mode at time `t` and its error; with regularisation only once it is settled.
    fn at(&self, mode: &(f64, f64), t: f64) -> Option<(f64, f64)> {
        let (start, target) = *mode;
        if self.l2 == 0.0 {
            let s = mode_strength::strength_at(self.depth, target, start, t);
            // The time is good to its last digit, and the start to its own error.
            let slip = f64::EPSILON * t + self.start_error / self.speed(start, target).abs();
            let error = FORM_ERROR * s + (self.speed(s, target) * slip).abs();
            return error.is_finite().then_some((s, error));
        }
        let limit = self.limit(mode);
        let near = match start < limit {
            true => limit * (1.0 - SETTLED),
            false => limit * (1.0 + SETTLED),
        };
        let needed = weight_decay::time_between(self.depth, target, self.l2, start, near);
        (limit > 0.0 && needed < t).then_some((limit, SETTLED * limit))
    }

    fn offer(
        &self,
        quantity: Quantity,
        i: usize,
        value: f64,
        error: f64,
        curve: Vec<(f64, f64)>,
    ) -> Prediction {
        Prediction {
            quantity,
            mode: i + 1,
            value,
            error,
            reach: Reach::ClosedForm,
            formula: FORMULA,
            assumptions: vec!["squared error", "balanced start", "aligned start"],
            curve,
        }
    }
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
            (mode_strength::time_between(depth, target, start, s), s)
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
    let half = product(basis.u.transpose(), a);
    product(half.as_ref(), basis.v.as_ref())
}
