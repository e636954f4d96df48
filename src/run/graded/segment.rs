//! A stretch of the whole flow in one set of hidden bases.

use super::are_apart;
use super::plateaus::Plateaus;
use crate::integrate::{Observer, Step};
use crate::model::Network;
use crate::observe::RunObserver;
use std::ops::ControlFlow;

/// A hidden basis is renewed when some neuron has grown or shrunk by this factor. With two layers
/// any factor up to `10⁶` would do; with more, errors of a step in the wrong direction of a tiny
/// neuron grow with the leading mode until the basis is renewed, and feed back quadratically.
const REGRADE: f64 = 4.0;
/// Steps since the last plateau after which a horizon that cannot be reached is given up.
const STUCK: usize = 200_000;

/// Why a segment ended before the run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// The bases no longer fit.
    NewBases,
    /// They may be those of a plateau by now, once renewed.
    Settled,
    /// They fit for so long that another method pays.
    Long,
    /// The horizon is out of reach.
    Stuck,
}

/// Hands the steps of a segment on and ends it when the bases are to be renewed.
pub(super) struct Segment<'r, 'a, 'p> {
    observer: &'r mut RunObserver<'a>,
    sizes: Sizes<'r>,
    first: bool,
    pub plateaus: Option<&'r mut Plateaus<'p>>,
    /// Whether the segment goes on until neurons differ so much that bases matter.
    pub until_apart: bool,
    /// Steps after which the segment is long if the horizon is still as far.
    pub long: Option<usize>,
    pub reason: Option<Reason>,
    steps_left: usize,
    /// Steps of this segment.
    made: usize,
    /// Steps since the last plateau.
    pub steps: usize,
    horizon: f64,
}

impl<'r, 'a> Segment<'r, 'a, '_> {
    pub fn new(
        observer: &'r mut RunObserver<'a>,
        network: &'r Network,
        state: &[f64],
        first: bool,
        (horizon, steps_left): (f64, usize),
    ) -> Self {
        Self {
            observer,
            sizes: Sizes::new(network, state, REGRADE),
            first,
            steps_left,
            made: 0,
            steps: 0,
            horizon,
            plateaus: None,
            until_apart: false,
            long: None,
            reason: None,
        }
    }

    /// Whether the bases no longer fit, or never mattered and now do.
    fn needs_bases(&mut self, weights: &[f64]) -> bool {
        match self.until_apart {
            true => are_apart(self.sizes.network, weights),
            false => self.sizes.have_moved(weights, 1.0),
        }
    }

    fn reason_to_end(&mut self, step: &Step<'_>) -> Option<Reason> {
        if self.needs_bases(step.y1) {
            return Some(Reason::NewBases);
        }
        if self.plateaus.as_mut().is_some_and(|p| p.may_wait(step.y1)) {
            return Some(Reason::Settled);
        }
        let missed = |steps: usize| (step.t1 - step.t0) * (steps as f64) < self.horizon - step.t1;
        if self
            .long
            .is_some_and(|most| self.made >= most && missed(most))
        {
            return Some(Reason::Long);
        }
        let stuck = self.plateaus.is_some() && self.steps >= STUCK && missed(self.steps_left);
        stuck.then_some(Reason::Stuck)
    }
}

impl Observer for Segment<'_, '_, '_> {
    fn start(&mut self, y0: &[f64], f0: &[f64]) -> ControlFlow<String> {
        if self.first {
            return self.observer.start(y0, f0);
        }
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        self.observer.step(step)?;
        self.made += 1;
        self.steps += 1;
        self.steps_left = self.steps_left.saturating_sub(1);
        self.reason = self.reason_to_end(step);
        match self.reason {
            Some(_) => ControlFlow::Break("end of a segment".to_owned()),
            None => ControlFlow::Continue(()),
        }
    }
}

/// Squared sizes of the neurons at the start of a segment and now.
pub(super) struct Sizes<'r> {
    network: &'r Network,
    factor: f64,
    start: Vec<f64>,
    now: Vec<f64>,
}

impl<'r> Sizes<'r> {
    /// `factor`: what a neuron may grow or shrink by.
    pub fn new(network: &'r Network, state: &[f64], factor: f64) -> Self {
        let mut start = vec![0.0; network.widths().iter().sum()];
        network.neuron_squares(state, &mut start);
        Self {
            network,
            factor,
            now: start.clone(),
            start,
        }
    }

    /// Whether some hidden neuron of `scale · weights` has changed too much for its basis.
    pub fn have_moved(&mut self, weights: &[f64], scale: f64) -> bool {
        self.network.neuron_squares(weights, &mut self.now);
        let most = self.factor * self.factor;
        self.network.hidden_neurons().any(|j| {
            let (before, after) = (self.start[j], scale * scale * self.now[j]);
            before > 0.0 && (after > most * before || before > most * after)
        })
    }
}
