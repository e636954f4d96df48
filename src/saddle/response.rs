//! Where the waiting modes drive the escaped weights: `θ = θ_k + Jᵀ (J Jᵀ)⁺ vec(A_k + R P − A(θ_k))`, `J = dA/dθ` at
//! `θ_k`, with the response `R` of the plateau.
//!
//! Of all changes with this effect on `A` it is the smallest; it lies along directions of the flow, which keep the
//! imbalance to first order.

use super::Plateau;
use super::paths::{Paths, column};
use crate::linalg::{Mat, MatRef, product, symmetric_eigen};
use crate::model::Network;

/// Directions of `A` that the escaped weights hardly move, relative to the others.
const STIFF: f64 = 1e-6;

/// The change of the escaped weights as a function of `P`.
#[derive(Debug)]
pub(super) struct Response {
    paths: Paths,
    /// `(J Jᵀ)⁺ vec(A_k − A(θ_k))` and `(J Jᵀ)⁺ R`.
    rest: Mat<f64>,
    factor: Mat<f64>,
}

impl Response {
    /// `escaped` are the weights `θ_k` without the waiting ones. `None` when they are not finite.
    pub fn new(network: &Network, plateau: &Plateau, escaped: &[f64]) -> Option<Self> {
        let paths = Paths::new(network, escaped);
        let now = network.end_to_end(escaped);
        let missing = column(&(&plateau.end_to_end - now));
        let inverse = Inverse::of(&paths)?;
        Some(Self {
            rest: inverse.times(&missing),
            factor: inverse.times(&plateau.response),
            paths,
        })
    }

    /// Moves the weights to where `p` drives them.
    pub fn add(&self, p: MatRef<'_, f64>, weights: &mut [f64]) {
        let driven = product(self.factor.as_ref(), column(&p.to_owned()).as_ref());
        self.paths.add(&(&self.rest + driven), weights);
    }
}

/// `(J Jᵀ)⁺` by its eigenvectors.
struct Inverse {
    values: Vec<f64>,
    vectors: Mat<f64>,
}

impl Inverse {
    fn of(paths: &Paths) -> Option<Self> {
        let (values, vectors) = symmetric_eigen(paths.kernel().as_ref())?;
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
