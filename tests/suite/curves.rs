//! Drives an observer along weights that are known functions of time, so that everything it
//! reports has a closed form.

use dlnflow::integrate::{Interpolant, Method, Observer, Options, Step, VectorField};
use dlnflow::linalg::Mat;
use dlnflow::model::{Cost, Network, Problem};
use dlnflow::observe::{EventSpec, Grid, Observation, Observed, Recording, RunObserver, StopRules};
use std::ops::ControlFlow;

/// Weights and their derivative at time `t`.
pub type Motion<'a> = &'a dyn Fn(f64) -> (Vec<f64>, Vec<f64>);

struct Inside<'a> {
    t0: f64,
    t1: f64,
    motion: Motion<'a>,
}

impl Interpolant for Inside<'_> {
    fn state(&self, theta: f64, y: &mut [f64]) {
        let t = self.t0 + theta * (self.t1 - self.t0);
        y.copy_from_slice(&(self.motion)(t).0);
    }
}

/// Shows the motion step by step between `knots`; the reason when the observer stopped it.
pub fn drive(observer: &mut dyn Observer, motion: Motion<'_>, knots: &[f64]) -> Option<String> {
    let (y0, f0) = motion(knots[0]);
    if let ControlFlow::Break(reason) = observer.start(&y0, &f0) {
        return Some(reason);
    }
    for pair in knots.windows(2) {
        let [t0, t1] = [pair[0], pair[1]];
        let ((y0, _), (y1, f1)) = (motion(t0), motion(t1));
        let inside = Inside { t0, t1, motion };
        let step = Step {
            t0,
            t1,
            y0: &y0,
            y1: &y1,
            f1: &f1,
            inside: &inside,
        };
        if let ControlFlow::Break(reason) = observer.step(&step) {
            return Some(reason);
        }
    }
    None
}

/// What to look for, with defaults.
pub struct Setup<'a> {
    pub grid: Grid,
    pub weights: bool,
    pub events: Vec<EventSpec>,
    pub levels: Vec<Option<f64>>,
    pub stop: StopRules,
    pub rtol: f64,
    pub horizon: f64,
    /// `f` at interior points of steps.
    pub field: &'a dyn VectorField,
}

impl<'a> Setup<'a> {
    pub fn new(field: &'a dyn VectorField, horizon: f64) -> Self {
        Self {
            grid: Grid::Linear { count: 2 },
            weights: false,
            events: Vec::new(),
            levels: Vec::new(),
            stop: StopRules {
                gradient_norm: None,
                cost: None,
            },
            rtol: 1e-9,
            horizon,
            field,
        }
    }

    pub fn options(&self) -> Options {
        Options {
            method: Method::Dop853,
            rtol: self.rtol,
            atol: vec![0.0; self.field.dim()],
            horizon: self.horizon,
            max_steps: usize::MAX,
        }
    }

    /// Observes the motion; the reason of a stop and what was seen.
    pub fn observe(
        &self,
        problem: &Problem,
        motion: Motion<'_>,
        knots: &[f64],
    ) -> (Option<String>, Observed) {
        let recording = Recording {
            grid: self.grid.clone(),
            weights: self.weights,
            observables: Vec::new(),
        };
        let observation = Observation {
            recording: &recording,
            events: &self.events,
            saddle_levels: &self.levels,
            stop: &self.stop,
        };
        let mut observer = RunObserver::new(problem, self.field, &self.options(), &observation);
        let reason = drive(&mut observer, motion, knots);
        (reason, observer.finish())
    }
}

/// `count + 1` equally spaced times from 0 to `end`.
pub fn knots(end: f64, count: usize) -> Vec<f64> {
    (0..=count)
        .map(|i| end * (i as f64 / count as f64))
        .collect()
}

/// A diagonal matrix.
pub fn diagonal(values: &[f64]) -> Mat<f64> {
    Mat::from_fn(values.len(), values.len(), |i, j| {
        if i == j { values[i] } else { 0.0 }
    })
}

/// `½‖A − diag(target)‖²` on square layers, from the packed weights given.
pub fn squared_error(target: &[f64], depth: usize, initial_weights: Vec<f64>) -> Problem {
    Problem {
        network: Network::new(vec![target.len(); depth + 1]),
        cost: Cost::SquaredError {
            target: diagonal(target),
        },
        l2: 0.0,
        initial_weights,
    }
}

/// Packed layers, each diagonal with the same entries.
pub fn diagonal_layers(entries: &[f64], depth: usize) -> Vec<f64> {
    let n = entries.len();
    let mut packed = vec![0.0; depth * n * n];
    for layer in 0..depth {
        for (i, &v) in entries.iter().enumerate() {
            packed[layer * n * n + i * n + i] = v;
        }
    }
    packed
}

/// Mode of a balanced aligned two-layer network from `start` to `end`:
/// `s(t) = s*/(1 + (s*/s₀ − 1) e^{−2 s* t})` (Saxe et al. 2014) and `ds/dt = 2 s (s* − s)`.
pub fn logistic(start: f64, end: f64, t: f64) -> (f64, f64) {
    let s = end / (1.0 + (end / start - 1.0) * (-2.0 * end * t).exp());
    // s* − s without cancellation.
    let gap = s * (end / start - 1.0) * (-2.0 * end * t).exp();
    (s, 2.0 * s * gap)
}

/// Both layers of the two-layer network whose modes are logistic, and their derivative.
pub fn two_layers(start: f64, ends: &[f64], t: f64) -> (Vec<f64>, Vec<f64>) {
    let modes: Vec<(f64, f64)> = ends.iter().map(|&end| logistic(start, end, t)).collect();
    let roots: Vec<f64> = modes.iter().map(|m| m.0.sqrt()).collect();
    let rates: Vec<f64> = modes.iter().map(|m| m.1 / (2.0 * m.0.sqrt())).collect();
    (diagonal_layers(&roots, 2), diagonal_layers(&rates, 2))
}
