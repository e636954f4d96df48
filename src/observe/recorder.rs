//! Rows of a run at the times of its grid. Times inside a step are read from the dense output.

use crate::integrate::Options;
use crate::model::{Frame, Problem};

use super::adaptive::Adaptive;
use super::arc_length::ArcLength;
use super::imbalance::Imbalance;
use super::instruments::Instruments;
use super::measure::{Measurement, Probe};
use super::monitors::Monitors;
use super::observable::Observable;
use super::options::{Grid, Recording};
use super::sample::Sample;
use super::trajectory::{Row, Trajectory};
use super::view::StepView;

/// First time of a logarithmic grid, in units of the horizon.
const LOG_START: f64 = 1e-6;

/// When rows are recorded.
enum Plan {
    /// At increasing times after 0; `next` is the first one ahead.
    Times {
        times: Vec<f64>,
        next: usize,
    },
    Steps,
    Adaptive(Box<Adaptive>),
}

/// Makes and keeps rows.
pub(super) struct TrajectoryRecorder<'a> {
    plan: Plan,
    sink: Sink<'a>,
    trial: Sample,
}

/// Completes rows with the imbalance drift and the observables and shows them to the monitors.
pub(super) struct Sink<'a> {
    pub imbalance: Imbalance<'a>,
    instruments: Instruments,
    arc: ArcLength,
    keep_weights: bool,
    /// The hidden basis that weights come in; `None`: the problem's own.
    pub frame: Option<Frame>,
    pub trajectory: Trajectory,
}

impl<'a> TrajectoryRecorder<'a> {
    pub fn new(
        probe: &Probe<'_>,
        problem: &'a Problem,
        recording: &Recording,
        options: &Options,
    ) -> Self {
        let plan = match &recording.grid {
            Grid::Steps => Plan::Steps,
            Grid::Adaptive { count } => Plan::Adaptive(Box::new(Adaptive::new(
                probe,
                problem,
                *count,
                recording.weights,
                options,
            ))),
            grid => Plan::Times {
                times: grid_times(grid, options.horizon),
                next: 0,
            },
        };
        Self {
            plan,
            sink: Sink {
                imbalance: Imbalance::new(problem),
                instruments: Instruments::new(&recording.observables),
                arc: ArcLength::new(
                    recording.observables.contains(&Observable::ArcLength),
                    options.rtol,
                ),
                keep_weights: recording.weights,
                frame: None,
                trajectory: Trajectory {
                    observables: recording.observables.clone(),
                    ..Trajectory::default()
                },
            },
            trial: Sample::blank(probe),
        }
    }

    /// Takes weights in the hidden basis of `frame` from now on, or in their own.
    pub fn enter(&mut self, frame: Option<Frame>) {
        self.sink.frame = frame;
    }

    /// The imbalance that the run began with.
    pub fn start_imbalance(&self) -> &Imbalance<'a> {
        &self.sink.imbalance
    }

    /// Records `t = 0`.
    pub fn start(
        &mut self,
        probe: &mut Probe<'_>,
        m: &mut Measurement,
        weights: &[f64],
        monitors: &mut Monitors,
    ) {
        probe.resolve(m);
        self.sink.keep(probe, m, weights, 0.0, monitors);
        if let Plan::Adaptive(adaptive) = &mut self.plan {
            adaptive.start(probe, m);
        }
    }

    /// Records what the grid wants of a step; monitors have seen the step already.
    pub fn step(&mut self, view: &mut StepView<'_, '_>, monitors: &mut Monitors) {
        self.sink.arc.advance(view);
        match &mut self.plan {
            Plan::Steps => {
                view.probe.resolve(view.after);
                let (weights, length) = (view.step.y1, self.sink.arc.end);
                self.sink
                    .keep(view.probe, view.after, weights, length, monitors);
            }
            Plan::Times { times, next } => {
                let end = view.time(view.step.t1);
                while let Some(&t) = times.get(*next).filter(|&&t| t <= end) {
                    self.trial.measure(view, view.local(t));
                    self.sink.keep_inside(view, &self.trial, monitors);
                    *next += 1;
                }
            }
            Plan::Adaptive(adaptive) => adaptive.step(view, &mut self.sink, monitors),
        }
    }

    /// The rows, the last one at the end of the run.
    pub fn finish(
        mut self,
        probe: &mut Probe<'_>,
        last: &mut Measurement,
        weights: &[f64],
        monitors: &mut Monitors,
    ) -> Trajectory {
        let recorded = self.sink.trajectory.rows.last().map(|row| row.time);
        let is_missing = match &self.plan {
            // Rows inside the last step may have the time of its end, and are not the end.
            Plan::Adaptive(_) => last.time > 0.0,
            _ => recorded.is_none_or(|t| t < last.time),
        };
        if is_missing {
            probe.resolve(last);
            let length = self.sink.arc.end;
            self.sink.keep(probe, last, weights, length, monitors);
            if let Plan::Adaptive(adaptive) = &mut self.plan {
                adaptive.end(probe, last);
            }
        }
        if let Plan::Adaptive(adaptive) = &mut self.plan {
            adaptive.reduce(&mut self.sink.trajectory);
        }
        self.sink.trajectory
    }
}

impl Sink<'_> {
    /// Adds the row of a state inside the step.
    pub fn keep_inside(
        &mut self,
        view: &mut StepView<'_, '_>,
        sample: &Sample,
        monitors: &mut Monitors,
    ) {
        let m = &sample.measurement;
        let length = self.arc.inside(view, sample.time, &m.end_to_end);
        self.keep(view.probe, m, &sample.weights, length, monitors);
    }

    /// Adds the row of the start of the step.
    pub fn keep_start(&mut self, view: &mut StepView<'_, '_>, monitors: &mut Monitors) {
        let (weights, length) = (view.step.y0, self.arc.start);
        self.keep(view.probe, view.before, weights, length, monitors);
    }

    /// Adds the row of a resolved state; `arc_length` is that of the path of `A` up to it.
    pub fn keep(
        &mut self,
        probe: &mut Probe<'_>,
        m: &Measurement,
        weights: &[f64],
        arc_length: f64,
        monitors: &mut Monitors,
    ) {
        let observables = self.instruments.read(probe, m, weights, arc_length);
        let restored = self.frame.as_ref().map(|frame| frame.restore(weights));
        let weights = restored.as_deref().unwrap_or(weights);
        let row = Row {
            time: m.time,
            cost: m.cost,
            test_cost: m.test_cost,
            loss: m.loss,
            gradient_norm: m.gradient_norm,
            parameter_norm_sq: m.parameter_norm_sq,
            schatten: probe.schatten(m),
            imbalance_drift: self.imbalance.drift(m.time, weights),
            rank: probe.rank(m, probe.rank_tolerance()),
            singular_values: m.singular_values().to_vec(),
            observables,
        };
        monitors.row(&row);
        self.trajectory.rows.push(row);
        if self.keep_weights {
            self.trajectory.weights.push(weights.to_vec());
        }
    }
}

/// Increasing times in `(0, horizon]` that a grid asks for; none where it follows the run.
pub fn grid_times(grid: &Grid, horizon: f64) -> Vec<f64> {
    let mut times: Vec<f64> = match grid {
        Grid::Linear { count } => {
            let last = count.saturating_sub(1).max(1);
            (1..=last)
                .map(|i| horizon * (i as f64 / last as f64))
                .collect()
        }
        Grid::Log { count } => {
            let last = count.saturating_sub(2);
            let part = |i| {
                if last > 0 {
                    i as f64 / last as f64
                } else {
                    1.0
                }
            };
            (0..=last)
                .map(|i| horizon * LOG_START.powf(1.0 - part(i)))
                .collect()
        }
        Grid::Times(times) => times.clone(),
        Grid::Steps | Grid::Adaptive { .. } => Vec::new(),
    };
    times.retain(|&t| t > 0.0 && t <= horizon);
    times.sort_by(f64::total_cmp);
    times.dedup();
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_end_at_the_horizon() {
        assert_eq!(
            grid_times(&Grid::Linear { count: 5 }, 2.0),
            [0.5, 1.0, 1.5, 2.0]
        );
        let log = grid_times(&Grid::Log { count: 8 }, 1e6);
        assert_eq!(log.len(), 7);
        for (i, t) in log.iter().enumerate() {
            // powf is good to an ulp or two.
            assert!((t / 10.0_f64.powi(i as i32) - 1.0).abs() < 1e-14);
        }
        assert_eq!(grid_times(&Grid::Log { count: 2 }, 3.0), [3.0]);
        let times = Grid::Times(vec![3.0, 0.0, 1.0, 1.0, 9.0, f64::NAN]);
        assert_eq!(grid_times(&times, 5.0), [1.0, 3.0]);
        assert_eq!(grid_times(&Grid::Linear { count: 0 }, 1.0), [1.0]);
    }
}
