//! The flow of the modes that wait at a saddle, in variables that do not know how long they wait.
//!
//! In hidden bases in which the first `k` neurons of every layer carry the escaped modes, the others
//! form a network `D_l` of their own that sees the cost `C_eff` of the [`Plateau`]. With
//! `D = e^s ω`, `‖ω‖ = ‖ω(0)‖`, and `dτ = e^{(L−2)s} dt` its flow is
//!
//! `ω' = f − (ω·f/ω·ω) ω`,  `s' = ω·f/ω·ω`,  `c' = e^{−(L−2)(s − s(0))}`,
//!
//! where `c` is the time in units of `e^{−(L−2)s(0)}` and
//! `f = −∂/∂ω_l ⟨S + e^{Ls} K[ω_L … ω_1], ω_L … ω_1⟩` with `S + …` held fixed. Nothing in it is large or
//! small: a wait of `10⁶⁰` time units takes as many steps as one of a hundred.

use super::Plateau;
use crate::flow::{magnitudes, pull_back};
use crate::integrate::VectorField;
use crate::linalg::{Mat, MatRef, dot, norm, product};
use crate::model::Network;
use std::cell::RefCell;

/// The waiting part of a network's weights; the rest stays as it is.
pub struct Waiting {
    pub plateau: Plateau,
    network: Network,
    /// Widths `n_l − k`.
    pub inner: Network,
    /// All weights with the waiting part taken out.
    base: Vec<f64>,
}

impl Waiting {
    /// The part of `weights` that waits at `plateau`; `None` when all modes have escaped.
    pub fn new(network: &Network, plateau: Plateau, weights: &[f64]) -> Option<Self> {
        let widths: Vec<usize> = network
            .widths()
            .iter()
            .map(|&n| n.checked_sub(plateau.rank).filter(|&n| n > 0))
            .collect::<Option<_>>()?;
        let mut waiting = Self {
            plateau,
            network: network.clone(),
            inner: Network::new(widths),
            base: vec![0.0; weights.len()],
        };
        let part = waiting.part(weights);
        let placed = waiting.place(&part);
        waiting.base = weights.iter().zip(&placed).map(|(w, d)| w - d).collect();
        Some(waiting)
    }

    /// `D_1 = W_1 V_⊥`, `D_l = W_l`, `D_L = U_⊥ᵀ W_L`, each without the first `k` hidden neurons.
    pub fn part(&self, weights: &[f64]) -> Vec<f64> {
        let (k, depth) = (self.plateau.rank, self.network.depth());
        let mut out = vec![0.0; self.inner.parameters()];
        for layer in 1..=depth {
            let w = self.network.layer(weights, layer);
            let rows = if layer == depth { 0 } else { k };
            let cols = if layer == 1 { 0 } else { k };
            let block = w.submatrix(rows, cols, w.nrows() - rows, w.ncols() - cols);
            let mut part = block.to_owned();
            if layer == 1 {
                part = product(part.as_ref(), self.plateau.right.as_ref());
            }
            if layer == depth {
                part = product(self.plateau.left.transpose(), part.as_ref());
            }
            self.inner.layer_mut(&mut out, layer).copy_from(part);
        }
        out
    }

    /// All weights with the waiting part `part`.
    pub fn expand(&self, part: &[f64]) -> Vec<f64> {
        let mut weights = self.place(part);
        for (w, base) in weights.iter_mut().zip(&self.base) {
            *w += base;
        }
        weights
    }

    /// `part` among zeros.
    pub fn place(&self, part: &[f64]) -> Vec<f64> {
        let (k, depth) = (self.plateau.rank, self.network.depth());
        let mut weights = vec![0.0; self.network.parameters()];
        for layer in 1..=depth {
            let d: MatRef<'_, f64> = self.inner.layer(part, layer);
            let mut d = d.to_owned();
            if layer == 1 {
                d = product(d.as_ref(), self.plateau.right.transpose());
            }
            if layer == depth {
                d = product(self.plateau.left.as_ref(), d.as_ref());
            }
            let rows = if layer == depth { 0 } else { k };
            let cols = if layer == 1 { 0 } else { k };
            let w = self.network.layer_mut(&mut weights, layer);
            let (height, width) = (w.nrows() - rows, w.ncols() - cols);
            w.submatrix_mut(rows, cols, height, width).copy_from(d);
        }
        weights
    }

    /// How the waiting part of `weights` moves the rest of `A`, to first order.
    pub fn response(&self, weights: &[f64]) -> Mat<f64> {
        let part = self.part(weights);
        let mut products = self.inner.product_storage();
        self.inner.prefix_products(&part, &mut products);
        let p = &products[self.inner.depth() - 1];
        let flat = Mat::from_fn(p.nrows() * p.ncols(), 1, |q, _| {
            p[(q % p.nrows(), q / p.nrows())]
        });
        let moved = product(self.plateau.response.as_ref(), flat.as_ref());
        let rows = self.plateau.end_to_end.nrows();
        Mat::from_fn(rows, self.plateau.end_to_end.ncols(), |i, j| {
            moved[(i + rows * j, 0)]
        })
    }

    /// `(ω, s, c = 0)` of the waiting part `part`.
    pub fn scaled(&self, part: &[f64]) -> Vec<f64> {
        let largest = part.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
        let size = largest * norm(&part.iter().map(|x| x / largest).collect::<Vec<_>>());
        let mut state: Vec<f64> = part.iter().map(|x| x / size).collect();
        state.extend([size.ln(), 0.0]);
        state
    }

    /// The waiting part of the scaled state `(ω, s, c)`.
    pub fn unscaled(&self, state: &[f64]) -> Vec<f64> {
        let n = self.inner.parameters();
        let size = state[n].exp();
        state[..n].iter().map(|x| x * size).collect()
    }

    /// `dD/dt` from the scaled state and its derivative.
    pub fn speed(&self, state: &[f64], derivative: &[f64]) -> Vec<f64> {
        let n = self.inner.parameters();
        let power = (self.inner.depth() - 1) as f64;
        let size = (power * state[n]).exp();
        let each = state[..n].iter().zip(&derivative[..n]);
        each.map(|(x, d)| size * (d + derivative[n] * x)).collect()
    }

    /// How much the motion of the waiting modes depends on the weights that join them to the escaped
    /// ones, relative to the motion itself, the worst neuron.
    ///
    /// Both are evaluated in the singular bases of the saddle with `U_⊥ᵀ W_L` and `W_1 V_⊥` of the escaped
    /// neurons and all of `∇C` but `S + K[P]` zero, as they are once the escaped modes have settled: in
    /// any other way the rounding of `∇C` would hide the dependence.
    pub fn coupling(&self, weights: &[f64]) -> f64 {
        let (k, net, depth) = (self.plateau.rank, &self.network, self.network.depth());
        let part = self.part(weights);
        let mut joined = weights.to_vec();
        let mut first = net.layer_mut(&mut joined, 1);
        let active = product(first.as_ref(), self.plateau.active_right.as_ref());
        first.fill(0.0);
        first.as_mut().subcols_mut(0, k).copy_from(active);
        let inner = self.inner.layer(&part, 1);
        let (rows, cols) = (inner.nrows(), inner.ncols());
        first.submatrix_mut(k, k, rows, cols).copy_from(inner);
        let mut last = net.layer_mut(&mut joined, depth);
        let active = product(self.plateau.active_left.transpose(), last.as_ref());
        last.fill(0.0);
        last.as_mut().subrows_mut(0, k).copy_from(active);
        let inner = self.inner.layer(&part, depth);
        let (rows, cols) = (inner.nrows(), inner.ncols());
        last.submatrix_mut(k, k, rows, cols).copy_from(inner);
        self.distance(&part, &joined)
    }

    /// The largest relative difference between the motions of `part` alone and in `joined`, both in
    /// the singular bases.
    fn distance(&self, part: &[f64], joined: &[f64]) -> f64 {
        let (k, depth) = (self.plateau.rank, self.network.depth());
        let (mut p, mut b) = (self.inner.product_storage(), self.inner.product_storage());
        let mut alone = vec![0.0; part.len()];
        self.inner.prefix_products(part, &mut p);
        self.plateau
            .gradient(p[depth - 1].as_ref(), 1.0, &mut b[depth - 1]);
        let gradient = b[depth - 1].clone();
        pull_back(&self.inner, part, &p, &mut b, &mut alone);
        let (mut p, mut b) = (
            self.network.product_storage(),
            self.network.product_storage(),
        );
        let mut together = vec![0.0; joined.len()];
        self.network.prefix_products(joined, &mut p);
        b[depth - 1].fill(0.0);
        b[depth - 1]
            .submatrix_mut(k, k, gradient.nrows(), gradient.ncols())
            .copy_from(&gradient);
        pull_back(&self.network, joined, &p, &mut b, &mut together);
        let mut sizes = vec![0.0; part.len()];
        let scratch = &mut vec![0.0; self.inner.widths().iter().sum()];
        magnitudes(&self.inner, part, scratch, &mut sizes);
        let (mut difference, mut largest) = (0.0_f64, 0.0_f64);
        for layer in 1..=depth {
            let whole = self.network.layer(&together, layer);
            let (rows, cols) = self.inner.shape(layer);
            let block = whole.submatrix(k, k, rows, cols);
            let range = self.inner.range(layer);
            for (q, (&x, &size)) in alone[range.clone()].iter().zip(&sizes[range]).enumerate() {
                if size > 0.0 {
                    difference = difference.max(((x - block[(q % rows, q / rows)]) / size).abs());
                    largest = largest.max((x / size).abs());
                }
            }
        }
        difference / largest
    }

    /// Size of the waiting part beyond which the neglected `O(P²)` of the slope is felt at `rtol`:
    /// there `‖K P‖ = √rtol ‖S‖` for a rank-one part.
    pub fn largest_size(&self, rtol: f64) -> f64 {
        let depth = self.inner.depth() as f64;
        let curvature = self.plateau.curvature.norm_max().max(f64::MIN_POSITIVE);
        let end_to_end = rtol.sqrt() * self.plateau.steepest() / curvature;
        0.5 * depth.sqrt() * end_to_end.powf(1.0 / depth)
    }
}

/// The vector field of `(ω, s, c)`.
pub struct WaitingFlow<'a> {
    waiting: &'a Waiting,
    /// `s(0)`.
    start: f64,
    scratch: RefCell<Scratch>,
}

struct Scratch {
    p: Vec<Mat<f64>>,
    b: Vec<Mat<f64>>,
    sizes: Vec<f64>,
}

impl<'a> WaitingFlow<'a> {
    /// The flow from the scaled state `start` on.
    pub fn new(waiting: &'a Waiting, start: &[f64]) -> Self {
        let inner = &waiting.inner;
        Self {
            waiting,
            start: start[inner.parameters()],
            scratch: RefCell::new(Scratch {
                p: inner.product_storage(),
                b: inner.product_storage(),
                sizes: vec![0.0; inner.widths().iter().sum()],
            }),
        }
    }
}

impl WaitingFlow<'_> {
    /// The unit of the clock, `e^{−(L−2)s(0)}`.
    pub fn unit(&self) -> f64 {
        (-self.power() * self.start).exp()
    }

    /// `c'` at size `e^{s(0) + growth}`.
    fn pace(&self, growth: f64) -> f64 {
        (-self.power() * growth).exp()
    }

    fn power(&self) -> f64 {
        self.waiting.inner.depth() as f64 - 2.0
    }
}

impl VectorField for WaitingFlow<'_> {
    fn dim(&self) -> usize {
        self.waiting.inner.parameters() + 2
    }

    fn eval(&self, y: &[f64], dy: &mut [f64]) {
        let Scratch { p, b, .. } = &mut *self.scratch.borrow_mut();
        let (net, n) = (&self.waiting.inner, self.waiting.inner.parameters());
        let depth = net.depth();
        let (omega, log_size) = (&y[..n], y[n]);
        net.prefix_products(omega, p);
        let scale = (depth as f64 * log_size).exp();
        self.waiting
            .plateau
            .gradient(p[depth - 1].as_ref(), scale, &mut b[depth - 1]);
        pull_back(net, omega, p, b, &mut dy[..n]);
        let growth = dot(omega, &dy[..n]) / dot(omega, omega);
        for (d, x) in dy[..n].iter_mut().zip(omega) {
            *d -= growth * x;
        }
        dy[n] = growth;
        dy[n + 1] = self.pace(log_size - self.start);
    }

    fn jvp(&self, y: &[f64], v: &[f64], out: &mut [f64]) {
        // Only explicit methods integrate this field: it is not stiff.
        let _ = (y, v);
        out.fill(f64::NAN);
    }

    /// Neurons as in the whole network; a relative error of the size; the time left at this size.
    fn magnitude(&self, y: &[f64], out: &mut [f64]) {
        let n = self.waiting.inner.parameters();
        let sizes = &mut self.scratch.borrow_mut().sizes;
        magnitudes(&self.waiting.inner, &y[..n], sizes, &mut out[..n]);
        out[n] = 1.0;
        out[n + 1] = y[n + 1].abs().max(self.pace(y[n] - self.start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::LayerFlow;
    use crate::model::{Cost, Problem};

    fn problem(scale: f64) -> Problem {
        let network = Network::new(vec![3, 4, 4, 2]);
        let target = Mat::from_fn(2, 3, |i, j| (1.0 + 2.0 * i as f64 + 0.7 * j as f64).sin());
        let weight = |i: usize| scale * (0.4 + 1.7 * i as f64).sin();
        Problem {
            initial_weights: (0..network.parameters()).map(weight).collect(),
            cost: Cost::SquaredError { target },
            network,
            l2: 0.0,
        }
    }

    fn waiting(problem: &Problem) -> Waiting {
        let zero = Mat::zeros(2, 3);
        let plateau = Plateau::near(&problem.cost, zero.as_ref(), 0).expect("the origin");
        Waiting::new(&problem.network, plateau, &problem.initial_weights).expect("all wait")
    }

    /// At the origin everything waits: the scaled flow is the flow itself.
    #[test]
    fn the_scaled_flow_is_the_flow() {
        let problem = problem(1e-3);
        let waiting = waiting(&problem);
        let weights = &problem.initial_weights;
        let state = waiting.scaled(&waiting.part(weights));
        let flow = WaitingFlow::new(&waiting, &state);
        let (mut scaled, mut plain) = (vec![0.0; state.len()], vec![0.0; weights.len()]);
        flow.eval(&state, &mut scaled);
        LayerFlow::new(&problem).eval(weights, &mut plain);
        let speed = waiting.place(&waiting.speed(&state, &scaled));
        for (a, b) in speed.iter().zip(&plain) {
            assert!((a - b).abs() <= 1e-13 * norm(&plain), "{a:e} {b:e}");
        }
        // One unit of the clock is e^{−s} with three layers.
        let size = state[waiting.inner.parameters()].exp();
        assert!((flow.unit() * size - 1.0).abs() < 1e-13);
    }

    #[test]
    fn parts_come_back_where_they_were() {
        let problem = problem(1.0);
        let waiting = waiting(&problem);
        let weights = &problem.initial_weights;
        let state = waiting.scaled(&waiting.part(weights));
        for (a, b) in waiting
            .expand(&waiting.unscaled(&state))
            .iter()
            .zip(weights)
        {
            assert!((a - b).abs() < 1e-14);
        }
    }

    /// One escaped mode, the rest apart: no coupling; with weights between them some, of second order.
    #[test]
    fn coupling_is_that_of_the_weights_in_between() {
        let target = Mat::from_fn(3, 3, |i, j| if i == j { 3.0 - i as f64 } else { 0.0 });
        let network = Network::new(vec![3, 3, 3, 3, 3]);
        let cost = Cost::SquaredError { target };
        let coupled = |between: f64| {
            let mut weights = vec![0.0; network.parameters()];
            for layer in 1..=4 {
                let mut w = network.layer_mut(&mut weights, layer);
                for i in 0..3 {
                    for j in 0..3 {
                        w[(i, j)] = match (i, j) {
                            (0, 0) => 3.0_f64.powf(0.25),
                            (0, _) | (_, 0) => between,
                            _ => 1e-3 * (1.0 + i as f64 - 0.6 * j as f64),
                        };
                    }
                }
            }
            let mut products = network.product_storage();
            network.prefix_products(&weights, &mut products);
            let plateau = Plateau::near(&cost, products[3].as_ref(), 1).expect("a saddle");
            let waiting = Waiting::new(&network, plateau, &weights).expect("two wait");
            waiting.coupling(&weights)
        };
        assert!(coupled(0.0) < 1e-14);
        let (large, small) = (coupled(1e-5), coupled(1e-6));
        assert!(
            small > 0.0 && (large / small / 100.0 - 1.0).abs() < 0.05,
            "{large:e} {small:e}"
        );
    }
}
