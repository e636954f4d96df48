//! Where the waiting modes drive the escaped weights: `θ = θ_k + Jᵀ (J Jᵀ)⁺ vec(A_k + R P − A(θ_k))`, `J = dA/dθ` at
//! `θ_k`, with the response `R` of the plateau.
//!
//! Of all changes with this effect on `A` it is the smallest; it lies along directions of the flow, which keep the
//! imbalance to first order.

use super::Plateau;
use crate::linalg::{Mat, MatRef, kronecker, product, symmetric_eigen, to_vec, zeros};
use crate::model::Network;

/// Directions of `A` that the escaped weights hardly move, relative to the others.
const STIFF: f64 = 1e-6;

/// The change of the escaped weights as a function of `P`.
pub(super) struct Response {
    network: Network,
    /// `W_{l−1} ⋯ W_1` and `W_L ⋯ W_{l+1}` of `θ_k`.
    below: Vec<Mat<f64>>,
    above: Vec<Mat<f64>>,
    /// `(J Jᵀ)⁺ vec(A_k − A(θ_k))` and `(J Jᵀ)⁺ R`.
    rest: Mat<f64>,
    factor: Mat<f64>,
}

impl Response {
    /// `escaped` are the weights `θ_k` without the waiting ones. `None` when they are not finite.
    pub fn new(network: &Network, plateau: &Plateau, escaped: &[f64]) -> Option<Self> {
        let depth = network.depth();
        let (rows, cols) = (plateau.end_to_end.nrows(), plateau.end_to_end.ncols());
        let mut below = vec![Mat::<f64>::identity(cols, cols)];
        for layer in 1..depth {
            let next = product(network.layer(escaped, layer), below[layer - 1].as_ref());
            below.push(next);
        }
        let mut above = vec![Mat::<f64>::identity(rows, rows)];
        for layer in (2..=depth).rev() {
            above.insert(0, product(above[0].as_ref(), network.layer(escaped, layer)));
        }
        let now = product(network.layer(escaped, depth), below[depth - 1].as_ref());
        let missing = column(&(&plateau.end_to_end - now));
        let inverse = Inverse::of(&above, &below)?;
        Some(Self {
            network: network.clone(),
            rest: inverse.times(&missing),
            factor: inverse.times(&plateau.response),
            below,
            above,
        })
    }

    /// Moves the weights to where `p` drives them.
    pub fn add(&self, p: MatRef<'_, f64>, weights: &mut [f64]) {
        let driven = product(self.factor.as_ref(), column(&p.to_owned()).as_ref());
        let moved = &self.rest + driven;
        let (rows, cols) = (self.above[0].nrows(), self.below[0].ncols());
        let x = Mat::from_fn(rows, cols, |i, j| moved[(i + rows * j, 0)]);
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

/// `(J Jᵀ)⁺` by its eigenvectors.
struct Inverse {
    values: Vec<f64>,
    vectors: Mat<f64>,
}

impl Inverse {
    fn of(above: &[Mat<f64>], below: &[Mat<f64>]) -> Option<Self> {
        let (rows, cols) = (above[0].nrows(), below[0].ncols());
        let mut kernel = zeros(rows * cols, rows * cols);
        for (above, below) in above.iter().zip(below) {
            let left = product(above.as_ref(), above.transpose());
            let right = product(below.transpose(), below.as_ref());
            kernel += kronecker(&right, &left);
        }
        let (values, vectors) = symmetric_eigen(kernel.as_ref())?;
        Some(Self { values, vectors })
    }

    fn times(&self, m: &Mat<f64>) -> Mat<f64> {
        let floor = STIFF * self.values.last().copied().unwrap_or(0.0);
        let mut parts = product(self.vectors.transpose(), m.as_ref());
        for (i, &value) in self.values.iter().enumerate() {
            for j in 0..parts.ncols() {
                parts[(i, j)] = if value > floor {
                    parts[(i, j)] / value
                } else {
                    0.0
                };
            }
        }
        product(self.vectors.as_ref(), parts.as_ref())
    }
}

/// `vec(A)`.
fn column(a: &Mat<f64>) -> Mat<f64> {
    let entries = to_vec(a.as_ref());
    Mat::from_fn(entries.len(), 1, |i, _| entries[i])
}
