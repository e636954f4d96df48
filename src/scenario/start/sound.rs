//! Weights of a start neither vanish nor overflow.

use crate::model::Network;
use crate::scenario::context::Context;
use crate::scenario::schema::{InitSpec, Matrix, Strengths};

/// Largest `|w|` of each layer.
pub(super) fn layer_sizes(network: &Network, weights: &[f64]) -> Vec<f64> {
    let size = |layer| {
        let entries = &weights[network.range(layer)];
        entries.iter().fold(0.0, |m: f64, w| {
            if w.is_finite() {
                m.max(w.abs())
            } else {
                f64::INFINITY
            }
        })
    };
    (1..=network.depth()).map(size).collect()
}

/// Whether layer `layer` was asked to have weights other than 0: such that are 0 have underflowed.
fn asked(init: &InitSpec, layer: usize) -> bool {
    match init {
        InitSpec::Gaussian { per_layer_std, .. } => {
            let std = per_layer_std.as_ref().and_then(|list| list.get(layer - 1));
            std != Some(&0.0)
        }
        InitSpec::Balanced { end_to_end, .. } | InitSpec::LambdaBalanced { end_to_end, .. } => {
            end_to_end.as_ref().is_none_or(has_entries)
        }
        InitSpec::Aligned { mode_strengths, .. } => match mode_strengths {
            Strengths::All(strength) => *strength > 0.0,
            Strengths::Each(list) => list.iter().any(|&s| s > 0.0),
        },
        InitSpec::Orthogonal { .. } | InitSpec::Identity { .. } => true,
        // As they are written.
        InitSpec::Matrices { .. } | InitSpec::Run { .. } => false,
    }
}

/// Whether a matrix is written with something other than 0; of a file the entries are what it says.
fn has_entries(matrix: &Matrix) -> bool {
    let nonzero = |list: &[f64]| list.iter().any(|&x| x != 0.0);
    match matrix {
        Matrix::Rows(rows) => rows.iter().any(|row| nonzero(row)),
        Matrix::Diagonal(list) | Matrix::SingularValues(list) => nonzero(list),
        Matrix::Gaussian(std) => *std > 0.0,
        Matrix::File(_) => false,
    }
}

/// Larger weights have squares that overflow.
const LARGEST: f64 = 1e150;

/// Whether the weights neither vanish nor overflow, alone and in their product.
pub(super) fn sound(context: &mut Context<'_>, before: &[f64], after: &[f64]) -> bool {
    let scale_given = context.spec.init.scale() != 1.0;
    let key = if scale_given { "init.scale" } else { "init" };
    for (layer, (&unscaled, &size)) in (1..).zip(before.iter().zip(after)) {
        let lost = size < f64::MIN_POSITIVE && (unscaled > 0.0 || asked(&context.spec.init, layer));
        if lost || size > LARGEST {
            let found = format!("found weights of layer {layer} of size {size:.3e}");
            let allowed = format!("must lie between {:.1e} and {LARGEST:e}", f64::MIN_POSITIVE);
            context.found(key, found, allowed);
            return false;
        }
    }
    if after.contains(&0.0) {
        return true;
    }
    // The product of the layers has about this size; below 1e-306 it loses digits to underflow.
    let exponent: f64 = after.iter().map(|s| s.log10()).sum();
    if !(-306.0..=LARGEST.log10()).contains(&exponent) {
        let found = format!("found layers whose product is of size 1e{exponent:.0}");
        context.found(
            key,
            found,
            format!("must lie between 1e-306 and {LARGEST:e}"),
        );
        return false;
    }
    true
}
