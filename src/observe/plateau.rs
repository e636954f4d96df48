//! Plateaus: waiting near a saddle, seen as local minima of `ln‖∇‖`, `∇ = ∂loss/∂θ`.
//!
//! A plateau is a minimum `m` of the gradient norm between two maxima `M₁, M₂` that are both at
//! least [`PROMINENCE`] times higher. It is entered when the norm falls through `√(M₁ m)` and left
//! when it rises through `√(m M₂)`. The start counts as entered when the norm has not first fallen
//! by that factor: a small start waits near the saddle at the origin. A minimum that is never left
//! is no plateau but convergence. Nor is one that the norm leaves without the loss falling: where nothing
//! moves an adaptive method keeps the norm bouncing at the size of its tolerance. At a minimum that is worth a loss
//! of `(L·rtol)²` of what was gained, so a leaving loss below ten times that (squared) is ignored. At a saddle the
//! waiting modes make the loss fall meanwhile, but by less than `∫‖∇‖² dt`, which it would be without bouncing.
//!
//! Maxima are known only when they are past, so the times are read from stored samples: step ends,
//! and interior times where the norm moves fast. They are interpolated in `ln‖∇‖` and bracketed by
//! the two samples around them.

use crate::integrate::{TOGETHER, Time};

use super::event::{Direction, Event, EventKind, Quantity};
use super::measure::{Measurement, Probe};
use super::view::StepView;

/// Least ratio of the neighbouring maxima to the minimum.
const PROMINENCE: f64 = 3.0;
/// Samples are kept where `ln‖∇‖` has moved this far.
const SPACING: f64 = 0.02;
/// A step over which `ln‖∇‖` moves or bends by more than twice this is sampled inside …
const INTERIOR_SPACING: f64 = 0.25;
/// … in at most this many pieces.
const INTERIOR_MOST: usize = 8;
/// When this many samples are stored, every second one is dropped.
const MOST_SAMPLES: usize = 4096;
/// Part of `∫‖∇‖² dt` by which the loss falls at least when a plateau is left.
const DESCENT: f64 = 0.5;
/// Largest ratio of the distances of an extremum from its neighbours at which a parabola is drawn through them.
const UNEVEN: f64 = 4.0;
/// Norms below this count as zero.
const SMALLEST_NORM: f64 = 1e-300;

/// One point of the curve.
#[derive(Debug, Clone)]
struct Sample {
    time: Time,
    log_norm: f64,
    cost: f64,
    singular_values: Vec<f64>,
}

/// A point of the curve, which may be an extremum.
#[derive(Debug, Clone, Copy)]
struct Point {
    time: Time,
    log_norm: f64,
    loss: f64,
}

/// Which way the curve goes.
#[derive(Debug, Clone, Copy)]
enum Leg {
    /// Towards or along a minimum, after `from` (`None`: since the start).
    Down { from: Option<Point>, lowest: Point },
    /// Up from a minimum that has been left.
    Up {
        from: Option<Point>,
        lowest: Point,
        highest: Point,
    },
}

/// Follows the gradient norm of a run.
pub(super) struct PlateauWatch {
    leg: Option<Leg>,
    samples: Vec<Sample>,
    /// The last two points.
    last: [Option<Point>; 2],
    /// Whether the last one is an error of the method.
    bounced: bool,
    /// The highest point before the first plateau.
    peak: Option<Point>,
    /// `d ln‖∇‖/dt` over the previous step.
    slope: f64,
    start_loss: f64,
    /// Part of the loss gained so far below which a fall of the loss is the method's noise; 0 where there is none.
    noise: f64,
    trials: [Measurement; TOGETHER],
}

impl PlateauWatch {
    /// `rtol` is the relative tolerance of the integration, 0 where there is none.
    pub fn new(probe: &Probe<'_>, rtol: f64) -> Self {
        Self {
            leg: None,
            samples: Vec::new(),
            last: [None; 2],
            bounced: false,
            peak: None,
            slope: 0.0,
            start_loss: 0.0,
            noise: (10.0 * probe.network().depth() as f64 * rtol)
                .powi(2)
                .min(1e-3),
            trials: std::array::from_fn(|_| probe.blank()),
        }
    }

    pub fn start(&mut self, probe: &mut Probe<'_>, m: &mut Measurement) {
        probe.resolve(m);
        self.start_loss = m.loss;
        let start = point(m);
        self.leg = Some(Leg::Down {
            from: None,
            lowest: start,
        });
        self.peak = Some(start);
        self.last = [None, Some(start)];
        self.samples.push(sample(m));
    }

    pub fn step(&mut self, view: &mut StepView<'_, '_>, events: &mut Vec<Event>) {
        self.keep_spaced(view);
        let rise = log_norm(view.after) - log_norm(view.before);
        // A bend hides an extremum inside a step whose ends are level.
        let bend = rise - self.slope * view.length();
        self.slope = rise / view.length();
        let pieces = (rise.abs().max(bend.abs()) / INTERIOR_SPACING).ceil();
        // Below 2 pieces the ends suffice; NaN compares false.
        if pieces > 2.0 {
            let pieces = pieces.min(INTERIOR_MOST as f64) as usize;
            for times in view.divided(pieces).chunks(TOGETHER) {
                view.all_inside(times, true, &mut self.trials[..times.len()]);
                for i in 0..times.len() {
                    self.follow(point(&self.trials[i]), events);
                    if !self.bounced {
                        self.samples.push(sample(&self.trials[i]));
                    }
                }
            }
        }
        self.follow(point(view.after), events);
        self.thin();
    }

    /// The events of a plateau that was left but whose following maximum is not past yet; `last`
    /// is the end of the run.
    pub fn finish(
        mut self,
        probe: &mut Probe<'_>,
        last: &mut Measurement,
        events: &mut Vec<Event>,
    ) {
        probe.resolve(last);
        self.samples.push(sample(last));
        if let Some(Leg::Up {
            from,
            lowest,
            highest,
        }) = self.leg
        {
            self.report(from, lowest, highest, events);
        }
    }

    /// Keeps the start of the step when its end is far from the last sample kept.
    fn keep_spaced(&mut self, view: &mut StepView<'_, '_>) {
        let Some(last) = self.samples.last() else {
            return;
        };
        let moved = |m: &Measurement| (log_norm(m) - last.log_norm).abs() >= SPACING;
        let is_new = time(view.before).since(last.time) > 0.0;
        if (moved(view.after) || moved(view.before)) && is_new && !self.bounced {
            view.probe.resolve(view.before);
            self.samples.push(sample(view.before));
        }
    }

    fn thin(&mut self) {
        if self.samples.len() >= MOST_SAMPLES {
            let mut index = 0;
            self.samples.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
    }

    /// Moves on to the next point of the curve.
    fn follow(&mut self, point: Point, events: &mut Vec<Event>) {
        self.bounced = self.bounces(point);
        if !self.bounced {
            self.extend(point, events);
        }
        self.last = [self.last[1], Some(point)];
    }

    fn extend(&mut self, point: Point, events: &mut Vec<Event>) {
        let vertex = self.vertex(point);
        let sharpen = |extremum: Point| {
            vertex
                .filter(|v| v.time == extremum.time)
                .unwrap_or(extremum)
        };
        let prominence = PROMINENCE.ln();
        self.peak = self.peak.map(sharpen);
        self.leg = match self.leg {
            None => None,
            Some(Leg::Down { from, lowest }) => Some(if point.log_norm <= lowest.log_norm {
                Leg::Down {
                    from: from.or(self.far_above(point)),
                    lowest: point,
                }
            } else if point.log_norm >= lowest.log_norm + prominence && self.gained(lowest, point) {
                Leg::Up {
                    from,
                    lowest: sharpen(lowest),
                    highest: point,
                }
            } else {
                Leg::Down {
                    from,
                    lowest: sharpen(lowest),
                }
            }),
            Some(Leg::Up {
                from,
                lowest,
                highest,
            }) => Some(if point.log_norm >= highest.log_norm {
                Leg::Up {
                    from,
                    lowest,
                    highest: point,
                }
            } else if point.log_norm <= highest.log_norm - prominence {
                let highest = sharpen(highest);
                self.report(from, lowest, highest, events);
                self.samples.retain(|s| s.time.since(highest.time) >= 0.0);
                Leg::Down {
                    from: Some(highest),
                    lowest: point,
                }
            } else {
                Leg::Up {
                    from,
                    lowest,
                    highest: sharpen(highest),
                }
            }),
        };
        self.peak = self.peak.map(|peak| match point.log_norm > peak.log_norm {
            true => point,
            false => peak,
        });
    }

    /// The last point moved to the vertex of the parabola through its neighbours, if it is higher than both or lower,
    /// and about as far from either.
    fn vertex(&self, next: Point) -> Option<Point> {
        let [before, last] = [self.last[0]?, self.last[1]?];
        let rise = last.log_norm - before.log_norm;
        let fall = last.log_norm - next.log_norm;
        let (p, q) = (last.time.since(before.time), next.time.since(last.time));
        let even = p > 0.0 && p <= UNEVEN * q && q <= UNEVEN * p;
        if rise * fall <= 0.0 || !even {
            return None;
        }
        let (up, down) = (rise / p, fall / q);
        let slope = (up * q - down * p) / (p + q);
        let bend = (up + down) / (p + q);
        Some(Point {
            log_norm: last.log_norm + slope * slope / (4.0 * bend),
            ..last
        })
    }

    /// The maximum before the first plateau, once the norm has fallen far enough below it.
    fn far_above(&self, point: Point) -> Option<Point> {
        let far = |peak: &Point| point.log_norm <= peak.log_norm - PROMINENCE.ln();
        self.peak.filter(far)
    }

    /// Whether the loss fell by more than noise since the minimum.
    fn gained(&self, lowest: Point, point: Point) -> bool {
        let total = self.start_loss - point.loss;
        let roundoff = 100.0 * f64::EPSILON * lowest.loss.abs();
        lowest.loss - point.loss > self.noise * total + roundoff
    }

    /// Whether the loss fell by less than `∫‖∇‖² dt` since the last point, and that is no roundoff.
    fn bounces(&self, point: Point) -> bool {
        let less = |last: Point| {
            let square = mean_square(last.log_norm, point.log_norm);
            let descent = square * point.time.since(last.time);
            let roundoff = 16.0 * f64::EPSILON * last.loss.abs();
            descent > roundoff && last.loss - point.loss < DESCENT * descent
        };
        self.noise > 0.0 && self.last[1].is_some_and(less)
    }

    fn report(&self, from: Option<Point>, lowest: Point, highest: Point, events: &mut Vec<Event>) {
        let level = lowest.log_norm.exp();
        let (before, after) = self.around(lowest.time, highest.time);
        let enter = match from {
            None => Passage::at_start(&self.samples[0]),
            Some(from) => Passage::last_down(before, 0.5 * (from.log_norm + lowest.log_norm)),
        };
        let leave = Passage::last_up(after, 0.5 * (lowest.log_norm + highest.log_norm));
        let (Some(enter), Some(leave)) = (enter, leave) else {
            return;
        };
        let duration = leave.time.since(enter.time);
        let mut entered = enter.event(EventKind::PlateauEnter, level);
        entered.at_start = from.is_none();
        let mut left = leave.event(EventKind::PlateauLeave, level);
        left.duration = Some(duration);
        events.push(entered);
        events.push(left);
    }

    /// Samples up to the minimum, and from there to the maximum; the one nearest to it belongs to both.
    fn around(&self, lowest: Time, highest: Time) -> (&[Sample], &[Sample]) {
        let until = |time: Time| self.samples.partition_point(|s| s.time.since(time) < 0.0);
        let last = self.samples.len() - 1;
        let [split, end] = [until(lowest), until(highest)].map(|i| i.min(last));
        (&self.samples[..=split], &self.samples[split..=end])
    }
}

/// A passage of `ln‖∇‖` through a level between two samples.
struct Passage {
    time: Time,
    bracket: [f64; 2],
    norm: f64,
    cost: f64,
    singular_values: Vec<f64>,
}

impl Passage {
    fn at_start(first: &Sample) -> Option<Self> {
        Some(Self::between(first, first, first.log_norm))
    }

    /// The last falling passage.
    fn last_down(samples: &[Sample], level: f64) -> Option<Self> {
        let pair = samples
            .windows(2)
            .rfind(|w| w[0].log_norm >= level && w[1].log_norm < level)?;
        Some(Self::between(&pair[0], &pair[1], level))
    }

    /// The last rising passage.
    fn last_up(samples: &[Sample], level: f64) -> Option<Self> {
        let pair = samples
            .windows(2)
            .rfind(|w| w[0].log_norm < level && w[1].log_norm >= level)?;
        Some(Self::between(&pair[0], &pair[1], level))
    }

    fn between(a: &Sample, b: &Sample, level: f64) -> Self {
        let rise = b.log_norm - a.log_norm;
        let part = if rise == 0.0 {
            0.0
        } else {
            (level - a.log_norm) / rise
        };
        let mix = |x: f64, y: f64| x + part * (y - x);
        Self {
            time: a.time.plus(part * b.time.since(a.time)),
            bracket: [a.time.high, b.time.high],
            norm: level.exp(),
            cost: mix(a.cost, b.cost),
            singular_values: a
                .singular_values
                .iter()
                .zip(&b.singular_values)
                .map(|(&x, &y)| mix(x, y))
                .collect(),
        }
    }

    fn event(self, kind: EventKind, level: f64) -> Event {
        Event {
            kind,
            index: None,
            quantity: Quantity::GradientNorm,
            level,
            direction: if kind == EventKind::PlateauEnter {
                Direction::Falling
            } else {
                Direction::Rising
            },
            time: self.time.high,
            time_low: self.time.low,
            bracket: self.bracket,
            since_previous: 0.0,
            at_start: false,
            duration: None,
            cost: self.cost,
            gradient_norm: self.norm,
            singular_values: self.singular_values,
        }
    }
}

fn log_norm(m: &Measurement) -> f64 {
    m.gradient_norm.max(SMALLEST_NORM).ln()
}

fn time(m: &Measurement) -> Time {
    Time {
        high: m.time,
        low: m.time_low,
    }
}

/// Mean of `‖∇‖²` between two values of `ln‖∇‖` that are joined by a straight line.
fn mean_square(a: f64, b: f64) -> f64 {
    let (first, last, rise) = ((2.0 * a).exp(), (2.0 * b).exp(), 2.0 * (b - a));
    if rise.abs() < 1e-6 {
        0.5 * (first + last)
    } else {
        (last - first) / rise
    }
}

fn point(m: &Measurement) -> Point {
    Point {
        time: time(m),
        log_norm: log_norm(m),
        loss: m.loss,
    }
}

fn sample(m: &Measurement) -> Sample {
    Sample {
        time: time(m),
        log_norm: log_norm(m),
        cost: m.cost,
        singular_values: m.singular_values().to_vec(),
    }
}
