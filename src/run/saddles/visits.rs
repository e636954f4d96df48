//! The critical points that a run comes near, found from the run alone.

use crate::linalg::norm;
use crate::observe::EventKind;
use crate::report::Report;
use crate::saddle::{Run, Saddle};
use crate::scenario::Built;
use std::ops::Range;

/// A distance from a critical point of higher rank has to be this much smaller to count.
const CLEARLY_CLOSER: f64 = 0.5;
/// Distance from a critical point, relative to the norm of the final map, at which higher ranks need not
/// be tried …
const THERE: f64 = 1e-4;
/// … and from which on the run is nowhere near.
const NEAR: f64 = 0.3;
/// Largest rank at which a visited point is sought.
const MOST_RANKS: usize = 12;

/// A critical point near a place of the run.
pub(super) struct Visit {
    pub place: f64,
    pub saddle: Saddle,
}

/// The critical points that a run waits at, found from the run alone: on each plateau the row of the
/// smallest gradient, and the last row.
pub(super) fn visited(built: &Built, report: &Report, run: &Run<'_>) -> Vec<Visit> {
    let rows = &report.trajectory.rows;
    let mut found: Vec<Visit> = Vec::new();
    for inside in plateaus(report) {
        let lower =
            |a: &usize, b: &usize| rows[*a].gradient_norm.total_cmp(&rows[*b].gradient_norm);
        let Some(row) = inside.clone().min_by(lower) else {
            continue;
        };
        if let Some(mut visit) = nearest(built, report, run, row) {
            let saddle = visit.saddle.end_to_end.as_ref();
            visit.place = run.closest(inside, saddle).unwrap_or(row as f64);
            let known = found.last().is_some_and(|f| same(&f.saddle, &visit.saddle));
            if !known {
                found.push(visit);
            }
        }
    }
    found
}

/// Rows in which the gradient norm waits; the last row of the run last, which late rows may share their time with.
fn plateaus(report: &Report) -> Vec<Range<usize>> {
    let rows = &report.trajectory.rows;
    let of = |kind: EventKind| report.events.iter().filter(move |e| e.kind == kind);
    let leaves: Vec<f64> = of(EventKind::PlateauLeave).map(|e| e.time).collect();
    let enters: Vec<f64> = of(EventKind::PlateauEnter).map(|e| e.time).collect();
    let within = |(begin, end): (f64, f64)| {
        rows.partition_point(|row| row.time < begin)..rows.partition_point(|row| row.time <= end)
    };
    let mut all: Vec<Range<usize>> = enters.into_iter().zip(leaves).map(within).collect();
    all.push(rows.len().saturating_sub(1)..rows.len());
    all
}

fn same(a: &Saddle, b: &Saddle) -> bool {
    let off = (&a.end_to_end - &b.end_to_end).norm_l2();
    a.rank == b.rank && off <= 1e-6 * b.end_to_end.norm_l2()
}

/// The critical point next to a row: of the lowest rank that the run is near, else the closest.
fn nearest(built: &Built, report: &Report, run: &Run<'_>, row: usize) -> Option<Visit> {
    let weights = &report.trajectory.weights[row];
    let most = built.problem.network.max_rank().min(MOST_RANKS);
    // A run that ends at the origin has no size of its own.
    let size = norm(run.map(run.last())).max(THERE * norm(run.map(0)));
    let mut best: Option<(f64, Saddle)> = None;
    for rank in 0..=most {
        let Some(saddle) = Saddle::near(&built.problem, weights, rank) else {
            continue;
        };
        let off = run.distances(row as f64, &saddle)[0];
        if best.as_ref().is_none_or(|b| off < CLEARLY_CLOSER * b.0) {
            best = Some((off, saddle));
        }
        if off <= THERE * size {
            break;
        }
    }
    let near = best.filter(|(off, _)| *off <= NEAR * size);
    near.map(|(_, saddle)| Visit {
        place: row as f64,
        saddle,
    })
}
