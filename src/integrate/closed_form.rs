//! A solution that is known, `y = y(t)` for every `t`, shown to the observer as any other: cut into
//! steps within which it changes so little that events and rows can be read from them.

use super::driver::{Finished, Outcome, Watch, failed};
use super::{Interpolant, Options, Step, VectorField, pace};
use crate::error::Error;
use std::ops::ControlFlow;

/// How far a mark moves in a step.
const CHANGE: f64 = 0.5;
/// Marks above this have come to their end: `e^{−2·18}` is roundoff.
const END: f64 = 18.0;
/// Largest error of the closed form.
const LARGEST_ERROR: f64 = 1e-6;

/// The solution of `dy/dt = f(y)`, `y(0) = y_0`, at any time.
pub trait ClosedForm {
    /// The state at `t ≥ 0` into `y`.
    fn state(&self, t: f64, y: &mut [f64]) -> Sight;

    /// A time after `t` in which no mark moves by more than 1, and positive at 0.
    fn pace(&self, t: f64) -> f64;
}

/// What a closed form says of one of its states.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// Logarithms whose changes say how much happens: below 0 of what grows, above 0 of the inverse
    /// root of what is left to do. Same number and order at all times; `−∞` for what is not there.
    pub marks: Vec<f64>,
    /// What roundoff may have done to any part of the state, relative to that part.
    pub error: f64,
}

pub(super) fn run(
    field: &dyn VectorField,
    y0: &[f64],
    options: &Options,
    watch: &mut Watch<'_>,
) -> Finished {
    let (mut state, mut rejected) = (y0.to_vec(), 0);
    let end = match field.closed_form() {
        Some(solution) => show(field, solution, &mut state, options, watch, &mut rejected),
        None => given_up(0.0, "the solution has no closed form".to_owned()),
    };
    Finished {
        end,
        state,
        rejected,
    }
}

/// The solution between two times.
struct Stretch<'a> {
    solution: &'a dyn ClosedForm,
    t0: f64,
    length: f64,
}

impl Interpolant for Stretch<'_> {
    fn state(&self, theta: f64, y: &mut [f64]) {
        self.solution.state(self.t0 + theta * self.length, y);
    }
}

fn show(
    field: &dyn VectorField,
    solution: &dyn ClosedForm,
    y0: &mut Vec<f64>,
    options: &Options,
    watch: &mut Watch<'_>,
    rejected: &mut usize,
) -> ControlFlow<Outcome> {
    let (mut y1, mut f1) = (y0.clone(), vec![0.0; y0.len()]);
    field.eval(y0, &mut f1);
    watch.start(y0, &f1)?;
    let (mut t0, mut step, mut before) = (0.0, 0.0_f64, Sight::default());
    while t0 < options.horizon {
        // Where roundoff moves marks steps are not shorter for it.
        let shortest = CHANGE * solution.pace(t0);
        let (length, t1) = pace::next(t0, step.max(shortest), options.horizon);
        pace::resolvable(t0, length, &y1)?;
        let after = solution.state(t1, &mut y1);
        let change = change(&before.marks, &after.marks);
        step = length * (0.9 * CHANGE / change).clamp(0.2, 2.0);
        if change > CHANGE && length > 1.1 * shortest {
            *rejected += 1;
            continue;
        }
        sound(t1, &y1, after.error)?;
        field.eval(&y1, &mut f1);
        watch.accept(&Step {
            t0,
            t1,
            y0,
            y1: &y1,
            f1: &f1,
            inside: &Stretch {
                solution,
                t0,
                length,
            },
        })?;
        std::mem::swap(y0, &mut y1);
        (t0, before) = (t1, after);
    }
    ControlFlow::Continue(())
}

/// The longest way of a mark; those that come or go are below roundoff.
fn change(before: &[f64], after: &[f64]) -> f64 {
    let moves = before
        .iter()
        .zip(after)
        .map(|(a, b)| (a.min(END), b.min(END)));
    let known = moves.filter(|(a, b)| a.is_finite() && b.is_finite());
    known.fold(0.0, |m: f64, (a, b)| m.max((b - a).abs()))
}

/// Ends the run where the closed form cannot be believed.
fn sound(t: f64, y: &[f64], error: f64) -> ControlFlow<Outcome> {
    if y.iter().any(|v| !v.is_finite()) {
        return failed(Error::NotFinite { time: t });
    }
    if error > LARGEST_ERROR {
        let reason = format!(
            "roundoff of the closed form has come to {error:.1e} of what it shows, above {LARGEST_ERROR:e}"
        );
        return given_up(t, reason);
    }
    ControlFlow::Continue(())
}

fn given_up(time: f64, reason: String) -> ControlFlow<Outcome> {
    failed(Error::SolverFailed {
        method: "exact",
        time,
        reason,
    })
}
