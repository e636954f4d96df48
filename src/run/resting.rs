//! Runs that have nothing left to learn, long before their horizon.
//!
//! Without weight decay a state with `∇C = 0` does not move. What moves a computed one is the roundoff of its
//! gradient: along directions in which nothing pulls back it drifts in proportion to time, the faster the larger
//! the steps.

use super::graded::{LEARNED, gradient_at_origin, rest};
use crate::integrate::{
    Integration, Method, Observer, Options, Step, Time, VectorField, integrate,
};
use crate::linalg::frobenius;
use crate::model::Problem;
use crate::observe::RunObserver;
use std::ops::ControlFlow;

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
        learned: learned(problem, options),
        observer,
        horizon: options.horizon,
        since: None,
        rests: false,
    };
    let end = integrate(field, &problem.initial_weights, options, &mut resting);
    if !resting.rests {
        return end;
    }
    let mut slope = vec![0.0; end.state.len()];
    field.eval(&end.state, &mut slope);
    observer.enter(Time::from(end.time), None, &end.state);
    let left = options.horizon - end.time;
    let outcome = rest(observer, &end.state, &slope, left);
    let mut statistics = end.statistics;
    statistics.steps += 1;
    Integration {
        outcome,
        time: options.horizon,
        statistics,
        ..end
    }
}

/// `‖∇C‖_F` at which nothing is left to learn; `None` where weights move on all the same.
fn learned(problem: &Problem, options: &Options) -> Option<f64> {
    let stepped = !matches!(
        options.method,
        Method::GradientDescent { .. } | Method::Exact
    );
    let threshold = || LEARNED * frobenius(gradient_at_origin(problem).as_ref());
    (stepped && problem.l2 == 0.0).then(threshold)
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
