//! Dormand–Prince 8(5,3): explicit, order 8, with a 7th-order continuous extension.
//!
//! Error estimate and step control as in Hairer, Nørsett & Wanner, *Solving ODEs I*, §II.10:
//! `err = |h| e_5² / √(n (e_5² + e_3²/100))` in the weighted norm, new step
//! `h · min(6, max(1/3, 0.9 err^{−1/8}))`. Two additions: the step is held to `h ρ ≤ 2`, because the
//! continuous extension loses accuracy long before the step becomes unstable, with the spectral radius
//! `ρ` estimated from the last two stages (both at `t + h`) and remembered ([`Radius`]); and the
//! tolerance is taken a factor `SAFETY` smaller, so that the error that accumulates over a run, not
//! that of one step, is what was asked for.

use super::driver::{Finished, Outcome, Watch};
use super::radius::Radius;
use super::tableau::{
    DOP853_DENSE, DOP853_ERROR3, DOP853_ERROR5, DOP853_EXTRA, DOP853_STAGES, DOP853_WEIGHTS,
};
use super::vector::{combine, combine_only, distance_squared, scaled_square, weighted_mean_square};
use super::{Interpolant, Options, Step, VectorField, pace};
use std::cell::RefCell;
use std::ops::ControlFlow;

/// Fraction of the requested tolerance that each step is held to.
const SAFETY: f64 = 0.1;
/// Largest `h ρ` of the next step …
const STABILITY: f64 = 2.0;
/// … and of a step that is accepted.
const BEARABLE: f64 = 4.0;
/// A radius seen counts as the one remembered from this part of it on.
const SAME: f64 = 0.95;

pub(super) fn run(
    field: &dyn VectorField,
    y0: &[f64],
    options: &Options,
    watch: &mut Watch<'_>,
) -> Finished {
    let mut method = Dop853::new(field, y0, options);
    let end = method.advance(watch);
    Finished {
        end,
        state: method.y0,
        rejected: method.rejected,
    }
}

struct Dop853<'a> {
    field: &'a dyn VectorField,
    options: &'a Options,
    time: f64,
    step: f64,
    y0: Vec<f64>,
    y1: Vec<f64>,
    /// Argument of the stage at hand.
    stage: Vec<f64>,
    scale: Vec<f64>,
    radius: Radius,
    /// `f(y1)`, apart from the stages because a reader inside the step fills those.
    f1: Vec<f64>,
    /// `k_0 … k_15`; the last three are made only when a step is read inside.
    stages: RefCell<Vec<f64>>,
    dense: RefCell<Dense>,
    rejected: usize,
}

/// Lazily made coefficients of the continuous extension of the current step.
struct Dense {
    ready: bool,
    coefficients: Vec<f64>,
    stage: Vec<f64>,
}

/// What a trial step says about itself.
struct Trial {
    /// Weighted error; the step is good when at most 1.
    error: f64,
    /// Estimated spectral radius.
    radius: f64,
}

impl<'a> Dop853<'a> {
    fn new(field: &'a dyn VectorField, y0: &[f64], options: &'a Options) -> Self {
        let n = y0.len();
        Self {
            field,
            options,
            time: 0.0,
            step: 0.0,
            y0: y0.to_vec(),
            y1: vec![0.0; n],
            stage: vec![0.0; n],
            scale: vec![0.0; n],
            radius: Radius::new(field, y0),
            f1: vec![0.0; n],
            stages: RefCell::new(vec![0.0; 16 * n]),
            dense: RefCell::new(Dense {
                ready: false,
                coefficients: vec![0.0; 7 * n],
                stage: vec![0.0; n],
            }),
            rejected: 0,
        }
    }

    fn advance(&mut self, watch: &mut Watch<'_>) -> ControlFlow<Outcome> {
        let n = self.y0.len();
        self.field.eval(&self.y0, &mut self.stages.get_mut()[..n]);
        watch.start(&self.y0, &self.stages.get_mut()[..n])?;
        self.set_scale();
        self.step = self.first_step().min(STABILITY / self.radius.value);
        let mut after_rejection = false;
        while self.time < self.options.horizon {
            let (h, end) = pace::next(self.time, self.step, self.options.horizon);
            pace::resolvable(self.time, h, &self.y1)?;
            let trial = self.attempt(h);
            if trial.error <= 1.0 && self.is_bearable(h, &trial) {
                let most = if after_rejection { 1.0 } else { 6.0 };
                let by_error = h * growth(trial.error).min(most);
                let limit = self.limit(by_error, &trial);
                self.accept(h, end, watch)?;
                self.step = by_error.min(limit);
                after_rejection = false;
            } else {
                self.rejected += 1;
                after_rejection = true;
                self.step = if trial.error <= 1.0 {
                    STABILITY / self.radius.value
                } else if trial.error.is_finite() {
                    h * growth(trial.error).min(0.9)
                } else {
                    h * 0.1
                };
            }
        }
        ControlFlow::Continue(())
    }

    /// Whether the step that was tried is small enough for the radius that it shows. Between states that are
    /// equal up to roundoff that is checked by a product with the Jacobian.
    fn is_bearable(&mut self, h: f64, trial: &Trial) -> bool {
        if h * trial.radius <= BEARABLE {
            return true;
        }
        self.radius.turn_to(trial.radius, &self.y1, &self.stage);
        self.radius.iterate(self.field, &self.y1);
        h * self.radius.value <= BEARABLE
    }

    /// The largest step after the one that was tried, where the error admits one of `by_error`.
    fn limit(&mut self, by_error: f64, trial: &Trial) -> f64 {
        let seen = trial.radius;
        if seen >= SAME * self.radius.value {
            self.radius.turn_to(seen, &self.y1, &self.stage);
        } else if by_error * self.radius.value > STABILITY {
            self.radius.remember(self.field, &self.y1, seen);
        }
        STABILITY / self.radius.value
    }

    fn set_scale(&mut self) {
        self.field.magnitude(&self.y0, &mut self.scale);
        let rtol = SAFETY * self.options.rtol;
        for (s, a) in self.scale.iter_mut().zip(&self.options.atol) {
            // Never zero: an exactly zero component with zero tolerance has zero error.
            *s = (SAFETY * a + rtol * *s).max(f64::MIN_POSITIVE);
        }
    }

    /// Twelve stages; the new state into `y1`, `f(y1)` into stage 12.
    fn attempt(&mut self, h: f64) -> Trial {
        let n = self.y0.len();
        let stages = self.stages.get_mut();
        self.dense.get_mut().ready = false;
        for (i, &row) in DOP853_STAGES.iter().enumerate() {
            combine(&mut self.stage, &self.y0, h, row, stages);
            self.field
                .eval(&self.stage, &mut stages[(i + 1) * n..(i + 2) * n]);
        }
        combine(&mut self.y1, &self.y0, h, DOP853_WEIGHTS, stages);
        self.field.eval(&self.y1, &mut stages[12 * n..13 * n]);
        let e5 = weighted_mean_square(DOP853_ERROR5, stages, &self.scale);
        let e3 = weighted_mean_square(DOP853_ERROR3, stages, &self.scale);
        let spread = distance_squared(&self.y1, &self.stage);
        let turn = distance_squared(&stages[12 * n..13 * n], &stages[11 * n..12 * n]);
        Trial {
            error: error_norm(h, e5, e3),
            radius: if spread > 0.0 {
                (turn / spread).sqrt()
            } else {
                0.0
            },
        }
    }

    fn accept(&mut self, h: f64, end: f64, watch: &mut Watch<'_>) -> ControlFlow<Outcome> {
        let n = self.y0.len();
        self.f1
            .copy_from_slice(&self.stages.get_mut()[12 * n..13 * n]);
        let inside = Inside { method: self, h };
        watch.accept(&Step {
            t0: self.time,
            t1: end,
            y0: &self.y0,
            y1: &self.y1,
            f1: &self.f1,
            inside: &inside,
        })?;
        let stages = self.stages.get_mut();
        stages[..n].copy_from_slice(&self.f1);
        std::mem::swap(&mut self.y0, &mut self.y1);
        self.time = end;
        self.set_scale();
        ControlFlow::Continue(())
    }

    /// That of the field, or Hairer's: small against the solution's and its derivative's change.
    fn first_step(&mut self) -> f64 {
        if let Some(step) = self.field.first_step() {
            return step.min(self.options.horizon);
        }
        let n = self.y0.len();
        let stages = self.stages.get_mut();
        let (f0, rest) = stages.split_at_mut(n);
        let size = (scaled_square(&self.y0, &self.scale) / n as f64).sqrt();
        let slope = (scaled_square(f0, &self.scale) / n as f64).sqrt();
        let guess = if slope > 0.0 && size > 0.0 {
            0.01 * size / slope
        } else {
            1e-6 * self.options.horizon
        };
        let guess = guess.min(self.options.horizon);
        for ((s, y), f) in self.stage.iter_mut().zip(&self.y0).zip(f0.iter()) {
            *s = y + guess * f;
        }
        let f1 = &mut rest[..n];
        self.field.eval(&self.stage, f1);
        for ((s, a), b) in self.stage.iter_mut().zip(f1.iter()).zip(f0.iter()) {
            *s = a - b;
        }
        let bend = (scaled_square(&self.stage, &self.scale) / n as f64).sqrt() / guess;
        let largest = slope.max(bend);
        let by_order = if largest > 0.0 {
            (0.01 / largest).powf(0.125)
        } else {
            guess
        };
        (100.0 * guess).min(by_order).min(self.options.horizon)
    }
}

/// `h · min(6, max(1/3, 0.9 err^{−1/8})) / h`.
fn growth(error: f64) -> f64 {
    (0.9 * error.powf(-0.125)).clamp(1.0 / 3.0, 6.0)
}

fn error_norm(h: f64, e5: f64, e3: f64) -> f64 {
    let denominator = e5 + 0.01 * e3;
    if denominator > 0.0 {
        h * e5 / denominator.sqrt()
    } else {
        // Zero, or NaN when a stage was not finite.
        denominator
    }
}

/// The continuous extension of the step that was just made.
struct Inside<'a, 'b> {
    method: &'a Dop853<'b>,
    h: f64,
}

impl Inside<'_, '_> {
    /// Three more stages and seven coefficient vectors, once a step.
    fn prepare(&self) {
        let m = self.method;
        let n = m.y0.len();
        let dense = &mut *m.dense.borrow_mut();
        let stages = &mut *m.stages.borrow_mut();
        for (i, &row) in DOP853_EXTRA.iter().enumerate() {
            combine(&mut dense.stage, &m.y0, self.h, row, stages);
            m.field
                .eval(&dense.stage, &mut stages[(13 + i) * n..(14 + i) * n]);
        }
        let (low, high) = dense.coefficients.split_at_mut(3 * n);
        let (f0, f1) = (&stages[..n], &stages[12 * n..13 * n]);
        for i in 0..n {
            let rise = m.y1[i] - m.y0[i];
            low[i] = rise;
            low[n + i] = self.h * f0[i] - rise;
            low[2 * n + i] = 2.0 * rise - self.h * (f1[i] + f0[i]);
        }
        for (row, out) in DOP853_DENSE.iter().zip(high.chunks_exact_mut(n)) {
            combine_only(out, self.h, row, stages);
        }
        dense.ready = true;
    }
}

impl Interpolant for Inside<'_, '_> {
    fn component(&self, theta: f64, index: usize, scratch: &mut [f64]) -> f64 {
        if !self.method.dense.borrow().ready {
            self.prepare();
        }
        let dense = self.method.dense.borrow();
        let mut y = 0.0;
        for (i, f) in dense
            .coefficients
            .chunks_exact(scratch.len())
            .rev()
            .enumerate()
        {
            y = (y + f[index]) * if i % 2 == 0 { theta } else { 1.0 - theta };
        }
        y + self.method.y0[index]
    }

    fn state(&self, theta: f64, y: &mut [f64]) {
        if !self.method.dense.borrow().ready {
            self.prepare();
        }
        let dense = self.method.dense.borrow();
        let n = y.len();
        y.fill(0.0);
        for (i, f) in dense.coefficients.chunks_exact(n).rev().enumerate() {
            let factor = if i % 2 == 0 { theta } else { 1.0 - theta };
            for (y, f) in y.iter_mut().zip(f) {
                *y = (*y + f) * factor;
            }
        }
        for (y, y0) in y.iter_mut().zip(&self.method.y0) {
            *y += y0;
        }
    }
}
