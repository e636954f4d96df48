//! The nearest weights with a given end-to-end matrix: minimise `½‖θ − θ_0‖²` subject to `A(θ) = A*`.
//!
//! Sequential quadratic programming with the Hessian of the distance alone (Nocedal & Wright 2006,
//! ch. 18): with `J = dA/dθ` and `K = J Jᵀ` at `θ`,
//!
//! `μ = K⁻¹ [A* − A(θ) − J(θ_0 − θ)]`,  `θ ← θ + s (θ_0 + Jᵀμ − θ)`,
//!
//! the step `s` halved until the exact penalty `½‖θ − θ_0‖² + ρ‖A(θ) − A*‖_F` falls. At a fixed point
//! `θ − θ_0 = Jᵀμ` and `A(θ) = A*`: the conditions of Karush, Kuhn and Tucker. The minimum found is
//! local; the full step is a contraction where the second-order condition holds.

use super::Refused;
use super::balanced::nearest_balanced;
use super::kernel::tangent;
use crate::flow::LayerTangent;
use crate::integrate::Tangent;
use crate::linalg::{
    Mat, MatRef, norm, numerical_rank, product, svd, symmetric_eigen, to_vec, view,
};
use crate::model::{Cost, Network, Problem, Reduction};

/// Iterations of a small problem …
const MOST: usize = 3000;
/// … and weights times iterations of a large one, 60 iterations at least.
const WORK: usize = 200_000_000;
/// Step, relative to the distance, at which the iteration has arrived.
const ARRIVED: f64 = 1e-11;
/// The conditions, relative, up to which a point counts as found.
const FOUND: f64 = 1e-6;
/// Eigenvalues of `K` below this part of the largest are zero.
const SINGULAR: f64 = 1e-14;
/// Part of the promised fall of the penalty that a step must keep.
const SUFFICIENT: f64 = 1e-4;
const HALVINGS: usize = 30;

/// The nearest weights and how well they meet the conditions.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// `‖θ − θ_0‖`.
    pub distance: f64,
    /// `θ`, in the network that was given.
    pub weights: Vec<f64>,
    /// The larger of `‖θ − θ_0 − Jᵀμ‖/‖θ − θ_0‖` and `‖A(θ) − A*‖_F/‖A*‖_F`, or `‖A(θ)‖_F/‖A(θ_0)‖_F` for
    /// `A* = 0`.
    pub residual: f64,
    pub iterations: usize,
}

impl Nearest {
    /// Whether the conditions hold to `1e-6`.
    pub fn is_found(&self) -> bool {
        self.residual <= FOUND
    }
}

/// The nearest global minimum of a problem from its start. Hidden layers wider than both neighbours together are
/// narrowed to as many neurons first: no point needs more directions, and the nearest one leaves the span of the start
/// only where that has fewer.
///
/// # Errors
/// `NotSquaredError`, `Regularised`, `RankOutOfReach`, `KernelTooLarge`, `NotFinite`.
pub fn nearest_minimum(problem: &Problem) -> Result<Nearest, Refused> {
    let Cost::SquaredError { target } = &problem.cost else {
        return Err(Refused::NotSquaredError);
    };
    if problem.l2 != 0.0 {
        return Err(Refused::Regularised);
    }
    let Some(reduction) = Reduction::of_wide(problem) else {
        return nearest_over(
            &problem.network,
            &problem.initial_weights,
            target.as_ref(),
            f64::INFINITY,
        );
    };
    let narrow = &reduction.problem;
    let found = nearest_over(
        &narrow.network,
        &narrow.initial_weights,
        target.as_ref(),
        f64::INFINITY,
    )?;
    Ok(Nearest {
        weights: reduction.expand(&found.weights),
        ..found
    })
}

/// The nearest weights over `target` from `start`: the better of the iterations that begin there and at
/// the nearest balanced weights. Where the distance is going to exceed `limit` the result may be rough.
///
/// # Errors
/// `RankOutOfReach`, `KernelTooLarge`, `NotFinite`.
pub fn nearest_over(
    network: &Network,
    start: &[f64],
    target: MatRef<'_, f64>,
    limit: f64,
) -> Result<Nearest, Refused> {
    check_rank(network, target)?;
    let mut search = Search::new(network, start, target, limit)?;
    let direct = search.from(start.to_vec());
    let weights = nearest_balanced(network, start, target);
    // From a start that is lazy the direct way is short and its end is the nearest of all.
    let other = match &direct {
        Ok(found) if found.is_found() && found.iterations < 15 => None,
        Ok(found) if found.distance > limit => None,
        _ => weights.map(|w| search.from(w)),
    };
    match (direct, other) {
        (Ok(a), Some(Ok(b))) => Ok(better(a, b)),
        (Err(_), Some(Ok(b))) => Ok(b),
        (direct, _) => direct,
    }
}

fn better(a: Nearest, b: Nearest) -> Nearest {
    let rank = |n: &Nearest| (!n.is_found(), n.distance);
    if rank(&b) < rank(&a) { b } else { a }
}

fn check_rank(network: &Network, target: MatRef<'_, f64>) -> Result<(), Refused> {
    let rank = numerical_rank(&svd(target).ok_or(Refused::NotFinite)?.s);
    match rank <= network.max_rank() {
        true => Ok(()),
        false => Err(Refused::RankOutOfReach(rank)),
    }
}

struct Search<'a> {
    network: &'a Network,
    origin: &'a [f64],
    target: MatRef<'a, f64>,
    tangent: LayerTangent<'a>,
    products: Vec<Mat<f64>>,
    /// What the defect is measured by.
    size: f64,
    limit: f64,
    penalty: f64,
}

/// The quadratic programme at one point.
struct Programme {
    /// `θ_0 + Jᵀμ − θ`.
    step: Vec<f64>,
    multiplier: f64,
    /// `‖A(θ) − A*‖_F`.
    defect: f64,
}

impl<'a> Search<'a> {
    fn new(
        network: &'a Network,
        origin: &'a [f64],
        target: MatRef<'a, f64>,
        limit: f64,
    ) -> Result<Self, Refused> {
        let size = match target.norm_l2() {
            0.0 => network.end_to_end(origin).norm_l2(),
            size => size,
        };
        Ok(Self {
            network,
            origin,
            target,
            size,
            tangent: tangent(network)?,
            products: network.product_storage(),
            limit,
            penalty: 0.0,
        })
    }

    fn from(&mut self, mut at: Vec<f64>) -> Result<Nearest, Refused> {
        let most = (WORK / at.len().max(1)).clamp(60, MOST);
        self.penalty = 0.0;
        for iterations in 1..=most {
            let programme = self.programme(&at)?;
            let found = self.judged(&at, &programme, iterations);
            let hopeless = iterations > 40 && found.distance > 1.5 * self.limit;
            if self.has_arrived(&found, &programme) || iterations == most || hopeless {
                return Ok(found);
            }
            match self.stepped(&at, &programme) {
                Some(next) => at = next,
                None => return Ok(found),
            }
        }
        Err(Refused::NotFinite)
    }

    fn has_arrived(&self, found: &Nearest, programme: &Programme) -> bool {
        let scale = found.distance.max(1e-5 * norm(self.origin));
        norm(&programme.step) <= ARRIVED * scale
    }

    fn programme(&mut self, at: &[f64]) -> Result<Programme, Refused> {
        self.tangent.freeze(at);
        let missing = self.target - self.tangent.end_to_end();
        let missing = to_vec(missing.as_ref());
        let back: Vec<f64> = self.origin.iter().zip(at).map(|(o, a)| o - a).collect();
        let mut linear = vec![0.0; missing.len()];
        self.tangent.forward(&back, &mut linear);
        let right: Vec<f64> = missing.iter().zip(&linear).map(|(m, l)| m - l).collect();
        let multiplier = solve(&self.tangent.kernel(), &right).ok_or(Refused::NotFinite)?;
        let mut step = back;
        self.tangent.backward(&multiplier, &mut step);
        Ok(Programme {
            step,
            multiplier: norm(&multiplier),
            defect: norm(&missing),
        })
    }

    fn judged(&self, at: &[f64], programme: &Programme, iterations: usize) -> Nearest {
        let distance = self.distance(at);
        let size = |x: f64| x.max(f64::MIN_POSITIVE);
        let defect = programme.defect / size(self.size);
        let scale = distance.max(1e-10 * norm(self.origin));
        let dual = norm(&programme.step) / size(scale);
        Nearest {
            distance,
            weights: at.to_vec(),
            residual: dual.max(defect),
            iterations,
        }
    }

    fn distance(&self, at: &[f64]) -> f64 {
        let squares = self.origin.iter().zip(at).map(|(o, a)| (o - a).powi(2));
        squares.sum::<f64>().sqrt()
    }

    /// The point after the longest step that lowers the penalty enough; `None` when none does.
    fn stepped(&mut self, at: &[f64], programme: &Programme) -> Option<Vec<f64>> {
        let length = norm(&programme.step);
        if self.penalty < 1.1 * programme.multiplier {
            self.penalty = 2.0 * programme.multiplier;
        }
        let before = self.merit(at);
        let spare = self.penalty - programme.multiplier;
        let fall = length * length + spare * programme.defect;
        let mut part = 1.0;
        for _ in 0..HALVINGS {
            let moved = at.iter().zip(&programme.step).map(|(a, s)| a + part * s);
            let next: Vec<f64> = moved.collect();
            // Where the fall drowns in roundoff of the penalty the contraction is trusted.
            let drowned = fall <= 1e-9 * before;
            if drowned || self.merit(&next) <= before - SUFFICIENT * part * fall {
                return Some(next);
            }
            part *= 0.5;
        }
        None
    }

    fn merit(&mut self, at: &[f64]) -> f64 {
        self.network.prefix_products(at, &mut self.products);
        let Some(a) = self.products.last() else {
            return f64::INFINITY;
        };
        let defect = (self.target - a).norm_l2();
        0.5 * self.distance(at).powi(2) + self.penalty * defect
    }
}

/// `K⁺ x` for a positive semidefinite `K`.
fn solve(kernel: &Mat<f64>, x: &[f64]) -> Option<Vec<f64>> {
    let (values, vectors) = symmetric_eigen(kernel.as_ref())?;
    let top = values.last().copied().unwrap_or(0.0);
    let mut parts = product(vectors.transpose(), view(x, x.len(), 1));
    for (i, value) in values.iter().enumerate() {
        let small = *value <= SINGULAR * top;
        parts[(i, 0)] = if small { 0.0 } else { parts[(i, 0)] / value };
    }
    Some(to_vec(product(vectors.as_ref(), parts.as_ref()).as_ref()))
}
