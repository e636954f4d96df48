//! The energy identity `d loss/dt = −‖∇loss‖²`, checked against a quadrature of `‖∇loss‖²`.

use super::allowance::Allowance;
use super::law::Worst;
use super::measure::{Measurement, Probe};
use super::view::StepView;

/// Steps that are checked before the checks are spread out, …
const CHECKS: usize = 6;
/// … and the factor by which they then are.
const STRIDE: usize = 2;
/// Interior nodes of the Gauss–Lobatto rule with five points on `[0, 1]`, exact to degree 7.
const LOBATTO_NODES: [f64; 3] = [0.172_673_164_646_011_43, 0.5, 0.827_326_835_353_988_6];
/// Its weights: ends, outer nodes, middle.
const LOBATTO_WEIGHTS: [f64; 3] = [1.0 / 20.0, 49.0 / 180.0, 16.0 / 45.0];

/// Holds steps against it. The number of steps looked at grows only with the logarithm of the steps taken.
pub(super) struct EnergyLaw {
    steps: usize,
    stride: usize,
    /// Since the stride was last widened.
    checks: usize,
    worst: Worst,
    inside: [Measurement; 3],
}

impl EnergyLaw {
    pub fn new(probe: &Probe<'_>) -> Self {
        Self {
            steps: 0,
            stride: 1,
            checks: 0,
            worst: Worst::default(),
            inside: std::array::from_fn(|_| probe.blank()),
        }
    }

    /// Compares the fall of the loss in a step with the integral.
    pub fn step(&mut self, view: &mut StepView<'_, '_>, allowance: &Allowance) {
        self.steps += 1;
        if !allowance.is_of_the_flow() || !self.steps.is_multiple_of(self.stride) {
            return;
        }
        self.checks += 1;
        if self.checks == CHECKS {
            self.checks = 0;
            self.stride *= STRIDE;
        }
        let (integral, uncertainty) = self.gradient_integral(view);
        let (before, after) = (&*view.before, &*view.after);
        let found = (before.loss - after.loss - integral).abs();
        let allowed = allowance.energy(before, after, view.length()) + uncertainty;
        self.worst.note(after.time, found, allowed);
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

    pub fn worst(&self) -> &Worst {
        &self.worst
    }
}
