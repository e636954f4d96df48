//! Eigenvectors of the tangent kernel: `K Q = Q Λ`, as the map between coordinates along
//! `V = Gᵀ Fᵀ Q Λ^{−1/2}` and vectors of the length of the kernel.

use crate::integrate::Tangent;
use crate::linalg::{
    Mat, multiply, owned, rough_symmetric_eigen, symmetric_eigen, view, view_mut, zeros,
};
use std::cell::RefCell;

/// The columns of `Q Λ^{−1/2} : m × r` that were chosen.
pub(super) enum Eigenbasis {
    Dense(Mat<f64>),
    Product(Box<Product>),
}

/// Where `K = right ⊗ 1 + 1 ⊗ left`: products `u vᵀ` of eigenvectors of `left` and `right`, with
/// the sums of their eigenvalues.
pub(super) struct Product {
    left: Mat<f64>,
    /// `leftᵀ`: products run faster than with a transposed view.
    left_transposed: Mat<f64>,
    right: Mat<f64>,
    chosen: Vec<Pair>,
    scratch: RefCell<[Mat<f64>; 2]>,
}

/// `scale u_i v_jᵀ`.
struct Pair {
    i: usize,
    j: usize,
    scale: f64,
}

/// Kernels of so many rows gain from single precision.
const LARGE: usize = 128;
/// Largest rate per `cut` up to which single precision will do: it leaves couplings of some `10⁻⁶` of the
/// largest rate, 0.03 of the cut.
const ROUGH: f64 = 3e4;

/// A bound on the largest eigenvalue.
fn norm(kernel: &Mat<f64>) -> f64 {
    let columns = kernel.col_iter().map(|column| column.norm_l1());
    columns.fold(0.0, f64::max)
}

impl Eigenbasis {
    /// Eigenvalues above `cut`, the largest first, and their vectors; `None` when there is none.
    pub fn of(tangent: &dyn Tangent, cut: f64) -> Option<(Vec<f64>, Self)> {
        match tangent.kernel_sum() {
            Some([left, right]) => Self::of_sum(&left, &right, cut),
            None => Self::of_matrix(&tangent.kernel(), cut),
        }
    }

    fn of_matrix(kernel: &Mat<f64>, cut: f64) -> Option<(Vec<f64>, Self)> {
        let m = kernel.nrows();
        let (values, vectors) = match m >= LARGE && norm(kernel) <= ROUGH * cut {
            true => rough_symmetric_eigen(kernel.as_ref())?,
            false => symmetric_eigen(kernel.as_ref())?,
        };
        let floor = floor(cut, *values.last()?);
        // Eigenvalues come in increasing order.
        let r = values.iter().rev().take_while(|&&v| v > floor).count();
        let rates: Vec<f64> = values.iter().rev().take(r).copied().collect();
        let mut basis = zeros(m, r);
        for (j, (mut column, rate)) in basis.col_iter_mut().zip(&rates).enumerate() {
            column.copy_from(vectors.col(m - 1 - j));
            column *= faer::Scale(1.0 / rate.sqrt());
        }
        (r > 0).then_some((rates, Self::Dense(basis)))
    }

    fn of_sum(left: &Mat<f64>, right: &Mat<f64>, cut: f64) -> Option<(Vec<f64>, Self)> {
        let (of_left, left) = symmetric_eigen(left.as_ref())?;
        let (of_right, right) = symmetric_eigen(right.as_ref())?;
        let floor = floor(cut, of_left.last()? + of_right.last()?);
        let all = (0..of_right.len()).flat_map(|j| (0..of_left.len()).map(move |i| (i, j)));
        let rated = all.map(|(i, j)| (of_left[i] + of_right[j], i, j));
        let mut rated: Vec<_> = rated.filter(|(rate, ..)| *rate > floor).collect();
        rated.sort_by(|a, b| b.0.total_cmp(&a.0));
        let rates: Vec<f64> = rated.iter().map(|(rate, ..)| *rate).collect();
        let pair = |(rate, i, j): (f64, usize, usize)| {
            let scale = 1.0 / rate.sqrt();
            Pair { i, j, scale }
        };
        let chosen: Vec<Pair> = rated.into_iter().map(pair).collect();
        let product = Product {
            left_transposed: owned(left.transpose()),
            scratch: RefCell::new([(); 2].map(|()| zeros(left.nrows(), right.nrows()))),
            left,
            right,
            chosen,
        };
        (!rates.is_empty()).then(|| (rates, Self::Product(Box::new(product))))
    }

    /// `c = (Q Λ^{−1/2})ᵀ z`.
    pub fn coordinates(&self, z: &[f64], c: &mut [f64]) {
        match self {
            Self::Dense(basis) => {
                let out = view_mut(c, c.len(), 1);
                multiply(out, false, 1.0, basis.transpose(), view(z, z.len(), 1));
            }
            Self::Product(product) => product.coordinates(z, c),
        }
    }

    /// `z = Q Λ^{−1/2} c`.
    pub fn combine(&self, c: &[f64], z: &mut [f64]) {
        match self {
            Self::Dense(basis) => {
                let out = view_mut(z, z.len(), 1);
                multiply(out, false, 1.0, basis.as_ref(), view(c, c.len(), 1));
            }
            Self::Product(product) => product.combine(c, z),
        }
    }

    /// `Q Λ^{−1/2} P`.
    pub fn rotated(&self, rotation: &Mat<f64>) -> Self {
        let (rows, r) = (self.rows(), rotation.ncols());
        let mut basis = zeros(rows, r);
        for (from, to) in rotation.col_iter().zip(basis.col_iter_mut()) {
            let c: Vec<f64> = from.iter().copied().collect();
            let mut z = vec![0.0; rows];
            self.combine(&c, &mut z);
            to.iter_mut().zip(z).for_each(|(to, z)| *to = z);
        }
        Self::Dense(basis)
    }

    fn rows(&self) -> usize {
        match self {
            Self::Dense(basis) => basis.nrows(),
            Self::Product(product) => product.left.nrows() * product.right.nrows(),
        }
    }
}

/// Rates above it are told from roundoff of the largest.
fn floor(cut: f64, largest: f64) -> f64 {
    cut.max(1e-10 * largest)
}

impl Product {
    fn coordinates(&self, z: &[f64], c: &mut [f64]) {
        let [half, all] = &mut *self.scratch.borrow_mut();
        let z = view(z, self.left.nrows(), self.right.nrows());
        multiply(half.as_mut(), false, 1.0, z, self.right.as_ref());
        let left = self.left_transposed.as_ref();
        multiply(all.as_mut(), false, 1.0, left, half.as_ref());
        for (c, pair) in c.iter_mut().zip(&self.chosen) {
            *c = pair.scale * all[(pair.i, pair.j)];
        }
    }

    fn combine(&self, c: &[f64], z: &mut [f64]) {
        let [half, all] = &mut *self.scratch.borrow_mut();
        all.fill(0.0);
        for (c, pair) in c.iter().zip(&self.chosen) {
            all[(pair.i, pair.j)] = pair.scale * c;
        }
        let z = view_mut(z, self.left.nrows(), self.right.nrows());
        let left = self.left.as_ref();
        multiply(half.as_mut(), false, 1.0, left, all.as_ref());
        multiply(z, false, 1.0, half.as_ref(), self.right.transpose());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::product;

    /// Symmetric and positive.
    fn gram(n: usize, phase: f64) -> Mat<f64> {
        let a = Mat::from_fn(n, n, |i, j| (phase + 1.7 * i as f64 + 2.9 * j as f64).sin());
        product(a.as_ref(), a.transpose())
    }

    /// `right ⊗ 1 + 1 ⊗ left`.
    fn sum(left: &Mat<f64>, right: &Mat<f64>) -> Mat<f64> {
        let (n, m) = (left.nrows(), right.nrows());
        let unit = |a: usize, b: usize| f64::from(u8::from(a == b));
        Mat::from_fn(n * m, n * m, |a, b| {
            right[(a / n, b / n)] * unit(a % n, b % n) + unit(a / n, b / n) * left[(a % n, b % n)]
        })
    }

    /// The basis as a matrix, column by column.
    fn columns(basis: &Eigenbasis, r: usize) -> Mat<f64> {
        let mut out = Mat::zeros(basis.rows(), r);
        for k in 0..r {
            let (mut c, mut z) = (vec![0.0; r], vec![0.0; basis.rows()]);
            c[k] = 1.0;
            basis.combine(&c, &mut z);
            for (i, z) in z.iter().enumerate() {
                out[(i, k)] = *z;
            }
        }
        out
    }

    #[test]
    fn products_are_eigenvectors_of_the_sum() {
        let (left, right) = (gram(3, 0.2), gram(4, 1.1));
        let kernel = sum(&left, &right);
        let dense = Eigenbasis::of_matrix(&kernel, 0.5).expect("rates above");
        let (rates, basis) = Eigenbasis::of_sum(&left, &right, 0.5).expect("rates above");
        assert!(rates.len() < 12 && rates.len() == dense.0.len());
        let b = columns(&basis, rates.len());
        let image = product(kernel.as_ref(), b.as_ref());
        let gram = product(b.transpose(), b.as_ref());
        for (k, rate) in rates.iter().enumerate() {
            assert!((rate - dense.0[k]).abs() < 1e-13 * rates[0]);
            for i in 0..12 {
                assert!((image[(i, k)] - rate * b[(i, k)]).abs() < 1e-13 * rates[0]);
            }
            for l in 0..rates.len() {
                let exact = if k == l { 1.0 / rate } else { 0.0 };
                assert!((gram[(k, l)] - exact).abs() < 1e-13);
            }
        }
    }

    /// Against products of eigenvectors, which are made in double precision: rates and the orthogonality
    /// of `V`, `V_kᵀ V_l = q_kᵀ K q_l/√(λ_k λ_l)`, to single precision of the largest rate.
    #[test]
    fn large_kernels_are_decomposed_to_single_precision_of_the_largest_rate() {
        let (left, right) = (gram(12, 0.2), gram(12, 1.1));
        let kernel = sum(&left, &right);
        assert!(kernel.nrows() >= LARGE);
        for (cut, digits) in [(0.5, f64::from(f32::EPSILON)), (1e-5, f64::EPSILON)] {
            let (exact, _) = Eigenbasis::of_sum(&left, &right, cut).expect("rates above");
            let (rates, basis) = Eigenbasis::of_matrix(&kernel, cut).expect("rates above");
            assert_eq!(norm(&kernel) <= ROUGH * cut, cut == 0.5);
            assert_eq!(rates.len(), exact.len());
            let tolerance = digits * kernel.nrows() as f64 * exact[0];
            let b = columns(&basis, rates.len());
            let image = product(kernel.as_ref(), b.as_ref());
            let gram = product(b.transpose(), image.as_ref());
            for (k, rate) in rates.iter().enumerate() {
                assert!((rate - exact[k]).abs() < tolerance, "{rate} {}", exact[k]);
                for l in 0..rates.len() {
                    let unit = if k == l { 1.0 } else { 0.0 };
                    let error = (gram[(k, l)] - unit).abs();
                    assert!(
                        error < tolerance / (rate * rates[l]).sqrt(),
                        "{k} {l} {error:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn coordinates_are_the_transpose_and_rotations_turn_the_columns() {
        let (rates, basis) = Eigenbasis::of_sum(&gram(2, 0.4), &gram(3, 0.9), 0.1).expect("rates");
        let r = rates.len();
        let b = columns(&basis, r);
        let z: Vec<f64> = (0..6).map(|i| (0.3 + i as f64).cos()).collect();
        let mut c = vec![0.0; r];
        basis.coordinates(&z, &mut c);
        for (k, c) in c.iter().enumerate() {
            let exact: f64 = (0..6).map(|i| b[(i, k)] * z[i]).sum();
            assert!((c - exact).abs() < 1e-14);
        }
        let rotation = Mat::from_fn(r, r, |i, j| (i as f64 - 0.6 * j as f64).sin());
        let turned = columns(&basis.rotated(&rotation), r);
        let exact = product(b.as_ref(), rotation.as_ref());
        assert!((turned - exact).norm_max() < 1e-14);
    }
}
