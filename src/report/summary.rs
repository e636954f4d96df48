//! What a table of many runs needs of one finished folder, read only when the folder is whole: its
//! manifest can be read and its files are those that the manifest lists.

use super::Outcome;
use super::events::Line;
use super::json::{BestTestObject, DecayObject, EndObject, SolverObject};
use super::manifest;
use crate::digest::sha256;
use crate::observe::{Event, EventKind};
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// Files that are small enough to be held against their hashes whenever they are asked for.
const HASHED: [&str; 3] = ["report.json", "events.jsonl", "scenario.toml"];

/// One finished run.
#[derive(Debug, Clone)]
pub struct Summary {
    pub outcome: Outcome,
    /// One sentence for the user.
    pub detail: String,
    /// Time reached.
    pub time: f64,
    pub singular_values: Vec<f64>,
    pub rank: Option<usize>,
    pub final_cost: Option<f64>,
    pub final_test_cost: Option<f64>,
    pub final_loss: Option<f64>,
    /// Least test cost of all rows, and when.
    pub best_test_cost: Option<f64>,
    pub best_test_time: Option<f64>,
    /// `‖θ‖² − L Σ σ_i^{2/L}` at the end.
    pub schatten_gap: Option<f64>,
    /// Whether the weights are known to go to the origin.
    pub tends_to_origin: bool,
    /// Of each mode, as far as they are known.
    pub critical_l2: Vec<Option<f64>>,
    pub global_l2: Vec<Option<f64>>,
    /// `n_0 … n_L`.
    pub widths: Vec<usize>,
    pub events: Vec<Event>,
    pub checks: usize,
    pub checks_failed: usize,
    pub method: String,
    pub steps: usize,
    pub rejected: usize,
    pub rhs_evaluations: usize,
    pub jvp_evaluations: usize,
    pub seed: u64,
}

#[derive(Deserialize)]
struct Stored {
    outcome: Outcome,
    outcome_detail: String,
    time: Option<f64>,
    singular_values: Vec<Option<f64>>,
    rank: Option<usize>,
    #[serde(default, rename = "final")]
    end: EndObject,
    #[serde(default)]
    best_test: Option<BestTestObject>,
    #[serde(default)]
    weight_decay: Option<DecayObject>,
    widths: Vec<usize>,
    events: Vec<Line>,
    checks: Vec<StoredCheck>,
    solver: SolverObject,
}

#[derive(Deserialize)]
struct StoredCheck {
    passed: bool,
}

/// The summary of a folder that is whole and has the files `wanted`; `None` for any other: a run
/// that was cut off counts as not done.
pub fn read(folder: &Path, wanted: &[&str]) -> Option<Summary> {
    let (seed, listed) = manifest::contents(folder)?;
    let mut report = Vec::new();
    for name in HASHED {
        let bytes = fs::read(folder.join(name)).ok()?;
        if listed.get(name) != Some(&sha256(&bytes)) {
            return None;
        }
        if name == "report.json" {
            report = bytes;
        }
    }
    let there = |name: &&str| fs::metadata(folder.join(name)).is_ok_and(|file| file.len() > 0);
    let others = listed.keys().map(String::as_str);
    let whole = others
        .filter(|name| !HASHED.contains(name))
        .all(|n| there(&n));
    if !whole || !wanted.iter().all(|name| listed.contains_key(*name)) {
        return None;
    }
    let stored: Stored = serde_json::from_slice(&report).ok()?;
    Summary::new(stored, seed)
}

impl Summary {
    fn new(stored: Stored, seed: u64) -> Option<Self> {
        let or_nan = |value: Option<f64>| value.unwrap_or(f64::NAN);
        let events = stored.events.into_iter().map(Event::try_from);
        let decay = stored.weight_decay.unwrap_or_default();
        let best = stored.best_test.unwrap_or_default();
        Some(Self {
            final_cost: stored.end.cost,
            final_test_cost: stored.end.test_cost,
            final_loss: stored.end.loss,
            best_test_cost: best.test_cost,
            best_test_time: best.time,
            schatten_gap: stored.end.schatten_gap,
            tends_to_origin: decay.tends_to_origin,
            critical_l2: decay.critical_l2,
            global_l2: decay.global_l2,
            outcome: stored.outcome,
            detail: stored.outcome_detail,
            time: or_nan(stored.time),
            singular_values: stored.singular_values.into_iter().map(or_nan).collect(),
            rank: stored.rank,
            widths: stored.widths,
            events: events.collect::<Result<_, _>>().ok()?,
            checks: stored.checks.len(),
            checks_failed: stored.checks.iter().filter(|c| !c.passed).count(),
            method: stored.solver.method,
            steps: stored.solver.steps,
            rejected: stored.solver.rejected,
            rhs_evaluations: stored.solver.rhs_evaluations,
            jvp_evaluations: stored.solver.jvp_evaluations,
            seed,
        })
    }

    /// Whether weight decay keeps the run at the origin, which for three and more layers is a minimum for
    /// every `λ > 0`.
    pub fn trapped(&self) -> bool {
        self.tends_to_origin && self.widths.len() > 3
    }

    /// Whether the integration came to an end.
    pub fn failed(&self) -> bool {
        self.outcome == Outcome::Failed
    }

    /// First escape of mode `k = 1, 2, …`; none when the mode stood above its level at the start.
    pub fn escape_time(&self, mode: usize) -> Option<f64> {
        let escape = self.escape(mode).filter(|event| !event.at_start);
        escape.map(|event| event.time)
    }

    /// The part of `T_k` that passed since the escape of mode `k − 1`: 1 where modes are learned one by
    /// one, 0 where they are learned at once. None when mode `k − 1` stood above its level at the start.
    pub fn relative_wait(&self, mode: usize) -> Option<f64> {
        let before = self.escape_time(mode.checked_sub(1)?)?;
        let time = self.escape_time(mode)?;
        (before > 0.0).then(|| 1.0 - before / time)
    }

    /// The widest hidden layer.
    pub fn hidden_width(&self) -> Option<usize> {
        let hidden = self.widths.get(1..self.widths.len().checked_sub(1)?)?;
        hidden.iter().copied().max()
    }

    /// Cost when the last plateau before the escape of mode `k` was left.
    pub fn plateau_cost(&self, mode: usize) -> Option<f64> {
        let escape = self.escape(mode)?;
        let left =
            |event: &&Event| event.kind == EventKind::PlateauLeave && event.time <= escape.time;
        self.events.iter().rfind(left).map(|event| event.cost)
    }

    fn escape(&self, mode: usize) -> Option<&Event> {
        let mut events = self.events.iter();
        events.find(|e| e.kind == EventKind::Escape && e.index == Some(mode))
    }
}
