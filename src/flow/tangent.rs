//! The stiff part of the layer flow: `G = dA/dθ` at a frozen point, `G V = Σ_l L_l V_l R_l` with
//! `L_l = W_L … W_{l+1}`, `R_l = W_{l−1} … W_1`, and the tangent kernel
//! `G Gᵀ = Σ_l (R_lᵀ R_l) ⊗ (L_l L_lᵀ)`.

use crate::integrate::Tangent;
use crate::linalg::{Mat, multiply};
use crate::model::{Cost, CurvatureFactor, Network, TangentKernel};
use std::cell::RefCell;

/// `G` of a network at a frozen point together with the factor `F` of the cost's curvature.
pub struct LayerTangent<'a> {
    network: &'a Network,
    factor: CurvatureFactor,
    weights: Vec<f64>,
    /// Prefix products at the frozen point.
    prefix: Vec<Mat<f64>>,
    scratch: RefCell<Vec<Mat<f64>>>,
}

impl<'a> LayerTangent<'a> {
    /// `None` when the factor has more than `limit` rows.
    pub fn new(network: &'a Network, cost: &Cost, limit: usize) -> Option<Self> {
        let factor = cost.curvature_factor(limit)?;
        Some(Self {
            network,
            factor,
            weights: vec![0.0; network.parameters()],
            prefix: network.product_storage(),
            scratch: RefCell::new(network.product_storage()),
        })
    }

    /// For `F = 1`, where the kernel is `G Gᵀ` itself; `None` when it has more than `limit` rows.
    pub fn of_network(network: &'a Network, limit: usize) -> Option<Self> {
        let target = Mat::zeros(network.output_width(), network.input_width());
        Self::new(network, &Cost::SquaredError { target }, limit)
    }

    /// `A` at the frozen point.
    pub fn end_to_end(&self) -> &Mat<f64> {
        &self.prefix[self.network.depth() - 1]
    }
}

impl Tangent for LayerTangent<'_> {
    fn rank(&self) -> usize {
        self.factor.rows()
    }

    /// A model of this machine's order of magnitude, so that decisions do not depend on a clock:
    /// `60 m³` operations for the eigenvectors at 50 Gflop/s; six per weight and input for a
    /// right-hand side at 70 Gflop/s and 80 ns for each of its products.
    fn price(&self) -> f64 {
        let m = self.rank() as f64;
        let net = self.network;
        let products = 6.0 * (net.parameters() * net.input_width()) as f64;
        let right_hand_side = products / 70e9 + 3.0 * net.depth() as f64 * 80e-9;
        60.0 * m.powi(3) / 50e9 / right_hand_side
    }

    fn freeze(&mut self, y: &[f64]) {
        self.weights.copy_from_slice(y);
        self.network.prefix_products(y, &mut self.prefix);
    }

    fn kernel(&self) -> Mat<f64> {
        let mut kernel = Mat::zeros(self.rank(), self.rank());
        let terms = TangentKernel::from_products(self.network, &self.weights, &self.prefix);
        for term in terms.terms() {
            self.factor.add_kernel(&term.left, &term.right, &mut kernel);
        }
        kernel
    }

    fn forward(&self, v: &[f64], z: &mut [f64]) {
        let (net, dp) = (self.network, &mut *self.scratch.borrow_mut());
        dp[0].copy_from(net.layer(v, 1));
        for layer in 2..=net.depth() {
            let (done, rest) = dp.split_at_mut(layer - 1);
            let (below, here) = (done[layer - 2].as_ref(), &mut rest[0]);
            let w = net.layer(&self.weights, layer);
            multiply(here.as_mut(), false, 1.0, w, below);
            let p = self.prefix[layer - 2].as_ref();
            multiply(here.as_mut(), true, 1.0, net.layer(v, layer), p);
        }
        self.factor.apply(dp[net.depth() - 1].as_ref(), z);
    }

    fn backward(&self, z: &[f64], y: &mut [f64]) {
        let (net, b) = (self.network, &mut *self.scratch.borrow_mut());
        let depth = net.depth();
        self.factor.apply_transpose(z, b[depth - 1].as_mut());
        for layer in (2..=depth).rev() {
            let (lower, upper) = b.split_at_mut(layer - 1);
            let here = upper[0].as_ref();
            let p = self.prefix[layer - 2].transpose();
            multiply(net.layer_mut(y, layer), true, 1.0, here, p);
            let w_t = net.layer(&self.weights, layer).transpose();
            multiply(lower[layer - 2].as_mut(), false, 1.0, w_t, here);
        }
        let mut first = net.layer_mut(y, 1);
        first += &b[0];
    }
}
