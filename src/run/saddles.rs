//! Runs over scales and seeds, the saddles they visit, and the greedy path they should follow.

mod drawing;
mod entries;
mod visits;

use super::parallel::in_order;
use super::{Watch, run};
use crate::model::Problem;
use crate::model::draws::seeds;
use crate::observe::{Direction, EventSpec, Grid, Quantity, Recording};
use crate::report::Report;
use crate::report::saddles::{SaddleEntry, SaddlesReport, SeedEntry};
use crate::saddle::{GreedyPath, Saddle};
use crate::scenario::{Built, InputErrors, Scenario};
use crate::verify::conjecture;
use drawing::maps;
use entries::{level, plain_entry, saddle_entry, scale_entry};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Cost above that of the last saddle, relative to the cost at the origin, at which a run is over.
const LEARNED: f64 = 1e-13;
/// The same where nothing is left of the cost, which then has digits of its own.
const ALL_LEARNED: f64 = 1e-20;
/// Rate of growth, relative to the first, from which on a mode counts as escaping.
const GROWS: f64 = 1e-9;
/// How far beyond the sum of all waits a run may go, with two layers and with more, where one is a power of its
/// neighbour's; and the latest time at all.
const FAR: f64 = 100.0;
const FAR_DEEP: f64 = 1e5;
const LATEST: f64 = 1e300;
/// Rows of a run, at least.
const ROWS: usize = 400;

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
#[derive(Debug)]
pub struct Study {
    pub report: SaddlesReport,
    pub shown: Option<Shown>,
}

/// The run at the smallest scale of the first seed.
#[derive(Debug)]
pub struct Shown {
    pub run: Report,
    pub scenario: Scenario,
    pub built: Built,
    pub path: GreedyPath,
    /// `A` at the rows of the run, column-major.
    pub maps: Vec<Vec<f64>>,
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
    let path_of = |problem: &Problem| GreedyPath::until(problem, interrupt);
    saddles_along(&path_of, scenario, ask, interrupt, progress)
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
    let seeds = seeds(scenario.spec().seed, ask.seeds);
    let total = seeds.len() * ask.scales.len().max(1);
    let done = AtomicUsize::new(0);
    let finished = || progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
    let results = in_order(seeds.len(), ask.threads, interrupt, &|i| {
        let task = Task {
            path_of,
            ask,
            interrupt,
            finished: &finished,
            first: i == 0,
        };
        task.one_seed(scenario, seeds[i])
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
        let (entry, shown) = result?;
        study.report.seeds.push(entry);
        study.shown = study.shown.or(shown);
    }
    Ok(study)
}

type OneSeed = (SeedEntry, Option<Shown>);

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
        let with_seed = (!own).then(|| format!("seed={seed}"));
        let scenario = scenario.with(with_seed.as_slice())?;
        let base = scenario.build()?;
        let path = (self.path_of)(&base.problem);
        let (mut entries, mut last) = (Vec::new(), None);
        for scale in self.scales() {
            if self.interrupt.load(Ordering::Relaxed) {
                break;
            }
            let (scenario, built) = at_scale(&scenario, &base, &path, scale)?;
            let watched = watched(&built, &path);
            let watch = Watch {
                interrupt: Some(self.interrupt),
                progress: None,
            };
            let report = run(&scenario, &watched, watch);
            let scale = scale.unwrap_or(scenario.spec().init.scale());
            entries.push(scale_entry(&built, &path, &report, scale));
            (self.finished)();
            if self.first {
                last = Some((report, scenario, built));
            }
        }
        // Eigenvalues and proofs take longer than anyone waits who has had enough.
        let entry = |saddle: &Saddle| match self.interrupt.load(Ordering::Relaxed) {
            true => plain_entry(saddle),
            false => saddle_entry(&base, saddle),
        };
        let greedy: Vec<SaddleEntry> = path.saddles.iter().map(entry).collect();
        let verdict = conjecture::verdict(
            &greedy,
            (&path.end.to_string(), path.end.is_final()),
            &entries,
            base.problem.network.depth(),
            base.problem.l2,
        );
        let entry = SeedEntry {
            seed,
            greedy,
            end: path.end.to_string(),
            scales: entries,
            verdict,
        };
        let shown = last.map(|(report, scenario, built)| show(report, scenario, built, path));
        Ok((entry, shown))
    }

    /// The scales asked for, the largest first; `None` is that of the scenario.
    fn scales(&self) -> Vec<Option<f64>> {
        let mut scales = self.ask.scales.clone();
        scales.sort_by(|a, b| b.total_cmp(a));
        scales.dedup();
        match scales.is_empty() {
            true => vec![None],
            false => scales.into_iter().map(Some).collect(),
        }
    }
}

/// The run whose figures are drawn, with its weights only where the scenario records them.
fn show(mut run: Report, scenario: Scenario, built: Built, path: GreedyPath) -> Shown {
    let maps = maps(&built.problem.network, &run.trajectory.weights);
    if !built.recording.weights {
        run.trajectory.weights.clear();
    }
    Shown {
        run,
        scenario,
        built,
        path,
        maps,
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
    let horizon = horizon(&built, path).map(|t| format!("solver.horizon={t:e}"));
    // Rules and times of the scenario are meant for its own horizon.
    let stop = last_cost(path).map_or("{}".to_owned(), |c| format!("{{cost={c:e}}}"));
    let mut ends = vec![format!("stop={stop}")];
    if matches!(built.recording.grid, Grid::Times(_)) {
        let Recording {
            weights,
            observables,
            ..
        } = &built.recording;
        let names: Vec<&str> = observables.iter().map(|o| o.name()).collect();
        ends.push(format!(
            "record={{weights={weights},observables={names:?}}}"
        ));
    }
    ends.extend(horizon);
    let long = scaled.with(&ends)?;
    let built = long.build()?;
    Ok((long, built))
}

/// Cost at which the path is over; `None` where the origin costs nothing.
fn last_cost(path: &GreedyPath) -> Option<f64> {
    let origin = path.saddles.first().map(|s| s.cost).filter(|c| *c > 0.0)?;
    Some(match path.saddles.last()?.cost {
        rest if rest <= ALL_LEARNED * origin => ALL_LEARNED * origin,
        rest => rest + LEARNED * origin,
    })
}

/// Far beyond the last escape: waits are `ln(1/α)/σ` with two layers, `α^{−(L−2)}/σ` with more, `α` in units of the
/// weights that carry the first mode. `None` where nothing escapes.
fn horizon(built: &Built, path: &GreedyPath) -> Option<f64> {
    let network = &built.problem.network;
    let size = (1..=network.depth())
        .map(|l| {
            let layer = network.layer(&built.problem.initial_weights, l);
            layer.norm_l2() / (layer.nrows() as f64 * layer.ncols() as f64).sqrt()
        })
        .fold(f64::INFINITY, f64::min);
    let level = path.saddles.first()?.level(&built.problem.cost);
    let unit = level.powf(1.0 / network.depth() as f64);
    // Whatever the start, it has not passed where the first mode comes to.
    let size = size.min(unit).max(f64::MIN_POSITIVE);
    let rates = path
        .saddles
        .iter()
        .filter_map(|s| Some(s.gradient_singular_values.first()? - 2.0 * built.problem.l2));
    let rates: Vec<f64> = rates.collect();
    let least = GROWS * rates.first()?;
    let waits = rates.into_iter().filter(|rate| *rate > least);
    let slow = waits.map(f64::recip).reduce(|a, b| a + b)?;
    let wait = match network.depth() {
        2 => FAR * (1.0 + (unit / size).ln()),
        depth => FAR_DEEP * size.powi(2 - depth as i32),
    };
    Some((slow * wait).min(LATEST))
}

/// The same with what a study needs to see.
fn watched(built: &Built, path: &GreedyPath) -> Built {
    let mut watched = built.clone();
    watched.recording.weights = true;
    // Distances are those of rows: as many as it takes, whatever the table of the run has.
    watched.recording.grid = match watched.recording.grid {
        Grid::Steps => Grid::Steps,
        Grid::Adaptive { count } => Grid::Adaptive {
            count: count.max(ROWS),
        },
        _ => Grid::Adaptive { count: ROWS },
    };
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
