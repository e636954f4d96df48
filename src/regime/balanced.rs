//! The nearest balanced weights over a given end-to-end matrix, `A* = U S Vᵀ`:
//! `W_1 = R_1 S^{1/L} Vᵀ`, `W_l = R_l S^{1/L} R_{l−1}ᵀ`, `W_L = U S^{1/L} R_{L−1}ᵀ` with orthonormal columns
//! `R_l : n_l × k`. From the origin they are the nearest of all, `L Σ s_i^{2/L}` away squared.
//!
//! For one `R_l` at a time the best is the polar factor of `(W_l R_{l−1} + W_{l+1}ᵀ R_{l+1}) S^{1/L}`
//! (Schönemann 1966).

use crate::linalg::{Mat, MatRef, product, svd, zeros};
use crate::model::Network;

/// Rounds over the hidden layers; what is left is taken up by whoever starts from the result.
const ROUNDS: usize = 30;

/// Balanced weights with product `target`, near `weights`. `None` when a hidden layer is narrower than
/// its rank or something is not finite.
pub fn nearest_balanced(
    network: &Network,
    weights: &[f64],
    target: MatRef<'_, f64>,
) -> Option<Vec<f64>> {
    let factors = svd(target)?;
    let cutoff = f64::EPSILON * 4.0 * target.nrows().max(target.ncols()) as f64;
    let top = factors.s.first().copied().unwrap_or(0.0);
    let rank = factors.s.iter().filter(|s| **s > cutoff * top).count();
    if rank > network.max_rank() || rank == 0 {
        return None;
    }
    let depth = network.depth();
    let root: Vec<f64> = factors.s[..rank]
        .iter()
        .map(|s| libm::pow(*s, 1.0 / depth as f64))
        .collect();
    let mut bases: Vec<Mat<f64>> = (0..=depth)
        .map(|l| zeros(network.widths()[l], rank))
        .collect();
    bases[0] = factors.v.subcols(0, rank).to_owned();
    bases[depth] = factors.u.subcols(0, rank).to_owned();
    for _ in 0..ROUNDS {
        for hidden in 1..depth {
            let below = product(network.layer(weights, hidden), bases[hidden - 1].as_ref());
            let above = network.layer(weights, hidden + 1).transpose();
            let above = product(above, bases[hidden + 1].as_ref());
            let sum = Mat::from_fn(below.nrows(), rank, |i, k| {
                root[k] * (below[(i, k)] + above[(i, k)])
            });
            let parts = svd(sum.as_ref())?;
            bases[hidden] = product(parts.u.as_ref(), parts.v.transpose());
        }
    }
    let mut out = vec![0.0; weights.len()];
    for layer in 1..=depth {
        let high = &bases[layer];
        let scaled = Mat::from_fn(high.nrows(), rank, |i, k| high[(i, k)] * root[k]);
        let w = product(scaled.as_ref(), bases[layer - 1].transpose());
        network.layer_mut(&mut out, layer).copy_from(&w);
    }
    Some(out)
}
