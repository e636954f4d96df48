//! The factor `F` of a cost's curvature: `∇²C[D] = Fᵀ F vec(D)`, `F : m × n_L n_0`.

use super::Cost;
use crate::linalg::{Mat, MatMut, MatRef, multiply, symmetric_eigen, view, view_mut};

/// `F` in the form that its cost allows.
pub enum CurvatureFactor {
    /// `√w_ij` on the entries with positive weight: `(i, j, √w_ij)`.
    Entries(Vec<(usize, usize, f64)>),
    /// `F vec(D) = vec(D R)` with `Σ = R Rᵀ : n_0 × n_0`, for `rows = n_L`.
    Right { root: Mat<f64>, rows: usize },
    /// `F` itself.
    Dense { factor: Mat<f64>, rows: usize },
}

impl Cost {
    /// The factor of the curvature; `None` when it has more than `limit` rows.
    pub fn curvature_factor(&self, limit: usize) -> Option<CurvatureFactor> {
        let (rows, cols) = self.shape();
        let entries = |weight: &dyn Fn(usize, usize) -> f64| {
            let all = (0..cols).flat_map(|j| (0..rows).map(move |i| (i, j)));
            let positive = all.filter(|&(i, j)| weight(i, j) > 0.0);
            CurvatureFactor::Entries(positive.map(|(i, j)| (i, j, weight(i, j).sqrt())).collect())
        };
        let size = match self {
            Cost::MatrixSensing { measurements, .. } => measurements.nrows(),
            Cost::MatrixCompletion { observed, .. } => observed
                .col_iter()
                .flat_map(|c| c.iter())
                .filter(|&&w| w > 0.0)
                .count(),
            _ => rows * cols,
        };
        if size > limit {
            return None;
        }
        Some(match self {
            Cost::SquaredError { .. } => entries(&|_, _| 1.0),
            Cost::Weighted { weights, .. } => entries(&|i, j| weights[(i, j)]),
            Cost::MatrixCompletion { observed, .. } => entries(&|i, j| observed[(i, j)]),
            Cost::Regression { covariance, .. } => {
                let (values, vectors) = symmetric_eigen(covariance.as_ref())?;
                let root = Mat::from_fn(cols, cols, |i, j| {
                    vectors[(i, j)] * values[j].max(0.0).sqrt()
                });
                CurvatureFactor::Right { root, rows }
            }
            Cost::MatrixSensing { measurements, .. } => {
                let scale = 1.0 / (measurements.nrows() as f64).sqrt();
                let factor = measurements * faer::Scale(scale);
                CurvatureFactor::Dense { factor, rows }
            }
        })
    }
}

impl CurvatureFactor {
    /// `m`.
    pub fn rows(&self) -> usize {
        match self {
            CurvatureFactor::Entries(entries) => entries.len(),
            CurvatureFactor::Right { root, rows } => rows * root.ncols(),
            CurvatureFactor::Dense { factor, .. } => factor.nrows(),
        }
    }

    /// `z = F vec(d)`.
    pub fn apply(&self, d: MatRef<'_, f64>, z: &mut [f64]) {
        match self {
            CurvatureFactor::Entries(entries) => {
                for (z, &(i, j, w)) in z.iter_mut().zip(entries) {
                    *z = w * d[(i, j)];
                }
            }
            CurvatureFactor::Right { root, rows } => {
                let out = view_mut(z, *rows, root.ncols());
                multiply(out, false, 1.0, d, root.as_ref());
            }
            CurvatureFactor::Dense { factor, rows } => {
                z.fill(0.0);
                for (k, column) in factor.col_iter().enumerate() {
                    let x = d[(k % rows, k / rows)];
                    for (z, f) in z.iter_mut().zip(column.iter()) {
                        *z += f * x;
                    }
                }
            }
        }
    }

    /// `d = mat(Fᵀ z)`.
    pub fn apply_transpose(&self, z: &[f64], mut d: MatMut<'_, f64>) {
        match self {
            CurvatureFactor::Entries(entries) => {
                d.fill(0.0);
                for (z, &(i, j, w)) in z.iter().zip(entries) {
                    d[(i, j)] = w * z;
                }
            }
            CurvatureFactor::Right { root, rows } => {
                multiply(
                    d,
                    false,
                    1.0,
                    view(z, *rows, root.ncols()),
                    root.transpose(),
                );
            }
            CurvatureFactor::Dense { factor, rows } => {
                for (k, column) in factor.col_iter().enumerate() {
                    let products = column.iter().zip(z).map(|(f, z)| f * z);
                    d[(k % rows, k / rows)] = products.sum();
                }
            }
        }
    }

    /// `kernel += F (right ⊗ left) Fᵀ` for symmetric `left : n_L × n_L`, `right : n_0 × n_0`.
    pub fn add_kernel(&self, left: &Mat<f64>, right: &Mat<f64>, kernel: &mut Mat<f64>) {
        match self {
            CurvatureFactor::Entries(entries) => {
                for (b, &(k, l, v)) in entries.iter().enumerate() {
                    for (a, &(i, j, w)) in entries.iter().enumerate() {
                        kernel[(a, b)] += w * v * left[(i, k)] * right[(j, l)];
                    }
                }
            }
            CurvatureFactor::Right { root, rows } => {
                let small = sandwich(root, right);
                for b in 0..kernel.ncols() {
                    for a in 0..kernel.nrows() {
                        kernel[(a, b)] += small[(a / rows, b / rows)] * left[(a % rows, b % rows)];
                    }
                }
            }
            CurvatureFactor::Dense { factor, rows } => {
                let n = factor.ncols();
                let mut images = Mat::zeros(factor.nrows(), n);
                let full = Mat::from_fn(n, n, |a, b| {
                    right[(a / rows, b / rows)] * left[(a % rows, b % rows)]
                });
                multiply(images.as_mut(), false, 1.0, factor.as_ref(), full.as_ref());
                multiply(
                    kernel.as_mut(),
                    true,
                    1.0,
                    images.as_ref(),
                    factor.transpose(),
                );
            }
        }
    }
}

/// `Rᵀ B R`.
fn sandwich(root: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    let n = root.ncols();
    let (mut half, mut out) = (Mat::zeros(b.nrows(), n), Mat::zeros(n, n));
    multiply(half.as_mut(), false, 1.0, b.as_ref(), root.as_ref());
    multiply(out.as_mut(), false, 1.0, root.transpose(), half.as_ref());
    out
}
