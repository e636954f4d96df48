//! A run in graded hidden bases: the flow is integrated in segments, and between two of them the
//! hidden bases are rotated so that each hidden direction carries one mode again.
//!
//! In networks of three and more layers the waits grow as powers of the start. While the escaped
//! modes are at rest there, only the waiting ones are integrated ([`Waiting`]), in a time of their own.

mod plateaus;
mod segment;
mod wait;

use super::rest::{learned, stand_still};
use crate::error::Error;
use crate::integrate::{
    Integration, Method, Options, Outcome, Statistics, Time, VectorField, integrate,
};
use crate::linalg::{Mat, SingularValues, frobenius};
use crate::model::{Frame, Network, Problem};
use crate::observe::RunObserver;
use crate::saddle::{LoneMode, Waiting, WaitingFlow};
use crate::scenario::FrameName;
use plateaus::{Found, Plateaus};
use segment::{Reason, Segment};
use wait::{Limits, Wait};

/// Size of a neuron, relative to one that has escaped, below which rounding is felt: with two layers
/// by modes that wait long …
const SMALL_TWO_LAYERS: f64 = 1e-5;
/// … with more because the stiffness of a plateau grows with a power of it.
const SMALL_DEEP: f64 = 1e-3;
/// The same where the frame was asked for: rounding costs escape times some 1e-12 …
const SMALL_TWO_LAYERS_ON: f64 = 3e-4;
/// … and waiting modes can go on alone.
const SMALL_DEEP_ON: f64 = 1e-2;
/// Steps in the same bases after which the multistep method takes over …
const LONG: usize = 50;
/// … and where a plateau may still be found, from which on the waiting modes go on alone.
const LONG_DEEP: usize = 200;
/// Steps of that method after which it is asked whether anything moves at all.
const LONG_MULTISTEP: usize = 1000;

/// Whether hidden bases that follow the modes are worth it, or were asked for.
pub(super) fn applies(problem: &Problem, method: Method, wanted: FrameName) -> bool {
    let depth = problem.network.depth();
    depth > 1
        && method.controls_error()
        && match wanted {
            FrameName::On => true,
            FrameName::Off => false,
            FrameName::Auto => starts_small(problem, wanted),
        }
}

/// The size that counts as small, relative to that of an escaped neuron.
fn small(network: &Network, wanted: FrameName) -> f64 {
    match (network.depth(), wanted) {
        (2, FrameName::On) => SMALL_TWO_LAYERS_ON,
        (2, _) => SMALL_TWO_LAYERS,
        (_, FrameName::On) => SMALL_DEEP_ON,
        _ => SMALL_DEEP,
    }
}

/// Whether the smallest neuron at the start is small beside an escaped one.
fn starts_small(problem: &Problem, wanted: FrameName) -> bool {
    smallest_part(problem) < small(&problem.network, wanted)
}

/// Size of the smallest neuron at the start, relative to an escaped one.
fn smallest_part(problem: &Problem) -> f64 {
    let [smallest, _] = neuron_range(&problem.network, &problem.initial_weights);
    smallest / escaped_neuron(problem)
}

/// Whether some hidden neuron has become small beside another one, in a run for which the frame was asked for.
fn are_apart(network: &Network, weights: &[f64]) -> bool {
    let [smallest, largest] = neuron_range(network, weights);
    smallest < small(network, FrameName::On) * largest
}

/// What a user should know who has switched the frame off where rounding is felt.
pub(super) fn floor_warning(
    problem: &Problem,
    method: Method,
    wanted: FrameName,
) -> Option<String> {
    if wanted != FrameName::Off || !applies(problem, method, FrameName::Auto) {
        return None;
    }
    let part = smallest_part(problem);
    (part < SMALL_TWO_LAYERS).then(|| {
        format!(
            "hidden neurons of the start are down to {part:.1e} of escaped ones: with solver.frame = \"off\" rounding, \
             1e-16 of the largest, is felt by modes that wait and takes the place of those below it, so that \
             escapes may come at wrong times"
        )
    })
}

/// The smallest hidden neuron that is not zero, and the largest.
fn neuron_range(network: &Network, weights: &[f64]) -> [f64; 2] {
    let mut squares = vec![0.0; network.widths().iter().sum()];
    network.neuron_squares(weights, &mut squares);
    let positive = squares[network.hidden_neurons()]
        .iter()
        .copied()
        .filter(|&s| s > 0.0);
    let smallest = positive.clone().fold(f64::INFINITY, f64::min);
    [smallest, positive.fold(0.0, f64::max)].map(f64::sqrt)
}

/// About the size of a neuron that carries an escaped mode: `√2 s^{1/L}`, `s` the largest singular
/// value of `∇C(0)`.
fn escaped_neuron(problem: &Problem) -> f64 {
    let gradient = problem.cost.gradient_at_origin();
    let largest = largest_singular_value(&gradient);
    std::f64::consts::SQRT_2 * largest.powf(1.0 / problem.network.depth() as f64)
}

/// `σ_1`.
fn largest_singular_value(a: &Mat<f64>) -> f64 {
    SingularValues::new(a.nrows(), a.ncols()).of(a.as_ref())[0]
}

/// A run in segments.
pub(super) struct GradedRun {
    pub integration: Integration,
    /// The hidden bases at the end.
    pub frame: Frame,
    /// How often they were rotated.
    pub rotations: usize,
    pub warning: Option<String>,
}

/// Integrates `problem` from its start with hidden bases that follow the modes.
pub(super) fn integrate_graded(
    field: &dyn VectorField,
    problem: &Problem,
    options: &Options,
    observer: &mut RunObserver<'_>,
) -> GradedRun {
    let mut run = Run {
        field,
        problem,
        options,
        plateaus: Plateaus::new(problem, options),
        frame: Frame::new(&problem.network),
        state: problem.initial_weights.clone(),
        origin: Time::default(),
        statistics: Statistics::default(),
        rotations: 0,
        bdf_from: None,
        matters: starts_small(problem, FrameName::On),
        started: false,
        long: false,
        steps_since_wait: 0,
        scaled_step: None,
    };
    let outcome = run.all(observer);
    GradedRun {
        integration: Integration {
            outcome,
            time: run.origin.high,
            state: run.state,
            statistics: run.statistics,
            bdf_from: run.bdf_from,
        },
        frame: run.frame,
        rotations: run.rotations,
        warning: run.plateaus.as_ref().and_then(Plateaus::warning),
    }
}

struct Run<'a> {
    field: &'a dyn VectorField,
    problem: &'a Problem,
    options: &'a Options,
    plateaus: Option<Plateaus<'a>>,
    frame: Frame,
    state: Vec<f64>,
    origin: Time,
    statistics: Statistics,
    rotations: usize,
    /// When the last stretch of the whole flow went on by BDF.
    bdf_from: Option<f64>,
    /// Whether rounding is felt by now, so that the bases are rotated.
    matters: bool,
    /// Whether the observer knows the start.
    started: bool,
    /// Whether the bases have fitted for so long that the multistep method pays.
    long: bool,
    steps_since_wait: usize,
    /// The last step of a wait that goes on. Its scaled time does not depend on the size that the
    /// waiting modes have reached.
    scaled_step: Option<f64>,
}

impl Run<'_> {
    /// Segment after segment.
    fn all(&mut self, observer: &mut RunObserver<'_>) -> Outcome {
        loop {
            if self.matters {
                self.frame.regrade(&mut self.state);
                self.rotations += 1;
            }
            let frame = self.matters.then_some(&self.frame);
            observer.enter(self.origin, frame, &self.state);
            let plateaus = self.plateaus.as_mut().filter(|_| self.matters);
            let end = match plateaus.and_then(|p| p.find(&self.frame, &self.state)) {
                None if self.long && self.has_learned() => self.rest(observer),
                None => self.move_on(observer),
                Some(Found::Rest) => self.rest(observer),
                Some(Found::Wait(waiting)) => {
                    let end = self.wait(&waiting, observer);
                    if let Some(plateaus) = &mut self.plateaus {
                        plateaus.known = Some(waiting.plateau);
                    }
                    end
                }
            };
            if let Some(outcome) = end {
                return outcome;
            }
            self.started = true;
            if self.statistics.steps >= self.options.max_steps {
                let (steps, time) = (self.statistics.steps, self.origin.high);
                return Outcome::Failed {
                    error: Error::TooManySteps { steps, time },
                };
            }
        }
    }

    /// Options of a segment.
    fn part(&self, method: Method, horizon: f64, dim: usize) -> Options {
        let mut atol = self.options.atol.clone();
        atol.resize(dim, f64::MIN_POSITIVE);
        Options {
            method,
            horizon,
            atol,
            max_steps: self.options.max_steps - self.statistics.steps,
            ..self.options.clone()
        }
    }

    fn left(&self) -> f64 {
        Time::from(self.options.horizon).since(self.origin)
    }

    /// The whole flow until new bases are needed; the outcome when the run ends here.
    fn move_on(&mut self, observer: &mut RunObserver<'_>) -> Option<Outcome> {
        let method = match self.options.method {
            // One-step methods lose nothing when a segment ends.
            Method::Auto if self.matters && !self.long => Method::Dop853,
            other => other,
        };
        let long = match self.plateaus {
            _ if self.long => LONG_MULTISTEP,
            Some(_) => LONG_DEEP,
            None => LONG,
        };
        let left = self.left();
        let part = self.part(method, left, self.state.len());
        let network = &self.problem.network;
        let mut segment = Segment::new(
            observer,
            network,
            &self.state,
            !self.started,
            (left, part.max_steps),
        );
        segment.plateaus = self.plateaus.as_mut().filter(|_| self.matters);
        segment.until_apart = !self.matters;
        segment.long = (self.matters && self.options.method == Method::Auto).then_some(long);
        segment.steps = self.steps_since_wait;
        let end = integrate(self.field, &self.state, &part, &mut segment);
        let reason = segment.reason;
        self.matters |= reason == Some(Reason::NewBases);
        self.long = match reason {
            Some(Reason::Settled) => self.long,
            other => other == Some(Reason::Long),
        };
        self.steps_since_wait = segment.steps;
        self.count(end.statistics);
        self.bdf_from = end.bdf_from.map(|t| self.origin.plus(t).high);
        self.origin = self.origin.plus(end.time);
        self.state = end.state;
        match reason {
            Some(Reason::Stuck) => {
                return Some(Outcome::Failed {
                    error: Error::NotResolved {
                        time: self.origin.high,
                        largest: largest_singular_value(&network.end_to_end(&self.state)),
                        max_steps: self.options.max_steps,
                    },
                });
            }
            None => {
                let steps = self.statistics.steps;
                return Some(at_time_of_run(end.outcome, self.origin, end.time, steps));
            }
            Some(Reason::NewBases | Reason::Settled | Reason::Long) => {}
        }
        (end.time >= left).then_some(Outcome::HorizonReached)
    }

    /// The waiting modes alone.
    fn wait(&mut self, waiting: &Waiting, observer: &mut RunObserver<'_>) -> Option<Outcome> {
        self.steps_since_wait = 0;
        let start = waiting.scaled(&waiting.part(&self.state));
        let flow = WaitingFlow::new(waiting, &start, self.scaled_step);
        let limits = Limits {
            left: self.left(),
            log_size: waiting.largest_size(self.options.rtol).ln(),
            first: !self.started,
        };
        let mut part = self.part(Method::Dop853, f64::MAX, start.len());
        part.atol.fill(f64::MIN_POSITIVE);
        let settling = waiting.settling(&self.state);
        let parts = (waiting, &flow);
        let mut wait = Wait::new(observer, parts, settling.as_ref(), &start, limits);
        let (statistics, failed) = match LoneMode::of(waiting, &start, self.options.rtol) {
            Some(lone) => (wait.grow_alone(&lone, &start), None),
            None => {
                let end = integrate(&flow, &start, &part, &mut wait);
                let failed = matches!(end.outcome, Outcome::Failed { .. });
                (end.statistics, failed.then_some((end.outcome, end.time)))
            }
        };
        let (stopped, time, leaves) = (wait.outcome.take(), wait.time, wait.leaves);
        self.scaled_step = wait.last_step.filter(|_| !leaves);
        self.state.copy_from_slice(&wait.weights);
        self.count(statistics);
        self.origin = self.origin.plus(time);
        stopped.or_else(|| {
            let (outcome, time) = failed?;
            let steps = self.statistics.steps;
            Some(at_time_of_run(outcome, self.origin, time, steps))
        })
    }

    /// Whether nothing is left to learn.
    fn has_learned(&self) -> bool {
        let now = || {
            let a = self.problem.network.end_to_end(&self.state);
            frobenius(self.problem.cost.gradient_at(a.as_ref()).as_ref())
        };
        learned(self.problem).is_some_and(|learned| now() <= learned)
    }

    /// Nothing moves any more.
    fn rest(&mut self, observer: &mut RunObserver<'_>) -> Option<Outcome> {
        let left = self.left();
        let outcome = stand_still(self.field, &self.state, left, observer);
        self.statistics.steps += 1;
        self.origin = self.origin.plus(left);
        Some(outcome)
    }

    fn count(&mut self, part: Statistics) {
        let sum = &mut self.statistics;
        sum.steps += part.steps;
        sum.rejected += part.rejected;
        sum.rhs_evaluations += part.rhs_evaluations;
        sum.jvp_evaluations += part.jvp_evaluations;
    }
}

/// Errors carry the local time of their segment.
fn at_time_of_run(outcome: Outcome, end: Time, local_end: f64, all_steps: usize) -> Outcome {
    let Outcome::Failed { mut error } = outcome else {
        return outcome;
    };
    match &mut error {
        Error::TooManySteps { steps, time } => {
            (*steps, *time) = (all_steps, end.high);
        }
        Error::NotFinite { time }
        | Error::StepTooSmall { time, .. }
        | Error::SolverFailed { time, .. } => *time = end.plus(*time - local_end).high,
        _ => {}
    }
    Outcome::Failed { error }
}
