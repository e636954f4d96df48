//! `P(t) = e^{Ft} Q_0 [I + Q_0ᵀ (∫_0^t e^{2Fs} ds) Q_0]⁻¹ Q_0ᵀ e^{Ft}`: two layers under squared
//! error   (Fukumizu 1998; Braun et al. 2022; Dominé et al. 2024).
//!
//! With `Q = [W_1ᵀ; W_2]`, `P = QQᵀ` and `W_2ᵀW_2 − W_1W_1ᵀ = δI`, the gradient flow towards `T` is
//! `dP/dt = FP + PF − P²`, `F = [[−δ/2 − 2λ, Tᵀ], [T, δ/2 − 2λ]]`; `λ > 0` only with `δ = 0`. `P`
//! is all that is given: the layers also carry a rotation of the hidden layer. One choice of them is
//! `e^{Ft} Q_0 M^{−1/2}`, `M` what stands in brackets.
//!
//! Stable form: `F = O diag(μ) Oᵀ`, `g = (e^{2μt} − 1)/2μ`, `B = diag(√g) OᵀQ_0 = U diag(σ) Vᵀ` by
//! Jacobi rotations; then `P = XXᵀ` with `X = O diag(e^{μt}/√g) U diag(σ/√(1 + σ²))`, one column for
//! each mode, however small, and nothing that overflows. The choice of weights is then `XVᵀ`.

use super::balance::{ROUNDOFF, is_multiple_of_identity};
use crate::linalg::{
    Graded, Mat, MatRef, decoupled_symmetric_eigen, dot, multiply, product, to_vec, zeros,
};
use crate::model::{Cost, Network, Problem};

/// Part of the inputs and outputs that meet in a direction below which what their sum leaves of it counts
/// as roundoff: some hundred times that of a product. The start is known to no more digits, so that
/// such a direction is absent, and stays so.
const CANCELLED: f64 = 1e-13;

/// Part below which what is left is no more than roundoff.
const ROUNDED: f64 = 4e-15;

/// Roundoff of an entry of an eigenvector in these units: 10⁻¹⁵, however small the entry.
const UNKNOWN: f64 = 0.01;
/// Growth times after which nothing stays absent.
const WOKEN: f64 = 400.0;

/// The trajectory of a two-layer network in closed form.
#[derive(Debug, Clone)]
pub struct Riccati {
    network: Network,
    /// `O`.
    basis: Mat<f64>,
    /// `μ`.
    rates: Vec<f64>,
    /// The rows of `OᵀQ_0 Z`.
    start: Graded,
    /// `Z`: an orthonormal basis of the hidden directions that the start uses.
    hidden: Mat<f64>,
    /// Hidden directions that were left out as roundoff though not zero.
    left_out: usize,
    /// Directions that would grow, of which the start has nothing but roundoff.
    absent: usize,
    /// Those of them that may be there all the same, to a few digits or none.
    doubtful: usize,
    /// Relative roundoff of the start along the growing direction where it is largest.
    start_error: f64,
    /// `max(‖T‖, ‖A(0)‖)`.
    size: f64,
    /// A time over which nothing changes by more than roundoff.
    instant: f64,
}

/// One of the weights that belong to `P(t)`.
#[derive(Debug, Clone)]
pub struct Factor {
    /// `Q = [W_1ᵀ; W_2] = e^{Ft} Q_0 M^{−1/2}`, `M` the matrix that the closed form inverts: `P = QQᵀ`,
    /// smooth in `t` and at `t = 0` the start. The flow's own weights are `Q` times a rotation.
    pub q: Mat<f64>,
    /// `ln σ_1 ≥ ln σ_2 ≥ …`: mode `k` grows as `σ_k` up to 1 and nears its end as `1/σ_k²`.
    pub log_sizes: Vec<f64>,
    /// How far roundoff may have moved a mode that has not come to its end, relative to the mode,
    /// or `A`, relative to the target.
    pub error: f64,
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

/// A start that fulfils the assumptions, scaled: weights of 1e-160 have no squares.
struct Start<'p> {
    target: &'p Mat<f64>,
    unit: Vec<f64>,
    scale: f64,
    /// `δ`.
    excess: f64,
}

/// Checks the assumptions without solving anything.
///
/// # Errors
/// The assumption that does not hold.
pub fn assumptions(problem: &Problem) -> Result<(), &'static str> {
    Start::of(problem).map(|_| ())
}

impl<'p> Start<'p> {
    fn of(problem: &'p Problem) -> Result<Self, &'static str> {
        let network = &problem.network;
        if network.depth() != 2 {
            return Err("two layers");
        }
        let Cost::SquaredError { target } = &problem.cost else {
            return Err("squared error");
        };
        let weights = &problem.initial_weights;
        let scale = weights.iter().fold(0.0, |m: f64, w| m.max(w.abs()));
        let unit: Vec<f64> = weights
            .iter()
            .map(|w| if scale > 0.0 { w / scale } else { 0.0 })
            .collect();
        let (w1, w2) = (network.layer(&unit, 1), network.layer(&unit, 2));
        let delta = match problem.l2 != 0.0 {
            true => 0.0,
            false => (w2.squared_norm_l2() - w1.squared_norm_l2()) / w1.nrows() as f64,
        };
        if !is_multiple_of_identity(w1, w2, delta) {
            return Err(match problem.l2 != 0.0 {
                true => "a balanced start where l2 > 0",
                false => "an imbalance that is a multiple of the identity",
            });
        }
        Ok(Self {
            target,
            unit,
            scale,
            excess: delta * scale * scale,
        })
    }

    /// `max(‖T‖, ‖A(0)‖)`.
    fn size(&self, network: &Network) -> f64 {
        let (w1, w2) = (network.layer(&self.unit, 1), network.layer(&self.unit, 2));
        let a = product(w2, w1);
        (a.norm_l2() * self.scale * self.scale).max(self.target.norm_l2())
    }

    /// `F`.
    fn generator(&self, l2: f64) -> Mat<f64> {
        let (target, inputs) = (self.target, self.target.ncols());
        let size = inputs + target.nrows();
        Mat::from_fn(size, size, |i, j| match (i < inputs, j < inputs) {
            (true, true) if i == j => -0.5 * self.excess - 2.0 * l2,
            (false, false) if i == j => 0.5 * self.excess - 2.0 * l2,
            (true, false) => target[(j - inputs, i)],
            (false, true) => target[(i - inputs, j)],
            _ => 0.0,
        })
    }
}

impl Riccati {
    /// Checks the assumptions.
    ///
    /// # Errors
    /// The assumption that does not hold.
    pub fn new(problem: &Problem) -> Result<Self, &'static str> {
        let given = Start::of(problem)?;
        let network = problem.network.clone();
        let [inputs, hidden, outputs] = [0, 1, 2].map(|l| network.widths()[l]);
        let generator = given.generator(problem.l2);
        let (rates, basis) = decoupled_symmetric_eigen(&generator).ok_or("a finite target")?;
        let (w1, w2) = (network.layer(&given.unit, 1), network.layer(&given.unit, 2));
        let mut start = zeros(hidden, inputs + outputs);
        let (top, bottom) = (basis.subrows(0, inputs), basis.subrows(inputs, outputs));
        multiply(start.as_mut(), false, 1.0, w1, top);
        multiply(start.as_mut(), true, 1.0, w2.transpose(), bottom);
        let terms = terms(w1, w2, &basis);
        let sizes: Vec<f64> = start.col_iter().map(|column| column.norm_l2()).collect();
        let cancelled = clear_cancelled(&mut start, &terms);
        let growing: Vec<usize> = cancelled.into_iter().filter(|&j| rates[j] > 0.0).collect();
        let doubtful = growing.iter().filter(|&&j| sizes[j] > ROUNDED * terms[j]);
        let (absent, doubtful) = (growing.len(), doubtful.count());
        let start_error = largest_error(&start, &terms, &rates);
        let scale = given.scale;
        let start = Graded::new(columns(&start), &vec![scale.ln(); inputs + outputs]);
        let (hidden, start, left_out) = span(&start);
        let fastest = rates.iter().fold(scale, |m: f64, mu| m.max(mu.abs()));
        Ok(Self {
            start,
            hidden,
            left_out,
            absent,
            doubtful,
            start_error,
            size: given.size(&network),
            // Squares of the weights and rates are the inverse times of the flow.
            instant: 1e-20 / fastest.max(fastest * fastest).max(1e-150),
            network,
            basis,
            rates,
        })
    }

    /// A time after `t` in which no logarithm of a mode moves by more than 1; from the start one
    /// in which a thousandth of the fastest change happens.
    pub fn pace(&self, t: f64) -> f64 {
        let fastest = self.rates.iter().fold(0.0, |m: f64, mu| m.max(*mu));
        let moment = 1e17 * self.instant;
        moment.max(2.0 * t / (1.0 + 2.0 * t * fastest))
    }

    /// Hidden directions in use.
    pub fn directions(&self) -> usize {
        self.hidden.ncols()
    }

    /// How many hidden directions of the start were taken for roundoff of others, and left out.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// How many growing directions the start has no more than roundoff of: they count as absent.
    pub fn absent(&self) -> usize {
        self.absent
    }

    /// Whether what is absent may still be absent in a run at `t`: beyond that a part of any size that a number can
    /// have, `e^{−μ t}`, has grown to one.
    pub fn stays_absent(&self, t: f64) -> bool {
        let fastest = self.rates.iter().fold(0.0, |m: f64, mu| m.max(*mu));
        self.absent == 0 || fastest * t < WOKEN
    }

    /// How many of the absent ones may be there all the same.
    pub fn doubtful(&self) -> usize {
        self.doubtful
    }

    /// Relative roundoff of the start along the growing direction where it is largest.
    pub fn start_error(&self) -> f64 {
        self.start_error
    }

    /// The state at time `t`, finite and at least 0.
    pub fn at(&self, t: f64) -> Gram {
        let state = self.modes(t).state;
        let (inputs, modes) = (self.network.input_width(), self.network.modes());
        let x = scaled(&state, self.rates.len());
        let (top, bottom) = (x.subrows(0, inputs), x.subrows(inputs, x.nrows() - inputs));
        Gram {
            a: product(bottom, top.transpose()),
            w1_gram: product(top, top.transpose()),
            w2_gram: product(bottom, bottom.transpose()),
            singular_values: singular_values(&state, top, inputs, modes),
        }
    }

    /// Weights at time `t`, finite and at least 0.
    pub fn factor(&self, t: f64) -> Factor {
        let modes = self.modes(t);
        let x = scaled(&modes.state, self.rates.len());
        let z = self.hidden.as_ref();
        let v = Mat::from_fn(z.ncols(), x.ncols(), |i, k| modes.hidden.directions[k][i]);
        let zv = product(z, v.as_ref());
        let q = product(x.as_ref(), zv.transpose());
        let fastest = self.rates.iter().fold(0.0, |m: f64, mu| m.max(mu.abs()));
        let log_sizes = modes.hidden.log_sizes;
        // Of a mode that was left out nothing is known, and nothing is shown.
        let known = log_sizes.iter().filter(|size| size.is_finite());
        let open = known.fold(0.0, |m: f64, size| m.max(1.0 / (1.0 + (2.0 * size).exp())));
        // P and with it A carry roundoff of the larger layer.
        let excess = match self.size > 0.0 {
            true => q.squared_norm_l2() / self.size,
            false => 0.0,
        };
        Factor {
            q,
            log_sizes,
            error: f64::EPSILON * (fastest * t * open).max(excess),
        }
    }

    /// The modes at time `t`.
    fn modes(&self, t: f64) -> Modes {
        let t = t.max(self.instant);
        let gains: Vec<(f64, f64)> = self.rates.iter().map(|&mu| log_gain(mu, t)).collect();
        let mut hidden = self.start.clone();
        for (size, (gain, _)) in hidden.log_sizes.iter_mut().zip(&gains) {
            *size += gain;
        }
        let u = hidden.decompose();
        let (count, size) = (u.len(), gains.len());
        let weighted = Mat::from_fn(size, count, |i, k| gains[i].1.exp() * u[k][i]);
        let x = product(self.basis.as_ref(), weighted.as_ref());
        let sizes: Vec<f64> = hidden.log_sizes.iter().map(saturated).collect();
        let state = Graded::new(columns(&x), &sizes);
        Modes { hidden, state }
    }
}

/// What the closed form is made of at one time.
struct Modes {
    /// `V diag(σ)`.
    hidden: Graded,
    /// `X`: `P = XXᵀ`.
    state: Graded,
}

/// `Σ_i |O_ij| ‖q_i‖`, `q_i` the rows of `Q_0`: the size of what is summed in row `j` of `OᵀQ_0`. Entries of `O`
/// that nothing decouples are known to roundoff of 1, which may be more than they are.
fn terms(w1: MatRef<'_, f64>, w2: MatRef<'_, f64>, basis: &Mat<f64>) -> Vec<f64> {
    let inputs = w1.col_iter().map(|q| q.norm_l2());
    let sizes: Vec<f64> = inputs.chain(w2.row_iter().map(|q| q.norm_l2())).collect();
    let size = |entry: f64| match entry == 0.0 {
        true => 0.0,
        false => entry.abs() + UNKNOWN,
    };
    let part = |j: usize| move |(i, q): (usize, &f64)| size(basis[(i, j)]) * q;
    (0..basis.ncols())
        .map(|j| sizes.iter().enumerate().map(part(j)).sum())
        .collect()
}

/// Clears the columns of `OᵀQ_0` that are roundoff of their terms; returns which.
fn clear_cancelled(start: &mut Mat<f64>, terms: &[f64]) -> Vec<usize> {
    let is_roundoff = |j: &usize| start.col(*j).norm_l2() <= CANCELLED * terms[*j];
    let all: Vec<usize> = (0..terms.len())
        .filter(|&j| terms[j] > 0.0)
        .filter(is_roundoff)
        .collect();
    for &j in &all {
        start.col_mut(j).fill(0.0);
    }
    all
}

/// Largest relative roundoff of the columns of `OᵀQ_0` that are there and grow.
fn largest_error(start: &Mat<f64>, terms: &[f64], rates: &[f64]) -> f64 {
    let present = (0..terms.len()).filter(|&j| rates[j] > 0.0);
    let sizes = present.map(|j| (start.col(j).norm_l2(), terms[j]));
    let errors = sizes
        .filter(|(size, _)| *size > 0.0)
        .map(|(size, terms)| terms / size);
    f64::EPSILON * errors.fold(0.0, f64::max)
}

/// Hidden directions `Z` that hold more than roundoff of any column, the columns in that basis, and
/// how many directions hold something that is no more.
fn span(start: &Graded) -> (Mat<f64>, Graded, usize) {
    let mut modes = start.clone();
    modes.decompose();
    let part = |v: &Vec<f64>| -> Vec<f64> { start.directions.iter().map(|y| dot(v, y)).collect() };
    let largest = |parts: &[f64]| parts.iter().fold(0.0, |m: f64, p| m.max(p.abs()));
    let all: Vec<_> = modes.directions.iter().map(|v| (v, part(v))).collect();
    let (kept, rest): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(_, parts)| largest(parts) > ROUNDOFF);
    let coordinates = |j| kept.iter().map(|(_, parts)| parts[j]).collect();
    let columns = (0..start.directions.len()).map(coordinates).collect();
    let rows = start.directions.first().map_or(0, Vec::len);
    let z = Mat::from_fn(rows, kept.len(), |i, k| kept[k].0[i]);
    (z, Graded::new(columns, &start.log_sizes), rest.len())
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
    let rotated = product(top, j.as_ref());
    let mut graded = Graded::new(columns(&rotated), &outputs.log_sizes);
    graded.orthogonalise();
    let mut values: Vec<f64> = graded.log_sizes.iter().map(|l| l.exp()).collect();
    values.resize(modes, 0.0);
    values
}

fn columns(a: &Mat<f64>) -> Vec<Vec<f64>> {
    (0..a.ncols())
        .map(|j| to_vec(a.as_ref().subcols(j, 1)))
        .collect()
}

/// The matrix itself, also when it has no columns.
fn scaled(a: &Graded, rows: usize) -> Mat<f64> {
    Mat::from_fn(rows, a.directions.len(), |i, j| {
        a.log_sizes[j].exp() * a.directions[j][i]
    })
}
