//! The last values of a vector function as Shampine & Gordon's modified divided differences:
//! `φ_1 = f_n`, `φ_i = ψ_1 ⋯ ψ_{i−1} f[t_n, …, t_{n−i+1}]` with `ψ_j = t_n − t_{n−j}`.

use super::weights::MAX_ORDER;
use crate::integrate::vector::{advance_differences, predict};

/// Differences of a function with values in `R^n`.
pub(super) struct History {
    /// `φ_1 … φ_{k+2}`.
    differences: Vec<Vec<f64>>,
    /// `Σ φ*_i`: the polynomial's value at the new time.
    pub extrapolated: Vec<f64>,
}

impl History {
    pub fn new(n: usize) -> Self {
        Self {
            differences: vec![vec![0.0; n]; MAX_ORDER + 2],
            extrapolated: vec![0.0; n],
        }
    }

    /// Forgets everything but the value `f`.
    pub fn restart(&mut self, f: &[f64]) {
        for d in &mut self.differences {
            d.fill(0.0);
        }
        self.differences[0].copy_from_slice(f);
    }

    pub fn differences(&self) -> &[Vec<f64>] {
        &self.differences
    }

    pub fn differences_mut(&mut self) -> &mut [Vec<f64>] {
        &mut self.differences
    }

    /// `out = base + Σ a_i φ*_i` and `extrapolated = Σ φ*_i`, `φ*_i = beta_i φ_i`, `i ≤ order`.
    pub fn predict(&mut self, out: &mut [f64], base: &[f64], a: &[f64], beta: &[f64]) {
        let order = beta.len();
        let differences = &self.differences[..order];
        predict(out, &mut self.extrapolated, base, differences, a, beta);
    }

    /// `extrapolated = Σ φ*_i` alone.
    pub fn extrapolate(&mut self, beta: &[f64]) {
        self.extrapolated.fill(0.0);
        for (d, &b) in self.differences.iter().zip(beta) {
            for (e, d) in self.extrapolated.iter_mut().zip(d) {
                *e += b * d;
            }
        }
    }

    /// Takes in the value `f` at the new time.
    pub fn advance(&mut self, f: &[f64], beta: &[f64]) {
        advance_differences(&mut self.differences, f, &self.extrapolated, beta);
    }
}
