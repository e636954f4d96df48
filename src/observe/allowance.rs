//! What a method may get wrong in a step.
//!
//! One step of an adaptive method may move the weights off the flow by `δ = rtol·‖θ‖ + ‖atol‖`; the
//! second part is what is left where weights decay to 0. That explains `2δ‖θ‖` of imbalance,
//! `‖∇‖δ + ½ρδ²` of loss and, over a step of length `h`,
//! `h(2‖∇‖ρδ + ρ²δ²)` of `∫‖∇‖²`, where `ρ ≤ κS₁ + ‖∇C‖√(2S₂) + 2λ` bounds the Hessian and `κ` the
//! curvature of `C`. Each is allowed [`SAFETY`]
//! times, [`INSIDE`] times inside a step. Gradient descent has no tolerance but exact
//! laws of its own: a step changes `D_l` by at most `η²‖∇C-part‖²` beyond the decay
//! `(1 − 2λη)²`; the energy identity belongs to the flow and is skipped.

use crate::integrate::{Method, Options};
use crate::linalg::{Mat, norm};
use crate::model::Problem;

use super::measure::Measurement;

/// How often the errors of one step are allowed.
const SAFETY: f64 = 10.0;
/// The same for states inside a step: at its stability limit the dense output of an explicit
/// method is that much worse than its steps.
const INSIDE: f64 = 100.0;

/// How well the method follows the flow.
#[derive(Debug, Clone, Copy)]
enum Scheme {
    Adaptive {
        rtol: f64,
        /// `‖atol‖` over all weights.
        atol: f64,
    },
    Descent {
        learning_rate: f64,
    },
}

/// What the method of a run explains.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    scheme: Scheme,
    l2: f64,
    /// `κ`, a bound of `‖∇²C‖`.
    curvature: f64,
}

impl Allowance {
    pub fn new(problem: &Problem, options: &Options) -> Self {
        let scheme = match options.method {
            Method::GradientDescent { learning_rate } => Scheme::Descent { learning_rate },
            _ => Scheme::Adaptive {
                rtol: options.rtol,
                atol: norm(&options.atol),
            },
        };
        Self {
            scheme,
            l2: problem.l2,
            curvature: curvature_norm(problem),
        }
    }

    /// Whether the run follows the flow, in time.
    pub fn is_of_the_flow(&self) -> bool {
        matches!(self.scheme, Scheme::Adaptive { .. })
    }

    /// How far a step may move weights of squared norm `size` off the flow: `δ`.
    fn error(&self, size: f64) -> f64 {
        match self.scheme {
            Scheme::Adaptive { rtol, atol } => rtol * size.sqrt() + atol,
            Scheme::Descent { .. } => 0.0,
        }
    }

    /// Drift of the imbalance in a step.
    pub fn imbalance(&self, before: &Measurement, after: &Measurement) -> f64 {
        let size = before.parameter_norm_sq.max(after.parameter_norm_sq);
        let roundoff = 16.0 * f64::EPSILON * size;
        match self.scheme {
            Scheme::Adaptive { .. } => 2.0 * (SAFETY * self.error(size)) * size.sqrt() + roundoff,
            Scheme::Descent { learning_rate } => {
                let decay = 2.0 * self.l2 * before.parameter_norm_sq.sqrt();
                (learning_rate * (before.gradient_norm + decay)).powi(2) + roundoff
            }
        }
    }

    /// Gradient descent shrinks `D_l(0)`, of size `start`, by `(1 − 2λη)^{2t/η}`, the flow by `e^{−4λt}`.
    pub fn decay_mismatch(&self, time: f64, start: f64) -> f64 {
        let Scheme::Descent { learning_rate } = self.scheme else {
            return 0.0;
        };
        let steps = time / learning_rate;
        let discrete = (1.0 - 2.0 * self.l2 * learning_rate)
            .abs()
            .powf(2.0 * steps);
        // Between iterates weights are interpolated: half a step of either law more.
        let slack = 4.0 * self.l2 * learning_rate;
        ((discrete - (-4.0 * self.l2 * time).exp()).abs() + slack) * start
    }

    /// What an error of the weights may raise the loss by, to second order, and its own roundoff: at the end of a
    /// step and inside.
    pub fn rise(&self, before: &Measurement, after: &Measurement) -> [f64; 2] {
        let size = before.parameter_norm_sq.max(after.parameter_norm_sq);
        let slope = before.gradient_norm.max(after.gradient_norm);
        let end = self.hessian_bound(after);
        let inside = end.max(self.hessian_bound(before));
        [(SAFETY, end), (INSIDE, inside)].map(|(times, bend)| {
            let error = times * self.error(size) + 8.0 * f64::EPSILON * size.sqrt();
            error * (slope + 0.5 * bend * error) + 1e-13 * before.loss.abs() + f64::MIN_POSITIVE
        })
    }

    /// Difference between the fall of the loss in a step of length `h` and `∫‖∇‖²` from states inside it.
    pub fn energy(&self, before: &Measurement, after: &Measurement, h: f64) -> f64 {
        let size = before.parameter_norm_sq.max(after.parameter_norm_sq);
        let error = INSIDE * self.error(size);
        let pull = self.hessian_bound(after).max(self.hessian_bound(before)) * error;
        let slope = before.gradient_norm.max(after.gradient_norm);
        h * pull * (2.0 * slope + pull)
            + error * (slope + pull)
            + 1e-13 * before.loss.abs()
            + f64::MIN_POSITIVE
    }

    /// `ρ`.
    fn hessian_bound(&self, m: &Measurement) -> f64 {
        self.curvature * m.reach * m.reach + m.cost_gradient_norm * m.bend + 2.0 * self.l2
    }
}

/// `‖∇²C‖` by power iteration from a fixed matrix, with half of it as margin: 30 iterations are
/// within 15 % even for the slowest spectrum in 10⁴ dimensions.
fn curvature_norm(problem: &Problem) -> f64 {
    let (rows, cols) = problem.cost.shape();
    let start = Mat::from_fn(rows, cols, |i, j| {
        (1.0 + 3.7 * i as f64 + 1.9 * j as f64).sin()
    });
    1.5 * problem.cost.curvature_norm(start, 30)
}
