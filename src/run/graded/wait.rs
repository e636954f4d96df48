//! Steps of the waiting modes, shown to the observer of the run as steps of all weights in time.

use super::segment::Sizes;
use crate::integrate::{Interpolant, Observer, Outcome, Statistics, Step, VectorField};
use crate::linalg::norm;
use crate::observe::RunObserver;
use crate::saddle::{LoneMode, Settling, Waiting, WaitingFlow};
use std::cell::RefCell;
use std::ops::ControlFlow;

/// The hidden bases of a wait are renewed when some neuron has grown or shrunk by this factor: more than for
/// the whole flow, since the growth that all waiting modes share is taken out. Escape times from 1e-100 are the
/// same to half of `rtol` with 4, 16 and 64.
const REGRADE: f64 = 16.0;

/// `ln` of what the gradient of the escaped modes falls by in a step that is shown.
const SHOWN: f64 = 0.5;
/// Their gradient, relative to that of the waiting modes, that is not seen any more.
const UNSEEN: f64 = 1e-16;

/// Hands the steps of the scaled flow on.
pub(super) struct Wait<'r, 'a> {
    observer: &'r mut RunObserver<'a>,
    view: View<'r>,
    sizes: Sizes<'r>,
    limits: Limits,
    /// `ln` of the size at the start.
    start: f64,
    /// Time since the segment began.
    pub time: f64,
    /// All weights at that time.
    pub weights: Vec<f64>,
    /// The outcome of the run, when it ends here.
    pub outcome: Option<Outcome>,
    /// The last step in scaled time.
    pub last_step: Option<f64>,
    /// Whether the waiting modes have grown too large to be alone.
    pub leaves: bool,
}

/// Where a wait ends.
pub(super) struct Limits {
    /// Time until the horizon.
    pub left: f64,
    /// `ln` of the size at which the whole flow goes on.
    pub log_size: f64,
    /// Whether the run begins here.
    pub first: bool,
}

impl<'r, 'a> Wait<'r, 'a> {
    pub fn new(
        observer: &'r mut RunObserver<'a>,
        (waiting, flow): (&'r Waiting, &'r WaitingFlow<'r>),
        settling: Option<&'r Settling>,
        start: &[f64],
        limits: Limits,
    ) -> Self {
        let view = View {
            waiting,
            flow,
            settling,
        };
        Self {
            observer,
            view,
            sizes: Sizes::new(
                &waiting.inner,
                &start[..waiting.inner.parameters()],
                REGRADE,
            ),
            limits,
            start: start[waiting.inner.parameters()],
            time: 0.0,
            weights: view.weights(start),
            outcome: None,
            last_step: None,
            leaves: false,
        }
    }

    /// Lets one mode grow until its slope changes.
    pub fn grow_alone(&mut self, lone: &LoneMode, start: &[f64]) -> Statistics {
        let (flow, clock) = (self.view.flow, start.len() - 1);
        let mut statistics = Statistics::default();
        let (mut y0, mut y1, mut f1) = (start.to_vec(), start.to_vec(), start.to_vec());
        flow.eval(&y0, &mut f1);
        if Observer::start(self, &y0, &f1).is_break() {
            return statistics;
        }
        for stretch in lone.stretches() {
            let [t0, t1] = stretch.times();
            stretch.state(1.0, &mut y1);
            // The rest is less than rounding of this segment's time: it goes into one of its own.
            if y1[clock] <= y0[clock] {
                break;
            }
            flow.eval(&y1, &mut f1);
            // That bases have grown old is no reason to end.
            let _ = self.step(&Step {
                t0,
                t1,
                y0: &y0,
                y1: &y1,
                f1: &f1,
                inside: &stretch,
            });
            statistics.steps += 1;
            statistics.rhs_evaluations += 1;
            if self.outcome.is_some() {
                break;
            }
            std::mem::swap(&mut y0, &mut y1);
        }
        // Steps of this size are for nothing else.
        self.last_step = None;
        statistics
    }

    /// Shows a step that ends in the scaled state `end` with its derivative, in pieces while the escaped modes come to
    /// rest.
    fn show(
        &mut self,
        mut inside: Inside<'_, '_>,
        (end, end_derivative): (&[f64], &[f64]),
    ) -> ControlFlow<String> {
        let (view, [begin, last]) = (self.view, inside.span);
        let (mut state, mut derivative) = (end.to_vec(), end_derivative.to_vec());
        let speed = norm(&view.waiting.speed(end, end_derivative));
        let mut from = begin;
        while from < last {
            let to = view.next(from, last, speed);
            if to < last {
                inside.scaled(to, &mut state);
                view.flow.eval(&state, &mut derivative);
            } else {
                state.copy_from_slice(end);
                derivative.copy_from_slice(end_derivative);
            }
            let (weights, slope) = (view.weights(&state), view.slope(&state, &derivative));
            inside.span = [from, to];
            let shown = self.observer.step(&Step {
                t0: from,
                t1: to,
                y0: &self.weights,
                y1: &weights,
                f1: &slope,
                inside: &inside,
            });
            (self.time, self.weights) = (to, weights);
            shown?;
            from = to;
        }
        ControlFlow::Continue(())
    }

    /// Ends the segment when its bases are too old or the waiting modes too large.
    fn go_on(&mut self, state: &[f64]) -> ControlFlow<String> {
        let log_size = state.len() - 2;
        let growth = (state[log_size] - self.start).exp();
        self.leaves = state[log_size] >= self.limits.log_size;
        if self.leaves || self.sizes.have_moved(&state[..log_size], growth) {
            return ControlFlow::Break("new hidden bases".to_owned());
        }
        ControlFlow::Continue(())
    }

    /// Ends the run here.
    fn stop(&mut self, outcome: Outcome) -> ControlFlow<String> {
        self.outcome = Some(outcome);
        ControlFlow::Break("the end of the run".to_owned())
    }
}

impl Observer for Wait<'_, '_> {
    fn start(&mut self, y0: &[f64], f0: &[f64]) -> ControlFlow<String> {
        if self.limits.first {
            let slope = self.view.slope(y0, f0);
            if let ControlFlow::Break(reason) = self.observer.start(&self.weights, &slope) {
                return self.stop(Outcome::Stopped { reason });
            }
        }
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        self.last_step = Some(step.t1 - step.t0);
        let clock = step.y0.len() - 1;
        let (left, unit) = (self.limits.left, self.view.flow.unit());
        let last = unit * step.y1[clock] >= left;
        let span = [unit * step.y0[clock], (unit * step.y1[clock]).min(left)];
        if span[1] <= span[0] {
            return self.go_on(step.y1);
        }
        let whole = Inside {
            step,
            view: self.view,
            span,
            state: RefCell::new(step.y1.to_vec()),
        };
        let (mut end, mut derivative) = (step.y1.to_vec(), step.f1.to_vec());
        if last {
            whole.scaled(left, &mut end);
            self.view.flow.eval(&end, &mut derivative);
        }
        if let ControlFlow::Break(reason) = self.show(whole, (&end, &derivative)) {
            return self.stop(Outcome::Stopped { reason });
        }
        if last {
            return self.stop(Outcome::HorizonReached);
        }
        self.go_on(&end)
    }
}

/// Scaled states as all weights.
#[derive(Clone, Copy)]
struct View<'r> {
    waiting: &'r Waiting,
    flow: &'r WaitingFlow<'r>,
    /// What the escaped weights still have to go.
    settling: Option<&'r Settling>,
}

impl View<'_> {
    /// Time since the segment began.
    fn time(self, state: &[f64]) -> f64 {
        self.flow.unit() * state[state.len() - 1]
    }

    fn weights(self, state: &[f64]) -> Vec<f64> {
        let mut weights = self.waiting.expand(&self.waiting.unscaled(state));
        if let Some(settling) = self.settling {
            settling.add(self.time(state), &mut weights);
        }
        weights
    }

    fn slope(self, state: &[f64], derivative: &[f64]) -> Vec<f64> {
        let mut slope = self.waiting.place(&self.waiting.speed(state, derivative));
        if let Some(settling) = self.settling {
            settling.add_slope(self.time(state), &mut slope);
        }
        slope
    }

    /// When the next step that is shown ends, of one that begins at `from` and ends at `to` with the waiting
    /// modes at `speed`: while the escaped modes come to rest their gradient falls by `SHOWN` in each.
    fn next(self, from: f64, to: f64, speed: f64) -> f64 {
        let Some(settling) = self.settling else {
            return to;
        };
        let (settles, rate) = settling.speed(from);
        if settles <= UNSEEN * speed {
            return to;
        }
        to.min(from + SHOWN / rate)
    }
}

/// The inside of a step, read at times instead of scaled times.
struct Inside<'s, 'r> {
    step: &'s Step<'s>,
    view: View<'r>,
    span: [f64; 2],
    state: RefCell<Vec<f64>>,
}

impl Inside<'_, '_> {
    /// The scaled state at time `t`: the clock rises with the scaled time, so that bisection and
    /// secants (Illinois) find the place.
    fn scaled(&self, t: f64, state: &mut [f64]) {
        let (step, clock) = (self.step, self.step.y0.len() - 1);
        let t = t / self.view.flow.unit();
        let (mut a, mut b) = (step.t0, step.t1);
        let (mut below, mut above) = (step.y0[clock] - t, step.y1[clock] - t);
        let tolerance = 2.0 * f64::EPSILON * t.abs();
        let mut place = b;
        for _ in 0..100 {
            let middle = (a * above - b * below) / (above - below);
            place = if middle > a && middle < b {
                middle
            } else {
                0.5 * (a + b)
            };
            let off = step.component_at(place, clock, state) - t;
            if off.abs() <= tolerance || !(place > a && place < b) {
                break;
            }
            if off < 0.0 {
                (a, below) = (place, off);
                above *= 0.5;
            } else {
                (b, above) = (place, off);
                below *= 0.5;
            }
        }
        step.state_at(place, state);
    }

    fn time(&self, theta: f64) -> f64 {
        self.span[0] + theta * (self.span[1] - self.span[0])
    }
}

impl Interpolant for Inside<'_, '_> {
    fn state(&self, theta: f64, y: &mut [f64]) {
        let state = &mut *self.state.borrow_mut();
        self.scaled(self.time(theta), state);
        y.copy_from_slice(&self.view.weights(state));
    }

    fn slope(&self, theta: f64, dy: &mut [f64]) -> bool {
        let state = &mut *self.state.borrow_mut();
        self.scaled(self.time(theta), state);
        let mut derivative = vec![0.0; state.len()];
        self.view.flow.eval(state, &mut derivative);
        dy.copy_from_slice(&self.view.slope(state, &derivative));
        true
    }
}
