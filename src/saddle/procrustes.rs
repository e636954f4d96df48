//! Distance of two sets of weights up to rotations of the hidden layers:
//! `min Σ_l ‖W_l − R_l V_l R_{l−1}ᵀ‖²_F` over `R_l : n_l × k_l` with orthonormal columns, `R_0 = R_L = I`.
//!
//! For one layer at a time the best `R_l` is the polar factor of `W_l R_{l−1} V_lᵀ + W_{l+1}ᵀ R_{l+1} V_{l+1}`
//! (orthogonal Procrustes, Schönemann 1966); going round, the distance falls until it settles.

use crate::linalg::{Mat, MatRef, product, svd};
use crate::model::Network;

const ROUNDS: usize = 60;
/// Relative change of the distance at which it has settled.
const SETTLED: f64 = 1e-9;

/// The distance of `weights` from `narrow_weights`, whose hidden layers are not wider.
pub fn distance_up_to_rotation(
    network: &Network,
    weights: &[f64],
    narrow: &Network,
    narrow_weights: &[f64],
) -> f64 {
    let pair = Pair {
        network,
        weights,
        narrow,
        narrow_weights,
    };
    let depth = network.depth();
    let mut turns: Vec<Mat<f64>> = (0..=depth)
        .map(|l| Mat::identity(network.widths()[l], narrow.widths()[l]))
        .collect();
    let mut before = f64::INFINITY;
    for round in 0..ROUNDS {
        for hidden in 1..depth {
            if let Some(turn) = pair.best(hidden, &turns, round == 0) {
                turns[hidden] = turn;
            }
        }
        let now = pair.distance(&turns);
        if now >= before * (1.0 - SETTLED) {
            return now.min(before);
        }
        before = now;
    }
    before
}

struct Pair<'a> {
    network: &'a Network,
    weights: &'a [f64],
    narrow: &'a Network,
    narrow_weights: &'a [f64],
}

impl Pair<'_> {
    /// The best rotation of a hidden layer, from below alone when the layers above are not turned yet.
    fn best(&self, hidden: usize, turns: &[Mat<f64>], from_below: bool) -> Option<Mat<f64>> {
        let (w, v) = self.layer(hidden);
        let below = product(w, turns[hidden - 1].as_ref());
        let mut cross = product(below.as_ref(), v.transpose());
        if !from_below || hidden + 1 == self.network.depth() {
            let (w, v) = self.layer(hidden + 1);
            let above = product(turns[hidden + 1].transpose(), w);
            cross += product(above.transpose(), v);
        }
        let parts = svd(cross.as_ref())?;
        Some(product(parts.u.as_ref(), parts.v.transpose()))
    }

    fn distance(&self, turns: &[Mat<f64>]) -> f64 {
        let layers = 1..=self.network.depth();
        let squares = layers.map(|l| {
            let (w, v) = self.layer(l);
            let turned = product(turns[l].as_ref(), v);
            let turned = product(turned.as_ref(), turns[l - 1].transpose());
            (w - turned).squared_norm_l2()
        });
        squares.sum::<f64>().sqrt()
    }

    fn layer(&self, l: usize) -> (MatRef<'_, f64>, MatRef<'_, f64>) {
        let mine = self.network.layer(self.weights, l);
        (mine, self.narrow.layer(self.narrow_weights, l))
    }
}
