//! One accepted step, readable anywhere inside.

use std::fmt;

/// How many states inside a step [`Step::states_at`] may read at the price of little more than one.
pub const TOGETHER: usize = 3;

/// The continuous extension of a step.
pub trait Interpolant {
    /// The state at `t0 + theta (t1 - t0)`, `theta ∈ [0, 1]`, into `y`.
    fn state(&self, theta: f64, y: &mut [f64]);

    /// The states at several `theta`, one into each of `ys`.
    fn states(&self, thetas: &[f64], ys: &mut [&mut [f64]]) {
        for (&theta, y) in thetas.iter().zip(ys) {
            self.state(theta, y);
        }
    }

    /// One component of that state; `scratch` has room for all.
    fn component(&self, theta: f64, index: usize, scratch: &mut [f64]) -> f64 {
        self.state(theta, scratch);
        scratch[index]
    }

    /// `f` of that state into `dy`, where the step knows it better than the field would evaluate
    /// it; `false` where it does not.
    fn slope(&self, _theta: f64, _dy: &mut [f64]) -> bool {
        false
    }
}

/// An accepted step from `t0` to `t1`.
pub struct Step<'a> {
    pub t0: f64,
    pub t1: f64,
    /// State at `t0` and at `t1`.
    pub y0: &'a [f64],
    pub y1: &'a [f64],
    /// `f(y1)`.
    pub f1: &'a [f64],
    /// Continuous extension.
    pub inside: &'a dyn Interpolant,
}

impl fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("t0", &self.t0)
            .field("t1", &self.t1)
            .finish_non_exhaustive()
    }
}

impl Step<'_> {
    /// The state at time `t ∈ [t0, t1]` into `y`; exact at both ends.
    pub fn state_at(&self, t: f64, y: &mut [f64]) {
        if t <= self.t0 {
            y.copy_from_slice(self.y0);
        } else if t >= self.t1 {
            y.copy_from_slice(self.y1);
        } else {
            self.inside.state(self.fraction(t), y);
        }
    }

    /// The states at `times` inside the step, one into each of `ys`.
    pub fn states_at(&self, times: &[f64], ys: &mut [&mut [f64]]) {
        if times.iter().all(|&t| self.t0 < t && t < self.t1) {
            let thetas: Vec<f64> = times.iter().map(|&t| self.fraction(t)).collect();
            return self.inside.states(&thetas, ys);
        }
        for (&t, y) in times.iter().zip(ys) {
            self.state_at(t, y);
        }
    }

    /// Component `index` of the state at time `t ∈ [t0, t1]`.
    pub fn component_at(&self, t: f64, index: usize, scratch: &mut [f64]) -> f64 {
        let theta = self.fraction(t).clamp(0.0, 1.0);
        self.inside.component(theta, index, scratch)
    }

    /// `f` at time `t ∈ [t0, t1]` into `dy`; `false` where the step leaves that to the field.
    pub fn slope_at(&self, t: f64, dy: &mut [f64]) -> bool {
        self.inside.slope(self.fraction(t).clamp(0.0, 1.0), dy)
    }

    fn fraction(&self, t: f64) -> f64 {
        (t - self.t0) / (self.t1 - self.t0)
    }
}
