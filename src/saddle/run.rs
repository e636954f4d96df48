//! A run as a curve through its rows.
//!
//! Between two rows weights follow a cubic whose tangents at either end are those of the parabola through three
//! rows, all against the way that the weights have gone: closest approaches and largest distances do not depend
//! on where rows happen to lie.

use super::hermite::{Hermite, Node};
use super::point::Saddle;
use super::procrustes::distance_up_to_rotation;
use crate::linalg::{MatRef, distance, golden_section, norm, to_vec};
use crate::model::Network;
use std::ops::Range;

/// A closest approach is found to `0.618³⁰`, 5e-7, of the way between rows.
const SECTIONS: usize = 30;

/// A run as points in time and what lies between them. A *place* on it is the index of a row and the part of the
/// way to the next.
#[derive(Debug)]
pub struct Run<'a> {
    pub network: &'a Network,
    pub times: Vec<f64>,
    /// Packed weights at each time.
    pub weights: &'a [Vec<f64>],
    /// Whether there is anything between rows; gradient descent jumps.
    flows: bool,
    /// `A` at each time, column-major.
    maps: Vec<Vec<f64>>,
}

impl<'a> Run<'a> {
    pub fn new(
        network: &'a Network,
        times: Vec<f64>,
        weights: &'a [Vec<f64>],
        flows: bool,
    ) -> Self {
        let map = |w: &Vec<f64>| to_vec(network.end_to_end(w).as_ref());
        Self {
            maps: weights.iter().map(map).collect(),
            network,
            times,
            weights,
            flows,
        }
    }

    /// `A` at one of the times, column-major.
    pub fn map(&self, row: usize) -> &[f64] {
        &self.maps[row]
    }

    pub fn last(&self) -> usize {
        self.times.len() - 1
    }

    /// Packed weights at a place.
    pub fn weights_at(&self, place: f64) -> Vec<f64> {
        let row = place as usize;
        if place == row as f64 {
            return self.weights[row].clone();
        }
        let way = distance(&self.weights[row], &self.weights[row + 1]);
        let node = |row: usize, time: f64| Node {
            time,
            value: self.weights[row].clone(),
            derivative: self.tangent(row),
        };
        let curve = Hermite(vec![node(row, 0.0), node(row + 1, way)]);
        curve.at((place - row as f64) * way)
    }

    /// `A` at a place, column-major.
    pub fn map_at(&self, place: f64) -> Vec<f64> {
        let row = place as usize;
        if place == row as f64 {
            return self.maps[row].clone();
        }
        let weights = self.weights_at(place);
        to_vec(self.network.end_to_end(&weights).as_ref())
    }

    /// The time at a place.
    pub fn time_at(&self, place: f64) -> f64 {
        let row = place as usize;
        let next = self.times[(row + 1).min(self.last())];
        self.times[row] + (place - row as f64) * (next - self.times[row])
    }

    /// Derivative of the weights with respect to their way: of the parabola through a row and its neighbours.
    fn tangent(&self, row: usize) -> Vec<f64> {
        let chord = |from: usize| {
            let (a, b) = (&self.weights[from], &self.weights[from + 1]);
            let way = distance(a, b);
            let unit = a.iter().zip(b).map(|(a, b)| (b - a) / way);
            (way > 0.0).then(|| (way, unit.collect::<Vec<f64>>()))
        };
        let before = row.checked_sub(1).and_then(chord);
        let after = (row < self.last()).then(|| chord(row)).flatten();
        match (before, after) {
            (Some((h, d)), Some((k, e))) => {
                let mean = d.iter().zip(&e).map(|(d, e)| (k * d + h * e) / (h + k));
                mean.collect()
            }
            (one, other) => one
                .or(other)
                .map_or(vec![0.0; self.weights[row].len()], |(_, unit)| unit),
        }
    }

    /// The places next to one, within others.
    pub fn around(&self, place: f64, within: [f64; 2]) -> [f64; 2] {
        if !self.flows {
            return [place; 2];
        }
        let (before, after) = ((place - 0.5).floor(), (place + 0.5).ceil());
        [before.max(within[0]), after.min(within[1])]
    }

    /// The place among `rows` and between them that comes closest to `a`.
    pub fn closest(&self, rows: Range<usize>, a: MatRef<'_, f64>) -> Option<f64> {
        let a = to_vec(a);
        let within = [rows.start as f64, rows.end as f64 - 1.0];
        let off = |row: &usize| distance(&self.maps[*row], &a);
        let row = rows.min_by(|x, y| off(x).total_cmp(&off(y)))?;
        let around = self.around(row as f64, within);
        let between = golden_section(around, SECTIONS, |p| distance(&self.map_at(p), &a));
        Some(match between.1 < off(&row) {
            true => between.0,
            false => row as f64,
        })
    }

    /// Distances of `A` and of the weights (up to rotations of the hidden layers) from a saddle at a place.
    pub fn distances(&self, place: f64, saddle: &Saddle) -> [f64; 2] {
        let weights = self.weights_at(place);
        let in_map = distance(&self.map_at(place), &to_vec(saddle.end_to_end.as_ref()));
        let in_weights = match &saddle.core {
            None => norm(&weights),
            Some(core) => {
                let (narrow, theirs) = (&core.network, &core.initial_weights);
                distance_up_to_rotation(self.network, &weights, narrow, theirs)
            }
        };
        [in_map, in_weights]
    }
}
