//! Where a tangent kernel `K = Σ right ⊗ left` is fast: on products `u_i x_jᵀ` of orthonormal bases of
//! outputs and inputs, few as long as few modes have escaped.
//!
//! With `E` the chosen products, `V = Gᵀ Eᵀ Q Λ^{−1/2}` from `E K Eᵀ = Q Λ Qᵀ` is orthonormal, and what
//! `V` leaves of the Jacobian contracts no faster than the block of `K` between products not chosen.

use super::eigenbasis::{above, norm};
use crate::linalg::{
    Mat, MatRef, multiply, owned, sandwich, symmetric_eigen, view, view_mut, zeros,
};
use std::cell::RefCell;

/// Products whose own rate is this part of the slowest rate wanted are taken along: they may add to it.
const WIDER: f64 = 0.1;
/// Couplings below this part of the slowest rate wanted are left to the slow part.
const COUPLED: f64 = 0.03;
/// Most products between which couplings count: that needs a matrix of them.
pub(super) const MOST_COUPLED: usize = 2048;
/// Most products that stand alone.
const MOST_ALONE: usize = 512 * 512;

pub(super) struct Pairs {
    /// `u_1, … : n_L × n_L`.
    left: Mat<f64>,
    /// `leftᵀ`: products run faster than with a transposed view.
    left_transposed: Mat<f64>,
    /// `x_1, … : n_0 × n_0`.
    right: Mat<f64>,
    /// `[left, right]` of the kernel in these bases.
    terms: Vec<[Mat<f64>; 2]>,
    /// The products by `K_pp`, the largest first.
    chosen: Vec<Pair>,
    /// No product is coupled to another.
    alone: bool,
    scratch: RefCell<[Mat<f64>; 2]>,
}

/// `u_i x_jᵀ`.
struct Pair {
    i: usize,
    j: usize,
    rate: f64,
}

impl Pairs {
    /// The products with rates near or above `cut`; `None` when an entry is not finite. Those that are seen
    /// through an observation never stand alone.
    pub fn of(terms: &[[Mat<f64>; 2]], cut: f64, observed: bool) -> Option<Self> {
        let left = common_basis(terms, 0)?;
        let right = common_basis(terms, 1)?;
        let turn =
            |[l, r]: &[Mat<f64>; 2]| [sandwich(&left, l, &left), sandwich(&right, r, &right)];
        let terms: Vec<_> = terms.iter().map(turn).collect();
        let mut pairs = Self {
            left_transposed: owned(left.transpose()),
            scratch: RefCell::new([(); 2].map(|()| zeros(left.nrows(), right.nrows()))),
            alone: false,
            chosen: Vec::new(),
            left,
            right,
            terms,
        };
        pairs.choose(cut, observed);
        Some(pairs)
    }

    fn choose(&mut self, cut: f64, observed: bool) {
        let inputs = 0..self.right.nrows();
        let all = inputs.flat_map(|j| (0..self.left.nrows()).map(move |i| (i, j)));
        let rated = all.map(|(i, j)| {
            let rate = self.terms.iter().map(|[l, r]| l[(i, i)] * r[(j, j)]).sum();
            Pair { i, j, rate }
        });
        let mut rated: Vec<Pair> = rated.collect();
        let cut = above(
            cut,
            rated.iter().fold(0.0, |most, pair| pair.rate.max(most)),
        );
        let coupling: f64 = self.terms.iter().map(coupling).sum();
        self.alone = !observed && coupling <= COUPLED * cut;
        let least = if self.alone { cut } else { WIDER * cut };
        rated.retain(|pair| pair.rate > least);
        rated.sort_by(|a, b| b.rate.total_cmp(&a.rate));
        self.chosen = rated;
    }

    /// Rows of the matrix whose eigenvectors are wanted.
    pub fn coupled(&self) -> usize {
        if self.alone { 0 } else { self.chosen.len() }
    }

    /// Whether there are too many to be split off.
    pub fn are_too_many(&self) -> bool {
        let most = if self.alone { MOST_ALONE } else { MOST_COUPLED };
        self.chosen.len() > most
    }

    /// Rates of products that stand alone.
    pub fn rates(&self) -> Option<Vec<f64>> {
        let rates = || self.chosen.iter().map(|pair| pair.rate).collect();
        self.alone.then(rates)
    }

    /// Rows of the whole kernel.
    pub fn rank(&self) -> usize {
        self.left.nrows() * self.right.nrows()
    }

    /// Multiplications of [`Self::select`] and of [`Self::spread`].
    pub fn turns(&self) -> usize {
        self.rank() * (self.left.nrows() + self.right.nrows())
    }

    /// `E K Eᵀ`.
    pub fn kernel(&self) -> Mat<f64> {
        let n = self.chosen.len();
        let mut kernel = zeros(n, n);
        for [left, right] in &self.terms {
            for (column, a) in kernel.col_iter_mut().zip(&self.chosen) {
                let (of_left, of_right) = (left.col(a.i), right.col(a.j));
                for (entry, b) in column.iter_mut().zip(&self.chosen) {
                    *entry += of_left[b.i] * of_right[b.j];
                }
            }
        }
        kernel
    }

    /// `E M Eᵀ` and `E M K M Eᵀ` for a kernel that is seen through `O`, with `M = OᵀO` given as a map.
    pub fn grams(&self, seen: &dyn Fn(&[f64], &mut [f64])) -> [Mat<f64>; 2] {
        let n = self.chosen.len();
        let mut grams = [(); 2].map(|()| zeros(n, n));
        let (mut unit, mut column) = (vec![0.0; n], vec![0.0; n]);
        let (mut d, mut image) = (vec![0.0; self.rank()], vec![0.0; self.rank()]);
        for k in 0..n {
            unit[k] = 1.0;
            self.spread(&unit, &mut d);
            unit[k] = 0.0;
            for (power, gram) in grams.iter_mut().enumerate() {
                if power > 0 {
                    self.apply(&image, &mut d);
                }
                seen(&d, &mut image);
                self.select(&image, &mut column);
                let entries = gram.col_mut(k).iter_mut().zip(&column);
                entries.for_each(|(to, from)| *to = *from);
            }
        }
        grams
    }

    /// `out = K d`.
    fn apply(&self, d: &[f64], out: &mut [f64]) {
        let [half, all] = &mut *self.scratch.borrow_mut();
        self.turn(d, half, all);
        let mut image = zeros(self.left.nrows(), self.right.nrows());
        for [left, right] in &self.terms {
            multiply(half.as_mut(), false, 1.0, left.as_ref(), all.as_ref());
            multiply(image.as_mut(), true, 1.0, half.as_ref(), right.as_ref());
        }
        self.turn_back(&image, half, out);
    }

    /// `e = E z`.
    pub fn select(&self, z: &[f64], e: &mut [f64]) {
        let [half, all] = &mut *self.scratch.borrow_mut();
        self.turn(z, half, all);
        for (e, pair) in e.iter_mut().zip(&self.chosen) {
            *e = all[(pair.i, pair.j)];
        }
    }

    /// `z = Eᵀ e`.
    pub fn spread(&self, e: &[f64], z: &mut [f64]) {
        let [half, all] = &mut *self.scratch.borrow_mut();
        all.fill(0.0);
        for (e, pair) in e.iter().zip(&self.chosen) {
            all[(pair.i, pair.j)] = *e;
        }
        self.turn_back(all, half, z);
    }

    /// `all = Uᵀ z X`.
    fn turn(&self, z: &[f64], half: &mut Mat<f64>, all: &mut Mat<f64>) {
        let z = view(z, self.left.nrows(), self.right.nrows());
        multiply(half.as_mut(), false, 1.0, z, self.right.as_ref());
        let left = self.left_transposed.as_ref();
        multiply(all.as_mut(), false, 1.0, left, half.as_ref());
    }

    /// `z = U all Xᵀ`.
    fn turn_back(&self, all: &Mat<f64>, half: &mut Mat<f64>, z: &mut [f64]) {
        let z = view_mut(z, self.left.nrows(), self.right.nrows());
        multiply(half.as_mut(), false, 1.0, self.left.as_ref(), all.as_ref());
        multiply(z, false, 1.0, half.as_ref(), self.right.transpose());
    }
}

/// Eigenvectors of the sum of the left (0) or right (1) matrices, each as heavy as its partner: the
/// kernel summed over the other side.
fn common_basis(terms: &[[Mat<f64>; 2]], side: usize) -> Option<Mat<f64>> {
    let n = terms.first()?[side].nrows();
    let mut sum = zeros(n, n);
    for term in terms {
        sum += faer::Scale(trace(term[1 - side].as_ref())) * &term[side];
    }
    symmetric_eigen(sum.as_ref()).map(|(_, vectors)| vectors)
}

fn trace(a: MatRef<'_, f64>) -> f64 {
    a.diagonal().column_vector().sum()
}

/// A bound on the norm of `right ⊗ left` without its diagonal.
fn coupling([left, right]: &[Mat<f64>; 2]) -> f64 {
    let (off_left, off_right) = (off_diagonal(left), off_diagonal(right));
    off_left * norm(right) + norm(left) * off_right
}

/// A bound on the norm of `a` without its diagonal.
fn off_diagonal(a: &Mat<f64>) -> f64 {
    let columns = a.col_iter().enumerate();
    let sums = columns.map(|(j, column)| column.norm_l1() - column[j].abs());
    sums.fold(0.0, f64::max)
}
