//! Laws that hold on every run, checked against what the method may get wrong:
//!
//! - `D_l(t) = e^{−4λt} D_l(0)`,
//! - the loss falls,
//! - `d loss/dt = −‖∇loss‖²` ([`super::energy`]),
//! - `‖θ‖² ≥ L Σ σ_i^{2/L}`,
//! - `‖θ‖² − L Σ σ_i^{2/L} ≤ (L−1) Σ_l ‖D_l(t)‖_*` ([`super::gap`]),
//! - `det A` keeps its sign from balanced starts of two layers ([`super::determinant`]), and `A` has no negative
//!   eigenvalue where these mirror each other ([`super::definite`]).
//!
//! What a method may get wrong is in [`super::allowance`].

use crate::integrate::Options;
use crate::linalg::representation_cost;
use crate::model::Problem;

use super::allowance::Allowance;
use super::definite::DefiniteLaw;
use super::determinant::DeterminantLaw;
use super::energy::EnergyLaw;
use super::gap::GapLaw;
use super::imbalance::Imbalance;
use super::law::{Law, Worst};
use super::measure::{Measurement, Probe};
use super::trajectory::Row;
use super::view::StepView;

/// Watches the laws of a run.
pub(super) struct Monitors {
    allowance: Allowance,
    depth: usize,
    modes: usize,
    rank_tolerance: f64,
    /// Error of a singular value where entries of `A` are subnormal: each is a sum of at most `n` products that
    /// are rounded to multiples of `2^−1074`, and `σ_k` moves by at most the norm of all these errors.
    resolution: f64,
    start_imbalance: f64,
    /// What the steps so far explain of imbalance.
    imbalance_allowed: f64,
    imbalance: Worst,
    loss: Worst,
    /// Loss at the start of the last step, and how far above it a state inside may be.
    ceiling: Option<[f64; 2]>,
    energy: EnergyLaw,
    norm: Worst,
    gap: GapLaw,
    definite: DefiniteLaw,
    determinant: DeterminantLaw,
}

impl Monitors {
    pub fn new(
        probe: &Probe<'_>,
        problem: &Problem,
        options: &Options,
        start: &Imbalance<'_>,
    ) -> Self {
        let allowance = Allowance::new(problem, options);
        Self {
            allowance,
            depth: problem.network.depth(),
            modes: problem.network.modes(),
            rank_tolerance: probe.rank_tolerance(),
            resolution: resolution(problem.network.widths()),
            start_imbalance: start.start_norm,
            imbalance_allowed: 0.0,
            imbalance: Worst::default(),
            loss: Worst::default(),
            ceiling: None,
            energy: EnergyLaw::new(probe),
            norm: Worst::default(),
            gap: GapLaw::new(problem, start.start_trace_norm),
            definite: DefiniteLaw::new(problem),
            determinant: match allowance.is_of_the_flow() {
                true => DeterminantLaw::new(problem),
                false => DeterminantLaw::default(),
            },
        }
    }

    /// Checks an accepted step.
    pub fn step(&mut self, view: &mut StepView<'_, '_>) {
        let (before, after) = (&*view.before, &*view.after);
        self.imbalance_allowed += self.allowance.imbalance(before, after);
        let rise = after.loss - before.loss;
        let [allowed, inside] = self.allowance.rise(before, after);
        self.loss.note(after.time, rise, allowed);
        self.ceiling = Some([before.loss, inside]);
        self.energy.step(view, &self.allowance);
    }

    /// Checks a recorded row at the start of the last step checked or inside it.
    pub fn row(&mut self, row: &Row) {
        if let Some([loss, allowed]) = self.ceiling {
            self.loss.note(row.time, row.loss - loss, allowed);
        }
        let size = row.parameter_norm_sq;
        let start = self.start_imbalance;
        let mismatch = self.allowance.decay_mismatch(row.time, start);
        let drift = self.imbalance_allowed + mismatch + 64.0 * f64::EPSILON * (size + start);
        self.imbalance.note(row.time, row.imbalance_drift, drift);
        // Singular values at roundoff are not those of A: (ε σ_1)^{2/L} each is noise.
        let largest = row.singular_values.first().copied().unwrap_or(0.0);
        let cost = |s: f64| representation_cost(self.depth, [s]);
        let noise = self.modes as f64 * cost(self.rank_tolerance * largest);
        let values = row
            .singular_values
            .iter()
            .map(|&s| (s, s + self.resolution));
        let coarse = values.filter(|(s, coarse)| coarse > s);
        let coarse: f64 = coarse.map(|(s, coarse)| cost(coarse) - cost(s)).sum();
        let allowed = noise + coarse + 1e-12 * row.schatten + f64::MIN_POSITIVE;
        self.norm.note(row.time, row.schatten - size, allowed);
        self.gap.row(row, drift, allowed);
    }

    /// Checks the end of the run.
    pub fn end(&mut self, last: &Measurement) {
        self.definite.end(last);
        self.determinant.end(last);
    }

    /// Every law that there was something to hold against.
    pub fn laws(&self) -> Vec<Law> {
        let all = [
            ("imbalance is conserved", &self.imbalance),
            ("the loss falls", &self.loss),
            (
                "the loss falls by the squared gradient",
                self.energy.worst(),
            ),
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
                "loss rose by {:.3e} in the step to t = {:.6e} or inside it, where the method explains {:.1e} \
                 (in {} steps and rows)",
                w.found, w.time, w.allowed, w.count
            ));
        }
        if let Some(w) = self.energy.worst().violated() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integrate::{Method, VectorField};
    use crate::linalg::Mat;
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
    fn what_rows_break_is_reported() {
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
        // Inside a step whose start was lower by more than is allowed.
        monitors.ceiling = Some([row.loss - 1e-6, 1e-9]);
        monitors.row(&row);
        assert!(monitors.warnings()[0].starts_with("loss rose by 1.000e-6"));
    }
}
