//! Scenario → report: the whole of one run, without files.

mod decay;
mod exact;
mod extras;
mod graded;
mod landscape;
mod look;
mod parallel;
mod predict;
mod regimes;
mod saddles;

pub use extras::extras;
pub use landscape::{Search, landscape};
pub use look::{look, style};
pub use predict::{Theory, predict};
pub use regimes::{NoStudy, RegimesAsk, regimes};
pub use saddles::{Ask, PathOf, Shown, Study, saddles, saddles_along};

use crate::error::plainly;
use crate::flow::LayerFlow;
use crate::integrate::{Integration, Method, Options, Outcome, VectorField, integrate};
use crate::linalg::to_vec;
use crate::model::{Network, Problem, Reduction};
use crate::observe::{
    EventSpec, Grid, Observable, Observation, Observed, Progress, RunObserver, grid_times,
    schatten_gap,
};
use crate::report::{self, Report, SolverReport};
use crate::saddle::{SaddleLevels, saddle_levels};
use crate::scenario::{Built, Scenario};
use crate::verify;
use cpu_time::ThreadTime;
use exact::SolvedFlow;
use graded::integrate_graded;
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
        // Whoever has had enough does not wait for theory.
        return report;
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
    let reduction = reduced(built);
    let problem = reduction.as_ref().map_or(&built.problem, |r| &r.problem);
    let (method, solver) = (built.solver.method, &scenario.spec().solver);
    let graded = graded::applies(problem, method, solver.frame);
    let floor = graded::floor_warning(problem, method, solver.frame);
    let options = options(built, reduction.as_ref(), graded && solver.atol == 0.0);
    let (observed, end, mut solver) = observe(
        problem,
        &options,
        built,
        &levels.of_mode,
        (flow, watch),
        graded,
    );
    solver.reduced_widths = reduction
        .as_ref()
        .map(|r| r.problem.network.widths().to_vec());
    let expand = |w: Vec<f64>| reduction.as_ref().map_or(w.clone(), |r| r.expand(&w));
    let (mut trajectory, mut events) = (observed.trajectory, observed.events);
    // Narrower inputs and outputs leave out singular values that are zero.
    let modes = built.problem.network.modes();
    let rows = trajectory
        .rows
        .iter_mut()
        .map(|row| &mut row.singular_values);
    for values in rows.chain(events.iter_mut().map(|event| &mut event.singular_values)) {
        values.resize(modes, 0.0);
    }
    trajectory.weights = trajectory.weights.into_iter().map(expand).collect();
    let problem = &built.problem;
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
        ]
        .concat(),
        trajectory,
        events,
        solver,
        final_weights: final_weights(&problem.network, &expand(end.state)),
    }
}

/// The problem as it is integrated. Inputs and outputs stay where something asks for singular values that they would
/// leave out, or for the tangent kernel.
fn reduced(built: &Built) -> Option<Reduction> {
    let kernel = [Observable::KernelNorm, Observable::KernelAlignment];
    let observables = &built.recording.observables;
    if observables.iter().any(|o| kernel.contains(o)) {
        return Reduction::of(&built.problem);
    }
    let whole = Reduction::with_ends(&built.problem)?;
    let modes = whole.problem.network.modes();
    let beyond =
        |e: &EventSpec| matches!(e, EventSpec::Crossing { index: Some(k), .. } if *k > modes);
    match built.events.iter().any(beyond) {
        true => Reduction::of(&built.problem),
        false => Some(whole),
    }
}

/// Those of the scenario for the network as it is integrated.
fn options(built: &Built, reduction: Option<&Reduction>, relative_only: bool) -> Options {
    let mut options = built.solver.clone();
    if let Some(reduction) = reduction {
        options.atol = reduction.tolerances(&options.atol);
    }
    if relative_only {
        // Every neuron has a tolerance of its own, down to where the squares that its size comes from
        // underflow: below that it would be zero.
        options.atol.fill(1e-160 * options.rtol);
    }
    options
}

/// Levels of escapes, when the scenario asks for escapes.
fn levels(built: &Built) -> SaddleLevels {
    let escapes = |e: &EventSpec| matches!(e, EventSpec::Escape { .. });
    match built.events.iter().any(escapes) {
        true => saddle_levels(&built.problem),
        false => SaddleLevels::default(),
    }
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
    let start = &problem.initial_weights;
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
        integrate(field, start, options, &mut observer)
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

/// The outcome and one sentence about it.
fn describe(end: &Integration, options: &Options, to_origin: bool) -> (report::Outcome, String) {
    let (outcome, mut detail) = ending(end, options);
    if to_origin {
        detail.push_str(", on the way to the origin, which it cannot leave");
    }
    (outcome, detail)
}

/// The word and the sentence for the end of an integration.
fn ending(end: &Integration, options: &Options) -> (report::Outcome, String) {
    match &end.outcome {
        Outcome::HorizonReached if falls_short(end, options) => (
            report::Outcome::HorizonReached,
            format!(
                "last iterate at t = {} before the horizon t = {}",
                rounded(end.time),
                plainly(options.horizon)
            ),
        ),
        Outcome::HorizonReached => (
            report::Outcome::HorizonReached,
            format!("reached the horizon t = {}", plainly(options.horizon)),
        ),
        Outcome::Stopped { reason } if reason == "interrupted" => (
            report::Outcome::Interrupted,
            format!("interrupted at t = {:.9e}", end.time),
        ),
        Outcome::Stopped { reason } => (
            report::Outcome::Stopped,
            format!("{reason} at t = {:.9e}", end.time),
        ),
        Outcome::Failed { error } => (report::Outcome::Failed, error.to_string()),
    }
}

/// Whether a run that went to the horizon ended at an iterate before it: those of gradient descent stand at
/// multiples of the learning rate.
fn falls_short(end: &Integration, options: &Options) -> bool {
    matches!(options.method, Method::GradientDescent { .. })
        && end.time < options.horizon * (1.0 - 4.0 * f64::EPSILON)
}

/// A time without the rounding of a multiple.
fn rounded(t: f64) -> String {
    plainly(format!("{t:.11e}").parse().unwrap_or(t))
}

/// A warning when rows were asked for after the last iterate. That a grid of its own ends there rather than at
/// the horizon says the outcome.
fn missing_rows(grid: &Grid, options: &Options, end: &Integration) -> Vec<String> {
    if !matches!(end.outcome, Outcome::HorizonReached) || !falls_short(end, options) {
        return Vec::new();
    }
    let listed = matches!(grid, Grid::Times(_));
    let mut times = grid_times(grid, options.horizon);
    times.retain(|&t| t > end.time && (listed || t < options.horizon));
    let last = rounded(end.time);
    let rows = match times.as_slice() {
        [] => return Vec::new(),
        [t] => format!("no row at t = {}", plainly(*t)),
        [t, .., u] => format!(
            "no rows at {} times from t = {} to {}",
            times.len(),
            plainly(*t),
            plainly(*u)
        ),
    };
    vec![format!("{rows}: the last iterate stands at t = {last}")]
}

/// A warning when escapes were asked for that could not be watched.
fn unknown_levels(events: &[EventSpec], levels: &SaddleLevels) -> Vec<String> {
    let Some(first) = levels.lost_at else {
        return Vec::new();
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
