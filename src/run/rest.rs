//! Runs that have nothing left to learn, long before their horizon.
//!
//! Without weight decay a state with `∇C = 0` does not move. What moves a computed one is the roundoff of its
//! gradient: along directions in which nothing pulls back it drifts in proportion to time, the faster the larger
//! the steps.

use crate::integrate::{
    Integration, Interpolant, Observer, Options, Outcome, Step, Time, VectorField, integrate,
};
use crate::linalg::frobenius;
use crate::model::Problem;
use crate::observe::RunObserver;
use std::ops::ControlFlow;

/// Gradient, relative to that at `A = 0`, at which nothing is left to learn.
pub(super) const LEARNED: f64 = 1e-13;
/// A run rests after so many times the time in which it has learned: what decays as an exponential has come to
/// its end by then.
const PATIENCE: f64 = 100.0;

/// Integrates `problem` from its start to the horizon, the last part at rest.
pub(super) fn integrate_to_rest(
    field: &dyn VectorField,
    problem: &Problem,
    options: &Options,
    observer: &mut RunObserver<'_>,
) -> Integration {
    let mut resting = Resting {
        learned: learned(problem).filter(|_| options.method.controls_error()),
        observer,
        horizon: options.horizon,
        since: None,
        rests: false,
    };
    let end = integrate(field, &problem.initial_weights, options, &mut resting);
    if !resting.rests {
        return end;
    }
    observer.enter(Time::from(end.time), None, &end.state);
    let left = options.horizon - end.time;
    let outcome = stand_still(field, &end.state, left, observer);
    let mut statistics = end.statistics;
    statistics.steps += 1;
    Integration {
        outcome,
        time: options.horizon,
        statistics,
        ..end
    }
}

/// `‖∇C‖_F` at which nothing is left to learn: what grows or decays by it from then on, over any time, is none
/// of the flow's. `None` with weight decay, by which weights move on all the same.
pub(super) fn learned(problem: &Problem) -> Option<f64> {
    let threshold = || LEARNED * frobenius(problem.cost.gradient_at_origin().as_ref());
    (problem.l2 == 0.0).then(threshold)
}

/// A state that does not move for a time `left`, until the horizon.
pub(super) fn stand_still(
    field: &dyn VectorField,
    weights: &[f64],
    left: f64,
    observer: &mut RunObserver<'_>,
) -> Outcome {
    let mut slope = vec![0.0; weights.len()];
    field.eval(weights, &mut slope);
    let shown = observer.step(&Step {
        t0: 0.0,
        t1: left,
        y0: weights,
        y1: weights,
        f1: &slope,
        inside: &Still {
            weights,
            slope: &slope,
        },
    });
    match shown {
        ControlFlow::Continue(()) => Outcome::HorizonReached,
        ControlFlow::Break(reason) => Outcome::Stopped { reason },
    }
}

/// Hands steps on until the run rests.
struct Resting<'r, 'a> {
    observer: &'r mut RunObserver<'a>,
    learned: Option<f64>,
    horizon: f64,
    /// When there was nothing left to learn for the first time.
    since: Option<f64>,
    rests: bool,
}

impl Observer for Resting<'_, '_> {
    fn start(&mut self, y0: &[f64], f0: &[f64]) -> ControlFlow<String> {
        self.observer.start(y0, f0)
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        self.observer.step(step)?;
        let gradient = self.observer.cost_gradient_norm();
        if self.learned.is_some_and(|learned| gradient <= learned) {
            let since = *self.since.get_or_insert(step.t1);
            self.rests = step.t1 > PATIENCE * since && step.t1 < self.horizon;
        }
        match self.rests {
            true => ControlFlow::Break("at rest".to_owned()),
            false => ControlFlow::Continue(()),
        }
    }
}

struct Still<'s> {
    weights: &'s [f64],
    slope: &'s [f64],
}

impl Interpolant for Still<'_> {
    fn state(&self, _theta: f64, y: &mut [f64]) {
        y.copy_from_slice(self.weights);
    }

    fn slope(&self, _theta: f64, dy: &mut [f64]) -> bool {
        dy.copy_from_slice(self.slope);
        true
    }
}
