//! Where a logarithmic time axis begins: a decade mark before anything changes by a tenth, since
//! all earlier times show the same.

use super::scale::Scale;
use crate::observe::{Row, Trajectory};

/// Relative change that counts as one.
const CHANGE: f64 = 0.1;
/// Singular values smaller than this part of `σ_1` are too near roundoff to tell.
const RESOLVED: f64 = 1e-10;

/// The logarithmic time axis of a run.
pub fn log_time(trajectory: &Trajectory) -> Scale {
    let times = trajectory.rows.iter().map(|row| row.time);
    let positive = times.filter(|&t| t > 0.0 && t.is_finite());
    let (Some(first), Some(last)) = (positive.clone().next(), positive.clone().next_back()) else {
        return Scale::log(-1.0, 0.0);
    };
    let decade = onset(trajectory).unwrap_or(last).log10().floor();
    // At least three decades where the run has them.
    let begin = decade.min(last.log10() - 3.0).max(first.log10());
    Scale::log(begin, last.log10())
}

/// The last row time before a change.
fn onset(trajectory: &Trajectory) -> Option<f64> {
    let start = trajectory.rows.first()?;
    let changed = trajectory.rows.iter().position(|row| differs(start, row))?;
    let before = trajectory.rows[..changed].last()?.time;
    Some(if before > 0.0 {
        before
    } else {
        trajectory.rows[changed].time
    })
}

fn differs(a: &Row, b: &Row) -> bool {
    let floor = RESOLVED * a.singular_values.first().copied().unwrap_or(0.0);
    let sigmas = a.singular_values.iter().zip(&b.singular_values);
    let mut resolved = sigmas.filter(|(s, _)| **s > floor);
    let changed = |a: f64, b: f64| (b - a).abs() > CHANGE * a.abs();
    changed(a.cost, b.cost)
        || changed(a.gradient_norm, b.gradient_norm)
        || resolved.any(|(&a, &b)| changed(a, b))
}
