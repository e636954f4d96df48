//! Eigenvectors of the tangent kernel: `K Q = Q Λ`, as the map between coordinates along
//! `V = Gᵀ Fᵀ Q Λ^{−1/2}` and vectors of the length of the kernel.

use super::pairs::Pairs;
use crate::linalg::{
    Mat, MatRef, multiply, product, rough_symmetric_eigen, sandwich, symmetric_eigen, view,
    view_mut, zeros,
};
use std::cell::RefCell;

/// The columns of `Q Λ^{−1/2} : m × r` that were chosen, as `Eᵀ Q_E Λ^{−1/2}` where `K` was narrowed.
pub(super) struct Eigenbasis {
    /// `E`.
    pairs: Option<Pairs>,
    /// `Q_E Λ^{−1/2}`.
    within: Within,
    /// `E z`.
    selected: RefCell<Vec<f64>>,
}

/// Rates, the largest first, with their eigenvectors.
pub(super) type Eigenpairs = (Vec<f64>, Eigenbasis);

enum Within {
    /// `Λ^{−1/2}`, where pairs stand alone.
    Scales(Vec<f64>),
    Dense(Mat<f64>),
}

/// Kernels of so many rows gain from single precision.
const LARGE: usize = 128;
/// Largest rate per `cut` up to which single precision will do: it leaves couplings of some `10⁻⁶` of the
/// largest rate, 0.03 of the cut.
const ROUGH: f64 = 3e4;

/// Images under an observation whose squares differ by this part of the largest are told apart.
const SAME: f64 = 1e-8;
/// Multiplications in the time that a product of small matrices takes beside its own.
const CALL: usize = 1000;

/// A bound on the largest eigenvalue.
pub(super) fn norm(kernel: &Mat<f64>) -> f64 {
    let columns = kernel.col_iter().map(|column| column.norm_l1());
    columns.fold(0.0, f64::max)
}

impl Eigenbasis {
    /// Eigenvalues of `kernel` above `cut`, the largest first, and their vectors; `None` when there is
    /// none.
    pub fn of_matrix(kernel: &Mat<f64>, cut: f64) -> Option<Eigenpairs> {
        let (rates, basis) = scaled_eigenvectors(kernel, cut)?;
        Some((rates, Self::new(None, Within::Dense(basis))))
    }

    /// The same of the kernel between `pairs`.
    pub fn of_pairs(pairs: Pairs, cut: f64) -> Option<Eigenpairs> {
        let (rates, within) = match pairs.rates() {
            Some(rates) => {
                let scales = rates.iter().map(|rate| 1.0 / rate.sqrt()).collect();
                (rates, Within::Scales(scales))
            }
            None => {
                let (rates, basis) = scaled_eigenvectors(&pairs.kernel(), cut)?;
                (rates, Within::Dense(basis))
            }
        };
        (!rates.is_empty()).then(|| (rates, Self::new(Some(pairs), within)))
    }

    /// The same of the part of `O K Oᵀ` between the images of `pairs` under `O`, with `OᵀO` given as a
    /// map. The basis is `Q Λ^{−1/2}` without `O` in front.
    pub fn of_observed(
        pairs: Pairs,
        seen: &dyn Fn(&[f64], &mut [f64]),
        cut: f64,
    ) -> Option<Eigenpairs> {
        let [gram, kernel] = pairs.grams(seen);
        // Orthonormal combinations of the images, as far as these differ.
        let (_, images) = scaled_eigenvectors(&gram, SAME * norm(&gram))?;
        let (rates, basis) = scaled_eigenvectors(&sandwich(&images, &kernel, &images), cut)?;
        let within = Within::Dense(product(images.as_ref(), basis.as_ref()));
        Some((rates, Self::new(Some(pairs), within)))
    }

    /// As one matrix of `rows` rows, where that is faster to apply; `see` is `O`.
    pub fn written_out(self, rows: usize, see: &dyn Fn(&[f64], &mut [f64])) -> Self {
        let Some(pairs) = &self.pairs else {
            return self;
        };
        let r = self.within.columns();
        if rows * r > pairs.turns() + self.within.entries() + 2 * CALL {
            return self;
        }
        let (mut basis, mut d) = (zeros(rows, r), vec![0.0; pairs.rank()]);
        let (mut selected, mut z) = (vec![0.0; self.within.rows()], vec![0.0; rows]);
        for (k, to) in basis.col_iter_mut().enumerate() {
            self.within.column(k, &mut selected);
            pairs.spread(&selected, &mut d);
            see(&d, &mut z);
            to.iter_mut().zip(&z).for_each(|(to, z)| *to = *z);
        }
        Self::new(None, Within::Dense(basis))
    }

    /// Length of what it acts on.
    pub fn rank(&self) -> usize {
        match &self.pairs {
            Some(pairs) => pairs.rank(),
            None => self.within.rows(),
        }
    }

    /// Whether it acts on what is in front of `O`.
    pub fn is_narrowed(&self) -> bool {
        self.pairs.is_some()
    }

    fn new(pairs: Option<Pairs>, within: Within) -> Self {
        let selected = RefCell::new(vec![0.0; within.rows()]);
        Self {
            pairs,
            within,
            selected,
        }
    }

    /// `c = (Q Λ^{−1/2})ᵀ z`.
    pub fn coordinates(&self, z: &[f64], c: &mut [f64]) {
        let Some(pairs) = &self.pairs else {
            return self.within.coordinates(z, c);
        };
        let selected = &mut *self.selected.borrow_mut();
        pairs.select(z, selected);
        self.within.coordinates(selected, c);
    }

    /// `z = Q Λ^{−1/2} c`.
    pub fn combine(&self, c: &[f64], z: &mut [f64]) {
        let Some(pairs) = &self.pairs else {
            return self.within.combine(c, z);
        };
        let selected = &mut *self.selected.borrow_mut();
        self.within.combine(c, selected);
        pairs.spread(selected, z);
    }

    /// `Q Λ^{−1/2} P`.
    pub fn rotate(&mut self, rotation: &Mat<f64>) {
        self.within.rotate(rotation);
    }
}

impl Within {
    fn rows(&self) -> usize {
        match self {
            Self::Scales(scales) => scales.len(),
            Self::Dense(basis) => basis.nrows(),
        }
    }

    fn columns(&self) -> usize {
        match self {
            Self::Scales(scales) => scales.len(),
            Self::Dense(basis) => basis.ncols(),
        }
    }

    fn entries(&self) -> usize {
        match self {
            Self::Scales(scales) => scales.len(),
            Self::Dense(basis) => basis.nrows() * basis.ncols(),
        }
    }

    fn column(&self, k: usize, e: &mut [f64]) {
        match self {
            Self::Scales(scales) => {
                e.fill(0.0);
                e[k] = scales[k];
            }
            Self::Dense(basis) => {
                let entries = e.iter_mut().zip(basis.col(k).iter());
                entries.for_each(|(e, entry)| *e = *entry);
            }
        }
    }

    fn coordinates(&self, e: &[f64], c: &mut [f64]) {
        match self {
            Self::Scales(scales) => scale(scales, e, c),
            Self::Dense(basis) => apply(basis.transpose(), e, c),
        }
    }

    fn combine(&self, c: &[f64], e: &mut [f64]) {
        match self {
            Self::Scales(scales) => scale(scales, c, e),
            Self::Dense(basis) => apply(basis.as_ref(), c, e),
        }
    }

    fn rotate(&mut self, rotation: &Mat<f64>) {
        let turned = match self {
            Self::Scales(scales) => {
                let mut turned = zeros(scales.len(), rotation.ncols());
                for (to, from) in turned.col_iter_mut().zip(rotation.col_iter()) {
                    let entries = to.iter_mut().zip(from.iter()).zip(&*scales);
                    entries.for_each(|((to, from), scale)| *to = scale * from);
                }
                turned
            }
            Self::Dense(basis) => product(basis.as_ref(), rotation.as_ref()),
        };
        *self = Self::Dense(turned);
    }
}

/// Eigenvalues above `cut`, the largest first, and `Q Λ^{−1/2}`; `None` when there is none.
fn scaled_eigenvectors(kernel: &Mat<f64>, cut: f64) -> Option<(Vec<f64>, Mat<f64>)> {
    let m = kernel.nrows();
    let (values, vectors) = match m >= LARGE && norm(kernel) <= ROUGH * cut {
        true => rough_symmetric_eigen(kernel.as_ref())?,
        false => symmetric_eigen(kernel.as_ref())?,
    };
    let floor = above(cut, *values.last()?);
    // Eigenvalues come in increasing order.
    let r = values.iter().rev().take_while(|&&v| v > floor).count();
    let rates: Vec<f64> = values.iter().rev().take(r).copied().collect();
    let mut basis = zeros(m, r);
    for (j, (mut column, rate)) in basis.col_iter_mut().zip(&rates).enumerate() {
        column.copy_from(vectors.col(m - 1 - j));
        column *= faer::Scale(1.0 / rate.sqrt());
    }
    (r > 0).then_some((rates, basis))
}

/// `cut`, if rates there are told from roundoff of the largest.
pub(super) fn above(cut: f64, largest: f64) -> f64 {
    cut.max(1e-10 * largest)
}

fn apply(matrix: MatRef<'_, f64>, x: &[f64], out: &mut [f64]) {
    let out = view_mut(out, matrix.nrows(), 1);
    multiply(out, false, 1.0, matrix, view(x, x.len(), 1));
}

fn scale(scales: &[f64], x: &[f64], out: &mut [f64]) {
    for ((out, x), scale) in out.iter_mut().zip(x).zip(scales) {
        *out = scale * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::{kronecker, product};

    /// Symmetric and positive.
    fn gram(n: usize, phase: f64) -> Mat<f64> {
        let a = Mat::from_fn(n, n, |i, j| (phase + 1.7 * i as f64 + 2.9 * j as f64).sin());
        product(a.as_ref(), a.transpose())
    }

    /// `Σ right ⊗ left`.
    fn sum(terms: &[[Mat<f64>; 2]]) -> Mat<f64> {
        let rows = terms[0][0].nrows() * terms[0][1].nrows();
        let products = terms.iter().map(|[left, right]| kronecker(right, left));
        products.fold(Mat::zeros(rows, rows), |sum, term| sum + term)
    }

    /// The terms of two layers, whose eigenvectors are products.
    fn two_layers(left: Mat<f64>, right: Mat<f64>) -> [[Mat<f64>; 2]; 2] {
        let units = [left.nrows(), right.nrows()].map(|n| Mat::identity(n, n));
        let [left_unit, right_unit] = units;
        [[left, right_unit], [left_unit, right]]
    }

    fn of_terms(terms: &[[Mat<f64>; 2]], cut: f64) -> (Vec<f64>, Eigenbasis) {
        let pairs = Pairs::of(terms, cut, false).expect("finite");
        let (rates, basis) = Eigenbasis::of_pairs(pairs, cut).expect("rates above");
        let rows = terms[0][0].nrows() * terms[0][1].nrows();
        (rates, basis.written_out(rows, &|d, z| z.copy_from_slice(d)))
    }

    /// The basis as a matrix, column by column.
    fn columns(basis: &Eigenbasis, rows: usize, r: usize) -> Mat<f64> {
        let mut out = Mat::zeros(rows, r);
        for k in 0..r {
            let (mut c, mut z) = (vec![0.0; r], vec![0.0; rows]);
            c[k] = 1.0;
            basis.combine(&c, &mut z);
            for (i, z) in z.iter().enumerate() {
                out[(i, k)] = *z;
            }
        }
        out
    }

    /// Against the whole kernel; 30 rows are written out as one matrix, 121 are not.
    #[test]
    fn products_are_eigenvectors_of_the_sum() {
        for (n, m, cut, written_out) in [(5, 6, 0.5, true), (11, 11, 0.5, false)] {
            let terms = two_layers(gram(n, 0.2), gram(m, 1.1));
            let kernel = sum(&terms);
            let dense = Eigenbasis::of_matrix(&kernel, cut).expect("rates above");
            let (rates, basis) = of_terms(&terms, cut);
            assert_eq!(basis.pairs.is_none(), written_out);
            assert!(rates.len() < n * m && rates.len() == dense.0.len());
            let b = columns(&basis, n * m, rates.len());
            let image = product(kernel.as_ref(), b.as_ref());
            let gram = product(b.transpose(), b.as_ref());
            let roundoff = 1e-13 * rates[0];
            for (k, rate) in rates.iter().enumerate() {
                assert!((rate - dense.0[k]).abs() < roundoff);
                for i in 0..n * m {
                    assert!((image[(i, k)] - rate * b[(i, k)]).abs() < roundoff);
                }
                for l in 0..rates.len() {
                    let exact = if k == l { 1.0 / rate } else { 0.0 };
                    assert!((gram[(k, l)] - exact).abs() < 1e-13);
                }
            }
        }
    }

    /// The terms of three layers with matrices that do not commute, small outside of two directions a side.
    fn three_layers(n: usize) -> [[Mat<f64>; 2]; 3] {
        let graded = |phase: f64| {
            let size = |i: usize| if i < 2 { 1.0 } else { 1e-4 };
            let full = gram(n, phase);
            Mat::from_fn(n, n, |i, j| full[(i, j)] * size(i) * size(j))
        };
        let unit = || Mat::<f64>::identity(n, n);
        [
            [graded(0.2), unit()],
            [graded(0.9), graded(2.3)],
            [unit(), graded(1.4)],
        ]
    }

    /// The columns of `b` are those of an orthonormal `V`, `Bᵀ K B = 1`, and what it leaves of `K`,
    /// `K − K B Bᵀ K`, has no rate above the cut.
    fn leaves_nothing_fast(kernel: &Mat<f64>, b: &Mat<f64>, cut: f64) {
        let image = product(kernel.as_ref(), b.as_ref());
        let gram = product(b.transpose(), image.as_ref());
        assert!((gram - Mat::<f64>::identity(b.ncols(), b.ncols())).norm_max() < 1e-10);
        let left_over = kernel - product(image.as_ref(), image.transpose());
        let (values, _) = symmetric_eigen(left_over.as_ref()).expect("finite");
        assert!(values.iter().all(|value| *value < cut));
    }

    #[test]
    fn a_narrowed_kernel_leaves_nothing_fast_over() {
        let (n, cut) = (12, 0.01);
        let terms = three_layers(n);
        let coupled = Pairs::of(&terms, cut, false).expect("finite").coupled();
        assert!((1..=n * n - (n - 2) * (n - 2)).contains(&coupled));
        let (rates, basis) = of_terms(&terms, cut);
        let b = columns(&basis, n * n, rates.len());
        leaves_nothing_fast(&sum(&terms), &b, cut);
    }

    /// Every third entry is not seen, the others with weights up to 1.
    #[test]
    fn a_kernel_seen_through_an_observation_leaves_nothing_fast_over() {
        let (n, cut) = (12, 0.01);
        let terms = three_layers(n);
        let weight = |k: usize| {
            if k.is_multiple_of(3) {
                0.0
            } else {
                1.0 - 0.004 * k as f64
            }
        };
        let seen = |d: &[f64], out: &mut [f64]| {
            let entries = out.iter_mut().zip(d).enumerate();
            entries.for_each(|(k, (out, d))| *out = weight(k).powi(2) * d);
        };
        let pairs = Pairs::of(&terms, cut, true).expect("finite");
        let (rates, basis) = Eigenbasis::of_observed(pairs, &seen, cut).expect("rates above");
        let see = |d: &[f64], z: &mut [f64]| {
            let entries = z.iter_mut().zip(d).enumerate();
            entries.for_each(|(k, (z, d))| *z = weight(k) * d);
        };
        let weights = Mat::from_fn(n * n, n * n, |a, b| weight(a) * weight(b));
        let whole = sum(&terms);
        let kernel = Mat::from_fn(n * n, n * n, |a, b| whole[(a, b)] * weights[(a, b)]);
        let (exact, _) = Eigenbasis::of_matrix(&kernel, cut).expect("rates above");
        assert_eq!(rates.len(), exact.len());
        // As one matrix behind the observation, as it is applied where that is faster.
        let b = columns(&basis.written_out(n * n, &see), n * n, rates.len());
        leaves_nothing_fast(&kernel, &b, cut);
    }

    /// Against products of eigenvectors, which are made in double precision: rates and the orthogonality
    /// of `V`, `V_kᵀ V_l = q_kᵀ K q_l/√(λ_k λ_l)`, to single precision of the largest rate.
    #[test]
    fn large_kernels_are_decomposed_to_single_precision_of_the_largest_rate() {
        let terms = two_layers(gram(12, 0.2), gram(12, 1.1));
        let kernel = sum(&terms);
        assert!(kernel.nrows() >= LARGE);
        for (cut, digits) in [(0.5, f64::from(f32::EPSILON)), (1e-5, f64::EPSILON)] {
            let (exact, _) = of_terms(&terms, cut);
            let (rates, basis) = Eigenbasis::of_matrix(&kernel, cut).expect("rates above");
            assert_eq!(norm(&kernel) <= ROUGH * cut, cut == 0.5);
            assert_eq!(rates.len(), exact.len());
            let tolerance = digits * kernel.nrows() as f64 * exact[0];
            let b = columns(&basis, kernel.nrows(), rates.len());
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
        for (n, cut) in [(3, 0.1), (11, 0.5)] {
            let terms = two_layers(gram(n, 0.4), gram(n, 0.9));
            let (rates, mut basis) = of_terms(&terms, cut);
            let (rows, r) = (n * n, rates.len());
            let b = columns(&basis, rows, r);
            let z: Vec<f64> = (0..rows).map(|i| (0.3 + i as f64).cos()).collect();
            let mut c = vec![0.0; r];
            basis.coordinates(&z, &mut c);
            for (k, c) in c.iter().enumerate() {
                let exact: f64 = (0..rows).map(|i| b[(i, k)] * z[i]).sum();
                assert!((c - exact).abs() < 1e-14 * rows as f64);
            }
            let rotation = Mat::from_fn(r, r, |i, j| (i as f64 - 0.6 * j as f64).sin());
            let exact = product(b.as_ref(), rotation.as_ref());
            basis.rotate(&rotation);
            let turned = columns(&basis, rows, r);
            assert!((turned - exact).norm_max() < 1e-14 * rows as f64);
        }
    }
}
