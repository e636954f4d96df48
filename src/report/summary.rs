//! What a table of many runs needs of one finished folder, read only when the folder is whole: its
//! manifest can be read and its files are those that the manifest lists.

use super::events::Line;
use super::json::SolverObject;
use super::manifest;
use crate::observe::{Event, EventKind};
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// Files that are small enough to be held against their hashes whenever they are asked for.
const HASHED: [&str; 3] = ["report.json", "events.jsonl", "scenario.toml"];

/// One finished run.
#[derive(Debug, Clone)]
pub struct Summary {
    /// `horizon_reached`, `stopped` or `failed`.
    pub outcome: String,
    /// One sentence for the user.
    pub detail: String,
    /// Time reached.
    pub time: f64,
    pub singular_values: Vec<f64>,
    pub rank: Option<usize>,
    /// `C(A)` and the test cost at the end.
    pub cost: Option<f64>,
    pub test_cost: Option<f64>,
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
    outcome: String,
    outcome_detail: String,
    time: Option<f64>,
    singular_values: Vec<Option<f64>>,
    rank: Option<usize>,
    cost: Option<f64>,
    test_cost: Option<f64>,
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
        if listed.get(name) != Some(&manifest::hash(&bytes)) {
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
        Some(Self {
            outcome: stored.outcome,
            detail: stored.outcome_detail,
            time: or_nan(stored.time),
            singular_values: stored.singular_values.into_iter().map(or_nan).collect(),
            rank: stored.rank,
            cost: stored.cost,
            test_cost: stored.test_cost,
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

    /// Whether the integration came to an end.
    pub fn failed(&self) -> bool {
        self.outcome == "failed"
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
