//! A critical point `∂loss/∂θ = 0` whose map has rank `k` and whose hidden layers use `k` directions
//! each: the kind that a flow from a small start comes near.
//!
//! In hidden bases whose first `k` directions are those in use, the weights are those of a network
//! with hidden widths `k`, and zero elsewhere. They are critical for the wide network because they
//! are for the narrow one: whatever leads into an unused direction has nothing to lead out of it.

use super::newton::critical_weights;
use crate::flow::LayerFlow;
use crate::integrate::VectorField;
use crate::linalg::{Mat, SingularValues, Svd, dot, norm, product, svd, zeros};
use crate::model::{Cost, Network, Problem};

/// A critical point of rank `k`.
#[derive(Debug, Clone)]
pub struct Saddle {
    /// `k`.
    pub rank: usize,
    /// The network with hidden widths `k`, its initial weights the critical ones; `None` for rank 0,
    /// the origin.
    pub core: Option<Problem>,
    /// `A : n_L × n_0`.
    pub end_to_end: Mat<f64>,
    /// `∇C(A)`.
    pub gradient: Mat<f64>,
    /// `C(A)`.
    pub cost: f64,
    /// `‖∂loss/∂θ‖`, roundoff.
    pub gradient_norm: f64,
    /// `σ_1 ≥ … ≥ σ_k` of `A`.
    pub singular_values: Vec<f64>,
    /// All singular values of `∇C(A)`, decreasing.
    pub gradient_singular_values: Vec<f64>,
}

impl Saddle {
    /// The critical point of rank `rank` next to `weights` of `problem`, by least-norm Newton steps
    /// from the weights' best `rank` directions in each hidden layer. `None` where there is none, as for one
    /// layer, which has no saddles, and for ranks above `Network::max_rank`.
    pub fn near(problem: &Problem, weights: &[f64], rank: usize) -> Option<Self> {
        if rank == 0 {
            return Self::origin(problem);
        }
        if problem.network.depth() == 1 || rank > problem.network.max_rank() {
            return None;
        }
        Self::polished(&narrowed(problem, weights, rank)?, rank)
    }

    /// The critical point next to the initial weights of a network whose hidden widths are `rank`.
    pub(super) fn polished(problem: &Problem, rank: usize) -> Option<Self> {
        let core = Problem {
            initial_weights: critical_weights(problem)?,
            ..problem.clone()
        };
        Self::at(&problem.cost, Some(core), rank)
    }

    /// `C(A) + λ‖θ‖²`.
    pub fn loss(&self, l2: f64) -> f64 {
        let weights = self.core.as_ref().map_or(0.0, |core| {
            let all = &core.initial_weights;
            dot(all, all)
        });
        self.cost + l2 * weights
    }

    /// The level that `cost`, of which it is a critical point, has along the top singular pair of `−∇C`: the size
    /// of what is learned next.
    pub fn level(&self, cost: &Cost) -> f64 {
        svd(self.gradient.as_ref()).map_or(0.0, |parts| level_along(cost, &parts, 0))
    }

    /// `A = 0`; `None` for one layer, where that is no critical point.
    pub fn origin(problem: &Problem) -> Option<Self> {
        if problem.network.depth() == 1 {
            return None;
        }
        Self::at(&problem.cost, None, 0)
    }

    fn at(cost: &Cost, core: Option<Problem>, rank: usize) -> Option<Self> {
        let (rows, cols) = cost.shape();
        let (end_to_end, gradient_norm) = match &core {
            None => (zeros(rows, cols), 0.0),
            Some(core) => (end_to_end(core), gradient_norm(core)),
        };
        let mut gradient = zeros(rows, cols);
        let mut scratch = cost.scratch();
        let cost = cost.gradient(end_to_end.as_ref(), gradient.as_mut(), &mut scratch);
        let mut values = SingularValues::new(rows, cols);
        let singular_values = values.of(end_to_end.as_ref())[..rank].to_vec();
        let smallest = singular_values.last().copied().unwrap_or(f64::INFINITY);
        let largest = singular_values.first().copied().unwrap_or(1.0);
        let saddle = Self {
            rank,
            core,
            gradient_singular_values: values.of(gradient.as_ref()).to_vec(),
            end_to_end,
            gradient,
            cost,
            gradient_norm,
            singular_values,
        };
        // A zero of lower rank is another critical point.
        (cost.is_finite() && smallest > 1e-10 * largest).then_some(saddle)
    }
}

/// `‖∇C(0)‖`, the largest singular value: the slope of the cost, in units of it over those of `A`.
pub(super) fn gradient_scale(problem: &Problem) -> f64 {
    let (rows, cols) = problem.cost.shape();
    let gradient = problem.cost.gradient_at_origin();
    SingularValues::new(rows, cols).of(gradient.as_ref())[0]
}

/// `s/⟨uvᵀ, ∇²C[uvᵀ]⟩` for a singular triple `(u, s, v)` of `∇C`: where the quadratic cost is least along `−u vᵀ`, in
/// units of `A`.
pub(super) fn level_along(cost: &Cost, gradient: &Svd, pair: usize) -> f64 {
    let Svd { u, s, v } = gradient;
    let map = Mat::from_fn(u.nrows(), v.nrows(), |i, j| u[(i, pair)] * v[(j, pair)]);
    s[pair] / cost.bend(map.as_ref()).max(f64::MIN_POSITIVE)
}

/// `A` of a problem's initial weights.
pub(super) fn end_to_end(problem: &Problem) -> Mat<f64> {
    problem.network.end_to_end(&problem.initial_weights)
}

fn gradient_norm(problem: &Problem) -> f64 {
    let mut descent = vec![0.0; problem.network.parameters()];
    LayerFlow::new(problem).eval(&problem.initial_weights, &mut descent);
    norm(&descent)
}

/// `problem` with hidden widths `rank` and zero weights.
pub(super) fn core_problem(problem: &Problem, rank: usize) -> Problem {
    let mut widths = problem.network.widths().to_vec();
    let depth = problem.network.depth();
    widths[1..depth].fill(rank);
    let network = Network::new(widths);
    Problem {
        initial_weights: vec![0.0; network.parameters()],
        network,
        cost: problem.cost.clone(),
        l2: problem.l2,
    }
}

/// `weights` seen in the `rank` largest directions of each hidden layer, those of the stacks
/// `[W_lᵀ; W_{l+1}]`.
fn narrowed(problem: &Problem, weights: &[f64], rank: usize) -> Option<Problem> {
    let network = &problem.network;
    let depth = network.depth();
    let mut core = core_problem(problem, rank);
    let bases = (1..depth)
        .map(|hidden| directions(network, weights, hidden, rank))
        .collect::<Option<Vec<_>>>()?;
    for layer in 1..=depth {
        let mut inner = network.layer(weights, layer).to_owned();
        if layer > 1 {
            inner = product(inner.as_ref(), bases[layer - 2].as_ref());
        }
        if layer < depth {
            inner = product(bases[layer - 1].transpose(), inner.as_ref());
        }
        let into = &mut core.initial_weights;
        core.network.layer_mut(into, layer).copy_from(inner);
    }
    Some(core)
}

/// The largest directions of hidden layer `hidden` as columns.
fn directions(network: &Network, weights: &[f64], hidden: usize, rank: usize) -> Option<Mat<f64>> {
    let parts = svd(network.stack(weights, hidden).as_ref())?;
    (rank <= parts.s.len()).then(|| parts.u.as_ref().subcols(0, rank).to_owned())
}
