//! Predictions for a problem, each with the assumptions it was found to satisfy and the error it
//! may have itself; and where a result does not apply, the assumption that fails.

mod aligned;
mod balanced;
mod small_start;

use crate::model::Problem;

/// What theory is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub problem: &'a Problem,
    /// `σ_k` at the saddle it escapes to, `k = 1, 2, …`, where there is such a thing.
    pub saddle_levels: &'a [Option<f64>],
    /// Escapes are through this part of the level; `None` when no escapes are asked for.
    pub fraction: Option<f64>,
    /// End of the run.
    pub horizon: f64,
}

impl Question<'_> {
    /// The levels of escapes up to the first mode that has none.
    fn levels(&self) -> Vec<f64> {
        let known = self.saddle_levels.iter().map_while(|level| *level);
        let passed = |level| Some(self.fraction? * level);
        known.map_while(passed).collect()
    }
}

/// A number that theory gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Time at which `σ_k` passes its level.
    EscapeTime,
    /// `dT_k/d ln(1/α)` as the start `αθ_0` shrinks.
    JumpSlope,
    /// `σ_k` at the horizon.
    FinalSingularValue,
    /// `σ_k` never reaches its level; the value is what it tends to.
    Trapped,
}

impl Quantity {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::EscapeTime => "escape_time",
            Quantity::JumpSlope => "jump_slope",
            Quantity::FinalSingularValue => "final_singular_value",
            Quantity::Trapped => "trapped",
        }
    }
}

/// How far a prediction reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Exact but for roundoff.
    ClosedForm,
    /// The leading terms for a small start.
    Asymptotic,
}

/// One number or curve that theory gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    pub quantity: Quantity,
    /// Mode `k = 1, 2, …`.
    pub mode: usize,
    pub value: f64,
    /// How far the value may be off by itself: roundoff, or the first neglected terms.
    pub error: f64,
    pub reach: Reach,
    /// The formula.
    pub formula: &'static str,
    /// What was checked and holds.
    pub assumptions: Vec<&'static str>,
    /// `(t, σ_k(t))`.
    pub curve: Vec<(f64, f64)>,
}

/// A result that does not apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Declined {
    pub result: &'static str,
    /// The assumption that fails.
    pub reason: String,
}

impl Declined {
    fn new(result: &'static str, reason: impl Into<String>) -> Self {
        Self {
            result,
            reason: reason.into(),
        }
    }
}

/// What theory says about a problem.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Predictions {
    pub offered: Vec<Prediction>,
    pub declined: Vec<Declined>,
}

/// The closed form of single modes where it holds, else the matrix solution of two layers, else the
/// asymptotics of small starts.
pub fn predictions(question: &Question<'_>) -> Predictions {
    let mut all = Predictions::default();
    for result in [aligned::predict, balanced::predict, small_start::predict] {
        if all.offered.is_empty() {
            let Predictions { offered, declined } = result(question);
            all.offered.extend(offered);
            all.declined.extend(declined);
        }
    }
    all.offered.sort_by_key(|p| (p.quantity.name(), p.mode));
    all
}
