//! `T_k = τ_k ln(1/α) + O(1)`: the slopes of the escape times of two layers in the logarithm of
//! the size `α` of the start   (compare Pesme & Flammarion 2023 for diagonal networks).
//!
//! In slow time `τ = t/ln(1/α)` amplitudes are powers `α^{−m}`, all with `m = −1` at the start. At
//! the saddle `A_k` direction `i` grows as `m_i + r_i (τ − τ_k)`; a direction with `m = 0` escapes.
//! On the way to the next saddle the directions mix. If no overlap vanishes, `m` and `r` are paired
//! in decreasing order. In general the greatest sum of exponents of a set `S'` of new directions is
//! that of the old sets `S` whose minor of overlaps `(S', S)` does not vanish.
//!
//! This is an argument on the exterior powers of the linear flow, confirmed by integration, not a
//! theorem. Unlike in diagonal networks a learned direction cannot be switched off generically.

use super::growth::{GAP, Growth};
use super::unmet::Unmet;
use crate::linalg::{Mat, determinant, multiply, zeros};
use crate::model::Cost;

/// Directions whose subsets are listed.
const MOST_DIRECTIONS: usize = 10;
/// Size below which a minor of overlaps counts as zero: fits of saddles are good to about 1e-11.
const NO_OVERLAP: f64 = 1e-8;

/// `τ_1, τ_2, …` by pairing in decreasing order, from the rates at `A_0 = 0, A_1, …`, each list in
/// decreasing order; until nothing grows.
pub fn sorted_pairing(rates: &[Vec<f64>]) -> Vec<f64> {
    sorted_exponents(rates).iter().map(|e| e.slope).collect()
}

/// An escape in slow time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowEscape {
    /// `τ_k`.
    pub slope: f64,
    /// `−m` of the largest amplitude `α^{−m}` left behind, infinite if there is none: what leaves the
    /// saddle is off the top singular pair by a part of order `α^{−m}`.
    pub lead: f64,
}

/// The same with how far each escape leads.
pub fn sorted_exponents(rates: &[Vec<f64>]) -> Vec<SlowEscape> {
    let mut exponents: Vec<f64> = vec![-1.0; rates.first().map_or(0, Vec::len)];
    let mut escapes: Vec<SlowEscape> = Vec::new();
    for rates in rates {
        let (Some(m), Some(&r)) = (exponents.first(), rates.first()) else {
            break;
        };
        if r <= 0.0 {
            break;
        }
        let wait = -m / r;
        let grown = exponents.iter().zip(rates).skip(1);
        exponents = grown.map(|(m, r)| m + r * wait).collect();
        exponents.sort_by(|x, y| y.total_cmp(x));
        escapes.push(SlowEscape {
            slope: escapes.last().map_or(0.0, |e| e.slope) + wait,
            lead: exponents.first().map_or(f64::INFINITY, |m| -m),
        });
    }
    escapes
}

/// `τ_1, τ_2, …` of a network with `hidden` neurons that visits `saddles` `A_1, A_2, …` (of rank
/// 1, 2, …) after `A_0 = 0`: one more slope than there are saddles, fewer where nothing grows any
/// more.
///
/// # Errors
/// Repeated top singular values, too many directions with vanishing overlaps, a direction that
/// grew from none of the earlier ones, another order of escapes than that of the saddles.
pub fn jump_slopes(
    cost: &Cost,
    l2: f64,
    hidden: usize,
    saddles: &[Mat<f64>],
) -> Result<Vec<f64>, Unmet> {
    let (rows, cols) = cost.shape();
    let zero = zeros(rows, cols);
    let mut at = Growth::at(cost, l2, zero.as_ref(), 0)?;
    if let Cost::SquaredError { .. } = cost {
        let floor = GAP * at.rates.first().copied().unwrap_or(0.0).max(0.0);
        let growing = at.rates.iter().take(hidden).filter(|r| **r > floor);
        return Ok(growing.map(|r| 1.0 / r).collect());
    }
    let scale = at.first(0.0)?;
    let mut exponents = Exponents::new(at.rates.len(), hidden);
    let mut slopes = Vec::new();
    let mut time = 0.0;
    for k in 0..=saddles.len().min(hidden.saturating_sub(1)) {
        match at.first(GAP * scale) {
            Err(Unmet::NoGrowth) => break,
            other => other?,
        };
        time += exponents.escape(&at.rates)?;
        slopes.push(time);
        if let Some(saddle) = saddles.get(k) {
            let next = Growth::at(cost, l2, saddle.as_ref(), k + 1)?;
            exponents.mix(&overlaps(&at, &next))?;
            at = next;
        }
    }
    Ok(slopes)
}

/// `(v'_i·v_j + u'_i·u_j)/2` of the new directions with the old ones but the first.
fn overlaps(old: &Growth, new: &Growth) -> Mat<f64> {
    let n = new.rates.len();
    let rest = old.directions.subcols(1, n);
    let mut out = zeros(n, n);
    let transposed = new.directions.transpose();
    multiply(out.as_mut(), false, 0.5, transposed, rest);
    out
}

/// Greatest sums of exponents.
enum Exponents {
    /// Of every set of directions, by its bits.
    Sets(Vec<f64>),
    /// Of each direction, in decreasing order: too many directions to list sets, all mixed.
    Sorted(Vec<f64>),
}

impl Exponents {
    fn new(directions: usize, hidden: usize) -> Self {
        if directions > MOST_DIRECTIONS {
            return Exponents::Sorted(vec![-1.0; directions]);
        }
        let start = |set: usize| match set.count_ones() as usize {
            size if size <= hidden => -(size as f64),
            _ => f64::NEG_INFINITY,
        };
        Exponents::Sets((0..1 << directions).map(start).collect())
    }

    /// Goes on to the escape of the first direction and takes it out; returns the slow time gone.
    fn escape(&mut self, rates: &[f64]) -> Result<f64, Unmet> {
        match self {
            Exponents::Sorted(m) => {
                let wait = -m[0] / rates[0];
                *m = (1..m.len()).map(|i| m[i] + rates[i] * wait).collect();
                m.sort_by(|x, y| y.total_cmp(x));
                Ok(wait)
            }
            Exponents::Sets(sums) => {
                let waits = |i: usize| match rates[i] > 0.0 {
                    true => -sums[1 << i] / rates[i],
                    false => f64::INFINITY,
                };
                let wait = waits(0);
                if !wait.is_finite() {
                    return Err(Unmet::ZeroOverlap);
                }
                if (1..rates.len()).any(|i| waits(i) < wait * (1.0 - GAP)) {
                    return Err(Unmet::OtherOrder);
                }
                let grown = |set: usize| {
                    let members = (0..rates.len()).filter(|i| set >> i & 1 == 1);
                    sums[set] + wait * members.map(|i| rates[i]).sum::<f64>()
                };
                let with_first = (0..sums.len() / 2).map(|set| grown(2 * set + 1));
                *sums = with_first.collect();
                Ok(wait)
            }
        }
    }

    /// Goes over to new directions.
    fn mix(&mut self, overlaps: &Mat<f64>) -> Result<(), Unmet> {
        let n = overlaps.nrows();
        match self {
            Exponents::Sorted(_) => {
                let entries = overlaps.col_iter().flat_map(|c| c.iter());
                match entries.map(|x| x.abs()).all(|x| x > NO_OVERLAP) {
                    true => Ok(()),
                    false => Err(Unmet::TooManyDirections),
                }
            }
            Exponents::Sets(sums) => {
                let best = |new: usize| {
                    let same = |old: &usize| old.count_ones() == new.count_ones();
                    (0..1usize << n)
                        .filter(same)
                        .filter(|&old| minor(overlaps, new, old).abs() > NO_OVERLAP)
                        .map(|old| sums[old])
                        .fold(f64::NEG_INFINITY, f64::max)
                };
                *sums = (0..1 << n).map(best).collect();
                Ok(())
            }
        }
    }
}

/// The determinant of the rows and columns in two sets of equal size.
fn minor(m: &Mat<f64>, rows: usize, cols: usize) -> f64 {
    let members =
        |set: usize| -> Vec<usize> { (0..m.nrows()).filter(|i| set >> i & 1 == 1).collect() };
    let (rows, cols) = (members(rows), members(cols));
    determinant(Mat::from_fn(rows.len(), cols.len(), |i, j| {
        m[(rows[i], cols[j])]
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Amplitudes `α^m` that grow at rates 1 and 0.9 escape after `m` and `m/0.9`: the second comes first where its `m` is
    /// less than 0.9 of the other's.
    #[test]
    fn an_escape_before_that_of_the_saddle_is_another_order() {
        let escape = |second: f64| {
            Exponents::Sets(vec![0.0, -1.0, second, second - 1.0]).escape(&[1.0, 0.9])
        };
        assert_eq!(escape(-0.91), Ok(1.0));
        assert_eq!(escape(-0.5), Err(Unmet::OtherOrder));
    }
}
