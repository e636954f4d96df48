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
    let unturned = |l: usize| Mat::identity(network.widths()[l], narrow.widths()[l]);
    let mut turns: Vec<Option<Mat<f64>>> = (0..=depth)
        .map(|l| (1..depth).contains(&l).then(|| unturned(l)))
        .collect();
    let mut before = f64::INFINITY;
    for round in 0..ROUNDS {
        for hidden in 1..depth {
            if let Some(turn) = pair.best(hidden, &turns, round == 0) {
                turns[hidden] = Some(turn);
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

/// `R_0 … R_L`, `None` for inputs and outputs, which are not turned and may be many.
type Turns = [Option<Mat<f64>>];

/// `Rᵀ m`.
fn turned(turn: Option<&Mat<f64>>, m: MatRef<'_, f64>) -> Mat<f64> {
    turn.map_or_else(|| m.to_owned(), |turn| product(turn.transpose(), m))
}

/// `R m`.
fn turned_back(turn: Option<&Mat<f64>>, m: MatRef<'_, f64>) -> Mat<f64> {
    turn.map_or_else(|| m.to_owned(), |turn| product(turn.as_ref(), m))
}

struct Pair<'a> {
    network: &'a Network,
    weights: &'a [f64],
    narrow: &'a Network,
    narrow_weights: &'a [f64],
}

impl Pair<'_> {
    /// The best rotation of a hidden layer, from below alone when the layers above are not turned yet.
    fn best(&self, hidden: usize, turns: &Turns, from_below: bool) -> Option<Mat<f64>> {
        let (w, v) = self.layer(hidden);
        let below = turned(turns[hidden - 1].as_ref(), w.transpose());
        let mut cross = product(below.transpose(), v.transpose());
        if !from_below || hidden + 1 == self.network.depth() {
            let (w, v) = self.layer(hidden + 1);
            let above = turned(turns[hidden + 1].as_ref(), w);
            cross += product(above.transpose(), v);
        }
        let parts = svd(cross.as_ref())?;
        Some(product(parts.u.as_ref(), parts.v.transpose()))
    }

    fn distance(&self, turns: &Turns) -> f64 {
        let layers = 1..=self.network.depth();
        let squares = layers.map(|l| {
            let (w, v) = self.layer(l);
            let above = turned_back(turns[l].as_ref(), v);
            let both = turned_back(turns[l - 1].as_ref(), above.transpose());
            (w - both.transpose()).squared_norm_l2()
        });
        squares.sum::<f64>().sqrt()
    }

    fn layer(&self, l: usize) -> (MatRef<'_, f64>, MatRef<'_, f64>) {
        let mine = self.network.layer(self.weights, l);
        (mine, self.narrow.layer(self.narrow_weights, l))
    }
}
