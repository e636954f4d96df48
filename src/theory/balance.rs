//! Tests of the imbalance `W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ` of two neighbouring layers.

use crate::linalg::{Mat, MatRef, product};

/// Relative size up to which a quantity that should vanish counts as roundoff.
pub(super) const ROUNDOFF: f64 = 1e-12;

/// Whether the imbalance of `low` and the layer `high` above it is `delta I` up to roundoff, tested
/// on two fixed vectors of the hidden layer: a matrix other than zero maps neither to zero but by
/// an unlikely accident, and no square of a wide layer has to be formed.
pub(super) fn is_multiple_of_identity(
    low: MatRef<'_, f64>,
    high: MatRef<'_, f64>,
    delta: f64,
) -> bool {
    let probes = Mat::from_fn(low.nrows(), 2, |i, j| {
        ((1 + i) as f64 * (1.0 + j as f64)).cos()
    });
    let above = gram_product(high.transpose(), high, &probes);
    let below = gram_product(low, low.transpose(), &probes);
    let size = above.norm_l2().max(below.norm_l2());
    let defect = Mat::from_fn(low.nrows(), 2, |i, j| {
        above[(i, j)] - below[(i, j)] - delta * probes[(i, j)]
    });
    defect.norm_l2() <= ROUNDOFF * size
}

/// `A B X`.
fn gram_product(a: MatRef<'_, f64>, b: MatRef<'_, f64>, x: &Mat<f64>) -> Mat<f64> {
    let half = product(b, x.as_ref());
    product(a, half.as_ref())
}
