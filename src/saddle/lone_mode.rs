//! A waiting mode that has outgrown all others grows alone, in closed form.
//!
//! Let the first neuron of every hidden layer be far larger than the others, and its weights lie along singular
//! vectors of `S`. In the variables of [`Waiting`] they do not change, and `s' = κ`. The time that is left,
//! `1/((L−2)κ)` units of the clock, is so short for all others that their speed does not change either:
//! until `s` has grown by `Δ` they move by `f·c`, `c = (1 − e^{−(L−2)Δ})/((L−2)κ)` the clock. Weights between the first
//! neuron and others fall as `e^{−Δ}`, which keeps the imbalance. A growth by `e^{200}` takes no more time
//! than one by `e`.

use super::Waiting;
use crate::flow::magnitudes;
use crate::integrate::Interpolant;
use crate::linalg::{distance, dot};
use crate::model::Network;

/// What the first neuron's weights turn by, and what others move by, relative to them, in units of `√rtol`:
/// escape times feel the square.
const SMALL: f64 = 0.1;
/// What others do to the motion of the first neuron, in units of `rtol`, and its floor.
const ALONE: f64 = 0.1;
const ALONE_FLOOR: f64 = 1e-15;
/// `‖K P‖/‖S‖` up to which the slope is constant, in units of `rtol`.
const STRAIGHT: f64 = 1e-3;
/// Growth of `s` that is worth it.
const WORTH: f64 = 4.0;

/// What a weight is to the first neuron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Its own.
    Leads,
    /// Between it and another one.
    Joins,
    /// Of others.
    Waits,
}

/// The first mode from a scaled state on, until its slope changes.
#[derive(Debug)]
pub struct LoneMode {
    roles: Vec<Role>,
    start: Vec<f64>,
    /// `f` at the start.
    force: Vec<f64>,
    /// `κ`.
    rate: f64,
    /// `L − 2`.
    power: f64,
    /// `Δ` at the end.
    growth: f64,
}

impl LoneMode {
    /// The first mode at the scaled state `start`; `None` unless it is alone, to what `rtol` lets escape
    /// times feel, and will be for long.
    pub fn of(waiting: &Waiting, start: &[f64], rtol: f64) -> Option<Self> {
        let n = waiting.inner.parameters();
        let growth = waiting.size_at(STRAIGHT * rtol).ln() - start[n];
        if waiting.feels_joints || growth < WORTH {
            return None;
        }
        let roles = roles(&waiting.inner);
        let omega = leading(&roles, &start[..n]);
        let force = waiting.motion(start);
        let felt = leading(&roles, &force);
        let alone = [&omega[..], &start[n..]].concat();
        let own = leading(&roles, &waiting.motion(&alone));
        let square = dot(&omega, &omega);
        let rate = dot(&omega, &own) / square;
        let along: Vec<f64> = omega.iter().map(|x| rate * x).collect();
        let mode = Self {
            power: waiting.inner.depth() as f64 - 2.0,
            growth,
            rate,
            start: start.to_vec(),
            roles,
            force,
        };
        let unit = rate * square.sqrt();
        let small = SMALL * rtol.sqrt();
        let is_alone = rate > 0.0
            && distance(&own, &along) <= small * unit
            && distance(&own, &felt) <= (ALONE * rtol).max(ALONE_FLOOR) * unit
            && mode.others_move(&waiting.inner) <= small;
        is_alone.then_some(mode)
    }

    /// By how much the other neurons move in all the time that is left, relative to their size.
    fn others_move(&self, network: &Network) -> f64 {
        let mut sizes = vec![0.0; self.roles.len()];
        let scratch = &mut vec![0.0; network.widths().iter().sum()];
        magnitudes(network, &self.start[..sizes.len()], scratch, &mut sizes);
        let moves = (0..sizes.len())
            .filter(|&i| self.roles[i] == Role::Waits && sizes[i] > 0.0)
            .map(|i| self.force[i].abs() / sizes[i]);
        moves.fold(0.0, f64::max) / (self.power * self.rate)
    }

    /// The scaled state when `s` has grown by `growth`.
    fn state_at(&self, growth: f64, state: &mut [f64]) {
        let n = self.roles.len();
        let clock = -(-self.power * growth).exp_m1() / (self.power * self.rate);
        let shrinks = (-growth).exp();
        for (i, role) in self.roles.iter().enumerate() {
            let x = self.start[i];
            state[i] = match role {
                Role::Leads => x,
                Role::Joins => x * shrinks * shrinks,
                Role::Waits => (x + self.force[i] * clock) * shrinks,
            };
        }
        state[n] = self.start[n] + growth;
        state[n + 1] = self.start[n + 1] + clock;
    }

    /// The growth in stretches of equal length, a factor `e` each or a little less.
    pub fn stretches(&self) -> impl Iterator<Item = Stretch<'_>> {
        let count = self.growth.ceil();
        let at = move |k: usize| self.growth * k as f64 / count;
        (0..count as usize).map(move |k| Stretch {
            mode: self,
            growth: [at(k), at(k + 1)],
        })
    }
}

/// A part of the growth, as a step in scaled time.
#[derive(Debug)]
pub struct Stretch<'a> {
    mode: &'a LoneMode,
    /// `Δ` at both ends.
    growth: [f64; 2],
}

impl Stretch<'_> {
    /// Scaled times at both ends.
    pub fn times(&self) -> [f64; 2] {
        self.growth.map(|g| g / self.mode.rate)
    }
}

impl Interpolant for Stretch<'_> {
    fn state(&self, theta: f64, y: &mut [f64]) {
        let [from, to] = self.growth;
        self.mode.state_at(from + theta * (to - from), y);
    }
}

/// `x` where a weight leads, zero elsewhere.
fn leading(roles: &[Role], x: &[f64]) -> Vec<f64> {
    let own = |(x, role): (&f64, &Role)| if *role == Role::Leads { *x } else { 0.0 };
    x.iter().zip(roles).map(own).collect()
}

/// What each weight of `network` is to the first neuron of every hidden layer.
fn roles(network: &Network) -> Vec<Role> {
    let depth = network.depth();
    let mut roles = vec![Role::Waits; network.parameters()];
    for layer in 1..=depth {
        let rows = network.widths()[layer];
        let range = network.range(layer);
        for (place, role) in roles[range].iter_mut().enumerate() {
            let (into, from) = (place % rows, place / rows);
            // Inputs and outputs are nobody's.
            let ends = [(layer < depth, into), (layer > 1, from)];
            let own = ends.map(|(hidden, i)| hidden && i == 0);
            let other = ends.map(|(hidden, i)| hidden && i > 0);
            *role = match (own.contains(&true), other.contains(&true)) {
                (true, false) => Role::Leads,
                (true, true) => Role::Joins,
                _ => Role::Waits,
            };
        }
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::super::{Plateau, WaitingFlow};
    use super::*;
    use crate::linalg::Mat;
    use crate::model::Cost;

    const STRENGTHS: [f64; 2] = [3.0, 1.0];

    /// Diagonal layers: two modes of sizes `sizes`, and weights `between` their neurons.
    fn waiting(depth: usize, sizes: [f64; 2], between: f64) -> (Waiting, Vec<f64>) {
        let network = Network::new(vec![2; depth + 1]);
        let mut weights = vec![0.0; network.parameters()];
        for layer in 1..=depth {
            let inner = layer > 1 && layer < depth;
            network
                .layer_mut(&mut weights, layer)
                .copy_from(Mat::from_fn(2, 2, |i, j| match i == j {
                    true => sizes[i],
                    false if inner => between,
                    false => 0.0,
                }));
        }
        let target = Mat::from_fn(2, 2, |i, j| if i == j { STRENGTHS[i] } else { 0.0 });
        let cost = Cost::SquaredError { target };
        let origin = Mat::zeros(2, 2);
        let plateau = Plateau::near(&cost, origin.as_ref(), 0).expect("the origin");
        let waiting = Waiting::new(&network, plateau, &weights, &[]).expect("all wait");
        let state = waiting.scaled(&waiting.part(&weights));
        (waiting, state)
    }

    /// Each mode alone obeys `a' = s a^{L−1}`: `a^{−(L−2)} = a(0)^{−(L−2)} − (L−2) s t`.
    #[test]
    fn both_modes_move_as_scalars_do() {
        for depth in [3, 4, 5] {
            let sizes = [1e-60, 1e-65];
            let (waiting, start) = waiting(depth, sizes, 0.0);
            let flow = WaitingFlow::new(&waiting, &start, None);
            let mode = LoneMode::of(&waiting, &start, 1e-8).expect("alone");
            let mut state = start.clone();
            mode.state_at(100.0, &mut state);
            let n = waiting.inner.parameters();
            let time = flow.unit() * state[n + 1];
            let weights = waiting.unscaled(&state);
            let power = depth as f64 - 2.0;
            for k in 0..2 {
                let left = 1.0 - power * STRENGTHS[k] * time * sizes[k].powf(power);
                let (exact, error) = match k {
                    // The time that is left of the first mode is rounding of the time that has passed.
                    0 => (sizes[0] * 100_f64.exp(), 1e-12),
                    // It moves by 3e-6 of its size, at constant speed up to the square of that.
                    _ => (sizes[1] * left.powf(-1.0 / power), 1e-10),
                };
                let found = waiting.inner.layer(&weights, 1)[(k, k)].abs();
                assert!(
                    (found / exact - 1.0).abs() < error,
                    "{depth} {k}: {found:e} {exact:e}"
                );
            }
            let passed = 1.0 / (power * STRENGTHS[0] * sizes[0].powf(power));
            assert!((time / passed - 1.0).abs() < 1e-12, "{depth}: {time:e}");
        }
    }

    /// What joins the modes falls as the first one grows, so that `a W_l(1, 2)` stays.
    #[test]
    fn weights_between_keep_the_imbalance() {
        let (waiting, start) = waiting(3, [1e-60, 1e-75], 1e-85);
        let mode = LoneMode::of(&waiting, &start, 1e-10).expect("alone");
        let mut state = start.clone();
        mode.state_at(50.0, &mut state);
        let joint = |state: &[f64]| {
            let weights = waiting.unscaled(state);
            let inner = &waiting.inner;
            let (a, b) = (inner.layer(&weights, 2), inner.layer(&weights, 1));
            (a[(0, 1)] / 1e-85) * (b[(0, 0)] / 1e-60)
        };
        assert!((joint(&state) / joint(&start) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_mode_that_is_not_alone_is_none() {
        let alone = |sizes, between, rtol| {
            let (waiting, start) = waiting(3, sizes, between);
            LoneMode::of(&waiting, &start, rtol).is_some()
        };
        assert!(alone([1e-60, 1e-75], 0.0, 1e-10));
        // The other one moves by a third of 1e-4 of its size.
        assert!(!alone([1e-60, 1e-64], 0.0, 1e-10));
        assert!(alone([1e-60, 1e-64], 0.0, 1e-6));
        // Almost escaped.
        assert!(!alone([1e-2, 1e-20], 0.0, 1e-10));
        // Too much between them.
        assert!(!alone([1e-60, 1e-75], 1e-64, 1e-10));
    }
}
