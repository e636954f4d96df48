//! Initial weights `W_1 … W_L`, `W_l : n_l × n_{l-1}`, before the factor `scale`.
//!
//! Balanced: with `A = U S Vᵀ`, `W_1 = R_1 S^{1/L} Vᵀ`, `W_l = R_l S^{1/L} R_{l-1}ᵀ`,
//! `W_L = U S^{1/L} R_{L-1}ᵀ` and orthonormal columns `R_l : n_l × k`   (Arora et al. 2018).

use super::Network;
use super::draws::{Stream, extend_basis, gaussian, haar};
use crate::linalg::{Mat, MatRef, svd, to_vec};

/// `U diag(s) Vᵀ` with the first `s.len()` columns of `u` and `v`.
#[derive(Debug, Clone)]
pub struct Factors {
    pub u: Vec<Vec<f64>>,
    pub s: Vec<f64>,
    pub v: Vec<Vec<f64>>,
}

impl Factors {
    /// Singular triples of `a`; `None` when it is not finite.
    pub fn of(a: MatRef<'_, f64>) -> Option<Self> {
        let factors = svd(a)?;
        let columns = |m: &Mat<f64>| -> Vec<Vec<f64>> {
            (0..m.ncols())
                .map(|j| to_vec(m.as_ref().subcols(j, 1)))
                .collect()
        };
        Some(Self {
            u: columns(&factors.u),
            v: columns(&factors.v),
            s: factors.s,
        })
    }

    /// How many singular values are more than rounding of the largest.
    pub fn rank(&self) -> usize {
        let size = self
            .u
            .first()
            .map_or(0, Vec::len)
            .max(self.v.first().map_or(0, Vec::len));
        let cutoff = self
            .s
            .first()
            .map_or(0.0, |s| s * (size as f64 * f64::EPSILON));
        self.s.iter().filter(|&&s| s > cutoff).count()
    }
}

/// Independent entries `N(0, std_l²)`, layer `l` from the stream `init/Wl`.
pub fn gaussian_layers(network: &Network, std: &[f64], seed: u64) -> Vec<f64> {
    fill(network, |layer, rows, cols| {
        let mut stream = Stream::new(seed, &format!("init/W{layer}"));
        gaussian(rows, cols, std[layer - 1], &mut stream)
    })
}

/// Two Gaussian layers of hidden width `width`, in the basis that they span: `R : k × k` in place of
/// `S = [W_1, W_2ᵀ] = O R`, `OᵀO = I`, `k = n_0 + n_2`. `A`, all norms and the flow of both are the same, and
/// no number of neurons is too large. `R` is upper triangular with `R_ii² ~ χ²` of `width − i + 1` degrees of
/// freedom and `R_ij ~ N(0, 1)`, times `std_l` of the column (Bartlett 1933), from the stream `init/span`.
///
/// # Panics
/// When the network does not have `k` hidden neurons, or `width ≤ k`.
pub fn spanning_layers(network: &Network, std: &[f64], width: u64, seed: u64) -> Vec<f64> {
    let (inputs, k) = (network.input_width(), network.widths()[1]);
    assert!(k == inputs + network.output_width() && width > k as u64);
    let mut stream = Stream::new(seed, "init/span");
    let mut root = Mat::zeros(k, k);
    for j in 0..k {
        let size = if j < inputs { std[0] } else { std[1] };
        for i in 0..j {
            root[(i, j)] = size * stream.normal();
        }
        root[(j, j)] = size * stream.chi(width as f64 - j as f64);
    }
    fill(network, |layer, _, _| match layer {
        1 => root.get(.., ..inputs).to_owned(),
        _ => root.get(.., inputs..).transpose().to_owned(),
    })
}

/// Haar matrices with orthonormal rows or columns, layer `l` from the stream `init/Wl`.
pub fn orthogonal_layers(network: &Network, seed: u64) -> Vec<f64> {
    fill(network, |layer, rows, cols| {
        haar(
            rows,
            cols,
            &mut Stream::new(seed, &format!("init/W{layer}")),
        )
    })
}

/// Rectangular identities.
pub fn identity_layers(network: &Network) -> Vec<f64> {
    fill(network, |_, rows, cols| Mat::identity(rows, cols))
}

/// Balanced layers whose product is `U S Vᵀ`. Assumes that no width is below the number of
/// nonzero singular values. Hidden bases are the first unit vectors, or Haar matrices from the
/// streams `init/hidden_l` when `rotate` is a seed.
pub fn balanced_layers(network: &Network, factors: &Factors, rotate: Option<u64>) -> Vec<f64> {
    let modes = network.max_rank().min(factors.s.len());
    let root = 1.0 / network.depth() as f64;
    let size: Vec<f64> = factors.s[..modes]
        .iter()
        .map(|&s| libm::pow(s, root))
        .collect();
    let bases = hidden_bases(network, modes, rotate);
    let last = network.depth();
    fill(network, |layer, rows, cols| {
        let left = if layer == last {
            &factors.u
        } else {
            &bases[layer - 1]
        };
        let right = if layer == 1 {
            &factors.v
        } else {
            &bases[layer - 2]
        };
        outer_sum(rows, cols, &size, left, right)
    })
}

/// Two layers with product `U S Vᵀ` and `W_2ᵀW_2 − W_1W_1ᵀ = λ I`   (Braun et al. 2022). Assumes
/// depth 2, a hidden layer no wider than the outer layer on the larger side and no narrower than
/// the number of nonzero singular values. Missing singular vectors come from `init/complete`.
pub fn lambda_balanced_layers(
    network: &Network,
    factors: &Factors,
    lambda: f64,
    seed: u64,
    rotate: bool,
) -> Vec<f64> {
    let [inputs, hidden, outputs] = [0, 1, 2].map(|l| network.widths()[l]);
    let (mut large, mut small) = (Vec::new(), Vec::new());
    for k in 0..hidden {
        let s = factors.s.get(k).copied().unwrap_or(0.0);
        // The roots of x² − |λ| x − s² = 0 are the larger square and minus the smaller one.
        let x = 0.5 * (lambda.abs() + lambda.hypot(2.0 * s));
        large.push(x.sqrt());
        small.push(if x > 0.0 { s / x.sqrt() } else { 0.0 });
    }
    let (first, second) = if lambda >= 0.0 {
        (small, large)
    } else {
        (large, small)
    };
    let mut stream = Stream::new(seed, "init/complete");
    let u = extend_basis(factors.u.clone(), outputs, hidden.min(outputs), &mut stream);
    let v = extend_basis(factors.v.clone(), inputs, hidden.min(inputs), &mut stream);
    let basis = &hidden_bases(network, hidden, rotate.then_some(seed))[0];
    fill(network, |layer, rows, cols| match layer {
        1 => outer_sum(rows, cols, &first, basis, &v),
        _ => outer_sum(rows, cols, &second, &u, basis),
    })
}

/// `count` orthonormal columns for each hidden layer.
fn hidden_bases(network: &Network, count: usize, rotate: Option<u64>) -> Vec<Vec<Vec<f64>>> {
    let basis = |layer: usize| {
        let width = network.widths()[layer];
        match rotate {
            Some(seed) => {
                let mut stream = Stream::new(seed, &format!("init/hidden_{layer}"));
                extend_basis(Vec::new(), width, count, &mut stream)
            }
            None => (0..count).map(|k| unit(width, k)).collect(),
        }
    };
    (1..network.depth()).map(basis).collect()
}

fn unit(length: usize, index: usize) -> Vec<f64> {
    let mut vector = vec![0.0; length];
    vector[index] = 1.0;
    vector
}

/// `Σ_k s_k left_k right_kᵀ` over the vectors that both sides have.
fn outer_sum(
    rows: usize,
    cols: usize,
    s: &[f64],
    left: &[Vec<f64>],
    right: &[Vec<f64>],
) -> Mat<f64> {
    let mut sum = Mat::zeros(rows, cols);
    for ((s, left), right) in s.iter().zip(left).zip(right) {
        for j in 0..cols {
            let factor = s * right[j];
            for i in 0..rows {
                sum[(i, j)] += left[i] * factor;
            }
        }
    }
    sum
}

/// Packs the matrices that `make(layer, rows, cols)` gives.
fn fill(network: &Network, make: impl Fn(usize, usize, usize) -> Mat<f64>) -> Vec<f64> {
    let mut weights = vec![0.0; network.parameters()];
    for layer in 1..=network.depth() {
        let (rows, cols) = network.shape(layer);
        network
            .layer_mut(&mut weights, layer)
            .copy_from(make(layer, rows, cols));
    }
    weights
}
