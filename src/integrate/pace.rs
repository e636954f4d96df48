//! Steps on the time axis.

use super::driver::{Outcome, failed};
use crate::error::Error;
use std::ops::ControlFlow;

/// The step to try and where it ends; the horizon is met exactly.
pub(super) fn next(time: f64, step: f64, horizon: f64) -> (f64, f64) {
    let left = horizon - time;
    if 1.01 * step >= left {
        (left, horizon)
    } else {
        let end = time + step;
        (end - time, end)
    }
}

/// Ends the run when `f64` times cannot tell both ends of the step apart; `trial` is what the last
/// attempt produced and says whether infinite values drove the step there.
pub(super) fn resolvable(time: f64, step: f64, trial: &[f64]) -> ControlFlow<Outcome> {
    if step > 4.0 * f64::EPSILON * time && step >= f64::MIN_POSITIVE {
        return ControlFlow::Continue(());
    }
    failed(if trial.iter().all(|v| v.is_finite()) {
        Error::StepTooSmall { time, step }
    } else {
        Error::NotFinite { time }
    })
}
