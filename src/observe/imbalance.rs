//! Imbalance `D_l = W_{l+1}ᵀW_{l+1} − W_l W_lᵀ`, `n_l × n_l`, `l = 1 … L−1`. The flow keeps
//! `D_l(t) = e^{−4λt} D_l(0)` for every cost (Saxe et al. 2014; Arora et al. 2018).
//!
//! For narrow layers the drift is exact. A wide layer uses `‖X‖_F² = E‖Xv‖²` with 16 fixed sign
//! vectors `v`: nothing of size `n_l²` is made, and a row costs as much as a right-hand side or two
//! instead of ten. For `X` of `r` equal singular values the estimate of `‖X‖_F` is off by `1/√(32 r)`:
//! 18 % for rank one, 6 % for rank ten.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Par};

use crate::linalg::{Mat, MatMut, MatRef, dot, multiply, symmetric_eigen, zeros};
use crate::model::{Network, Problem};

/// Sign vectors of a wide layer.
const PROBES: usize = 16;
/// Layers this narrow are treated exactly.
const NARROW: usize = 128;

/// Relative to the squared weights, what sums and products of balanced layers leave.
const ROUNDOFF: f64 = 1e-13;

/// Measures how far the imbalance is from its law.
pub(super) struct Imbalance<'a> {
    network: &'a Network,
    l2: f64,
    layers: Vec<Hidden>,
    /// `max_l ‖D_l(0)‖_F`.
    pub start_norm: f64,
    /// At least `Σ_l ‖D_l(0)‖_*`.
    pub start_trace_norm: f64,
}

/// One hidden layer: `D_l V` at the start and now; without probes the lower triangle of `D_l`.
struct Hidden {
    layer: usize,
    probes: Option<Probed>,
    start: Mat<f64>,
    now: Mat<f64>,
}

/// Sign vectors and the products `W_{l+1} V`, `W_lᵀ V`.
struct Probed {
    signs: Mat<f64>,
    above: Mat<f64>,
    below: Mat<f64>,
}

impl<'a> Imbalance<'a> {
    pub fn new(problem: &'a Problem) -> Self {
        let network = &problem.network;
        let weights = &problem.initial_weights;
        let mut layers = Vec::new();
        let (mut start_norm, mut start_trace_norm) = (0.0_f64, 0.0);
        for layer in 1..network.depth() {
            let mut hidden = Hidden::new(network, layer);
            hidden.evaluate(network, weights);
            start_norm = start_norm.max(hidden.distance(0.0));
            start_trace_norm += hidden.trace_norm(network, weights);
            std::mem::swap(&mut hidden.start, &mut hidden.now);
            layers.push(hidden);
        }
        Self {
            network,
            l2: problem.l2,
            layers,
            start_norm,
            start_trace_norm,
        }
    }

    /// `max_l ‖D_l(t) − e^{−4λt} D_l(0)‖_F`; 0 for depth 1.
    pub fn drift(&mut self, time: f64, weights: &[f64]) -> f64 {
        let decay = (-4.0 * self.l2 * time).exp();
        let mut largest = 0.0_f64;
        for hidden in &mut self.layers {
            hidden.evaluate(self.network, weights);
            largest = largest.max(hidden.distance(decay));
        }
        largest
    }
}

/// Whether `D = 0` up to roundoff; `weights` in a unit in which their squares are numbers.
pub(super) fn balanced(network: &Network, weights: &[f64]) -> bool {
    let roundoff = ROUNDOFF * dot(weights, weights);
    (1..network.depth()).all(|layer| {
        let mut hidden = Hidden::new(network, layer);
        hidden.evaluate(network, weights);
        hidden.distance(0.0) <= roundoff
    })
}

impl Hidden {
    fn new(network: &Network, layer: usize) -> Self {
        let width = network.widths()[layer];
        let exact = width <= NARROW;
        let columns = if exact { width } else { PROBES };
        Self {
            layer,
            probes: (!exact).then(|| Probed {
                signs: sign_vectors(width),
                above: zeros(network.widths()[layer + 1], PROBES),
                below: zeros(network.widths()[layer - 1], PROBES),
            }),
            start: zeros(width, columns),
            now: zeros(width, columns),
        }
    }

    fn evaluate(&mut self, network: &Network, weights: &[f64]) {
        let upper = network.layer(weights, self.layer + 1);
        let lower = network.layer(weights, self.layer);
        let out = self.now.as_mut();
        match &mut self.probes {
            None => gram_difference(upper, lower, out),
            Some(probed) => probed.apply(upper, lower, out),
        }
    }

    /// `‖D_l‖_*` of what was evaluated last; of a wide layer the bound `‖W_{l+1}‖_F² + ‖W_l‖_F²`.
    fn trace_norm(&self, network: &Network, weights: &[f64]) -> f64 {
        let size = |layer: usize| {
            let w = &weights[network.range(layer)];
            dot(w, w)
        };
        let bound = size(self.layer) + size(self.layer + 1);
        if self.probes.is_some() || bound <= 0.0 {
            return bound;
        }
        // Relative to the bound: tiny starts have imbalances whose squares vanish.
        let values = symmetric_eigen(self.relative_to(bound).as_ref());
        values.map_or(bound, |(values, _)| {
            bound * values.iter().map(|v| v.abs()).sum::<f64>()
        })
    }

    /// Both triangles of `D_l/size`.
    fn relative_to(&self, size: f64) -> Mat<f64> {
        let width = self.now.nrows();
        Mat::from_fn(width, width, |i, j| self.now[(i.max(j), i.min(j))] / size)
    }

    /// `‖D_l(t) − decay·D_l(0)‖_F`, which takes the place of what was evaluated.
    fn distance(&mut self, decay: f64) -> f64 {
        let exact = self.probes.is_none();
        let mut squares = 0.0;
        for j in 0..self.now.ncols() {
            let first = if exact { j } else { 0 };
            let start = &self.start.col_as_slice(j)[first..];
            let now = &mut self.now.col_as_slice_mut(j)[first..];
            for (now, start) in now.iter_mut().zip(start) {
                *now -= decay * start;
            }
            let column = dot(now, now);
            squares += match exact {
                // What is below the diagonal stands for what is above it.
                true => 2.0 * column - now[0] * now[0],
                false => column / PROBES as f64,
            };
        }
        squares.sqrt()
    }
}

impl Probed {
    fn apply(&mut self, upper: MatRef<'_, f64>, lower: MatRef<'_, f64>, mut out: MatMut<'_, f64>) {
        let signs = self.signs.as_ref();
        multiply(self.above.as_mut(), false, 1.0, upper, signs);
        multiply(self.below.as_mut(), false, 1.0, lower.transpose(), signs);
        let first = out.as_mut();
        multiply(first, false, 1.0, upper.transpose(), self.above.as_ref());
        multiply(out, true, -1.0, lower, self.below.as_ref());
    }
}

/// The lower triangle of `UᵀU − WWᵀ`; the rest of `out` stays as it is.
fn gram_difference(upper: MatRef<'_, f64>, lower: MatRef<'_, f64>, mut out: MatMut<'_, f64>) {
    let mut add = |accumulate: Accum, sign: f64, lhs: MatRef<'_, f64>| {
        triangular::matmul(
            out.as_mut(),
            BlockStructure::TriangularLower,
            accumulate,
            lhs,
            BlockStructure::Rectangular,
            lhs.transpose(),
            BlockStructure::Rectangular,
            sign,
            Par::Seq,
        );
    };
    add(Accum::Replace, 1.0, upper.transpose());
    add(Accum::Add, -1.0, lower);
}

/// `width × PROBES` signs, the same in every run (bits of a splitmix64 sequence).
fn sign_vectors(width: usize) -> Mat<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    Mat::from_fn(width, PROBES, |_, _| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if (z ^ (z >> 31)) & 1 == 0 { 1.0 } else { -1.0 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `D = W_2ᵀW_2 − W_1W_1ᵀ` for `n_1 = 600`, one input, one output: two vectors, by hand
    /// `‖D‖_F² = ‖b‖⁴ + ‖a‖⁴ − 2(aᵀb)²`. 16 sign vectors estimate `‖D‖_F²` of a
    /// matrix of rank at most two with relative deviation at most √(2/16): a factor 2 in the norm is
    /// over 8 of them upwards and over 2 downwards.
    #[test]
    fn wide_layer_is_estimated_without_a_square_matrix() {
        let network = Network::new(vec![1, 600, 1]);
        let mut hidden = Hidden::new(&network, 1);
        assert_eq!(hidden.now.ncols(), PROBES);
        let weights: Vec<f64> = (0..1200).map(|i| (i as f64 * 0.7).sin()).collect();
        hidden.evaluate(&network, &weights);
        let (a, b) = weights.split_at(600);
        let dot = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(p, q)| p * q).sum() };
        let exact = (dot(a, a).powi(2) + dot(b, b).powi(2) - 2.0 * dot(a, b).powi(2)).sqrt();
        let estimate = hidden.distance(0.0);
        assert!(estimate > 0.5 * exact && estimate < 2.0 * exact);
    }

    #[test]
    fn a_decaying_imbalance_has_no_drift() {
        let problem = Problem {
            network: Network::new(vec![2, 3, 2]),
            cost: crate::model::Cost::SquaredError {
                target: Mat::zeros(2, 2),
            },
            l2: 0.3,
            initial_weights: (0..12).map(|i| 0.1 * f64::from(i) - 0.4).collect(),
        };
        let mut imbalance = Imbalance::new(&problem);
        // Weights that only decay, W(t) = e^{−2λt} W(0), obey the law exactly.
        let faded: Vec<f64> = problem
            .initial_weights
            .iter()
            .map(|w| w * (-0.6_f64 * 2.0).exp())
            .collect();
        assert!(imbalance.drift(2.0, &faded) < 1e-15);
        assert!(imbalance.drift(0.0, &faded) > 0.1);
    }

    /// `D = bᵀb − aaᵀ` of two vectors: eigenvalues `½(‖b‖² − ‖a‖² ± √((‖a‖² + ‖b‖²)² − 4(ab)²))`, of both signs.
    #[test]
    fn the_trace_norm_of_two_vectors() {
        let network = Network::new(vec![1, 5, 1]);
        let weights: Vec<f64> = (0..10).map(|i| (f64::from(i) * 0.9).cos()).collect();
        let mut hidden = Hidden::new(&network, 1);
        hidden.evaluate(&network, &weights);
        let (a, b) = weights.split_at(5);
        let (size, overlap) = (dot(a, a) + dot(b, b), dot(a, b));
        let exact = (size * size - 4.0 * overlap * overlap).sqrt();
        assert!((hidden.trace_norm(&network, &weights) - exact).abs() < 1e-14);
    }

    /// Independent: the full matrices entry by entry.
    #[test]
    fn narrow_layers_are_exact() {
        let network = Network::new(vec![2, 4, 3]);
        let weights: Vec<f64> = (0..20).map(|i| (f64::from(i) * 0.9).cos()).collect();
        let mut hidden = Hidden::new(&network, 1);
        hidden.evaluate(&network, &weights);
        let (w1, w2) = (network.layer(&weights, 1), network.layer(&weights, 2));
        let mut square = 0.0;
        for i in 0..4 {
            for j in 0..4 {
                let upper: f64 = (0..3).map(|k| w2[(k, i)] * w2[(k, j)]).sum();
                let lower: f64 = (0..2).map(|k| w1[(i, k)] * w1[(j, k)]).sum();
                square += (upper - lower).powi(2);
            }
        }
        assert!((hidden.distance(0.0) - square.sqrt()).abs() < 1e-14);
    }
}
