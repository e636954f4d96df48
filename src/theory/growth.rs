//! `z' = [[0, Gᵀ], [G, 0]] z − 2λz`, `G = −∇C(A_k)`: what grows at a saddle of two layers.
//!
//! `z` is one hidden neuron, its row of `W_1` on top of its column of `W_2`. With
//! `G = Σ σ_i u_i v_iᵀ` on the complement of what is learned, `(v_i, u_i)` grows at the rate
//! `σ_i − 2λ`.

use super::unmet::Unmet;
use crate::linalg::{Mat, MatRef, multiply, product, svd};
use crate::model::Cost;

/// Relative gap below which two singular values count as equal, and relative size below which one
/// counts as zero: saddles come from fits that are good to about 1e-11.
pub(super) const GAP: f64 = 1e-9;

/// The directions that grow at a saddle, fastest first.
#[derive(Debug, Clone)]
pub struct Growth {
    /// `σ_i − 2λ`.
    pub rates: Vec<f64>,
    /// Columns `(v_i, u_i)`, each half of unit length: `(n_0 + n_L) × rates`.
    pub directions: Mat<f64>,
}

/// `−∇C(A)`.
pub(super) fn drive(cost: &Cost, a: MatRef<'_, f64>) -> Mat<f64> {
    -cost.gradient_at(a)
}

impl Growth {
    /// At `saddle`, of rank `rank`: `min(n_0, n_L) − rank` directions, those of rate zero included.
    ///
    /// # Errors
    /// When the saddle is not finite, has another shape than the cost or a rank above its own.
    pub fn at(cost: &Cost, l2: f64, saddle: MatRef<'_, f64>, rank: usize) -> Result<Self, Unmet> {
        let (rows, cols) = cost.shape();
        if (saddle.nrows(), saddle.ncols()) != (rows, cols) || rank > rows.min(cols) {
            return Err(Unmet::Shapes);
        }
        let learned = svd(saddle).ok_or(Unmet::NotFinite)?;
        let g = drive(cost, saddle);
        let g = project(&g, &learned.u, rank);
        let g = project(&g.transpose().to_owned(), &learned.v, rank);
        let g = svd(g.transpose()).ok_or(Unmet::NotFinite)?;
        let count = rows.min(cols) - rank;
        Ok(Self {
            rates: g.s[..count].iter().map(|s| s - 2.0 * l2).collect(),
            directions: Mat::from_fn(cols + rows, count, |i, j| match i < cols {
                true => g.v[(i, j)],
                false => g.u[(i - cols, j)],
            }),
        })
    }

    /// The largest rate, where it is positive and alone.
    ///
    /// # Errors
    /// `NoGrowth`, `RepeatedTop`.
    pub fn first(&self, scale: f64) -> Result<f64, Unmet> {
        match self.rates[..] {
            [first, ..] if first <= GAP * scale => Err(Unmet::NoGrowth),
            [first, second, ..] if first - second <= GAP * first => Err(Unmet::RepeatedTop),
            [first, ..] => Ok(first),
            [] => Err(Unmet::NoGrowth),
        }
    }
}

/// `(I − BBᵀ) M` with the first `rank` columns of `basis` as `B`.
fn project(m: &Mat<f64>, basis: &Mat<f64>, rank: usize) -> Mat<f64> {
    let b = basis.subcols(0, rank);
    let inner = product(b.transpose(), m.as_ref());
    let mut out = m.clone();
    multiply(out.as_mut(), true, -1.0, b, inner.as_ref());
    out
}
