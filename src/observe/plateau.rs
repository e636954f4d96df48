//! Plateaus: waiting near a saddle, seen as local minima of `ln‖∇‖`, `∇ = ∂loss/∂θ`.
//!
//! A plateau is a minimum `m` of the gradient norm between two maxima `M₁, M₂` that are both at
//! least [`PROMINENCE`] times higher. It is entered when the norm falls through `√(M₁ m)` and left
//! when it rises through `√(m M₂)`. The start counts as entered when the norm has not first fallen
//! by that factor: a small start waits near the saddle at the origin. A minimum that is never left
//! is no plateau but convergence. Nor is one that the norm leaves without the loss falling: at a
//! minimum an adaptive method keeps the norm bouncing at the size of its tolerance, with a loss of
//! `(L·rtol)²` of what was gained, so a leaving loss below ten times that (squared) is ignored.
//!
//! Maxima are known only when they are past, so the times are read from stored samples: step ends,
//! and interior times where the norm moves fast. They are interpolated in `ln‖∇‖` and bracketed by
//! the two samples around them.

use crate::integrate::TOGETHER;

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
/// Norms below this count as zero.
const SMALLEST_NORM: f64 = 1e-300;

/// One point of the curve.
#[derive(Debug, Clone)]
struct Sample {
    time: f64,
    log_norm: f64,
    loss: f64,
    cost: f64,
    singular_values: Vec<f64>,
}

/// An extremum of the curve.
#[derive(Debug, Clone, Copy)]
struct Extremum {
    time: f64,
    log_norm: f64,
    loss: f64,
}

/// Which way the curve goes.
#[derive(Debug, Clone, Copy)]
enum Leg {
    /// Towards or along a minimum, after `from` (`None`: since the start).
    Down {
        from: Option<Extremum>,
        lowest: Extremum,
    },
    /// Up from a minimum that has been left.
    Up {
        from: Option<Extremum>,
        lowest: Extremum,
        highest: Extremum,
    },
}

/// Follows the gradient norm of a run.
pub(super) struct PlateauWatch {
    leg: Option<Leg>,
    samples: Vec<Sample>,
    /// `d ln‖∇‖/dt` over the previous step.
    slope: f64,
    start_loss: f64,
    /// Part of the loss gained so far below which a fall of the loss is the method's noise.
    noise: f64,
    trials: [Measurement; TOGETHER],
}

impl PlateauWatch {
    /// `rtol` is the relative tolerance of the integration, 0 where there is none.
    pub fn new(probe: &Probe<'_>, rtol: f64) -> Self {
        Self {
            leg: None,
            samples: Vec::new(),
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
        self.leg = Some(Leg::Down {
            from: None,
            lowest: extremum(m),
        });
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
                    self.samples.push(sample(&self.trials[i]));
                    self.follow(extremum(&self.trials[i]), events);
                }
            }
        }
        self.follow(extremum(view.after), events);
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
        if (moved(view.after) || moved(view.before)) && last.time < view.before.time {
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
    fn follow(&mut self, point: Extremum, events: &mut Vec<Event>) {
        let prominence = PROMINENCE.ln();
        self.leg = match self.leg {
            None => None,
            Some(Leg::Down { from, lowest }) => Some(if point.log_norm <= lowest.log_norm {
                self.descend(from, point)
            } else if point.log_norm >= lowest.log_norm + prominence && self.gained(lowest, point) {
                Leg::Up {
                    from,
                    lowest,
                    highest: point,
                }
            } else {
                Leg::Down { from, lowest }
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
                self.report(from, lowest, highest, events);
                self.samples.retain(|s| s.time >= highest.time);
                Leg::Down {
                    from: Some(highest),
                    lowest: point,
                }
            } else {
                Leg::Up {
                    from,
                    lowest,
                    highest,
                }
            }),
        };
    }

    /// A lower point on the way down; the first sample of the run becomes the maximum before the
    /// plateau once the norm has fallen far enough below it.
    fn descend(&self, from: Option<Extremum>, point: Extremum) -> Leg {
        let first = &self.samples[0];
        let far = point.log_norm <= first.log_norm - PROMINENCE.ln();
        let start = Extremum {
            time: first.time,
            log_norm: first.log_norm,
            loss: first.loss,
        };
        let from = from.or(far.then_some(start));
        Leg::Down {
            from,
            lowest: point,
        }
    }

    /// Whether the loss fell by more than noise since the minimum.
    fn gained(&self, lowest: Extremum, point: Extremum) -> bool {
        let total = self.start_loss - point.loss;
        let roundoff = 100.0 * f64::EPSILON * lowest.loss.abs();
        lowest.loss - point.loss > self.noise * total + roundoff
    }

    fn report(
        &self,
        from: Option<Extremum>,
        lowest: Extremum,
        highest: Extremum,
        events: &mut Vec<Event>,
    ) {
        let level = lowest.log_norm.exp();
        let (before, after) = self.around(lowest.time);
        let enter = match from {
            None => Passage::at_start(&self.samples[0]),
            Some(from) => Passage::last(before, 0.5 * (from.log_norm + lowest.log_norm)),
        };
        let leave = Passage::first(after, 0.5 * (lowest.log_norm + highest.log_norm));
        let (Some(enter), Some(leave)) = (enter, leave) else {
            return;
        };
        let duration = leave.time - enter.time;
        let mut entered = enter.event(EventKind::PlateauEnter, level);
        entered.at_start = from.is_none();
        let mut left = leave.event(EventKind::PlateauLeave, level);
        left.duration = Some(duration);
        events.push(entered);
        events.push(left);
    }

    /// Samples up to and from the minimum; the one nearest to it belongs to both.
    fn around(&self, time: f64) -> (&[Sample], &[Sample]) {
        let split = self.samples.partition_point(|s| s.time < time);
        let split = split.min(self.samples.len() - 1);
        (&self.samples[..=split], &self.samples[split..])
    }
}

/// A passage of `ln‖∇‖` through a level between two samples.
struct Passage {
    time: f64,
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
    fn last(samples: &[Sample], level: f64) -> Option<Self> {
        let pair = samples
            .windows(2)
            .rfind(|w| w[0].log_norm >= level && w[1].log_norm < level)?;
        Some(Self::between(&pair[0], &pair[1], level))
    }

    /// The first rising passage.
    fn first(samples: &[Sample], level: f64) -> Option<Self> {
        let pair = samples
            .windows(2)
            .find(|w| w[0].log_norm < level && w[1].log_norm >= level)?;
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
            time: mix(a.time, b.time),
            bracket: [a.time, b.time],
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
            time: self.time,
            time_low: 0.0,
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

fn extremum(m: &Measurement) -> Extremum {
    Extremum {
        time: m.time,
        log_norm: log_norm(m),
        loss: m.loss,
    }
}

fn sample(m: &Measurement) -> Sample {
    Sample {
        time: m.time,
        log_norm: log_norm(m),
        loss: m.loss,
        cost: m.cost,
        singular_values: m.singular_values().to_vec(),
    }
}
