//! The flow of the modes that wait at a saddle, in variables that do not know how long they wait.
//!
//! In hidden bases in which the first `k` neurons of every layer carry the escaped modes, the others
//! form a network `D_l` of their own that sees the cost `C_eff` of the [`Plateau`]. With
//! `D = e^s ω`, `‖ω‖ = ‖ω(0)‖`, and `dτ = e^{(L−2)s} dt` its flow is
//!
//! `ω' = f − (ω·f/ω·ω) ω`,  `s' = ω·f/ω·ω`,  `c' = e^{−(L−2)(s − s(0))}`,
//!
//! where `c` is the time in units of `e^{−(L−2)s(0)}` and
//! `f = −∂/∂ω_l ⟨S + e^{Ls} K[P], P⟩` with `S + …` held fixed and `P = ω_L … ω_1`, to which paths through
//! escaped neurons are added where they are felt (`joints`). Nothing in it is large or
//! small: a wait of `10⁶⁰` time units takes as many steps as one of a hundred.
//!
//! The escaped weights are shown where `P` drives them ([`Response`]): at `A_k` itself the loss would be above
//! `C_eff` by the order `P²`, and rise at once where a wait begins.

use super::joints::Joints;
use super::response::Response;
use super::{Plateau, Settling, WaitingFlow};
use crate::flow::magnitudes;
use crate::linalg::{Mat, MatRef, norm, product};
use crate::model::Network;

/// `‖K P‖/‖S‖` from which on the rest of an escape takes the whole flow a few hundred steps.
const ESCAPING: f64 = 0.03;

/// The waiting part of a network's weights; what joins it to the escaped part follows it, and so does that
/// after [`Waiting::respond`].
#[derive(Debug)]
pub struct Waiting {
    pub plateau: Plateau,
    pub(super) network: Network,
    /// Widths `n_l − k`.
    pub inner: Network,
    /// The weights between waiting and escaped neurons; `None` where nothing has escaped.
    pub(super) joints: Option<Joints>,
    /// How the escaped weights follow the waiting ones; `None` where they rest.
    response: Option<Response>,
    /// Whether the waiting modes feel them.
    pub feels_joints: bool,
}

/// What the weights between waiting and escaped neurons do to the motion of the former, relative to it.
#[derive(Debug)]
pub struct Coupling {
    /// All of it, the worst neuron.
    pub felt: f64,
    /// What is left out when it is taken into account.
    pub neglected: f64,
}

impl Waiting {
    /// The part of `weights` that waits at `plateau`. What joins it to the escaped part is made of the
    /// imbalances `W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ` in the same bases: in `weights` it is mostly errors of the steps.
    /// `None` when all modes have escaped, or those that have do not span `A_k`.
    pub fn new(
        network: &Network,
        plateau: Plateau,
        weights: &[f64],
        imbalances: &[Mat<f64>],
    ) -> Option<Self> {
        let widths: Vec<usize> = network
            .widths()
            .iter()
            .map(|&n| n.checked_sub(plateau.rank).filter(|&n| n > 0))
            .collect::<Option<_>>()?;
        let mut waiting = Self {
            plateau,
            network: network.clone(),
            inner: Network::new(widths),
            joints: None,
            response: None,
            feels_joints: false,
        };
        if waiting.plateau.rank > 0 {
            let (part, escaped) = (waiting.part(weights), waiting.escaped(weights));
            let networks = (network, &waiting.inner);
            waiting.joints = Some(Joints::new(networks, escaped, &part, imbalances)?);
        }
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
        let Some(joints) = &self.joints else {
            return self.place(part);
        };
        let mut weights = joints.joined(part);
        let (k, net, depth) = (self.plateau.rank, &self.network, self.network.depth());
        let mut turn = |layer: usize| {
            let w = net.layer(&weights, layer);
            let (rows, cols) = (w.nrows(), w.ncols());
            let turned = if layer == 1 {
                let v = self.plateau.active_right.transpose();
                product(w.subcols(0, k), v)
                    + product(w.subcols(k, cols - k), self.plateau.right.transpose())
            } else {
                let u = self.plateau.active_left.as_ref();
                product(u, w.subrows(0, k))
                    + product(self.plateau.left.as_ref(), w.subrows(k, rows - k))
            };
            net.layer_mut(&mut weights, layer).copy_from(turned);
        };
        turn(1);
        turn(depth);
        if let Some(response) = &self.response {
            response.add(self.inner.end_to_end(part).as_ref(), &mut weights);
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

    /// From now on the escaped weights are where the waiting ones drive them; `None` when there is no such place.
    pub fn respond(&mut self) -> Option<()> {
        if self.plateau.rank > 0 && !self.plateau.is_linear {
            let escaped = self.expand(&vec![0.0; self.inner.parameters()]);
            self.response = Some(Response::new(&self.network, &self.plateau, &escaped)?);
        }
        Some(())
    }

    /// How the escaped part of `weights` comes to rest; `None` when it is there.
    pub fn settling(&self, weights: &[f64]) -> Option<Settling> {
        if self.plateau.rank == 0 {
            return None;
        }
        let settled = self.expand(&self.part(weights));
        let [now, then] = [weights, &settled].map(|w| self.network.end_to_end(w));
        let escaped = self.expand(&vec![0.0; self.inner.parameters()]);
        Settling::new(&self.network, &self.plateau, &escaped, &(now - then))
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

    /// How the waiting part of `weights` depends on the weights that join it to the escaped part.
    pub fn coupling(&mut self, weights: &[f64]) -> Coupling {
        let Some(neglected) = self.joints.as_ref().map(Joints::neglected) else {
            return Coupling {
                felt: 0.0,
                neglected: 0.0,
            };
        };
        let state = self.scaled(&self.part(weights));
        let [alone, joined] = [false, true].map(|feels| {
            self.feels_joints = feels;
            self.motion(&state)
        });
        let felt = self.distance(&state, &alone, &joined);
        Coupling { felt, neglected }
    }

    /// `A_l : k × k`, in the singular bases of the saddle.
    fn escaped(&self, weights: &[f64]) -> Vec<Mat<f64>> {
        let (k, depth) = (self.plateau.rank, self.network.depth());
        let of = |layer: usize| {
            let w = self.network.layer(weights, layer);
            if layer == 1 {
                product(w.subrows(0, k), self.plateau.active_right.as_ref())
            } else if layer == depth {
                product(self.plateau.active_left.transpose(), w.subcols(0, k))
            } else {
                w.submatrix(0, 0, k, k).to_owned()
            }
        };
        (1..=depth).map(of).collect()
    }

    /// `f` at a scaled state.
    pub(super) fn motion(&self, state: &[f64]) -> Vec<f64> {
        let mut f = vec![0.0; self.inner.parameters()];
        WaitingFlow::new(self, state, None).force(state, &mut f);
        f
    }

    /// The largest difference between two motions at `state`, relative to the neurons.
    fn distance(&self, state: &[f64], one: &[f64], other: &[f64]) -> f64 {
        let mut sizes = vec![0.0; one.len()];
        let scratch = &mut vec![0.0; self.inner.widths().iter().sum()];
        magnitudes(&self.inner, &state[..one.len()], scratch, &mut sizes);
        let (mut difference, mut largest) = (0.0_f64, 0.0_f64);
        for ((x, y), size) in one.iter().zip(other).zip(sizes) {
            if size > 0.0 {
                difference = difference.max(((x - y) / size).abs());
                largest = largest.max((x / size).abs());
            }
        }
        difference / largest
    }

    /// Size of the waiting part beyond which the neglected `O(P²)` of the slope is felt at `rtol`:
    /// where `‖K P‖ = √rtol ‖S‖`. Where nothing is neglected, `√rtol` is `ESCAPING`.
    pub fn largest_size(&self, rtol: f64) -> f64 {
        self.size_at(if self.plateau.is_linear {
            ESCAPING
        } else {
            rtol.sqrt()
        })
    }

    /// Size of a waiting part of rank one at which `‖K P‖ = part ‖S‖`.
    pub(super) fn size_at(&self, part: f64) -> f64 {
        let depth = self.inner.depth() as f64;
        let curvature = self.plateau.curvature.norm_max().max(f64::MIN_POSITIVE);
        let end_to_end = part * self.plateau.steepest() / curvature;
        0.5 * depth.sqrt() * end_to_end.powf(1.0 / depth)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Cost, Problem};

    pub fn problem(scale: f64) -> Problem {
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

    pub fn waiting(problem: &Problem) -> Waiting {
        let zero = Mat::zeros(2, 3);
        let plateau = Plateau::near(&problem.cost, zero.as_ref(), 0).expect("the origin");
        Waiting::new(&problem.network, plateau, &problem.initial_weights, &[]).expect("all wait")
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

    /// `W_{l+1}ᵀ W_{l+1} − W_l W_lᵀ` of all hidden layers.
    fn imbalances(network: &Network, weights: &[f64]) -> Vec<Mat<f64>> {
        let of = |l: usize| {
            let (low, high) = (network.layer(weights, l), network.layer(weights, l + 1));
            product(high.transpose(), high) - product(low, low.transpose())
        };
        (1..network.depth()).map(of).collect()
    }

    /// Five layers, one escaped mode, the rest apart but for weights `±between` in inner layers.
    fn joined(between: f64) -> (Problem, Waiting, Vec<f64>, Coupling) {
        let target = Mat::from_fn(3, 3, |i, j| if i == j { 3.0 - i as f64 } else { 0.0 });
        let network = Network::new(vec![3; 6]);
        let mut weights = vec![0.0; network.parameters()];
        for layer in 1..=5 {
            let mut w = network.layer_mut(&mut weights, layer);
            for i in 0..3 {
                for j in 0..3 {
                    w[(i, j)] = match (i, j) {
                        (0, 0) => 3.0_f64.powf(0.2),
                        (0, _) if layer > 1 => between,
                        (_, 0) if layer < 5 => -between,
                        (0, _) | (_, 0) => 0.0,
                        _ => 1e-3 * (1.0 + i as f64 - 0.6 * j as f64 - 0.1 * layer as f64),
                    };
                }
            }
        }
        let cost = Cost::SquaredError { target };
        let near = Mat::from_fn(3, 3, |i, j| if i + j == 0 { 3.0 } else { 0.0 });
        let plateau = Plateau::near(&cost, near.as_ref(), 1).expect("a saddle");
        let kept = imbalances(&network, &weights);
        let mut waiting = Waiting::new(&network, plateau, &weights, &kept).expect("two wait");
        let coupling = waiting.coupling(&weights);
        let problem = Problem {
            initial_weights: weights.clone(),
            cost,
            network,
            l2: 0.0,
        };
        (problem, waiting, weights, coupling)
    }

    /// Grown waiting weights, joined: imbalances between escaped and waiting neurons stay, and nothing of `A`
    /// is between the escaped and the waiting modes.
    #[test]
    fn joints_keep_the_imbalance_and_part_the_modes() {
        let (problem, waiting, weights, _) = joined(1e-5);
        let grown: Vec<f64> = waiting.part(&weights).iter().map(|d| 3.0 * d).collect();
        let all = waiting.expand(&grown);
        let network = &problem.network;
        let (kept, now) = (imbalances(network, &weights), imbalances(network, &all));
        for (kept, now) in kept.iter().zip(&now) {
            for j in 1..3 {
                // A few roundings of products of size 1e-5.
                assert!((kept[(0, j)] - now[(0, j)]).abs() < 1e-19);
                assert!(kept[(0, j)].abs() > 1e-6);
            }
        }
        let a = network.end_to_end(&all);
        for j in 1..3 {
            // Rounding of A; without B_1 and C_5 it would be B_2 D_1, 1e-8.
            assert!(a[(0, j)].abs().max(a[(j, 0)].abs()) < 1e-15);
        }
    }

    /// Of second order in the weights `β` in between. The path `C_4 A_3 B_2` alone would make it `β²/α³` with
    /// `α = 1e-3`; `B_1` and `C_5` cancel that up to `α²`.
    #[test]
    fn coupling_is_that_of_the_weights_in_between() {
        let coupled = |between: f64| joined(between).3;
        assert!(coupled(0.0).felt < 1e-14);
        let (large, small) = (coupled(1e-6), coupled(1e-7));
        let ratio = large.felt / small.felt / 100.0;
        assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
        let expected = 1e-7_f64.powi(2) / 1e-3;
        let factor = small.felt / expected;
        assert!((0.1..10.0).contains(&factor), "{factor}");
        assert!(small.neglected < 1e-13, "{:e}", small.neglected);
    }
}
