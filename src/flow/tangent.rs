//! The stiff part of the layer flow: `G = dA/dθ` at a frozen point, `G V = Σ_l L_l V_l R_l` with
//! `L_l = W_L … W_{l+1}`, `R_l = W_{l−1} … W_1`, and the tangent kernel
//! `G Gᵀ = Σ_l (R_lᵀ R_l) ⊗ (L_l L_lᵀ)`.

use super::layers::{Evaluated, LayerFlow};
use crate::integrate::Tangent;
use crate::linalg::{Mat, MatMut, MatRef, multiply, view, view_mut, zeros};
use crate::model::{Cost, CurvatureFactor, KernelTerm, Network, TangentKernel};
use std::cell::{OnceCell, RefCell};

/// `G` of a network at a frozen point together with the factor `F` of the cost's curvature.
#[derive(Debug)]
pub struct LayerTangent<'a> {
    network: &'a Network,
    factor: CurvatureFactor,
    /// `‖F‖²`, once asked for.
    size: OnceCell<f64>,
    /// `R_2, …, R_L` and `A`.
    prefix: Vec<Mat<f64>>,
    /// `L_1, …, L_{L−1}`.
    suffix: Vec<Mat<f64>>,
    /// `L_lᵀ`: products run faster than with a transposed view.
    transposed: Vec<Mat<f64>>,
    workspace: RefCell<Workspace>,
    /// The flow whose right-hand sides have layers `B_l P_{l−1}ᵀ`.
    flow: Option<&'a LayerFlow<'a>>,
}

#[derive(Debug)]
struct Workspace {
    /// `G v` or `Fᵀ z : n_L × n_0`.
    image: Mat<f64>,
    parts: Parts,
}

/// Of the share of one layer.
#[derive(Debug)]
struct Parts {
    /// `V_l R_l` or `L_lᵀ Z : n_l × n_0`.
    half: Vec<Mat<f64>>,
    /// `L_l B_l : n_L × n_0`.
    short: Mat<f64>,
    /// `L_l V_l : n_L × n_{l−1}` for `l = 2 … L`.
    across: Vec<Mat<f64>>,
}

impl<'a> LayerTangent<'a> {
    /// `None` when the factor has more than `limit` rows.
    pub fn new(network: &'a Network, cost: &Cost, limit: usize) -> Option<Self> {
        let factor = cost.curvature_factor(limit)?;
        Some(Self {
            network,
            factor,
            size: OnceCell::new(),
            prefix: network.product_storage(),
            suffix: network.suffix_storage(),
            transposed: network
                .suffix_storage()
                .iter()
                .map(|l| zeros(l.ncols(), l.nrows()))
                .collect(),
            workspace: RefCell::new(Workspace {
                image: zeros(network.output_width(), network.input_width()),
                parts: Parts {
                    half: network.product_storage(),
                    short: zeros(network.output_width(), network.input_width()),
                    across: network.suffix_storage(),
                },
            }),
            flow: None,
        })
    }

    /// For `F = 1`, where the kernel is `G Gᵀ` itself; `None` when it has more than `limit` rows.
    pub fn of_network(network: &'a Network, limit: usize) -> Option<Self> {
        let target = zeros(network.output_width(), network.input_width());
        Self::new(network, &Cost::SquaredError { target }, limit)
    }

    /// `A` at the frozen point.
    pub fn end_to_end(&self) -> &Mat<f64> {
        &self.prefix[self.network.depth() - 1]
    }

    /// For the tangent of `flow`, whose right-hand sides have layers `−B_l P_{l−1}ᵀ`.
    pub fn with_flow(self, flow: &'a LayerFlow<'a>) -> Self {
        Self {
            flow: Some(flow),
            ..self
        }
    }

    /// `z = F out` after `out = G v` is set.
    fn apply_factor(&self, z: &mut [f64], set: impl FnOnce(MatMut<'_, f64>, &mut Parts)) {
        let Workspace { image, parts } = &mut *self.workspace.borrow_mut();
        match self.factor {
            CurvatureFactor::Identity { rows, cols } => set(view_mut(z, rows, cols), parts),
            _ => {
                set(image.as_mut(), parts);
                self.factor.apply(image.as_ref(), z);
            }
        }
    }

    /// `out = G v`; with `evaluated` `v` is the value of the flow there.
    fn differential(
        &self,
        v: &[f64],
        evaluated: Option<&Evaluated<'_>>,
        parts: &mut Parts,
        mut out: MatMut<'_, f64>,
    ) {
        let (net, depth) = (self.network, self.network.depth());
        match self.right(depth) {
            Some(right) => multiply(out.as_mut(), false, 1.0, net.layer(v, depth), right),
            None => out.copy_from(net.layer(v, 1)),
        }
        for (l, left) in (1..).zip(&self.suffix) {
            let (left, out) = (left.as_ref(), out.as_mut());
            match (self.right(l), evaluated) {
                (None, _) => multiply(out, true, 1.0, left, net.layer(v, 1)),
                (Some(right), Some(at)) if self.is_wide(l) => {
                    let Parts { short, across, .. } = parts;
                    let across = &mut across[l - 2];
                    multiply(short.as_mut(), false, -1.0, left, at.gradient(l));
                    let below = at.below(net, l).transpose();
                    multiply(across.as_mut(), false, 1.0, short.as_ref(), below);
                    multiply(out, true, 1.0, across.as_ref(), right);
                }
                (Some(right), _) => {
                    let half = &mut parts.half[l - 1];
                    multiply(half.as_mut(), false, 1.0, net.layer(v, l), right);
                    multiply(out, true, 1.0, left, half.as_ref());
                }
            }
        }
    }

    /// Whether `L_l B_l P_{l−1}ᵀ R_l` from the left costs less than its layer times `R_l`.
    fn is_wide(&self, l: usize) -> bool {
        self.network.widths()[l] > 2 * self.network.output_width()
    }

    /// `y += Gᵀ z`.
    fn add_gradient(&self, z: MatRef<'_, f64>, half: &mut [Mat<f64>], y: &mut [f64]) {
        let net = self.network;
        for l in 1..=net.depth() {
            let mut out = net.layer_mut(y, l);
            match (self.transposed.get(l - 1), self.right(l)) {
                (Some(left), Some(right)) => {
                    multiply(half[l - 1].as_mut(), false, 1.0, left.as_ref(), z);
                    multiply(out, true, 1.0, half[l - 1].as_ref(), right.transpose());
                }
                (Some(left), None) => multiply(out, true, 1.0, left.as_ref(), z),
                (None, Some(right)) => multiply(out, true, 1.0, z, right.transpose()),
                (None, None) => out += z,
            }
        }
    }

    fn terms(&self) -> TangentKernel {
        TangentKernel::from_products(self.network, &self.prefix, &self.suffix)
    }

    /// Seconds of a right-hand side: six operations per weight and input.
    fn right_hand_side(&self) -> f64 {
        let net = self.network;
        products(6 * net.parameters() * net.input_width(), 3 * net.depth())
    }

    /// `R_l`; `None` for `R_1 = 1`.
    fn right(&self, l: usize) -> Option<MatRef<'_, f64>> {
        (l > 1).then(|| self.prefix[l - 2].as_ref())
    }
}

/// Seconds of matrix products by a model of a machine's order of magnitude, so that decisions do not depend on
/// a clock: 70 Gflop/s and 80 ns a product.
fn products(operations: usize, count: usize) -> f64 {
    operations as f64 / 70e9 + count as f64 * 80e-9
}

impl Tangent for LayerTangent<'_> {
    fn rank(&self) -> usize {
        self.factor.rows()
    }

    /// `60 n² + 0.1 n³` ns for `n` eigenvectors; an image is ten products and two a term, and passes through
    /// all measurements four times at a tenth of the rate of products.
    fn price(&self, rows: usize, images: usize) -> f64 {
        let eigenvectors = |n: usize| 60e-9 * (n as f64).powi(2) + 1e-10 * (n as f64).powi(3);
        let net = self.network;
        let [inputs, outputs, depth] = [net.input_width(), net.output_width(), net.depth()];
        let turn = inputs * outputs * (inputs + outputs);
        let mut image = products((5 + depth) * 2 * turn, 2 * (5 + depth));
        if let CurvatureFactor::Dense { factor, .. } = &self.factor {
            image += (8 * factor.nrows() * factor.ncols()) as f64 / 7e9;
        }
        let all = [rows, inputs, outputs].map(eigenvectors);
        (all.iter().sum::<f64>() + images as f64 * image) / self.right_hand_side()
    }

    /// Half a nanosecond an entry.
    fn pass(&self, entries: usize) -> f64 {
        0.5e-9 * entries as f64 / self.right_hand_side()
    }

    fn freeze(&mut self, y: &[f64]) {
        self.network.prefix_products(y, &mut self.prefix);
        self.network.suffix_products(y, &mut self.suffix);
        for (transposed, l) in self.transposed.iter_mut().zip(&self.suffix) {
            transposed.copy_from(l.transpose());
        }
    }

    fn kernel(&self) -> Mat<f64> {
        let mut kernel = zeros(self.rank(), self.rank());
        for term in self.terms().terms() {
            self.factor.add_kernel(&term.left, &term.right, &mut kernel);
        }
        kernel
    }

    fn kernel_terms(&self) -> Vec<[Mat<f64>; 2]> {
        let terms = self.terms().into_terms().into_iter();
        let through = |term: KernelTerm| [term.left, self.factor.right_term(term.right)];
        terms.map(through).collect()
    }

    fn observation(&self) -> Option<f64> {
        let size = || *self.size.get_or_init(|| self.factor.size());
        (!self.factor.keeps_terms()).then(size)
    }

    fn observe(&self, d: &[f64], z: &mut [f64]) {
        let net = self.network;
        match self.factor.keeps_terms() {
            false => {
                let d = view(d, net.output_width(), net.input_width());
                self.factor.apply(d, z);
            }
            true => z.copy_from_slice(d),
        }
    }

    fn observe_transpose(&self, z: &[f64], d: &mut [f64]) {
        let net = self.network;
        match self.factor.keeps_terms() {
            false => {
                let d = view_mut(d, net.output_width(), net.input_width());
                self.factor.apply_transpose(z, d);
            }
            true => d.copy_from_slice(z),
        }
    }

    fn forward(&self, v: &[f64], z: &mut [f64]) {
        self.apply_factor(z, |out, parts| self.differential(v, None, parts, out));
    }

    fn forward_flow(&self, y: &[f64], f: &[f64], z: &mut [f64]) {
        let evaluated = self.flow.map(|flow| flow.evaluated(y));
        let evaluated = evaluated.as_ref();
        self.apply_factor(z, |out, parts| self.differential(f, evaluated, parts, out));
    }

    fn backward(&self, z: &[f64], y: &mut [f64]) {
        let Workspace { image, parts } = &mut *self.workspace.borrow_mut();
        match self.factor {
            CurvatureFactor::Identity { rows, cols } => {
                self.add_gradient(view(z, rows, cols), &mut parts.half, y);
            }
            _ => {
                self.factor.apply_transpose(z, image.as_mut());
                self.add_gradient(image.as_ref(), &mut parts.half, y);
            }
        }
    }
}
