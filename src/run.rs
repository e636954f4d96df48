//! Scenario → report: the whole of one run, without files.

mod decay;
mod ending;
mod exact;
mod extras;
mod graded;
mod landscape;
mod look;
mod narrowed;
mod parallel;
mod predict;
mod regimes;
mod rest;
mod saddles;

pub use extras::extras;
pub use landscape::{Search, landscape};
pub use look::{look, style};
pub use predict::{Theory, predict};
pub use regimes::{NoStudy, RegimesAsk, regimes};
pub use saddles::{Ask, PathOf, Shown, Study, saddles, saddles_along};

use crate::flow::LayerFlow;
use crate::integrate::{Integration, Method, Options, VectorField};
use crate::linalg::to_vec;
use crate::model::{Network, Problem};
use crate::observe::{
    Event, EventKind, EventSpec, Observation, Observed, Progress, RunObserver, schatten_gap,
};
use crate::report::{Outcome, Report, SolverReport};
use crate::saddle::{SaddleLevels, saddle_levels};
use crate::scenario::{Built, Scenario};
use crate::verify;
use cpu_time::ThreadTime;
use ending::{describe, missing_rows};
use exact::SolvedFlow;
use graded::integrate_graded;
use narrowed::Narrowed;
use rest::integrate_to_rest;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Who may watch and end a run.
#[derive(Default)]
pub struct Watch<'a> {
    /// Set it to end the run; what was computed is kept.
    pub interrupt: Option<&'a AtomicBool>,
    /// Called after every accepted step.
    pub progress: Option<&'a mut dyn FnMut(&Progress)>,
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("interrupt", &self.interrupt)
            .finish_non_exhaustive()
    }
}

/// Makes the flow of a problem.
pub type FlowOf = dyn for<'p> Fn(&'p Problem) -> Box<dyn VectorField + 'p>;

/// Integrates a built scenario, finds its events, compares with predictions and expectations. An
/// integration that fails half-way gives a report of what was computed, with its outcome.
pub fn run(scenario: &Scenario, built: &Built, watch: Watch<'_>) -> Report {
    run_flow(
        scenario,
        built,
        &|problem| Box::new(LayerFlow::new(problem)),
        watch,
    )
}

/// The same without theory, which may take longer than a small run: no predictions.
pub fn measure(scenario: &Scenario, built: &Built, watch: Watch<'_>) -> Report {
    let flow: &FlowOf = &|problem| Box::new(LayerFlow::new(problem));
    measure_flow(scenario, built, flow, watch, &levels(built))
}

/// [`run`] with another flow in the place of the gradient flow: what theory and expectations say
/// of the gradient flow is held against it.
pub fn run_flow(scenario: &Scenario, built: &Built, flow: &FlowOf, watch: Watch<'_>) -> Report {
    let levels = levels(built);
    let interrupt = watch.interrupt;
    let report = measure_flow(scenario, built, flow, watch, &levels);
    if interrupt.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
        // Whoever has had enough does not wait for theory; a report without it is not whole.
        return match report.outcome {
            Outcome::Failed => report,
            _ => Report {
                outcome: Outcome::Interrupted,
                ..report
            },
        };
    }
    let theory = predict::from_levels(built, &levels.of_mode);
    Report {
        predictions: theory.predictions,
        declined: theory.declined,
        ..report
    }
}

fn measure_flow(
    scenario: &Scenario,
    built: &Built,
    flow: &FlowOf,
    watch: Watch<'_>,
    levels: &SaddleLevels,
) -> Report {
    let narrowed = Narrowed::new(built);
    let problem = narrowed.problem();
    let (method, frame) = (built.solver.method, built.frame);
    let graded = graded::applies(problem, method, frame);
    let floor = graded::floor_warning(problem, method, frame);
    let options = narrowed.options(graded && built.chosen_atol);
    let (mut observed, end, mut solver) = observe(
        problem,
        &options,
        built,
        &levels.of_mode,
        (flow, watch),
        graded,
    );
    solver.reduced_widths = narrowed.widths();
    narrowed.complete(&mut observed);
    let (trajectory, events) = (observed.trajectory, observed.events);
    let problem = &built.problem;
    let waiting = waiting(built, &levels.of_mode, &events);
    let last = trajectory.rows.last();
    let decay = last.and_then(|row| decay::of(problem, row.parameter_norm_sq));
    let to_origin = decay.as_ref().is_some_and(|d| d.tends_to_origin);
    let (outcome, outcome_detail) = describe(&end, &options, to_origin);
    Report {
        title: scenario.title().to_owned(),
        reference: scenario.spec().reference.clone(),
        outcome,
        outcome_detail,
        time: end.time,
        widths: problem.network.widths().to_vec(),
        l2: problem.l2,
        decay,
        schatten_gap: last.map(|row| schatten_gap(problem.network.depth(), row)),
        predictions: Vec::new(),
        declined: Vec::new(),
        laws: observed.laws,
        look: look::look(scenario),
        checks: verify::expectations(&built.expectations, &trajectory, &events),
        warnings: [
            observed.warnings,
            floor.into_iter().collect(),
            missing_rows(&built.recording.grid, &options, &end),
            unknown_levels(&built.events, levels),
            look::missing_signs(scenario).into_iter().collect(),
        ]
        .concat(),
        trajectory,
        events,
        waiting,
        solver,
        final_weights: final_weights(&problem.network, &narrowed.expand(end.state)),
    }
}

/// Levels of escapes, when the scenario asks for escapes.
fn levels(built: &Built) -> SaddleLevels {
    let escapes = |e: &EventSpec| matches!(e, EventSpec::Escape { .. });
    match built.events.iter().any(escapes) {
        true => saddle_levels(
            &built.problem,
            named_modes(&built.events).max().unwrap_or(0),
        ),
        false => SaddleLevels::default(),
    }
}

/// Modes whose escapes are asked for by name.
fn named_modes(events: &[EventSpec]) -> impl Iterator<Item = usize> {
    let lists = events.iter().filter_map(|spec| match spec {
        EventSpec::Escape { modes, .. } => modes.as_ref(),
        _ => None,
    });
    lists.flatten().copied()
}

/// Integrates and observes.
fn observe(
    problem: &Problem,
    options: &Options,
    built: &Built,
    saddle_levels: &[Option<f64>],
    (flow, watch): (&FlowOf, Watch<'_>),
    graded: bool,
) -> (Observed, Integration, SolverReport) {
    let solved = (options.method == Method::Exact).then(|| SolvedFlow::new(problem));
    let (stepped, interior) = (flow(problem), flow(problem));
    let field: &dyn VectorField = match &solved {
        Some(solved) => solved,
        None => &*stepped,
    };
    let observation = Observation {
        recording: &built.recording,
        events: &built.events,
        saddle_levels,
        stop: &built.stop,
    };
    let mut observer = RunObserver::new(problem, &*interior, options, &observation);
    if let Some(flag) = watch.interrupt {
        observer = observer.interrupted_by(flag);
    }
    if let Some(progress) = watch.progress {
        observer = observer.reporting_to(progress);
    }
    let (wall, cpu) = (Instant::now(), ThreadTime::now());
    let (mut frame_rotations, mut graded_warning) = (None, None);
    let end = if graded {
        let run = integrate_graded(field, problem, options, &mut observer);
        frame_rotations = Some(run.rotations);
        graded_warning = run.warning;
        Integration {
            state: run.frame.restore(&run.integration.state),
            ..run.integration
        }
    } else {
        integrate_to_rest(field, problem, options, &mut observer)
    };
    let solver = SolverReport {
        method: options.method.name().to_owned(),
        reduced_widths: None,
        frame_rotations,
        bdf_from: end.bdf_from,
        steps: end.statistics.steps,
        rejected: end.statistics.rejected,
        rhs_evaluations: end.statistics.rhs_evaluations,
        jvp_evaluations: end.statistics.jvp_evaluations,
        integration: wall.elapsed(),
        cpu: cpu.elapsed(),
    };
    let mut observed = observer.finish();
    observed
        .warnings
        .extend(solved.iter().flat_map(SolvedFlow::warnings));
    observed.warnings.extend(graded_warning);
    (observed, end, solver)
}

/// Modes that were watched for an escape and did not, with their levels.
fn waiting(built: &Built, saddle_levels: &[Option<f64>], events: &[Event]) -> Vec<(usize, f64)> {
    let count = built.problem.network.modes();
    let specs = built.events.iter();
    let watched = specs.flat_map(|spec| spec.escape_levels(count, saddle_levels));
    let escaped = |&(mode, level): &(usize, f64)| {
        let mut escapes = events.iter().filter(|e| e.kind == EventKind::Escape);
        escapes.any(|e| e.index == Some(mode) && e.level == level)
    };
    watched.filter(|mode| !escaped(mode)).collect()
}

/// Warnings when escapes were asked for that could not be watched.
fn unknown_levels(events: &[EventSpec], levels: &SaddleLevels) -> Vec<String> {
    let Some(first) = levels.lost_at else {
        return unlearned(events, levels).into_iter().collect();
    };
    let wanted = |e: &EventSpec| match e {
        EventSpec::Escape { modes, .. } => modes
            .as_ref()
            .is_none_or(|modes| modes.iter().any(|&k| k >= first)),
        _ => false,
    };
    let text = format!(
        "no escapes from mode {first} on: the best fit of rank {first} lies at infinity or out of \
         reach, so that its σ_{first} gives no level; a crossing event can watch one"
    );
    match events.iter().any(wanted) {
        true => vec![text],
        false => Vec::new(),
    }
}

/// A warning when escapes of modes were asked for by name that the path of the levels does not come to.
fn unlearned(events: &[EventSpec], levels: &SaddleLevels) -> Option<String> {
    let level = |mode: usize| levels.of_mode.get(mode.checked_sub(1)?).copied().flatten();
    let mut without: Vec<usize> = named_modes(events).collect();
    without.retain(|&mode| level(mode).is_none());
    without.sort_unstable();
    without.dedup();
    let names: Vec<String> = without.iter().map(usize::to_string).collect();
    match names.len() {
        0 => None,
        1 => Some(format!(
            "no escape of mode {}: nothing is left to learn for it",
            names[0]
        )),
        _ => Some(format!(
            "no escapes of modes {}: nothing is left to learn for them",
            names.join(", ")
        )),
    }
}

/// `W_1 … W_L` and `A` as shapes with column-major entries.
fn final_weights(network: &Network, weights: &[f64]) -> Vec<(usize, usize, Vec<f64>)> {
    let mut all: Vec<_> = (1..=network.depth())
        .map(|layer| {
            let (rows, cols) = network.shape(layer);
            (rows, cols, weights[network.range(layer)].to_vec())
        })
        .collect();
    let a = network.end_to_end(weights);
    all.push((a.nrows(), a.ncols(), to_vec(a.as_ref())));
    all
}
