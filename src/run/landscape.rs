//! The critical points of a scenario's loss: all of them in closed form for squared error, what many starts
//! find for every other cost; minima checked on the side of the map.

use super::parallel::in_order;
use crate::linalg::{Mat, svd};
use crate::model::{Cost, PointKind, Problem};
use crate::report::landscape::{CriticalPointEntry, LandscapeReport};
use crate::saddle::{Hit, Morse, Saddle, critical_point_from, merged, symmetry};
use crate::scenario::{Built, Scenario};
use crate::theory::critical_point::{CriticalPoint, Root};
use crate::theory::minimum::global_minimum;
use crate::theory::origin::present_modes;
use crate::theory::schatten_minimum::schatten_minimum;
use crate::theory::weight_decay::{critical_l2, global_l2, stationary};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Critical orbits that are listed in closed form.
const MOST_ORBITS: usize = 20_000;
/// Singular values of the target closer than this, relatively, count as equal.
const EQUAL: f64 = 1e-9;

/// Losses of polished minima closer than this, relative to that of `A = 0` or their own, are equal: some thousand
/// ulp.
const SAME_LOSS: f64 = 1e-12;

/// Curvature along a symmetry of the loss, relative to the largest, from which on a point is not critical.
const NOT_CRITICAL: f64 = 1e-8;

/// How to search.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    pub starts: usize,
    pub threads: usize,
}

/// The landscape of a scenario. `interrupt` ends a search early, with what was found.
pub fn landscape(
    scenario: &Scenario,
    built: &Built,
    search: Search,
    interrupt: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> LandscapeReport {
    let problem = &built.problem;
    let mut report = LandscapeReport {
        title: scenario.title().to_owned(),
        widths: problem.network.widths().to_vec(),
        l2: problem.l2,
        starts: 0,
        found: 0,
        interrupted: false,
        remark: String::new(),
        thresholds: Vec::new(),
        critical_points: Vec::new(),
    };
    if let Some(all) = closed_form(problem) {
        let depth = problem.network.depth();
        // The global minimum has the modes that the narrowest layer lets through.
        report.thresholds = targets(problem)
            .iter()
            .take(problem.network.max_rank())
            .map(|s| [critical_l2(depth, *s), global_l2(depth, *s)])
            .collect();
        report.remark = match problem.l2 > 0.0 {
            true => format!(
                "all {} critical points up to rotations, in closed form",
                all.len()
            ),
            false => format!(
                "all {} balanced critical points up to rotations, in closed form",
                all.len()
            ),
        };
        report.critical_points = all;
        return report;
    }
    let seed = scenario.spec().seed;
    let tried = points(problem, seed, search, interrupt, progress);
    report.starts = tried.len();
    report.interrupted = tried.len() < search.starts;
    let found: Vec<Saddle> = tried.into_iter().flatten().collect();
    report.critical_points = entries(problem, &merged(problem, found), report.interrupted);
    report.found = report.critical_points.iter().map(|e| e.hits).sum();
    report.remark = remark(&report, search, problem);
    report
}

/// How far a search went.
fn remark(report: &LandscapeReport, search: Search, problem: &Problem) -> String {
    let cut_off = match report.interrupted {
        true => format!(
            "interrupted before all {} starts were tried: ",
            search.starts
        ),
        false => String::new(),
    };
    let all =
        distinct_modes(problem).map(|(_, choices)| orbits(&choices, problem.network.max_rank()));
    let too_many = match all.filter(|n| *n > MOST_ORBITS) {
        Some(n) => format!(
            "; in closed form there would be {n}, more than the {MOST_ORBITS} that are listed"
        ),
        None => String::new(),
    };
    format!(
        "{cut_off}{} critical points found from {} of {} starts: a list of what was found, not a proof that there \
         are no more{too_many}",
        report.critical_points.len(),
        report.found,
        report.starts
    )
}

/// The singular values of a squared error's target where they are distinct, and what each mode can be; `None` for
/// other problems.
fn distinct_modes(problem: &Problem) -> Option<(Vec<f64>, Choices)> {
    let target = targets(problem);
    let repeated = target.windows(2).any(|p| p[1] > p[0] * (1.0 - EQUAL));
    if target.is_empty() || repeated {
        return None;
    }
    let choices = choices(problem, &target);
    Some((target, choices))
}

/// How many choices there are of at most `rank` modes and their roots.
fn orbits(choices: &Choices, rank: usize) -> usize {
    // With 0, 1, 2, … modes.
    let mut counts = vec![0_usize; rank + 1];
    counts[0] = 1;
    for roots in choices {
        for with in (1..=rank).rev() {
            let more = counts[with - 1].saturating_mul(roots.len());
            counts[with] = counts[with].saturating_add(more);
        }
    }
    counts.into_iter().fold(0, usize::saturating_add)
}

/// All of them: modes, from 0, with their roots.
fn active_sets(choices: &Choices, rank: usize) -> Vec<Vec<(usize, Root)>> {
    let mut all = vec![Vec::new()];
    for (mode, roots) in choices.iter().enumerate() {
        for k in 0..all.len() {
            let without: Vec<(usize, Root)> = all[k].clone();
            for root in roots.iter().filter(|_| without.len() < rank) {
                all.push([&without[..], &[(mode, *root)]].concat());
            }
        }
    }
    all
}

/// Singular values of a squared error's target, decreasing, without absent ones.
fn targets(problem: &Problem) -> Vec<f64> {
    match &problem.cost {
        Cost::SquaredError { target } => present_modes(target.as_ref()),
        _ => Vec::new(),
    }
}

/// All critical orbits of squared error with distinct singular values; `None` for other problems and where
/// there are too many to list.
fn closed_form(problem: &Problem) -> Option<Vec<CriticalPointEntry>> {
    let (target, choices) = distinct_modes(problem)?;
    let rank = problem.network.max_rank();
    if orbits(&choices, rank) > MOST_ORBITS {
        return None;
    }
    let widths = problem.network.widths();
    let mut all = Vec::new();
    for active in active_sets(&choices, rank) {
        if let Ok(point) = CriticalPoint::new(widths, &target, problem.l2, &active) {
            all.push(closed_entry(problem, &point, &active)?);
        }
    }
    all.sort_by(|a, b| a.loss.total_cmp(&b.loss));
    Some(all)
}

/// What each mode can be where it is present.
type Choices = Vec<Vec<Root>>;

fn choices(problem: &Problem, target: &[f64]) -> Choices {
    let of = |s: &f64| match stationary(problem.network.depth(), *s, problem.l2) {
        None => Vec::new(),
        Some(found) if found.lower > 0.0 => vec![Root::Upper, Root::Lower],
        Some(_) => vec![Root::Upper],
    };
    target.iter().map(of).collect()
}

fn closed_entry(
    problem: &Problem,
    point: &CriticalPoint,
    active: &[(usize, Root)],
) -> Option<CriticalPointEntry> {
    let spectrum = point.spectrum()?;
    let mut singular_values: Vec<f64> = point.strengths();
    singular_values.retain(|s| *s > 0.0);
    singular_values.sort_by(|a, b| b.total_cmp(a));
    let root = |r: Root| match r {
        Root::Upper => "+".to_owned(),
        Root::Lower => "-".to_owned(),
    };
    Some(CriticalPointEntry {
        active: active.iter().map(|(mode, _)| mode + 1).collect(),
        roots: active.iter().map(|(_, r)| root(*r)).collect(),
        rank: active.len(),
        singular_values,
        loss: point.loss(),
        test_error: None,
        index: Some(spectrum.index()),
        nullity: Some(spectrum.nullity()),
        symmetry_nullity: Some(symmetry(problem, active.len())),
        smallest_eigenvalue: Some(spectrum.smallest()),
        largest_eigenvalue: Some(spectrum.largest()),
        kind: point.kind().map(|k| k.name().to_owned()),
        hits: 0,
        complete: true,
        schatten_objective: None,
        schatten_distance: None,
    })
}

/// The critical points that the starts lead to; an interrupt leaves out the last starts.
fn points(
    problem: &Problem,
    seed: u64,
    search: Search,
    interrupt: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Option<Saddle>> {
    let done = AtomicUsize::new(0);
    in_order(search.starts, search.threads, interrupt, &|start| {
        let found = critical_point_from(problem, seed, start as u64);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, search.starts);
        found
    })
}

fn entries(problem: &Problem, hits: &[Hit], interrupted: bool) -> Vec<CriticalPointEntry> {
    let each = hits.iter().filter_map(|hit| entry(problem, hit));
    let mut all: Vec<CriticalPointEntry> = each.collect();
    name_global(problem, interrupted, &mut all);
    all
}

/// Calls the minima of least loss global, all of them: a continuum of minima is many entries. Their loss is the
/// least possible where it meets a bound; without one, for three and more layers with `λ > 0`, it is the
/// least that a whole search found.
fn name_global(problem: &Problem, interrupted: bool, all: &mut [CriticalPointEntry]) {
    let is = |e: &CriticalPointEntry, kind: PointKind| e.kind.as_deref() == Some(kind.name());
    let proved = all.iter().find(|e| is(e, PointKind::GlobalMinimum));
    let proved = proved.map(|e| e.loss).or(least_possible(problem));
    let minimum = |e: &&CriticalPointEntry| is(e, PointKind::LocalMinimum) && e.index == Some(0);
    let found = all.iter().find(minimum).map(|e| e.loss);
    let origin = problem.cost.value_at_origin();
    let searched = problem.l2 > 0.0 && problem.network.depth() > 2 && !interrupted;
    let Some(least) = proved.or(found.filter(|_| searched)) else {
        return;
    };
    for e in all {
        if minimum(&&*e) && e.loss <= least + SAME_LOSS * (origin + least.abs()) {
            e.kind = Some(PointKind::GlobalMinimum.name().to_owned());
        }
    }
}

/// The least value of the loss where theory knows it: squared error, and without regularisation no cost is
/// below 0.
fn least_possible(problem: &Problem) -> Option<f64> {
    match &problem.cost {
        Cost::SquaredError { target } => {
            let strengths = svd(target.as_ref())?.s;
            let widths = problem.network.widths();
            Some(global_minimum(widths, &strengths, problem.l2).loss)
        }
        _ => (problem.l2 == 0.0).then_some(0.0),
    }
}

/// `None` where the loss bends along its own symmetries: there the point is critical only to the eye.
fn entry(problem: &Problem, hit: &Hit) -> Option<CriticalPointEntry> {
    let morse = Morse::at(problem, &hit.saddle);
    let morse = morse.as_ref();
    let is_off = |m: &Morse| m.off_symmetry > NOT_CRITICAL || m.nullity < m.symmetry;
    if morse.is_some_and(is_off) {
        return None;
    }
    let in_map = morse
        .filter(|m| m.index == 0 && problem.l2 > 0.0)
        .and_then(|_| in_map(problem, &hit.saddle));
    Some(CriticalPointEntry {
        active: Vec::new(),
        roots: Vec::new(),
        rank: hit.saddle.rank,
        singular_values: hit.saddle.singular_values.clone(),
        loss: hit.loss,
        test_error: problem.cost.test_value(hit.saddle.end_to_end.as_ref()),
        index: morse.map(|m| m.index),
        nullity: morse.map(|m| m.nullity),
        symmetry_nullity: morse.map(|m| m.symmetry),
        smallest_eigenvalue: morse.map(|m| m.smallest),
        largest_eigenvalue: morse.map(|m| m.largest),
        kind: morse.map(|m| m.kind.name().to_owned()),
        hits: hit.hits,
        complete: false,
        schatten_objective: in_map.map(|m| m.0),
        schatten_distance: in_map.map(|m| m.1),
    })
}

/// The objective in `A` at the stationary point next to a minimum, and how far from it.
fn in_map(problem: &Problem, saddle: &Saddle) -> Option<(f64, f64)> {
    let depth = problem.network.depth();
    let a = &saddle.end_to_end;
    // For two layers the steps in A take every mode that pays; with more they keep the rank.
    if depth == 2 && problem.network.max_rank() < a.nrows().min(a.ncols()) {
        return None;
    }
    // Off the minimum, so that the iteration has to find it.
    let size = 1e-3 * a.norm_max();
    let near = Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
        a[(i, j)] + size * ((2 * i + 5 * j + 1) as f64).sin()
    });
    let found = schatten_minimum(&problem.cost, depth, problem.l2, near.as_ref(), saddle.rank)?;
    Some((found.objective, (&found.end_to_end - a).norm_l2()))
}
