//! The neural tangent kernel of the end-to-end map, `K = J Jᵀ : n_0 n_L × n_0 n_L` with `J = dA/dθ`
//! (Jacot, Gabriel & Hongler 2018), in the column-major order of `A`, and what is read off matrices.

use super::Refused;
use crate::flow::LayerTangent;
use crate::integrate::Tangent;
use crate::linalg::{Mat, MatRef, frobenius, product, view};
use crate::model::Network;

/// Rows of the largest kernel that is formed.
pub const LARGEST: usize = 512;

/// `J` of `network`, to be frozen at a point.
pub(super) fn tangent(network: &Network) -> Result<LayerTangent<'_>, Refused> {
    let rows = network.input_width() * network.output_width();
    LayerTangent::of_network(network, LARGEST).ok_or(Refused::KernelTooLarge(rows))
}

/// `K` at `weights`.
///
/// # Errors
/// `KernelTooLarge`.
pub fn tangent_kernel(network: &Network, weights: &[f64]) -> Result<Mat<f64>, Refused> {
    let mut tangent = tangent(network)?;
    tangent.freeze(weights);
    Ok(tangent.kernel())
}

/// `⟨K, y yᵀ⟩ / (‖K‖_F ‖y‖²)` for `y = vec(target)` (Cristianini et al. 2001): `1/√n` for a multiple
/// of the `n × n` identity, 1 when the kernel has the target's direction alone. `None` where it is 0/0.
pub fn alignment(kernel: &Mat<f64>, target: MatRef<'_, f64>) -> Option<f64> {
    let (size, length) = (frobenius(kernel.as_ref()), frobenius(target));
    if !(size > 0.0 && length > 0.0) {
        return None;
    }
    let y: Vec<f64> = crate::linalg::to_vec(target)
        .iter()
        .map(|y| y / length)
        .collect();
    let column = view(&y, y.len(), 1);
    let image = product(kernel.as_ref(), column);
    Some(product(column.transpose(), image.as_ref())[(0, 0)] / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alignment_is_one_for_the_target_alone() {
        let target = Mat::from_fn(2, 3, |i, j| (1.0 + i as f64) - 0.7 * j as f64);
        let y = crate::linalg::to_vec(target.as_ref());
        let own = Mat::from_fn(6, 6, |a, b| y[a] * y[b]);
        let same = alignment(&own, target.as_ref()).expect("not zero");
        assert!((same - 1.0).abs() < 1e-14);
        let isotropic = alignment(&Mat::identity(6, 6), target.as_ref()).expect("not zero");
        assert!((isotropic - 6f64.sqrt().recip()).abs() < 1e-14);
        assert_eq!(alignment(&own, Mat::zeros(2, 3).as_ref()), None);
    }
}
