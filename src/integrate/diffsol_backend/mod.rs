//! diffsol's integrators behind `VectorField`: Tsitouras 5(4), variable-order BDF, ESDIRK 3(4) and
//! TR-BDF2. No other module names diffsol.
//!
//! The implicit methods solve `(I − c f'(y)) z = b` with Jacobian–vector products alone, so they
//! need a few dozen vectors of memory however many parameters there are.
//!
//! diffsol measures errors against `rtol |y_i| + atol_i` with tolerances fixed for the life of a
//! solver. Here `rtol` goes with `VectorField::magnitude` instead: all of it is put into `atol`,
//! and a solver whose tolerances no longer fit hands its state, history and all, to a new one.

mod equations;
mod jacobian;
mod krylov;
mod minres;
mod scheme;

use super::driver::{Finished, Outcome, Watch, failed};
use super::{Interpolant, Method, Options, Step, VectorField};
use crate::error::Error;
use diffsol::error::OdeSolverError;
use diffsol::{
    DiffsolError, NalgebraContext, NalgebraVec, OdeSolverConfig, OdeSolverMethod, OdeSolverOptions,
    OdeSolverProblem, OdeSolverState, OdeSolverStopReason, Vector as _,
};
use equations::Equations;
use jacobian::Jacobian;
use scheme::{Bdf, Esdirk, Explicit, Scheme};
use std::cell::RefCell;
use std::ops::ControlFlow;

type Vector = NalgebraVec<f64>;
type Problem<'f> = OdeSolverProblem<Equations<'f>>;

/// A solver is replaced once some component's tolerance is off by this factor.
const STALE: f64 = 2.0;
/// Steps cannot be controlled to less than this, relative to a component's magnitude: below it
/// the rounding of `y` itself keeps Newton's method from converging.
const FINEST: f64 = 5e-14;

/// Integrates with the diffsol method that the options name.
pub(super) fn run(
    field: &dyn VectorField,
    y0: &[f64],
    options: &Options,
    watch: &mut Watch<'_>,
) -> Finished {
    let mut run = Run::new(field, y0, options, watch);
    let outcome = match options.method {
        Method::Tsit45 => run.all(&Explicit::tsit45()),
        Method::Esdirk34 => run.all(&Esdirk::esdirk34()),
        Method::TrBdf2 => run.all(&Esdirk::tr_bdf2()),
        _ => run.all(&Bdf),
    };
    Finished {
        end: outcome,
        state: run.y0,
        rejected: run.rejected,
    }
}

/// Goes on by BDF from where another method has left off.
pub(super) fn resume(
    field: &dyn VectorField,
    so_far: &Finished,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Finished {
    let mut run = Run::new(field, &so_far.state, options, watch);
    let end = run.until_horizon(&Bdf);
    Finished {
        end,
        state: run.y0,
        rejected: so_far.rejected + run.rejected,
    }
}

/// One integration; the vectors after `rejected` are scratch of the current step.
struct Run<'f, 'w, 'o> {
    field: &'f dyn VectorField,
    start: &'f [f64],
    options: &'f Options,
    watch: &'w mut Watch<'o>,
    rejected: usize,
    y0: Vec<f64>,
    f1: Vec<f64>,
    tolerances: Vec<f64>,
    inside: RefCell<Vector>,
}

impl<'f, 'w, 'o> Run<'f, 'w, 'o> {
    fn new(
        field: &'f dyn VectorField,
        start: &'f [f64],
        options: &'f Options,
        watch: &'w mut Watch<'o>,
    ) -> Self {
        Self {
            field,
            start,
            options,
            watch,
            rejected: 0,
            y0: start.to_vec(),
            f1: vec![0.0; start.len()],
            tolerances: vec![0.0; start.len()],
            inside: RefCell::new(vector(start)),
        }
    }

    /// From the start to the horizon.
    fn all<S: Scheme<'f>>(&mut self, scheme: &S) -> ControlFlow<Outcome> {
        self.field.eval(self.start, &mut self.f1);
        self.watch.start(self.start, &self.f1)?;
        if self.options.horizon <= 0.0 {
            return ControlFlow::Continue(());
        }
        self.until_horizon(scheme)
    }

    /// By as many solvers as tolerances ask for.
    fn until_horizon<S: Scheme<'f>>(&mut self, scheme: &S) -> ControlFlow<Outcome> {
        self.measure(self.start, scheme.fraction());
        let mut problem = self.problem();
        let mut state = self.check(S::State::new(&problem, scheme.starting_order()), &problem)?;
        loop {
            let made = scheme.solver(&problem, state, self.field);
            let mut solver = self.check(made, &problem)?;
            let stop = solver.set_stop_time(self.options.horizon);
            self.check(stop, &problem)?;
            let reached = self.while_tolerances_fit::<S>(&mut solver, scheme, &problem)?;
            if reached {
                return ControlFlow::Continue(());
            }
            state = solver.into_state();
            problem = self.problem();
        }
    }

    /// What an error of 1 is: `atol + rtol · magnitude`, times the scheme's fraction.
    fn measure(&mut self, y: &[f64], fraction: f64) {
        self.field.magnitude(y, &mut self.tolerances);
        let rtol = (fraction * self.options.rtol).max(FINEST.min(self.options.rtol));
        for (tolerance, atol) in self.tolerances.iter_mut().zip(&self.options.atol) {
            *tolerance = (fraction * atol + rtol * *tolerance).max(f64::MIN_POSITIVE);
        }
    }

    fn problem(&self) -> Problem<'f> {
        OdeSolverProblem {
            eqn: Equations::new(self.field, self.start),
            rtol: 0.0,
            atol: vector(&self.tolerances),
            t0: self.watch.time,
            h0: 1.0,
            integrate_out: false,
            sens_rtol: None,
            sens_atol: None,
            out_rtol: None,
            out_atol: None,
            param_rtol: None,
            param_atol: None,
            ic_options: Default::default(),
            ode_options: ode_options(),
        }
    }

    /// Steps until the horizon (true) or until the tolerances no longer fit (false).
    fn while_tolerances_fit<'p, S: Scheme<'f>>(
        &mut self,
        solver: &mut S::Solver<'p>,
        scheme: &S,
        problem: &'p Problem<'f>,
    ) -> ControlFlow<Outcome, bool>
    where
        'f: 'p,
    {
        let already_rejected = self.rejected;
        loop {
            let t0 = solver.state().t;
            *solver.config_mut().as_base_mut().minimum_timestep = 4.0 * f64::EPSILON * t0;
            let stepped = solver.step();
            let statistics = solver.get_statistics();
            self.rejected = already_rejected
                + statistics.number_of_error_test_failures
                + statistics.number_of_nonlinear_solver_fails;
            let reason = self.check(stepped, problem)?;
            let reached = matches!(reason, OdeSolverStopReason::TstopReached);
            self.show(solver, t0, reached, S::EXACT_SLOPE)?;
            if reached {
                return ControlFlow::Continue(true);
            }
            if !self.tolerances_fit(solver.state().y, problem, scheme.fraction()) {
                return ControlFlow::Continue(false);
            }
        }
    }

    /// Shows the step that `solver` took from `t0`. The last one ends at the horizon itself,
    /// which diffsol meets to within rounding.
    fn show<'p, M>(
        &mut self,
        solver: &M,
        t0: f64,
        last: bool,
        exact_slope: bool,
    ) -> ControlFlow<Outcome>
    where
        M: OdeSolverMethod<'p, Equations<'f>>,
        'f: 'p,
    {
        let state = solver.state();
        let (t1, y1) = (state.t, state.y.batch_as_slice(0));
        if t1 <= t0 {
            return failed(Error::StepTooSmall {
                time: t0,
                step: t1 - t0,
            });
        }
        if exact_slope {
            self.f1.copy_from_slice(state.dy.batch_as_slice(0));
        } else {
            self.field.eval(y1, &mut self.f1);
        }
        if !y1.iter().chain(&self.f1).all(|v| v.is_finite()) {
            return failed(Error::NotFinite { time: t0 });
        }
        let inside = Inside {
            interpolate: |time, y: &mut Vector| solver.interpolate_inplace(time, y),
            times: (t0, t1),
            state: &self.inside,
        };
        self.watch.accept(&Step {
            t0,
            t1: if last { self.options.horizon } else { t1 },
            y0: &self.y0,
            y1,
            f1: &self.f1,
            inside: &inside,
        })?;
        self.y0.copy_from_slice(y1);
        ControlFlow::Continue(())
    }

    /// Whether the tolerances that `problem` was made with still fit the state `y`; measures anew.
    fn tolerances_fit(&mut self, y: &Vector, problem: &Problem<'f>, fraction: f64) -> bool {
        self.measure(y.batch_as_slice(0), fraction);
        let used = problem.atol.batch_as_slice(0);
        let mut pairs = self.tolerances.iter().zip(used);
        pairs.all(|(now, used)| *now <= STALE * used && *used <= STALE * now)
    }

    fn check<T>(
        &self,
        result: Result<T, DiffsolError>,
        problem: &Problem<'f>,
    ) -> ControlFlow<Outcome, T> {
        match result {
            Ok(value) => ControlFlow::Continue(value),
            Err(_) if !problem.eqn.finite() => failed(Error::NotFinite {
                time: self.watch.time,
            }),
            Err(error) => failed(self.translate(error)),
        }
    }

    fn translate(&self, error: DiffsolError) -> Error {
        let time = self.watch.time;
        match error {
            DiffsolError::OdeSolverError(OdeSolverError::StepSizeTooSmall { .. }) => {
                Error::StepTooSmall {
                    time,
                    step: 4.0 * f64::EPSILON * time,
                }
            }
            other => Error::SolverFailed {
                method: self.options.method.name(),
                time,
                reason: other.to_string(),
            },
        }
    }
}

fn vector(values: &[f64]) -> Vector {
    Vector::from_vec(values.to_vec(), NalgebraContext::default())
}

/// diffsol's own continuous extension of the step between `times`.
struct Inside<'r, F> {
    interpolate: F,
    times: (f64, f64),
    state: &'r RefCell<Vector>,
}

impl<F: Fn(f64, &mut Vector) -> Result<(), DiffsolError>> Interpolant for Inside<'_, F> {
    fn state(&self, theta: f64, y: &mut [f64]) {
        let (t0, t1) = self.times;
        let time = (t0 + theta * (t1 - t0)).clamp(t0, t1);
        let state = &mut *self.state.borrow_mut();
        match (self.interpolate)(time, state) {
            Ok(()) => y.copy_from_slice(state.batch_as_slice(0)),
            // Only a time outside the step is an error, and there is none.
            Err(_) => y.fill(f64::NAN),
        }
    }
}

/// A Jacobian costs one copy of the state, so every step takes a fresh one. Newton's method stops
/// well inside the tolerance: what it leaves adds up over the steps. Its failures shorten the step
/// and are limited by the smallest step, not by their number, which grows with the run.
fn ode_options() -> OdeSolverOptions<f64> {
    OdeSolverOptions {
        nonlinear_solver_tolerance: 0.05,
        max_nonlinear_solver_failures: usize::MAX,
        min_timestep: f64::MIN_POSITIVE,
        update_jacobian_after_steps: 1,
        update_rhs_jacobian_after_steps: 1,
        ..OdeSolverOptions::default()
    }
}
