//! The factor `F` of a cost's curvature: `∇²C[D] = Fᵀ F vec(D)`, `F : m × n_L n_0`.

use super::Cost;
use crate::linalg::{
    Mat, MatMut, MatRef, frobenius, kronecker, multiply, product, sandwich, symmetric_eigen, view,
    view_mut, zeros,
};

/// Steps towards the norm of a factor without structure.
const POWERS: usize = 12;

/// `F` in the form that its cost allows.
#[derive(Debug)]
pub enum CurvatureFactor {
    /// `F = 1` for `A : rows × cols`.
    Identity { rows: usize, cols: usize },
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
            Cost::MatrixCompletion {
                observed: weights, ..
            }
            | Cost::Weighted { weights, .. } => weights
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
            Cost::SquaredError { .. } => CurvatureFactor::Identity { rows, cols },
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
            CurvatureFactor::Identity { rows, cols } => rows * cols,
            CurvatureFactor::Entries(entries) => entries.len(),
            CurvatureFactor::Right { root, rows } => rows * root.ncols(),
            CurvatureFactor::Dense { factor, .. } => factor.nrows(),
        }
    }

    /// `z = F vec(d)`.
    pub fn apply(&self, d: MatRef<'_, f64>, z: &mut [f64]) {
        match self {
            CurvatureFactor::Identity { rows, cols } => view_mut(z, *rows, *cols).copy_from(d),
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
            CurvatureFactor::Identity { rows, cols } => d.copy_from(view(z, *rows, *cols)),
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

    /// Whether `F (right ⊗ left) Fᵀ` is a Kronecker product too.
    pub fn keeps_terms(&self) -> bool {
        matches!(self, Self::Identity { .. } | Self::Right { .. })
    }

    /// `‖F‖²`, to a tenth for matrices without structure.
    pub fn size(&self) -> f64 {
        match self {
            Self::Identity { .. } => 1.0,
            Self::Right { root, .. } => largest_square(root),
            Self::Entries(entries) => {
                let weights = entries.iter().map(|(.., w)| w * w);
                weights.fold(0.0, f64::max)
            }
            Self::Dense { factor, .. } => largest_square(factor),
        }
    }

    /// The right matrix of that product.
    pub fn right_term(&self, right: Mat<f64>) -> Mat<f64> {
        match self {
            CurvatureFactor::Right { root, .. } => sandwich(root, &right, root),
            _ => right,
        }
    }

    /// `kernel += F (right ⊗ left) Fᵀ` for symmetric `left : n_L × n_L`, `right : n_0 × n_0`.
    pub fn add_kernel(&self, left: &Mat<f64>, right: &Mat<f64>, kernel: &mut Mat<f64>) {
        match self {
            CurvatureFactor::Identity { .. } => *kernel += kronecker(right, left),
            CurvatureFactor::Entries(entries) => {
                for (b, &(k, l, v)) in entries.iter().enumerate() {
                    for (a, &(i, j, w)) in entries.iter().enumerate() {
                        kernel[(a, b)] += w * v * left[(i, k)] * right[(j, l)];
                    }
                }
            }
            CurvatureFactor::Right { root, .. } => {
                *kernel += kronecker(&sandwich(root, right, root), left);
            }
            CurvatureFactor::Dense { factor, rows } => {
                let mut images = zeros(factor.ncols(), factor.nrows());
                let mut half = zeros(*rows, right.nrows());
                let mut d = zeros(*rows, right.nrows());
                for (measurement, image) in factor.row_iter().zip(images.col_iter_mut()) {
                    let entries = d.col_iter_mut().flat_map(|column| column.iter_mut());
                    entries
                        .zip(measurement.iter())
                        .for_each(|(to, from)| *to = *from);
                    multiply(half.as_mut(), false, 1.0, left.as_ref(), d.as_ref());
                    multiply(d.as_mut(), false, 1.0, half.as_ref(), right.as_ref());
                    let entries = d.col_iter().flat_map(|column| column.iter());
                    image
                        .iter_mut()
                        .zip(entries)
                        .for_each(|(to, from)| *to = *from);
                }
                multiply(kernel.as_mut(), true, 1.0, factor.as_ref(), images.as_ref());
            }
        }
    }
}

/// `‖F‖²` by some steps of power iteration.
fn largest_square(factor: &Mat<f64>) -> f64 {
    let m = factor.nrows();
    let mut z = Mat::from_fn(m, 1, |i, _| 1.0 + 0.5 * (i as f64).sin());
    let mut size = 0.0;
    for _ in 0..POWERS {
        z *= faer::Scale(1.0 / frobenius(z.as_ref()).max(f64::MIN_POSITIVE));
        let back = product(factor.transpose(), z.as_ref());
        z = product(factor.as_ref(), back.as_ref());
        size = frobenius(z.as_ref());
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::to_vec;

    /// Entries of no structure.
    fn generic(rows: usize, cols: usize, phase: f64) -> Mat<f64> {
        Mat::from_fn(rows, cols, |i, j| {
            (phase + 1.7 * i as f64 + 2.9 * j as f64 + (i * j) as f64).sin()
        })
    }

    fn square(a: &Mat<f64>) -> Mat<f64> {
        a * a.transpose()
    }

    /// One cost of every kind for `A : 3 × 4`.
    fn costs() -> Vec<Cost> {
        let target = || generic(3, 4, 0.1);
        let zero_or = |i: usize, j: usize| ((i + j) % 3) as f64 * 0.8;
        vec![
            Cost::SquaredError { target: target() },
            Cost::Weighted {
                target: target(),
                weights: Mat::from_fn(3, 4, zero_or),
            },
            Cost::MatrixCompletion {
                target: target(),
                observed: Mat::from_fn(3, 4, |i, j| zero_or(i, j).min(1.0).ceil()),
            },
            // Rank 2: two directions are not seen.
            Cost::regression(target(), square(&generic(4, 2, 0.4)), 0.2),
            Cost::MatrixSensing {
                measurements: generic(5, 12, 0.7),
                observations: vec![0.0; 5],
                target: None,
                shape: (3, 4),
            },
        ]
    }

    #[test]
    fn factor_squares_to_the_curvature() {
        for cost in costs() {
            let factor = cost.curvature_factor(12).expect("at most 12 rows");
            let d = generic(3, 4, 1.9);
            let mut z = vec![f64::NAN; factor.rows()];
            let (mut found, mut exact) = (generic(3, 4, 9.0), Mat::zeros(3, 4));
            factor.apply(d.as_ref(), &mut z);
            factor.apply_transpose(&z, found.as_mut());
            cost.curvature(d.as_ref(), exact.as_mut(), &mut cost.scratch());
            // Rounding of an eigenvalue decomposition at most.
            assert!((&found - &exact).norm_l2() < 1e-14 * (1.0 + exact.norm_l2()));
            assert!(cost.curvature_factor(factor.rows() - 1).is_none());
        }
    }

    #[test]
    fn kernel_is_the_factor_around_a_kronecker_product() {
        for cost in costs() {
            let factor = cost.curvature_factor(12).expect("at most 12 rows");
            let (left, right) = (square(&generic(3, 3, 0.2)), square(&generic(4, 4, 0.9)));
            let m = factor.rows();
            let start = square(&generic(m, m, 3.0));
            let mut kernel = start.clone();
            factor.add_kernel(&left, &right, &mut kernel);
            for k in 0..m {
                let mut unit = vec![0.0; m];
                unit[k] = 1.0;
                let mut d = Mat::zeros(3, 4);
                factor.apply_transpose(&unit, d.as_mut());
                // (right ⊗ left) vec(D) = vec(left D right) for symmetric matrices.
                let moved = &left * &d * &right;
                let mut column = vec![0.0; m];
                factor.apply(moved.as_ref(), &mut column);
                let found = to_vec((&kernel - &start).as_ref().subcols(k, 1));
                for (f, e) in found.iter().zip(&column) {
                    assert!((f - e).abs() < 1e-13 * (1.0 + kernel.norm_l2()), "{f} {e}");
                }
            }
        }
    }
}
