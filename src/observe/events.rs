//! Event detection on the dense output. Times are those of the numerical solution, located to a
//! few `eps·t`; the integration does not notice.

use crate::integrate::{Options, Time};
use crate::model::Problem;
use std::cmp::Ordering;

use super::event::{Direction, Event, EventKind, Quantity};
use super::levels::Levels;
use super::measure::{Measurement, Probe};
use super::options::EventSpec;
use super::plateau::PlateauWatch;
use super::rank::RankWatch;
use super::view::{StepView, Subject};

/// Finds the events of a run.
pub(super) struct EventDetector {
    levels: Levels,
    plateau: Option<PlateauWatch>,
    rank: Option<RankWatch>,
    events: Vec<Event>,
}

impl EventDetector {
    /// `saddle_levels[k − 1]` is the level of `σ_k` at the next saddle, where it is known and
    /// positive.
    pub fn new(
        probe: &Probe<'_>,
        problem: &Problem,
        specs: &[EventSpec],
        saddle_levels: &[Option<f64>],
        options: &Options,
    ) -> Self {
        let rtol = match options.method.controls_error() {
            true => options.rtol,
            false => 0.0,
        };
        let mut levels = Levels::new(probe, rtol, options.method.flows());
        for spec in specs {
            match spec {
                EventSpec::Escape { .. } => {
                    for (mode, level) in spec.escape_levels(problem.network.modes(), saddle_levels)
                    {
                        levels.watch(Subject {
                            kind: EventKind::Escape,
                            quantity: Quantity::SingularValue,
                            index: Some(mode),
                            level,
                            direction: Direction::Rising,
                        });
                    }
                }
                EventSpec::Crossing {
                    quantity,
                    index,
                    level,
                    direction,
                } => levels.watch(Subject {
                    kind: EventKind::Crossing,
                    quantity: *quantity,
                    index: *index,
                    level: *level,
                    direction: *direction,
                }),
                EventSpec::Plateau | EventSpec::RankChange => {}
            }
        }
        Self {
            levels,
            plateau: specs
                .contains(&EventSpec::Plateau)
                .then(|| PlateauWatch::new(probe, rtol)),
            rank: specs
                .contains(&EventSpec::RankChange)
                .then(|| RankWatch::new(probe)),
            events: Vec::new(),
        }
    }

    pub fn start(&mut self, probe: &mut Probe<'_>, m: &mut Measurement) {
        self.levels.start(probe, m, &mut self.events);
        if let Some(plateau) = &mut self.plateau {
            plateau.start(probe, m);
        }
        if let Some(rank) = &mut self.rank {
            rank.start(probe, m);
        }
    }

    pub fn step(&mut self, view: &mut StepView<'_, '_>) {
        self.levels.step(view, &mut self.events);
        if let Some(plateau) = &mut self.plateau {
            plateau.step(view, &mut self.events);
        }
        if let Some(rank) = &mut self.rank {
            rank.step(view, &mut self.events);
        }
    }

    /// All events in order of time; `last` is the end of the run.
    pub fn finish(mut self, probe: &mut Probe<'_>, last: &mut Measurement) -> Vec<Event> {
        self.levels.finish(probe, last, &mut self.events);
        if let Some(plateau) = self.plateau {
            plateau.finish(probe, last, &mut self.events);
        }
        // Stable: events at one time keep the order in which their kinds were asked for.
        let order = |e: &Event| (e.time, e.time_low);
        self.events
            .sort_by(|a, b| order(a).partial_cmp(&order(b)).unwrap_or(Ordering::Equal));
        let mut previous = Time::default();
        for event in &mut self.events {
            let time = Time {
                high: event.time,
                low: event.time_low,
            };
            event.since_previous = time.since(previous);
            previous = time;
        }
        self.events
    }
}
