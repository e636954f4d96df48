//! An expectation of the catalogue met the files of its steps.

use super::catalogue::{CheckSpec, Entry, Expected, Figure, Tolerance};
use super::measure::{Measured, Range, Unmeasured};
use crate::report::table::significant;
use serde::Serialize;
use std::path::Path;

/// Digits of what is shown.
const DIGITS: usize = 7;

/// One row of an entry's table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    pub name: String,
    /// The expected number, range or word.
    pub predicted: String,
    /// What was found, or why nothing was.
    pub measured: String,
    /// Measured less predicted, and the largest size that is accepted; empty for ranges and words.
    pub difference: String,
    pub tolerance: String,
    pub passed: bool,
    pub source: String,
}

/// All checks of an entry, whose steps have their output in `folder/<step>`; a figure that is not there is a
/// failed one.
pub fn check(entry: &Entry, folder: &Path) -> Vec<Checked> {
    let checks = entry.checks.iter().map(|spec| one(spec, folder));
    let drawn = |f: &&Figure| folder.join(&f.step).join(&f.file).is_file();
    let missing = entry.figures.iter().filter(|f| !drawn(f)).map(missing);
    checks.chain(missing).collect()
}

fn missing(figure: &Figure) -> Checked {
    Checked {
        name: format!("figure `{}/{}`", figure.step, figure.file),
        predicted: "a file".to_owned(),
        measured: "there is no such file".to_owned(),
        difference: String::new(),
        tolerance: String::new(),
        passed: false,
        source: "the page shows it".to_owned(),
    }
}

fn one(spec: &CheckSpec, folder: &Path) -> Checked {
    let verdict = judge(spec, folder).unwrap_or_else(|missing| Verdict {
        predicted: "a number".to_owned(),
        measured: missing.to_string(),
        difference: String::new(),
        tolerance: String::new(),
        passed: false,
    });
    Checked {
        name: spec.name.clone(),
        predicted: verdict.predicted,
        measured: verdict.measured,
        difference: verdict.difference,
        tolerance: verdict.tolerance,
        passed: verdict.passed,
        source: spec.source.clone(),
    }
}

/// The part of a row that depends on the files.
struct Verdict {
    predicted: String,
    measured: String,
    difference: String,
    tolerance: String,
    passed: bool,
}

fn judge(spec: &CheckSpec, folder: &Path) -> Result<Verdict, Unmeasured> {
    match &spec.expected {
        Some(Expected::Equals(word)) => Ok(word_is(&spec.measured.read(folder)?, word)),
        Some(Expected::Range { min, max }) => {
            Ok(in_range(spec.measured.number(folder)?, *min, *max))
        }
        Some(Expected::Value { value, tolerance }) => {
            Ok(near(spec.measured.number(folder)?, *value, *tolerance))
        }
        Some(Expected::Measured { measure, tolerance }) => {
            let value = measure.number(folder)?;
            Ok(near(spec.measured.number(folder)?, value, *tolerance))
        }
        // Refused when the catalogue was read.
        None => Ok(in_range(f64::NAN, None, None)),
    }
}

fn word_is(measured: &Measured, word: &str) -> Verdict {
    let found = match measured {
        Measured::Text(text) => text.clone(),
        Measured::Number(number) => number.to_string(),
    };
    Verdict {
        predicted: word.to_owned(),
        passed: found == word,
        measured: found,
        difference: String::new(),
        tolerance: String::new(),
    }
}

fn in_range(measured: f64, min: Option<f64>, max: Option<f64>) -> Verdict {
    let predicted = match (min, max) {
        (Some(min), Some(max)) => format!("{} … {}", short(min), short(max)),
        (Some(min), None) => format!("≥ {}", short(min)),
        (None, Some(max)) => format!("≤ {}", short(max)),
        (None, None) => String::new(),
    };
    Verdict {
        predicted,
        measured: shown(measured),
        difference: String::new(),
        tolerance: String::new(),
        passed: measured.is_finite() && Range { min, max }.contains(measured),
    }
}

fn near(measured: f64, value: f64, tolerance: Tolerance) -> Verdict {
    let band = tolerance.of(value);
    Verdict {
        predicted: shown(value),
        measured: shown(measured),
        difference: brief(measured - value),
        tolerance: brief(band),
        passed: (measured - value).abs() <= band,
    }
}

/// Whole numbers as they are, others with some digits.
fn shown(value: f64) -> String {
    match value.fract() == 0.0 && value.abs() < 1e6 {
        true => value.to_string(),
        false => significant(value, DIGITS),
    }
}

/// The size of a number.
fn brief(value: f64) -> String {
    match value == 0.0 {
        true => "0".to_owned(),
        false => format!("{value:.1e}"),
    }
}

/// A bound as it was written, or nearly.
fn short(bound: f64) -> String {
    match bound == 0.0 || (1e-3..1e6).contains(&bound.abs()) {
        true => bound.to_string(),
        false => format!("{bound:e}"),
    }
}
