//! Integration of `dy/dt = f(y)`: any vector field, any method, one driver.
//!
//! A method advances the state by accepted steps; every accepted step is shown to an observer as
//! a [`Step`] that can be read anywhere inside.

mod diffsol_backend;
mod dop853;
mod driver;
mod euler;
mod options;
mod step;
mod tableau;
mod vector;

pub use driver::{Integration, Observer, Outcome, Statistics, integrate};
pub use options::{Method, Options};
pub use step::{Interpolant, Step};

/// The right-hand side of an autonomous system `dy/dt = f(y)`.
pub trait VectorField {
    /// Number of components of `y`.
    fn dim(&self) -> usize;

    /// `f(y)` into `dy`.
    fn eval(&self, y: &[f64], dy: &mut [f64]);

    /// `f'(y) v` into `out`. For a gradient flow `f'` is minus a Hessian, hence symmetric.
    fn jvp(&self, y: &[f64], v: &[f64], out: &mut [f64]);

    /// The size that a relative error of each component refers to; `|y_i|` unless the field
    /// knows better.
    fn magnitude(&self, y: &[f64], out: &mut [f64]) {
        for (m, &v) in out.iter_mut().zip(y) {
            *m = v.abs();
        }
    }
}
