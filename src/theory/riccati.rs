//! `P(t) = e^{Ft} Q_0 [I + Q_0ᵀ (∫_0^t e^{2Fs} ds) Q_0]⁻¹ Q_0ᵀ e^{Ft}`: two layers under squared
//! error   (Fukumizu 1998; Braun et al. 2022; Dominé et al. 2024).
//!
//! With `Q = [W_1ᵀ; W_2]`, `P = QQᵀ` and `W_2ᵀW_2 − W_1W_1ᵀ = δI`, the gradient flow towards `T` is
//! `dP/dt = FP + PF − P²`, `F = [[−δ/2 − 2λ, Tᵀ], [T, δ/2 − 2λ]]`; `λ > 0` only with `δ = 0`. `P`
//! is all that is given: the layers also carry a rotation of the hidden layer.
//!
//! Stable form: `F = O diag(μ) Oᵀ`, `g = (e^{2μt} − 1)/2μ`, `B = diag(√g) OᵀQ_0 = U diag(σ) Vᵀ` by
//! Jacobi rotations; then `P = XXᵀ` with `X = O diag(e^{μt}/√g) U diag(σ/√(1 + σ²))`, one column for
//! each mode, however small, and nothing that overflows.

use super::balance::is_multiple_of_identity;
use crate::linalg::{Graded, Mat, MatRef, multiply, symmetric_eigen, to_vec};
use crate::model::{Cost, Network, Problem};

/// The trajectory of a two-layer network in closed form.
#[derive(Debug, Clone)]
pub struct Riccati {
    network: Network,
    /// `O`.
    basis: Mat<f64>,
    /// `μ`.
    rates: Vec<f64>,
    /// The rows of `OᵀQ_0`.
    start: Graded,
    /// A time over which nothing changes by more than roundoff.
    instant: f64,
}

/// `P(t)`, block by block.
#[derive(Debug, Clone)]
pub struct Gram {
    /// `A = W_2 W_1 : n_2 × n_0`.
    pub a: Mat<f64>,
    /// `W_1ᵀ W_1 : n_0 × n_0`.
    pub w1_gram: Mat<f64>,
    /// `W_2 W_2ᵀ : n_2 × n_2`.
    pub w2_gram: Mat<f64>,
    /// `σ_1 ≥ σ_2 ≥ …` of `A`, `min(n_0, n_2)` of them. Each has its own relative accuracy, also
    /// where it is far below roundoff of `σ_1` and cannot be read off the entries of `a`.
    pub singular_values: Vec<f64>,
}

impl Riccati {
    /// Checks the assumptions.
    ///
    /// # Errors
    /// The assumption that does not hold.
    pub fn new(problem: &Problem) -> Result<Self, &'static str> {
        let network = problem.network.clone();
        if network.depth() != 2 {
            return Err("two layers");
        }
        let Cost::SquaredError { target } = &problem.cost else {
            return Err("squared error");
        };
        let [inputs, hidden, outputs] = [0, 1, 2].map(|l| network.widths()[l]);
        // Weights of 1e-160 have no squares: they are scaled first.
        let weights = &problem.initial_weights;
        let scale = weights.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
        let unit: Vec<f64> = weights
            .iter()
            .map(|w| if scale > 0.0 { w / scale } else { 0.0 })
            .collect();
        let (w1, w2) = (network.layer(&unit, 1), network.layer(&unit, 2));
        let excess = w2.squared_norm_l2() - w1.squared_norm_l2();
        let delta = match problem.l2 > 0.0 {
            true => 0.0,
            false => excess / hidden as f64,
        };
        if !is_multiple_of_identity(w1, w2, delta) {
            return Err(match problem.l2 > 0.0 {
                true => "balanced start where l2 > 0",
                false => "imbalance a multiple of the identity",
            });
        }
        let shift = 0.5 * delta * scale * scale;
        let generator = Mat::from_fn(inputs + outputs, inputs + outputs, |i, j| {
            match (i < inputs, j < inputs) {
                (true, true) if i == j => -shift - 2.0 * problem.l2,
                (false, false) if i == j => shift - 2.0 * problem.l2,
                (true, false) => target[(j - inputs, i)],
                (false, true) => target[(i - inputs, j)],
                _ => 0.0,
            }
        });
        let (rates, basis) = symmetric_eigen(generator.as_ref()).ok_or("a finite target")?;
        let mut start = Mat::zeros(hidden, inputs + outputs);
        let (top, bottom) = (basis.subrows(0, inputs), basis.subrows(inputs, outputs));
        multiply(start.as_mut(), false, 1.0, w1, top);
        multiply(start.as_mut(), true, 1.0, w2.transpose(), bottom);
        let fastest = rates.iter().fold(scale, |m: f64, mu| m.max(mu.abs()));
        Ok(Self {
            start: Graded::new(columns(&start), &vec![scale.ln(); inputs + outputs]),
            // Squares of the weights and rates are the inverse times of the flow.
            instant: 1e-20 / fastest.max(fastest * fastest).max(1e-150),
            network,
            basis,
            rates,
        })
    }

    /// The state at time `t`, finite and at least 0.
    pub fn at(&self, t: f64) -> Gram {
        let state = self.state(t.max(self.instant));
        let (inputs, modes) = (self.network.input_width(), self.network.modes());
        let x = scaled(&state);
        let (top, bottom) = (x.subrows(0, inputs), x.subrows(inputs, x.nrows() - inputs));
        let product = |left: MatRef<'_, f64>, right: MatRef<'_, f64>| {
            let mut out = Mat::zeros(left.nrows(), right.nrows());
            multiply(out.as_mut(), false, 1.0, left, right.transpose());
            out
        };
        Gram {
            a: product(bottom, top),
            w1_gram: product(top, top),
            w2_gram: product(bottom, bottom),
            singular_values: singular_values(&state, top, inputs, modes),
        }
    }

    /// `X`, column by column: `P = XXᵀ`.
    fn state(&self, t: f64) -> Graded {
        let gains: Vec<(f64, f64)> = self.rates.iter().map(|&mu| log_gain(mu, t)).collect();
        let mut modes = self.start.clone();
        for (size, (gain, _)) in modes.log_sizes.iter_mut().zip(&gains) {
            *size += gain;
        }
        let u = modes.orthogonalise();
        let count = self.network.widths()[1].min(u.len());
        let weighted = Mat::from_fn(u.len(), count, |i, k| gains[i].1.exp() * u[k][i]);
        let mut x = Mat::zeros(u.len(), count);
        multiply(
            x.as_mut(),
            false,
            1.0,
            self.basis.as_ref(),
            weighted.as_ref(),
        );
        let sizes: Vec<f64> = modes.log_sizes[..count].iter().map(saturated).collect();
        Graded::new(columns(&x), &sizes)
    }
}

/// `ln √g` and `ln(e^{μt}/√g)`, `g = (e^{2μt} − 1)/2μ`, neither as a difference of large numbers.
fn log_gain(mu: f64, t: f64) -> (f64, f64) {
    let x = 2.0 * mu * t;
    let mean = match x == 0.0 {
        true => 1.0,
        false => -(-x.abs()).exp_m1() / x.abs(),
    };
    let log = (mean * t).ln();
    (0.5 * (x.max(0.0) + log), 0.5 * (x.min(0.0) - log))
}

/// `ln(σ/√(1 + σ²))` from `ln σ`.
fn saturated(log: &f64) -> f64 {
    log.min(0.0) - 0.5 * (-2.0 * log.abs()).exp().ln_1p()
}

/// Singular values of `X_2 X_1ᵀ`, `X = [X_1; X_2]`: with `X_2 J = U diag(σ)` they are those of
/// `X_1 J diag(σ)`.
fn singular_values(state: &Graded, top: MatRef<'_, f64>, inputs: usize, modes: usize) -> Vec<f64> {
    let lower: Vec<Vec<f64>> = state
        .directions
        .iter()
        .map(|x| x[inputs..].to_vec())
        .collect();
    let mut outputs = Graded::new(lower, &state.log_sizes);
    let rotations = outputs.orthogonalise();
    let count = rotations.len();
    let j = Mat::from_fn(count, count, |i, k| rotations[k][i]);
    let mut rotated = Mat::zeros(inputs, count);
    multiply(rotated.as_mut(), false, 1.0, top, j.as_ref());
    let mut product = Graded::new(columns(&rotated), &outputs.log_sizes);
    product.orthogonalise();
    let mut values: Vec<f64> = product.log_sizes.iter().map(|l| l.exp()).collect();
    values.resize(modes, 0.0);
    values
}

fn columns(a: &Mat<f64>) -> Vec<Vec<f64>> {
    (0..a.ncols())
        .map(|j| to_vec(a.as_ref().subcols(j, 1)))
        .collect()
}

/// The matrix itself.
fn scaled(a: &Graded) -> Mat<f64> {
    let rows = a.directions.first().map_or(0, Vec::len);
    Mat::from_fn(rows, a.directions.len(), |i, j| {
        a.log_sizes[j].exp() * a.directions[j][i]
    })
}
