//! `T_k = O_k + t_{h,k}`: times of all escapes of two layers from a small start, constants
//! included   (the greedy path of Jacot et al. 2021 and Li, Luo & Lyu 2021; compare Pesme &
//! Flammarion 2023 for diagonal networks).
//!
//! All hidden neurons obey one linear equation. So the parts of the start along the modes, made
//! orthogonal in the hidden space in the order of the modes, grow independently: at a saddle as
//! `e^{r_i τ}`, and from one saddle to the next by the factors `κ_i` of
//! [`heteroclinic`](super::heteroclinic). With `ℓ_i` the logarithms of their sizes at the origin
//! `O_k` of a passage,
//!
//! `ℓ'_i = ℓ_{i+1} + ln κ_i`, `O_{k+1} = O_k − ℓ'_1/r'_1`, `ℓ_i ← ℓ'_i + r'_i (O_{k+1} − O_k)`.
//!
//! An argument, confirmed by integration, not a theorem.

use super::first_escape::{FirstEscape, Overlaps, first_escape};
use super::growth::{GAP, Growth};
use super::heteroclinic::{Passage, Way};
use super::unmet::Unmet;
use crate::linalg::{Mat, MatRef, dot, norm};
use crate::model::Cost;

/// One escape.
#[derive(Debug, Clone)]
pub struct Escape {
    /// `O_k`.
    pub origin: f64,
    /// `t_{h,k}`.
    pub passage: f64,
    /// `T_k`.
    pub time: f64,
    /// The saddle `A_k` reached.
    pub saddle: Mat<f64>,
    /// What grows there.
    pub growth: Growth,
}

/// The times at which `σ_k(A)` reaches `levels[k − 1]`, `k = 1, 2, …`, until the first that has
/// none; then why.
///
/// Assumes a small start, generic in the sense of non-vanishing overlaps.
pub fn escape_sequence(
    cost: &Cost,
    l2: f64,
    w1: MatRef<'_, f64>,
    w2: MatRef<'_, f64>,
    levels: &[f64],
) -> (Vec<Escape>, Option<Unmet>) {
    let mut found = Vec::new();
    let ended = Sequence::new(cost, l2, w1, w2, levels)
        .and_then(|mut sequence| {
            levels.iter().try_for_each(|&level| {
                found.push(sequence.next(level)?);
                Ok(())
            })
        })
        .err();
    (found, ended)
}

/// Where the sequence is.
struct Sequence<'a> {
    cost: &'a Cost,
    l2: f64,
    saddle: Mat<f64>,
    rank: usize,
    growth: Growth,
    /// `r_1` at `A = 0`.
    scale: f64,
    origin: f64,
    /// `ℓ_1, ℓ_2, …` at the origin.
    logs: Vec<f64>,
}

impl<'a> Sequence<'a> {
    fn new(
        cost: &'a Cost,
        l2: f64,
        w1: MatRef<'_, f64>,
        w2: MatRef<'_, f64>,
        levels: &[f64],
    ) -> Result<Self, Unmet> {
        let level = levels.first().ok_or(Unmet::Shapes)?;
        let FirstEscape { growth, .. } = first_escape(cost, l2, w1, w2, *level)?;
        let overlaps = Overlaps::new(&growth, w1, w2).ok_or(Unmet::ZeroOverlap)?;
        let logs = perpendicular(&overlaps);
        let (rows, cols) = cost.shape();
        Ok(Self {
            cost,
            l2,
            saddle: Mat::zeros(rows, cols),
            rank: 0,
            scale: growth.first(0.0)?,
            growth,
            origin: 0.0,
            logs,
        })
    }

    /// Goes over to the next saddle.
    fn next(&mut self, level: f64) -> Result<Escape, Unmet> {
        let rate = self.growth.first(GAP * self.scale)?;
        let first = *self.logs.first().ok_or(Unmet::ZeroOverlap)?;
        let wait = -first / rate;
        self.origin += wait;
        let passive = self.logs.len().min(self.growth.rates.len()) - 1;
        let saddle = (self.saddle.as_ref(), self.rank);
        let mut way = Way::new(self.cost, self.l2, saddle, &self.growth, passive, level)?;
        let event = way.event()?;
        let Passage {
            arrived,
            growth,
            log_growth,
        } = way.arrive()?;
        let grown = |i: usize| self.logs[i] + self.growth.rates[i] * wait;
        let count = passive.min(log_growth.len());
        self.logs = (0..count).map(|i| grown(i + 1) + log_growth[i]).collect();
        self.saddle = arrived.clone();
        self.rank += 1;
        self.growth = growth.clone();
        Ok(Escape {
            origin: self.origin,
            passage: event,
            time: self.origin + event,
            saddle: arrived,
            growth,
        })
    }
}

/// `ln` of the parts of `x_1, x_2, …` orthogonal to those before, up to the first without any.
fn perpendicular(overlaps: &Overlaps) -> Vec<f64> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut logs = Vec::new();
    for column in overlaps.x.col_iter() {
        let mut x: Vec<f64> = column.iter().copied().collect();
        let before = norm(&x);
        for _ in 0..2 {
            for b in &basis {
                let part = dot(b, &x);
                x.iter_mut().zip(b).for_each(|(x, b)| *x -= part * b);
            }
        }
        let size = norm(&x);
        if !(size > 1e-13 * before) {
            break;
        }
        logs.push(overlaps.scale + size.ln());
        x.iter_mut().for_each(|x| *x /= size);
        basis.push(x);
    }
    logs
}
