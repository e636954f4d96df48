//! The formulas of one step: what the last values, the predicted value and the decay of the fast
//! part contribute.
//!
//! With the modified differences `φ_i = Σ_j D_ij f_{n−j}` the predictor of order `k` is
//! `y + h Σ_{i≤k} w_i β_i φ_i`; written out, one row of coefficients of the `f_{n−j}`.

use super::GAMMA;
use super::nodes::{Square, difference_rows};
use super::past::NODES;
use super::weights::{Basis, MAX_ORDER, TERMS, Weights};

/// Coefficients of `f_n, f_{n−1}, …`.
pub(super) type Coefficients = [f64; NODES];

pub(super) struct Formula {
    pub h: f64,
    pub order: usize,
    pub basis: Basis,
    /// `h w_i` of the slow part.
    pub weights: Weights,
    beta: [f64; MAX_ORDER],
    /// Past values that any row uses.
    pub nodes: usize,
    /// Of what the slow part moves to the predicted point.
    pub predictor: Coefficients,
    /// Of the values to which the past continues: by the formula at hand, `Σ φ*_i`, by those of
    /// one and two orders lower, and by that of one order higher, seen from the next point.
    pub continuations: [Coefficients; 4],
    differences: Square,
}

impl Formula {
    /// For a step `h` from the point at which `back[j] = t_n − t_{n−j−1}` and `known` values are
    /// known, at least `order`.
    pub fn new(h: f64, order: usize, back: &[f64], known: usize) -> Self {
        let mut beta = [1.0; MAX_ORDER];
        for i in 1..order {
            let before = if i == 1 { 0.0 } else { back[i - 2] };
            beta[i] = beta[i - 1] * (h + before) / back[i - 1];
        }
        let basis = Basis::new(h, back, order + 1);
        let weights = basis.weights(1.0, 0.0).map(|w| h * w);
        let nodes = (order + 1).min(known);
        let differences = difference_rows(back, nodes);
        let mut formula = Self {
            h,
            order,
            basis,
            weights,
            beta,
            nodes,
            predictor: [0.0; NODES],
            continuations: [[0.0; NODES]; 4],
            differences,
        };
        formula.predictor = formula.row(&weights);
        let plain = formula.row(&[1.0; TERMS]);
        let [at, lower, lowest, raised] = &mut formula.continuations;
        (*at, *lower, *raised) = (plain, plain, plain);
        subtract(lower, beta[order - 1], &formula.differences[order - 1]);
        *lowest = *lower;
        if order > 1 {
            subtract(lowest, beta[order - 2], &formula.differences[order - 2]);
        }
        if nodes > order {
            subtract(raised, -1.0, &formula.differences[order]);
        }
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

    /// Error of the formula `lower` orders below this one for a unit of its last term: `h γ*`
    /// for equal steps.
    pub fn error_constant(&self, lower: usize, back: &[f64]) -> f64 {
        let order = self.order - lower;
        self.h * self.sigma(order, back) * GAMMA[order - 1]
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

fn subtract(from: &mut Coefficients, factor: f64, what: &Coefficients) {
    for (a, b) in from.iter_mut().zip(what) {
        *a -= factor * b;
    }
}
