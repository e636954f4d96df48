//! When the escaped modes of a deep network are at rest, so that the waiting ones may go on alone.

use super::largest_singular_value;
use crate::integrate::{Method, Options};
use crate::linalg::{Mat, MatRef, frobenius, product, svd, zeros};
use crate::model::{Cost, CostScratch, Frame, Network, Problem};
use crate::run::rest::LEARNED;
use crate::saddle::{Plateau, Waiting};

/// Largest `n_L n_0` for which the curvature that the waiting modes see is made.
const LARGEST_PRODUCT: usize = 512;
/// In every hidden layer escaped and waiting neurons differ at least by this factor.
const GAP: f64 = 30.0;
/// The same for a wait that goes on.
const LAST_GAP: f64 = 2.0;
/// Gradient of the escaped modes, relative to that of the waiting ones and in units of `rtol`, at
/// which they count as settled. The waiting modes do not feel it; what they feel is held to `SAME`.
const SETTLED: f64 = 100.0;
/// Relative difference, in units of `rtol`, that weights between escaped and waiting neurons make to the
/// motion of the latter, from which on they are taken into account …
const FELT: f64 = 0.01;
/// … and its floor, the roundoff of that.
const FELT_FLOOR: f64 = 1e-14;
/// Largest relative error, in units of `rtol`, of the motion then …
const SAME: f64 = 10.0;
/// … and its floor.
const SAME_FLOOR: f64 = 1e-12;
/// Largest where nothing better can be had: an explicit method would take a step for every unit of time …
const LOOSE: f64 = 1e-6;
/// … and `auto` no longer steps when its fast directions are rounding in so long a wait. Looks in vain until then, at
/// `MOST_PATIENCE` steps each.
const LOOKS: usize = 20;
/// Modes left out are smaller than those in place by this factor at least.
const BEST: f64 = 0.99;
/// A wait begins below this part of the size at which it ends.
const WORTH: f64 = 0.3;
/// Steps after which a plateau that was not one yet is looked at again, at first and at last.
const PATIENCE: usize = 10;
const MOST_PATIENCE: usize = 640;

/// Distance to a saddle, relative to the smallest escaped mode, from which on it is another one.
const ELSEWHERE: f64 = 0.01;
/// Roundings that each of the products in an imbalance may carry.
const ROUNDINGS: f64 = 4.0;

/// What was found.
pub(super) enum Found {
    /// Some modes wait, the others are at rest.
    Wait(Box<Waiting>),
    /// All are at rest.
    Rest,
}

/// Looks for plateaus.
pub(super) struct Plateaus<'a> {
    problem: &'a Problem,
    rtol: f64,
    /// `W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ` of all hidden layers, in the original basis: the flow keeps them.
    imbalances: Vec<Mat<f64>>,
    /// `‖∇C(0)‖_F`.
    gradient_at_zero: f64,
    products: Vec<Mat<f64>>,
    gradient: Mat<f64>,
    scratch: CostScratch,
    /// Steps until the next look, and until the one after that if it is in vain.
    skip: usize,
    patience: usize,
    /// The plateau at hand.
    pub known: Option<Plateau>,
    /// Looks in vain at the most patience, and how many there are before a larger error is put up with.
    looks: usize,
    most_looks: usize,
    /// The largest error beyond the tolerance that was.
    loose: f64,
}

impl<'a> Plateaus<'a> {
    /// For deep networks without regularisation, whose waits are long; `None` for others.
    pub fn new(problem: &'a Problem, options: &Options) -> Option<Self> {
        let network = &problem.network;
        let (rows, cols) = problem.cost.shape();
        if network.depth() < 3 || problem.l2 != 0.0 || rows * cols > LARGEST_PRODUCT {
            return None;
        }
        Some(Self {
            problem,
            rtol: options.rtol,
            imbalances: imbalances(network, &problem.initial_weights),
            gradient_at_zero: frobenius(problem.cost.gradient_at_origin().as_ref()),
            products: network.product_storage(),
            gradient: zeros(rows, cols),
            scratch: problem.cost.scratch(),
            skip: 0,
            patience: PATIENCE,
            known: None,
            looks: 0,
            most_looks: match options.method {
                Method::Auto => LOOKS,
                _ => 1,
            },
            loose: 0.0,
        })
    }

    /// Whether it is worth to renew the hidden bases and to look for a plateau: the escaped modes have
    /// settled, and it has not just been tried in vain.
    pub fn may_wait(&mut self, weights: &[f64]) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.look(weights);
        let a = self.products[self.problem.network.depth() - 1].as_ref();
        let settled = |&rank: &usize| {
            rank > 0 && is_settled(a, &self.gradient, rank, SETTLED * self.rtol).unwrap_or(false)
        };
        self.has_learned(self.rtol)
            || gaps(&self.problem.network, weights, GAP)
                .iter()
                .any(settled)
    }

    /// The plateau at which `weights` wait, if any; hidden neurons stand in order of their modes
    /// in `frame`.
    pub fn find(&mut self, frame: &Frame, weights: &[f64]) -> Option<Found> {
        self.look(weights);
        if self.has_learned(self.rest()) || self.has_no_room() {
            return Some(Found::Rest);
        }
        let mut ranks = gaps(&self.problem.network, weights, GAP);
        if let Some(plateau) = &self.known {
            let kept = gaps(&self.problem.network, weights, LAST_GAP);
            let known = |k: &usize| *k == plateau.rank && !ranks.contains(k);
            let known: Vec<_> = kept.into_iter().filter(known).collect();
            ranks.extend(known);
        }
        let found = ranks
            .into_iter()
            .find_map(|rank| self.wait(frame, weights, rank));
        if found.is_some() {
            (self.patience, self.looks) = (PATIENCE, 0);
        } else {
            self.looks += usize::from(self.patience == MOST_PATIENCE);
            self.skip = self.patience;
            self.patience = (2 * self.patience).min(MOST_PATIENCE);
        }
        found
    }

    /// The part of a gradient at which what it moves is at rest. Errors of the steps keep gradients from falling
    /// much below rtol.
    fn rest(&self) -> f64 {
        match self.patience {
            MOST_PATIENCE => self.rtol.max(LEARNED),
            _ => LEARNED,
        }
    }

    /// Whether the gradient has fallen to `part` of that at `A = 0`.
    fn has_learned(&self, part: f64) -> bool {
        frobenius(self.gradient.as_ref()) <= part * self.gradient_at_zero
    }

    /// Whether the narrowest layer is full and holds the best it can: under squared error the modes that are left
    /// out, all of `∇C` then, are smaller than each of its own.
    fn has_no_room(&self) -> bool {
        let network = &self.problem.network;
        let (a, most) = (
            self.products[network.depth() - 1].as_ref(),
            network.max_rank(),
        );
        let left_out = || largest_singular_value(&self.gradient);
        let best = || svd(a).is_some_and(|parts| left_out() < BEST * parts.s[most - 1]);
        matches!(self.problem.cost, Cost::SquaredError { .. })
            && is_settled(a, &self.gradient, most, self.rest()).unwrap_or(false)
            && best()
    }

    /// `A` and `∇C(A)`.
    fn look(&mut self, weights: &[f64]) {
        let network = &self.problem.network;
        network.prefix_products(weights, &mut self.products);
        let a = self.products[network.depth() - 1].as_ref();
        self.problem
            .cost
            .gradient(a, self.gradient.as_mut(), &mut self.scratch);
    }

    fn wait(&mut self, frame: &Frame, weights: &[f64], rank: usize) -> Option<Found> {
        let a = self.products[self.problem.network.depth() - 1].as_ref();
        // What waits already goes on to the limit itself, at the same saddle.
        let known = self.known.take_if(|plateau| plateau.rank == rank);
        let goes_on = known.is_some();
        let settled = SETTLED * self.rtol;
        if rank > 0 && !goes_on && !is_settled(a, &self.gradient, rank, settled)? {
            return None;
        }
        let plateau = match known {
            Some(plateau) => plateau,
            None => self.plateau_at(a, rank)?,
        };
        let kept = frame.turned(&self.imbalances);
        let mut waiting = Waiting::new(&self.problem.network, plateau, weights, &kept)?;
        let part = waiting.part(weights);
        if part.iter().all(|w| *w == 0.0) {
            // Modes that are absent wait for ever, the others have only to come to their end.
            return is_settled(a, &self.gradient, rank, self.rest())?.then_some(Found::Rest);
        }
        let state = waiting.scaled(&part);
        let size = state[waiting.inner.parameters()].exp();
        let limit = waiting.largest_size(self.rtol);
        if size > if goes_on { limit } else { WORTH * limit } {
            return None;
        }
        let coupling = waiting.coupling(weights);
        let apart = (SAME * self.rtol).max(SAME_FLOOR);
        let in_vain = self.looks >= self.most_looks && coupling.neglected <= LOOSE;
        if !(coupling.neglected <= apart || in_vain || goes_on) {
            return None;
        }
        waiting.feels_joints = coupling.felt > (FELT * self.rtol).max(FELT_FLOOR);
        if coupling.neglected > apart {
            self.loose = self.loose.max(coupling.neglected);
        }
        waiting.respond()?;
        Some(Found::Wait(Box::new(waiting)))
    }

    /// The saddle that `a` has come to. The best fit of a rank, which is found from there, lies elsewhere where a
    /// mode has escaped before one with a larger target.
    fn plateau_at(&self, a: MatRef<'_, f64>, rank: usize) -> Option<Plateau> {
        let plateau = Plateau::near(&self.problem.cost, a, rank)?;
        let distance = frobenius((a - &plateau.end_to_end).as_ref());
        let smallest = |r: usize| svd(a).map_or(0.0, |parts| parts.s[r - 1]);
        let here = rank == 0 || distance <= ELSEWHERE * smallest(rank);
        here.then_some(plateau)
    }

    /// What the user should know.
    pub fn warning(&self) -> Option<String> {
        (self.loose > 0.0).then(|| {
            format!(
                "escape times after the first carry a relative error of up to {:.1e}: while modes wait, \
                 the weights that join them to escaped ones are taken as fixed",
                self.loose
            )
        })
    }
}

/// `W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ` of all hidden layers, 0 where it is roundoff: neurons of that size would
/// be pushed about by it.
fn imbalances(network: &Network, weights: &[f64]) -> Vec<Mat<f64>> {
    let of = |layer: usize| {
        let low = network.layer(weights, layer);
        let high = network.layer(weights, layer + 1);
        let above = product(high.transpose(), high);
        let below = product(low, low.transpose());
        let roundings = ROUNDINGS * (high.nrows() + low.ncols()) as f64;
        let size = |i: usize| above[(i, i)] + below[(i, i)];
        Mat::from_fn(low.nrows(), low.nrows(), |i, j| {
            let kept = above[(i, j)] - below[(i, j)];
            let roundoff = roundings * f64::EPSILON * (size(i) * size(j)).sqrt();
            if kept.abs() > roundoff { kept } else { 0.0 }
        })
    };
    (1..network.depth()).map(of).collect()
}

/// Ranks `k` at which all hidden layers have a gap of `factor` between neurons `k` and `k + 1`,
/// and 0.
fn gaps(network: &Network, weights: &[f64], factor: f64) -> Vec<usize> {
    let mut squares = vec![0.0; network.widths().iter().sum()];
    network.neuron_squares(weights, &mut squares);
    let most = network.max_rank();
    let layers = 1..network.depth();
    let start = |layer: usize| network.widths()[..layer].iter().sum::<usize>();
    let mut ranks = vec![0];
    ranks.extend((1..most).filter(|&k| {
        let of = |k: usize| layers.clone().map(move |l| start(l) + k);
        let above = of(k - 1).map(|i| squares[i]).fold(f64::INFINITY, f64::min);
        let below = of(k).map(|i| squares[i]).fold(0.0, f64::max);
        above > factor * factor * below
    }));
    ranks
}

/// Whether `∇C` is small on the singular vectors of the first `rank` modes of `a`.
fn is_settled(a: MatRef<'_, f64>, gradient: &Mat<f64>, rank: usize, part: f64) -> Option<bool> {
    let parts = svd(a)?;
    let (u, v) = (
        parts.u.as_ref().subcols(0, rank),
        parts.v.as_ref().subcols(0, rank),
    );
    let (left, right) = (
        product(u.transpose(), gradient.as_ref()),
        product(gradient.as_ref(), v),
    );
    let active = frobenius(left.as_ref()).max(frobenius(right.as_ref()));
    Some(active <= part * frobenius(gradient.as_ref()))
}
