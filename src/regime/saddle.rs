//! The nearest saddle of `½‖A − A*‖²`, `A* = Σ s_i u_i v_iᵀ` with distinct `s_i`, from a start.
//!
//! Where a set `S` of modes is missing, `W_1 v_i = 0` and `W_Lᵀ u_i = 0` for `i ∈ S` and
//! `A = A* − Σ_S s_i u_i v_iᵀ`, all gradients vanish. For two layers these are all saddles with the
//! target's directions: the conditions follow from `(A − A*) W_1ᵀ = 0` and `W_2ᵀ (A − A*) = 0`. For
//! `L ≥ 3` there are others, and the distance is an upper bound.
//!
//! The linear conditions are met exactly by leaving the directions out, which costs
//! `Σ_S ‖W_1 v_i‖² + ‖W_Lᵀ u_i‖²`; the rest is the nearest minimum of the smaller problem. The points with
//! `W_1 = 0` and `W_L = 0` are critical whatever the other layers are.

use super::{Refused, nearest_over};
use crate::linalg::{Mat, MatRef, numerical_rank, product, svd, to_vec};
use crate::model::{Cost, Network, Problem, Reduction};

/// Modes up to which all sets of missing ones are tried; with more, and for large networks, single ones.
const ALL_SETS: usize = 6;
const SMALL: usize = 20_000;

/// The nearest saddle that was found.
#[derive(Debug, Clone)]
pub struct NearestSaddle {
    pub distance: f64,
    /// The missing modes, from 1; empty for the points with `W_1 = 0` and `W_L = 0`.
    pub missing: Vec<usize>,
    /// Of the conditions of the nearest point, see `Nearest::residual`; 0 where it is explicit.
    pub residual: f64,
    /// Saddles of other kinds may be nearer.
    pub is_bound: bool,
}

/// The nearest saddle of a problem from its start.
///
/// # Errors
/// `NotSquaredError`, `Regularised`, `OneLayer`, `ZeroTarget`, `KernelTooLarge`, `NotFinite`.
pub fn nearest_saddle(problem: &Problem) -> Result<NearestSaddle, Refused> {
    let Cost::SquaredError { target } = &problem.cost else {
        return Err(Refused::NotSquaredError);
    };
    if problem.l2 != 0.0 {
        return Err(Refused::Regularised);
    }
    if problem.network.depth() == 1 {
        return Err(Refused::OneLayer);
    }
    let reduction = Reduction::of_wide(problem);
    let narrow = reduction.as_ref().map_or(problem, |r| &r.problem);
    let start = Start {
        network: &narrow.network,
        weights: &narrow.initial_weights,
        target: target.as_ref(),
    };
    start.nearest_saddle()
}

struct Start<'a> {
    network: &'a Network,
    weights: &'a [f64],
    target: MatRef<'a, f64>,
}

/// A singular direction of the target: `u`, `v` and what leaving it out costs.
struct Mode {
    u: Vec<f64>,
    v: Vec<f64>,
    cost: f64,
}

/// The distance within the directions that are kept.
#[derive(Default)]
struct Rest {
    distance: f64,
    residual: f64,
    is_bound: bool,
}

impl Start<'_> {
    fn nearest_saddle(&self) -> Result<NearestSaddle, Refused> {
        let modes = self.modes()?;
        let depth = self.network.depth();
        let outer = [1, depth].map(|l| self.network.layer(self.weights, l).norm_l2());
        let mut best = NearestSaddle {
            distance: outer[0].hypot(outer[1]),
            missing: Vec::new(),
            residual: 0.0,
            is_bound: depth > 2,
        };
        let mut sets = self.sets(modes.len());
        let cost = |set: &[usize]| set.iter().map(|&i| modes[i].cost).sum::<f64>();
        sets.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
        for set in sets {
            if cost(&set).sqrt() >= best.distance {
                break;
            }
            let rest = self.rest(&modes, &set, best.distance)?;
            let distance = cost(&set).sqrt().hypot(rest.distance);
            if distance < best.distance && rest.residual < 1e-6 {
                best.distance = distance;
                best.residual = rest.residual;
                best.is_bound = depth > 2 || rest.is_bound;
                best.missing = set.iter().map(|i| i + 1).collect();
            }
        }
        Ok(best)
    }

    fn modes(&self) -> Result<Vec<Mode>, Refused> {
        let factors = svd(self.target).ok_or(Refused::NotFinite)?;
        let rank = numerical_rank(&factors.s);
        if rank == 0 {
            return Err(Refused::ZeroTarget);
        }
        let last = self.network.depth();
        let (first, last) = (
            self.network.layer(self.weights, 1),
            self.network.layer(self.weights, last).transpose(),
        );
        let mode = |k: usize| {
            let (u, v) = (factors.u.subcols(k, 1), factors.v.subcols(k, 1));
            let low = product(first, v).squared_norm_l2();
            let high = product(last, u).squared_norm_l2();
            Mode {
                u: to_vec(u),
                v: to_vec(v),
                cost: low + high,
            }
        };
        Ok((0..rank).map(mode).collect())
    }

    /// The sets of missing modes to try.
    fn sets(&self, modes: usize) -> Vec<Vec<usize>> {
        if modes > ALL_SETS || self.weights.len() > SMALL {
            return (0..modes).map(|i| vec![i]).collect();
        }
        let members = |bits: usize| (0..modes).filter(|i| bits >> i & 1 == 1).collect();
        (1..1usize << modes).map(members).collect()
    }

    fn rest(&self, modes: &[Mode], set: &[usize], limit: f64) -> Result<Rest, Refused> {
        let (inputs, outputs) = (self.network.input_width(), self.network.output_width());
        if set.len() >= inputs.min(outputs) {
            // Nothing of A is left to meet.
            return Ok(Rest::default());
        }
        let v = complement(set.iter().map(|&i| &modes[i].v), inputs);
        let u = complement(set.iter().map(|&i| &modes[i].u), outputs);
        let (network, weights) = self.restricted(&u, &v);
        if set.len() == modes.len() {
            return silenced(&network, &weights, limit);
        }
        let half = product(self.target, v.as_ref());
        let target = product(u.transpose(), half.as_ref());
        let found = nearest_over(&network, &weights, target.as_ref(), limit)?;
        Ok(Rest {
            distance: found.distance,
            residual: found.residual,
            is_bound: false,
        })
    }

    /// The network without the missing directions.
    fn restricted(&self, u: &Mat<f64>, v: &Mat<f64>) -> (Network, Vec<f64>) {
        let last = self.network.depth();
        let mut widths = self.network.widths().to_vec();
        (widths[0], widths[last]) = (v.ncols(), u.ncols());
        let network = Network::new(widths);
        let mut weights = vec![0.0; network.parameters()];
        for layer in 1..=last {
            let own = self.network.layer(self.weights, layer);
            let mut w = own.to_owned();
            if layer == 1 {
                w = product(w.as_ref(), v.as_ref());
            }
            if layer == last {
                w = product(u.transpose(), w.as_ref());
            }
            network.layer_mut(&mut weights, layer).copy_from(&w);
        }
        (network, weights)
    }
}

/// Where nothing of the target is left: the nearest weights whose product is zero, or one outer layer
/// put to zero as a whole.
fn silenced(network: &Network, weights: &[f64], limit: f64) -> Result<Rest, Refused> {
    let outer = [1, network.depth()].map(|l| network.layer(weights, l).norm_l2());
    let whole = Rest {
        distance: outer[0].min(outer[1]),
        residual: 0.0,
        is_bound: true,
    };
    let nothing = Mat::zeros(network.output_width(), network.input_width());
    let found = nearest_over(network, weights, nothing.as_ref(), limit)?;
    Ok(match found.is_found() && found.distance <= whole.distance {
        true => Rest {
            distance: found.distance,
            residual: found.residual,
            is_bound: false,
        },
        false => whole,
    })
}

/// An orthonormal basis of what is orthogonal to orthonormal `vectors`, by Householder reflections.
fn complement<'v>(vectors: impl Iterator<Item = &'v Vec<f64>>, size: usize) -> Mat<f64> {
    let mut basis = Mat::<f64>::identity(size, size);
    for vector in vectors {
        let column = MatRef::from_column_major_slice(vector, size, 1);
        let mut h = to_vec(product(basis.transpose(), column).as_ref());
        h[0] += 1f64.copysign(h[0]);
        let square = crate::linalg::dot(&h, &h);
        let n = basis.ncols();
        let reflected = Mat::from_fn(n, n - 1, |i, j| {
            f64::from(u8::from(i == j + 1)) - 2.0 * h[i] * h[j + 1] / square
        });
        basis = product(basis.as_ref(), reflected.as_ref());
    }
    basis
}
