//! What is said of a run, of the runs at one point of the diagram and of a line through several.

use super::Task;
use super::beside::Seen;
use super::corrected::{Point, corrected};
use crate::linalg::{Line, frobenius, svd};
use crate::model::{Cost, Problem};
use crate::regime::{Regime, nearest_minimum, nearest_saddle};
use crate::report::Outcome;
use crate::report::quantiles::Quantiles;
use crate::report::regimes::{CurveRow, DistanceEntry, FitEntry, GroupEntry, RunEntry, Sample};
use crate::scenario::Built;
use crate::theory::lazy;

pub(super) fn run_entry(
    task: &Task,
    built: &Built,
    seen: Option<&Seen>,
    with_distances: bool,
) -> RunEntry {
    let problem = &built.problem;
    let (minimum, saddle) = match with_distances {
        true => (minimum_entry(task, problem), saddle_entry(task, problem)),
        false => Default::default(),
    };
    let ratio = minimum.value.zip(saddle.value).map(|(m, s)| m / s);
    let (outcome, detail) = (
        seen.map(|s| s.outcome),
        seen.map(|s| s.outcome_detail.clone()),
    );
    let failed = outcome == Some(Outcome::Failed);
    // Numbers of a part of a run are none of the whole.
    let seen = seen.filter(|_| !failed);
    let samples = seen.map_or(&[][..], |s| &s.samples);
    let (first, last) = (samples.first(), samples.last());
    let lazy_distance = seen.map(|s| s.largest_distance / s.linear_length);
    let leading = leading(task, problem);
    RunEntry {
        gamma: task.gamma,
        depth: task.depth,
        width: task.width,
        seed: task.seed,
        outcome,
        outcome_detail: detail,
        failed,
        first_half_time: seen.and_then(|s| s.first_half_time),
        lazy_distance,
        lazy_ratio: lazy_distance.zip(leading).map(|(d, l)| d / l.lazy_distance),
        largest_distance: seen.map(|s| s.largest_distance),
        final_distance: last.map(|s| s.distance),
        kernel_drift: last.map(|s| s.drift),
        drift_ratio: last.zip(leading).map(|(s, l)| s.drift / l.kernel_drift),
        largest_kernel_drift: samples.iter().map(|s| s.drift).reduce(f64::max),
        alignment_at_start: first.and_then(|s| s.alignment),
        alignment: last.and_then(|s| s.alignment),
        effective_rank: last.map(|s| s.effective_rank),
        linear_effective_rank: last.map(|s| s.linear_effective_rank),
        smallest_effective_rank: samples.iter().map(|s| s.effective_rank).reduce(f64::min),
        final_cost: last.map(|s| s.cost),
        minimum,
        saddle,
        distance_ratio: ratio,
        regime: ratio.and_then(Regime::of).map(|r| r.name().to_owned()),
    }
}

/// Leading orders at large widths.
#[derive(Clone, Copy)]
struct Leading {
    lazy_distance: f64,
    kernel_drift: f64,
}

fn leading(task: &Task, problem: &Problem) -> Option<Leading> {
    let (gamma, width) = (task.law.filter(|_| task.depth == 2)?, task.width);
    let Cost::SquaredError { target } = &problem.cost else {
        return None;
    };
    let s = svd(target.as_ref())?.s;
    Some(Leading {
        lazy_distance: lazy::departure(width, gamma, &s)?,
        kernel_drift: lazy::kernel_drift(width, gamma, &s, target.ncols(), target.nrows())?,
    })
}

fn refused(reason: String) -> DistanceEntry {
    DistanceEntry {
        reason: Some(reason),
        ..DistanceEntry::default()
    }
}

fn minimum_entry(task: &Task, problem: &Problem) -> DistanceEntry {
    let found = match nearest_minimum(problem) {
        Ok(found) => found,
        Err(refusal) => return refused(refusal.to_string()),
    };
    let predicted = task.law.and_then(|gamma| {
        let Cost::SquaredError { target } = &problem.cost else {
            return None;
        };
        let start = problem.network.end_to_end(&problem.initial_weights);
        let residual = frobenius((target - start).as_ref());
        let s = svd(target.as_ref())?.s;
        lazy::distance_to_minimum(task.depth, task.width, gamma, residual, &s)
    });
    let status = match found.is_found() {
        true => "local minimum of the distance",
        false => "not converged",
    };
    DistanceEntry {
        value: found.is_found().then_some(found.distance),
        status: Some(status.to_owned()),
        residual: Some(found.residual),
        ..against(predicted, found.is_found().then_some(found.distance))
    }
}

fn saddle_entry(task: &Task, problem: &Problem) -> DistanceEntry {
    let found = match nearest_saddle(problem) {
        Ok(found) => found,
        Err(refusal) => return refused(refusal.to_string()),
    };
    let predicted = task.law.and_then(|gamma| {
        let target = problem.cost.target()?;
        lazy::distance_to_saddle(task.depth, task.width, gamma, &svd(target)?.s)
    });
    let status = match found.is_bound {
        true => "upper bound",
        false => "nearest over sets of missing modes",
    };
    DistanceEntry {
        value: Some(found.distance),
        status: Some(status.to_owned()),
        residual: Some(found.residual),
        missing: found.missing,
        ..against(predicted, Some(found.distance))
    }
}

/// The leading-order estimate and the ratio to it.
fn against(predicted: Option<lazy::Distance>, value: Option<f64>) -> DistanceEntry {
    let status = predicted.map(|p| match p.status {
        lazy::Status::Observed => "observed",
        lazy::Status::Heuristic => "heuristic",
        lazy::Status::UpperBound => "upper bound",
    });
    DistanceEntry {
        estimate: predicted.map(|p| p.value),
        estimate_status: status.map(str::to_owned),
        ratio: predicted.zip(value).map(|(p, v)| v / p.value),
        ..DistanceEntry::default()
    }
}

pub(super) fn group_entry(group: &[(RunEntry, Vec<Sample>)]) -> GroupEntry {
    let first = &group[0].0;
    let of = |value: &dyn Fn(&RunEntry) -> Option<f64>| {
        Quantiles::of(group.iter().filter_map(|(run, _)| value(run)).collect())
    };
    let ratio = of(&|r| r.distance_ratio);
    GroupEntry {
        gamma: first.gamma,
        depth: first.depth,
        width: first.width,
        seeds: group.len(),
        first_half_time: of(&|r| r.first_half_time),
        lazy_distance: of(&|r| r.lazy_distance),
        lazy_ratio: of(&|r| r.lazy_ratio),
        kernel_drift: of(&|r| r.kernel_drift),
        drift_ratio: of(&|r| r.drift_ratio),
        alignment_at_start: of(&|r| r.alignment_at_start),
        alignment: of(&|r| r.alignment),
        smallest_effective_rank: of(&|r| r.smallest_effective_rank),
        linear_effective_rank: of(&|r| r.linear_effective_rank),
        minimum: of(&|r| r.minimum.value),
        minimum_ratio: of(&|r| r.minimum.ratio),
        saddle: of(&|r| r.saddle.value),
        saddle_ratio: of(&|r| r.saddle.ratio),
        regime: ratio
            .and_then(|r| Regime::of(r.median))
            .map(|r| r.name().to_owned()),
        distance_ratio: ratio,
        curve: curve(group),
    }
}

/// Quantiles at each of the common times over the runs that have any.
fn curve(group: &[(RunEntry, Vec<Sample>)]) -> Vec<CurveRow> {
    let runs = group.iter().map(|(_, s)| &s[..]);
    let runs: Vec<&[Sample]> = runs.filter(|s| !s.is_empty()).collect();
    let rows = runs.iter().map(|s| s.len()).min().unwrap_or(0);
    let row = |k: usize| {
        let of =
            |value: fn(&Sample) -> f64| Quantiles::of(runs.iter().map(|s| value(&s[k])).collect());
        Some(CurveRow {
            time: runs[0][k].time,
            cost: of(|s| s.cost)?,
            linear_cost: of(|s| s.linear_cost)?,
            distance: of(|s| s.distance)?,
            drift: of(|s| s.drift)?,
            effective_rank: of(|s| s.effective_rank)?,
        })
    };
    (0..rows).filter_map(row).collect()
}

type Value = fn(&RunEntry) -> Option<f64>;

/// The quantities whose powers of `w` are fitted.
const FITTED: [(&str, Value); 6] = [
    ("lazy_distance", |r| r.lazy_distance),
    ("kernel_drift", |r| r.kernel_drift),
    ("first_half_time", |r| r.first_half_time),
    ("distance_to_minimum", |r| r.minimum.value),
    ("distance_to_saddle", |r| r.saddle.value),
    ("distance_ratio", |r| r.distance_ratio),
];

/// Powers of `w` for every `(γ, L)` with at least two widths.
pub(super) fn fits(runs: &[RunEntry]) -> Vec<FitEntry> {
    let mut lines: Vec<(Option<f64>, usize)> = Vec::new();
    for run in runs {
        if !lines.contains(&(run.gamma, run.depth)) {
            lines.push((run.gamma, run.depth));
        }
    }
    let mut all = Vec::new();
    for (gamma, depth) in lines {
        let members = runs.iter().filter(|r| (r.gamma, r.depth) == (gamma, depth));
        for (quantity, value) in FITTED {
            let point = |r: &RunEntry| {
                let (seed, width) = (r.seed, r.width);
                let value = value(r).filter(|v| *v > 0.0)?;
                Some(Point { seed, width, value })
            };
            let points: Vec<Point> = members.clone().filter_map(point).collect();
            if let Some(line) = fitted(&logarithms(&points)) {
                let predicted = gamma.and_then(|g| predicted(quantity, g, depth));
                let corrections = gamma.and_then(|g| corrections(quantity, g, depth));
                all.push(FitEntry {
                    gamma,
                    depth,
                    quantity: quantity.to_owned(),
                    power: line.slope,
                    standard_error: line.standard_error,
                    points: line.points,
                    corrected: corrections.map_or_else(Vec::new, |c| corrected(&points, &c)),
                    predicted: predicted.map(|p| p.0),
                    prediction: predicted.map(|p| p.1.to_owned()),
                });
            }
        }
    }
    all
}

fn logarithms(points: &[Point]) -> Vec<(f64, f64)> {
    let logs = |p: &Point| ((p.width as f64).ln(), p.value.ln());
    points.iter().map(logs).collect()
}

/// The powers of the corrections, where they were derived.
fn corrections(quantity: &str, gamma: f64, depth: usize) -> Option<lazy::Corrections> {
    let derived = depth == 2 && matches!(quantity, "lazy_distance" | "kernel_drift");
    lazy::corrections(gamma).filter(|_| derived)
}

const LEADING: &str = "leading order";
const HEURISTIC: &str = "heuristic";
const OBSERVED: &str = "observed";

/// The power of `w` and what it rests on. `γ ≥ 1 − 1/L`, where `A(0)` stays bounded.
fn predicted(quantity: &str, gamma: f64, depth: usize) -> Option<(f64, &'static str)> {
    let (l, lazy) = (depth as f64, 1.0 - gamma);
    let two_or_more = match depth {
        2 => LEADING,
        _ => HEURISTIC,
    };
    if depth < 2 || gamma < 1.0 - 1.0 / l - 1e-12 {
        return None;
    }
    match quantity {
        "lazy_distance" | "kernel_drift" if lazy > 0.0 => Some((-l * lazy, two_or_more)),
        "distance_to_minimum" if lazy > 0.0 => Some((-0.5 * (l - 1.0) * lazy, OBSERVED)),
        "distance_to_minimum" if lazy < 0.0 => Some((0.0, OBSERVED)),
        "distance_to_saddle" if lazy != 0.0 => Some((0.5 * lazy, two_or_more)),
        "distance_ratio" if lazy > 0.0 => Some((-0.5 * l * lazy, two_or_more)),
        "distance_ratio" if lazy < 0.0 => Some((-0.5 * lazy, HEURISTIC)),
        _ => None,
    }
}

struct Fitted {
    slope: f64,
    standard_error: f64,
    points: usize,
}

/// Least squares with the standard error of the slope; `None` with fewer than three points or one width.
fn fitted(points: &[(f64, f64)]) -> Option<Fitted> {
    let Line {
        mean: (x, y),
        spread,
        slope,
    } = Line::through(points);
    // One layer has no width: NaN.
    if points.len() < 3 || spread.is_nan() || spread <= 1e-12 * (1.0 + x * x) {
        return None;
    }
    let off = |p: &(f64, f64)| (p.1 - y - slope * (p.0 - x)).powi(2);
    let variance = points.iter().map(off).sum::<f64>() / (points.len() as f64 - 2.0);
    Some(Fitted {
        slope,
        standard_error: (variance / spread).sqrt(),
        points: points.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The textbook line through (0, 1), (1, 3), (2, 4), (3, 4): slope 1, residuals -0.5, 0.5, 0.5, -0.5.
    #[test]
    fn a_line_and_its_error() {
        let line = fitted(&[(0.0, 1.0), (1.0, 3.0), (2.0, 4.0), (3.0, 4.0)]).expect("a line");
        assert!((line.slope - 1.0).abs() < 1e-14);
        // variance 1/2 over spread 5
        assert!((line.standard_error - 0.1f64.sqrt()).abs() < 1e-14);
        assert!(fitted(&[(1.0, 0.0), (1.0, 2.0), (1.0, 3.0)]).is_none());
        // ln 0, the width of one layer.
        assert!(fitted(&[(f64::NEG_INFINITY, 1.0); 3]).is_none());
    }
}
