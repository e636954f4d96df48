//! Problems of every cost kind with entries that have no structure, the same on every run.

use dlnflow::linalg::{Mat, multiply};
use dlnflow::model::{Cost, Network, Problem};

/// Number of cost kinds that `cost` knows.
pub const KINDS: u8 = 5;

/// Entries in (−1, 1), different for every seed.
pub fn entries(seed: u64, n: usize) -> Vec<f64> {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (x >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        })
        .collect()
}

pub fn matrix(seed: u64, rows: usize, cols: usize) -> Mat<f64> {
    let data = entries(seed, rows * cols);
    Mat::from_fn(rows, cols, |i, j| data[j * rows + i])
}

/// Squared error, weighted (with one weight of zero), completion, regression, sensing.
pub fn cost(kind: u8, target: Mat<f64>, seed: u64) -> Cost {
    let (rows, cols) = (target.nrows(), target.ncols());
    match kind {
        0 => Cost::SquaredError { target },
        1 => {
            let weights = Mat::from_fn(rows, cols, |i, j| f64::from((i + j != 1) as u8) + j as f64);
            Cost::Weighted { target, weights }
        }
        2 => {
            let observed = Mat::from_fn(rows, cols, |i, j| f64::from((i + j) % 3 != 1));
            Cost::MatrixCompletion { target, observed }
        }
        3 => {
            let x = matrix(seed + 1, cols, cols + 3);
            let mut covariance = Mat::zeros(cols, cols);
            multiply(covariance.as_mut(), false, 0.2, x.as_ref(), x.transpose());
            Cost::regression(target, covariance, 0.3)
        }
        _ => {
            let measurements = matrix(seed + 2, 7, rows * cols);
            let flat = Mat::from_fn(rows * cols, 1, |k, _| target[(k % rows, k / rows)]);
            let mut seen = Mat::zeros(7, 1);
            let (b, x) = (measurements.as_ref(), flat.as_ref());
            multiply(seen.as_mut(), false, 1.0, b, x);
            Cost::MatrixSensing {
                observations: (0..7).map(|k| seen[(k, 0)]).collect(),
                measurements,
                target: None,
                shape: (rows, cols),
            }
        }
    }
}

/// A generic target and generic weights of the size given.
pub fn problem(widths: Vec<usize>, kind: u8, l2: f64, size: f64, seed: u64) -> Problem {
    let network = Network::new(widths);
    let target = matrix(seed, network.output_width(), network.input_width());
    let cost = cost(kind, target, seed);
    let mut initial_weights = entries(seed + 9, network.parameters());
    initial_weights.iter_mut().for_each(|w| *w *= size);
    Problem {
        network,
        cost,
        l2,
        initial_weights,
    }
}
