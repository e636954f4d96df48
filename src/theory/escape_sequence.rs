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
//! Errors. Neuron `k`, which escapes `k`-th, is not along its mode alone: it has parts of the slower
//! modes, those of the start at first, after a passage those that the passage makes. What is left of
//! them when it escapes changes its way; and what the passage before made of them adds to its mode,
//! so to `ℓ_k`.
//!
//! An argument, confirmed by integration, not a theorem.

use super::first_escape::{FirstEscape, Overlaps, ROUNDOFF, with_overlaps};
use super::growth::{GAP, Growth};
use super::heteroclinic::{Approach, Mixing, Passage, Way};
use super::rank_stability::is_stable;
use super::unmet::Unmet;
use crate::linalg::{ColRef, Mat, MatRef, dot, norm, zeros};
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

/// So many of its times before the next mode escapes it is asked where the learned ones still are.
const EARLIER: f64 = 2.0;
/// A first escape this much later would still not be wanted.
const CLEAR: f64 = 3.0;

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
        let (about, error) = sequence.outlook(*levels.first().ok_or(Unmet::Shapes)?)?;
        if !wanted(CLEAR * about, error) {
            // The way itself may take longer than a run.
            all.times.push((about, error));
            return Ok(());
        }
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
    /// From the origin to where the amplitude that escapes squares to about the strength it goes to.
    passing: f64,
    /// `ℓ_1, ℓ_2, …` at the origin.
    logs: Vec<f64>,
    /// How the neurons settle at the saddle, in the time of the passage that led there.
    approach: Option<Approach>,
    /// `r_1` at the saddle before, times the error of the escape from there.
    inherited: f64,
    /// The estimate for the first escape.
    first_error: f64,
    aside: Aside,
}

/// What the neurons carry besides their modes, each in units of its own mode.
struct Aside {
    /// `[i][j]`: of the slower mode `j`.
    slant: Vec<Vec<f64>>,
    /// Of the directions without a partner.
    idle: Vec<f64>,
    /// `[i][j]`: of the half of mode `j` that decays.
    fading: Vec<Vec<f64>>,
    /// Relative error of the amplitude.
    blur: Vec<f64>,
    /// Whether passages mix modes: not under squared error.
    mixes: bool,
}

impl Aside {
    /// After a wait from origin to origin in which modes grew at `rates`; what decays stands for the passage
    /// before, `passed` after the origin.
    fn grow(&mut self, rates: &[f64], l2: f64, wait: f64, passed: f64) {
        for (i, row) in self.slant.iter_mut().enumerate() {
            for (part, rate) in row.iter_mut().zip(rates) {
                *part *= ((rate - rates[i]) * wait).exp();
            }
        }
        let wait = wait - passed;
        for (part, rate) in self.idle.iter_mut().zip(rates) {
            *part *= ((-2.0 * l2 - rate) * wait).exp();
        }
        for (row, own) in self.fading.iter_mut().zip(rates) {
            for (part, rate) in row.iter_mut().zip(rates) {
                *part *= ((-rate - 4.0 * l2 - own) * wait).exp();
            }
        }
    }

    /// After the passage of the first neuron, whose `rates` the modes had, at the time `at` of it.
    fn pass(&mut self, mixing: &Mixing, rates: &[f64], l2: f64, at: f64) {
        let count = mixing.brought.len().min(self.slant.len().saturating_sub(1));
        let error = |i: usize| {
            let carried = self.slant[i + 1].iter().skip(1);
            let brought = carried.zip(&mixing.brought[i]).map(|(part, b)| part * b);
            let aside = match self.mixes {
                true => self.beside(i + 1, rates, l2, at),
                false => 0.0,
            };
            self.blur[i + 1] + brought.sum::<f64>() + aside / mixing.share[i]
        };
        let blur = (0..count).map(error).collect();
        let slant = |i: usize| -> Vec<f64> {
            let before = self.slant[i + 1].iter().skip(1);
            before.zip(&mixing.slant[i]).map(|(a, b)| a + b).collect()
        };
        let slant = (0..count).map(slant).collect();
        let made = if self.mixes { 1.0 } else { 0.0 };
        let idle = |i: usize| self.idle(i + 1, rates, l2, at).max(made);
        let idle = (0..count).map(idle).collect();
        self.fading = vec![vec![made; count]; count];
        (self.blur, self.slant, self.idle) = (blur, slant, idle);
    }

    /// What neuron `i` has besides what grows, a time `at` after the origin.
    fn beside(&self, i: usize, rates: &[f64], l2: f64, at: f64) -> f64 {
        let own = rates.get(i).copied().unwrap_or(0.0);
        let fading = self.fading[i].iter().zip(rates);
        let fading = fading.map(|(part, rate)| part * ((-rate - 4.0 * l2 - own) * at).exp());
        let fading: Vec<f64> = fading.collect();
        self.idle(i, rates, l2, at).hypot(norm(&fading))
    }

    /// What neuron `i` has without a partner, a time `at` after the origin.
    fn idle(&self, i: usize, rates: &[f64], l2: f64, at: f64) -> f64 {
        let own = rates.get(i).copied().unwrap_or(0.0);
        self.idle[i] * ((-2.0 * l2 - own) * at).exp()
    }
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
        let (first, overlaps) = with_overlaps(cost, l2, [w1, w2], *level)?;
        let (logs, slant, [idle, fading]) = perpendicular(&overlaps);
        let aside = Aside {
            blur: vec![first.early; logs.len()],
            mixes: !matches!(cost, Cost::SquaredError { .. }),
            slant,
            idle: idle.iter().map(|row| norm(row)).collect(),
            fading,
        };
        let FirstEscape { growth, error, .. } = first;
        let (rows, cols) = cost.shape();
        Ok(Self {
            cost,
            l2,
            saddle: zeros(rows, cols),
            rank: 0,
            scale: growth.first(0.0)?,
            growth,
            origin: 0.0,
            passing: 0.0,
            logs,
            approach: None,
            inherited: 0.0,
            first_error: error,
            aside,
        })
    }

    /// About when the first escape comes, and the estimate of its error.
    fn outlook(&self, level: f64) -> Result<(f64, f64), Unmet> {
        let rate = self.growth.first(GAP * self.scale)?;
        let log = self.logs.first().ok_or(Unmet::ZeroOverlap)?;
        let about = (0.5 * (2.0 * level).ln() - log) / rate;
        Ok((about.max(0.0), self.first_error))
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
        if !is_stable(self.cost, self.l2, self.saddle.as_ref(), self.rank) {
            return Err(Unmet::Unstable);
        }
        let wait = -self.logs.first().ok_or(Unmet::ZeroOverlap)? / rate;
        for (log, rate) in self.logs.iter_mut().zip(&self.growth.rates) {
            *log += rate * wait;
        }
        let passed = self.passing;
        self.aside.grow(&self.growth.rates, self.l2, wait, passed);
        self.origin += wait;
        let passive = self.growth.rates.len() - 1;
        let mut way = self.way(passive, level)?;
        let event = way.event()?;
        // The origin is where the amplitude is 1, whatever that means for this target.
        self.passing = (2.0 * level).ln() / (2.0 * rate);
        let error = self.error(rate, wait, event, level);
        self.inherited = rate * error;
        Ok(Departure { way, event, error })
    }

    /// Follows an escape to the saddle that it leads to.
    fn arrive(&mut self, departure: Departure<'a>) -> Result<Passage, Unmet> {
        let passage = departure.way.arrive()?;
        let grown = self.logs.iter().skip(1).zip(&passage.log_growth);
        self.logs = grown.map(|(log, growth)| log + growth).collect();
        let (rates, at) = (&self.growth.rates, self.passing);
        self.aside.pass(&passage.mixing, rates, self.l2, at);
        self.saddle = passage.arrived.clone();
        self.rank += 1;
        self.growth = passage.growth.clone();
        self.approach = Some(passage.approach.clone());
        Ok(passage)
    }

    fn way(&self, passive: usize, level: f64) -> Result<Way<'a>, Unmet> {
        let saddle = (self.saddle.as_ref(), self.rank);
        Way::new(self.cost, self.l2, saddle, &self.growth, passive, level)
    }

    /// Twice what the slower modes change that are left over or that the new neuron has; twice the error
    /// of its amplitude; what the distance from the saddle changes that remains at the escape; and the
    /// error inherited from the escape before, which changes how long each mode grew how fast.
    fn error(&self, rate: f64, wait: f64, event: f64, level: f64) -> f64 {
        if self.rank == 0 {
            return self.first_error;
        }
        let left = |i: usize| self.logs.get(i).map_or(0.0, |log| log.exp());
        let own = |i: usize| self.aside.slant[0].get(i).copied().unwrap_or(0.0);
        let slower = 1..self.growth.rates.len();
        let carried: Vec<f64> = slower.map(|i| left(i) + own(i)).collect();
        let disturbed = self.way(0, level).and_then(|mut way| {
            way.perturb(&self.growth, &carried);
            way.event()
        });
        let shift = disturbed.map_or(f64::INFINITY, |t| (t - event).abs());
        // Under squared error what has no partner acts by its square alone.
        let (rates, at) = (&self.growth.rates, self.passing);
        let idle = match self.aside.mixes {
            true => self.aside.beside(0, rates, self.l2, at),
            false => self.aside.idle(0, rates, self.l2, at).powi(2),
        };
        let unsettled = self.approach.as_ref().map_or(0.0, |approach| {
            let late = self.way(0, level).and_then(|mut way| {
                way.unsettle(approach, -EARLIER / rate, wait);
                way.event()
            });
            let shift = late.map_or(f64::INFINITY, |t| (t - event).abs());
            approach.effect(wait + event) / rate + 2.0 * shift
        });
        let roundoff = ROUNDOFF * (self.origin.abs() + event.abs());
        let amplitude = self.inherited + 2.0 * (self.aside.blur[0] + idle);
        2.0 * shift + unsettled + amplitude / rate + roundoff
    }
}

type Table = Vec<Vec<f64>>;

/// `ln` of the parts of `x_1, x_2, …` orthogonal to those before, up to the first without any; what
/// the hidden directions of these have of slower modes, of what has no partner and of the halves that
/// decay.
fn perpendicular(overlaps: &Overlaps) -> (Vec<f64>, Table, [Table; 2]) {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut sizes = Vec::new();
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
        sizes.push(size);
        x.iter_mut().for_each(|x| *x /= size);
        basis.push(x);
    }
    let along = |b: &[f64], column: ColRef<'_, f64>| -> f64 {
        b.iter().zip(column.iter()).map(|(b, x)| b * x).sum()
    };
    let slant = |i: usize| -> Vec<f64> {
        let columns = overlaps.x.col_iter().enumerate();
        let part = |(j, x)| {
            if j > i {
                along(&basis[i], x).abs() / sizes[i]
            } else {
                0.0
            }
        };
        columns.map(part).collect()
    };
    let beside = |parts: &Mat<f64>| -> Table {
        let part = |i: usize, x| along(&basis[i], x).abs() / sizes[i];
        let row = |i: usize| parts.col_iter().map(|x| part(i, x)).collect();
        (0..sizes.len()).map(row).collect()
    };
    let slant = (0..sizes.len()).map(slant).collect();
    let logs = sizes.iter().map(|size| overlaps.scale + size.ln());
    let beside = [beside(&overlaps.idle), beside(&overlaps.y)];
    (logs.collect(), slant, beside)
}
