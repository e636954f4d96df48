//! `T_k = O_k + t_{h,k}`: times of all escapes of two layers from a small start, constants
//! included   (the greedy path of Jacot et al. 2021 and Li, Luo & Lyu 2021; compare Pesme &
//! Flammarion 2023 for diagonal networks).
//!
//! All hidden neurons obey one linear equation. So the parts of the start along the modes, made
//! orthogonal in the hidden space in the order of the modes, grow independently: at a saddle as
//! `e^{r_i τ}`, and from one saddle to the next by the factors `κ_i` of
//! `heteroclinic`. With `ℓ_i` the logarithms of their sizes at the origin
//! `O_k` of a passage,
//!
//! `ℓ'_i = ℓ_{i+1} + ln κ_i`, `O_{k+1} = O_k − ℓ'_1/r'_1`, `ℓ_i ← ℓ'_i + r'_i (O_{k+1} − O_k)`.
//!
//! An argument, confirmed by integration, not a theorem.

use super::first_escape::{FirstEscape, Overlaps, ROUNDOFF, first_escape};
use super::growth::{GAP, Growth};
use super::heteroclinic::{Approach, Passage, Way};
use super::unmet::Unmet;
use crate::linalg::{Mat, MatRef, dot, norm, zeros};
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
    /// Estimate of the error.
    pub error: f64,
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

/// The times of escapes alone, without the way on to the saddle that the last one leads to.
#[derive(Debug, Clone, Default)]
pub struct EscapeTimes {
    /// `T_k` and the estimate of its error.
    pub times: Vec<(f64, f64)>,
    /// The saddles `A_1, A_2, …` on the way.
    pub saddles: Vec<Mat<f64>>,
    /// Why there are no more.
    pub end: Option<Unmet>,
}

/// The times of [`escape_sequence`], ending with the first that is not wanted.
pub fn escape_times(
    cost: &Cost,
    l2: f64,
    [w1, w2]: [MatRef<'_, f64>; 2],
    levels: &[f64],
    wanted: &dyn Fn(f64, f64) -> bool,
) -> EscapeTimes {
    let mut all = EscapeTimes::default();
    let ended = Sequence::new(cost, l2, w1, w2, levels).and_then(|mut sequence| {
        let mut way = None;
        for &level in levels {
            if let Some(way) = way.take() {
                all.saddles.push(sequence.arrive(way)?.arrived);
            }
            let departure = sequence.depart(level)?;
            let time = sequence.origin + departure.event;
            all.times.push((time, departure.error));
            if !wanted(time, departure.error) {
                break;
            }
            way = Some(departure);
        }
        Ok(())
    });
    all.end = ended.err();
    all
}

/// An escape as far as its event.
struct Departure<'a> {
    way: Way<'a>,
    event: f64,
    error: f64,
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
    /// How the neurons settle at the saddle, in the time of the passage that led there.
    approach: Option<Approach>,
    /// `r_1` at the saddle before, times the error of the escape from there.
    inherited: f64,
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
        let overlaps = Overlaps::new(&growth, w1, w2)?;
        let logs = perpendicular(&overlaps);
        let (rows, cols) = cost.shape();
        Ok(Self {
            cost,
            l2,
            saddle: zeros(rows, cols),
            rank: 0,
            scale: growth.first(0.0)?,
            growth,
            origin: 0.0,
            logs,
            approach: None,
            inherited: 0.0,
        })
    }

    /// Goes over to the next saddle.
    fn next(&mut self, level: f64) -> Result<Escape, Unmet> {
        let departure = self.depart(level)?;
        let (event, error) = (departure.event, departure.error);
        let origin = self.origin;
        let passage = self.arrive(departure)?;
        Ok(Escape {
            origin,
            passage: event,
            time: origin + event,
            error,
            saddle: passage.arrived,
            growth: passage.growth,
        })
    }

    /// Waits for the next escape and follows it to its event.
    fn depart(&mut self, level: f64) -> Result<Departure<'a>, Unmet> {
        let rate = self.growth.first(GAP * self.scale)?;
        let wait = -self.logs.first().ok_or(Unmet::ZeroOverlap)? / rate;
        for (log, rate) in self.logs.iter_mut().zip(&self.growth.rates) {
            *log += rate * wait;
        }
        self.origin += wait;
        let passive = self.logs.len().min(self.growth.rates.len()) - 1;
        let mut way = self.way(passive, level)?;
        let event = way.event()?;
        let error = self.error(rate, wait, event, level);
        self.inherited = rate * error;
        Ok(Departure { way, event, error })
    }

    /// Follows an escape to the saddle that it leads to.
    fn arrive(&mut self, departure: Departure<'a>) -> Result<Passage, Unmet> {
        let passage = departure.way.arrive()?;
        let grown = self.logs.iter().skip(1).zip(&passage.log_growth);
        self.logs = grown.map(|(log, growth)| log + growth).collect();
        self.saddle = passage.arrived.clone();
        self.rank += 1;
        self.growth = passage.growth.clone();
        self.approach = Some(passage.approach);
        Ok(passage)
    }

    fn way(&self, passive: usize, level: f64) -> Result<Way<'a>, Unmet> {
        let saddle = (self.saddle.as_ref(), self.rank);
        Way::new(self.cost, self.l2, saddle, &self.growth, passive, level)
    }

    /// Twice what the slower modes change when the new neuron carries as much of them as is left
    /// over; what the distance from the saddle changes that remains at the escape; and the error
    /// inherited from the escape before, which changes how long each mode grew how fast.
    fn error(&self, rate: f64, wait: f64, event: f64, level: f64) -> f64 {
        let carried: Vec<f64> = self.logs.iter().skip(1).map(|log| log.exp()).collect();
        let disturbed = self.way(0, level).and_then(|mut way| {
            way.perturb(&self.growth, &carried);
            way.event()
        });
        let shift = disturbed.map_or(f64::INFINITY, |t| (t - event).abs());
        let unsettled = self.approach.map_or(0.0, |a| a.effect(wait + event) / rate);
        let roundoff = ROUNDOFF * (self.origin.abs() + event.abs());
        2.0 * shift + unsettled + self.inherited / rate + roundoff
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
        if size <= 1e-13 * before {
            break;
        }
        logs.push(overlaps.scale + size.ln());
        x.iter_mut().for_each(|x| *x /= size);
        basis.push(x);
    }
    logs
}
