//! Laws that hold on every run, checked against what the method may get wrong:
//!
//! - `D_l(t) = e^{−4λt} D_l(0)`,
//! - the loss falls,
//! - `d loss/dt = −‖∇loss‖²`,
//! - `‖θ‖² ≥ L Σ σ_i^{2/L}`,
//! - `‖θ‖² − L Σ σ_i^{2/L} ≤ (L−1) Σ_l ‖D_l(t)‖_*` ([`super::gap`]),
//! - `det A` keeps its sign from balanced starts of two layers ([`super::determinant`]), and `A` has no negative
//!   eigenvalue where these mirror each other ([`super::definite`]).
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

use super::definite::DefiniteLaw;
use super::determinant::DeterminantLaw;
use super::gap::GapLaw;
use super::imbalance::Imbalance;
use super::law::{Law, Worst};
use super::measure::{Measurement, Probe};
use super::trajectory::Row;
use super::view::StepView;

/// How often the errors of one step are allowed.
const SAFETY: f64 = 10.0;
/// The same for states inside a step: at its stability limit the dense output of an explicit
/// method is that much worse than its steps.
const INSIDE: f64 = 100.0;
/// Steps whose energy is checked before the checks are spread out, …
const ENERGY_CHECKS: usize = 6;
/// … and the factor by which they then are.
const ENERGY_STRIDE: usize = 2;
/// Interior nodes of the Gauss–Lobatto rule with five points on `[0, 1]`, exact to degree 7.
const LOBATTO_NODES: [f64; 3] = [0.172_673_164_646_011_43, 0.5, 0.827_326_835_353_988_6];
/// Its weights: ends, outer nodes, middle.
const LOBATTO_WEIGHTS: [f64; 3] = [1.0 / 20.0, 49.0 / 180.0, 16.0 / 45.0];

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

/// Watches the laws of a run.
pub(super) struct Monitors {
    scheme: Scheme,
    l2: f64,
    depth: usize,
    modes: usize,
    rank_tolerance: f64,
    /// Error of a singular value where entries of `A` are subnormal: each is a sum of at most `n` products that
    /// are rounded to multiples of `2^−1074`, and `σ_k` moves by at most the norm of all these errors.
    resolution: f64,
    /// `κ`, a bound of `‖∇²C‖`.
    curvature: f64,
    start_imbalance: f64,
    /// What the steps so far explain of imbalance.
    imbalance_allowed: f64,
    steps: usize,
    energy_stride: usize,
    energy_checks: usize,
    imbalance: Worst,
    loss: Worst,
    energy: Worst,
    norm: Worst,
    gap: GapLaw,
    definite: DefiniteLaw,
    determinant: DeterminantLaw,
    inside: [Measurement; 3],
}

impl Monitors {
    pub fn new(
        probe: &Probe<'_>,
        problem: &Problem,
        options: &Options,
        start: &Imbalance<'_>,
    ) -> Self {
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
            depth: problem.network.depth(),
            modes: problem.network.modes(),
            rank_tolerance: probe.rank_tolerance(),
            resolution: resolution(problem.network.widths()),
            curvature: curvature_norm(problem),
            start_imbalance: start.start_norm,
            imbalance_allowed: 0.0,
            steps: 0,
            energy_stride: 1,
            energy_checks: 0,
            imbalance: Worst::default(),
            loss: Worst::default(),
            energy: Worst::default(),
            norm: Worst::default(),
            gap: GapLaw::new(problem, start.start_trace_norm),
            definite: DefiniteLaw::new(problem),
            determinant: match scheme {
                Scheme::Adaptive { .. } => DeterminantLaw::new(problem),
                Scheme::Descent { .. } => DeterminantLaw::default(),
            },
            inside: std::array::from_fn(|_| probe.blank()),
        }
    }

    /// Checks an accepted step.
    pub fn step(&mut self, view: &mut StepView<'_, '_>) {
        self.steps += 1;
        let (before, after) = (&*view.before, &*view.after);
        self.imbalance_allowed += self.explained_imbalance(before, after);
        let rise = after.loss - before.loss;
        let allowed = self.explained_rise(before, after);
        self.loss.note(after.time, rise, allowed);
        self.check_energy(view);
    }

    /// Checks a recorded row whose time is not past the last step checked.
    pub fn row(&mut self, row: &Row) {
        let size = row.parameter_norm_sq;
        let drift = self.imbalance_allowed
            + self.decay_mismatch(row.time)
            + 64.0 * f64::EPSILON * (size + self.start_imbalance);
        self.imbalance.note(row.time, row.imbalance_drift, drift);
        // Singular values at roundoff are not those of A: (ε σ_1)^{2/L} each is noise.
        let largest = row.singular_values.first().copied().unwrap_or(0.0);
        let power = 2.0 / self.depth as f64;
        let noise = (self.rank_tolerance * largest).powf(power);
        let blurred = |s: &f64| (s + self.resolution).powf(power) - s.powf(power);
        let coarse: f64 = row.singular_values.iter().map(blurred).sum();
        let allowed = self.depth as f64 * (self.modes as f64 * noise + coarse)
            + 1e-12 * row.schatten
            + f64::MIN_POSITIVE;
        self.norm.note(row.time, row.schatten - size, allowed);
        self.gap.row(row, drift, allowed);
    }

    /// Checks the end of the run.
    pub fn end(&mut self, last: &Measurement) {
        self.definite.end(last);
        self.determinant.end(last);
    }

    fn explained_imbalance(&self, before: &Measurement, after: &Measurement) -> f64 {
        let size = before.parameter_norm_sq.max(after.parameter_norm_sq);
        let roundoff = 16.0 * f64::EPSILON * size;
        match self.scheme {
            Scheme::Adaptive { rtol, atol } => {
                let error = SAFETY * (rtol * size.sqrt() + atol);
                2.0 * error * size.sqrt() + roundoff
            }
            Scheme::Descent { learning_rate } => {
                let decay = 2.0 * self.l2 * before.parameter_norm_sq.sqrt();
                (learning_rate * (before.gradient_norm + decay)).powi(2) + roundoff
            }
        }
    }

    /// Gradient descent shrinks `D_l(0)` by `(1 − 2λη)^{2t/η}`, the flow by `e^{−4λt}`.
    fn decay_mismatch(&self, time: f64) -> f64 {
        let Scheme::Descent { learning_rate } = self.scheme else {
            return 0.0;
        };
        let steps = time / learning_rate;
        let discrete = (1.0 - 2.0 * self.l2 * learning_rate)
            .abs()
            .powf(2.0 * steps);
        // Between iterates weights are interpolated: half a step of either law more.
        let slack = 4.0 * self.l2 * learning_rate;
        ((discrete - (-4.0 * self.l2 * time).exp()).abs() + slack) * self.start_imbalance
    }

    /// What an error of the weights may raise the loss by, to second order, and its own roundoff.
    fn explained_rise(&self, before: &Measurement, after: &Measurement) -> f64 {
        let size = before.parameter_norm_sq.max(after.parameter_norm_sq).sqrt();
        let explained = match self.scheme {
            Scheme::Descent { .. } => 0.0,
            Scheme::Adaptive { rtol, atol } => SAFETY * (rtol * size + atol),
        };
        let error = explained + 8.0 * f64::EPSILON * size;
        let slope = before.gradient_norm.max(after.gradient_norm);
        let curved = 0.5 * self.hessian_bound(after) * error;
        error * (slope + curved) + 1e-13 * before.loss.abs() + f64::MIN_POSITIVE
    }

    /// `ρ`.
    fn hessian_bound(&self, m: &Measurement) -> f64 {
        self.curvature * m.reach * m.reach + m.cost_gradient_norm * m.bend + 2.0 * self.l2
    }

    /// Compares the fall of the loss over some steps with a quadrature of `‖∇‖²`. The number of
    /// steps looked at grows only with the logarithm of the steps taken.
    fn check_energy(&mut self, view: &mut StepView<'_, '_>) {
        let Scheme::Adaptive { rtol, atol } = self.scheme else {
            return;
        };
        if !self.steps.is_multiple_of(self.energy_stride) {
            return;
        }
        self.energy_checks += 1;
        if self.energy_checks == ENERGY_CHECKS {
            self.energy_checks = 0;
            self.energy_stride *= ENERGY_STRIDE;
        }
        let (integral, uncertainty) = self.gradient_integral(view);
        let (before, after) = (&*view.before, &*view.after);
        let fall = before.loss - after.loss;
        let size = before.parameter_norm_sq.max(after.parameter_norm_sq).sqrt();
        let error = INSIDE * (rtol * size + atol);
        let pull = self.hessian_bound(after).max(self.hessian_bound(before)) * error;
        let slope = before.gradient_norm.max(after.gradient_norm);
        let allowed = view.length() * pull * (2.0 * slope + pull)
            + error * (slope + pull)
            + uncertainty
            + 1e-13 * before.loss.abs()
            + f64::MIN_POSITIVE;
        self.energy
            .note(after.time, (fall - integral).abs(), allowed);
    }

    /// `∫‖∇‖² dt` over the step by the five-point Gauss–Lobatto rule, and its distance to
    /// Simpson's rule on three of the same points, far above its own error.
    fn gradient_integral(&mut self, view: &mut StepView<'_, '_>) -> (f64, f64) {
        let (t0, h) = (view.step.t0, view.length());
        let ends = view.before.gradient_norm.powi(2) + view.after.gradient_norm.powi(2);
        let times = LOBATTO_NODES.map(|node| t0 + node * h);
        view.probe
            .measure_inside(view.step, &times, true, &mut self.inside);
        let [left, middle, right] = self.inside.each_ref().map(|m| m.gradient_norm.powi(2));
        let [w_end, w_outer, w_middle] = LOBATTO_WEIGHTS;
        let lobatto = h * (w_end * ends + w_outer * (left + right) + w_middle * middle);
        let simpson = h / 6.0 * (ends + 4.0 * middle);
        (lobatto, (lobatto - simpson).abs())
    }

    /// Every law that there was something to hold against.
    pub fn laws(&self) -> Vec<Law> {
        let all = [
            ("imbalance is conserved", &self.imbalance),
            ("the loss falls", &self.loss),
            ("the loss falls by the squared gradient", &self.energy),
            ("the norm is at least that of A", &self.norm),
            (
                "the norm is that of A up to the imbalance",
                self.gap.worst(),
            ),
            ("A stays positive semidefinite", self.definite.worst()),
            ("det A keeps its sign", self.determinant.worst()),
        ];
        let decayed = self
            .gap
            .at_end()
            .map(|worst| ("the norm is that of A at the end", worst));
        let all = all.into_iter().chain(decayed);
        all.filter_map(|(name, worst)| worst.law(name)).collect()
    }

    /// What says that a mode has passed zero, and which methods do without.
    fn broken_sign(&self) -> Option<(&'static str, &'static str)> {
        if self.definite.worst().violated().is_some() {
            Some((
                "A has a negative eigenvalue, which W_2 = W_1ᵀ never gives under a symmetric cost",
                "method \"dop853\" keeps W_2 = W_1ᵀ to the last digit",
            ))
        } else if self.determinant.worst().violated().is_some() {
            Some((
                "det A changed its sign, which balanced layers never do",
                "where it applies, method \"exact\" follows the flow",
            ))
        } else {
            None
        }
    }

    /// One sentence for every law that was broken.
    pub fn warnings(&self) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(w) = self.imbalance.violated() {
            out.push(format!(
                "imbalance drifted by {:.3e} at t = {:.6e}, where the method explains {:.1e} \
                 (in {} recorded rows)",
                w.found, w.time, w.allowed, w.count
            ));
        }
        if let Some(w) = self.loss.violated() {
            out.push(format!(
                "loss rose by {:.3e} in the step to t = {:.6e}, where the method explains {:.1e} \
                 (in {} steps)",
                w.found, w.time, w.allowed, w.count
            ));
        }
        if let Some(w) = self.energy.violated() {
            out.push(format!(
                "loss and integral of squared gradient norm differ by {:.3e} in the step to \
                 t = {:.6e}, where the method explains {:.1e} (in {} steps checked)",
                w.found, w.time, w.allowed, w.count
            ));
        }
        if let Some(w) = self.gap.worst().violated() {
            out.push(format!(
                "squared parameter norm lies {:.3e} above its least value for this A at \
                 t = {:.6e}, where the imbalance explains {:.1e} (in {} recorded rows)",
                w.found, w.time, w.allowed, w.count
            ));
        }
        if let Some((broken, remedy)) = self.broken_sign() {
            out.push(format!(
                "{broken}: a mode fell to roundoff and escaped from there, so that the time of that escape and \
                 what follows mean nothing ({remedy})"
            ));
        }
        if let Some(w) = self.norm.violated() {
            out.push(format!(
                "squared parameter norm lies {:.3e} below its least value for this A at \
                 t = {:.6e}, where roundoff explains {:.1e} (in {} recorded rows)",
                w.found, w.time, w.allowed, w.count
            ));
        }
        out
    }
}

/// `n √(n_L n_0) 2^−1074`.
fn resolution(widths: &[usize]) -> f64 {
    let widest = widths.iter().copied().max().unwrap_or(1);
    let entries = widths[0] * widths[widths.len() - 1];
    widest as f64 * (entries as f64).sqrt().ceil() * f64::from_bits(1)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrate::VectorField;
    use crate::model::{Cost, Network};

    struct Rest;

    impl VectorField for Rest {
        fn dim(&self) -> usize {
            2
        }

        fn eval(&self, _: &[f64], dy: &mut [f64]) {
            dy.fill(0.0);
        }

        fn jvp(&self, _: &[f64], _: &[f64], out: &mut [f64]) {
            out.fill(0.0);
        }
    }

    /// No weights can break `‖θ‖² ≥ L Σ σ^{2/L}`, so the row is made up.
    #[test]
    fn a_norm_below_its_least_value_is_reported() {
        let problem = Problem {
            network: Network::new(vec![1, 1, 1]),
            cost: Cost::SquaredError {
                target: Mat::zeros(1, 1),
            },
            l2: 0.0,
            initial_weights: vec![1.0, 1.0],
        };
        let options = Options {
            method: Method::Dop853,
            rtol: 1e-6,
            atol: vec![0.0; 2],
            horizon: 1.0,
            max_steps: 1,
        };
        let probe = Probe::new(&problem, &Rest);
        let mut monitors = Monitors::new(&probe, &problem, &options, &Imbalance::new(&problem));
        let mut row = Row {
            time: 0.5,
            cost: 0.5,
            test_cost: None,
            loss: 0.5,
            gradient_norm: 1.0,
            parameter_norm_sq: 2.0,
            schatten: 2.0 + 1e-13,
            imbalance_drift: 0.0,
            rank: 1,
            singular_values: vec![1.0],
            observables: Vec::new(),
        };
        monitors.row(&row);
        assert!(monitors.warnings().is_empty());
        row.schatten = 2.0 + 1e-9;
        monitors.row(&row);
        let warnings = monitors.warnings();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("squared parameter norm"));
        // Balanced at the start, so that no gap may open.
        (row.parameter_norm_sq, row.schatten) = (2.0 + 1e-9, 2.0);
        monitors.row(&row);
        let warnings = monitors.warnings();
        assert!(warnings.len() == 2 && warnings[0].contains("above"));
    }
}
