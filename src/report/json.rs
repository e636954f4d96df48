//! `report.json`, also what `--json` prints: one key a line, lists of objects with one object a
//! line. Floats round-trip; numbers that are not finite are `null`.

use super::events::{Line, number};
use super::{Check, Decay, Declined, Prediction, Report, SolverReport, Source};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

#[derive(Serialize, Deserialize)]
struct SourceObject {
    kind: String,
    note: String,
}

/// A prediction as it stands in `report.json` and in the output of `predict --json`.
#[derive(Serialize, Deserialize)]
pub(super) struct PredictionObject {
    quantity: String,
    mode: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<f64>,
    #[serde(deserialize_with = "number")]
    value: f64,
    #[serde(default)]
    error: Option<f64>,
    source: SourceObject,
    assumptions: Vec<String>,
    /// `[[time, σ_mode], …]`: what the figures draw dotted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    curve: Vec<(Option<f64>, Option<f64>)>,
}

#[derive(Serialize)]
struct CheckObject<'a> {
    name: &'a str,
    predicted: f64,
    measured: Option<f64>,
    band: f64,
    passed: bool,
    source: SourceObject,
}

/// The last row without its singular values.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct EndObject {
    pub cost: Option<f64>,
    pub test_cost: Option<f64>,
    pub loss: Option<f64>,
    pub gradient_norm: Option<f64>,
    pub parameter_norm_sq: Option<f64>,
    pub schatten: Option<f64>,
    pub schatten_gap: Option<f64>,
}

impl EndObject {
    fn of(report: &Report) -> Self {
        let last = report.trajectory.rows.last();
        Self {
            cost: last.map(|row| row.cost),
            test_cost: last.and_then(|row| row.test_cost),
            loss: last.map(|row| row.loss),
            gradient_norm: last.map(|row| row.gradient_norm),
            parameter_norm_sq: last.map(|row| row.parameter_norm_sq),
            schatten: last.map(|row| row.schatten),
            schatten_gap: report.schatten_gap,
        }
    }
}

/// The row with the least test cost, where early stopping would have ended.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct BestTestObject {
    pub test_cost: Option<f64>,
    pub time: Option<f64>,
}

impl BestTestObject {
    fn of(report: &Report) -> Option<Self> {
        let rows = report.trajectory.rows.iter();
        let tested = rows.filter_map(|row| Some((row.test_cost?, row.time)));
        let (test_cost, time) = tested.min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(Self {
            test_cost: Some(test_cost),
            time: Some(time),
        })
    }
}

/// What regularisation does to a run, as it stands in `report.json`.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct DecayObject {
    pub tends_to_origin: bool,
    /// Of each mode.
    pub critical_l2: Vec<Option<f64>>,
    pub global_l2: Vec<Option<f64>>,
}

impl From<&Decay> for DecayObject {
    fn from(decay: &Decay) -> Self {
        let thresholds = decay.thresholds.iter();
        Self {
            tends_to_origin: decay.tends_to_origin,
            critical_l2: thresholds.clone().map(|t| Some(t.critical_l2)).collect(),
            global_l2: thresholds.map(|t| Some(t.global_l2)).collect(),
        }
    }
}

/// The solver's work as it stands in `report.json` and `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SolverObject {
    pub method: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reduced_widths: Option<Vec<usize>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frame_rotations: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bdf_from: Option<f64>,
    pub steps: usize,
    pub rejected: usize,
    pub rhs_evaluations: usize,
    pub jvp_evaluations: usize,
    integration_seconds: f64,
}

impl From<&Source> for SourceObject {
    fn from(source: &Source) -> Self {
        Self {
            kind: source.kind.clone(),
            note: source.note.clone(),
        }
    }
}

impl From<&Prediction> for PredictionObject {
    fn from(p: &Prediction) -> Self {
        Self {
            quantity: p.quantity.clone(),
            mode: p.mode,
            level: p.level,
            value: p.value,
            error: Some(p.error),
            source: (&p.source).into(),
            assumptions: p.assumptions.clone(),
            curve: p.curve.iter().map(|&(t, s)| (Some(t), Some(s))).collect(),
        }
    }
}

impl From<PredictionObject> for Prediction {
    fn from(p: PredictionObject) -> Self {
        let or_nan = |v: Option<f64>| v.unwrap_or(f64::NAN);
        Self {
            quantity: p.quantity,
            mode: p.mode,
            level: p.level,
            value: p.value,
            error: or_nan(p.error),
            source: Source {
                kind: p.source.kind,
                note: p.source.note,
            },
            assumptions: p.assumptions,
            curve: p
                .curve
                .iter()
                .map(|&(t, s)| (or_nan(t), or_nan(s)))
                .collect(),
        }
    }
}

impl<'a> From<&'a Check> for CheckObject<'a> {
    fn from(check: &'a Check) -> Self {
        Self {
            name: &check.name,
            predicted: check.predicted,
            measured: check.measured,
            band: check.band,
            passed: check.passed,
            source: (&check.source).into(),
        }
    }
}

impl From<&SolverReport> for SolverObject {
    fn from(solver: &SolverReport) -> Self {
        Self {
            method: solver.method.clone(),
            reduced_widths: solver.reduced_widths.clone(),
            frame_rotations: solver.frame_rotations,
            bdf_from: solver.bdf_from,
            steps: solver.steps,
            rejected: solver.rejected,
            rhs_evaluations: solver.rhs_evaluations,
            jvp_evaluations: solver.jvp_evaluations,
            integration_seconds: solver.integration.as_secs_f64(),
        }
    }
}

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let last = report.trajectory.rows.last();
    let singular_values = last.map_or(&[][..], |row| &row.singular_values);
    let fields = [
        ("title", line(&report.title)?),
        ("outcome", line(&report.outcome)?),
        ("singular_values", line(&singular_values)?),
        ("events", list(report.events.iter().map(Line::from))?),
        ("predictions", predictions(&report.predictions)?),
        ("not_predicted", declined(&report.declined)?),
        ("checks", list(report.checks.iter().map(CheckObject::from))?),
        ("solver", line(&SolverObject::from(&report.solver))?),
        ("reference", line(&report.reference)?),
        ("outcome_detail", line(&report.outcome_detail)?),
        ("time", line(&report.time)?),
        ("widths", line(&report.widths)?),
        ("l2", line(&report.l2)?),
        ("rank", line(&last.map(|row| row.rank))?),
        ("final", line(&EndObject::of(report))?),
        ("best_test", line(&BestTestObject::of(report))?),
        (
            "weight_decay",
            line(&report.decay.as_ref().map(DecayObject::from))?,
        ),
        ("not_escaped", list(report.waiting.iter().map(waiting))?),
        ("warnings", list(report.warnings.iter())?),
    ];
    write_object(&fields, out)
}

/// Writes `{"predictions": […], "not_predicted": […]}` alone, for `predict --json`.
///
/// # Errors
/// Those of `out`.
pub fn write_predictions(
    all: &[Prediction],
    not: &[Declined],
    out: &mut impl Write,
) -> io::Result<()> {
    let fields = [
        ("predictions", predictions(all)?),
        ("not_predicted", declined(not)?),
    ];
    write_object(&fields, out)
}

fn waiting(&(mode, level): &(usize, f64)) -> serde_json::Value {
    serde_json::json!({ "mode": mode, "level": level })
}

fn declined(all: &[Declined]) -> io::Result<String> {
    list(
        all.iter()
            .map(|d| serde_json::json!({ "result": d.result, "reason": d.reason })),
    )
}

fn predictions(all: &[Prediction]) -> io::Result<String> {
    list(all.iter().map(PredictionObject::from))
}

fn line(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(value)?)
}

fn list<T: Serialize>(items: impl Iterator<Item = T>) -> io::Result<String> {
    let lines = items
        .map(|item| Ok(format!("    {}", line(&item)?)))
        .collect::<io::Result<Vec<_>>>()?;
    Ok(match lines.is_empty() {
        true => "[]".to_owned(),
        false => format!("[\n{}\n  ]", lines.join(",\n")),
    })
}

fn write_object(fields: &[(&str, String)], out: &mut impl Write) -> io::Result<()> {
    let lines: Vec<_> = fields
        .iter()
        .map(|(k, v)| format!("  \"{k}\": {v}"))
        .collect();
    writeln!(out, "{{\n{}\n}}", lines.join(",\n"))
}
