//! The limit path from one saddle to the next: the flow of `k + 1` hidden neurons that leaves `A_k`
//! along the top singular pair `(u, v)` of `−∇C(A_k)`, balanced, from time `−∞` on.
//!
//! It starts at distance `ε` on the unstable direction: the new neuron is `ε v` in the first layer, `ε`
//! in the layers between, `ε u` in the last, exact up to the response of the other modes, `O(ε^L)`.

use super::hermite::{Hermite, Node};
use super::point::{Saddle, core_problem, level_along};
use crate::flow::LayerFlow;
use crate::integrate::{Integration, Method, Observer, Options, Step, VectorField, integrate};
use crate::linalg::{SingularValues, bisect, distance, norm, product, svd, to_vec, view};
use crate::model::{Network, Problem};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// `ε^L`, relative to the level of the next saddle: what is neglected at the start.
const DEPARTURE: f64 = 1e-10;
const RTOL: f64 = 1e-11;
/// Samples are this close in the length of the path …
const SPACING: f64 = 0.005;
/// … and in time, relative to that in which the velocity changes.
const PACE: f64 = 0.06;
/// Gradient, relative to the largest on the way, at which the orbit counts as arrived.
const ARRIVED: f64 = 1e-8;
/// Distance from the end, relative to the orbit's length, that counts as there.
const NEAR: f64 = 0.05;
/// Steps of one orbit.
const MOST_STEPS: usize = 60_000;
/// Length, relative to the size of the weights, that no distance is measured to.
const INVISIBLE: f64 = 1e-9;
/// Samples of one orbit.
const MOST_SAMPLES: usize = 50_000;
/// Samples of one step.
const MOST_PIECES: usize = 2000;

/// One point of an orbit.
#[derive(Debug, Clone)]
pub struct Sample {
    pub time: f64,
    /// Weights of the network with hidden widths `k + 1`, and their derivative.
    pub weights: Vec<f64>,
    pub velocity: Vec<f64>,
    /// Length of the way of `A` so far, `Σ ‖A_i − A_{i−1}‖_F` over the samples.
    pub length: f64,
}

/// The way from `A_k` to `A_{k+1}`.
#[derive(Debug, Clone)]
pub struct Orbit {
    /// The network with hidden widths `k + 1`.
    pub network: Network,
    /// At least one.
    pub samples: Vec<Sample>,
    /// The saddle reached.
    pub to: Saddle,
    /// For two layers the time at which the new neuron would have size 1 if it had gone on growing as it
    /// starts: a start of size `α` comes there after `ln(1/α)/σ`.
    pub origin: Option<f64>,
}

/// Why a greedy path has no next saddle.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PathEnd {
    /// `∇C = 0`.
    #[error("nothing is left to learn")]
    Complete,
    #[error("all directions of the narrowest layer are used")]
    NoRoom,
    /// `σ_1 ≤ 2λ`, or `L ≥ 3` and `λ > 0`.
    #[error("nothing grows from a small start: the regularisation is too strong for what is left")]
    Trapped,
    /// `(σ_2 − 2λ)/(σ_1 − 2λ)`.
    #[error("the top growth rate is repeated (ratio {ratio:.9}): the way out is not unique")]
    RepeatedTop { ratio: f64 },
    #[error(
        "the next critical point lies at infinity: the map grew to norm {norm:.3e} without coming to rest"
    )]
    AtInfinity { norm: f64 },
    #[error("the flow of the next rank did not come to rest within its steps")]
    NotSettled,
    /// The number of directions of descent.
    #[error(
        "the critical point reached is no minimum among maps of its rank ({index} directions of descent)"
    )]
    NotMinimal { index: usize },
    #[error("interrupted")]
    Interrupted,
}

impl PathEnd {
    /// Whether nothing escapes from the last saddle.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Complete | Self::NoRoom | Self::Trapped)
    }
}

/// Integrates the orbit that leaves `from` along singular pair `pair` (from 0; the greedy path takes
/// the first). `interrupt` ends it.
///
/// # Errors
/// Where there is no such orbit.
pub fn orbit(
    problem: &Problem,
    from: &Saddle,
    pair: usize,
    interrupt: &AtomicBool,
) -> Result<Orbit, PathEnd> {
    let rank = from.rank + 1;
    let core = departed(problem, from, pair)?;
    let flow = LayerFlow::new(&core);
    let options = Options {
        method: Method::Auto,
        rtol: RTOL,
        atol: vec![f64::MIN_POSITIVE; core.network.parameters()],
        horizon: f64::MAX,
        max_steps: MOST_STEPS,
    };
    let mut walk = Walk::new(&core, &flow, from, interrupt);
    let end = integrate(&flow, &core.initial_weights, &options, &mut walk);
    if interrupt.load(Ordering::Relaxed) {
        return Err(PathEnd::Interrupted);
    }
    if walk.samples.is_empty() {
        return Err(PathEnd::NotSettled);
    }
    let growth = from.gradient_singular_values[pair] - 2.0 * problem.l2;
    let size = new_neuron(&core, rank);
    Ok(Orbit {
        origin: (problem.network.depth() == 2).then(|| -size.ln() / growth),
        to: arrived(&core, &end, rank, from)?,
        network: core.network.clone(),
        samples: walk.samples,
    })
}

impl Orbit {
    /// The time at which `σ_k` rises through `level` for the first time.
    pub fn rises(&self, k: usize, level: f64) -> Option<f64> {
        let (rows, cols) = (self.network.output_width(), self.network.input_width());
        let mut values = SingularValues::new(rows, cols);
        let mut sigma = |map: &[f64]| values.of(view(map, rows, cols))[k - 1];
        let after = (0..self.samples.len()).find(|&i| sigma(&self.map(i)) >= level)?;
        if after == 0 {
            return None;
        }
        let maps = self.maps(after - 1, after);
        let times = [after - 1, after].map(|i| self.samples[i].time);
        let [_, rises] = bisect(times, 80, |time| sigma(&maps.at(time)) >= level);
        Some(rises)
    }

    /// How long after the origin the orbit stays farther than `NEAR` of its length from its end.
    pub fn duration(&self) -> Option<f64> {
        let end = to_vec(self.to.end_to_end.as_ref());
        let off = |&i: &usize| distance(&self.map(i), &end);
        let length = off(&0);
        let mut back = (0..self.samples.len()).rev();
        let last = back.find(|i| off(i) > NEAR * length)?;
        Some(self.samples[last].time - self.origin?)
    }

    /// `A` at a sample, column-major. Samples do not hold it: it is as large as input and output, they are thin.
    pub fn map(&self, sample: usize) -> Vec<f64> {
        map(&self.network, &self.samples[sample].weights)
    }

    /// The sample whose map is closest to `to`, the first of them. Between two samples no map is closer than
    /// `(d_1 + d_2 − length)/2`, with `d_1` and `d_2` the distances of their own.
    pub fn nearest(&self, to: &[f64]) -> usize {
        let off = |sample: usize| distance(to, &self.map(sample));
        let last = self.samples.len() - 1;
        let ends = [(off(0), 0), (off(last), last)];
        let closer = |a: (f64, usize), b: (f64, usize)| a < b;
        let mut best = ends[usize::from(closer(ends[1], ends[0]))];
        let mut open = vec![ends];
        while let Some([a, b]) = open.pop() {
            let length = self.samples[b.1].length - self.samples[a.1].length;
            if b.1 - a.1 < 2 || 0.5 * (a.0 + b.0 - length) > best.0 {
                continue;
            }
            let middle = a.1.midpoint(b.1);
            let middle = (off(middle), middle);
            if closer(middle, best) {
                best = middle;
            }
            open.extend(match a.0 < b.0 {
                true => [[middle, b], [a, middle]],
                false => [[a, middle], [middle, b]],
            });
        }
        best.1
    }

    /// `A` between samples `first` and `last`, column-major.
    pub(super) fn maps(&self, first: usize, last: usize) -> Hermite {
        let nodes = self.samples[first..=last].iter().map(|s| {
            let (value, derivative) = maps(&self.network, &s.weights, &s.velocity);
            Node {
                time: s.time,
                value,
                derivative,
            }
        });
        Hermite(nodes.collect())
    }

    /// Weights at a time, at rest before the first sample and after the last.
    pub fn weights_at(&self, time: f64) -> Vec<f64> {
        let node = |s: &Sample| Node {
            time: s.time,
            value: s.weights.clone(),
            derivative: s.velocity.clone(),
        };
        let last = self.samples.len() - 1;
        let after = self.samples.partition_point(|s| s.time <= time);
        let around = &self.samples[after.saturating_sub(1)..=after.min(last)];
        Hermite(around.iter().map(node).collect()).at(time)
    }
}

/// The network of `k + 1` neurons just off the saddle.
fn departed(problem: &Problem, from: &Saddle, pair: usize) -> Result<Problem, PathEnd> {
    let (rank, depth) = (from.rank + 1, problem.network.depth());
    let values = &from.gradient_singular_values;
    let Some(&growth) = values.get(pair) else {
        return Err(PathEnd::Complete);
    };
    if growth <= 2.0 * problem.l2 || (problem.l2 > 0.0 && depth > 2) {
        return Err(PathEnd::Trapped);
    }
    let parts = svd(from.gradient.as_ref()).ok_or(PathEnd::NotSettled)?;
    let mut core = core_problem(problem, rank);
    let level = level_along(&problem.cost, &parts, pair);
    let size = (DEPARTURE * level).powf(1.0 / depth as f64);
    let weights = &mut core.initial_weights;
    for layer in 1..=depth {
        let mut w = core.network.layer_mut(weights, layer);
        if let Some(old) = &from.core {
            let old = old.network.layer(&old.initial_weights, layer);
            let (rows, cols) = old.shape();
            w.as_mut().submatrix_mut(0, 0, rows, cols).copy_from(old);
        }
        let (rows, cols) = (w.nrows(), w.ncols());
        if layer == 1 {
            (0..cols).for_each(|j| w[(rank - 1, j)] = size * parts.v[(j, pair)]);
        } else if layer == depth {
            (0..rows).for_each(|i| w[(i, rank - 1)] = -size * parts.u[(i, pair)]);
        } else {
            w[(rank - 1, rank - 1)] = size;
        }
    }
    Ok(core)
}

/// The norm of the new neuron's row in the first layer.
fn new_neuron(core: &Problem, rank: usize) -> f64 {
    let w = core.network.layer(&core.initial_weights, 1);
    w.row(rank - 1).norm_l2()
}

/// The saddle at the end of an orbit.
fn arrived(
    core: &Problem,
    end: &Integration,
    rank: usize,
    from: &Saddle,
) -> Result<Saddle, PathEnd> {
    let at_end = Problem {
        initial_weights: end.state.clone(),
        ..core.clone()
    };
    if let Some(saddle) = Saddle::polished(&at_end, rank)
        && let Some(core) = &saddle.core
        && distance(&end.state, &core.initial_weights) <= 0.05 * norm(&end.state)
    {
        return Ok(saddle);
    }
    let map = super::point::end_to_end(&at_end).norm_l2();
    let before = from.end_to_end.norm_l2();
    Err(if map > 10.0 * before.max(from.level(&core.cost)) {
        PathEnd::AtInfinity { norm: map }
    } else {
        PathEnd::NotSettled
    })
}

/// Keeps samples of an orbit and ends it where it comes to rest.
struct Walk<'a> {
    problem: &'a Problem,
    flow: &'a LayerFlow<'a>,
    interrupt: &'a AtomicBool,
    samples: Vec<Sample>,
    /// `A` at the last sample.
    map: Vec<f64>,
    fastest: f64,
    rate: f64,
    scale: f64,
}

impl<'a> Walk<'a> {
    fn new(
        problem: &'a Problem,
        flow: &'a LayerFlow<'a>,
        from: &Saddle,
        interrupt: &'a AtomicBool,
    ) -> Self {
        let level = from.level(&problem.cost).max(from.end_to_end.norm_l2());
        Self {
            problem,
            flow,
            interrupt,
            samples: Vec::new(),
            map: Vec::new(),
            fastest: 0.0,
            rate: f64::INFINITY,
            scale: level.powf(1.0 / problem.network.depth() as f64),
        }
    }

    fn keep(&mut self, time: f64, weights: &[f64]) {
        let n = weights.len();
        let mut velocity = vec![0.0; n];
        self.flow.eval(weights, &mut velocity);
        let map = map(&self.problem.network, weights);
        let before = self.samples.last().map_or(0.0, |s| s.length);
        self.samples.push(Sample {
            time,
            weights: weights.to_vec(),
            velocity,
            length: before + distance(&map, &self.map),
        });
        self.map = map;
    }

    /// `‖J v‖/‖v‖`: how fast the velocity changes.
    fn rate_at(&self, weights: &[f64], velocity: &[f64]) -> f64 {
        let mut image = vec![0.0; weights.len()];
        self.flow.jvp(weights, velocity, &mut image);
        norm(&image) / norm(velocity).max(f64::MIN_POSITIVE)
    }
}

impl Observer for Walk<'_> {
    fn start(&mut self, y0: &[f64], f0: &[f64]) -> ControlFlow<String> {
        self.keep(0.0, y0);
        self.rate = self.rate_at(y0, f0);
        self.fastest = norm(f0);
        ControlFlow::Continue(())
    }

    fn step(&mut self, step: &Step<'_>) -> ControlFlow<String> {
        let speed = norm(step.f1);
        let rate = self.rate_at(step.y1, step.f1);
        let h = step.t1 - step.t0;
        let moved: Vec<f64> = step.y1.iter().zip(step.y0).map(|(a, b)| a - b).collect();
        let along = norm(&moved) / (SPACING * self.scale);
        // Interpolation of `m` pieces leaves `1/m³` of what a step moves: no more are needed than make
        // that invisible.
        let visible = (norm(&moved) / (INVISIBLE * self.scale)).cbrt();
        let in_time = (h * rate.max(self.rate) / PACE).min(visible);
        let pieces = (along.max(in_time).ceil() as usize).clamp(1, MOST_PIECES);
        let mut inside = vec![0.0; step.y1.len()];
        for i in 1..=pieces {
            let time = step.t0 + h * (i as f64 / pieces as f64);
            step.state_at(time, &mut inside);
            self.keep(time, &inside);
        }
        self.rate = rate;
        self.fastest = self.fastest.max(speed);
        if self.interrupt.load(Ordering::Relaxed) {
            return ControlFlow::Break("interrupted".to_owned());
        }
        if self.samples.len() > MOST_SAMPLES {
            return ControlFlow::Break("too long".to_owned());
        }
        if speed <= ARRIVED * self.fastest {
            return ControlFlow::Break("arrived".to_owned());
        }
        ControlFlow::Continue(())
    }
}

/// `A`, column-major.
fn map(network: &Network, weights: &[f64]) -> Vec<f64> {
    to_vec(network.end_to_end(weights).as_ref())
}

/// `A` and `dA/dt = Σ_l W_L … Ẇ_l … W_1`, column-major.
fn maps(network: &Network, weights: &[f64], velocity: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut map = network.layer(weights, 1).to_owned();
    let mut moving = network.layer(velocity, 1).to_owned();
    for layer in 2..=network.depth() {
        let (w, dw) = (
            network.layer(weights, layer),
            network.layer(velocity, layer),
        );
        moving = product(w, moving.as_ref()) + product(dw, map.as_ref());
        map = product(w, map.as_ref());
    }
    (to_vec(map.as_ref()), to_vec(moving.as_ref()))
}
