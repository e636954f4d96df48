//! What was expected and what theory predicts, met by the measurements of a run.

pub mod conjecture;

use crate::observe::{Event, EventKind, Law, Trajectory};
use crate::report::{Check, Outcome, Prediction, Report, Source};
use crate::scenario::schema::{Expect, ExpectQuantity};

/// One check for each expectation; it fails when the quantity was never measured or lies outside
/// its band.
pub fn expectations(expected: &[Expect], trajectory: &Trajectory, events: &[Event]) -> Vec<Check> {
    expected
        .iter()
        .map(|e| check(e, measured(e, trajectory, events)))
        .collect()
}

fn check(expect: &Expect, measured: Option<f64>) -> Check {
    let band = expect.band();
    Check {
        name: name(expect.quantity.name(), expect.mode),
        predicted: expect.value,
        measured,
        band,
        passed: measured.is_some_and(|m| (m - expect.value).abs() <= band),
        source: Source {
            kind: expect.source.kind.name().to_owned(),
            note: expect.source.note.clone(),
        },
    }
}

fn measured(expect: &Expect, trajectory: &Trajectory, events: &[Event]) -> Option<f64> {
    let last = trajectory.rows.last()?;
    let first_time = |kind| first(kind, expect.mode, events).map(|e| e.time);
    match expect.quantity {
        ExpectQuantity::EscapeTime => first_time(EventKind::Escape),
        ExpectQuantity::CrossingTime => first_time(EventKind::Crossing),
        ExpectQuantity::FinalSingularValue => {
            let mode = expect.mode?;
            last.singular_values.get(mode.checked_sub(1)?).copied()
        }
        ExpectQuantity::FinalCost => Some(last.cost),
        ExpectQuantity::FinalTestCost => last.test_cost,
        ExpectQuantity::FinalLoss => Some(last.loss),
        ExpectQuantity::FinalGradientNorm => Some(last.gradient_norm),
        ExpectQuantity::FinalParameterNormSq => Some(last.parameter_norm_sq),
        ExpectQuantity::FinalRank => Some(last.rank as f64),
    }
}

fn first(kind: EventKind, mode: Option<usize>, events: &[Event]) -> Option<&Event> {
    events.iter().find(|e| e.kind == kind && e.index == mode)
}

fn name(quantity: &str, mode: Option<usize>) -> String {
    match mode {
        Some(mode) => format!("{quantity} of mode {mode}"),
        None => quantity.to_owned(),
    }
}

/// Errors of escape times and singular values in units of `rtol`: what the integrators are held to on
/// the benchmark problems.
const ACCURACY: f64 = 100.0;

/// `rtol` of a run in closed form, which has roundoff only.
const CLOSED_FORM: f64 = 1e-13;

/// One check for every prediction that the run could meet, and for every law of the flow. The band
/// of a prediction is its own error, what the integration may be off by (`100 rtol`; 1e-11 for a
/// run in closed form) and the width of the event's bracket.
pub fn theory(report: &Report, rtol: f64) -> Vec<Check> {
    let rtol = match report.solver.method.as_str() {
        "exact" => CLOSED_FORM,
        _ => rtol,
    };
    // Gradient descent follows another path: nothing is said about it.
    let predictions = match report.solver.method.as_str() {
        "gradient_descent" => &[][..],
        _ => &report.predictions,
    };
    let predicted = predictions.iter().filter_map(|p| met(p, report, rtol));
    predicted.chain(report.laws.iter().map(law)).collect()
}

/// `None` where the run says nothing about the prediction.
fn met(p: &Prediction, report: &Report, rtol: f64) -> Option<Check> {
    let tolerance = ACCURACY * rtol * p.value.abs();
    match p.quantity.as_str() {
        "escape_time" => {
            let event = report.events.iter().find(|e| p.is_of(e));
            // Beyond the end of the run there is nothing to see.
            if event.is_none() && p.value + p.error + tolerance > report.time {
                return None;
            }
            let width = event.map_or(0.0, |e| e.bracket[1] - e.bracket[0]);
            Some(compare(
                p,
                event.map(|e| e.time),
                p.error + tolerance + width,
            ))
        }
        "trapped" => {
            let last = report.trajectory.rows.last()?;
            let measured = last.singular_values.get(p.mode?.checked_sub(1)?).copied();
            let mut check = compare(p, measured, f64::INFINITY);
            check.passed = !report.events.iter().any(|e| p.is_of(e));
            Some(check)
        }
        "final_singular_value" if report.outcome == Outcome::HorizonReached => {
            let rows = &report.trajectory.rows;
            let values = &rows.last()?.singular_values;
            // Accuracy is promised relative to values above a thousandth of the largest, which for a
            // run that decays is not that of its end.
            let tops = rows.iter().filter_map(|row| row.singular_values.first());
            let size = 1e-3 * tops.fold(0.0, |m: f64, s| m.max(*s));
            let tolerance = tolerance.max(ACCURACY * rtol * size);
            let measured = values.get(p.mode?.checked_sub(1)?).copied();
            Some(compare(p, measured, p.error + tolerance))
        }
        _ => None,
    }
}

fn compare(p: &Prediction, measured: Option<f64>, band: f64) -> Check {
    Check {
        name: name(&p.quantity, p.mode),
        predicted: p.value,
        measured,
        band,
        passed: measured.is_some_and(|m| (m - p.value).abs() <= band),
        source: p.source.clone(),
    }
}

fn law(law: &Law) -> Check {
    Check {
        name: law.name.to_owned(),
        predicted: 0.0,
        measured: Some(law.found),
        band: law.allowed,
        passed: law.found <= law.allowed,
        source: Source {
            kind: "monitor".to_owned(),
            note: format!("at t = {:.6e}", law.time),
        },
    }
}
