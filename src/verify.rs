//! Expectations of a scenario met by the measurements of its run.

use crate::observe::{Event, EventKind, Trajectory};
use crate::report::{Check, Source};
use crate::scenario::schema::{Expect, ExpectQuantity};

/// One check for each expectation; it fails when the quantity was never measured or lies outside
/// `max(rel_tol·|value|, abs_tol)`.
pub fn expectations(expected: &[Expect], trajectory: &Trajectory, events: &[Event]) -> Vec<Check> {
    expected
        .iter()
        .map(|e| check(e, measured(e, trajectory, events)))
        .collect()
}

fn check(expect: &Expect, measured: Option<f64>) -> Check {
    let relative = expect.rel_tol.unwrap_or(0.0) * expect.value.abs();
    let band = relative.max(expect.abs_tol.unwrap_or(0.0));
    let name = match expect.mode {
        Some(mode) => format!("{} of mode {mode}", expect.quantity.name()),
        None => expect.quantity.name().to_owned(),
    };
    Check {
        name,
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
    match expect.quantity {
        ExpectQuantity::EscapeTime => first_time(EventKind::Escape, expect, events),
        ExpectQuantity::CrossingTime => first_time(EventKind::Crossing, expect, events),
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

fn first_time(kind: EventKind, expect: &Expect, events: &[Event]) -> Option<f64> {
    let of_mode = |e: &&Event| e.kind == kind && e.index == expect.mode;
    events.iter().find(of_mode).map(|e| e.time)
}
