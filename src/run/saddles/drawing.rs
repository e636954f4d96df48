//! What the figures of a study show.

use super::{Shown, Study};
use crate::linalg::{dot, norm, to_vec, view};
use crate::model::{Cost, Network};
use crate::report::figure;
use crate::report::saddles::SeedEntry;

impl Study {
    /// What the figures show.
    pub fn drawing(&self) -> figure::Study {
        let mut drawing = figure::Study {
            title: self.report.title.clone(),
            ..figure::Study::default()
        };
        let (Some(seed), Some(shown)) = (self.report.seeds.first(), &self.shown) else {
            return drawing;
        };
        drawing.distances = distances(seed);
        let rows = &shown.run.trajectory.rows;
        drawing.cost = rows.iter().map(|r| (r.time, r.cost)).collect();
        drawing.levels = seed.greedy.iter().map(|s| s.cost).collect();
        let Some(scale) = seed.scales.last() else {
            return drawing;
        };
        let visits = scale.saddles.iter().filter_map(|s| Some((s.time?, s.cost)));
        drawing.visits = visits.collect();
        let cost = &shown.built.problem.cost;
        for (orbit, path) in shown.path.orbits.iter().zip(&scale.paths) {
            if let Some(shift) = path.shift {
                let times = orbit.samples.iter().map(|s| s.time + shift);
                let points = times.enumerate().filter(|(_, time)| *time >= 0.0);
                let at = |(i, time)| (time, cost_at(cost, &orbit.map(i)));
                drawing.path_costs.push(points.map(at).collect());
            }
        }
        shown.project(&mut drawing);
        drawing
    }
}

impl Shown {
    /// Coordinates in the plane through the first saddles.
    fn project(&self, drawing: &mut figure::Study) {
        let maps: Vec<Vec<f64>> = self
            .path
            .saddles
            .iter()
            .map(|s| to_vec(s.end_to_end.as_ref()))
            .collect();
        let [origin, first, second, ..] = &maps[..] else {
            return;
        };
        let e1 = unit(&difference(first, origin));
        let along = difference(second, first);
        let part = dot(&along, &e1);
        let e2 = unit(
            &along
                .iter()
                .zip(&e1)
                .map(|(a, e)| a - part * e)
                .collect::<Vec<_>>(),
        );
        let place = |map: &[f64]| (dot(map, &e1), dot(map, &e2));
        drawing.saddle_projections = maps.iter().map(|m| place(m)).collect();
        drawing.run_projection = self.maps.iter().map(|m| place(m)).collect();
        let orbits = self.path.orbits.iter();
        drawing.path_projections = orbits
            .map(|o| (0..o.samples.len()).map(|i| place(&o.map(i))).collect())
            .collect();
    }
}

/// For each path the distances at all scales.
fn distances(seed: &SeedEntry) -> Vec<Vec<(f64, f64)>> {
    let count = seed.greedy.len().saturating_sub(1);
    let at = |k: usize| {
        let points = seed.scales.iter();
        points.filter_map(move |s| Some((s.scale, s.paths.get(k)?.relative_distance?)))
    };
    (0..count).map(|k| at(k).collect()).collect()
}

fn cost_at(cost: &Cost, map: &[f64]) -> f64 {
    let (rows, cols) = cost.shape();
    cost.value(view(map, rows, cols))
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(x, y)| x - y).collect()
}

fn unit(x: &[f64]) -> Vec<f64> {
    let size = norm(x).max(f64::MIN_POSITIVE);
    x.iter().map(|v| v / size).collect()
}

/// `A` for each set of weights, column-major.
pub(super) fn maps(network: &Network, weights: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let map = |w: &Vec<f64>| to_vec(network.end_to_end(w).as_ref());
    weights.iter().map(map).collect()
}
