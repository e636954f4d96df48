//! Escapes and crossings: every passage of a quantity `q` through a level inside a step.
//!
//! A step is searched when its ends lie on different sides of the level or when `q` may have been
//! there and back, i.e. when `|q₀ − level| + |q₁ − level|` is at most the length that `q` can
//! travel. For singular values Weyl's inequality `|σ_k(A) − σ_k(B)| ≤ ‖A − B‖_F` turns that into
//! the travel of `A`: at first the free bound `h ‖f‖ √S₁`, where that is too coarse `h ‖dA/dt‖_F`.
//! So a plateau costs neither interior states nor singular values. The same travel bounds how low a power of
//! singular values can go, which has a cusp where one vanishes.

use crate::linalg::Mat;

use super::event::Event;
use super::measure::{Measurement, Probe};
use super::view::{StepView, Subject};
use super::watch::{INTERIOR, TRAVEL_SAFETY, Watch};

/// The last state whose singular values were looked at, and how far the nearest level was.
struct Reference {
    end_to_end: Mat<f64>,
    margin: f64,
}

/// All watched levels of a run.
pub(super) struct Levels {
    watches: Vec<Watch>,
    rtol: f64,
    /// Steps follow the flow; otherwise they are jumps from iterate to iterate.
    flows: bool,
    l2: f64,
    reference: Reference,
    interior: Vec<Measurement>,
    trial: Measurement,
}

impl Levels {
    /// `rtol` is the tolerance of the integration, 0 where there is none; `flows` says that steps follow the flow, in which
    /// the loss cannot rise.
    pub fn new(probe: &Probe<'_>, rtol: f64, flows: bool) -> Self {
        let blank = probe.blank();
        Self {
            watches: Vec::new(),
            rtol,
            flows,
            l2: probe.l2(),
            reference: Reference {
                end_to_end: blank.end_to_end.clone(),
                margin: 0.0,
            },
            interior: vec![blank.clone(); INTERIOR],
            trial: blank,
        }
    }

    /// Watches one level; levels that are not finite are never passed.
    pub fn watch(&mut self, subject: Subject) {
        let falls = self.flows && subject.quantity.only_falls(self.l2);
        self.watches.push(Watch::new(subject, self.rtol, falls));
    }

    /// Levels that are passed already at `t = 0`: at or above for rising, at or below for
    /// falling; for both directions only when exactly there.
    pub fn start(&mut self, probe: &mut Probe<'_>, m: &mut Measurement, events: &mut Vec<Event>) {
        probe.resolve(m);
        let begun = self.watches.iter_mut().filter_map(|w| w.start(probe, m));
        events.extend(begun);
        self.refer_to(probe, m);
    }

    /// Finds every passage within a step.
    pub fn step(&mut self, view: &mut StepView<'_, '_>, events: &mut Vec<Event>) {
        let candidates = self.candidates(view);
        if candidates.is_empty() {
            return;
        }
        if !self.flows {
            let jumps = candidates.into_iter();
            events.extend(jumps.filter_map(|w| self.watches[w].jump(view, &mut self.trial)));
            return;
        }
        let with_gradient = candidates.iter().any(|&w| self.watches[w].needs_gradient());
        let times = view.divided(INTERIOR + 1);
        view.all_inside(&times, with_gradient, &mut self.interior);
        view.resolve_ends();
        for w in candidates {
            let watch = &mut self.watches[w];
            watch.search(view, (&times, &self.interior), &mut self.trial, events);
        }
    }

    /// Passages that the run ended too soon to confirm: those that are no roundoff.
    pub fn finish(self, probe: &mut Probe<'_>, last: &mut Measurement, events: &mut Vec<Event>) {
        probe.resolve(last);
        events.extend(
            self.watches
                .into_iter()
                .filter_map(|w| w.finish(probe, last)),
        );
    }

    /// Indices of the watches whose level can have been passed in this step.
    fn candidates(&mut self, view: &mut StepView<'_, '_>) -> Vec<usize> {
        let travel = self.travel_when_near(view);
        if travel.is_some() || self.watches.iter().any(|w| w.is_spectral() && !w.is_weyl()) {
            view.resolve_ends();
            self.refer_to(view.probe, view.after);
        }
        let mut path = travel;
        let mut found = Vec::new();
        for (index, watch) in self.watches.iter_mut().enumerate() {
            let room = if watch.is_weyl() {
                travel
            } else {
                Some(watch.room(view))
            };
            let near = room.is_some_and(|room| watch.is_candidate(view, room));
            let mut has_a_cusp = || {
                let path = *path.get_or_insert_with(|| travel_of_product(view));
                watch.may_have_a_cusp(view.probe, (view.before, view.after), path)
            };
            if near || watch.is_schatten() && has_a_cusp() {
                found.push(index);
            }
        }
        found
    }

    /// How far `A` can have travelled in this step, when that may have brought a singular value
    /// to a watched level; `None` when all are out of reach.
    fn travel_when_near(&self, view: &mut StepView<'_, '_>) -> Option<f64> {
        let (before, after) = (&view.before, &view.after);
        let fastest = before.gradient_norm.max(after.gradient_norm);
        let bound = before.reach.max(after.reach) * fastest * view.length();
        let moved = after.distance(&self.reference.end_to_end);
        let out_of_reach = |travel: f64| moved + TRAVEL_SAFETY * travel < self.reference.margin;
        if out_of_reach(bound) {
            return None;
        }
        let travel = travel_of_product(view);
        (!out_of_reach(travel)).then_some(travel)
    }

    /// Remembers a resolved state and its distance to the nearest singular-value level.
    fn refer_to(&mut self, probe: &Probe<'_>, m: &Measurement) {
        self.reference.end_to_end.copy_from(&m.end_to_end);
        self.reference.margin = self
            .watches
            .iter()
            .filter(|w| w.is_weyl())
            .map(|w| w.excess(probe, m).abs())
            .fold(f64::INFINITY, f64::min);
    }
}

/// The longest way that `A` can have gone: its chord, or the step at the speed of its end.
fn travel_of_product(view: &mut StepView<'_, '_>) -> f64 {
    let speed = view.probe.speed(view.step.y1, view.step.f1);
    let chord = view.after.distance(&view.before.end_to_end);
    chord.max(speed * view.length())
}
