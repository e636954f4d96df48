//! How a run ended, in words.

use crate::error::plainly;
use crate::integrate::{Integration, Options, Outcome};
use crate::observe::{Grid, grid_times};
use crate::report;

/// The outcome and one sentence about it.
pub(super) fn describe(
    end: &Integration,
    options: &Options,
    to_origin: bool,
) -> (report::Outcome, String) {
    let (outcome, mut detail) = ending(end, options);
    if to_origin {
        detail.push_str(", on the way to the origin, which it cannot leave");
    }
    (outcome, detail)
}

/// The word and the sentence for the end of an integration.
pub(super) fn ending(end: &Integration, options: &Options) -> (report::Outcome, String) {
    match &end.outcome {
        Outcome::HorizonReached if falls_short(end, options) => (
            report::Outcome::HorizonReached,
            format!(
                "last iterate at t = {} before the horizon t = {}",
                rounded(end.time),
                plainly(options.horizon)
            ),
        ),
        Outcome::HorizonReached => (
            report::Outcome::HorizonReached,
            format!("reached the horizon t = {}", plainly(options.horizon)),
        ),
        Outcome::Stopped { reason } if reason == "interrupted" => (
            report::Outcome::Interrupted,
            format!("interrupted at t = {:.9e}", end.time),
        ),
        Outcome::Stopped { reason } => (
            report::Outcome::Stopped,
            format!("{reason} at t = {:.9e}", end.time),
        ),
        Outcome::Failed { error } => (report::Outcome::Failed, error.to_string()),
    }
}

/// Whether a run that went to the horizon ended at an iterate before it: those of gradient descent stand at
/// multiples of the learning rate.
fn falls_short(end: &Integration, options: &Options) -> bool {
    !options.method.flows() && end.time < options.horizon * (1.0 - 4.0 * f64::EPSILON)
}

/// A time without the rounding of a multiple.
fn rounded(t: f64) -> String {
    plainly(format!("{t:.11e}").parse().unwrap_or(t))
}

/// A warning when rows were asked for after the last iterate. That a grid of its own ends there rather than at
/// the horizon says the outcome.
pub(super) fn missing_rows(grid: &Grid, options: &Options, end: &Integration) -> Vec<String> {
    if !matches!(end.outcome, Outcome::HorizonReached) || !falls_short(end, options) {
        return Vec::new();
    }
    let listed = matches!(grid, Grid::Times(_));
    let mut times = grid_times(grid, options.horizon);
    times.retain(|&t| t > end.time && (listed || t < options.horizon));
    let last = rounded(end.time);
    let rows = match times.as_slice() {
        [] => return Vec::new(),
        [t] => format!("no row at t = {}", plainly(*t)),
        [t, .., u] => format!(
            "no rows at {} times from t = {} to {}",
            times.len(),
            plainly(*t),
            plainly(*u)
        ),
    };
    vec![format!("{rows}: the last iterate stands at t = {last}")]
}
