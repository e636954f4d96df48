//! `y(t + h) = Σ_k y_k h^k`, `(k + 1) y_{k+1} = f(y)_k`: Taylor series of flows whose right-hand
//! side is a polynomial of matrices, coefficient by coefficient with Cauchy products (Jorba & Zou
//! 2005).
//!
//! Theory has this integrator for itself, so that predictions and runs share none.

use crate::linalg::{Mat, MatMut, MatRef, multiply};

/// Terms of a series after the constant one.
pub(super) const ORDER: usize = 28;

/// A flow `dy/dt = f(y)` of several matrices.
pub(super) trait Polynomial {
    /// Coefficient `k` of `f(y)` from coefficients `0 … k` of `y`; called for `k = 0, 1, …`.
    fn coefficient(&mut self, y: &[Vec<Mat<f64>>], k: usize) -> Vec<Mat<f64>>;
}

/// The series of a solution about one time.
pub(super) struct Series {
    /// `terms[k][m]` is the coefficient of `h^k` of matrix `m`.
    terms: Vec<Vec<Mat<f64>>>,
}

impl Series {
    /// The solution through `start`.
    pub(super) fn new(flow: &mut impl Polynomial, start: Vec<Mat<f64>>) -> Self {
        let mut terms = vec![start];
        for k in 0..ORDER {
            let mut next = flow.coefficient(&terms, k);
            for m in &mut next {
                *m *= faer::Scale(1.0 / (k + 1) as f64);
            }
            terms.push(next);
        }
        Self { terms }
    }

    /// A step whose last terms are below roundoff of each column that is not zero; infinite for a
    /// point at rest.
    ///
    /// Columns are tested one by one since each may be many orders of magnitude below the others.
    pub(super) fn step(&self) -> f64 {
        let mut step = f64::INFINITY;
        for (m, start) in self.terms[0].iter().enumerate() {
            for j in 0..start.ncols() {
                let size = start.col(j).norm_l2();
                for k in [ORDER - 1, ORDER] {
                    let term = self.terms[k][m].col(j).norm_l2();
                    if size > 0.0 && term > 0.0 {
                        let ratio = 0.5 * f64::EPSILON * size / term;
                        step = step.min(ratio.powf(1.0 / k as f64));
                    }
                }
            }
        }
        step
    }

    /// The solution after `h`, by Horner's scheme.
    pub(super) fn at(&self, h: f64) -> Vec<Mat<f64>> {
        let mut sum = self.terms[ORDER].clone();
        for terms in self.terms[..ORDER].iter().rev() {
            for (sum, term) in sum.iter_mut().zip(terms) {
                *sum = &*sum * faer::Scale(h) + term;
            }
        }
        sum
    }

    /// The derivative of the solution at `h = 0`.
    pub(super) fn velocity(&self) -> &[Mat<f64>] {
        &self.terms[1]
    }
}

/// `out += Σ_i x_i y_{k−i}`, coefficient `k` of the product of two series.
pub(super) fn add_cauchy<'a>(
    mut out: MatMut<'_, f64>,
    k: usize,
    x: impl Fn(usize) -> MatRef<'a, f64>,
    y: impl Fn(usize) -> MatRef<'a, f64>,
) {
    for i in 0..=k {
        multiply(out.as_mut(), true, 1.0, x(i), y(k - i));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `dy/dt = y²`, `y = 1/(1/y_0 − t)`.
    struct Square;

    impl Polynomial for Square {
        fn coefficient(&mut self, y: &[Vec<Mat<f64>>], k: usize) -> Vec<Mat<f64>> {
            let mut out = Mat::zeros(1, 1);
            add_cauchy(out.as_mut(), k, |i| y[i][0].as_ref(), |i| y[i][0].as_ref());
            vec![out]
        }
    }

    /// Half of the way to a blow-up and on to nine tenths: each step adds a few ulp, and the
    /// blow-up magnifies them by at most ten.
    #[test]
    fn follows_a_solution_that_blows_up() {
        let (mut t, mut y) = (0.0, vec![Mat::full(1, 1, 1.0)]);
        while t < 0.9 {
            let series = Series::new(&mut Square, y);
            // The ratio of the terms is 1 − t: the series must not be used near its radius.
            assert!(series.step() < 0.4 * (1.0 - t));
            let h = series.step().min(0.9 - t).max(1e-3);
            y = series.at(h);
            t += h;
        }
        assert!((y[0][(0, 0)] * (1.0 - t) - 1.0).abs() < 1e-13);
    }
}
