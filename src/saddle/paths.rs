//! `J = dA/dθ` at fixed weights, by the paths through each layer.

use crate::linalg::{Mat, kronecker, product, to_vec, zeros};
use crate::model::Network;

/// `W_{l−1} ⋯ W_1` below and `W_L ⋯ W_{l+1}` above each layer.
#[derive(Debug)]
pub(super) struct Paths {
    network: Network,
    below: Vec<Mat<f64>>,
    above: Vec<Mat<f64>>,
}

impl Paths {
    pub fn new(network: &Network, weights: &[f64]) -> Self {
        let depth = network.depth();
        let (rows, cols) = (network.output_width(), network.input_width());
        let mut below = vec![Mat::<f64>::identity(cols, cols)];
        for layer in 1..depth {
            let next = product(network.layer(weights, layer), below[layer - 1].as_ref());
            below.push(next);
        }
        let mut above = vec![Mat::<f64>::identity(rows, rows)];
        for layer in (2..=depth).rev() {
            above.insert(0, product(above[0].as_ref(), network.layer(weights, layer)));
        }
        Self {
            network: network.clone(),
            below,
            above,
        }
    }

    /// `J Jᵀ` on column-major `A`.
    pub fn kernel(&self) -> Mat<f64> {
        let n = self.network.output_width() * self.network.input_width();
        let mut kernel = zeros(n, n);
        for (above, below) in self.above.iter().zip(&self.below) {
            let left = product(above.as_ref(), above.transpose());
            let right = product(below.transpose(), below.as_ref());
            kernel += kronecker(&right, &left);
        }
        kernel
    }

    /// Adds `Jᵀ x` to packed weights, for `x` a column of entries of `A`.
    pub fn add(&self, x: &Mat<f64>, weights: &mut [f64]) {
        let (rows, cols) = (self.network.output_width(), self.network.input_width());
        let x = Mat::from_fn(rows, cols, |i, j| x[(i + rows * j, 0)]);
        for (l, (above, below)) in self.above.iter().zip(&self.below).enumerate() {
            let half = product(above.transpose(), x.as_ref());
            let part = product(half.as_ref(), below.transpose());
            let mut layer = self.network.layer_mut(weights, l + 1);
            for j in 0..part.ncols() {
                for i in 0..part.nrows() {
                    layer[(i, j)] += part[(i, j)];
                }
            }
        }
    }
}

/// `vec(A)`.
pub(super) fn column(a: &Mat<f64>) -> Mat<f64> {
    let entries = to_vec(a.as_ref());
    Mat::from_fn(entries.len(), 1, |i, _| entries[i])
}
