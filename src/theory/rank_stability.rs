//! Whether two layers come to rest at a critical point `A = W_2 W_1` of rank `k` with `k` hidden neurons: the
//! Hessian of `C(W_2 W_1) + λ‖θ‖²` at the balanced factors,
//!
//! `⟨D, ∇²C[D]⟩ + 2⟨∇C, δW_2 δW_1⟩ + 2λ‖δ‖²`, `D = δW_2 W_1 + W_2 δW_1`,
//!
//! is positive but for the symmetries of the hidden basis. Where it is not, what the start has left of
//! slower modes in the hidden directions of learned ones does not fade.

use crate::linalg::{Mat, MatRef, multiply, svd, symmetric_eigen, zeros};
use crate::model::Cost;

/// Eigenvalues, relative to the largest, that count as zero.
const ZERO: f64 = 1e-8;
/// Weights up to which the Hessian is formed: a fraction of a second.
const LARGEST: usize = 800;

/// `false` where some direction among maps of the same rank is flat or leads down; `true` where none is, or
/// where there are too many to tell. Under the squared error none is.
pub(super) fn is_stable(cost: &Cost, l2: f64, saddle: MatRef<'_, f64>, rank: usize) -> bool {
    let (rows, cols) = cost.shape();
    if matches!(cost, Cost::SquaredError { .. }) || rank == 0 || rank * (rows + cols) > LARGEST {
        return true;
    }
    let symmetries = match l2 > 0.0 {
        true => rank * (rank - 1) / 2,
        false => rank * rank,
    };
    let hessian = Factors::of(cost, l2, saddle, rank).map(|factors| factors.hessian());
    let values = hessian.and_then(|h| symmetric_eigen(h.as_ref()));
    values.is_none_or(|(values, _)| {
        let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        values.iter().filter(|v| **v <= ZERO * largest).count() <= symmetries
    })
}

/// `A = W_2 W_1`, balanced.
struct Factors<'a> {
    cost: &'a Cost,
    l2: f64,
    gradient: Mat<f64>,
    /// `W_1 : k × n_0`, `W_2 : n_L × k`.
    below: Mat<f64>,
    above: Mat<f64>,
}

impl<'a> Factors<'a> {
    fn of(cost: &'a Cost, l2: f64, a: MatRef<'_, f64>, rank: usize) -> Option<Self> {
        let parts = svd(a)?;
        let root = |k: usize| parts.s[k].sqrt();
        Some(Self {
            cost,
            l2,
            gradient: cost.gradient_at(a),
            below: Mat::from_fn(rank, a.ncols(), |k, j| root(k) * parts.v[(j, k)]),
            above: Mat::from_fn(a.nrows(), rank, |i, k| root(k) * parts.u[(i, k)]),
        })
    }

    /// Columns for the entries of `W_1`, then of `W_2`, neuron by neuron.
    fn hessian(&self) -> Mat<f64> {
        let (rank, cols) = self.below.shape();
        let rows = self.above.nrows();
        let size = rank * (rows + cols);
        let (mut moved, mut image) = (zeros(rows, cols), zeros(rows, cols));
        let mut scratch = self.cost.scratch();
        let mut hessian = zeros(size, size);
        let (mut low, mut high) = (zeros(rank, cols), zeros(rows, rank));
        for column in 0..size {
            let (neuron, entry) = (column / (rows + cols), column % (rows + cols));
            moved.fill(0.0);
            match entry < cols {
                true => (0..rows).for_each(|i| moved[(i, entry)] = self.above[(i, neuron)]),
                false => {
                    (0..cols).for_each(|j| moved[(entry - cols, j)] = self.below[(neuron, j)]);
                }
            }
            let (moved, at) = (moved.as_ref(), image.as_mut());
            self.cost.curvature(moved, at, &mut scratch);
            let image = image.as_ref();
            multiply(low.as_mut(), false, 1.0, self.above.transpose(), image);
            multiply(high.as_mut(), false, 1.0, image, self.below.transpose());
            match entry < cols {
                true => (0..rows).for_each(|i| high[(i, neuron)] += self.gradient[(i, entry)]),
                false => {
                    let row = self.gradient.row(entry - cols);
                    (0..cols).for_each(|j| low[(neuron, j)] += row[j]);
                }
            }
            for k in 0..rank {
                let first = k * (rows + cols);
                (0..cols).for_each(|j| hessian[(first + j, column)] = low[(k, j)]);
                (0..rows).for_each(|i| hessian[(first + cols + i, column)] = high[(i, k)]);
            }
            hessian[(column, column)] += 2.0 * self.l2;
        }
        hessian
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completion(target: [[f64; 2]; 2], observed: [[f64; 2]; 2]) -> Cost {
        let matrix = |rows: [[f64; 2]; 2]| Mat::from_fn(2, 2, |i, j| rows[i][j]);
        Cost::MatrixCompletion {
            target: matrix(target),
            observed: matrix(observed),
        }
    }

    /// Of `diag(2, 1)` with the diagonal alone observed, `A_1 = diag(2, 0)`: no entry sees `u_2 v_1ᵀ` and
    /// `u_1 v_2ᵀ`, and the neuron can turn to the second entry at once. With all entries observed it cannot.
    #[test]
    fn entries_that_are_not_joined_leave_directions_of_descent() {
        let target = [[2.0, 0.0], [0.0, 1.0]];
        let first = Mat::from_fn(2, 2, |i, j| if i + j == 0 { 2.0 } else { 0.0 });
        let joined = completion(target, [[1.0, 1.0], [1.0, 1.0]]);
        let apart = completion(target, [[1.0, 0.0], [0.0, 1.0]]);
        assert!(is_stable(&joined, 0.0, first.as_ref(), 1));
        assert!(!is_stable(&apart, 0.0, first.as_ref(), 1));
    }

    /// `W_1 = (a, b)`, `W_2 = (c, d)ᵀ`, `C = ½(ac − 2)² + ½(bd − 1)²` at `a = c = √2`, `b = d = 0`: second
    /// derivatives by hand, the rest is zero.
    #[test]
    fn the_hessian_of_two_entries() {
        let cost = completion([[2.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]);
        let at = Mat::from_fn(2, 2, |i, j| if i + j == 0 { 2.0 } else { 0.0 });
        let factors = Factors::of(&cost, 0.3, at.as_ref(), 1).expect("a matrix");
        let found = factors.hessian();
        // In the order a, b, c, d.
        let exact = [
            [2.6, 0.0, 2.0, 0.0],
            [0.0, 0.6, 0.0, -1.0],
            [2.0, 0.0, 2.6, 0.0],
            [0.0, -1.0, 0.0, 0.6],
        ];
        for i in 0..4 {
            for j in 0..4 {
                assert!((found[(i, j)] - exact[i][j]).abs() < 1e-14);
            }
        }
    }
}
