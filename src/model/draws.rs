//! Random draws, the same bits on every machine and with every version of our dependencies.
//!
//! Each named draw has a ChaCha20 stream of its own, `key = SHA-256("dlnflow-draw-v1" ‖ seed ‖
//! name)`, so a new draw never shifts another. Uniform: 53 bits; normal: Marsaglia's polar method
//! (SIAM Rev. 6, 1964); Haar: Gram–Schmidt of a Gaussian matrix (Mezzadri 2007). All sums run in a
//! fixed order, so results do not depend on the processor either.

use crate::linalg::Mat;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The stream of one named draw.
#[derive(Debug)]
pub struct Stream {
    words: ChaCha20Rng,
    spare: Option<f64>,
}

impl Stream {
    /// The stream of `name` under `seed`.
    pub fn new(seed: u64, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"dlnflow-draw-v1");
        hash.update(seed.to_le_bytes());
        hash.update(name.as_bytes());
        Self {
            words: ChaCha20Rng::from_seed(hash.finalize().into()),
            spare: None,
        }
    }

    /// Uniform on `[0, 1)`, a multiple of `2⁻⁵³`.
    pub fn uniform(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.words.next_u64() >> 11) as f64 * UNIT
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * libm::log(square) / square).sqrt();
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }

    /// The root of a chi-squared number with `degrees ≥ 2` degrees of freedom, by Marsaglia & Tsang's
    /// rejection for gamma variables (ACM Trans. Math. Softw. 26, 2000).
    pub fn chi(&mut self, degrees: f64) -> f64 {
        let d = 0.5 * degrees - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            // v − 1 itself: of many degrees v is so near to 1 that ln v + 1 − v would be rounding.
            let above = c * x * (3.0 + c * x * (3.0 + c * x));
            let bound = 0.5 * x * x + d * (libm::log1p(above) - above);
            if libm::log(self.uniform()) < bound {
                return (2.0 * d * (1.0 + above)).sqrt();
            }
        }
    }

    /// Uniform on `0 … bound − 1`, without bias; `bound > 0`.
    pub fn below(&mut self, bound: u64) -> u64 {
        let rest = (u64::MAX % bound + 1) % bound;
        loop {
            let word = self.words.next_u64();
            if word <= u64::MAX - rest {
                return word % bound;
            }
        }
    }

    /// `count` distinct numbers out of `0 … total − 1`, in the order drawn (Fisher–Yates).
    pub fn choose(&mut self, count: usize, total: usize) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..total).collect();
        for i in 0..count {
            let other = i + self.below((total - i) as u64) as usize;
            numbers.swap(i, other);
        }
        numbers.truncate(count);
        numbers
    }
}

/// Child seed `index` of `seed`, below `2⁶³` as seeds in files are.
pub fn child_seed(seed: u64, index: u64) -> u64 {
    Stream::new(seed, &format!("child {index}")).below(1 << 63)
}

/// `count` child seeds of `seed`; for 0 the seed itself.
pub fn seeds(seed: u64, count: usize) -> Vec<u64> {
    match count {
        0 => vec![seed],
        n => (0..n as u64).map(|i| child_seed(seed, i)).collect(),
    }
}

/// Independent entries `N(0, std²)`, drawn column by column.
pub fn gaussian(rows: usize, cols: usize, std: f64, stream: &mut Stream) -> Mat<f64> {
    let mut matrix = Mat::zeros(rows, cols);
    for j in 0..cols {
        for i in 0..rows {
            matrix[(i, j)] = std * stream.normal();
        }
    }
    matrix
}

/// Haar-distributed `rows × cols` matrix: orthonormal columns, or rows when it is wide.
pub fn haar(rows: usize, cols: usize, stream: &mut Stream) -> Mat<f64> {
    let tall = extend_basis(Vec::new(), rows.max(cols), rows.min(cols), stream);
    if rows >= cols {
        Mat::from_fn(rows, cols, |i, j| tall[j][i])
    } else {
        Mat::from_fn(rows, cols, |i, j| tall[i][j])
    }
}

/// Random orthonormal vectors of length `length` after the given ones, until there are `count`.
pub fn extend_basis(
    mut basis: Vec<Vec<f64>>,
    length: usize,
    count: usize,
    stream: &mut Stream,
) -> Vec<Vec<f64>> {
    while basis.len() < count {
        let mut vector: Vec<f64> = (0..length).map(|_| stream.normal()).collect();
        // Twice is enough: the second pass removes what rounding left of the first.
        for _ in 0..2 {
            for unit in &basis {
                let overlap = ordered_dot(unit, &vector);
                vector
                    .iter_mut()
                    .zip(unit)
                    .for_each(|(v, u)| *v -= overlap * u);
            }
        }
        let norm = ordered_dot(&vector, &vector).sqrt();
        if norm > 0.0 {
            vector.iter_mut().for_each(|v| *v /= norm);
            basis.push(vector);
        }
    }
    basis
}

/// `U diag(s) Vᵀ : rows × cols` with Haar `U`, `V` from the streams `name/left` and `name/right`.
pub fn with_singular_values(
    rows: usize,
    cols: usize,
    s: &[f64],
    seed: u64,
    name: &str,
) -> Mat<f64> {
    let u = haar(
        rows,
        s.len(),
        &mut Stream::new(seed, &format!("{name}/left")),
    );
    let v = haar(
        cols,
        s.len(),
        &mut Stream::new(seed, &format!("{name}/right")),
    );
    let mut matrix = Mat::zeros(rows, cols);
    for (k, s) in s.iter().enumerate() {
        for j in 0..cols {
            let factor = s * v[(j, k)];
            for i in 0..rows {
                matrix[(i, j)] += u[(i, k)] * factor;
            }
        }
    }
    matrix
}

/// 0/1 matrix with exactly `count` ones at random places.
pub fn mask(rows: usize, cols: usize, count: usize, stream: &mut Stream) -> Mat<f64> {
    let mut mask = Mat::zeros(rows, cols);
    for entry in stream.choose(count, rows * cols) {
        mask[(entry % rows, entry / rows)] = 1.0;
    }
    mask
}

/// `Σ x_i y_i` in eight interleaved partial sums: fast, and in the same order everywhere.
fn ordered_dot(x: &[f64], y: &[f64]) -> f64 {
    let (x_blocks, x_rest) = x.as_chunks::<8>();
    let (y_blocks, y_rest) = y.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for (sum, (x, y)) in sums.iter_mut().zip(x.iter().zip(y)) {
            *sum += x * y;
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + rest
}
