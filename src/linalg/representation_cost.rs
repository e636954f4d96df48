//! What `‖θ‖²` costs as a function of the end-to-end matrix.

use std::borrow::Borrow;

/// `L Σ_i σ_i^{2/L}`, the least `‖θ‖²` of `L ≥ 1` layers, no narrower than the rank, whose product has
/// these singular values; 0 of none. For `L ≥ 3` it is not convex.
pub fn representation_cost<S: Borrow<f64>>(
    depth: usize,
    singular_values: impl IntoIterator<Item = S>,
) -> f64 {
    let values = singular_values.into_iter().map(|s| *s.borrow());
    // Recorded rows ask often, and a power costs as much as the rest of a small network's row.
    let sum = match depth {
        1 => values.fold(0.0, |sum, s| sum + s * s),
        2 => values.fold(0.0, |sum, s| sum + s),
        4 => values.fold(0.0, |sum, s| sum + s.sqrt()),
        _ => values.fold(0.0, |sum, s| sum + s.powf(2.0 / depth as f64)),
    };
    depth as f64 * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Balanced layers of size `σ^{1/L}` have `‖θ‖² = L Σ σ^{2/L}`: by repeated roots and squares.
    #[test]
    fn it_is_the_squared_norm_of_balanced_layers() {
        let values: [f64; 3] = [64.0, 4096.0, 0.0];
        let layers: [[f64; 2]; 3] = [[64.0, 4096.0], [8.0, 64.0], [4.0, 16.0]];
        for depth in [1, 2, 3] {
            let norm: f64 = layers[depth - 1].iter().map(|w| depth as f64 * w * w).sum();
            assert!((representation_cost(depth, values) / norm - 1.0).abs() < 1e-15);
        }
        let fourth = 4.0 * (8.0 + 64.0);
        assert!((representation_cost(4, values) / fourth - 1.0).abs() < 1e-15);
        let sixth = 6.0 * (4.0 + 16.0);
        assert!((representation_cost(6, values) / sixth - 1.0).abs() < 1e-15);
        assert_eq!(
            representation_cost(3, [0.0; 0]).to_bits(),
            0.0_f64.to_bits()
        );
    }
}
