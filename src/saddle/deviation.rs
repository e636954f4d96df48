//! How far a run keeps from a greedy path, and how purely it leaves each saddle.

use super::greedy_path::GreedyPath;
use super::orbit::Orbit;
use super::point::Saddle;
use super::procrustes::distance_up_to_rotation;
use crate::linalg::{Mat, MatRef, distance, norm, product, sandwich, svd, to_vec, view};
use crate::model::Network;
use std::ops::Range;

/// Size of what leaves a saddle, relative to the level of the next, at which its direction is read …
const READING: f64 = 1e-2;
/// … and the sizes between which it may be read.
const READABLE: [f64; 2] = [1e-4, 0.3];
/// Iterations of a golden-section search: a bracket shrinks to `1e-8` of itself.
const GOLDEN_STEPS: usize = 40;

/// A run as points in time.
#[derive(Debug)]
pub struct Run<'a> {
    pub network: &'a Network,
    pub times: Vec<f64>,
    /// Packed weights at each time.
    pub weights: &'a [Vec<f64>],
    /// `A` at each time, column-major.
    maps: Vec<Vec<f64>>,
}

impl<'a> Run<'a> {
    pub fn new(network: &'a Network, times: Vec<f64>, weights: &'a [Vec<f64>]) -> Self {
        let mut products = network.product_storage();
        let mut map = |w: &Vec<f64>| {
            network.prefix_products(w, &mut products);
            products.last().map_or(Vec::new(), |a| to_vec(a.as_ref()))
        };
        Self {
            maps: weights.iter().map(&mut map).collect(),
            network,
            times,
            weights,
        }
    }

    /// `A` at one of the times, column-major.
    pub fn map(&self, row: usize) -> &[f64] {
        &self.maps[row]
    }

    /// The row among `rows` that comes closest to `a`.
    pub fn closest(&self, rows: impl Iterator<Item = usize>, a: MatRef<'_, f64>) -> Option<usize> {
        let a = to_vec(a);
        let off = |row: &usize| distance(&self.maps[*row], &a);
        rows.min_by(|x, y| off(x).total_cmp(&off(y)))
    }

    /// Distances of `A` and of the weights (up to rotations of the hidden layers) from a saddle at one
    /// of the times.
    pub fn distances(&self, row: usize, saddle: &Saddle) -> [f64; 2] {
        let in_map = distance(&self.maps[row], &to_vec(saddle.end_to_end.as_ref()));
        let in_weights = match &saddle.core {
            None => norm(&self.weights[row]),
            Some(core) => distance_up_to_rotation(
                self.network,
                &self.weights[row],
                &core.network,
                &core.initial_weights,
            ),
        };
        [in_map, in_weights]
    }
}

/// The run against one orbit of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// When the run passes the orbit's level, and that minus the orbit's own time of it.
    pub time: f64,
    pub shift: f64,
    /// `sup ‖A(t) − path‖_F` over the points of the run between the two saddles.
    pub in_map: f64,
    /// The same for weights, up to rotations of the hidden layers, each against the point of the path
    /// that is closest in `A`.
    pub in_weights: f64,
    /// `‖A_{k+1} − A_k‖_F`, to compare with.
    pub length: f64,
}

/// The run against each orbit; `passages[k]` is when `σ_{k+1}` of the run rises through a level, and the
/// level.
pub fn deviations(
    path: &GreedyPath,
    run: &Run<'_>,
    passages: &[Option<(f64, f64)>],
) -> Vec<Option<Deviation>> {
    let windows = windows(path, run, passages);
    let every = path.orbits.iter().enumerate();
    every
        .map(|(k, orbit)| {
            let ((time, level), rows) = (passages[k]?, windows[k].clone()?);
            let near = path.orbits[k.saturating_sub(1)..(k + 2).min(path.orbits.len())].iter();
            let near: Vec<&Orbit> = near.collect();
            let mut farthest = [0.0_f64; 2];
            for row in rows {
                let off = from_orbits(run, row, &near);
                farthest = [farthest[0].max(off[0]), farthest[1].max(off[1])];
            }
            let (from, to) = (&path.saddles[k], &orbit.to);
            Some(Deviation {
                time,
                shift: time - orbit.rises(orbit.to.rank, level)?,
                in_map: farthest[0],
                in_weights: farthest[1],
                length: (&to.end_to_end - &from.end_to_end).norm_l2(),
            })
        })
        .collect()
}

/// The rows between the closest approaches to the two saddles of each orbit.
fn windows(
    path: &GreedyPath,
    run: &Run<'_>,
    passages: &[Option<(f64, f64)>],
) -> Vec<Option<Range<usize>>> {
    let row_at = |(time, _): (f64, f64)| run.times.partition_point(|t| *t < time);
    let count = run.times.len();
    let mut begin = 0;
    let mut all = Vec::new();
    for (k, orbit) in path.orbits.iter().enumerate() {
        let Some(passed) = passages[k].map(row_at) else {
            all.push(None);
            continue;
        };
        let next = passages.get(k + 1).copied().flatten().map_or(count, row_at);
        let rows = passed.min(count - 1)..next.max(passed + 1).min(count);
        let end = run
            .closest(rows, orbit.to.end_to_end.as_ref())
            .unwrap_or(count - 1);
        all.push((begin <= end).then_some(begin..end + 1));
        begin = end;
    }
    all
}

/// Distances of a row in `A` and in weights from the closest point of some orbits.
fn from_orbits(run: &Run<'_>, row: usize, orbits: &[&Orbit]) -> [f64; 2] {
    let map = run.map(row);
    let mut best: Option<(f64, f64, &Orbit)> = None;
    for orbit in orbits {
        let (off, time) = closest(orbit, map);
        if best.is_none_or(|b| off < b.0) {
            best = Some((off, time, orbit));
        }
    }
    best.map_or([0.0; 2], |(off, time, orbit)| {
        let weights = orbit.weights_at(time);
        let mine = &run.weights[row];
        let in_weights = distance_up_to_rotation(run.network, mine, &orbit.network, &weights);
        [off, in_weights]
    })
}

/// How close an orbit comes to a map, and when.
fn closest(orbit: &Orbit, map: &[f64]) -> (f64, f64) {
    let samples = &orbit.samples;
    let nearest = orbit.nearest(map);
    let (first, last) = (
        nearest.saturating_sub(1),
        (nearest + 1).min(samples.len() - 1),
    );
    let maps = orbit.maps(first, last);
    let off = |time: f64| distance(map, &maps.at(time));
    let (mut lo, mut hi) = (samples[first].time, samples[last].time);
    let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
    for _ in 0..GOLDEN_STEPS {
        let (a, b) = (hi - golden * (hi - lo), lo + golden * (hi - lo));
        if off(a) < off(b) {
            hi = b;
        } else {
            lo = a;
        }
    }
    let at = |time: f64| (off(time), time);
    let (middle, node) = (at(0.5 * (lo + hi)), at(samples[nearest].time));
    if middle.0 <= node.0 { middle } else { node }
}

/// Of what leaves each saddle of a path, the part off the predicted direction: with
/// `R = (I − UUᵀ)(A − A_k)(I − VVᵀ)`, the part of `A − A_k` between unused inputs and outputs, and `uvᵀ`
/// the orbit's singular pair, `‖R − (uᵀRv) uvᵀ‖/|uᵀRv|` when `R` has grown to about `READING` of the
/// level. `None` where the run does not come near the saddle.
pub fn impurities(path: &GreedyPath, run: &Run<'_>) -> Vec<Option<f64>> {
    let mut begin = 0;
    let every = path.orbits.iter().zip(&path.saddles);
    every
        .map(|(orbit, from)| {
            let rows = begin..run.times.len();
            begin = run.closest(rows, from.end_to_end.as_ref())?;
            impurity(run, begin, from, orbit)
        })
        .collect()
}

fn impurity(run: &Run<'_>, begin: usize, from: &Saddle, orbit: &Orbit) -> Option<f64> {
    let (rows, cols) = from.end_to_end.shape();
    let unused = Unused::of(from)?;
    let leaving = svd(unused.part(view(&orbit.map(0), rows, cols)).as_ref())?;
    let top = |m: &Mat<f64>| m.as_ref().subcols(0, 1).to_owned();
    let (u, v) = (top(&leaving.u), top(&leaving.v));
    let level = orbit.to.singular_values.last()?;
    let mut best: Option<(f64, Mat<f64>)> = None;
    for row in begin..run.times.len() {
        let r = unused.part(view(run.map(row), rows, cols));
        let size = r.norm_l2() / level;
        if size > READABLE[1] {
            break;
        }
        let far = (size / READING).ln().abs();
        if size > READABLE[0] && best.as_ref().is_none_or(|b| far < b.0) {
            best = Some((far, r));
        }
    }
    let r = best?.1;
    let main = sandwich(&u, &r, &v)[(0, 0)];
    let rest = r.squared_norm_l2() - main * main;
    Some(rest.max(0.0).sqrt() / main.abs())
}

/// The inputs and outputs that a saddle does not use.
struct Unused<'a> {
    saddle: &'a Saddle,
    left: Mat<f64>,
    right: Mat<f64>,
}

impl<'a> Unused<'a> {
    fn of(saddle: &'a Saddle) -> Option<Self> {
        let parts = svd(saddle.end_to_end.as_ref())?;
        let used = |m: &Mat<f64>| m.as_ref().subcols(0, saddle.rank).to_owned();
        let (left, right) = (used(&parts.u), used(&parts.v));
        Some(Self {
            saddle,
            left,
            right,
        })
    }

    /// `(I − UUᵀ)(A − A_k)(I − VVᵀ)`.
    fn part(&self, a: MatRef<'_, f64>) -> Mat<f64> {
        let off = a - &self.saddle.end_to_end;
        let along = product(self.left.transpose(), off.as_ref());
        let rest = &off - product(self.left.as_ref(), along.as_ref());
        let along = product(rest.as_ref(), self.right.as_ref());
        &rest - product(along.as_ref(), self.right.transpose())
    }
}
