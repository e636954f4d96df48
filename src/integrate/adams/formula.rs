//! The formulas of one step: what the last values, the predicted value and the decay of the fast
//! part contribute.
//!
//! With the modified differences `φ_i = Σ_j D_ij f_{n−j}` the predictor of order `k` is
//! `y + h Σ_{i≤k} w_i β_i φ_i`; written out, one row of coefficients of the `f_{n−j}`.

use super::GAMMA;
use super::nodes::{Square, difference_rows};
use super::past::NODES;
use super::weights::{Basis, TERMS, Weights};

/// Coefficients of `f_n, f_{n−1}, …`.
pub(super) type Coefficients = [f64; NODES];

pub(super) struct Formula {
    pub h: f64,
    /// A power of two near `h`, the unit of time of squares that would leave the range of `f64` with
    /// very long steps; it changes no digit of what does not.
    pub unit: f64,
    pub order: usize,
    pub basis: Basis,
    /// `h w_i` of the slow part.
    pub weights: Weights,
    beta: [f64; TERMS],
    /// Past values that any row uses.
    pub nodes: usize,
    /// Of what the slow part moves to the predicted point.
    pub predictor: Coefficients,
    /// Of the value to which the past continues, `Σ φ*_i`.
    pub continuation: Coefficients,
    /// Of its last term and the one before, which formulas of lower order lack, and of the next,
    /// which that of the order above has.
    pub terms: [Coefficients; 3],
    differences: Square,
}

impl Formula {
    /// For a step `h` from the point at which `back[j] = t_n − t_{n−j−1}` and `known` values are
    /// known, at least `order`.
    pub fn new(h: f64, order: usize, back: &[f64], known: usize) -> Self {
        let nodes = (order + 1).min(known);
        let mut beta = [1.0; TERMS];
        for i in 1..nodes {
            let before = if i == 1 { 0.0 } else { back[i - 2] };
            beta[i] = beta[i - 1] * (h + before) / back[i - 1];
        }
        let basis = Basis::new(h, back, order + 1);
        let weights = basis.weights(1.0, 0.0).map(|w| h * w);
        let differences = difference_rows(back, nodes);
        let mut formula = Self {
            h,
            unit: f64::from_bits(h.to_bits() & !((1 << 52) - 1)),
            order,
            basis,
            weights,
            beta,
            nodes,
            predictor: [0.0; NODES],
            continuation: [0.0; NODES],
            terms: [[0.0; NODES]; 3],
            differences,
        };
        formula.predictor = formula.row(&weights);
        formula.continuation = formula.row(&[1.0; TERMS]);
        let term = |i: usize| formula.differences[i].map(|d| beta[i] * d);
        let before = if order > 1 {
            term(order - 2)
        } else {
            [0.0; NODES]
        };
        let next = if nodes > order {
            term(order)
        } else {
            [0.0; NODES]
        };
        formula.terms = [term(order - 1), before, next];
        formula
    }

    /// Ratios of the differences seen from the new point, one for each up to the order.
    pub fn beta(&self) -> &[f64] {
        &self.beta[..self.order]
    }

    /// Weight of the corrector's last term.
    pub fn last(&self) -> f64 {
        self.weights[self.order]
    }

    /// How far the corrector and the one of an order lower differ, for a unit of the last term.
    pub fn slip(&self) -> f64 {
        self.weights[self.order - 1] - self.weights[self.order]
    }

    /// The ratio of the difference after those.
    pub fn next_beta(&self) -> f64 {
        self.beta[self.order]
    }

    /// Error of the formula of an order for its last term per `unit`: `h γ*` for equal steps.
    pub fn error_constant(&self, order: usize, back: &[f64]) -> f64 {
        self.h / self.unit * self.sigma(order, back) * GAMMA[order - 1]
    }

    /// Coefficients of the past values and of the last term for the part `theta` of the step.
    pub fn inside(&self, theta: f64) -> (Coefficients, f64) {
        let weights = self.basis.weights(theta, 0.0).map(|w| self.h * w);
        (self.row(&weights), weights[self.order])
    }

    /// `σ_{i+1} = Π_{j≤i} j h/ψ_j` with `ψ_j` seen from the new point: how uneven steps weigh the
    /// differences.
    fn sigma(&self, order: usize, back: &[f64]) -> f64 {
        let before = |j: usize| if j == 1 { 0.0 } else { back[j - 2] };
        let factor = |j: usize| j as f64 * self.h / (self.h + before(j));
        (1..=order).map(factor).product()
    }

    /// `Σ_i weights_i β_i D_ij`.
    fn row(&self, weights: &Weights) -> Coefficients {
        let mut row = [0.0; NODES];
        for i in 0..self.order {
            let factor = weights[i] * self.beta[i];
            for (r, d) in row.iter_mut().zip(&self.differences[i][..=i]) {
                *r += factor * d;
            }
        }
        row
    }
}
