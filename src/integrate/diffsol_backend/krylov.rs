//! `(α I + β f'(x)) z = b` by minimal residuals on Jacobian–vector products.
//!
//! For a gradient flow `f'` is minus a Hessian, so the operator is symmetric; near a saddle it may
//! be indefinite. Newton's method needs its corrections to a few per cent only.

use super::minres::{Minres, Stop};
use super::{Jacobian, Vector};
use crate::integrate::VectorField;
use diffsol::{LaError, LaLinearOp, Matrix, NalgebraContext};
use diffsol_la::LinearSolver;
use std::cell::RefCell;

/// Residual of a solve, relative to its right-hand side, in the norm of the error control.
const RELATIVE: f64 = 0.1;
/// A residual this small in units of the tolerance needs no solving.
const ABSOLUTE: f64 = 1e-3;
/// Products a solve may take; Newton's method judges what it then gets.
const PRODUCTS: usize = 500;

/// The field whose Jacobian is inverted, the reciprocal tolerances that measure residuals, and
/// where the Jacobian is taken.
#[derive(Default)]
pub(super) struct Krylov<'f> {
    field: Option<&'f dyn VectorField>,
    weights: Vec<f64>,
    matrix: Option<Jacobian>,
    work: RefCell<Minres>,
}

impl<'f> Krylov<'f> {
    /// `tolerances`: what an error of 1 is, component by component.
    pub fn new(field: &'f dyn VectorField, tolerances: &[f64]) -> Self {
        Self {
            field: Some(field),
            weights: tolerances.iter().map(|t| 1.0 / t).collect(),
            ..Self::default()
        }
    }
}

impl LinearSolver<Jacobian> for Krylov<'_> {
    fn set_linearisation<Operator>(&mut self, op: &Operator)
    where
        Operator: LaLinearOp<V = Vector, T = f64, M = Jacobian, C = NalgebraContext>,
    {
        let n = op.nrows();
        let matrix = self
            .matrix
            .get_or_insert_with(|| Jacobian::zeros(n, n, NalgebraContext::default()));
        op.matrix_inplace(matrix);
    }

    fn set_sparsity<Operator>(&mut self, _op: &Operator)
    where
        Operator: LaLinearOp<V = Vector, T = f64, M = Jacobian, C = NalgebraContext>,
    {
        self.matrix = None;
    }

    fn solve_in_place(&self, b: &mut Vector) -> Result<(), LaError> {
        let (Some(field), Some(matrix)) = (self.field, &self.matrix) else {
            return Err(LaError::Other(String::from("no system has been set")));
        };
        let apply = |x: &[f64], out: &mut [f64]| {
            field.jvp(&matrix.point, x, out);
            for (out, x) in out.iter_mut().zip(x) {
                *out = matrix.identity * x + matrix.slope * *out;
            }
        };
        let stop = Stop {
            weights: &self.weights,
            relative: RELATIVE,
            absolute: ABSOLUTE,
            products: PRODUCTS,
        };
        let mut work = self.work.borrow_mut();
        if work.solve(apply, b.batch_as_mut_slice(0), stop) {
            Ok(())
        } else {
            Err(LaError::Other(String::from(
                "the linear system is singular",
            )))
        }
    }

    fn solve_transpose_in_place(&self, b: &mut Vector) -> Result<(), LaError> {
        self.solve_in_place(b)
    }
}
