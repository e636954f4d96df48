//! Integration of `dy/dt = f(y)`: any vector field, any method, one driver.
//!
//! A method advances the state by accepted steps; every accepted step is shown to an observer as
//! a [`Step`] that can be read anywhere inside.

mod adams;
mod closed_form;
mod diffsol_backend;
mod dop853;
mod driver;
mod euler;
mod options;
mod pace;
mod radius;
mod step;
mod tableau;
mod time;
mod vector;

pub use closed_form::{ClosedForm, Sight};
pub use driver::{Integration, Observer, Outcome, Statistics, integrate};
pub use options::{Method, Options};
pub use step::{Interpolant, Step, TOGETHER};
pub use time::Time;

use crate::linalg::Mat;

/// The right-hand side of an autonomous system `dy/dt = f(y)`.
pub trait VectorField {
    /// Number of components of `y`.
    fn dim(&self) -> usize;

    /// `f(y)` into `dy`.
    fn eval(&self, y: &[f64], dy: &mut [f64]);

    /// `f'(y) v` into `out`. For a gradient flow `f'` is minus a Hessian, hence symmetric.
    fn jvp(&self, y: &[f64], v: &[f64], out: &mut [f64]);

    /// The structure of the stiff part of `f'`, for fields that have one worth using.
    fn tangent(&self) -> Option<Box<dyn Tangent + '_>> {
        None
    }

    /// The solution from the start of the run, for fields that know it.
    fn closed_form(&self) -> Option<&dyn ClosedForm> {
        None
    }

    /// A step that is known to suit the start, for one-step methods; else they look for one.
    fn first_step(&self) -> Option<f64> {
        None
    }

    /// The size that a relative error of each component refers to; `|y_i|` unless the field
    /// knows better.
    fn magnitude(&self, y: &[f64], out: &mut [f64]) {
        for (m, &v) in out.iter_mut().zip(y) {
            *m = v.abs();
        }
    }
}

/// The stiff part `−Gᵀ M G` of the Jacobian of a gradient flow, `G = dA/dθ`, `M = FᵀF` the
/// curvature of the cost in `A`: symmetric and of rank at most `m`, the number of rows of `F G`.
///
/// The tangent kernel is `K = F G Gᵀ Fᵀ = O (Σ right ⊗ left) Oᵀ` with small matrices and an observation `O`
/// that leaves entries out or mixes them; `O = 1` unless stated.
pub trait Tangent {
    /// `m`.
    fn rank(&self) -> usize;

    /// What finding the fast directions costs, in right-hand sides: the eigenvectors of a matrix of
    /// `rows` rows, those of outputs and inputs, and `images` applications of `K`.
    fn price(&self, rows: usize, images: usize) -> f64;

    /// What multiplying a vector by a matrix of so many entries costs, in right-hand sides.
    fn pass(&self, entries: usize) -> f64;

    /// Takes `y` as the point at which `G` is evaluated from now on.
    fn freeze(&mut self, y: &[f64]);

    /// `[left, right] : n_L × n_L, n_0 × n_0` of the terms.
    fn kernel_terms(&self) -> Vec<[Mat<f64>; 2]>;

    /// `K : m × m`.
    fn kernel(&self) -> Mat<f64>;

    /// A bound on `‖O‖²`; `None` where `O = 1`.
    fn observation(&self) -> Option<f64> {
        None
    }

    /// `z = O vec(d)`.
    fn observe(&self, d: &[f64], z: &mut [f64]) {
        z.copy_from_slice(d);
    }

    /// `vec(d) = Oᵀ z`.
    fn observe_transpose(&self, z: &[f64], d: &mut [f64]) {
        d.copy_from_slice(z);
    }

    /// `z = F G v`.
    fn forward(&self, v: &[f64], z: &mut [f64]);

    /// `z = F G f(y)` where the field was evaluated last, `f = f(y)`: what the evaluation has left
    /// behind may make it cheaper.
    fn forward_flow(&self, y: &[f64], f: &[f64], z: &mut [f64]);

    /// `y += Gᵀ Fᵀ z`.
    fn backward(&self, z: &[f64], y: &mut [f64]);
}
