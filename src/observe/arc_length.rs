//! The length of the path of `A`, `∫ ‖dA/dt‖_F dt`, from chords between states of the dense output.
//!
//! The length of a polyline with `m` equal pieces has an expansion in even powers of `1/m`, so 1, 2
//! and 4 chords a step give the length to the sixth power of the step (Romberg). A straight path is
//! exact however its speed varies, and a state at rest adds no more than its rounding.

use crate::linalg::{Mat, MatRef, frobenius};

use super::view::StepView;

/// Chords of the finest polyline.
const PIECES: usize = 4;

/// Sums the length over accepted steps, when it is wanted.
pub(super) struct ArcLength {
    wanted: bool,
    /// Length up to the start and to the end of the step at hand.
    pub start: f64,
    pub end: f64,
}

impl ArcLength {
    pub fn new(wanted: bool) -> Self {
        Self {
            wanted,
            start: 0.0,
            end: 0.0,
        }
    }

    /// Takes the next step.
    pub fn advance(&mut self, view: &mut StepView<'_, '_>) {
        self.start = self.end;
        if self.wanted {
            let last = view.after.end_to_end.clone();
            self.end += length(view, view.step.t1, last);
        }
    }

    /// Length up to local time `t` of the step at hand, where `A` is `here`.
    pub fn inside(&self, view: &mut StepView<'_, '_>, t: f64, here: &Mat<f64>) -> f64 {
        match self.wanted {
            true => self.start + length(view, t, here.clone()),
            false => 0.0,
        }
    }
}

/// From the start of the step to its local time `t`, where `A` is `last`.
fn length(view: &mut StepView<'_, '_>, t: f64, last: Mat<f64>) -> f64 {
    let t0 = view.step.t0;
    let mut states = vec![view.before.end_to_end.clone()];
    for piece in 1..PIECES {
        let part = piece as f64 / PIECES as f64;
        states.push(
            view.probe
                .end_to_end_inside(view.step, t0 + part * (t - t0)),
        );
    }
    states.push(last);
    let [whole, halves, quarters] = [4, 2, 1].map(|stride| polyline(&states, stride));
    let (coarse, fine) = (
        richardson(whole, halves, 4.0),
        richardson(halves, quarters, 4.0),
    );
    richardson(coarse, fine, 16.0)
}

/// Takes the error that falls by `factor` from `coarse` to `fine` out of `fine`.
fn richardson(coarse: f64, fine: f64, factor: f64) -> f64 {
    fine + (fine - coarse) / (factor - 1.0)
}

fn polyline(states: &[Mat<f64>], stride: usize) -> f64 {
    let knots: Vec<&Mat<f64>> = states.iter().step_by(stride).collect();
    knots
        .windows(2)
        .map(|k| chord(k[0].as_ref(), k[1].as_ref()))
        .sum()
}

fn chord(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    frobenius(Mat::from_fn(a.nrows(), a.ncols(), |i, j| b[(i, j)] - a[(i, j)]).as_ref())
}
