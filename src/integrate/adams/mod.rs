//! Exponential Adams: variable step, variable order 1 … 12, predict–evaluate–correct–evaluate.
//!
//! The slow part of the solution follows Shampine & Gordon, *Computer Solution of Ordinary
//! Differential Equations*, 1975 (predictor of order `k`, corrector of order `k + 1`, steps
//! halved or doubled, modified divided differences). Where the Jacobian has a known stiff part,
//! its fast eigenspace is split off and integrated with exponential weights, so the step is
//! limited by accuracy alone; see [`fast`].

mod control;
mod fast;
mod history;
mod nodes;
mod weights;

use super::driver::{Finished, Outcome, Watch};
use super::vector::{add_scaled_to, correct, difference_sizes, distance_squared, scaled_square};
use super::{Interpolant, Options, Step, Tangent, VectorField, pace};
use crate::linalg::dot;
use fast::Fast;
use history::History;
use std::ops::ControlFlow;
use weights::{Basis, MAX_ORDER, TERMS, Weights};

/// Fraction of the requested tolerance that each step is held to.
const SAFETY: f64 = 0.02;
/// Largest `h κ` of what is left to the slow part, κ its measured contraction rate.
const STIFF: f64 = 0.25;
/// Rates below this part of `1/h` stay in the slow part.
const SLOW: f64 = 0.03;
/// The sizes that errors refer to are measured again after so many steps.
const SCALE_AGE: usize = 3;
/// `γ*_1 …`: error constants of the formulas of order 1, 2, … for equal steps.
const GAMMA: [f64; TERMS] = [
    0.5, 0.0833, 0.0417, 0.0264, 0.0188, 0.0143, 0.0114, 0.009_36, 0.007_89, 0.006_79, 0.005_92,
    0.005_24, 0.004_68,
];

pub(super) fn run(
    field: &dyn VectorField,
    y0: &[f64],
    options: &Options,
    watch: &mut Watch<'_>,
) -> Finished {
    let mut method = Adams::new(field, y0, options);
    let end = method.advance(watch);
    Finished {
        end,
        rejected: method.rejected,
    }
}

struct Adams<'a> {
    field: &'a dyn VectorField,
    options: &'a Options,
    time: f64,
    step: f64,
    order: usize,
    /// Steps of the present size made so far.
    equal: usize,
    /// While starting, order and step rise at every step.
    starting: bool,
    /// `t_n − t_{n−j−1}`.
    back: [f64; TERMS + 1],
    /// Points known besides the present one.
    known: usize,
    y: Vec<f64>,
    predicted: Vec<f64>,
    y1: Vec<f64>,
    /// Slow part of `f` at the predicted point, then at the new one.
    f: Vec<f64>,
    f1: Vec<f64>,
    scale: Vec<f64>,
    /// Mean square of the scale, for the coordinates of the fast part.
    mean_scale: f64,
    /// Square of the roundoff of the state.
    noise: f64,
    slow: History,
    fast: Option<Fast<'a>>,
    tangent: Option<Box<dyn Tangent + 'a>>,
    /// Steps that were too stiff since the fast part was last made.
    borne: f64,
    /// Contraction left to the slow part when the fast part was new.
    fresh: Option<f64>,
    /// The fast part carries the whole Jacobian.
    refined: bool,
    rejected: usize,
}

/// The formulas of one step.
struct Formula {
    h: f64,
    basis: Basis,
    weights: Weights,
    order: usize,
    beta: [f64; MAX_ORDER],
}

impl Formula {
    /// Factors of the differences, one for each up to the order.
    fn beta(&self) -> &[f64] {
        &self.beta[..self.order]
    }
}

/// Errors of a trial step in units of what is allowed.
struct Errors {
    /// Of the step itself.
    local: f64,
    /// Estimated for the order at hand, one and two lower.
    at: f64,
    lower: f64,
    lowest: f64,
}

impl<'a> Adams<'a> {
    fn new(field: &'a dyn VectorField, y0: &[f64], options: &'a Options) -> Self {
        let n = y0.len();
        let zeros = || vec![0.0; n];
        Self {
            field,
            options,
            time: 0.0,
            step: 0.0,
            order: 1,
            equal: 0,
            starting: true,
            back: [0.0; TERMS + 1],
            known: 0,
            y: y0.to_vec(),
            predicted: zeros(),
            y1: zeros(),
            f: zeros(),
            f1: zeros(),
            scale: zeros(),
            mean_scale: 0.0,
            noise: 0.0,
            slow: History::new(n),
            fast: None,
            tangent: field.tangent(),
            borne: 0.0,
            fresh: None,
            refined: false,
            rejected: 0,
        }
    }

    fn advance(&mut self, watch: &mut Watch<'_>) -> ControlFlow<Outcome> {
        self.field.eval(&self.y, &mut self.f1);
        watch.start(&self.f1)?;
        self.slow.restart(&self.f1);
        self.set_scale();
        self.step = self.first_step();
        let mut failures = 0;
        while self.time < self.options.horizon {
            let (h, end) = pace::next(self.time, self.step, self.options.horizon);
            pace::resolvable(self.time, h, &self.f)?;
            let formula = self.formula(h);
            let errors = self.attempt(&formula);
            if errors.local <= 1.0 {
                failures = 0;
                self.accept(&formula, &errors, end, watch)?;
            } else {
                failures += 1;
                self.reject(h, &errors, failures);
            }
        }
        ControlFlow::Continue(())
    }

    fn set_scale(&mut self) {
        self.field.magnitude(&self.y, &mut self.scale);
        let rtol = SAFETY * self.options.rtol;
        let mut sum = 0.0;
        for (s, a) in self.scale.iter_mut().zip(&self.options.atol) {
            *s = (SAFETY * a + rtol * *s).max(f64::MIN_POSITIVE);
            sum += *s * *s;
        }
        self.mean_scale = sum / self.scale.len() as f64;
        self.noise = 1e-28 * dot(&self.y, &self.y);
    }

    /// A step after which the quadratic term is a small part of the tolerance.
    fn first_step(&self) -> f64 {
        let size = scaled_square(&self.y, &self.scale).sqrt();
        let slope = scaled_square(&self.f1, &self.scale).sqrt();
        let step = if slope > 0.0 && size > 0.0 {
            0.25 * (SAFETY * self.options.rtol).sqrt() * size / slope
        } else {
            1e-6 * self.options.horizon
        };
        step.min(self.options.horizon)
    }

    fn formula(&mut self, h: f64) -> Formula {
        let order = self.order;
        let mut beta = [1.0; MAX_ORDER];
        for i in 1..order {
            let before = if i == 1 { 0.0 } else { self.back[i - 2] };
            beta[i] = beta[i - 1] * (h + before) / self.back[i - 1];
        }
        let basis = Basis::new(h, &self.back, order + 1);
        let weights = basis.weights(1.0, 0.0).map(|w| h * w);
        Formula {
            h,
            basis,
            weights,
            order,
            beta,
        }
    }

    /// Predicts, evaluates, corrects; the new point into `y1`.
    fn attempt(&mut self, formula: &Formula) -> Errors {
        let Formula {
            h, basis, weights, ..
        } = formula;
        let (order, beta) = (self.order, formula.beta());
        let p = &mut self.predicted;
        self.slow.predict(p, &self.y, &weights[..order], beta);
        if let Some(fast) = &mut self.fast {
            fast.predict(*h, basis, beta, p);
        }
        self.field.eval(p, &mut self.f);
        if let Some(fast) = &mut self.fast {
            fast.split_predicted(&mut self.f);
        }
        let errors = self.errors(formula);
        let slow = &self.slow.extrapolated;
        correct(&mut self.y1, &self.predicted, weights[order], &self.f, slow);
        errors
    }

    fn errors(&self, formula: &Formula) -> Errors {
        let (k, h, w) = (self.order, formula.h, &formula.weights);
        let differences = self.slow.differences();
        let sum = &self.slow.extrapolated;
        let mut sizes = difference_sizes(differences, &self.f, sum, formula.beta(), &self.scale);
        let slip = w[k - 1] - w[k];
        let mut local = slip * slip * sizes[0];
        if let Some(fast) = &self.fast {
            let (squares, own) = fast.error_squares(h, k, formula.beta());
            let unit = self.mean_scale * self.y.len() as f64;
            local += own / unit;
            for (size, square) in sizes.iter_mut().zip(squares) {
                *size += square / unit;
            }
        }
        let sigma = self.sigma(h);
        let estimate = |back: usize| {
            if k > back {
                h * sizes[back].sqrt() * sigma[k - back] * GAMMA[k - 1 - back]
            } else {
                0.0
            }
        };
        Errors {
            local: local.sqrt(),
            at: estimate(0),
            lower: estimate(1),
            lowest: estimate(2),
        }
    }

    /// `σ_{i+1} = Π j h/ψ_j`: how uneven steps weigh the differences.
    fn sigma(&self, h: f64) -> [f64; TERMS + 1] {
        let mut sigma = [1.0; TERMS + 1];
        for i in 1..=self.order {
            let before = if i == 1 { 0.0 } else { self.back[i - 2] };
            sigma[i] = sigma[i - 1] * i as f64 * h / (h + before);
        }
        sigma
    }

    fn reject(&mut self, h: f64, errors: &Errors, failures: usize) {
        self.rejected += 1;
        self.starting = false;
        self.equal = 0;
        if errors.lower.max(errors.lowest) <= errors.at && self.order > 1 {
            self.order -= 1;
        }
        if failures >= 3 {
            self.order = 1;
        }
        let factor = if errors.at.is_finite() { 0.5 } else { 0.1 };
        self.step = h * factor;
    }

    fn accept(
        &mut self,
        formula: &Formula,
        errors: &Errors,
        end: f64,
        watch: &mut Watch<'_>,
    ) -> ControlFlow<Outcome> {
        if let Some(fast) = &mut self.fast {
            fast.correct(self.order, &mut self.y1);
        }
        self.field.eval(&self.y1, &mut self.f1);
        watch.accept(&Step {
            t0: self.time,
            t1: end,
            y0: &self.y,
            y1: &self.y1,
            f1: &self.f1,
            inside: &Inside {
                method: self,
                formula,
            },
        })?;
        let mut change = 0.0;
        if let Some(fast) = &mut self.fast {
            change += fast.accept(&mut self.f1, formula.beta());
        }
        change += distance_squared(&self.f1, &self.f);
        let moved = distance_squared(&self.y1, &self.predicted);
        self.slow.advance(&self.f1, formula.beta());
        std::mem::swap(&mut self.y, &mut self.y1);
        self.time = end;
        self.shift(formula.h);
        if self.starting || self.known.is_multiple_of(SCALE_AGE) {
            self.set_scale();
        }
        self.choose(formula.h, errors);
        // Below roundoff of the state the quotient says nothing.
        if moved > self.noise {
            self.split_or_merge((change / moved).sqrt());
        }
        ControlFlow::Continue(())
    }

    fn shift(&mut self, h: f64) {
        let last = if self.known > 0 { self.back[0] } else { 0.0 };
        self.equal = if h == last { self.equal + 1 } else { 1 };
        for j in (1..self.back.len()).rev() {
            self.back[j] = h + self.back[j - 1];
        }
        self.back[0] = h;
        self.known += 1;
    }
}

/// The continuous extension: the corrector's own formula for a part of the step.
struct Inside<'a, 'b> {
    method: &'a Adams<'b>,
    formula: &'a Formula,
}

impl Interpolant for Inside<'_, '_> {
    fn state(&self, theta: f64, y: &mut [f64]) {
        let (m, formula) = (self.method, self.formula);
        let (h, order) = (formula.h, m.order);
        let weights = formula.basis.weights(theta, 0.0);
        let last = h * weights[order];
        correct(y, &m.y, last, &m.f, &m.slow.extrapolated);
        let terms = weights.iter().zip(formula.beta()).zip(m.slow.differences());
        for ((w, beta), difference) in terms {
            add_scaled_to(y, h * w * beta, difference);
        }
        if let Some(fast) = &m.fast {
            fast.interpolate(theta, h, &formula.basis, formula.beta(), y);
        }
    }
}
