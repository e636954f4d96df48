//! Whether two layers come to rest at a critical point `A = W_2 W_1` of rank `k` with `k` hidden neurons: the
//! Hessian of `C(W_2 W_1) + λ‖θ‖²` at the balanced factors,
//!
//! `⟨D, ∇²C[D]⟩ + 2⟨∇C, δW_2 δW_1⟩ + 2λ‖δ‖²`, `D = δW_2 W_1 + W_2 δW_1`,
//!
//! is positive but for the symmetries of the hidden basis. Where it is not, what the start has left of
//! slower modes in the hidden directions of learned ones does not fade.

use crate::linalg::{Mat, MatRef, multiply, product, svd, symmetric_eigen, zeros};
use crate::model::{Cost, Network};

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

    /// On weights as a network of `k` hidden neurons packs them.
    fn hessian(&self) -> Mat<f64> {
        let (rank, cols) = self.below.shape();
        let network = Network::new(vec![cols, rank, self.above.nrows()]);
        let size = network.parameters();
        let mut hessian = zeros(size, size);
        let mut unit = vec![0.0; size];
        for column in 0..size {
            unit[column] = 1.0;
            self.apply(&network, &unit, hessian.col_as_slice_mut(column));
            unit[column] = 0.0;
        }
        hessian
    }

    /// The Hessian times `delta`.
    fn apply(&self, network: &Network, delta: &[f64], out: &mut [f64]) {
        let (low, high) = (network.layer(delta, 1), network.layer(delta, 2));
        let (below, above) = (self.below.as_ref(), self.above.as_ref());
        let gradient = self.gradient.as_ref();
        let mut moved = product(high, below);
        multiply(moved.as_mut(), true, 1.0, above, low);
        let mut image = zeros(moved.nrows(), moved.ncols());
        let scratch = &mut self.cost.scratch();
        self.cost.curvature(moved.as_ref(), image.as_mut(), scratch);
        let image = image.as_ref();
        multiply(
            network.layer_mut(out, 1),
            false,
            1.0,
            above.transpose(),
            image,
        );
        multiply(
            network.layer_mut(out, 1),
            true,
            1.0,
            high.transpose(),
            gradient,
        );
        multiply(
            network.layer_mut(out, 2),
            false,
            1.0,
            image,
            below.transpose(),
        );
        multiply(
            network.layer_mut(out, 2),
            true,
            1.0,
            gradient,
            low.transpose(),
        );
        for (out, delta) in out.iter_mut().zip(delta) {
            *out += 2.0 * self.l2 * delta;
        }
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
