//! Matrices of rank `k` that the cost cannot improve on: zeros of all its residuals.

use super::krawczyk::{Equations, points};
use super::residual::Residual;
use super::slice::{Slice, independent_rows};
use super::spectrum;
use crate::linalg::{Interval, Mat, midpoints};

/// `r(z) = 0` on a slice, solved for as many unknowns as there are residuals; the others keep their
/// values.
pub struct Fit<'a> {
    slice: &'a Slice<'a>,
    residual: Residual<'a>,
    start: Vec<f64>,
    solved: Vec<usize>,
}

impl<'a> Fit<'a> {
    /// Solved for the pivots of a QR decomposition of `∂r/∂z` at `start` with column pivoting. `None`
    /// when there are more residuals than unknowns, or dependent ones.
    pub fn through(slice: &'a Slice<'a>, start: &[f64]) -> Option<Self> {
        let residual = Residual::of(slice.cost())?;
        let count = residual.count();
        if count > start.len() {
            return None;
        }
        let mut fit = Self {
            slice,
            residual,
            start: start.to_vec(),
            solved: (0..start.len()).collect(),
        };
        let all = midpoints(fit.derivative(&points(start)).as_ref());
        fit.solved = independent_rows(&all.transpose().to_owned());
        (fit.solved.len() == count).then_some(fit)
    }

    /// Unknowns that keep their values.
    pub fn kept(&self) -> usize {
        self.start.len() - self.solved.len()
    }

    /// The unknowns that are solved for, at the start.
    pub fn start(&self) -> Vec<f64> {
        self.solved.iter().map(|&q| self.start[q]).collect()
    }

    /// All unknowns of the slice.
    pub fn unknowns(&self, solved: &[Interval]) -> Vec<Interval> {
        let mut z = points(&self.start);
        self.solved.iter().zip(solved).for_each(|(&q, &v)| z[q] = v);
        z
    }
}

impl Equations for Fit<'_> {
    fn values(&self, solved: &[Interval]) -> Vec<Interval> {
        self.residual
            .at(&self.slice.end_to_end(&self.unknowns(solved)))
    }

    fn derivative(&self, solved: &[Interval]) -> Mat<Interval> {
        let (x, y) = self.slice.factors(&self.unknowns(solved));
        let changes: Vec<Vec<Interval>> = self
            .solved
            .iter()
            .map(|&q| self.residual.along(&self.slice.moved(q, &x, &y)))
            .collect();
        Mat::from_fn(self.residual.count(), changes.len(), |i, q| changes[q][i])
    }

    fn inverse(&self, solved: &[f64]) -> Option<Mat<f64>> {
        spectrum::inverse(midpoints(self.derivative(&points(solved)).as_ref()).as_ref())
    }
}
