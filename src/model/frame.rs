//! Hidden bases in which modes of different size keep apart.
//!
//! The flow commutes with rotations of the hidden layers, `W_l → O_lᵀ W_l`, `W_{l+1} → W_{l+1} O_l`.
//! In a basis in which the columns of every stack `[W_lᵀ; W_{l+1}]` are orthogonal, each hidden
//! direction carries one mode: whatever a tiny mode does is made of its own tiny rows and columns,
//! so that rounding and errors of a step are relative to itself. In any other basis modes below
//! `10⁻¹⁶` of the largest are lost.

use super::Network;
use crate::linalg::{Mat, orthogonalise_columns, product, sandwich};

/// The rotations `O_l` of all hidden layers from the original basis.
#[derive(Debug, Clone)]
pub struct Frame {
    network: Network,
    rotations: Vec<Mat<f64>>,
}

impl Frame {
    /// The original basis.
    pub fn new(network: &Network) -> Self {
        let hidden = &network.widths()[1..network.depth()];
        let identity = |&n: &usize| Mat::identity(n, n);
        Self {
            network: network.clone(),
            rotations: hidden.iter().map(identity).collect(),
        }
    }

    /// Rotates on, so that the columns of every `[W_lᵀ; W_{l+1}]` become orthogonal, the largest first.
    pub fn regrade(&mut self, weights: &mut [f64]) {
        for hidden in 1..self.network.depth() {
            let mut stack = self.network.stack(weights, hidden).transpose().to_owned();
            let turn = orthogonalise_columns(&mut stack);
            self.unstack(&stack, weights, hidden);
            let before = &self.rotations[hidden - 1];
            self.rotations[hidden - 1] = product(before.as_ref(), turn.as_ref());
        }
    }

    /// `O_lᵀ M_l O_l` of one matrix for each hidden layer.
    pub fn turned(&self, matrices: &[Mat<f64>]) -> Vec<Mat<f64>> {
        let pairs = self.rotations.iter().zip(matrices);
        pairs.map(|(o, m)| sandwich(o, m, o)).collect()
    }

    /// The weights in the original basis.
    pub fn restore(&self, weights: &[f64]) -> Vec<f64> {
        let (network, mut out) = (&self.network, weights.to_vec());
        for (index, rotation) in self.rotations.iter().enumerate() {
            let (below, above) = (index + 1, index + 2);
            let turned = product(rotation.as_ref(), network.layer(&out, below));
            network.layer_mut(&mut out, below).copy_from(turned);
            let turned = product(network.layer(&out, above), rotation.transpose());
            network.layer_mut(&mut out, above).copy_from(turned);
        }
        out
    }

    fn unstack(&self, stack: &Mat<f64>, weights: &mut [f64], hidden: usize) {
        let inputs = self.network.widths()[hidden - 1];
        let outputs = self.network.widths()[hidden + 1];
        let top = stack.as_ref().subrows(0, inputs).transpose();
        self.network.layer_mut(weights, hidden).copy_from(top);
        let bottom = stack.as_ref().subrows(inputs, outputs);
        self.network
            .layer_mut(weights, hidden + 1)
            .copy_from(bottom);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::dot;

    /// Weights of no structure, layer `l` of size `10^{-3l}`.
    fn generic(network: &Network) -> Vec<f64> {
        let mut weights = vec![0.0; network.parameters()];
        for layer in 1..=network.depth() {
            for (i, w) in weights[network.range(layer)].iter_mut().enumerate() {
                *w = 1e-3_f64.powi(layer as i32) * (1.3 * i as f64 + layer as f64).sin();
            }
        }
        weights
    }

    #[test]
    fn regrading_keeps_the_map_and_is_undone() {
        let network = Network::new(vec![3, 5, 4, 2]);
        let weights = generic(&network);
        let (mut frame, mut turned) = (Frame::new(&network), weights.clone());
        for _ in 0..3 {
            frame.regrade(&mut turned);
        }
        let (before, after) = (network.end_to_end(&weights), network.end_to_end(&turned));
        // A few rotations' rounding.
        assert!((&before - &after).norm_l2() <= 1e-14 * before.norm_l2());
        let restored = frame.restore(&turned);
        for layer in 1..=3 {
            let (a, b) = (
                &weights[network.range(layer)],
                &restored[network.range(layer)],
            );
            let off: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
            // The layers next to a hidden one share its rotation, and the rounding of the larger.
            assert!(dot(&off, &off).sqrt() <= 1e-14 * dot(a, a).sqrt().max(1e-3));
        }
    }

    #[test]
    fn neurons_become_orthogonal_and_sorted() {
        let network = Network::new(vec![3, 5, 4, 2]);
        let mut weights = generic(&network);
        let mut frame = Frame::new(&network);
        frame.regrade(&mut weights);
        for hidden in 1..=2 {
            let stack = frame.network.stack(&weights, hidden).transpose().to_owned();
            let size = |j: usize| stack.col(j).norm_l2();
            for j in 1..stack.ncols() {
                assert!(size(j) <= size(j - 1), "hidden layer {hidden}");
                for i in 0..j {
                    let product = stack.col(i).transpose() * stack.col(j);
                    assert!(product.abs() <= 1e-14 * size(i) * size(j).max(1e-14 * size(0)));
                }
            }
        }
    }
}
