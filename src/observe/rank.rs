//! Changes of the numerical rank of `A`, the number of `σ_k > τ σ_1`.
//!
//! A mode is lost when it falls below `τ σ_1` and found again above `2τ σ_1`: the gap keeps
//! roundoff in a singular value at the threshold from counting as a stream of changes.

use super::event::{Direction, Event, EventKind, Quantity};
use super::locate::time_tolerance;
use super::measure::{Measurement, Probe};
use super::view::{StepView, Subject};
use crate::linalg::root;

/// Threshold of a mode that is found, in units of the threshold of one that is lost.
const FOUND: f64 = 2.0;

/// Watches the rank.
pub(super) struct RankWatch {
    rank: usize,
    tolerance: f64,
    trial: Measurement,
}

impl RankWatch {
    pub fn new(probe: &Probe<'_>) -> Self {
        Self {
            rank: 0,
            tolerance: probe.rank_tolerance(),
            trial: probe.blank(),
        }
    }

    pub fn start(&mut self, probe: &mut Probe<'_>, m: &mut Measurement) {
        probe.resolve(m);
        self.rank = probe.rank(m, self.tolerance);
    }

    pub fn step(&mut self, view: &mut StepView<'_, '_>, events: &mut Vec<Event>) {
        view.probe.resolve(view.after);
        let found = view.probe.rank(view.after, FOUND * self.tolerance);
        for rank in self.rank + 1..=found {
            self.locate(rank, Direction::Rising, view, events);
        }
        let left = view.probe.rank(view.after, self.tolerance);
        for rank in (left + 1..=self.rank).rev() {
            self.locate(rank, Direction::Falling, view, events);
        }
        self.rank = self.rank.clamp(found, left.max(found));
    }

    /// The time at which mode `rank` appears or is lost; its level is the rank with the mode.
    fn locate(
        &mut self,
        rank: usize,
        direction: Direction,
        view: &mut StepView<'_, '_>,
        events: &mut Vec<Event>,
    ) {
        let rising = direction == Direction::Rising;
        let tolerance = if rising { FOUND } else { 1.0 } * self.tolerance;
        let (t0, t1) = (view.step.t0, view.step.t1);
        let trial = &mut self.trial;
        let side = if rising { 1.0 } else { -1.0 };
        let (a, b) = ((t0, -side), (t1, side));
        let found = root(
            |t| {
                view.inside(t, false, trial);
                signed_excess(trial.singular_values(), rank, tolerance)
            },
            a,
            b,
            time_tolerance(t0, t1),
        );
        view.inside(found.at, true, &mut self.trial);
        let subject = Subject {
            kind: EventKind::RankChange,
            quantity: Quantity::Rank,
            index: Some(rank),
            level: rank as f64,
            direction,
        };
        let bracket = found.bracket.map(|t| view.time(t));
        events.push(subject.event(bracket, &self.trial));
    }
}

/// `σ_k/(τσ_1) − 1`, never zero: positive where the mode counts.
fn signed_excess(values: &[f64], mode: usize, tolerance: f64) -> f64 {
    let (largest, value) = (values[0], values[mode - 1]);
    if value > tolerance * largest {
        (value / (tolerance * largest) - 1.0).clamp(f64::MIN_POSITIVE, 1.0)
    } else if largest > 0.0 {
        (value / (tolerance * largest) - 1.0).min(-f64::MIN_POSITIVE)
    } else {
        -1.0
    }
}
