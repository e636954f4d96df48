//! `min_{W_L…W_1 = A} ‖θ‖² = L Σ_i σ_i(A)^{2/L}`: what `‖θ‖²` costs as a function of the end-to-end
//! matrix, for widths of at least the rank of `A`; attained exactly by balanced weights
//! (Srebro, Rennie & Jaakkola 2004 for `L = 2`; Dai, Karzand & Srebro 2021).

use crate::linalg::svd;
use crate::model::Network;

pub use crate::linalg::representation_cost;

/// `‖θ‖² − L Σ_i σ_i(A)^{2/L} ≥ 0` for packed `weights` of `network`: how much shorter the weights could
/// be at the same `A`, 0 when balanced. `None` when the weights are not finite.
///
/// Up to roundoff `ε σ_1` in each singular value, which the power makes `L (ε σ_1)^{2/L}` where `A` has
/// not full rank.
pub fn gap(network: &Network, weights: &[f64]) -> Option<f64> {
    let singular_values = svd(network.end_to_end(weights).as_ref())?.s;
    let norm: f64 = weights.iter().map(|w| w * w).sum();
    Some(norm - representation_cost(network.depth(), &singular_values))
}
