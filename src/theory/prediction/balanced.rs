//! Two layers from a balanced start by the matrix solution: escapes are where its singular values
//! pass their levels.

use super::{Declined, Prediction, Predictions, Quantity, Question, Reach};
use crate::error::counted;
use crate::linalg::root;
use crate::theory::riccati::Riccati;

const RESULT: &str = "two layers in closed form";
const FORMULA: &str = "P(t) = e^(Ft) Q0 [I + Q0' (int e^(2Fs)) Q0]^-1 Q0' e^(Ft)";
/// Inputs and outputs together that are solved in milliseconds.
const LARGEST: usize = 48;
/// Times at which the solution is looked at before an escape is searched between two of them …
const MOST_TIMES: usize = 4000;
/// … this part of the time apart at least: what is fast has long come to rest.
const LEAST_STEP: f64 = 0.02;
const WOKEN: &str = "by then roundoff has become of what the start lacks along a growing direction";
/// Relative error of the solution's singular values.
const FORM_ERROR: f64 = 1e-12;

pub(super) fn predict(question: &Question<'_>) -> Predictions {
    let widths = question.problem.network.widths();
    let large = widths.len() == 3 && widths[0] + widths[2] > LARGEST;
    let solution = match large {
        true => Err("only up to 48 inputs and outputs together"),
        false => Riccati::new(question.problem),
    };
    match solution {
        Ok(solution) => {
            let mut all = match solution.doubtful() {
                0 => offered(&solution, question),
                _ => Predictions::default(),
            };
            all.declined.extend(absent(&solution));
            all
        }
        Err(needed) => Predictions {
            offered: Vec::new(),
            declined: vec![Declined::new(RESULT, format!("this needs {needed}"))],
        },
    }
}

/// What is said of modes that the start lacks: nothing escapes that is not there.
fn absent(solution: &Riccati) -> Option<Declined> {
    let reason = match solution.absent() {
        0 => return None,
        n if solution.doubtful() > 0 => format!(
            "of what meets along {} less than 1e-13 is left, too little to be known",
            counted(n, "growing direction", "growing directions")
        ),
        1 => "the start has no part beyond roundoff along one growing direction, which counts as absent"
            .to_owned(),
        n => format!(
            "the start has no part beyond roundoff along {n} growing directions, which count as absent"
        ),
    };
    Some(Declined::new(RESULT, reason))
}

fn offered(solution: &Riccati, question: &Question<'_>) -> Predictions {
    let levels = question.levels();
    let looks = looks(solution, question.horizon);
    let mut all = Predictions::default();
    for (i, &level) in levels.iter().enumerate() {
        match escape(solution, &looks, i, level) {
            Ok(found) => all.offered.extend(found),
            Err(reason) => {
                let reason = format!("mode {}: {reason}", i + 1);
                all.declined.push(Declined::new(RESULT, reason));
            }
        }
    }
    match finals(solution, &looks, question.horizon) {
        Ok(finals) => all.offered.extend(finals.into_iter().take(levels.len())),
        Err(reason) => {
            let reason = format!("final values: {reason}");
            all.declined.push(Declined::new(RESULT, reason));
        }
    }
    all
}

/// A time and the singular values then.
type Look = (f64, Vec<f64>);

/// When `σ_{i+1}` passes its level, if it does between two looks.
///
/// # Errors
/// Why a run need not do so.
fn escape(
    solution: &Riccati,
    looks: &[Look],
    i: usize,
    level: f64,
) -> Result<Option<Prediction>, &'static str> {
    let above = |(_, values): &Look| values[i] >= level;
    let Some(after) = looks.iter().position(above).filter(|&after| after > 0) else {
        return Ok(None);
    };
    let [low, high] = [after - 1, after].map(|j| (looks[j].0, (looks[j].1[i] / level).ln()));
    let above = |t: f64| (solution.at(t).singular_values[i] / level).ln();
    let time = root(above, low, high, 4.0 * f64::EPSILON * high.0).at;
    let rate = (high.1 - low.1) / (high.0 - low.0);
    let error = FORM_ERROR * time + (FORM_ERROR + solution.start_error()) / rate;
    if !solution.stays_absent(time) {
        return Err(WOKEN);
    }
    if error >= time {
        // The mode comes to rest at the level.
        return Err("roundoff decides when it passes its level");
    }
    let curve = looks.iter().map(|(t, values)| (*t, values[i])).collect();
    Ok(Some(Prediction {
        curve,
        ..offer(Quantity::EscapeTime, i, time, error)
    }))
}

/// All `σ_k` at the horizon.
///
/// # Errors
/// Why they are not known, or why a run need not have them.
fn finals(
    solution: &Riccati,
    looks: &[Look],
    horizon: f64,
) -> Result<Vec<Prediction>, &'static str> {
    let Some((_, values)) = looks.last().filter(|(t, _)| *t == horizon) else {
        return Err("the horizon lies too many of the fastest modes' times away");
    };
    if !solution.stays_absent(horizon) {
        return Err(WOKEN);
    }
    let error = (FORM_ERROR + solution.start_error()) * values.first().copied().unwrap_or(0.0);
    let each = values.iter().enumerate();
    Ok(each
        .map(|(i, &value)| offer(Quantity::FinalSingularValue, i, value, error))
        .collect())
}

/// Singular values from the start to the horizon, at times between which they change little.
fn looks(solution: &Riccati, horizon: f64) -> Vec<Look> {
    let mut times = vec![0.0];
    let mut t = 0.0;
    while t < horizon && times.len() < MOST_TIMES {
        // Half of what is safe for finding escapes: then the curve is smooth enough to be drawn.
        t = (t + (0.5 * solution.pace(t)).max(LEAST_STEP * t)).min(horizon);
        times.push(t);
    }
    times
        .into_iter()
        .map(|t| (t, solution.at(t).singular_values))
        .collect()
}

fn offer(quantity: Quantity, i: usize, value: f64, error: f64) -> Prediction {
    Prediction {
        quantity,
        mode: i + 1,
        value,
        error,
        reach: Reach::ClosedForm,
        formula: FORMULA,
        assumptions: vec![
            "two layers",
            "squared error",
            "imbalance a multiple of the identity",
        ],
        curve: Vec::new(),
    }
}
