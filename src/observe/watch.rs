//! One watched level, and the passages of its quantity in a step that is searched.
//!
//! The step is sampled at seven interior times; a dip that a parabola through three samples puts near the
//! level is followed to its bottom. A passage counts once the quantity is further from the level than
//! its own uncertainty: a mode that comes to rest exactly at the level passes it again and again in
//! roundoff, or in the errors of a method that is held by its stability. The passage is then the last
//! one before, located at the level itself.

use super::event::{Direction, Event, Quantity};
use super::locate::{hidden_dip, passed, time_tolerance};
use super::measure::{Measurement, Probe};
use super::view::{StepView, Subject};
use crate::linalg::{Root, root};

/// Interior samples of a searched step.
pub(super) const INTERIOR: usize = 7;
/// How much further than its speed at the ends says a quantity may travel within a step.
pub(super) const TRAVEL_SAFETY: f64 = 2.0;
/// How much deeper than its parabola says a dip may be.
const DIP_SAFETY: f64 = 4.0;
/// How much further than along a straight line a quantity may go towards a kink.
const KINK_SAFETY: f64 = 1.5;
/// Uncertainty of a quantity in units of `rtol`: a method at the limit of its stability keeps a mode
/// that rests within a few of them.
const UNCERTAIN: f64 = 10.0;
/// The same in units of `eps`, for singular values of `σ_1`: they carry the roundoff of all of `A`.
const ROUNDOFF: f64 = 64.0;

/// A level that is watched.
pub(super) struct Watch {
    subject: Subject,
    rtol: f64,
    /// Whether the flow lets the quantity fall only: its first passage is the last.
    falls: bool,
    /// `|dq/dt|` over the previous step.
    rate: f64,
    /// The run began exactly there, which is reported; it is before its first step.
    begins_on_it: bool,
    /// The last passage, as long as the quantity has not left the level for certain.
    pending: Option<Event>,
    /// Since then it was there and back, by less than its uncertainty.
    wavers: bool,
    /// It has fallen through the level for good.
    is_over: bool,
}

impl Watch {
    /// `rtol` is the tolerance of the integration, 0 where there is none; `falls` says that the quantity cannot rise.
    pub fn new(subject: Subject, rtol: f64, falls: bool) -> Self {
        Self {
            subject,
            rtol,
            falls,
            rate: 0.0,
            begins_on_it: false,
            pending: None,
            wavers: false,
            is_over: false,
        }
    }

    pub fn excess(&self, probe: &Probe<'_>, m: &Measurement) -> f64 {
        probe.value(self.subject.quantity, self.subject.index, m) - self.subject.level
    }

    pub fn is_spectral(&self) -> bool {
        matches!(
            self.subject.quantity,
            Quantity::SingularValue | Quantity::Rank | Quantity::Schatten
        )
    }

    /// Whether Weyl's inequality bounds its motion.
    pub fn is_weyl(&self) -> bool {
        self.subject.quantity == Quantity::SingularValue
    }

    pub fn is_schatten(&self) -> bool {
        self.subject.quantity == Quantity::Schatten
    }

    pub fn needs_gradient(&self) -> bool {
        self.subject.quantity == Quantity::GradientNorm
    }

    /// How far the quantity travels at the fastest speed known.
    pub fn room(&self, view: &StepView<'_, '_>) -> f64 {
        let rate = |m: &Measurement| view.probe.known_rate(self.subject.quantity, m);
        view.length() * rate(view.before).max(rate(view.after)).max(self.rate)
    }

    /// Whether a power of singular values above the level can have been below it between two states, with a cusp
    /// where one of them vanishes, while `A` travels by `path`.
    pub fn may_have_a_cusp(
        &self,
        probe: &Probe<'_>,
        (before, after): (&Measurement, &Measurement),
        path: f64,
    ) -> bool {
        let above = |m: &Measurement| passed(self.excess(probe, m));
        let floor = || probe.schatten_floor(before, after, TRAVEL_SAFETY * path);
        above(before) && above(after) && floor() < self.subject.level
    }

    /// Whether the step is worth a search: a passage has to be confirmed, or the level can have been
    /// passed when the quantity travels as far as `room`.
    pub fn is_candidate(&mut self, view: &StepView<'_, '_>, room: f64) -> bool {
        let before = self.excess(view.probe, view.before);
        let after = self.excess(view.probe, view.after);
        let chord = (after - before).abs();
        self.rate = chord / view.length();
        self.pending.is_some()
            || passed(before) != passed(after)
            || before.abs() + after.abs() <= TRAVEL_SAFETY * room.max(chord)
    }

    /// The event of a level that is passed already at `t = 0`.
    pub fn start(&mut self, probe: &Probe<'_>, m: &Measurement) -> Option<Event> {
        let excess = self.excess(probe, m);
        let already = match self.subject.direction {
            Direction::Rising => excess >= 0.0,
            Direction::Falling => excess <= 0.0,
            Direction::Both => excess == 0.0,
        };
        self.begins_on_it = excess == 0.0;
        self.is_over = self.falls && already;
        let rising = self.subject.direction != Direction::Falling && !self.falls;
        already.then(|| self.subject(rising).at_start(m))
    }

    /// Adds the passages of a step with measured interior states at `times` to `events`.
    pub fn search(
        &mut self,
        view: &mut StepView<'_, '_>,
        (times, interior): (&[f64], &[Measurement]),
        trial: &mut Measurement,
        events: &mut Vec<Event>,
    ) {
        let samples = self.samples(view, times, interior);
        let doubt = |m: &Measurement| self.uncertainty(self.rtol, m);
        let doubt = doubt(view.before).max(doubt(view.after));
        for (i, interval) in samples.windows(2).enumerate() {
            let (a, b) = (interval[0], interval[1]);
            if passed(a.1) != passed(b.1) {
                let event = self.passage(a, b, view, trial);
                self.pass(event);
            } else if self.pending.is_none()
                && (may_dip(&samples, i) || self.has_room_for_a_cusp(view, interior, i))
                && let Some(bottom) = self.dip(a, b, doubt, view, trial)
            {
                for (a, b) in [(a, bottom), (bottom, b)] {
                    let event = self.passage(a, b, view, trial);
                    events.extend(self.wanted(event));
                }
            }
            events.extend(self.confirm(b.1, doubt));
        }
    }

    /// Between iterates there is nothing to search: the passage of two on different sides, read from the straight
    /// lines between their values.
    pub fn jump(&mut self, view: &mut StepView<'_, '_>, trial: &mut Measurement) -> Option<Event> {
        let samples = self.samples(view, &[], &[]);
        let ((t0, before), (t1, after)) = (samples[0], samples[1]);
        if passed(before) != passed(after) {
            view.resolve_ends();
            let part = before / (before - after);
            trial.interpolate(view.before, view.after, part);
            trial.time = view.time(t0 + part * (t1 - t0));
            let bracket = [t0, t1].map(|t| view.time(t));
            self.pass(self.subject(passed(after)).event(bracket, trial));
        }
        self.confirm(after, self.uncertainty(self.rtol, view.after))
    }

    fn pass(&mut self, event: Event) {
        self.wavers |= self.pending.is_some();
        self.pending = self.pending.is_none().then_some(event);
    }

    /// The last passage, once the quantity is `excess` from the level, no less than `doubt`.
    fn confirm(&mut self, excess: f64, doubt: f64) -> Option<Event> {
        if excess.abs() < doubt {
            return None;
        }
        self.wavers = false;
        let confirmed = self.pending.take()?;
        self.wanted(confirmed)
    }

    /// The passage that the run ended too soon to confirm, unless it is roundoff or one of several.
    pub fn finish(mut self, probe: &Probe<'_>, last: &Measurement) -> Option<Event> {
        let left = self.excess(probe, last).abs() >= self.uncertainty(0.0, last);
        let event = self.pending.take();
        self.wanted(event.filter(|_| left && !self.wavers)?)
    }

    fn wanted(&mut self, event: Event) -> Option<Event> {
        let rising = event.direction == Direction::Rising;
        let possible = !self.falls || !(rising || std::mem::replace(&mut self.is_over, true));
        let asked = self.subject.direction;
        let fits = asked == Direction::Both || asked == event.direction;
        (possible && fits).then_some(event)
    }

    /// How far the quantity may be off at its level, for a relative error `rtol` of the integration.
    fn uncertainty(&self, rtol: f64, m: &Measurement) -> f64 {
        let roundoff = ROUNDOFF * f64::EPSILON;
        let own = (UNCERTAIN * rtol + roundoff) * self.subject.level.abs();
        match self.subject.quantity {
            Quantity::Rank => 0.0,
            Quantity::SingularValue if !m.is_graded() => {
                own.max(roundoff * m.singular_values().first().copied().unwrap_or(0.0))
            }
            _ => own,
        }
    }

    /// Local times and distances above the level, from the start of the step to its end.
    fn samples(
        &mut self,
        view: &StepView<'_, '_>,
        times: &[f64],
        interior: &[Measurement],
    ) -> Vec<(f64, f64)> {
        let at = |(t, m): (f64, &Measurement)| (t, self.excess(view.probe, m));
        let mut samples = vec![at((view.step.t0, view.before))];
        samples.extend(times.iter().copied().zip(interior).map(at));
        samples.push(at((view.step.t1, view.after)));
        if std::mem::take(&mut self.begins_on_it) {
            // To leave the level is not to pass it once more.
            samples[0].1 = samples[1].1;
        }
        samples
    }

    /// The passage between the neighbouring samples `a` and `b` on different sides.
    fn passage(
        &self,
        a: (f64, f64),
        b: (f64, f64),
        view: &mut StepView<'_, '_>,
        trial: &mut Measurement,
    ) -> Event {
        let tolerance = time_tolerance(view.step.t0, view.step.t1);
        let Root { at: time, bracket } = root(|t| self.inside(t, view, trial), a, b, tolerance);
        view.inside(time, true, trial);
        let bracket = bracket.map(|t| view.time(t));
        self.subject(passed(b.1)).event(bracket, trial)
    }

    /// The same in interval `i` of a step.
    fn has_room_for_a_cusp(
        &self,
        view: &StepView<'_, '_>,
        interior: &[Measurement],
        i: usize,
    ) -> bool {
        let before = i.checked_sub(1).map_or(&*view.before, |i| &interior[i]);
        let after = interior.get(i).unwrap_or(view.after);
        let path = || after.distance(&before.end_to_end);
        self.is_schatten() && self.may_have_a_cusp(view.probe, (before, after), path())
    }

    /// A time between `a` and `b` at which the quantity is further beyond the level than `doubt`, with its distance.
    fn dip(
        &self,
        a: (f64, f64),
        b: (f64, f64),
        doubt: f64,
        view: &mut StepView<'_, '_>,
        trial: &mut Measurement,
    ) -> Option<(f64, f64)> {
        let beyond = if passed(a.1) { doubt } else { -doubt };
        let tolerance = time_tolerance(view.step.t0, view.step.t1);
        let distance = |t| self.inside(t, view, trial) + beyond;
        let [a, b] = [a, b].map(|(t, g)| (t, g + beyond));
        hidden_dip(distance, a, b, tolerance).map(|(t, g)| (t, g - beyond))
    }

    /// The distance above the level at local time `t`.
    fn inside(&self, t: f64, view: &mut StepView<'_, '_>, trial: &mut Measurement) -> f64 {
        view.inside(t, self.needs_gradient(), trial);
        self.excess(view.probe, trial)
    }

    fn subject(&self, rising: bool) -> Subject {
        Subject {
            direction: if rising {
                Direction::Rising
            } else {
                Direction::Falling
            },
            ..self.subject
        }
    }
}

/// Whether a parabola through three neighbouring samples turns inside interval `i`, whose ends lie on one side of
/// the level, and comes near it there, or a kink may be in it. Distances are those of that side: beyond a passage in
/// a neighbouring interval they go on below zero, where their size alone would turn at the level.
fn may_dip(samples: &[(f64, f64)], i: usize) -> bool {
    let first = i.saturating_sub(1);
    let last = (i + 2).min(samples.len() - 1);
    let interval = [samples[i].0, samples[i + 1].0];
    let side = if passed(samples[i].1) { 1.0 } else { -1.0 };
    let near = samples[first..=last].iter();
    let distances: Vec<f64> = near.map(|(_, g)| side * g).collect();
    let mut windows = distances.windows(3).zip(samples[first..=last].windows(3));
    let parabola = windows
        .any(|(d, w)| parabola_reaches([d[0], d[1], d[2]], [w[0].0, w[1].0, w[2].0], interval));
    // At the ends of the step the other side of a kink is not seen.
    parabola
        || i == 0 && kink_reaches([distances[0], distances[1], distances[2]])
        || i == INTERIOR && kink_reaches([distances[2], distances[1], distances[0]])
}

/// Whether a kink between the first two of three equally spaced distances can reach zero: seen from the third one, on
/// the near side of it. How steep the far side is, which may end just behind, is not known.
fn kink_reaches(g: [f64; 3]) -> bool {
    g[1] <= KINK_SAFETY * (g[2] - g[1])
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

    #[test]
    fn a_kink_is_seen_wherever_it_is() {
        for i in 0..97 {
            let at = (i as f64 + 0.3) / 97.0;
            let interval = (at * (INTERIOR + 1) as f64) as usize;
            for ratio in [0.05, 0.3, 1.0, 3.0, 20.0] {
                let kink = |t: f64| (t - at).max(ratio * (at - t)) - 1e-6;
                let found = intervals_with_dips(kink);
                assert!(found.contains(&interval), "{at} {ratio} {found:?}");
            }
        }
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
