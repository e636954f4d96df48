//! The finished result of one run.

use super::figure::Look;
use super::names::{OUTCOMES, name, value};
use crate::observe::{Event, EventKind, Law, Trajectory};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a number comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// `closed_form`, `published`, `regression`, `asymptotic`, `monitor`.
    pub kind: String,
    pub note: String,
}

/// What theory says before the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// `escape_time`, `final_singular_value`, …
    pub quantity: String,
    pub mode: Option<usize>,
    /// The level that `σ_mode` passes or never reaches, where it is about one.
    pub level: Option<f64>,
    pub value: f64,
    /// How far the value may be off by itself: roundoff of a closed form, first neglected terms of
    /// an asymptotic one.
    pub error: f64,
    pub source: Source,
    /// Assumptions that were checked and hold.
    pub assumptions: Vec<String>,
    /// A predicted curve `(time, σ_mode)` for the figures; empty for single numbers.
    pub curve: Vec<(f64, f64)>,
}

impl Prediction {
    /// Whether an event is the passage that this is about: an escape of the same mode through the same
    /// level, of which there may be several where events differ in their fraction.
    pub fn is_of(&self, event: &Event) -> bool {
        // Both are one product of two numbers.
        let same = |level: f64| (event.level - level).abs() <= 1e-12 * level.abs();
        event.kind == EventKind::Escape && event.index == self.mode && self.level.is_none_or(same)
    }
}

/// A result of theory that does not apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Declined {
    pub result: String,
    /// The assumption that fails.
    pub reason: String,
}

/// Theory or expectation met a measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub name: String,
    pub predicted: f64,
    pub measured: Option<f64>,
    /// Largest accepted `|measured − predicted|`.
    pub band: f64,
    pub passed: bool,
    pub source: Source,
}

/// Work of the solver.
#[derive(Debug, Clone, PartialEq)]
pub struct SolverReport {
    pub method: String,
    /// Widths of the narrower network that was integrated, when hidden layers could be narrowed.
    pub reduced_widths: Option<Vec<usize>>,
    /// How often the hidden bases were rotated after the modes; `None` when they were left alone.
    pub frame_rotations: Option<usize>,
    /// When `auto` went on by BDF.
    pub bdf_from: Option<f64>,
    pub steps: usize,
    pub rejected: usize,
    pub rhs_evaluations: usize,
    pub jvp_evaluations: usize,
    pub integration: Duration,
    pub cpu: Duration,
}

/// What regularisation does to a run with `λ > 0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Decay {
    /// Whether the weights at the end are known to go to the origin.
    pub tends_to_origin: bool,
    /// By mode, where they are known.
    pub thresholds: Vec<Threshold>,
}

/// Values of `λ` at which a mode is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// From here on no critical point has the mode.
    pub critical_l2: f64,
    /// From here on the global minimum lacks it.
    pub global_l2: f64,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "&str", try_from = "String")]
pub enum Outcome {
    HorizonReached,
    /// A condition of the scenario was met.
    Stopped,
    /// The user had enough.
    Interrupted,
    /// The integrator gave up; everything up to there is sound.
    Failed,
}

impl Outcome {
    /// The name in files.
    pub fn name(self) -> &'static str {
        name(&OUTCOMES, &self)
    }
}

impl From<Outcome> for &str {
    fn from(outcome: Outcome) -> Self {
        outcome.name()
    }
}

impl TryFrom<String> for Outcome {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        value(&OUTCOMES, &text)
    }
}

/// Everything a run produced. Writers format it and compute nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub title: String,
    pub reference: Option<String>,
    pub outcome: Outcome,
    /// One sentence for the user.
    pub outcome_detail: String,
    /// Time reached.
    pub time: f64,
    /// `n_0 … n_L`.
    pub widths: Vec<usize>,
    pub l2: f64,
    /// `None` for `λ = 0`.
    pub decay: Option<Decay>,
    /// `‖θ‖² − L Σ σ_i^{2/L}` at the end.
    pub schatten_gap: Option<f64>,
    pub trajectory: Trajectory,
    pub events: Vec<Event>,
    /// Modes whose escape was looked for and not seen, with the levels that they did not pass.
    pub waiting: Vec<(usize, f64)>,
    pub predictions: Vec<Prediction>,
    /// What theory does not say here, and why.
    pub declined: Vec<Declined>,
    /// Conservation laws that the run was held against.
    pub laws: Vec<Law>,
    /// How the figures look and which are drawn.
    pub look: Look,
    pub checks: Vec<Check>,
    /// Violated monitors and other remarks, one sentence each.
    pub warnings: Vec<String>,
    pub solver: SolverReport,
    /// Final `W_1 … W_L`, each `(rows, cols, column-major entries)`, and `A` last.
    pub final_weights: Vec<(usize, usize, Vec<f64>)>,
}
