//! How far a run keeps from a greedy path, and how purely it leaves each saddle.

use super::greedy_path::GreedyPath;
use super::orbit::Orbit;
use super::point::Saddle;
use super::procrustes::distance_up_to_rotation;
use super::run::Run;
use crate::linalg::{Mat, MatRef, bisect, distance, golden_section, product, sandwich, svd, view};

/// Size of what leaves a saddle, relative to the level of the next, at which its direction is read …
const READING: f64 = 1e-2;
/// … and the sizes between which it may be read.
const READABLE: [f64; 2] = [1e-4, 0.3];
/// Halvings of the way between two rows to the place where it is read.
const HALVINGS: usize = 30;
/// The nearest point of a path is found to `0.618⁴⁰`, 4e-9, of the way between its samples …
const SECTIONS: usize = 40;
/// … where many are sought to 2 %: the distance at a minimum does not feel it.
const FEW_SECTIONS: usize = 8;
/// Relative difference of distances of weights that is not looked into.
const SAME: f64 = 1e-2;

/// The run against one orbit of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// When the run passes the orbit's level, and that minus the orbit's own time of it.
    pub time: f64,
    pub shift: f64,
    /// `sup_t min ‖A(t) − path‖_F` over the rows of the run between its closest approaches to the two saddles, and
    /// these.
    pub in_map: f64,
    /// The same for weights, up to rotations of the hidden layers.
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
            let ((time, level), window) = (passages[k]?, windows[k]?);
            let last = path.orbits.len() - 1;
            let near = Near {
                run,
                orbits: &path.orbits[k.saturating_sub(1)..=(k + 1).min(last)],
            };
            let [in_map, in_weights] = near.farthest(window);
            let (from, to) = (&path.saddles[k], &orbit.to);
            Some(Deviation {
                time,
                shift: time - orbit.rises(orbit.to.rank, level)?,
                in_map,
                in_weights,
                length: (&to.end_to_end - &from.end_to_end).norm_l2(),
            })
        })
        .collect()
}

/// The places of the closest approaches to the two saddles of each orbit.
fn windows(
    path: &GreedyPath,
    run: &Run<'_>,
    passages: &[Option<(f64, f64)>],
) -> Vec<Option<[f64; 2]>> {
    let row_at = |(time, _): (f64, f64)| run.times.partition_point(|t| *t < time);
    let count = run.times.len();
    let mut begin = 0.0;
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
            .unwrap_or(run.last() as f64);
        all.push((begin <= end).then_some([begin, end]));
        begin = end;
    }
    all
}

/// A run and the orbits that it may be near.
struct Near<'a> {
    run: &'a Run<'a>,
    /// At least one.
    orbits: &'a [Orbit],
}

impl Near<'_> {
    /// How far the run goes from the orbits in a window, in `A` and in weights. Near a saddle a point of the path
    /// that is closest in `A` may be far in weights, so a distance of these is a minimum of its own; that point
    /// bounds it, so that few have to be sought.
    fn farthest(&self, window: [f64; 2]) -> [f64; 2] {
        let mut in_map = 0.0_f64;
        let mut bounds = Vec::new();
        for place in places(window) {
            let weights = self.run.weights_at(place);
            let (off, time, orbit) = self.closest(&self.run.map_at(place));
            in_map = in_map.max(off);
            bounds.push((self.in_weights(&weights, orbit, time), place));
        }
        bounds.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut in_weights = 0.0_f64;
        for (bound, place) in bounds {
            let enough = in_weights * (1.0 + SAME);
            if bound <= enough {
                break;
            }
            let closest = self.closest_weights(place, enough);
            if closest > enough {
                in_weights = closest.min(bound);
            }
        }
        [in_map, in_weights]
    }

    /// How close the orbits come to a map, which of them and when.
    fn closest(&self, map: &[f64]) -> (f64, f64, &Orbit) {
        let mut best = (f64::INFINITY, 0.0, &self.orbits[0]);
        for orbit in self.orbits {
            let (off, time) = closest(orbit, map);
            if off < best.0 {
                best = (off, time, orbit);
            }
        }
        best
    }

    /// How close the orbits come to the weights at a place; no more than that it is closer than `enough`.
    fn closest_weights(&self, place: f64, enough: f64) -> f64 {
        let (weights, map) = (self.run.weights_at(place), self.run.map_at(place));
        let mut closest = f64::INFINITY;
        for orbit in self.orbits {
            let off = |time: f64| self.in_weights(&weights, orbit, time);
            let at = |i: usize| (off(orbit.samples[i].time), i);
            let lower = |a: (f64, usize), b: (f64, usize)| if b.0 < a.0 { b } else { a };
            let (mut best, mut stride) = (at(orbit.nearest(&map)), 1);
            while stride > 0 && best.0 > enough {
                let [before, after] = neighbours(orbit, best.1, stride);
                let next = lower(at(before), at(after));
                (best, stride) = match next.0 < best.0 {
                    true => (next, 2 * stride),
                    false => (best, stride / 2),
                };
            }
            closest = closest.min(best.0);
            if closest > enough {
                let (_, between) = golden_section(around(orbit, best.1), FEW_SECTIONS, off);
                closest = closest.min(between);
            }
            if closest <= enough {
                break;
            }
        }
        closest
    }

    /// Distance of weights from those of an orbit.
    fn in_weights(&self, weights: &[f64], orbit: &Orbit, time: f64) -> f64 {
        let theirs = orbit.weights_at(time);
        distance_up_to_rotation(self.run.network, weights, &orbit.network, &theirs)
    }
}

/// Both ends of a window and the rows between.
fn places([begin, end]: [f64; 2]) -> Vec<f64> {
    let rows = (begin as usize + 1)..(end.ceil() as usize);
    let rows = rows.map(|row| row as f64);
    [begin].into_iter().chain(rows).chain([end]).collect()
}

/// How close an orbit comes to a map, and when.
fn closest(orbit: &Orbit, map: &[f64]) -> (f64, f64) {
    let nearest = orbit.nearest(map);
    let [first, last] = neighbours(orbit, nearest, 1);
    let maps = orbit.maps(first, last);
    let off = |time: f64| distance(map, &maps.at(time));
    let (time, between) = golden_section(around(orbit, nearest), SECTIONS, off);
    let node = orbit.samples[nearest].time;
    match off(node) {
        there if there < between => (there, node),
        _ => (between, time),
    }
}

/// The samples a stride from one.
fn neighbours(orbit: &Orbit, sample: usize, stride: usize) -> [usize; 2] {
    let last = orbit.samples.len() - 1;
    [sample.saturating_sub(stride), (sample + stride).min(last)]
}

/// Times of the samples next to one.
fn around(orbit: &Orbit, sample: usize) -> [f64; 2] {
    neighbours(orbit, sample, 1).map(|i| orbit.samples[i].time)
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
            begin = run.closest(rows, from.end_to_end.as_ref())? as usize;
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
    let part = |place: f64| unused.part(view(&run.map_at(place), rows, cols));
    let size = |place: f64| part(place).norm_l2() / level;
    let r = part(reading_place(run, begin, size)?);
    let main = sandwich(&u, &r, &v)[(0, 0)];
    let rest = r.squared_norm_l2() - main * main;
    Some(rest.max(0.0).sqrt() / main.abs())
}

/// Where a size that grows from row `begin` on is `READING`, or next to it at a row where it is readable.
fn reading_place(run: &Run<'_>, begin: usize, size: impl Fn(f64) -> f64) -> Option<f64> {
    let sizes = (begin..=run.last()).map(|row| (row as f64, size(row as f64)));
    let mut best: Option<(f64, f64)> = None;
    let mut before = None;
    for (row, now) in sizes {
        let way = run.around(row, [row - 1.0, row]);
        let passes = now >= READING && before.is_some_and(|before| before < READING);
        if passes && way[0] < way[1] {
            let [_, place] = bisect(way, HALVINGS, |p| size(p) >= READING);
            return Some(place);
        }
        if now > READABLE[1] {
            break;
        }
        let far = (now / READING).ln().abs();
        if now > READABLE[0] && best.is_none_or(|b| far < b.0) {
            best = Some((far, row));
        }
        before = Some(now);
    }
    best.map(|(_, row)| row)
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
