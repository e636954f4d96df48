//! Eigenvalues and inverses in floating point: what the proofs start from, not part of them.

use crate::linalg::{Mat, MatRef, product, svd, symmetric_eigen};

/// Eigenvalue or singular value, relative to the largest, that roundoff may have made.
const FLAT: f64 = 1e-13;

/// `Qᵀ J Q = Λ`, no eigenvalue near zero.
pub struct Spectrum {
    values: Vec<f64>,
    vectors: Mat<f64>,
}

impl Spectrum {
    /// `None` when the matrix is not finite or singular to roundoff.
    pub fn of(hessian: MatRef<'_, f64>) -> Option<Self> {
        if !hessian.is_all_finite() {
            return None;
        }
        let (values, vectors) = symmetric_eigen(hessian)?;
        let sizes = values.iter().map(|v| v.abs());
        let (least, most) = sizes.fold((f64::INFINITY, 0.0_f64), |(l, m), v| (l.min(v), m.max(v)));
        (least > FLAT * most).then_some(Self { values, vectors })
    }

    /// `J⁻¹ = Q Λ⁻¹ Qᵀ`.
    pub fn inverse(&self) -> Mat<f64> {
        let scaled = self.columns_over(|value| value);
        product(scaled.as_ref(), self.vectors.transpose())
    }

    /// `S = Q |Λ|^{−1/2}`, by which `Sᵀ J S ≈ diag(±1)`.
    pub fn scaled_vectors(&self) -> Mat<f64> {
        self.columns_over(|value| value.abs().sqrt())
    }

    /// Each eigenvector over a function of its eigenvalue.
    fn columns_over(&self, divisor: fn(f64) -> f64) -> Mat<f64> {
        let m = self.values.len();
        Mat::from_fn(m, m, |i, j| self.vectors[(i, j)] / divisor(self.values[j]))
    }
}

/// `A⁻¹` of a square matrix; `None` when it is not finite or singular to roundoff.
pub fn inverse(a: MatRef<'_, f64>) -> Option<Mat<f64>> {
    if !a.is_all_finite() {
        return None;
    }
    let parts = svd(a)?;
    let (most, least) = (*parts.s.first()?, *parts.s.last()?);
    (least > FLAT * most).then(|| parts.inverse())
}
