//! `dy/dt = f(y)` as diffsol asks for it.

use super::{Jacobian, Vector};
use crate::integrate::VectorField;
use diffsol::{
    ConstantOp, NalgebraContext, NonLinearOp, NonLinearOpJacobian, OdeEquations, OdeEquationsRef,
    Op, UnitCallable,
};
use std::cell::Cell;

/// A field and its start.
pub(super) struct Equations<'f> {
    field: &'f dyn VectorField,
    start: &'f [f64],
    finite: Cell<bool>,
    context: NalgebraContext,
}

impl<'f> Equations<'f> {
    pub fn new(field: &'f dyn VectorField, start: &'f [f64]) -> Self {
        Self {
            field,
            start,
            finite: Cell::new(true),
            context: NalgebraContext::default(),
        }
    }

    /// Whether the last evaluation of `f` was finite.
    pub fn finite(&self) -> bool {
        self.finite.get()
    }
}

impl Op for Equations<'_> {
    type T = f64;
    type V = Vector;
    type M = Jacobian;
    type C = NalgebraContext;

    fn context(&self) -> &NalgebraContext {
        &self.context
    }

    fn nstates(&self) -> usize {
        self.start.len()
    }

    fn nout(&self) -> usize {
        self.start.len()
    }

    fn nparams(&self) -> usize {
        0
    }
}

impl NonLinearOp for Equations<'_> {
    /// diffsol's norms take NaN for zero and would accept it; a huge value is rejected instead.
    fn call_inplace(&self, x: &Vector, _time: f64, y: &mut Vector) {
        let dy = y.batch_as_mut_slice(0);
        self.field.eval(x.batch_as_slice(0), dy);
        self.finite.set(dy.iter().all(|v| v.is_finite()));
        if !self.finite.get() {
            dy.fill(f64::MAX.sqrt());
        }
    }
}

impl NonLinearOpJacobian for Equations<'_> {
    fn jac_mul_inplace(&self, x: &Vector, _time: f64, v: &Vector, y: &mut Vector) {
        let (x, v) = (x.batch_as_slice(0), v.batch_as_slice(0));
        self.field.jvp(x, v, y.batch_as_mut_slice(0));
    }

    fn jacobian_inplace(&self, x: &Vector, _time: f64, y: &mut Jacobian) {
        y.linearise(x.batch_as_slice(0));
    }
}

impl ConstantOp for Equations<'_> {
    fn call_inplace(&self, _time: f64, y: &mut Vector) {
        y.batch_as_mut_slice(0).copy_from_slice(self.start);
    }
}

impl<'a> OdeEquationsRef<'a> for Equations<'_> {
    type Mass = UnitCallable<Jacobian>;
    type Rhs = &'a Self;
    type Root = UnitCallable<Jacobian>;
    type Init = &'a Self;
    type Out = UnitCallable<Jacobian>;
    type Reset = UnitCallable<Jacobian>;
}

impl OdeEquations for Equations<'_> {
    fn rhs(&self) -> &Self {
        self
    }

    fn mass(&self) -> Option<UnitCallable<Jacobian>> {
        None
    }

    fn init(&self) -> &Self {
        self
    }

    fn set_params(&mut self, _p: &Vector) {}

    fn get_params(&self, _p: &mut Vector) {}
}
