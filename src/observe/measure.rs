//! What one state shows: `A = W_L … W_1`, its singular values, `C(A)`, `‖θ‖²`, `‖f‖`, and how fast
//! `A` can move:
//!
//! `‖dA/dt‖_F ≤ √S₁ ‖f‖`,  `S₁ = Σ_l Π_{m≠l} ‖W_m‖_F²`.
//!
//! Singular values are computed on demand: most steps of a run can do without them.

use crate::integrate::{Step, TOGETHER, Time, VectorField};
use crate::linalg::{
    Mat, MatRef, SingularValues, dot, multiply, product_singular_values, representation_cost, zeros,
};
use crate::model::{CostScratch, Network, Problem};

use super::event::Quantity;

/// Part of `σ_1` below which singular values of a graded state come from the factors: above it
/// those of the product have twelve digits.
const GRADED_BELOW: f64 = 1e-4;

/// One measured state. `Probe::blank` makes room for one; measuring again allocates nothing.
#[derive(Debug, Clone)]
pub(super) struct Measurement {
    pub time: f64,
    /// What `time` lacks of the exact time.
    pub time_low: f64,
    /// `A : n_L × n_0`.
    pub end_to_end: Mat<f64>,
    pub cost: f64,
    pub test_cost: Option<f64>,
    pub loss: f64,
    /// `‖∇C(A)‖_F`.
    pub cost_gradient_norm: f64,
    pub parameter_norm_sq: f64,
    /// `√S₁`: bounds `‖dA‖_F / ‖dθ‖`.
    pub reach: f64,
    /// `√(2 S₂)`, `S₂ = Σ_{l<m} Π_{k≠l,m} ‖W_k‖_F²`: bounds the second derivative of `A`.
    pub bend: f64,
    /// `‖f‖`; NaN when the derivative was not asked for.
    pub gradient_norm: f64,
    /// `θᵀf = ½ d‖θ‖²/dt`; NaN likewise.
    pub radial_speed: f64,
    singular_values: Vec<f64>,
    resolved: bool,
    /// The weights, where singular values need the factors.
    factors: Vec<f64>,
}

impl Measurement {
    /// `σ_1 ≥ σ_2 ≥ …`; meaningful after `Probe::resolve`.
    pub fn singular_values(&self) -> &[f64] {
        debug_assert!(self.resolved);
        &self.singular_values
    }

    /// Whether each singular value has its own relative accuracy.
    pub fn is_graded(&self) -> bool {
        !self.factors.is_empty()
    }

    /// What an event shows, on the straight lines between the values of two resolved states.
    pub fn interpolate(&mut self, a: &Self, b: &Self, part: f64) {
        let between = |a: f64, b: f64| a + part * (b - a);
        self.cost = between(a.cost, b.cost);
        self.gradient_norm = between(a.gradient_norm, b.gradient_norm);
        let values = a.singular_values.iter().zip(&b.singular_values);
        let between = values.map(|(&a, &b)| between(a, b));
        self.singular_values.clear();
        self.singular_values.extend(between);
        (self.time_low, self.resolved) = (0.0, true);
    }

    /// `‖A − B‖_F` between two measured states.
    pub fn distance(&self, other: &Mat<f64>) -> f64 {
        let (a, b) = (&self.end_to_end, other);
        let mut sum = 0.0;
        for j in 0..a.ncols() {
            for i in 0..a.nrows() {
                sum += (a[(i, j)] - b[(i, j)]).powi(2);
            }
        }
        sum.sqrt()
    }
}

/// Measures states of one problem.
pub(super) struct Probe<'a> {
    problem: &'a Problem,
    field: &'a dyn VectorField,
    /// When the local times of steps begin.
    pub origin: Time,
    /// Whether hidden directions carry separate modes, so that each `σ_k` can be had with its own
    /// relative accuracy.
    pub graded: bool,
    products: Vec<Mat<f64>>,
    tangents: Vec<Mat<f64>>,
    gradient: Mat<f64>,
    cost: CostScratch,
    spectrum: SingularValues,
    states: [Vec<f64>; TOGETHER],
    derivative: Vec<f64>,
}

impl<'a> Probe<'a> {
    pub fn new(problem: &'a Problem, field: &'a dyn VectorField) -> Self {
        let network = &problem.network;
        let (rows, cols) = (network.output_width(), network.input_width());
        Self {
            problem,
            field,
            origin: Time::default(),
            graded: false,
            products: network.product_storage(),
            tangents: network.product_storage(),
            gradient: zeros(rows, cols),
            cost: problem.cost.scratch(),
            spectrum: SingularValues::new(rows, cols),
            states: std::array::from_fn(|_| vec![0.0; network.parameters()]),
            derivative: vec![0.0; network.parameters()],
        }
    }

    pub fn network(&self) -> &'a Network {
        &self.problem.network
    }

    /// The matrix that the cost is built from, where there is one.
    pub fn target(&self) -> Option<MatRef<'a, f64>> {
        self.problem.cost.target()
    }

    /// `λ`.
    pub fn l2(&self) -> f64 {
        self.problem.l2
    }

    /// Room for a measurement.
    pub fn blank(&self) -> Measurement {
        let network = self.network();
        Measurement {
            time: 0.0,
            time_low: 0.0,
            end_to_end: zeros(network.output_width(), network.input_width()),
            cost: f64::NAN,
            test_cost: None,
            loss: f64::NAN,
            cost_gradient_norm: f64::NAN,
            parameter_norm_sq: f64::NAN,
            reach: f64::NAN,
            bend: f64::NAN,
            gradient_norm: f64::NAN,
            radial_speed: f64::NAN,
            singular_values: vec![0.0; network.modes()],
            resolved: false,
            factors: Vec::new(),
        }
    }

    /// Everything but the singular values, at local time `time` and state `weights` with `f(weights) = derivative`.
    pub fn measure(&mut self, time: f64, weights: &[f64], derivative: &[f64], m: &mut Measurement) {
        self.measure_product(time, weights, m);
        m.gradient_norm = safe_root(dot(derivative, derivative), derivative);
        m.radial_speed = dot(weights, derivative);
    }

    /// As `measure`, at local times `times` inside `step`, without keeping the states; `f` is
    /// evaluated only `with_gradient`.
    pub fn measure_inside(
        &mut self,
        step: &Step<'_>,
        times: &[f64],
        with_gradient: bool,
        all: &mut [Measurement],
    ) {
        let mut states = std::mem::take(&mut self.states);
        for (times, all) in times.chunks(TOGETHER).zip(all.chunks_mut(TOGETHER)) {
            let mut ys = states.each_mut().map(|state| &mut state[..]);
            step.states_at(times, &mut ys[..times.len()]);
            for ((&t, m), state) in times.iter().zip(all).zip(&states) {
                self.measure_read(step, t, state, with_gradient, m);
            }
        }
        self.states = states;
    }

    /// As `measure`, at the state `weights` read from `step` at local time `t`.
    pub fn measure_read(
        &mut self,
        step: &Step<'_>,
        t: f64,
        weights: &[f64],
        with_gradient: bool,
        m: &mut Measurement,
    ) {
        if !with_gradient {
            self.measure_product(t, weights, m);
            (m.gradient_norm, m.radial_speed) = (f64::NAN, f64::NAN);
            return;
        }
        let mut derivative = std::mem::take(&mut self.derivative);
        if !step.slope_at(t, &mut derivative) {
            self.field.eval(weights, &mut derivative);
        }
        self.measure(t, weights, &derivative, m);
        self.derivative = derivative;
    }

    fn measure_product(&mut self, time: f64, weights: &[f64], m: &mut Measurement) {
        let network = self.network();
        network.prefix_products(weights, &mut self.products);
        let a = &self.products[network.depth() - 1];
        let time = self.origin.plus(time);
        (m.time, m.time_low) = (time.high, time.low);
        m.end_to_end.copy_from(a);
        m.cost = self
            .problem
            .cost
            .gradient(a.as_ref(), self.gradient.as_mut(), &mut self.cost);
        m.cost_gradient_norm = plain_norm(&self.gradient);
        m.test_cost = self.problem.cost.test_value(a.as_ref());
        layer_norms(network, weights, m);
        m.loss = m.cost + self.problem.l2 * m.parameter_norm_sq;
        m.resolved = false;
        m.factors.clear();
        if self.graded {
            m.factors.extend_from_slice(weights);
        }
    }

    /// Computes the singular values of a measurement unless it has them.
    pub fn resolve(&mut self, m: &mut Measurement) {
        if !m.resolved {
            let values = self.spectrum.of(m.end_to_end.as_ref());
            m.singular_values.copy_from_slice(values);
            let least = GRADED_BELOW * values.first().copied().unwrap_or(0.0);
            if m.is_graded() && values.last().is_some_and(|&s| s < least) {
                let network = self.network();
                let layers = 1..=network.depth();
                let factors: Vec<_> = layers.map(|l| network.layer(&m.factors, l)).collect();
                m.singular_values = product_singular_values(&factors);
            }
            m.resolved = true;
        }
    }

    /// `A` at local time `t` inside `step`.
    pub fn end_to_end_inside(&mut self, step: &Step<'_>, t: f64) -> Mat<f64> {
        let network = self.network();
        let state = &mut self.states[0];
        step.state_at(t, state);
        network.prefix_products(state, &mut self.products);
        self.products[network.depth() - 1].clone()
    }

    /// `∇C(A)`.
    pub fn cost_gradient(&mut self, a: &Mat<f64>) -> Mat<f64> {
        let (cost, gradient) = (&self.problem.cost, self.gradient.as_mut());
        cost.gradient(a.as_ref(), gradient, &mut self.cost);
        self.gradient.clone()
    }

    /// `‖dA/dt‖_F` at `weights` with `f = derivative`.
    pub fn speed(&mut self, weights: &[f64], derivative: &[f64]) -> f64 {
        plain_norm(self.velocity(weights, derivative))
    }

    /// `dA/dt` at `weights`.
    pub fn velocity_at(&mut self, weights: &[f64]) -> Mat<f64> {
        let mut derivative = std::mem::take(&mut self.derivative);
        self.field.eval(weights, &mut derivative);
        let velocity = self.velocity(weights, &derivative).clone();
        self.derivative = derivative;
        velocity
    }

    /// `dA/dt = Σ_l W_L … W_{l+1} f_l W_{l−1} … W_1` at `weights` with `f = derivative`.
    fn velocity(&mut self, weights: &[f64], derivative: &[f64]) -> &Mat<f64> {
        let network = self.network();
        network.prefix_products(weights, &mut self.products);
        self.tangents[0].copy_from(network.layer(derivative, 1));
        for layer in 2..=network.depth() {
            let (done, rest) = self.tangents.split_at_mut(layer - 1);
            let (below, here) = (done[layer - 2].as_ref(), &mut rest[0]);
            let product = self.products[layer - 2].as_ref();
            let moved = network.layer(derivative, layer);
            multiply(here.as_mut(), false, 1.0, moved, product);
            multiply(
                here.as_mut(),
                true,
                1.0,
                network.layer(weights, layer),
                below,
            );
        }
        &self.tangents[network.depth() - 1]
    }

    /// `L Σ σ_i^{2/L}` over the modes that the narrowest layer lets through and that are more than
    /// roundoff of the product, which the power would make visible; values of a graded state are their
    /// own, however small.
    pub fn schatten(&self, m: &Measurement) -> f64 {
        let network = self.network();
        let present = match m.is_graded() {
            true => m.singular_values().len(),
            false => self.rank(m, self.rank_tolerance()),
        };
        let narrowest = network.widths().iter().copied().min().unwrap_or(0);
        let modes = m.singular_values().iter().take(present.min(narrowest));
        representation_cost(network.depth(), modes)
    }

    /// How low `L Σ σ_i^{2/L}` can be between two states while each `σ_i` goes as far as `travel`.
    pub fn schatten_floor(&self, a: &Measurement, b: &Measurement, travel: f64) -> f64 {
        let pairs = a.singular_values().iter().zip(b.singular_values());
        let least = pairs.map(|(x, y)| (x.min(*y) - travel).max(0.0));
        representation_cost(self.network().depth(), least)
    }

    /// The part of `σ_1` below which a singular value is roundoff of the product: `eps` times the
    /// largest width. A sum of `n` products carries an error of up to `n·eps` of its terms.
    pub fn rank_tolerance(&self) -> f64 {
        let widest = self.network().widths().iter().copied().max();
        f64::EPSILON * widest.unwrap_or(1) as f64
    }

    /// Number of singular values above `tolerance · σ_1`; 0 for `A = 0`.
    pub fn rank(&self, m: &Measurement, tolerance: f64) -> usize {
        let values = m.singular_values();
        let least = tolerance * values.first().copied().unwrap_or(0.0);
        values.iter().filter(|&&s| s > least).count()
    }

    /// The value of a quantity; spectral ones need `resolve` first.
    pub fn value(&self, quantity: Quantity, index: Option<usize>, m: &Measurement) -> f64 {
        match quantity {
            Quantity::Cost => m.cost,
            Quantity::TestCost => m.test_cost.unwrap_or(f64::NAN),
            Quantity::Loss => m.loss,
            Quantity::GradientNorm => m.gradient_norm,
            Quantity::ParameterNormSq => m.parameter_norm_sq,
            Quantity::Schatten => self.schatten(m),
            Quantity::Rank => self.rank(m, self.rank_tolerance()) as f64,
            Quantity::SingularValue => {
                let mode = index.unwrap_or(1);
                m.singular_values().get(mode - 1).copied().unwrap_or(0.0)
            }
        }
    }

    /// `|dq/dt|` where it costs nothing, from `d loss/dt = −‖f‖²` and `d‖θ‖²/dt = 2θᵀf`; 0 for
    /// the others.
    pub fn known_rate(&self, quantity: Quantity, m: &Measurement) -> f64 {
        let fall = m.gradient_norm * m.gradient_norm;
        match quantity {
            Quantity::Loss => fall,
            Quantity::Cost => (fall + 2.0 * self.problem.l2 * m.radial_speed).abs(),
            Quantity::ParameterNormSq => 2.0 * m.radial_speed.abs(),
            _ => 0.0,
        }
    }
}

/// Elementary symmetric sums of the layers' squared norms, one pass over the layers.
fn layer_norms(network: &Network, weights: &[f64], m: &mut Measurement) {
    let (mut s0, mut s1, mut s2, mut total) = (1.0, 0.0, 0.0, 0.0);
    for layer in 1..=network.depth() {
        let w = &weights[network.range(layer)];
        let square = dot(w, w);
        (s2, s1, s0) = (s2 * square + s1, s1 * square + s0, s0 * square);
        total += square;
    }
    m.parameter_norm_sq = total;
    m.reach = s1.sqrt();
    m.bend = (2.0 * s2).sqrt();
}

/// `‖X‖_F` without faer's guards against overflow, which cost more than the cost itself.
fn plain_norm(x: &Mat<f64>) -> f64 {
    let square = |column: &[f64]| dot(column, column);
    (0..x.ncols())
        .map(|j| square(x.col_as_slice(j)))
        .sum::<f64>()
        .sqrt()
}

/// `√square`, or `‖x‖` computed with a scale where squares leave the range of `f64`.
fn safe_root(square: f64, x: &[f64]) -> f64 {
    if (1e-280..1e300).contains(&square) {
        return square.sqrt();
    }
    let largest = x.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest * x.iter().map(|v| (v / largest).powi(2)).sum::<f64>().sqrt()
}
