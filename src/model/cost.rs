//! Costs `C(A)` of the end-to-end matrix `A : n_L × n_0`. All are quadratic in `A`, so the
//! gradient is `∇C(A)` affine and the curvature `∇²C` is one fixed linear map.

use crate::linalg::{
    Mat, MatMut, MatRef, eigenvalue_roundoff, frobenius, inner, multiply, product, symmetric_eigen,
    zeros,
};

/// What the end-to-end matrix is fitted to.
#[derive(Debug, Clone)]
pub enum Cost {
    /// `½‖A − T‖_F²`.
    SquaredError { target: Mat<f64> },
    /// `½ Σ w_ij (A − T)_ij²`.
    Weighted { target: Mat<f64>, weights: Mat<f64> },
    /// `½ Σ_observed (A − T)_ij²`; `observed` is 0/1 and its zeros are the test set.
    MatrixCompletion {
        target: Mat<f64>,
        observed: Mat<f64>,
    },
    /// `(1/2N)‖A X − Y‖_F² = ½ tr((A − T) Σ (A − T)ᵀ) + floor` with `Σ = X Xᵀ/N : n_0 × n_0`,
    /// `T` the least-squares solution and `floor` what no linear map can explain.
    Regression {
        target: Mat<f64>,
        covariance: Mat<f64>,
        /// Where `Σ` is singular the projector `P` onto its range: what `A` has outside costs nothing, and
        /// without it not even rounding.
        range: Option<Mat<f64>>,
        floor: f64,
    },
    /// `(1/2m) Σ_k (⟨M_k, A⟩ − y_k)²`; row `k` of `measurements : m × n_L n_0` is `M_k`
    /// column-major.
    MatrixSensing {
        measurements: Mat<f64>,
        observations: Vec<f64>,
        target: Option<Mat<f64>>,
        shape: (usize, usize),
    },
}

/// Scratch of `Cost::gradient` and `Cost::curvature`; make it with `Cost::scratch`.
#[derive(Debug, Clone)]
pub struct CostScratch {
    matrices: [Mat<f64>; 2],
    residual: Mat<f64>,
    flat: Mat<f64>,
}

impl Cost {
    /// `½ tr((A − T) Σ (A − T)ᵀ) + floor`.
    pub fn regression(target: Mat<f64>, covariance: Mat<f64>, floor: f64) -> Self {
        Self::Regression {
            range: range(&covariance),
            target,
            covariance,
            floor,
        }
    }

    /// `(n_L, n_0)`.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Cost::MatrixSensing { shape, .. } => *shape,
            Cost::SquaredError { target }
            | Cost::Weighted { target, .. }
            | Cost::MatrixCompletion { target, .. }
            | Cost::Regression { target, .. } => (target.nrows(), target.ncols()),
        }
    }

    /// The matrix `T` that the cost is built from, where there is one.
    pub fn target(&self) -> Option<MatRef<'_, f64>> {
        match self {
            Cost::SquaredError { target }
            | Cost::Weighted { target, .. }
            | Cost::MatrixCompletion { target, .. }
            | Cost::Regression { target, .. } => Some(target.as_ref()),
            Cost::MatrixSensing { target, .. } => target.as_ref().map(|t| t.as_ref()),
        }
    }

    /// Whether the matrices of a cost are what they must be, and that in words.
    pub(super) fn claims(&self) -> [(bool, &'static str); 2] {
        let (rows, columns) = self.shape();
        let alike = |m: &Mat<f64>| m.nrows() == rows && m.ncols() == columns;
        let all = |m: &Mat<f64>, holds: fn(f64) -> bool| {
            (0..m.ncols()).all(|j| (0..m.nrows()).all(|i| holds(m[(i, j)])))
        };
        let target = self.target();
        let finite = (
            target.is_none_or(|t| (t.nrows(), t.ncols()) == (rows, columns) && t.is_all_finite()),
            "a finite target, n_L × n_0",
        );
        let own = match self {
            Cost::SquaredError { .. } => finite,
            Cost::Weighted { weights, .. } => (
                alike(weights)
                    && all(weights, |w| w >= 0.0 && w.is_finite())
                    && !all(weights, |w| w == 0.0),
                "weights of the target's shape, neither negative nor infinite, and not all zero",
            ),
            Cost::MatrixCompletion { observed, .. } => (
                alike(observed) && all(observed, |o| o == 0.0 || o == 1.0),
                "observed entries of the target's shape, 0 or 1",
            ),
            Cost::Regression {
                covariance,
                floor,
                range: kept,
                ..
            } => (
                (covariance.nrows(), covariance.ncols()) == (columns, columns)
                    && is_covariance(covariance)
                    && (0.0..f64::INFINITY).contains(floor)
                    && *kept == range(covariance),
                "a covariance with its range, n_0 × n_0, and a finite floor that is not negative",
            ),
            Cost::MatrixSensing {
                measurements,
                observations,
                ..
            } => (
                measurements.nrows() == observations.len()
                    && !observations.is_empty()
                    && measurements.ncols() == rows * columns
                    && measurements.is_all_finite()
                    && observations.iter().all(|y| y.is_finite()),
                "measurements of n_L n_0 entries and as many observations, all finite",
            ),
        };
        [finite, own]
    }

    /// Scratch for this cost's shapes.
    pub fn scratch(&self) -> CostScratch {
        let (rows, cols) = self.shape();
        let m = match self {
            Cost::MatrixSensing { measurements, .. } => measurements.nrows(),
            _ => 0,
        };
        let flat = if m > 0 { rows * cols } else { 0 };
        CostScratch {
            matrices: [zeros(rows, cols), zeros(rows, cols)],
            residual: zeros(m, 1),
            flat: zeros(flat, 1),
        }
    }

    /// `∇C(A)` into `gradient`; returns `C(A)`.
    pub fn gradient(
        &self,
        a: MatRef<'_, f64>,
        gradient: MatMut<'_, f64>,
        scratch: &mut CostScratch,
    ) -> f64 {
        match self {
            Cost::SquaredError { target } => entrywise(a, target, None, gradient),
            Cost::Weighted { target, weights } => entrywise(a, target, Some(weights), gradient),
            Cost::MatrixCompletion { target, observed } => {
                entrywise(a, target, Some(observed), gradient)
            }
            Cost::Regression {
                target,
                covariance,
                range,
                floor,
            } => {
                let [error, inside] = &mut scratch.matrices;
                subtract(a, target.as_ref(), error.as_mut());
                let seen = match range {
                    Some(range) => {
                        multiply(inside.as_mut(), false, 1.0, error.as_ref(), range.as_ref());
                        inside
                    }
                    None => error,
                };
                half_quadratic(seen, covariance, gradient) + floor
            }
            Cost::MatrixSensing {
                measurements,
                observations,
                ..
            } => {
                flatten(a, &mut scratch.flat);
                sensing(measurements, Some(observations), scratch, gradient)
            }
        }
    }

    /// `C(A)`; allocates.
    pub fn value(&self, a: MatRef<'_, f64>) -> f64 {
        let mut gradient = zeros(a.nrows(), a.ncols());
        self.gradient(a, gradient.as_mut(), &mut self.scratch())
    }

    /// `∇C(A)`; allocates.
    pub fn gradient_at(&self, a: MatRef<'_, f64>) -> Mat<f64> {
        let mut gradient = zeros(a.nrows(), a.ncols());
        self.gradient(a, gradient.as_mut(), &mut self.scratch());
        gradient
    }

    /// `C(0)`; allocates.
    pub fn value_at_origin(&self) -> f64 {
        let (rows, cols) = self.shape();
        self.value(zeros(rows, cols).as_ref())
    }

    /// `∇C(0)`; allocates.
    pub fn gradient_at_origin(&self) -> Mat<f64> {
        let (rows, cols) = self.shape();
        self.gradient_at(zeros(rows, cols).as_ref())
    }

    /// `∇²C[D]`, the derivative of `∇C` along `direction`, into `out`.
    pub fn curvature(
        &self,
        direction: MatRef<'_, f64>,
        out: MatMut<'_, f64>,
        scratch: &mut CostScratch,
    ) {
        match self {
            Cost::SquaredError { .. } => {
                let mut out = out;
                out.copy_from(direction);
            }
            Cost::Weighted { weights, .. } => scale_entries(direction, weights, out),
            Cost::MatrixCompletion { observed, .. } => scale_entries(direction, observed, out),
            Cost::Regression { covariance, .. } => {
                multiply(out, false, 1.0, direction, covariance.as_ref());
            }
            Cost::MatrixSensing { measurements, .. } => {
                flatten(direction, &mut scratch.flat);
                sensing(measurements, None, scratch, out);
            }
        }
    }

    /// `⟨D, ∇²C[D]⟩`, how much the cost bends along `direction`. Allocates.
    pub fn bend(&self, direction: MatRef<'_, f64>) -> f64 {
        let mut image = zeros(direction.nrows(), direction.ncols());
        self.curvature(direction, image.as_mut(), &mut self.scratch());
        inner(direction, image.as_ref())
    }

    /// `‖∇²C‖`, the largest eigenvalue of the curvature, from below: power iteration from `start`, which has
    /// to have a part along its vector. Allocates.
    pub fn curvature_norm(&self, mut start: Mat<f64>, steps: usize) -> f64 {
        let mut image = zeros(start.nrows(), start.ncols());
        let mut scratch = self.scratch();
        let mut largest = 0.0;
        for _ in 0..steps {
            let size = frobenius(start.as_ref());
            if size == 0.0 || !size.is_finite() {
                break;
            }
            start *= faer::Scale(1.0 / size);
            self.curvature(start.as_ref(), image.as_mut(), &mut scratch);
            largest = frobenius(image.as_ref());
            std::mem::swap(&mut start, &mut image);
        }
        largest
    }

    /// Cost on what training does not see: the unobserved entries (completion), the distance
    /// `½‖A − T‖_F²` to the matrix measured (sensing). `None` for costs without a test set.
    pub fn test_value(&self, a: MatRef<'_, f64>) -> Option<f64> {
        match self {
            Cost::MatrixCompletion { target, observed } => Some(
                entries(a, target)
                    .map(|(i, j, e)| 0.5 * (1.0 - observed[(i, j)]) * e * e)
                    .sum(),
            ),
            Cost::MatrixSensing {
                target: Some(target),
                ..
            } => Some(entries(a, target).map(|(_, _, e)| 0.5 * e * e).sum()),
            _ => None,
        }
    }
}

/// `(i, j, (A − T)_ij)`, column by column.
fn entries<'a>(
    a: MatRef<'a, f64>,
    target: &'a Mat<f64>,
) -> impl Iterator<Item = (usize, usize, f64)> + 'a {
    (0..a.ncols())
        .flat_map(move |j| (0..a.nrows()).map(move |i| (i, j, a[(i, j)] - target[(i, j)])))
}

fn entrywise(
    a: MatRef<'_, f64>,
    target: &Mat<f64>,
    weights: Option<&Mat<f64>>,
    mut gradient: MatMut<'_, f64>,
) -> f64 {
    let mut cost = 0.0;
    for j in 0..a.ncols() {
        // One sum a column: a single one would have every addition wait for the last.
        let mut column = 0.0;
        for i in 0..a.nrows() {
            let error = a[(i, j)] - target[(i, j)];
            let g = weights.map_or(error, |w| w[(i, j)] * error);
            column += g * error;
            gradient[(i, j)] = g;
        }
        cost += 0.5 * column;
    }
    cost
}

fn scale_entries(direction: MatRef<'_, f64>, weights: &Mat<f64>, mut out: MatMut<'_, f64>) {
    for j in 0..direction.ncols() {
        for i in 0..direction.nrows() {
            out[(i, j)] = weights[(i, j)] * direction[(i, j)];
        }
    }
}

fn subtract(a: MatRef<'_, f64>, b: MatRef<'_, f64>, mut out: MatMut<'_, f64>) {
    for j in 0..a.ncols() {
        for i in 0..a.nrows() {
            out[(i, j)] = a[(i, j)] - b[(i, j)];
        }
    }
}

/// `E Σ` into `gradient`; returns `½ tr(E Σ Eᵀ)`.
fn half_quadratic(error: &Mat<f64>, covariance: &Mat<f64>, mut gradient: MatMut<'_, f64>) -> f64 {
    let product = gradient.as_mut();
    multiply(product, false, 1.0, error.as_ref(), covariance.as_ref());
    let mut cost = 0.0;
    for j in 0..error.ncols() {
        for i in 0..error.nrows() {
            cost += 0.5 * error[(i, j)] * gradient[(i, j)];
        }
    }
    cost
}

/// The projector onto the range of a singular `Σ`; `None` where it is regular.
fn range(covariance: &Mat<f64>) -> Option<Mat<f64>> {
    if covariance.nrows() != covariance.ncols() {
        return None;
    }
    let (values, vectors) = symmetric_eigen(covariance.as_ref())?;
    let n = values.len();
    let roundoff = eigenvalue_roundoff(&values);
    let lost = values.iter().take_while(|v| **v <= roundoff).count();
    let basis = vectors.subcols(lost, n - lost);
    (lost > 0).then(|| product(basis, basis.transpose()))
}

/// Largest difference of a covariance from its transpose, relative to its entries: that of sums in another order.
const SKEW: f64 = 1e-12;

/// Finite, symmetric and without negative eigenvalues, up to roundoff.
fn is_covariance(matrix: &Mat<f64>) -> bool {
    let largest = matrix.norm_max();
    let skew = (matrix - matrix.transpose()).norm_max();
    let values = symmetric_eigen(matrix.as_ref()).map(|(values, _)| values);
    values
        .is_some_and(|values| skew <= SKEW * largest && values[0] >= -eigenvalue_roundoff(&values))
}

fn flatten(a: MatRef<'_, f64>, flat: &mut Mat<f64>) {
    for j in 0..a.ncols() {
        for i in 0..a.nrows() {
            flat[(j * a.nrows() + i, 0)] = a[(i, j)];
        }
    }
}

/// `(1/m) Σ_k r_k M_k` into `gradient` with `r_k = ⟨M_k, X⟩ − y_k`, `X` in `scratch.flat`;
/// returns `(1/2m) Σ r_k²`.
fn sensing(
    measurements: &Mat<f64>,
    observations: Option<&[f64]>,
    scratch: &mut CostScratch,
    mut gradient: MatMut<'_, f64>,
) -> f64 {
    let CostScratch { residual, flat, .. } = scratch;
    let m = measurements.nrows();
    let (b, weight) = (measurements.as_ref(), 1.0 / m as f64);
    multiply(residual.as_mut(), false, 1.0, b, flat.as_ref());
    let mut cost = 0.0;
    for k in 0..m {
        residual[(k, 0)] -= observations.map_or(0.0, |y| y[k]);
        cost += 0.5 * weight * residual[(k, 0)] * residual[(k, 0)];
    }
    multiply(
        flat.as_mut(),
        false,
        weight,
        b.transpose(),
        residual.as_ref(),
    );
    let rows = gradient.nrows();
    for j in 0..gradient.ncols() {
        for i in 0..rows {
            gradient[(i, j)] = flat[(j * rows + i, 0)];
        }
    }
    cost
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The weights are the eigenvalues of the curvature.
    #[test]
    fn the_curvature_is_as_large_as_the_largest_weight() {
        let weights = Mat::from_fn(3, 2, |i, j| 1.0 + (i + 3 * j) as f64);
        let target = Mat::zeros(3, 2);
        let cost = Cost::Weighted { target, weights };
        let found = |steps| cost.curvature_norm(Mat::full(3, 2, 1.0), steps);
        // What is left of the second falls as (5/6)ᵏ, and by its square in the norm.
        assert!((found(100) - 6.0).abs() < 1e-14);
        assert!(found(5) < 6.0 && found(5) > 5.0);
        assert_eq!(cost.curvature_norm(Mat::zeros(3, 2), 5), 0.0);
    }
}
