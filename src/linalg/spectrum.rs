//! Singular values and vectors, `A = U diag(σ) Vᵀ` with `σ_1 ≥ σ_2 ≥ …`.

use super::{orthogonalise_columns, orthonormal_basis, owned, product, zeros};
use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::evd;
use faer::linalg::svd::{self as faer_svd, ComputeSvdVectors};
use faer::traits::RealField;
use faer::traits::math_utils::zero;
use faer::{Mat, MatMut, MatRef, Par};
use std::fmt;
use std::mem::MaybeUninit;

/// Singular values of matrices of one shape, without allocation after `new`.
pub struct SingularValues {
    values: Vec<f64>,
    /// A matrix of tiny or huge entries in another unit.
    scaled: Mat<f64>,
    memory: MemBuffer,
}

/// Entries whose squares, and sums of them, are numbers of full precision.
const PLAIN: std::ops::Range<f64> = 1e-100..1e100;

/// From so many rows and columns on faer divides and conquers, with roots of a secular equation that are as good as
/// the largest entry is no larger than one.
const DIVIDED: usize = 128;

/// The power of two in whose unit `a` has ordinary entries: faer squares them as they are. 0 where they
/// are ordinary, all zero or not finite.
fn unit(a: MatRef<'_, f64>) -> i32 {
    let largest = a.norm_max();
    let ordinary = PLAIN.contains(&largest) && a.nrows().min(a.ncols()) < DIVIDED;
    match largest == 0.0 || ordinary || !largest.is_finite() {
        true => 0,
        false => libm::ilogb(largest),
    }
}

/// `to = 2^exponent from`.
fn rescale(mut to: MatMut<'_, f64>, from: MatRef<'_, f64>, exponent: i32) {
    for (to, from) in to.as_mut().col_iter_mut().zip(from.col_iter()) {
        for (to, from) in to.iter_mut().zip(from.iter()) {
            *to = libm::scalbn(*from, exponent);
        }
    }
}

/// `a` in the unit `2^exponent`.
fn in_unit(a: MatRef<'_, f64>, exponent: i32) -> Mat<f64> {
    let mut scaled = zeros(a.nrows(), a.ncols());
    rescale(scaled.as_mut(), a, -exponent);
    scaled
}

/// Values of a matrix in the unit `2^exponent` as those of the matrix.
fn back(values: &mut [f64], exponent: i32) {
    if exponent != 0 {
        for value in values {
            *value = libm::scalbn(*value, exponent);
        }
    }
}

/// Memory of zeros, for the reason of [`zeros`].
pub(super) fn workspace(size: StackReq) -> MemBuffer {
    let mut memory = MemBuffer::new(size);
    memory.fill(MaybeUninit::new(0));
    memory
}

impl fmt::Debug for SingularValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingularValues")
            .field("values", &self.values)
            .finish_non_exhaustive()
    }
}

impl SingularValues {
    /// For matrices of shape `rows × cols`.
    pub fn new(rows: usize, cols: usize) -> Self {
        let scratch = faer_svd::svd_scratch::<f64>(
            rows,
            cols,
            ComputeSvdVectors::No,
            ComputeSvdVectors::No,
            Par::Seq,
            Default::default(),
        );
        Self {
            values: vec![0.0; rows.min(cols)],
            scaled: zeros(rows, cols),
            memory: workspace(scratch),
        }
    }

    /// `σ_1 ≥ σ_2 ≥ …` of `a`; all NaN when it is not finite.
    pub fn of(&mut self, a: MatRef<'_, f64>) -> &[f64] {
        let exponent = unit(a);
        if exponent == 0 {
            self.decompose(a, 0);
            return &self.values;
        }
        let mut scaled = std::mem::replace(&mut self.scaled, Mat::new());
        rescale(scaled.as_mut(), a, -exponent);
        self.decompose(scaled.as_ref(), exponent);
        self.scaled = scaled;
        &self.values
    }

    /// Singular values of `2^exponent · a`.
    fn decompose(&mut self, a: MatRef<'_, f64>, exponent: i32) {
        let result = faer_svd::svd(
            a,
            DiagMut::from_slice_mut(&mut self.values),
            None,
            None,
            Par::Seq,
            MemStack::new(&mut self.memory),
            Default::default(),
        );
        match result {
            Ok(()) => back(&mut self.values, exponent),
            Err(_) => match by_rotations(a) {
                Some(factors) => {
                    self.values.copy_from_slice(&factors.s);
                    back(&mut self.values, exponent);
                }
                None => self.values.fill(f64::NAN),
            },
        }
    }
}

/// Thin singular value decomposition.
#[derive(Debug)]
pub struct Svd {
    pub u: Mat<f64>,
    pub s: Vec<f64>,
    pub v: Mat<f64>,
}

impl Svd {
    /// `V diag(1/σ_1, 1/σ_2, …) Uᵀ`: the inverse of a regular matrix, the left inverse of one whose columns are
    /// independent.
    pub fn inverse(&self) -> Mat<f64> {
        let scaled = Mat::from_fn(self.v.nrows(), self.v.ncols(), |i, j| {
            self.v[(i, j)] / self.s[j]
        });
        product(scaled.as_ref(), self.u.transpose())
    }
}

/// Thin SVD of `a` (`rows × cols`, `k = min`): `u : rows × k`, `v : cols × k`. `None` when `a` is
/// not finite.
pub fn svd(a: MatRef<'_, f64>) -> Option<Svd> {
    let exponent = unit(a);
    if exponent != 0 {
        let mut factors = svd(in_unit(a, exponent).as_ref())?;
        back(&mut factors.s, exponent);
        return Some(factors);
    }
    let (rows, cols) = (a.nrows(), a.ncols());
    let k = rows.min(cols);
    let (mut u, mut v) = (zeros(rows, k), zeros(cols, k));
    let mut s = vec![0.0; k];
    let scratch = faer_svd::svd_scratch::<f64>(
        rows,
        cols,
        ComputeSvdVectors::Thin,
        ComputeSvdVectors::Thin,
        Par::Seq,
        Default::default(),
    );
    let found = faer_svd::svd(
        a,
        DiagMut::from_slice_mut(&mut s),
        Some(u.as_mut()),
        Some(v.as_mut()),
        Par::Seq,
        MemStack::new(&mut workspace(scratch)),
        Default::default(),
    );
    match found {
        Ok(()) => Some(Svd { u, s, v }),
        Err(_) => by_rotations(a),
    }
}

/// The same by Jacobi's rotations, which always come to an end, for the few matrices on which the iteration of
/// faer does not: some with equal singular values.
fn by_rotations(a: MatRef<'_, f64>) -> Option<Svd> {
    if !a.is_all_finite() {
        return None;
    }
    if a.nrows() < a.ncols() {
        let Svd { u, s, v } = by_rotations(a.transpose())?;
        return Some(Svd { u: v, s, v: u });
    }
    let mut columns = owned(a);
    let v = orthogonalise_columns(&mut columns);
    let s: Vec<f64> = columns.col_iter().map(|c| c.norm_l2()).collect();
    let rank = s.iter().filter(|s| **s > 0.0).count();
    let known = Mat::from_fn(a.nrows(), rank, |i, j| columns[(i, j)] / s[j]);
    // Directions without a singular value are whatever is left.
    let unit = |i: usize, j: usize| f64::from(u8::from(i + rank == j));
    let left = Mat::from_fn(a.nrows(), rank + a.nrows(), |i, j| match j < rank {
        true => known[(i, j)],
        false => unit(i, j),
    });
    let basis = orthonormal_basis(left);
    let u = Mat::from_fn(a.nrows(), a.ncols(), |i, j| match j < rank {
        true => known[(i, j)],
        false => basis[(i, j)],
    });
    Some(Svd { u, s, v })
}

/// Eigenvalues in increasing order and eigenvectors (columns) of a symmetric matrix, of which the
/// lower triangle is read. `None` when it is not finite.
pub fn symmetric_eigen(a: MatRef<'_, f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    // Small matrices with a NaN go through without a complaint.
    if !a.is_all_finite() {
        return None;
    }
    let exponent = unit(a);
    if exponent != 0 {
        let (mut values, vectors) = symmetric_eigen(in_unit(a, exponent).as_ref())?;
        back(&mut values, exponent);
        return Some((values, vectors));
    }
    let mut vectors = zeros(a.nrows(), a.ncols());
    let values = decompose(a, vectors.as_mut())?;
    Some((values, vectors))
}

/// [`symmetric_eigen`] in single precision, in about half the time: eigenvalues to some `10⁻⁶` of the
/// largest.
pub fn rough_symmetric_eigen(a: MatRef<'_, f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    if !a.is_all_finite() {
        return None;
    }
    let (n, largest) = (a.nrows(), a.norm_max());
    let exponent = match largest > 0.0 {
        true => libm::ilogb(largest),
        false => 0,
    };
    let unit = libm::scalbn(1.0, -exponent);
    let rough = Mat::from_fn(n, n, |i, j| (unit * a[(i, j)]) as f32);
    let mut vectors = Mat::zeros(n, n);
    let values = decompose(rough.as_ref(), vectors.as_mut())?;
    let mut values: Vec<f64> = values.into_iter().map(f64::from).collect();
    back(&mut values, exponent);
    let mut double = zeros(n, n);
    for (to, from) in double.col_iter_mut().zip(vectors.col_iter()) {
        let entries = to.iter_mut().zip(from.iter());
        entries.for_each(|(to, from)| *to = f64::from(*from));
    }
    Some((values, double))
}

/// Eigenvalues in increasing order, the eigenvectors into `vectors`.
fn decompose<T: RealField>(a: MatRef<'_, T>, vectors: MatMut<'_, T>) -> Option<Vec<T>> {
    let n = a.nrows();
    let mut values = vec![zero(); n];
    let scratch = evd::self_adjoint_evd_scratch::<T>(
        n,
        evd::ComputeEigenvectors::Yes,
        Par::Seq,
        Default::default(),
    );
    evd::self_adjoint_evd(
        a,
        DiagMut::from_slice_mut(&mut values),
        Some(vectors),
        Par::Seq,
        MemStack::new(&mut workspace(scratch)),
        Default::default(),
    )
    .ok()?;
    Some(values)
}

/// Eigenvalues of a positive semidefinite matrix, in increasing order, that are not above this are roundoff of the
/// largest: `8 n ε λ_n`.
pub fn eigenvalue_roundoff(values: &[f64]) -> f64 {
    let largest = values.last().copied().unwrap_or(0.0);
    8.0 * values.len() as f64 * f64::EPSILON * largest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Powers of two change no digit.
    #[test]
    fn tiny_and_huge_matrices_have_the_same_digits() {
        let a = Mat::from_fn(4, 3, |i, j| (1.3 * i as f64 + 2.1 * j as f64 + 0.7).sin());
        let mut spectrum = SingularValues::new(4, 3);
        let plain = spectrum.of(a.as_ref()).to_vec();
        let (plain_values, _) = symmetric_eigen(a.subrows(0, 3)).expect("finite");
        for exponent in [-990, -400, 400, 990] {
            let scale = libm::scalbn(1.0, exponent);
            let other = Mat::from_fn(4, 3, |i, j| a[(i, j)] * scale);
            let expected: Vec<f64> = plain.iter().map(|s| s * scale).collect();
            let found = spectrum.of(other.as_ref());
            let factors = svd(other.as_ref()).expect("finite");
            let (values, _) = symmetric_eigen(other.subrows(0, 3)).expect("finite");
            let expected_values: Vec<f64> = plain_values.iter().map(|s| s * scale).collect();
            let all = [found, factors.s.as_slice(), &values].concat();
            let expected = [&expected[..], &expected, &expected_values].concat();
            for (found, expected) in all.iter().zip(&expected) {
                // The unit of the scaled matrix is another power of two: roundoff of a few eps.
                assert!((found / expected - 1.0).abs() < 1e-14, "{exponent}");
            }
        }
    }

    #[test]
    fn what_is_not_finite_has_no_eigenvalues() {
        for value in [f64::NAN, f64::INFINITY] {
            for n in [1, 2, 20] {
                let a = Mat::from_fn(n, n, |i, j| if i + j == n - 1 { value } else { 1.0 });
                assert!(symmetric_eigen(a.as_ref()).is_none());
                assert!(rough_symmetric_eigen(a.as_ref()).is_none());
            }
        }
    }

    /// Of a matrix with known eigenvalues, in ordinary, tiny and huge units.
    #[test]
    fn single_precision_finds_eigenvalues_to_its_digits() {
        let n = 40;
        let turn = Mat::from_fn(n, n, |i, j| (0.3 + 1.7 * i as f64 * j as f64).sin());
        let q = svd(turn.as_ref()).expect("finite").u;
        let exact: Vec<f64> = (1..=n).map(|i| i as f64).collect();
        let scaled = Mat::from_fn(n, n, |i, j| q[(i, j)] * exact[j]);
        let a = product(scaled.as_ref(), q.transpose());
        for exponent in [-600, 0, 600] {
            let scale = libm::scalbn(1.0, exponent);
            let other = Mat::from_fn(n, n, |i, j| a[(i, j)] * scale);
            let (values, vectors) = rough_symmetric_eigen(other.as_ref()).expect("finite");
            let image = product(a.as_ref(), vectors.as_ref());
            for j in 0..n {
                // Backward errors of a decomposition grow no faster than its size.
                let tolerance = f64::from(f32::EPSILON) * n as f64 * exact[n - 1];
                let found = values[j] / scale;
                assert!(
                    (found - exact[j]).abs() < tolerance,
                    "{exponent} {j} {found}"
                );
                for i in 0..n {
                    let residual = image[(i, j)] - exact[j] * vectors[(i, j)];
                    assert!(residual.abs() < tolerance, "{residual:e}");
                }
            }
        }
    }

    /// The gradient at a saddle, with two equal singular values, on which the iteration of faer 0.24.4 ends without any;
    /// and one of low rank, by the same rotations.
    #[test]
    fn what_faer_gives_up_is_decomposed() {
        let bits = [
            0xbfc6_5520_f4e2_2503_u64,
            0x3fcd_1c44_13df_ec6b,
            0xbfce_49ec_8004_8231,
            0xbf84_c268_83b7_a345,
            0x3fc4_673b_98aa_df4a,
            0xbfba_772d_ad71_cee0,
            0x3fbf_e0ef_a1f7_7e90,
            0xbfce_dc45_298b_d9ad,
            0x3fd7_f14b_9813_761f,
        ];
        let stuck = Mat::from_fn(3, 3, |i, j| f64::from_bits(bits[i + 3 * j]));
        let thin = Mat::from_fn(4, 3, |i, j| (i + 1) as f64 * [1.0, 2.0, 0.0][j]);
        for (a, factors) in [
            (&stuck, svd(stuck.as_ref())),
            (&thin, by_rotations(thin.as_ref())),
            (&thin.transpose().to_owned(), by_rotations(thin.transpose())),
        ] {
            let Svd { u, s, v } = factors.expect("finite");
            for (m, k) in [(&u, s.len()), (&v, s.len())] {
                let overlap = product(m.transpose(), m.as_ref()) - Mat::<f64>::identity(k, k);
                assert!(overlap.norm_max() < 1e-14, "{overlap:?}");
            }
            let scaled = Mat::from_fn(u.nrows(), s.len(), |i, j| u[(i, j)] * s[j]);
            let off = product(scaled.as_ref(), v.transpose()) - a;
            assert!(off.norm_max() < 1e-14 * s[0].max(1.0), "{off:?}");
            let mut alone = SingularValues::new(a.nrows(), a.ncols());
            for (x, y) in alone.of(a.as_ref()).iter().zip(&s) {
                assert!((x - y).abs() < 1e-14 * s[0].max(1.0), "{x} {y}");
            }
        }
        assert!(by_rotations(Mat::from_fn(2, 2, |_, _| f64::NAN).as_ref()).is_none());
    }

    /// Orthogonality and residuals of 200 rows whose entries are up to `2⁴⁰`, in units of the largest.
    #[test]
    fn vectors_of_large_matrices_do_not_depend_on_the_unit() {
        let n = 200;
        let plain = Mat::from_fn(n, n, |i, j| {
            ((i * i + 3 * j) as f64).sin() / (1.0 + (i + j) as f64)
        });
        let gram = product(plain.as_ref(), plain.transpose());
        // `a right = left diag(values)` with orthonormal columns.
        let check = |a: &Mat<f64>, right: &Mat<f64>, left: &Mat<f64>, values: &[f64]| {
            let overlap = product(right.transpose(), right.as_ref()) - Mat::<f64>::identity(n, n);
            let turned = Mat::from_fn(n, n, |i, j| values[j] * left[(i, j)]);
            let off = product(a.as_ref(), right.as_ref()) - turned;
            let largest = values.iter().copied().fold(0.0, f64::max);
            let errors = [overlap.norm_max(), off.norm_max() / largest];
            assert!(errors.iter().all(|&e| e < 1e-12), "{errors:?}");
        };
        for exponent in [0, 20, 40] {
            let scale = libm::scalbn(1.0, exponent);
            let gram = Mat::from_fn(n, n, |i, j| scale * gram[(i, j)]);
            let (values, vectors) = symmetric_eigen(gram.as_ref()).expect("finite");
            check(&gram, &vectors, &vectors, &values);
            let plain = Mat::from_fn(n, n, |i, j| scale * plain[(i, j)]);
            let Svd { u, s, v } = svd(plain.as_ref()).expect("finite");
            check(&plain, &v, &u, &s);
            let mut alone = SingularValues::new(n, n);
            for (a, b) in alone.of(plain.as_ref()).iter().zip(&s) {
                assert!((a - b).abs() < 1e-13 * s[0], "{exponent} {a} {b}");
            }
        }
    }
}
