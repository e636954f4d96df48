//! Escapes and crossings: every passage of a quantity `q` through a level inside a step.
//!
//! A step is searched when its ends lie on different sides of the level or when `q` may have been
//! there and back, i.e. when `|q₀ − level| + |q₁ − level|` is at most the length that `q` can
//! travel. For singular values Weyl's inequality `|σ_k(A) − σ_k(B)| ≤ ‖A − B‖_F` turns that into
//! the travel of `A`: at first the free bound `h ‖f‖ √S₁`, where that is too coarse `h ‖dA/dt‖_F`.
//! So a plateau costs neither interior states nor singular values. Searched steps are sampled at
//! seven interior times; a dip that a parabola through three samples puts near the level is
//! followed to its bottom.

use crate::linalg::Mat;

use super::event::{Direction, Event, EventKind, Quantity};
use super::locate::{Root, hidden_dip, passed, root, time_tolerance};
use super::measure::{Measurement, Probe};
use super::view::{StepView, Subject};

/// Interior samples of a searched step.
const INTERIOR: usize = 7;
/// How much further than its speed at the ends says a quantity may travel within a step.
const TRAVEL_SAFETY: f64 = 2.0;
/// How much deeper than its parabola says a dip may be.
const DIP_SAFETY: f64 = 4.0;

/// A level that is watched.
struct Watch {
    kind: EventKind,
    quantity: Quantity,
    index: Option<usize>,
    level: f64,
    direction: Direction,
    /// `|dq/dt|` over the previous step.
    rate: f64,
    /// The run began exactly there, which is reported; it is before its first step.
    begins_on_it: bool,
}

impl Watch {
    fn excess(&self, probe: &Probe<'_>, m: &Measurement) -> f64 {
        probe.value(self.quantity, self.index, m) - self.level
    }

    fn is_spectral(&self) -> bool {
        matches!(
            self.quantity,
            Quantity::SingularValue | Quantity::Rank | Quantity::Schatten
        )
    }

    /// Whether Weyl's inequality bounds its motion.
    fn is_weyl(&self) -> bool {
        self.quantity == Quantity::SingularValue
    }

    fn needs_gradient(&self) -> bool {
        self.quantity == Quantity::GradientNorm
    }

    fn wants(&self, rising: bool) -> bool {
        match self.direction {
            Direction::Both => true,
            Direction::Rising => rising,
            Direction::Falling => !rising,
        }
    }

    /// How far the quantity travels at the fastest speed known.
    fn room(&self, view: &StepView<'_, '_>) -> f64 {
        let rate = |m: &Measurement| view.probe.known_rate(self.quantity, m);
        view.length() * rate(view.before).max(rate(view.after)).max(self.rate)
    }

    /// Whether the level can have been passed when the quantity travels as far as `room`.
    fn is_candidate(&mut self, view: &StepView<'_, '_>, room: f64) -> bool {
        let before = self.excess(view.probe, view.before);
        let after = self.excess(view.probe, view.after);
        let chord = (after - before).abs();
        self.rate = chord / view.length();
        passed(before) != passed(after)
            || before.abs() + after.abs() <= TRAVEL_SAFETY * room.max(chord)
    }

    fn subject(&self, rising: bool) -> Subject {
        Subject {
            kind: self.kind,
            quantity: self.quantity,
            index: self.index,
            level: self.level,
            direction: if rising {
                Direction::Rising
            } else {
                Direction::Falling
            },
        }
    }
}

/// The last state whose singular values were looked at, and how far the nearest level was.
struct Reference {
    end_to_end: Mat<f64>,
    margin: f64,
}

/// All watched levels of a run.
pub(super) struct Levels {
    watches: Vec<Watch>,
    reference: Reference,
    interior: Vec<Measurement>,
    trial: Measurement,
}

impl Levels {
    pub fn new(probe: &Probe<'_>) -> Self {
        let blank = probe.blank();
        Self {
            watches: Vec::new(),
            reference: Reference {
                end_to_end: blank.end_to_end.clone(),
                margin: 0.0,
            },
            interior: vec![blank.clone(); INTERIOR],
            trial: blank,
        }
    }

    /// Watches one level; levels that are not finite are never passed.
    pub fn watch(
        &mut self,
        kind: EventKind,
        (quantity, index): (Quantity, Option<usize>),
        level: f64,
        direction: Direction,
    ) {
        self.watches.push(Watch {
            kind,
            quantity,
            index,
            level,
            direction,
            rate: 0.0,
            begins_on_it: false,
        });
    }

    /// Levels that are passed already at `t = 0`: at or above for rising, at or below for
    /// falling; for both directions only when exactly there.
    pub fn start(&mut self, probe: &mut Probe<'_>, m: &mut Measurement, events: &mut Vec<Event>) {
        probe.resolve(m);
        for watch in &mut self.watches {
            let excess = watch.excess(probe, m);
            let already = match watch.direction {
                Direction::Rising => excess >= 0.0,
                Direction::Falling => excess <= 0.0,
                Direction::Both => excess == 0.0,
            };
            if already {
                let rising = watch.direction != Direction::Falling;
                events.push(watch.subject(rising).at_start(m));
                watch.begins_on_it = excess == 0.0;
            }
        }
        self.refer_to(probe, m);
    }

    /// Finds every passage within a step.
    pub fn step(&mut self, view: &mut StepView<'_, '_>, events: &mut Vec<Event>) {
        let candidates = self.candidates(view);
        if candidates.is_empty() {
            return;
        }
        let with_gradient = candidates.iter().any(|&w| self.watches[w].needs_gradient());
        let times = view.divided(INTERIOR + 1);
        let mut interior = std::mem::take(&mut self.interior);
        view.all_inside(&times, with_gradient, &mut interior);
        view.resolve_ends();
        for w in candidates {
            for (rising, root) in self.passages(w, view, &times, &interior) {
                if self.watches[w].wants(rising) {
                    view.inside(root.time, true, &mut self.trial);
                    let subject = self.watches[w].subject(rising);
                    let bracket = root.bracket.map(|t| view.time(t));
                    events.push(subject.event(bracket, &self.trial));
                }
            }
        }
        self.interior = interior;
    }

    /// Indices of the watches whose level can have been passed in this step.
    fn candidates(&mut self, view: &mut StepView<'_, '_>) -> Vec<usize> {
        let travel = self.travel_when_near(view);
        if travel.is_some() || self.watches.iter().any(|w| w.is_spectral() && !w.is_weyl()) {
            view.resolve_ends();
            self.refer_to(view.probe, view.after);
        }
        let mut found = Vec::new();
        for (index, watch) in self.watches.iter_mut().enumerate() {
            let room = if watch.is_weyl() {
                travel
            } else {
                Some(watch.room(view))
            };
            if room.is_some_and(|room| watch.is_candidate(view, room)) {
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

    /// Every passage of one watch in time order, with its direction.
    fn passages(
        &mut self,
        watch: usize,
        view: &mut StepView<'_, '_>,
        times: &[f64],
        interior: &[Measurement],
    ) -> Vec<(bool, Root)> {
        let leaves = std::mem::take(&mut self.watches[watch].begins_on_it);
        let watch = &self.watches[watch];
        let trial = &mut self.trial;
        let probe = &*view.probe;
        let mut samples = vec![(view.step.t0, watch.excess(probe, view.before))];
        let inside = times.iter().zip(interior);
        samples.extend(inside.map(|(&t, m)| (t, watch.excess(probe, m))));
        samples.push((view.step.t1, watch.excess(probe, view.after)));
        if leaves {
            // To leave the level is not to pass it once more.
            samples[0].1 = samples[1].1;
        }
        let tolerance = time_tolerance(view.step.t0, view.step.t1);
        let mut excess = |t: f64| {
            view.inside(t, watch.needs_gradient(), trial);
            watch.excess(view.probe, trial)
        };
        let mut found = Vec::new();
        for i in 0..=INTERIOR {
            let (a, b) = (samples[i], samples[i + 1]);
            let rising = !passed(a.1);
            if passed(a.1) != passed(b.1) {
                found.push((rising, root(&mut excess, a, b, tolerance)));
            } else if may_dip(&samples, i)
                && let Some(bottom) = hidden_dip(&mut excess, a.0, b.0, passed(a.1))
            {
                found.push((rising, root(&mut excess, a, bottom, tolerance)));
                found.push((!rising, root(&mut excess, bottom, b, tolerance)));
            }
        }
        found
    }
}

/// The longest way that `A` can have gone: its chord, or the step at the speed of its end.
fn travel_of_product(view: &mut StepView<'_, '_>) -> f64 {
    let speed = view.probe.speed(view.step.y1, view.step.f1);
    let chord = view.after.distance(&view.before.end_to_end);
    chord.max(speed * view.length())
}

/// Whether a parabola through three neighbouring samples turns inside interval `i`, whose ends lie on one side of
/// the level, and comes near it there. Distances are those of that side: beyond a passage in a neighbouring
/// interval they go on below zero, where their size alone would turn at the level.
fn may_dip(samples: &[(f64, f64)], i: usize) -> bool {
    let first = i.saturating_sub(1);
    let last = (i + 2).min(samples.len() - 1);
    let interval = [samples[i].0, samples[i + 1].0];
    let side = if passed(samples[i].1) { 1.0 } else { -1.0 };
    samples[first..=last].windows(3).any(|w| {
        let distances = [side * w[0].1, side * w[1].1, side * w[2].1];
        parabola_reaches(distances, [w[0].0, w[1].0, w[2].0], interval)
    })
}

/// For equally spaced distances to the level: does their parabola turn in `[a, b]` (give or take
/// half of it) and can it reach zero there? A parabola dips at most an eighth of the second
/// difference below its lowest sample.
fn parabola_reaches(g: [f64; 3], t: [f64; 3], [a, b]: [f64; 2]) -> bool {
    let second = g[0] + g[2] - 2.0 * g[1];
    if second.is_nan() || second <= 0.0 {
        return false;
    }
    let slope = 0.5 * (g[2] - g[0]);
    let bottom = t[1] - slope / second * (t[1] - t[0]);
    let slack = 0.5 * (b - a);
    let lowest = g[0].min(g[1]).min(g[2]);
    bottom >= a - slack && bottom <= b + slack && lowest <= DIP_SAFETY * second / 8.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(g: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        let times = (0..=INTERIOR + 1).map(|i| i as f64 / (INTERIOR + 1) as f64);
        times.map(|t| (t, g(t))).collect()
    }

    fn intervals_with_dips(g: impl Fn(f64) -> f64) -> Vec<usize> {
        let samples = sampled(g);
        let one_side = |i: &usize| passed(samples[*i].1) == passed(samples[i + 1].1);
        let found = (0..=INTERIOR).filter(one_side);
        found.filter(|&i| may_dip(&samples, i)).collect()
    }

    #[test]
    fn a_passage_is_no_dip_of_the_intervals_beside_it() {
        let none: [usize; 0] = [];
        assert_eq!(intervals_with_dips(|t| t - 0.45), none);
        assert_eq!(intervals_with_dips(|t| 0.45 - t), none);
        assert_eq!(intervals_with_dips(|t| (3.0 * t).exp() - 4.0), none);
        assert_eq!(intervals_with_dips(|t| (3.0 * t).tanh() - 0.9), none);
    }

    /// `(t − 0.3)² − 10⁻³` is below zero between samples at 0.25 and 0.375; so is the same with a passage at 0.15.
    #[test]
    fn a_dip_is_seen_alone_and_beside_a_passage() {
        let dip = |t: f64| (t - 0.3) * (t - 0.3) - 1e-3;
        assert!(intervals_with_dips(dip).contains(&2));
        assert!(intervals_with_dips(|t| -dip(t)).contains(&2));
        assert!(intervals_with_dips(|t| (t - 0.15) * dip(t)).contains(&2));
    }
}
