//! One accepted step as the observers share it: both ends measured once, the inside on demand.

use crate::integrate::{Step, Time};

use super::event::Direction;
use super::event::{Event, EventKind, Quantity};
use super::measure::{Measurement, Probe};

/// A step, its measured ends and the instrument.
pub(super) struct StepView<'v, 'p> {
    pub step: &'v Step<'v>,
    pub before: &'v mut Measurement,
    pub after: &'v mut Measurement,
    pub probe: &'v mut Probe<'p>,
}

impl StepView<'_, '_> {
    pub fn length(&self) -> f64 {
        self.step.t1 - self.step.t0
    }

    /// The local times inside that divide the step into equal pieces.
    pub fn divided(&self, pieces: usize) -> Vec<f64> {
        let (t0, h) = (self.step.t0, self.length());
        let part = |i| t0 + h * (i as f64 / pieces as f64);
        (1..pieces).map(part).collect()
    }

    /// The time of the run at the local time `t` of the step.
    pub fn time(&self, t: f64) -> f64 {
        self.probe.origin.plus(t).high
    }

    /// The local time of the step at time `time` of the run.
    pub fn local(&self, time: f64) -> f64 {
        Time::from(time).since(self.probe.origin)
    }

    /// Measures local time `t` of the step with its singular values; `f` only `with_gradient`.
    pub fn inside(&mut self, t: f64, with_gradient: bool, m: &mut Measurement) {
        self.all_inside(&[t], with_gradient, std::slice::from_mut(m));
    }

    /// The same for several times, which costs less than one by one.
    pub fn all_inside(&mut self, times: &[f64], with_gradient: bool, all: &mut [Measurement]) {
        self.probe
            .measure_inside(self.step, times, with_gradient, all);
        for m in all {
            self.probe.resolve(m);
        }
    }

    /// Makes sure that both ends have their singular values.
    pub fn resolve_ends(&mut self) {
        self.probe.resolve(self.before);
        self.probe.resolve(self.after);
    }
}

/// What an event is about, apart from when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    pub kind: EventKind,
    pub quantity: Quantity,
    pub index: Option<usize>,
    pub level: f64,
    pub direction: Direction,
}

impl Subject {
    /// The event at a fully measured state; `since_previous` is filled when all are known.
    pub fn event(self, bracket: [f64; 2], m: &Measurement) -> Event {
        Event {
            kind: self.kind,
            index: self.index,
            quantity: self.quantity,
            level: self.level,
            direction: self.direction,
            time: m.time,
            time_low: m.time_low,
            bracket,
            since_previous: 0.0,
            at_start: false,
            duration: None,
            cost: m.cost,
            gradient_norm: m.gradient_norm,
            singular_values: m.singular_values().to_vec(),
        }
    }

    /// The event of a level that was already passed at `t = 0`.
    pub fn at_start(self, m: &Measurement) -> Event {
        Event {
            at_start: true,
            ..self.event([m.time, m.time], m)
        }
    }
}
