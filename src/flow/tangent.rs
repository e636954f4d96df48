//! The stiff part of the layer flow: `G = dA/dθ` at a frozen point, `G V = Σ_l L_l V_l R_l` with
//! `L_l = W_L … W_{l+1}`, `R_l = W_{l−1} … W_1`, and the tangent kernel
//! `G Gᵀ = Σ_l (R_lᵀ R_l) ⊗ (L_l L_lᵀ)`.

use crate::integrate::Tangent;
use crate::linalg::{Mat, multiply, view, view_mut};
use crate::model::{Cost, CurvatureFactor, Network, TangentKernel};
use std::cell::RefCell;

/// `G` of a network at a frozen point together with the factor `F` of the cost's curvature.
pub struct LayerTangent<'a> {
    network: &'a Network,
    factor: CurvatureFactor,
    is_sum: bool,
    weights: Vec<f64>,
    /// `W_2ᵀ, W_3ᵀ, …`: products run faster than with a transposed view.
    transposed: Vec<Mat<f64>>,
    /// Prefix products at the frozen point.
    prefix: Vec<Mat<f64>>,
    scratch: RefCell<Vec<Mat<f64>>>,
}

/// Whether the kernel is `right ⊗ 1 + 1 ⊗ left`.
pub(super) fn kernel_is_sum(network: &Network, cost: &Cost) -> bool {
    network.depth() == 2 && matches!(cost, Cost::SquaredError { .. })
}

impl<'a> LayerTangent<'a> {
    /// `None` when the factor has more than `limit` rows.
    pub fn new(network: &'a Network, cost: &Cost, limit: usize) -> Option<Self> {
        let factor = cost.curvature_factor(limit)?;
        Some(Self {
            network,
            factor,
            is_sum: kernel_is_sum(network, cost),
            weights: vec![0.0; network.parameters()],
            transposed: (2..=network.depth())
                .map(|layer| network.shape(layer))
                .map(|(rows, cols)| Mat::zeros(cols, rows))
                .collect(),
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

    /// A model of a machine's order of magnitude, so that decisions do not depend on a clock:
    /// `60 n² + 0.1 n³` ns for `n` eigenvectors; six operations per weight and input at 70 Gflop/s for
    /// a right-hand side and 80 ns for each of its products.
    fn price(&self) -> f64 {
        let eigenvectors = |n: usize| 60e-9 * (n as f64).powi(2) + 1e-10 * (n as f64).powi(3);
        let net = self.network;
        let products = 6.0 * (net.parameters() * net.input_width()) as f64;
        let right_hand_side = products / 70e9 + 3.0 * net.depth() as f64 * 80e-9;
        let all = match self.is_sum {
            true => eigenvectors(net.input_width()) + eigenvectors(net.output_width()),
            false => eigenvectors(self.rank()),
        };
        all / right_hand_side
    }

    fn freeze(&mut self, y: &[f64]) {
        self.weights.copy_from_slice(y);
        for (layer, transposed) in (2..).zip(&mut self.transposed) {
            transposed.copy_from(self.network.layer(y, layer).transpose());
        }
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

    fn kernel_sum(&self) -> Option<[Mat<f64>; 2]> {
        let kernel = || TangentKernel::from_products(self.network, &self.weights, &self.prefix);
        self.is_sum.then(|| kernel().into_sum()).flatten()
    }

    fn forward(&self, v: &[f64], z: &mut [f64]) {
        let (net, dp) = (self.network, &mut *self.scratch.borrow_mut());
        let depth = net.depth();
        for layer in 2..=depth {
            let (done, rest) = dp.split_at_mut(layer - 1);
            let below = net.prefix(v, done, layer - 1);
            let mut here = match self.factor {
                CurvatureFactor::Identity { rows, cols } if layer == depth => {
                    view_mut(z, rows, cols)
                }
                _ => rest[0].as_mut(),
            };
            let w = net.layer(&self.weights, layer);
            multiply(here.as_mut(), false, 1.0, w, below);
            let p = self.prefix[layer - 2].as_ref();
            multiply(here, true, 1.0, net.layer(v, layer), p);
        }
        match self.factor {
            CurvatureFactor::Identity { .. } if depth > 1 => {}
            _ => self.factor.apply(net.prefix(v, dp, depth), z),
        }
    }

    fn backward(&self, z: &[f64], y: &mut [f64]) {
        let (net, b) = (self.network, &mut *self.scratch.borrow_mut());
        let depth = net.depth();
        let top = match self.factor {
            CurvatureFactor::Identity { rows, cols } => Some(view(z, rows, cols)),
            _ => None,
        };
        if top.is_none() || depth == 1 {
            self.factor.apply_transpose(z, b[depth - 1].as_mut());
        }
        for layer in (2..=depth).rev() {
            let (lower, upper) = b.split_at_mut(layer - 1);
            let here = top.filter(|_| layer == depth);
            let here = here.unwrap_or(upper[0].as_ref());
            let p = self.prefix[layer - 2].transpose();
            multiply(net.layer_mut(y, layer), true, 1.0, here, p);
            let w_t = self.transposed[layer - 2].as_ref();
            match layer {
                2 => multiply(net.layer_mut(y, 1), true, 1.0, w_t, here),
                _ => multiply(lower[layer - 2].as_mut(), false, 1.0, w_t, here),
            }
        }
        if depth == 1 {
            let mut first = net.layer_mut(y, 1);
            first += &b[0];
        }
    }
}
