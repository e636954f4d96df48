//! Runs over widths, depths, `γ` and seeds beside their linearised models, with the distances of their
//! starts from the nearest minimum and saddle.

mod beside;
mod corrected;
mod entries;

use super::parallel::in_order;
use crate::model::draws::seeds;
use crate::regime::{LinearModel, MOST_LAYERS, Refused};
use crate::report::Outcome;
use crate::report::regimes::{RegimesReport, RunEntry, Sample};
use crate::scenario::schema::{InitSpec, ScenarioSpec};
use crate::scenario::{InputErrors, Scenario};
use entries::{fits, group_entry, run_entry};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What to study; an empty list leaves the scenario as it stands.
#[derive(Debug, Clone, Default)]
pub struct RegimesAsk {
    /// Widths of all hidden layers.
    pub widths: Vec<usize>,
    /// Numbers of layers.
    pub depths: Vec<usize>,
    /// Values of `init.gamma`.
    pub gammas: Vec<f64>,
    /// Child seeds of the scenario's seed; 0: the scenario's own.
    pub seeds: usize,
    /// Measure distances only, without a run.
    pub distances_only: bool,
    /// Leave the distances out, which take longest in wide deep networks.
    pub no_distances: bool,
    pub threads: usize,
}

/// Why there is no study.
#[derive(Debug, thiserror::Error)]
pub enum NoStudy {
    #[error(transparent)]
    Input(#[from] InputErrors),
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// One run: where it stands in the diagram.
#[derive(Debug, Clone)]
struct Task {
    depth: usize,
    width: usize,
    /// As asked for.
    gamma: Option<f64>,
    /// Where the variance is `w^{−γ}`, as leading orders assume.
    law: Option<f64>,
    seed: u64,
    overrides: Vec<String>,
}

/// A run and its rows at the common times.
type Done = (RunEntry, Vec<Sample>);

/// Studies a scenario: `progress` hears of finished runs and their number.
///
/// # Errors
/// What is wrong with the scenario at one of the points, or why it has no linearised model.
pub fn regimes(
    scenario: &Scenario,
    ask: &RegimesAsk,
    interrupt: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<RegimesReport, NoStudy> {
    if let Some(&depth) = ask.depths.iter().find(|&&depth| depth > MOST_LAYERS) {
        return Err(Refused::TooDeep(depth).into());
    }
    let tasks = tasks(scenario, ask);
    let done = AtomicUsize::new(0);
    let results = in_order(tasks.len(), ask.threads, interrupt, &|i| {
        let result = one(scenario, ask, &tasks[i], interrupt);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, tasks.len());
        result
    });
    let finished = results
        .into_iter()
        .collect::<Result<Vec<Done>, NoStudy>>()?;
    Ok(collected(scenario, finished))
}

/// Gathers the runs of each `(γ, L, w)`, in the order in which they were asked for.
fn collected(scenario: &Scenario, finished: Vec<Done>) -> RegimesReport {
    let mut groups: Vec<Vec<Done>> = Vec::new();
    for run in finished {
        match groups.iter_mut().find(|g| g[0].0.same_point(&run.0)) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    let entries: Vec<_> = groups.iter().map(|g| group_entry(g)).collect();
    let runs: Vec<RunEntry> = groups.into_iter().flatten().map(|r| r.0).collect();
    RegimesReport {
        title: scenario.title().to_owned(),
        horizon: scenario.spec().solver.horizon,
        fits: fits(&runs),
        groups: entries,
        runs,
    }
}

fn one(
    scenario: &Scenario,
    ask: &RegimesAsk,
    task: &Task,
    interrupt: &AtomicBool,
) -> Result<Done, NoStudy> {
    let built = scenario.with(&task.overrides)?.build()?;
    let linear = LinearModel::of(&built.problem)?;
    let seen = match ask.distances_only {
        true => None,
        false => Some(beside::integrate_beside(&built, &linear, interrupt)?),
    };
    let entry = run_entry(task, &built, seen.as_ref(), !ask.no_distances);
    let whole = seen.filter(|s| s.outcome != Outcome::Failed);
    Ok((entry, whole.map_or_else(Vec::new, |s| s.samples)))
}

fn tasks(scenario: &Scenario, ask: &RegimesAsk) -> Vec<Task> {
    let spec = scenario.spec();
    let own = &spec.network.widths;
    let seeds = seeds(spec.seed, ask.seeds);
    let depths = or_own(&ask.depths, own.len() - 1);
    let widths = or_own(&ask.widths, own_width(spec));
    let gammas: Vec<Option<f64>> = match ask.gammas.is_empty() {
        true => vec![None],
        false => distinct(&ask.gammas).into_iter().map(Some).collect(),
    };
    let unscaled = spec.init.scale() == 1.0;
    let mut tasks = Vec::new();
    for gamma in &gammas {
        let law = gamma.or(own_gamma(&spec.init));
        let law = law.filter(|_| unscaled && is_one_width(spec, ask));
        for &depth in &depths {
            for &width in &widths {
                for &seed in &seeds {
                    let mut overrides = vec![format!("seed={seed}")];
                    overrides.extend(gamma.map(|g| format!("init.gamma={g:?}")));
                    overrides.extend(reshaped(spec, ask, depth, width));
                    tasks.push(Task {
                        depth,
                        width,
                        gamma: gamma.or(law),
                        law,
                        seed,
                        overrides,
                    });
                }
            }
        }
    }
    tasks
}

fn or_own(asked: &[usize], own: usize) -> Vec<usize> {
    match asked.is_empty() {
        true => vec![own],
        false => distinct(asked),
    }
}

/// Each once: a point asked for twice is no second measurement.
fn distinct<T: PartialEq + Copy>(asked: &[T]) -> Vec<T> {
    let mut all = Vec::new();
    for &value in asked {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all
}

/// What makes the layers `depth` and the hidden width `width`; nothing unless one of them is asked for.
fn reshaped(spec: &ScenarioSpec, ask: &RegimesAsk, depth: usize, width: usize) -> Vec<String> {
    let own = &spec.network.widths;
    let drawn = drawn_width(&spec.init).is_some();
    let mut overrides = Vec::new();
    if drawn && !ask.widths.is_empty() {
        overrides.push(format!("init.drawn_width={width}"));
    }
    if !ask.depths.is_empty() || !(drawn || ask.widths.is_empty()) {
        // A drawn layer stands in the file as the neurons that span it.
        let hidden = if drawn { own[1] } else { width };
        let mut widths = vec![hidden; depth + 1];
        (widths[0], widths[depth]) = (own[0], own[own.len() - 1]);
        overrides.push(format!("network.widths={widths:?}"));
    }
    overrides
}

/// Whether all hidden layers have the width that is studied.
fn is_one_width(spec: &ScenarioSpec, ask: &RegimesAsk) -> bool {
    let hidden = &spec.network.widths[1..spec.network.widths.len() - 1];
    let reshaped = !(ask.widths.is_empty() && ask.depths.is_empty());
    reshaped || hidden.windows(2).all(|pair| pair[0] == pair[1])
}

/// The hidden width: of the layer that is drawn, else of the widest.
fn own_width(spec: &ScenarioSpec) -> usize {
    let widths = &spec.network.widths;
    let widest = || widths[1..widths.len() - 1].iter().copied().max();
    let drawn = drawn_width(&spec.init).map(|w| w as usize);
    drawn.or_else(widest).unwrap_or(0)
}

fn drawn_width(init: &InitSpec) -> Option<u64> {
    match init {
        InitSpec::Gaussian { drawn_width, .. } => *drawn_width,
        _ => None,
    }
}

fn own_gamma(init: &InitSpec) -> Option<f64> {
    match init {
        InitSpec::Gaussian { gamma, .. } => *gamma,
        _ => None,
    }
}
