//! `dW_l/dt = −(W_L … W_{l+1})ᵀ ∇C(A) (W_{l−1} … W_1)ᵀ − 2λ W_l`   (Saxe et al. 2014)
//!
//! With prefix products `P_l = W_l … W_1` and `B_L = ∇C(A)`, `B_{l-1} = W_lᵀ B_l`, layer `l`
//! moves as `−B_l P_{l-1}ᵀ − 2λ W_l`: three products a layer, nothing larger than a layer.

use super::tangent::LayerTangent;
use crate::integrate::{Tangent, VectorField};
use crate::linalg::{Mat, MatRef, dot, multiply, smaller_margins};
use crate::model::{Cost, CostScratch, Network, Problem};
use std::cell::{Ref, RefCell};

/// Most measurements of which a copy is kept for the tangent kernel.
const MOST_MEASUREMENTS: usize = 2048;
/// Most inputs and outputs of a tangent kernel, whose terms are as large as their squares.
const MOST_ENDS: usize = 2048;

/// Gradient flow of `C(A) + λ‖θ‖²` in the layer weights; valid for any start.
#[derive(Debug)]
pub struct LayerFlow<'a> {
    network: &'a Network,
    cost: &'a Cost,
    l2: f64,
    scratch: RefCell<Scratch>,
}

/// Prefix products `p`, backward products `b` (`b[l-1] : n_l × n_0`) and their derivatives.
#[derive(Debug)]
struct Scratch {
    p: Vec<Mat<f64>>,
    b: Vec<Mat<f64>>,
    dp: Vec<Mat<f64>>,
    db: Vec<Mat<f64>>,
    cost: CostScratch,
    sizes: Vec<f64>,
}

impl<'a> LayerFlow<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let network = &problem.network;
        let scratch = Scratch {
            p: network.product_storage(),
            b: network.product_storage(),
            dp: network.product_storage(),
            db: network.product_storage(),
            cost: problem.cost.scratch(),
            sizes: vec![0.0; network.widths().iter().sum()],
        };
        Self {
            network,
            cost: &problem.cost,
            l2: problem.l2,
            scratch: RefCell::new(scratch),
        }
    }

    /// What the last evaluation left behind, which was at `w`.
    pub(super) fn evaluated(&'a self, w: &'a [f64]) -> Evaluated<'a> {
        let scratch = self.scratch.borrow();
        Evaluated { w, scratch }
    }
}

/// What a right-hand side at `w` left behind: `dW_l = −B_l P_{l−1}ᵀ`.
pub(super) struct Evaluated<'a> {
    w: &'a [f64],
    scratch: Ref<'a, Scratch>,
}

impl Evaluated<'_> {
    /// `B_l`, `l > 1`.
    pub fn gradient(&self, l: usize) -> MatRef<'_, f64> {
        self.scratch.b[l - 1].as_ref()
    }

    /// `P_{l−1}`, `l > 1`.
    pub fn below(&self, network: &Network, l: usize) -> MatRef<'_, f64> {
        network.prefix(self.w, &self.scratch.p, l - 1)
    }
}

impl VectorField for LayerFlow<'_> {
    fn dim(&self) -> usize {
        self.network.parameters()
    }

    fn eval(&self, w: &[f64], dw: &mut [f64]) {
        let Scratch { p, b, cost, .. } = &mut *self.scratch.borrow_mut();
        let (net, depth) = (self.network, self.network.depth());
        net.upper_products(w, p);
        let a = net.prefix(w, p, depth);
        self.cost.gradient(a, b[depth - 1].as_mut(), cost);
        pull_back(net, w, p, b, dw);
        add_decay(self.l2, w, dw);
    }

    fn jvp(&self, w: &[f64], v: &[f64], out: &mut [f64]) {
        let scratch = &mut *self.scratch.borrow_mut();
        let Scratch {
            p, b, dp, db, cost, ..
        } = scratch;
        let (net, depth) = (self.network, self.network.depth());
        net.upper_products(w, p);
        dp[0].copy_from(net.layer(v, 1));
        for layer in 2..=depth {
            let (done, rest) = dp.split_at_mut(layer - 1);
            let (below, here) = (done[layer - 2].as_ref(), &mut rest[0]);
            let p_below = net.prefix(w, p, layer - 1);
            multiply(here.as_mut(), false, 1.0, net.layer(v, layer), p_below);
            multiply(here.as_mut(), true, 1.0, net.layer(w, layer), below);
        }
        let (a, da) = (net.prefix(w, p, depth), dp[depth - 1].as_ref());
        self.cost.gradient(a, b[depth - 1].as_mut(), cost);
        self.cost.curvature(da, db[depth - 1].as_mut(), cost);
        for layer in (2..=depth).rev() {
            let (b_low, b_up) = b.split_at_mut(layer - 1);
            let (db_low, db_up) = db.split_at_mut(layer - 1);
            let (b_here, db_here) = (b_up[0].as_ref(), db_up[0].as_ref());
            let p_below = net.prefix(w, p, layer - 1);
            let mut dw = net.layer_mut(out, layer);
            multiply(dw.as_mut(), false, -1.0, db_here, p_below.transpose());
            multiply(dw, true, -1.0, b_here, dp[layer - 2].transpose());
            let (w_t, v_t) = (
                net.layer(w, layer).transpose(),
                net.layer(v, layer).transpose(),
            );
            let below = &mut db_low[layer - 2];
            multiply(below.as_mut(), false, 1.0, w_t, db_here);
            multiply(below.as_mut(), true, 1.0, v_t, b_here);
            if layer > 2 {
                multiply(b_low[layer - 2].as_mut(), false, 1.0, w_t, b_here);
            }
        }
        let mut first = net.layer_mut(out, 1);
        first.copy_from(&db[0]);
        first *= faer::Scale(-1.0);
        add_decay(self.l2, v, out);
    }

    fn tangent(&self) -> Option<Box<dyn Tangent + '_>> {
        let limit = match self.cost {
            Cost::MatrixSensing { .. } => MOST_MEASUREMENTS,
            _ => usize::MAX,
        };
        let ends = self.network.input_width().max(self.network.output_width());
        if ends > MOST_ENDS {
            return None;
        }
        let tangent = LayerTangent::new(self.network, self.cost, limit)?;
        // Decay adds a part that is no product.
        Some(match self.l2 == 0.0 {
            true => Box::new(tangent.with_flow(self)),
            false => Box::new(tangent),
        })
    }

    /// Root-mean-square weight of the smaller of the two neurons that an entry joins.
    ///
    /// A hidden neuron carries a row of `W_l` and a column of `W_{l+1}`. Where hidden directions
    /// carry separate modes, a tiny mode keeps its own relative accuracy; in a generic basis all
    /// neurons of a layer are alike and single entries near zero do not shorten the step.
    fn magnitude(&self, w: &[f64], out: &mut [f64]) {
        magnitudes(self.network, w, &mut self.scratch.borrow_mut().sizes, out);
    }
}

/// Of every weight: the root-mean-square weight of the smaller of the two neurons that it joins, into
/// `out`; `sizes` is scratch, as long as the widths together.
pub fn magnitudes(network: &Network, w: &[f64], sizes: &mut [f64], out: &mut [f64]) {
    neuron_sizes(network, w, sizes);
    let widths = network.widths();
    let mut rest = &sizes[..];
    for layer in 1..=network.depth() {
        let (below, above) = rest.split_at(widths[layer - 1]);
        let out = &mut out[network.range(layer)];
        smaller_margins(&above[..widths[layer]], below, out);
        rest = above;
    }
}

/// `−∂/∂W_l ⟨∇C, A⟩` into `dw`, from the prefix products `p` and `∇C` in the last of `b`; those of
/// `b` between the first and the last become backward products.
pub fn pull_back(net: &Network, w: &[f64], p: &[Mat<f64>], b: &mut [Mat<f64>], dw: &mut [f64]) {
    for layer in (2..=net.depth()).rev() {
        let (lower, upper) = b.split_at_mut(layer - 1);
        let (out, here) = (net.layer_mut(dw, layer), upper[0].as_ref());
        let below = net.prefix(w, p, layer - 1);
        multiply(out, false, -1.0, here, below.transpose());
        let w_t = net.layer(w, layer).transpose();
        match layer {
            2 => multiply(net.layer_mut(dw, 1), false, -1.0, w_t, here),
            _ => multiply(lower[layer - 2].as_mut(), false, 1.0, w_t, here),
        }
    }
    if net.depth() == 1 {
        let mut first = net.layer_mut(dw, 1);
        first.copy_from(&b[0]);
        first *= faer::Scale(-1.0);
    }
}

fn add_decay(l2: f64, w: &[f64], dw: &mut [f64]) {
    if l2 != 0.0 {
        for (d, w) in dw.iter_mut().zip(w) {
            *d -= 2.0 * l2 * w;
        }
    }
}

/// Root mean square of all weights of each neuron, layer by layer; input and output neurons,
/// whose bases carry no freedom, count as infinitely large.
fn neuron_sizes(network: &Network, w: &[f64], sizes: &mut [f64]) {
    let (widths, depth) = (network.widths(), network.depth());
    network.neuron_squares(w, sizes);
    let mut start = widths[0];
    for layer in 1..depth {
        let entries = (widths[layer - 1] + widths[layer + 1]) as f64;
        for size in &mut sizes[start..start + widths[layer]] {
            *size = (*size / entries).sqrt();
        }
        start += widths[layer];
    }
    if depth == 1 {
        let rms = (dot(w, w) / w.len() as f64).sqrt();
        sizes.fill(rms);
        return;
    }
    sizes[..widths[0]].fill(f64::INFINITY);
    let last = sizes.len() - widths[depth];
    sizes[last..].fill(f64::INFINITY);
}
