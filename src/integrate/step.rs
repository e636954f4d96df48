//! One accepted step, readable anywhere inside.

/// The continuous extension of a step.
pub trait Interpolant {
    /// The state at `t0 + theta (t1 - t0)`, `theta ∈ [0, 1]`, into `y`.
    fn state(&self, theta: f64, y: &mut [f64]);
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

impl Step<'_> {
    /// The state at time `t ∈ [t0, t1]` into `y`; exact at both ends.
    pub fn state_at(&self, t: f64, y: &mut [f64]) {
        if t <= self.t0 {
            y.copy_from_slice(self.y0);
        } else if t >= self.t1 {
            y.copy_from_slice(self.y1);
        } else {
            self.inside.state((t - self.t0) / (self.t1 - self.t0), y);
        }
    }
}
