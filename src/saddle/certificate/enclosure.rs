//! `∇C` and `∇²C` in interval arithmetic. Targets, weights, covariances and measurements are the
//! numbers they are stored as, without error.

use crate::linalg::{
    Interval, Mat, MatRef, interval_difference, interval_matrix, interval_product,
};
use crate::model::Cost;

/// Holds `∇C(A)` for all `A` in `a`.
pub fn gradient(cost: &Cost, a: &Mat<Interval>) -> Mat<Interval> {
    match cost {
        Cost::MatrixSensing {
            measurements,
            observations,
            ..
        } => sensing(measurements, Some(observations), a),
        Cost::SquaredError { target }
        | Cost::Weighted { target, .. }
        | Cost::MatrixCompletion { target, .. }
        | Cost::Regression { target, .. } => {
            let target = interval_matrix(target.as_ref());
            curvature(cost, &interval_difference(a.as_ref(), target.as_ref()))
        }
    }
}

/// Holds `∇²C[D]` for all `D` in `d`.
pub fn curvature(cost: &Cost, d: &Mat<Interval>) -> Mat<Interval> {
    match cost {
        Cost::SquaredError { .. } => d.clone(),
        Cost::Weighted { weights, .. } => weighted(weights, d),
        Cost::MatrixCompletion { observed, .. } => weighted(observed, d),
        Cost::Regression { covariance, .. } => {
            interval_product(d.as_ref(), symmetric_part(covariance.as_ref()).as_ref())
        }
        Cost::MatrixSensing { measurements, .. } => sensing(measurements, None, d),
    }
}

/// Whether all numbers that the cost is made of are finite.
pub fn is_finite(cost: &Cost) -> bool {
    let target = match cost {
        // For the test error only.
        Cost::MatrixSensing { .. } => None,
        _ => cost.target(),
    };
    let others = match cost {
        Cost::SquaredError { .. } => true,
        Cost::Weighted { weights, .. } => weights.is_all_finite(),
        Cost::MatrixCompletion { observed, .. } => observed.is_all_finite(),
        Cost::Regression { covariance, .. } => covariance.is_all_finite(),
        Cost::MatrixSensing {
            measurements,
            observations,
            ..
        } => measurements.is_all_finite() && observations.iter().all(|y| y.is_finite()),
    };
    others && target.is_none_or(|t| t.is_all_finite())
}

/// Multiplications in one `curvature` of a matrix with a single row or column.
pub fn work(cost: &Cost) -> usize {
    let (rows, cols) = cost.shape();
    match cost {
        Cost::MatrixSensing { measurements, .. } => rows * cols * measurements.nrows(),
        Cost::Regression { .. } => cols * rows.max(cols),
        _ => rows * cols,
    }
}

fn weighted(weights: &Mat<f64>, d: &Mat<Interval>) -> Mat<Interval> {
    Mat::from_fn(d.nrows(), d.ncols(), |i, j| {
        if d[(i, j)] == Interval::ZERO {
            Interval::ZERO
        } else {
            Interval::point(weights[(i, j)]) * d[(i, j)]
        }
    })
}

/// Holds `(Σ + Σᵀ)/2`: the gradient of `½ tr(E Σ Eᵀ)` is `E` times this, also where rounding left
/// `Σ` not quite symmetric.
pub fn symmetric_part(covariance: MatRef<'_, f64>) -> Mat<Interval> {
    Mat::from_fn(covariance.nrows(), covariance.ncols(), |i, j| {
        Interval::between(covariance[(i, j)], covariance[(j, i)])
    })
}

/// Holds `(1/m) Σ_k (⟨M_k, A⟩ − y_k) M_k`; without observations `y = 0`.
fn sensing(
    measurements: &Mat<f64>,
    observations: Option<&[f64]>,
    a: &Mat<Interval>,
) -> Mat<Interval> {
    let rows = a.nrows();
    let weight = Interval::point(measurements.nrows() as f64).recip();
    let residuals: Vec<Interval> = measured(measurements, observations, a)
        .into_iter()
        .map(|r| weight * r)
        .collect();
    Mat::from_fn(rows, a.ncols(), |i, j| {
        let column = measurements.col(i + rows * j);
        let terms = column
            .iter()
            .zip(&residuals)
            .map(|(&m, &r)| Interval::point(m) * r);
        terms.fold(Interval::ZERO, |sum, x| sum + x)
    })
}

/// Holds `⟨M_k, A⟩ − y_k` for all `A` in `a`; without observations `y = 0`.
pub fn measured(
    measurements: &Mat<f64>,
    observations: Option<&[f64]>,
    a: &Mat<Interval>,
) -> Vec<Interval> {
    let rows = a.nrows();
    let flat: Vec<Interval> = (0..measurements.ncols())
        .map(|q| a[(q % rows, q / rows)])
        .collect();
    let seen: Vec<usize> = (0..flat.len())
        .filter(|&q| flat[q] != Interval::ZERO)
        .collect();
    (0..measurements.nrows())
        .map(|k| {
            let start = observations.map_or(Interval::ZERO, |y| Interval::point(-y[k]));
            let terms = seen
                .iter()
                .map(|&q| Interval::point(measurements[(k, q)]) * flat[q]);
            terms.fold(start, |sum, x| sum + x)
        })
        .collect()
}
