//! What the flow can do at a critical point: the Hessian's eigenvalues, counted by sign.
//!
//! At a critical point whose hidden layers use `k` directions each, the Hessian of the network with
//! widths `n_0 … n_L` falls apart exactly:
//!
//! * the Hessian of the network with hidden widths `k`;
//! * for each of the `n_l − k` unused directions of hidden layer `l`, what leads into it and out of it:
//!   `[[2λ, M_lᵀ], [M_l, 2λ]]`, `M_l = (W_L … W_{l+2})ᵀ ∇C (W_{l−1} … W_1)ᵀ`;
//! * `2λ` for each weight from an unused direction to an unused direction.
//!
//! (Second derivatives of a product: two factors can meet in an unused direction only if they are
//! neighbours.) So index and nullity are exact counts for any width, from matrices of the size of
//! the narrow network. For squared error these are the closed forms of the literature (Achour, Malgouyres
//! & Gerchinovitz 2024).

use super::newton::hessian;
use super::point::{Saddle, gradient_scale};
use crate::flow::LayerFlow;
use crate::linalg::{Mat, SingularValues, product, symmetric_eigen, zeros};
use crate::model::{Cost, PointKind, Problem};

/// Eigenvalues, relative to the largest, that count as zero: roundoff …
const ROUNDOFF: f64 = 1e-13;
/// … and so many times those along symmetries, which would be zero if the point were critical to the last digit.
const CLEAR: f64 = 100.0;
/// The same of three and more layers without weight decay, where a point may be off by much more than its gradient
/// says, a product of what is left of several layers.
const FLAT: f64 = 1e-8;
/// Relative difference of `‖∇C‖` and `2λ` at a minimum that does not count.
const SAME: f64 = 1e-8;
/// Gradient, relative to that at the origin, that counts as zero.
const NO_GRADIENT: f64 = 1e-9;
/// Weights of the narrow network up to which all its eigenvalues are computed.
const DENSE: usize = 3000;

/// The Hessian at a critical point.
#[derive(Debug, Clone, PartialEq)]
pub struct Morse {
    /// Number of negative eigenvalues (Morse index).
    pub index: usize,
    /// Number of zero eigenvalues.
    pub nullity: usize,
    /// Those of them that belong to a symmetry of the loss: invertible changes of the hidden bases for
    /// `λ = 0`, rotations for `λ > 0`.
    pub symmetry: usize,
    pub smallest: f64,
    pub largest: f64,
    /// The largest `|μ|` counted as zero and the smallest not counted so, relative to the largest: far
    /// apart where the counts are beyond doubt.
    pub zero_gap: [f64; 2],
    /// The largest `|μ|` along a symmetry, relative to the largest of all: how far the point is from critical.
    pub off_symmetry: f64,
    pub kind: PointKind,
    /// The power of `‖δ‖` with which the loss falls along the way out; `None` at a minimum.
    pub escape_order: Option<usize>,
}

impl Morse {
    /// At a critical point of `problem`; `None` where the narrow network is too large for all
    /// eigenvalues.
    pub fn at(problem: &Problem, saddle: &Saddle) -> Option<Self> {
        let core = core_eigenvalues(saddle)?;
        let unused = unused_eigenvalues(problem, saddle);
        let list = || core.iter().chain(&unused).copied();
        let largest_size = list().map(|(v, _)| v.abs()).fold(0.0, f64::max);
        let noise = noise(&core, core_symmetry(problem, saddle.rank));
        let exact = problem.network.depth() == 2 || problem.l2 > 0.0;
        let least = if exact { ROUNDOFF } else { FLAT };
        let zero = least * largest_size + CLEAR * noise;
        let count = |wanted: &dyn Fn(f64) -> bool| -> usize {
            let chosen = list().filter(|(v, _)| wanted(*v));
            chosen.map(|(_, times)| times).sum()
        };
        let index = count(&|v| v < -zero);
        let relative = |v: f64| {
            if largest_size > 0.0 {
                v / largest_size
            } else {
                v
            }
        };
        let sizes = || list().map(|(v, _)| v.abs());
        let below = sizes().filter(|v| *v <= zero).fold(0.0, f64::max);
        let above = sizes().filter(|v| *v > zero).fold(f64::INFINITY, f64::min);
        let (kind, escape_order) = kind(problem, saddle, index);
        Some(Self {
            index,
            nullity: count(&|v| v.abs() <= zero),
            symmetry: symmetry(problem, saddle.rank),
            smallest: list().map(|(v, _)| v).fold(f64::INFINITY, f64::min),
            largest: list().map(|(v, _)| v).fold(f64::NEG_INFINITY, f64::max),
            zero_gap: [relative(below), relative(above)],
            off_symmetry: relative(noise),
            kind,
            escape_order,
        })
    }
}

/// Eigenvalues with their multiplicities.
type Eigenvalues = Vec<(f64, usize)>;

/// Those of the narrow network.
fn core_eigenvalues(saddle: &Saddle) -> Option<Eigenvalues> {
    let Some(core) = &saddle.core else {
        return Some(Vec::new());
    };
    if core.network.parameters() > DENSE {
        return None;
    }
    let matrix = hessian(&LayerFlow::new(core), &core.initial_weights);
    let (values, _) = symmetric_eigen(matrix.as_ref())?;
    Some(values.into_iter().map(|v| (v, 1)).collect())
}

/// Those of unused directions.
fn unused_eigenvalues(problem: &Problem, saddle: &Saddle) -> Eigenvalues {
    let mut list = Vec::new();
    let widths = problem.network.widths();
    let (depth, twice) = (problem.network.depth(), 2.0 * problem.l2);
    let unused = |layer: usize| widths[layer] - saddle.rank;
    for layer in 1..depth {
        if unused(layer) == 0 {
            continue;
        }
        let through = through(saddle, layer, depth);
        let (rows, cols) = (through.nrows(), through.ncols());
        let mut values = SingularValues::new(rows, cols);
        for s in values.of(through.as_ref()) {
            list.push((twice - s, unused(layer)));
            list.push((twice + s, unused(layer)));
        }
        list.push((twice, rows.abs_diff(cols) * unused(layer)));
    }
    let between = (2..depth).map(|layer| unused(layer) * unused(layer - 1));
    list.push((twice, between.sum()));
    list.retain(|(_, times)| *times > 0);
    list
}

/// The largest `|μ|` along the symmetries of the narrow network, as many as are smallest: 0 but for roundoff and for
/// what the point is off.
fn noise(core: &Eigenvalues, symmetries: usize) -> f64 {
    let mut sizes: Vec<f64> = core.iter().map(|(v, _)| v.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let last = symmetries.checked_sub(1).and_then(|last| sizes.get(last));
    last.copied().unwrap_or(0.0)
}

/// `M_l`.
fn through(saddle: &Saddle, layer: usize, depth: usize) -> Mat<f64> {
    let Some(core) = &saddle.core else {
        return origin_through(saddle, layer, depth);
    };
    let weight = |l: usize| core.network.layer(&core.initial_weights, l);
    let mut m = saddle.gradient.clone();
    for above in (layer + 2..=depth).rev() {
        m = product(weight(above).transpose(), m.as_ref());
    }
    for below in 1..layer {
        m = product(m.as_ref(), weight(below).transpose());
    }
    m
}

/// `M_l` at the origin: `∇C` for two layers; zero on whatever a deeper network leads from and to.
fn origin_through(saddle: &Saddle, layer: usize, depth: usize) -> Mat<f64> {
    let (rows, cols) = saddle.gradient.shape();
    match depth {
        2 => saddle.gradient.clone(),
        _ => zeros(
            if layer + 1 == depth { rows } else { 0 },
            if layer == 1 { cols } else { 0 },
        ),
    }
}

/// Dimension of the orbit under the symmetries of the loss: `Σ_l k² + 2k(n_l − k)` for `λ = 0`,
/// `Σ_l k(k−1)/2 + k(n_l − k)` for `λ > 0`.
pub fn symmetry(problem: &Problem, rank: usize) -> usize {
    let depth = problem.network.depth();
    let hidden = &problem.network.widths()[1..depth];
    let unused = hidden.iter().map(|n| rank * (n - rank)).sum::<usize>();
    let ways = if problem.l2 > 0.0 { 1 } else { 2 };
    core_symmetry(problem, rank) + ways * unused
}

/// The same of the narrow network, which has no unused directions.
fn core_symmetry(problem: &Problem, rank: usize) -> usize {
    let hidden = problem.network.depth() - 1;
    match problem.l2 > 0.0 {
        true => hidden * rank * rank.saturating_sub(1) / 2,
        false => hidden * rank * rank,
    }
}

fn kind(problem: &Problem, saddle: &Saddle, index: usize) -> (PointKind, Option<usize>) {
    let depth = problem.network.depth();
    let bottleneck = problem.network.max_rank() == saddle.rank;
    let steepest = saddle.gradient_singular_values.first().copied();
    let steepest = steepest.unwrap_or(0.0);
    let flat = steepest <= NO_GRADIENT * gradient_scale(problem);
    match index {
        1.. => (PointKind::StrictSaddle, Some(2)),
        0 if problem.l2 == 0.0 && flat => (PointKind::GlobalMinimum, None),
        // ‖∇C‖ ≤ 2λ is the condition of optimality of C + 2λ‖A‖_*, which is convex.
        0 if depth == 2 && problem.l2 > 0.0 && steepest <= 2.0 * problem.l2 * (1.0 + SAME) => {
            (PointKind::GlobalMinimum, None)
        }
        0 if problem.l2 == 0.0 && !bottleneck => (PointKind::NonStrictSaddle, Some(depth)),
        // Eckart–Young: among matrices of the rank that the network allows no minimum is worse than another.
        0 if problem.l2 == 0.0 && matches!(problem.cost, Cost::SquaredError { .. }) => {
            (PointKind::GlobalMinimum, None)
        }
        0 => (PointKind::LocalMinimum, None),
    }
}
