//! The one entry point: any vector field, any method, one observer.

use super::{ClosedForm, Method, Options, Step, Tangent, VectorField};
use super::{adams, closed_form, diffsol_backend, dop853, euler};
use crate::error::Error;
use std::cell::Cell;
use std::ops::ControlFlow;

/// Watches an integration. `Break` ends it.
pub trait Observer {
    /// Called once with the start, `f0 = f(y0)`.
    fn start(&mut self, y0: &[f64], f0: &[f64]) -> ControlFlow<String>;

    /// Called after every accepted step.
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String>;
}

/// Only the end is wanted.
impl Observer for () {
    fn start(&mut self, _: &[f64], _: &[f64]) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }

    fn step(&mut self, _: &Step<'_>) -> ControlFlow<String> {
        ControlFlow::Continue(())
    }
}

/// How an integration ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The horizon was reached.
    HorizonReached,
    /// The observer asked to stop and said why.
    Stopped { reason: String },
    /// The method could not go on; everything up to here is sound.
    Failed { error: Error },
}

/// Work that was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    pub steps: usize,
    pub rejected: usize,
    pub rhs_evaluations: usize,
    pub jvp_evaluations: usize,
}

/// The end of an integration.
#[derive(Debug, Clone)]
pub struct Integration {
    pub outcome: Outcome,
    /// Last accepted time and state.
    pub time: f64,
    pub state: Vec<f64>,
    pub statistics: Statistics,
    /// When `auto` went on by BDF.
    pub bdf_from: Option<f64>,
}

/// What a method hands back to the driver.
pub(super) struct Finished {
    /// `Continue` when the horizon was reached, or where a method of `auto` leaves off.
    pub end: ControlFlow<Outcome>,
    /// The last accepted state, unless the run ended on showing it.
    pub state: Vec<f64>,
    pub rejected: usize,
}

/// Integrates `dy/dt = f(y)` from `y0` at `t = 0` until the horizon, a stop or a failure; with options that
/// no method can work with that is [`Error::Options`] at once.
pub fn integrate(
    field: &dyn VectorField,
    y0: &[f64],
    options: &Options,
    observer: &mut dyn Observer,
) -> Integration {
    let counted = Counted::new(field);
    let mut watch = Watch::new(observer, options);
    let mut bdf_from = None;
    let mut run = |watch: &mut Watch<'_>| match options.method {
        Method::Dop853 => dop853::run(&counted, y0, options, watch),
        Method::Auto => {
            let adams = adams::run(&counted, y0, options, watch);
            match adams.end {
                ControlFlow::Continue(()) if watch.time < options.horizon => {
                    bdf_from = Some(watch.time);
                    diffsol_backend::resume(&counted, &adams, options, watch)
                }
                _ => adams,
            }
        }
        Method::ExponentialAdams => adams::run(&counted, y0, options, watch),
        Method::Exact => closed_form::run(&counted, y0, options, watch),
        Method::GradientDescent { learning_rate } => {
            euler::run(&counted, y0, learning_rate, options, watch)
        }
        Method::Tsit45 | Method::Bdf | Method::Esdirk34 | Method::TrBdf2 => {
            diffsol_backend::run(&counted, y0, options, watch)
        }
    };
    let finished = match unusable(field.dim(), y0, options) {
        None => run(&mut watch),
        Some(reason) => Finished {
            end: failed(Error::Options(reason)),
            state: y0.to_vec(),
            rejected: 0,
        },
    };
    Integration {
        outcome: match finished.end {
            ControlFlow::Break(outcome) => outcome,
            ControlFlow::Continue(()) => Outcome::HorizonReached,
        },
        time: watch.time,
        state: watch.last.unwrap_or(finished.state),
        statistics: Statistics {
            steps: watch.steps,
            rejected: finished.rejected,
            rhs_evaluations: counted.rhs.get(),
            jvp_evaluations: counted.jvp.get(),
        },
        bdf_from,
    }
}

/// What no method can work with.
fn unusable(dim: usize, y0: &[f64], options: &Options) -> Option<&'static str> {
    let adaptive = options.method.controls_error();
    let sizes = || options.atol.iter().copied().chain([options.rtol]);
    if y0.len() != dim {
        Some("the start needs one number for each component")
    } else if dim == 0 {
        Some("a field needs components")
    } else if !(0.0..f64::INFINITY).contains(&options.horizon) {
        Some("the horizon must be finite and not negative")
    } else if matches!(options.method, Method::GradientDescent { learning_rate }
        if !(learning_rate > 0.0 && learning_rate.is_finite()))
    {
        Some("the learning rate must be finite and positive")
    } else if adaptive && options.atol.len() != dim {
        Some("atol needs one number for each component")
    } else if adaptive && sizes().any(|size| !(0.0..f64::INFINITY).contains(&size)) {
        Some("tolerances must be finite and not negative")
    } else if adaptive && options.rtol == 0.0 && options.atol.contains(&0.0) {
        Some("where atol is zero rtol must be positive")
    } else {
        None
    }
}

/// Shows steps to the observer.
pub(super) struct Watch<'a> {
    observer: &'a mut dyn Observer,
    horizon: f64,
    max_steps: usize,
    pub steps: usize,
    pub time: f64,
    /// The state whose showing ended the run.
    last: Option<Vec<f64>>,
}

impl<'a> Watch<'a> {
    fn new(observer: &'a mut dyn Observer, options: &Options) -> Self {
        Self {
            observer,
            horizon: options.horizon,
            max_steps: options.max_steps,
            steps: 0,
            time: 0.0,
            last: None,
        }
    }

    /// Shows the start.
    pub fn start(&mut self, y0: &[f64], f0: &[f64]) -> ControlFlow<Outcome> {
        if f0.iter().any(|v| !v.is_finite()) {
            return failed(Error::NotFinite { time: 0.0 });
        }
        stop_with(self.observer.start(y0, f0))
    }

    /// The method cannot come nearer to the horizon than this time.
    pub fn ends_at(&mut self, time: f64) {
        self.horizon = time;
    }

    /// Shows an accepted step; `Break` carries the outcome when the run ends here.
    pub fn accept(&mut self, step: &Step<'_>) -> ControlFlow<Outcome> {
        self.steps += 1;
        self.time = step.t1;
        let mut end = stop_with(self.observer.step(step));
        let late = self.steps >= self.max_steps && self.time < self.horizon;
        if end.is_continue() && late {
            end = failed(Error::TooManySteps {
                steps: self.steps,
                time: self.time,
            });
        }
        self.last = end.is_break().then(|| step.y1.to_vec());
        end
    }
}

fn stop_with(flow: ControlFlow<String>) -> ControlFlow<Outcome> {
    match flow {
        ControlFlow::Continue(()) => ControlFlow::Continue(()),
        ControlFlow::Break(reason) => ControlFlow::Break(Outcome::Stopped { reason }),
    }
}

/// Ends the run with an error.
pub(super) fn failed<C>(error: Error) -> ControlFlow<Outcome, C> {
    ControlFlow::Break(Outcome::Failed { error })
}

/// Counts evaluations of a field.
struct Counted<'a> {
    field: &'a dyn VectorField,
    rhs: Cell<usize>,
    jvp: Cell<usize>,
}

impl<'a> Counted<'a> {
    fn new(field: &'a dyn VectorField) -> Self {
        Self {
            field,
            rhs: Cell::new(0),
            jvp: Cell::new(0),
        }
    }
}

impl VectorField for Counted<'_> {
    fn dim(&self) -> usize {
        self.field.dim()
    }

    fn eval(&self, y: &[f64], dy: &mut [f64]) {
        self.rhs.set(self.rhs.get() + 1);
        self.field.eval(y, dy);
    }

    fn jvp(&self, y: &[f64], v: &[f64], out: &mut [f64]) {
        self.jvp.set(self.jvp.get() + 1);
        self.field.jvp(y, v, out);
    }

    fn tangent(&self) -> Option<Box<dyn Tangent + '_>> {
        self.field.tangent()
    }

    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        self.field.closed_form()
    }

    fn first_step(&self) -> Option<f64> {
        self.field.first_step()
    }

    fn magnitude(&self, y: &[f64], out: &mut [f64]) {
        self.field.magnitude(y, out);
    }
}
