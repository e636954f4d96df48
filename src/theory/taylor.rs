//! `y(t + h) = Σ_k y_k h^k`, `(k + 1) y_{k+1} = f(y)_k`: Taylor series of flows whose right-hand
//! side is a polynomial of matrices, coefficient by coefficient with Cauchy products (Jorba & Zou
//! 2005).
//!
//! Theory has this integrator for itself, so that predictions and runs share none.

use crate::linalg::{Mat, MatRef, product, zeros};

/// Terms of a series after the constant one.
pub(super) const ORDER: usize = 28;

/// A flow `dy/dt = f(y)` of several matrices.
pub(super) trait Polynomial {
    /// Coefficient `k` of `f(y)` from coefficients `0 … k` of `y`; called for `k = 0, 1, …`.
    fn coefficient(&mut self, y: &[Vec<Mat<f64>>], k: usize) -> Vec<Mat<f64>>;
}

/// The series of a solution about one time.
pub(super) struct Series {
    /// `terms[k][m]` is the coefficient of `(h/unit)^k` of matrix `m`.
    terms: Vec<Vec<Mat<f64>>>,
    /// A power of two.
    unit: f64,
}

impl Series {
    /// The solution through `start`. Coefficients are taken in a unit of time near `1/rate`, or powers of
    /// rates far from 1 would leave the range of `f64`.
    pub(super) fn new(flow: &mut impl Polynomial, start: Vec<Mat<f64>>, rate: f64) -> Self {
        let unit = libm::scalbn(1.0, -libm::ilogb(rate));
        let mut terms = vec![start];
        for k in 0..ORDER {
            let mut next = flow.coefficient(&terms, k);
            for m in &mut next {
                *m *= faer::Scale(unit / (k + 1) as f64);
            }
            terms.push(next);
        }
        Self { terms, unit }
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
        step * self.unit
    }

    /// The solution after `h`, by Horner's scheme.
    pub(super) fn at(&self, h: f64) -> Vec<Mat<f64>> {
        let h = h / self.unit;
        let mut sum = self.terms[ORDER].clone();
        for terms in self.terms[..ORDER].iter().rev() {
            for (sum, term) in sum.iter_mut().zip(terms) {
                *sum = &*sum * faer::Scale(h) + term;
            }
        }
        sum
    }

    /// The derivative of the solution at `h = 0`.
    pub(super) fn velocity(&self) -> Vec<Mat<f64>> {
        let in_time = |m: &Mat<f64>| m * faer::Scale(1.0 / self.unit);
        self.terms[1].iter().map(in_time).collect()
    }
}

/// Coefficients of a left factor side by side, `[x_0 … x_k]`, …
pub(super) struct Row {
    terms: Mat<f64>,
    width: usize,
    known: usize,
}

/// … and those of a right one upside down, `[y_k; …; y_0]`: `Σ_i x_i y_{k−i}` is one product.
pub(super) struct Column {
    terms: Mat<f64>,
    height: usize,
    known: usize,
}

impl Row {
    /// Of coefficients `rows × cols`.
    pub(super) fn new(rows: usize, cols: usize) -> Self {
        Self {
            terms: zeros(rows, cols * ORDER),
            width: cols,
            known: 0,
        }
    }

    /// Takes the next coefficient, of which a series has `ORDER`.
    pub(super) fn push(&mut self, term: MatRef<'_, f64>) {
        let terms = self.terms.as_mut();
        let mut place = terms.subcols_mut(self.known * self.width, self.width);
        place.copy_from(term);
        self.known += 1;
    }
}

impl Column {
    /// Of coefficients `rows × cols`.
    pub(super) fn new(rows: usize, cols: usize) -> Self {
        Self {
            terms: zeros(rows * ORDER, cols),
            height: rows,
            known: 0,
        }
    }

    /// Takes the next coefficient, of which a series has `ORDER`.
    pub(super) fn push(&mut self, term: MatRef<'_, f64>) {
        self.known += 1;
        let first = self.terms.nrows() - self.known * self.height;
        let terms = self.terms.as_mut();
        terms.subrows_mut(first, self.height).copy_from(term);
    }
}

/// Coefficient `k` of the product of two series whose coefficients `0 … k` are known.
pub(super) fn cauchy(x: &Row, y: &Column) -> Mat<f64> {
    let rows = y.known * y.height;
    let right = y.terms.subrows(y.terms.nrows() - rows, rows);
    product(x.terms.subcols(0, x.known * x.width), right)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `dy/dt = y²`, `y = 1/(1/y_0 − t)`.
    struct Square;

    impl Polynomial for Square {
        fn coefficient(&mut self, y: &[Vec<Mat<f64>>], k: usize) -> Vec<Mat<f64>> {
            let (mut left, mut right) = (Row::new(1, 1), Column::new(1, 1));
            for terms in &y[..=k] {
                left.push(terms[0].as_ref());
                right.push(terms[0].as_ref());
            }
            vec![cauchy(&left, &right)]
        }
    }

    #[test]
    fn a_cauchy_product_is_the_sum_of_products() {
        let term = |rows: usize, cols: usize, i: usize| {
            Mat::from_fn(rows, cols, |a, b| {
                ((i + 1) as f64 * (a + 3 * b + 1) as f64).sin()
            })
        };
        let (mut x, mut y) = (Row::new(2, 3), Column::new(3, 4));
        for k in 0..ORDER {
            x.push(term(2, 3, k).as_ref());
            y.push(term(3, 4, k + 40).as_ref());
            let mut exact = Mat::<f64>::zeros(2, 4);
            for i in 0..=k {
                exact += term(2, 3, i) * term(3, 4, k - i + 40);
            }
            assert!((cauchy(&x, &y) - exact).norm_max() < 1e-14 * (k + 1) as f64);
        }
    }

    /// Half of the way to a blow-up and on to nine tenths: each step adds a few ulp, and the
    /// blow-up magnifies them by at most ten.
    #[test]
    fn follows_a_solution_that_blows_up() {
        let (mut t, mut y) = (0.0, vec![Mat::full(1, 1, 1.0)]);
        while t < 0.9 {
            let series = Series::new(&mut Square, y, 1.0);
            // The ratio of the terms is 1 − t: the series must not be used near its radius.
            assert!(series.step() < 0.4 * (1.0 - t));
            let h = series.step().min(0.9 - t).max(1e-3);
            y = series.at(h);
            t += h;
        }
        assert!((y[0][(0, 0)] * (1.0 - t) - 1.0).abs() < 1e-13);
    }
}
