//! `A` in two layers with `W_2 = W_1ᵀ` at the start under a cost with `C(Aᵀ) = C(A)`. The flow keeps `W_2 = W_1ᵀ`, so
//! that `A = W_1ᵀW_1` never has a negative eigenvalue (Bartlett, Helmbold & Long 2018, for the identity as start). In
//! `f64` a mode that falls to roundoff turns round there and escapes with the other sign.

use super::law::Worst;
use super::measure::Measurement;
use crate::linalg::{Mat, MatRef, frobenius, symmetric_eigen};
use crate::model::Problem;

/// Asymmetry below this part of a matrix is roundoff.
const ROUNDOFF: f64 = 1e-14;
/// Eigenvalues below this part of the largest have no sign to speak of.
const NO_SIGN: f64 = 1e-12;

/// Holds the end of a run against it.
#[derive(Default)]
pub(super) struct DefiniteLaw {
    /// `‖A‖_F` of the start, where the law applies; zeros stay zeros.
    start: Option<f64>,
    worst: Worst,
}

impl DefiniteLaw {
    pub fn new(problem: &Problem) -> Self {
        let size = || {
            let a = problem.network.end_to_end(&problem.initial_weights);
            frobenius(a.as_ref())
        };
        Self {
            start: applies(problem).then(size).filter(|&size| size > 0.0),
            worst: Worst::default(),
        }
    }

    /// Checks the end of a run.
    pub fn end(&mut self, m: &Measurement) {
        let Some(size) = self.start else {
            return;
        };
        let a = m.end_to_end.as_ref();
        let symmetric = Mat::from_fn(a.nrows(), a.ncols(), |i, j| 0.5 * (a[(i, j)] + a[(j, i)]));
        let Some((values, _)) = symmetric_eigen(symmetric.as_ref()) else {
            return;
        };
        if let (Some(least), Some(largest)) = (values.first(), values.last()) {
            let roundoff = NO_SIGN * largest.max(-least).max(size);
            let found = (-least).max(f64::MIN_POSITIVE);
            self.worst.note(m.time, found, roundoff);
        }
    }

    pub fn worst(&self) -> &Worst {
        &self.worst
    }
}

fn applies(problem: &Problem) -> bool {
    let (network, weights) = (&problem.network, &problem.initial_weights);
    if network.depth() != 2 || network.input_width() != network.output_width() {
        return false;
    }
    let (first, second) = (network.layer(weights, 1), network.layer(weights, 2));
    let mirrored = first - second.transpose();
    mirrored.norm_max() <= ROUNDOFF * first.norm_max() && is_symmetric_cost(problem)
}

/// Whether `∇C` is symmetric at symmetric matrices. It is affine, so two without structure tell.
fn is_symmetric_cost(problem: &Problem) -> bool {
    let n = problem.network.input_width();
    (1..=2).all(|k| {
        let entry = |i: usize, j: usize| (k as f64 + (i + j) as f64 + 1.7 * (i * j) as f64).sin();
        let gradient = problem.cost.gradient_at(Mat::from_fn(n, n, entry).as_ref());
        is_symmetric(gradient.as_ref())
    })
}

fn is_symmetric(a: MatRef<'_, f64>) -> bool {
    (a - a.transpose()).norm_max() <= ROUNDOFF * frobenius(a)
}
