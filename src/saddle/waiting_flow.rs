//! The vector field of the waiting modes in the variables `(ω, s, c)` of [`Waiting`].

use super::Waiting;
use super::joints;
use crate::flow::{magnitudes, pull_back};
use crate::integrate::VectorField;
use crate::linalg::{Mat, MatRef, dot, zeros};
use std::cell::RefCell;

/// The vector field of `(ω, s, c)`.
#[derive(Debug)]
pub struct WaitingFlow<'a> {
    waiting: &'a Waiting,
    /// `s(0)`.
    start: f64,
    first_step: Option<f64>,
    scratch: RefCell<Scratch>,
}

#[derive(Debug)]
struct Scratch {
    p: Vec<Mat<f64>>,
    b: Vec<Mat<f64>>,
    sizes: Vec<f64>,
    joined: Option<Joined>,
}

/// Storage for all weights with their joints.
#[derive(Debug)]
struct Joined {
    scratch: joints::Scratch,
    b: Vec<Mat<f64>>,
    part: Vec<f64>,
    gradient: Mat<f64>,
    motion: Vec<f64>,
}

impl<'a> WaitingFlow<'a> {
    /// The flow from the scaled state `start` on; `first_step` suits it if given.
    pub fn new(waiting: &'a Waiting, start: &[f64], first_step: Option<f64>) -> Self {
        let inner = &waiting.inner;
        let network = &waiting.network;
        let felt = waiting.joints.as_ref().filter(|_| waiting.feels_joints);
        let joined = felt.map(|joints| Joined {
            scratch: joints.scratch(),
            b: network.product_storage(),
            part: vec![0.0; inner.parameters()],
            gradient: zeros(inner.output_width(), inner.input_width()),
            motion: vec![0.0; network.parameters()],
        });
        Self {
            waiting,
            start: start[inner.parameters()],
            first_step,
            scratch: RefCell::new(Scratch {
                p: inner.product_storage(),
                b: inner.product_storage(),
                sizes: vec![0.0; inner.widths().iter().sum()],
                joined,
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

    /// `f` at the scaled state `y`.
    pub(super) fn force(&self, y: &[f64], f: &mut [f64]) {
        let Scratch { p, b, joined, .. } = &mut *self.scratch.borrow_mut();
        let (net, n) = (&self.waiting.inner, self.waiting.inner.parameters());
        let (omega, log_size) = (&y[..n], y[n]);
        if let (Some(joints), Some(joined)) = (&self.waiting.joints, joined) {
            joints.scaled(omega, log_size, &mut joined.scratch, &mut joined.part);
            return self.joined_force(log_size, joined, f);
        }
        let depth = net.depth();
        net.prefix_products(omega, p);
        let scale = (depth as f64 * log_size).exp();
        let end_to_end = p[depth - 1].as_ref();
        let plateau = &self.waiting.plateau;
        plateau.gradient(end_to_end, scale, &mut b[depth - 1]);
        pull_back(net, omega, p, b, f);
    }

    /// The same, with the weights of all layers.
    fn joined_force(&self, log_size: f64, joined: &mut Joined, f: &mut [f64]) {
        let Waiting {
            plateau,
            network,
            inner,
            ..
        } = self.waiting;
        let (k, depth) = (plateau.rank, network.depth());
        let Joined {
            scratch,
            b,
            gradient,
            motion,
            ..
        } = joined;
        network.prefix_products(&scratch.weights, &mut scratch.products);
        let waiting = |m: MatRef<'_, f64>| (k, k, m.nrows() - k, m.ncols() - k);
        let a = scratch.products[depth - 1].as_ref();
        let (i, j, rows, cols) = waiting(a);
        let scale = (depth as f64 * log_size).exp();
        plateau.gradient(a.submatrix(i, j, rows, cols), scale, gradient);
        b[depth - 1].fill(0.0);
        b[depth - 1]
            .submatrix_mut(i, j, rows, cols)
            .copy_from(&*gradient);
        pull_back(network, &scratch.weights, &scratch.products, b, motion);
        for layer in 1..=depth {
            let whole = network.layer(motion, layer);
            let (i, j, rows, cols) = waiting(whole);
            let block = whole.submatrix(i, j, rows, cols);
            inner.layer_mut(f, layer).copy_from(block);
        }
    }
}

impl VectorField for WaitingFlow<'_> {
    fn dim(&self) -> usize {
        self.waiting.inner.parameters() + 2
    }

    fn eval(&self, y: &[f64], dy: &mut [f64]) {
        let n = self.waiting.inner.parameters();
        let (omega, log_size) = (&y[..n], y[n]);
        self.force(y, &mut dy[..n]);
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

    fn first_step(&self) -> Option<f64> {
        self.first_step
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
    use super::super::waiting::tests::{problem, waiting};
    use super::*;
    use crate::flow::LayerFlow;
    use crate::linalg::norm;

    /// At the origin everything waits: the scaled flow is the flow itself.
    #[test]
    fn the_scaled_flow_is_the_flow() {
        let problem = problem(1e-3);
        let waiting = waiting(&problem);
        let weights = &problem.initial_weights;
        let state = waiting.scaled(&waiting.part(weights));
        let flow = WaitingFlow::new(&waiting, &state, None);
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
}
