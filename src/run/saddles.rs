//! Runs over scales and seeds, the saddles they visit, and the greedy path they should follow.

use super::{Watch, run};
use crate::linalg::{Mat, dot, norm, to_vec, view};
use crate::model::draws::child_seed;
use crate::model::{Cost, Network, Problem};
use crate::observe::{Direction, Event, EventKind, EventSpec, Quantity};
use crate::report::saddles::{PathEntry, SaddleEntry, SaddlesReport, ScaleEntry, SeedEntry};
use crate::report::{Prediction, Report, figure};
use crate::saddle::{
    Certificate, Deviation, GreedyPath, Morse, Orbit, PathEnd, ProvenIndex, Run, Saddle, certify,
    deviations, impurities,
};
use crate::scenario::{Built, InputErrors, Scenario};
use crate::verify::conjecture;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A distance from a critical point of higher rank has to be this much smaller to count.
const CLEARLY_CLOSER: f64 = 0.5;
/// Distance from a critical point, relative to the norm of the final map, at which higher ranks need not
/// be tried …
const THERE: f64 = 1e-4;
/// … and from which on the run is nowhere near.
const NEAR: f64 = 0.3;
/// Cost above that of the last saddle, relative to the cost at the origin, at which a run is over.
const LEARNED: f64 = 1e-13;
/// The same where nothing is left of the cost, which then has digits of its own.
const ALL_LEARNED: f64 = 1e-20;
/// Largest rank at which a visited point is sought.
const MOST_RANKS: usize = 12;

/// What to study.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Scales `α` for `init.scale`, each with a horizon of its own; empty: the scenario as it stands.
    pub scales: Vec<f64>,
    /// Child seeds of the scenario's seed; 0: the scenario's own.
    pub seeds: usize,
    pub threads: usize,
}

/// A study and the run shown first, where there is one.
pub struct Study {
    pub report: SaddlesReport,
    pub shown: Option<Shown>,
}

/// The run at the smallest scale of the first seed.
pub struct Shown {
    pub run: Report,
    pub scenario: Scenario,
    pub built: Built,
    pub path: GreedyPath,
    /// `A` at the rows of the run, column-major.
    pub maps: Vec<Vec<f64>>,
}

impl Study {
    /// What the figures show.
    pub fn drawing(&self) -> figure::Study {
        let mut drawing = figure::Study {
            title: self.report.title.clone(),
            ..figure::Study::default()
        };
        let (Some(seed), Some(shown)) = (self.report.seeds.first(), &self.shown) else {
            return drawing;
        };
        drawing.distances = distances(seed);
        let rows = &shown.run.trajectory.rows;
        drawing.cost = rows.iter().map(|r| (r.time, r.cost)).collect();
        drawing.levels = seed.greedy.iter().map(|s| s.cost).collect();
        let Some(scale) = seed.scales.last() else {
            return drawing;
        };
        let visits = scale.saddles.iter().filter_map(|s| Some((s.time?, s.cost)));
        drawing.visits = visits.collect();
        let cost = &shown.built.problem.cost;
        for (orbit, path) in shown.path.orbits.iter().zip(&scale.paths) {
            if let Some(shift) = path.shift {
                let points = orbit.samples.iter();
                let at = |s: &crate::saddle::Sample| (s.time + shift, cost_at(cost, &s.map));
                drawing
                    .path_costs
                    .push(points.map(at).filter(|p| p.0 >= 0.0).collect());
            }
        }
        shown.project(&mut drawing);
        drawing
    }
}

impl Shown {
    /// Coordinates in the plane through the first saddles.
    fn project(&self, drawing: &mut figure::Study) {
        let maps: Vec<Vec<f64>> = self
            .path
            .saddles
            .iter()
            .map(|s| to_vec(s.end_to_end.as_ref()))
            .collect();
        let [origin, first, second, ..] = &maps[..] else {
            return;
        };
        let e1 = unit(&difference(first, origin));
        let along = difference(second, first);
        let part = dot(&along, &e1);
        let e2 = unit(
            &along
                .iter()
                .zip(&e1)
                .map(|(a, e)| a - part * e)
                .collect::<Vec<_>>(),
        );
        let place = |map: &[f64]| (dot(map, &e1), dot(map, &e2));
        drawing.saddle_projections = maps.iter().map(|m| place(m)).collect();
        drawing.run_projection = self.maps.iter().map(|m| place(m)).collect();
        let orbits = self.path.orbits.iter();
        drawing.path_projections = orbits
            .map(|o| o.samples.iter().map(|s| place(&s.map)).collect())
            .collect();
    }
}

/// For each path the distances at all scales.
fn distances(seed: &SeedEntry) -> Vec<Vec<(f64, f64)>> {
    let count = seed.greedy.len().saturating_sub(1);
    let at = |k: usize| {
        let points = seed.scales.iter();
        points.filter_map(move |s| Some((s.scale, s.paths.get(k)?.relative_distance?)))
    };
    (0..count).map(|k| at(k).collect()).collect()
}

fn cost_at(cost: &Cost, map: &[f64]) -> f64 {
    let (rows, cols) = cost.shape();
    let mut gradient = Mat::zeros(rows, cols);
    cost.gradient(
        view(map, rows, cols),
        gradient.as_mut(),
        &mut cost.scratch(),
    )
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(x, y)| x - y).collect()
}

fn unit(x: &[f64]) -> Vec<f64> {
    let size = norm(x).max(f64::MIN_POSITIVE);
    x.iter().map(|v| v / size).collect()
}

/// Studies a scenario: `progress` hears of finished runs and their number.
///
/// # Errors
/// What is wrong with the scenario at one of the scales or seeds.
pub fn saddles(
    scenario: &Scenario,
    ask: &Ask,
    interrupt: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Study, InputErrors> {
    saddles_along(&GreedyPath::of, scenario, ask, interrupt, progress)
}

/// The same against another path than the greedy one.
///
/// # Errors
/// As [`saddles`].
pub fn saddles_along(
    path_of: &PathOf<'_>,
    scenario: &Scenario,
    ask: &Ask,
    interrupt: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Study, InputErrors> {
    let seeds = seeds(scenario, ask);
    let total = seeds.len() * ask.scales.len().max(1);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let finished = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
    let results: Vec<Mutex<Option<Result<OneSeed, InputErrors>>>> =
        seeds.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= seeds.len() || interrupt.load(Ordering::Relaxed) {
                break;
            }
            let task = Task {
                path_of,
                ask,
                interrupt,
                finished: &finished,
                first: i == 0,
            };
            let result = task.one_seed(scenario, seeds[i]);
            if let Ok(mut slot) = results[i].lock() {
                *slot = Some(result);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..ask.threads.clamp(1, seeds.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut study = Study {
        report: SaddlesReport {
            title: scenario.title().to_owned(),
            widths: scenario.spec().network.widths.clone(),
            l2: scenario.spec().regularization.l2,
            seeds: Vec::new(),
        },
        shown: None,
    };
    for result in results {
        if let Ok(Some(result)) = result.into_inner() {
            let (entry, shown) = result?;
            study.report.seeds.push(entry);
            study.shown = study.shown.or(shown);
        }
    }
    Ok(study)
}

type OneSeed = (SeedEntry, Option<Shown>);

fn seeds(scenario: &Scenario, ask: &Ask) -> Vec<u64> {
    let own = scenario.spec().seed;
    match ask.seeds {
        0 => vec![own],
        n => (0..n as u64).map(|i| child_seed(own, i)).collect(),
    }
}

/// Makes the path that runs are held against.
pub type PathOf<'a> = dyn Fn(&Problem) -> GreedyPath + Sync + 'a;

/// What the runs of one seed need.
struct Task<'a> {
    path_of: &'a PathOf<'a>,
    ask: &'a Ask,
    interrupt: &'a AtomicBool,
    finished: &'a dyn Fn(),
    first: bool,
}

impl Task<'_> {
    fn one_seed(&self, scenario: &Scenario, seed: u64) -> Result<OneSeed, InputErrors> {
        let own = seed == scenario.spec().seed;
        let with_seed = if own {
            vec![]
        } else {
            vec![format!("seed={seed}")]
        };
        let scenario = scenario.with(&with_seed)?;
        let base = scenario.build()?;
        let path = (self.path_of)(&base.problem);
        let mut scales: Vec<Option<f64>> = self.ask.scales.iter().map(|s| Some(*s)).collect();
        scales.sort_by(|a, b| b.partial_cmp(a).unwrap_or(std::cmp::Ordering::Equal));
        if scales.is_empty() {
            scales.push(None);
        }
        let (mut entries, mut shown) = (Vec::new(), None);
        for scale in scales {
            if self.interrupt.load(Ordering::Relaxed) {
                break;
            }
            let (scenario, built) = at_scale(&scenario, &base, &path, scale)?;
            let watched = watched(&built, &path);
            let watch = Watch {
                interrupt: Some(self.interrupt),
                progress: None,
            };
            let mut report = run(&scenario, &watched, watch);
            let scale = scale.unwrap_or(scenario.spec().init.scale());
            entries.push(scale_entry(&built, &path, &report, scale));
            (self.finished)();
            if self.first {
                let network = &built.problem.network;
                let maps = maps(network, &report.trajectory.weights);
                if !built.recording.weights {
                    report.trajectory.weights.clear();
                }
                shown = Some(Shown {
                    run: report,
                    scenario,
                    built,
                    path: path.clone(),
                    maps,
                });
            }
        }
        let greedy: Vec<SaddleEntry> = path
            .saddles
            .iter()
            .map(|s| saddle_entry(&base, s))
            .collect();
        let verdict = conjecture::verdict(
            &greedy,
            &path_end(&path.end),
            &entries,
            base.problem.network.depth(),
            base.problem.l2,
        );
        let entry = SeedEntry {
            seed,
            greedy,
            end: path_end(&path.end),
            scales: entries,
            verdict,
        };
        Ok((entry, shown))
    }
}

/// The scenario at scale `α`, long enough to reach the last saddle of the path.
fn at_scale(
    scenario: &Scenario,
    base: &Built,
    path: &GreedyPath,
    scale: Option<f64>,
) -> Result<(Scenario, Built), InputErrors> {
    let Some(scale) = scale else {
        return Ok((scenario.clone(), base.clone()));
    };
    let scaled = scenario.with(&[format!("init.scale={scale:e}")])?;
    let built = scaled.build()?;
    let horizon = horizon(&built, path);
    let (first, last) = (path.saddles.first(), path.saddles.last());
    let origin = first.map_or(1.0, |s| s.cost);
    let cost = match last.map_or(0.0, |s| s.cost) {
        rest if rest <= ALL_LEARNED * origin => ALL_LEARNED * origin,
        rest => rest + LEARNED * origin,
    };
    let long = scaled.with(&[
        format!("solver.horizon={horizon:e}"),
        format!("stop.cost={cost:e}"),
    ])?;
    let built = long.build()?;
    Ok((long, built))
}

/// Far beyond the last escape: waits are `ln(1/α)/σ` with two layers, `α^{−(L−2)}/σ` with more.
fn horizon(built: &Built, path: &GreedyPath) -> f64 {
    let network = &built.problem.network;
    let size = (1..=network.depth())
        .map(|l| {
            let layer = network.layer(&built.problem.initial_weights, l);
            layer.norm_l2() / (layer.nrows() as f64 * layer.ncols() as f64).sqrt()
        })
        .fold(f64::INFINITY, f64::min)
        .clamp(1e-300, 1.0);
    let rates = path.saddles.iter().filter_map(|s| {
        let rate = s.gradient_singular_values.first()? - 2.0 * built.problem.l2;
        (rate > 1e-9).then_some(1.0 / rate)
    });
    let slow: f64 = rates.sum();
    match network.depth() {
        2 => 100.0 * slow * (1.0 - size.ln()),
        depth => (1e5 * slow * size.powi(2 - depth as i32)).min(1e300),
    }
}

/// The same with what a study needs to see.
fn watched(built: &Built, path: &GreedyPath) -> Built {
    let mut watched = built.clone();
    watched.recording.weights = true;
    if !built.events.contains(&EventSpec::Plateau) {
        watched.events.push(EventSpec::Plateau);
    }
    watched
        .events
        .extend(path.orbits.iter().map(|orbit| EventSpec::Crossing {
            quantity: Quantity::SingularValue,
            index: Some(orbit.to.rank),
            level: level(orbit),
            direction: Direction::Rising,
        }));
    watched
}

/// The level that marks the passage along an orbit: half of the new singular value at its end.
fn level(orbit: &Orbit) -> f64 {
    0.5 * orbit.to.singular_values.last().copied().unwrap_or(0.0)
}

fn maps(network: &Network, weights: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let run = Run::new(network, Vec::new(), weights);
    (0..weights.len())
        .map(|row| run.map(row).to_vec())
        .collect()
}

fn scale_entry(built: &Built, path: &GreedyPath, report: &Report, scale: f64) -> ScaleEntry {
    let problem = &built.problem;
    let rows = &report.trajectory.rows;
    let times = rows.iter().map(|r| r.time).collect();
    let run = Run::new(&problem.network, times, &report.trajectory.weights);
    let orbits = path.orbits.iter();
    let passages: Vec<Option<(f64, f64)>> = orbits
        .map(|orbit| Some((passage(&report.events, orbit)?, level(orbit))))
        .collect();
    let deviations = deviations(path, &run, &passages);
    let impurities = impurities(path, &run);
    let visited = visited(built, report, &run);
    let saddles = visited.iter().map(|v| visited_entry(built, path, &run, v));
    ScaleEntry {
        scale,
        outcome: report.outcome_detail.clone(),
        saddles: saddles.collect(),
        paths: (0..path.orbits.len())
            .map(|k| {
                let run = deviations[k].as_ref();
                path_entry(path, k, run, impurities[k], report)
            })
            .collect(),
    }
}

/// When the run passes the level of an orbit for the first time.
fn passage(events: &[Event], orbit: &Orbit) -> Option<f64> {
    let (mode, level) = (Some(orbit.to.rank), level(orbit));
    let passes = |e: &&Event| {
        let same = e.index == mode && e.level == level;
        e.kind == EventKind::Crossing && same && !e.at_start
    };
    events.iter().find(passes).map(|e| e.time)
}

/// A critical point near a row of the run.
struct Visit {
    row: usize,
    saddle: Saddle,
}

/// The critical points that a run waits at, found from the run alone: on each plateau the row of the
/// smallest gradient, and the last row.
fn visited(built: &Built, report: &Report, run: &Run<'_>) -> Vec<Visit> {
    let rows = &report.trajectory.rows;
    let mut found: Vec<Visit> = Vec::new();
    for (begin, end) in plateaus(report) {
        let inside = (0..rows.len()).filter(|&i| (begin..=end).contains(&rows[i].time));
        let lower =
            |a: &usize, b: &usize| rows[*a].gradient_norm.total_cmp(&rows[*b].gradient_norm);
        let Some(row) = inside.clone().min_by(lower) else {
            continue;
        };
        if let Some(mut visit) = nearest(built, report, run, row) {
            let saddle = visit.saddle.end_to_end.as_ref();
            visit.row = run.closest(inside, saddle).unwrap_or(row);
            let known = found.last().is_some_and(|f| same(&f.saddle, &visit.saddle));
            if !known {
                found.push(visit);
            }
        }
    }
    found
}

/// Times between which the gradient norm waits, the end of the run last.
fn plateaus(report: &Report) -> Vec<(f64, f64)> {
    let of = |kind: EventKind| report.events.iter().filter(move |e| e.kind == kind);
    let leaves: Vec<f64> = of(EventKind::PlateauLeave).map(|e| e.time).collect();
    let enters: Vec<f64> = of(EventKind::PlateauEnter).map(|e| e.time).collect();
    let mut all: Vec<(f64, f64)> = enters.into_iter().zip(leaves).collect();
    all.push((report.time, report.time));
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
    let size = norm(run.map(run.times.len() - 1));
    let mut best: Option<(f64, Saddle)> = None;
    for rank in 0..=most {
        let Some(saddle) = Saddle::near(&built.problem, weights, rank) else {
            continue;
        };
        let off = run.distances(row, &saddle)[0];
        if best.as_ref().is_none_or(|b| off < CLEARLY_CLOSER * b.0) {
            best = Some((off, saddle));
        }
        if off <= THERE * size {
            break;
        }
    }
    let near = best.filter(|(off, _)| *off <= NEAR * size);
    near.map(|(_, saddle)| Visit { row, saddle })
}

fn visited_entry(built: &Built, path: &GreedyPath, run: &Run<'_>, visit: &Visit) -> SaddleEntry {
    let [distance, weight_distance] = run.distances(visit.row, &visit.saddle);
    let predicted = path.saddles.iter().find(|s| s.rank == visit.saddle.rank);
    let off = |s: &Saddle| (&s.end_to_end - &visit.saddle.end_to_end).norm_l2();
    SaddleEntry {
        time: Some(run.times[visit.row]),
        distance: Some(distance),
        weight_distance: Some(weight_distance),
        from_predicted: predicted.map(off),
        ..saddle_entry(built, &visit.saddle)
    }
}

fn saddle_entry(built: &Built, saddle: &Saddle) -> SaddleEntry {
    let morse = Morse::at(&built.problem, saddle);
    let morse = morse.as_ref();
    let proof = certify(&built.problem, saddle.end_to_end.as_ref(), saddle.rank);
    let a = &saddle.end_to_end;
    SaddleEntry {
        rank: saddle.rank,
        cost: saddle.cost,
        singular_values: saddle.singular_values.clone(),
        gradient_singular_values: saddle.gradient_singular_values.clone(),
        gradient_norm: saddle.gradient_norm,
        index: morse.map(|m| m.index),
        nullity: morse.map(|m| m.nullity),
        symmetry_nullity: morse.map(|m| m.symmetry),
        smallest_eigenvalue: morse.map(|m| m.smallest),
        largest_eigenvalue: morse.map(|m| m.largest),
        kind: morse.map(|m| m.kind.name().to_owned()),
        escape_order: morse.and_then(|m| m.escape_order),
        time: None,
        distance: None,
        weight_distance: None,
        from_predicted: None,
        certified: Some(proof.is_ok()),
        certificate: Some(match &proof {
            Ok(certificate) => proved(certificate),
            Err(reason) => reason.to_string(),
        }),
        end_to_end: (0..a.nrows())
            .map(|i| (0..a.ncols()).map(|j| a[(i, j)]).collect())
            .collect(),
    }
}

/// One sentence about a proof.
fn proved(certificate: &Certificate) -> String {
    let index = match certificate.index {
        ProvenIndex::Exactly(n) => format!("exactly {n}"),
        ProvenIndex::AtLeast(n) => format!("at least {n}"),
    };
    format!(
        "a critical point of rank {} lies within {:.1e} of A, its index is {index}",
        certificate.rank, certificate.radius
    )
}

fn path_entry(
    path: &GreedyPath,
    k: usize,
    run: Option<&Deviation>,
    impurity: Option<f64>,
    report: &Report,
) -> PathEntry {
    let (from, to) = (&path.saddles[k], &path.orbits[k].to);
    let values = &from.gradient_singular_values;
    let growth = values.first().copied().unwrap_or(0.0);
    let length = (&to.end_to_end - &from.end_to_end).norm_l2();
    let mode = Some(to.rank);
    // Theory speaks of the scenario's own escape event: compared where that has the same level.
    let same = |e: &&Event| e.kind == EventKind::Escape && e.index == mode;
    let same_level = |e: &Event| (e.level / level(&path.orbits[k]) - 1.0).abs() < 1e-6;
    let comparable = report.events.iter().find(same).is_some_and(same_level);
    let of_mode = |p: &&Prediction| p.quantity == "escape_time" && p.mode == mode;
    let predicted = report
        .predictions
        .iter()
        .find(of_mode)
        .filter(|_| comparable);
    PathEntry {
        from: from.rank,
        to: to.rank,
        length,
        growth,
        duration: path.orbits[k].duration(),
        impurity,
        gap: values.get(1).map_or(0.0, |s| s / growth),
        time: run.map(|d| d.time),
        predicted_time: predicted.map(|p| p.value),
        shift: run.map(|d| d.shift),
        distance: run.map(|d| d.in_map),
        relative_distance: run.map(|d| d.in_map / length),
        weight_distance: run.map(|d| d.in_weights),
    }
}

/// One sentence about the end of a path.
fn path_end(end: &PathEnd) -> String {
    match end {
        PathEnd::Complete => "nothing is left to learn".to_owned(),
        PathEnd::Trapped => "nothing grows from a small start".to_owned(),
        PathEnd::RepeatedTop { ratio } => format!(
            "the top singular value of the gradient is repeated (ratio {ratio:.9}): the way out is not unique"
        ),
        PathEnd::AtInfinity { norm } => format!(
            "the next critical point lies at infinity: the map grew to norm {norm:.3e} without coming to rest"
        ),
        PathEnd::NotSettled => {
            "the flow of the next rank did not come to rest within its steps".to_owned()
        }
        PathEnd::NotMinimal { index } => format!(
            "the critical point reached is no minimum among maps of its rank ({index} directions of descent)"
        ),
    }
}
