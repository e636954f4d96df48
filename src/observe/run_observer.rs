//! The observer of a run: measures each accepted step once and shows it to monitors, recorder,
//! events and stop rules.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::integrate::{Observer, Options, Step, Time, VectorField};
use crate::model::{Frame, Problem};

use super::event::Event;
use super::events::EventDetector;
use super::law::Law;
use super::measure::{Measurement, Probe};
use super::monitors::Monitors;
use super::options::{EventSpec, Recording, StopRules};
use super::recorder::TrajectoryRecorder;
use super::trajectory::Trajectory;
use super::view::StepView;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    pub time: f64,
    pub horizon: f64,
    /// Accepted steps.
    pub steps: usize,
    pub loss: f64,
    pub gradient_norm: f64,
}

/// What a run showed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    pub trajectory: Trajectory,
    /// In order of time.
    pub events: Vec<Event>,
    /// The laws of the flow, each where the run came closest to breaking it.
    pub laws: Vec<Law>,
    /// Broken laws, one sentence each.
    pub warnings: Vec<String>,
}

/// What to observe.
#[derive(Debug, Clone)]
pub struct Observation<'a> {
    pub recording: &'a Recording,
    pub events: &'a [EventSpec],
    /// `saddle_levels[k − 1]`: level of `σ_k` at the next saddle, for escapes.
    pub saddle_levels: &'a [Option<f64>],
    pub stop: &'a StopRules,
}

/// Observes one run of `problem`.
pub struct RunObserver<'a> {
    probe: Probe<'a>,
    before: Measurement,
    after: Measurement,
    last_weights: Vec<f64>,
    started: bool,
    steps: usize,
    horizon: f64,
    recorder: TrajectoryRecorder<'a>,
    detector: EventDetector,
    monitors: Monitors,
    stop: StopRules,
    interrupt: Option<&'a AtomicBool>,
    progress: Option<&'a mut dyn FnMut(&Progress)>,
}

impl fmt::Debug for RunObserver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunObserver")
            .field("steps", &self.steps)
            .field("horizon", &self.horizon)
            .finish_non_exhaustive()
    }
}

impl<'a> RunObserver<'a> {
    /// `field` is the flow of `problem`, used at interior points of steps; `options` are those of
    /// the integration, whose tolerance the monitors allow for.
    pub fn new(
        problem: &'a Problem,
        field: &'a dyn VectorField,
        options: &Options,
        observation: &Observation<'_>,
    ) -> Self {
        let probe = Probe::new(problem, field);
        let recorder = TrajectoryRecorder::new(&probe, problem, observation.recording, options);
        let (specs, levels) = (observation.events, observation.saddle_levels);
        Self {
            before: probe.blank(),
            after: probe.blank(),
            last_weights: problem.initial_weights.clone(),
            started: false,
            steps: 0,
            horizon: options.horizon,
            detector: EventDetector::new(&probe, problem, specs, levels, options),
            monitors: Monitors::new(&probe, problem, options, recorder.start_imbalance()),
            stop: observation.stop.clone(),
            interrupt: None,
            progress: None,
            recorder,
            probe,
        }
    }

    /// Ends the run with the reason "interrupted" once `flag` is set.
    pub fn interrupted_by(mut self, flag: &'a AtomicBool) -> Self {
        self.interrupt = Some(flag);
        self
    }

    /// Calls `report` after every accepted step; it limits its own rate.
    pub fn reporting_to(mut self, report: &'a mut dyn FnMut(&Progress)) -> Self {
        self.progress = Some(report);
        self
    }

    /// The steps that follow have times from `origin` on and weights in the hidden basis of `frame`, whose
    /// neurons carry one mode each, or in their own; the state does not change.
    pub fn enter(&mut self, origin: Time, frame: Option<&Frame>, weights: &[f64]) {
        self.probe.origin = origin;
        self.probe.graded = frame.is_some();
        self.recorder.enter(frame.cloned());
        self.last_weights.copy_from_slice(weights);
    }

    /// `‖∇C(A)‖_F` of the last state.
    pub fn cost_gradient_norm(&self) -> f64 {
        self.after.cost_gradient_norm
    }

    /// What was observed so far: the start alone after no step, nothing when there was no start.
    pub fn finish(mut self) -> Observed {
        if !self.started {
            return Observed::default();
        }
        let last = &mut self.after;
        self.monitors.end(last);
        let trajectory = self.recorder.finish(
            &mut self.probe,
            last,
            &self.last_weights,
            &mut self.monitors,
        );
        Observed {
            trajectory,
            events: self.detector.finish(&mut self.probe, last),
            laws: self.monitors.laws(),
            warnings: self.monitors.warnings(),
        }
    }

    /// Ends the run when a stop rule holds or the user asked for it.
    fn verdict(&self) -> ControlFlow<String> {
        let m = &self.after;
        let rules = [
            ("gradient_norm", m.gradient_norm, self.stop.gradient_norm),
            ("cost", m.cost, self.stop.cost),
        ];
        for (name, value, rule) in rules {
            if let Some(limit) = rule.filter(|&limit| value <= limit) {
                return ControlFlow::Break(format!("{name} {value:.3e} <= {limit:e}"));
            }
        }
        if self
            .interrupt
            .is_some_and(|flag| flag.load(Ordering::Relaxed))
        {
            return ControlFlow::Break("interrupted".to_owned());
        }
        ControlFlow::Continue(())
    }

    fn report_progress(&mut self) {
        let m = &self.after;
        let progress = Progress {
            time: m.time,
            horizon: self.horizon,
            steps: self.steps,
            loss: m.loss,
            gradient_norm: m.gradient_norm,
        };
        if let Some(report) = &mut self.progress {
            report(&progress);
        }
    }
}

impl Observer for RunObserver<'_> {
    fn start(&mut self, y0: &[f64], f0: &[f64]) -> ControlFlow<String> {
        self.started = true;
        self.last_weights.copy_from_slice(y0);
        let m = &mut self.after;
        self.probe.measure(0.0, y0, f0, m);
        self.recorder
            .start(&mut self.probe, m, y0, &mut self.monitors);
        self.detector.start(&mut self.probe, m);
        self.verdict()
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        self.steps += 1;
        std::mem::swap(&mut self.before, &mut self.after);
        self.probe
            .measure(step.t1, step.y1, step.f1, &mut self.after);
        self.last_weights.copy_from_slice(step.y1);
        let mut view = StepView {
            step,
            before: &mut self.before,
            after: &mut self.after,
            probe: &mut self.probe,
        };
        self.monitors.step(&mut view);
        self.recorder.step(&mut view, &mut self.monitors);
        self.detector.step(&mut view);
        self.report_progress();
        self.verdict()
    }
}
