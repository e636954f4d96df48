//! `ln y = a − p ln w + c w^{−q}` with a known `q`, by weighted least squares over widths, one fit a seed.
//!
//! Starts of one seed and several widths share draws, so errors of their points are not independent; those
//! of different seeds are. Every seed is fitted with the same weights, the power of `w` by which the variance
//! over starts falls, which gives for the mean the fit of the means; its standard error is the scatter of the
//! seeds' fits over `√seeds`. Weights from the measured scatter would prefer widths where it is small by
//! chance, and understate the error.

use crate::report::regimes::CorrectedPower;
use crate::theory::lazy::Correction;

/// Fewest widths and seeds: one more than there are parameters, and a variance.
const WIDTHS: usize = 4;
const SEEDS: usize = 3;

/// One measured value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub seed: u64,
    pub width: usize,
    pub value: f64,
}

/// `None` with fewer than four widths or three seeds that have them all.
pub(super) fn corrected(points: &[Point], correction: Correction) -> Option<CorrectedPower> {
    let mut widths: Vec<usize> = points.iter().map(|p| p.width).collect();
    widths.sort_unstable();
    widths.dedup();
    let curves = curves(points, &widths);
    if widths.len() < WIDTHS || curves.len() < SEEDS {
        return None;
    }
    let fit = Fit::new(&widths, correction);
    let fits: Vec<[f64; 2]> = curves.iter().map(|c| fit.slopes(c)).collect();
    let of = |k: usize| Sample::of(fits.iter().map(|f| f[k]));
    let (power, coefficient) = (of(0), of(1));
    let all = [power.mean, power.variance, coefficient.mean];
    all.iter().all(|x| x.is_finite()).then(|| CorrectedPower {
        power: power.mean,
        standard_error: power.error(),
        exponent: -correction.exponent,
        coefficient: coefficient.mean,
        coefficient_error: coefficient.error(),
        seeds: fits.len(),
    })
}

/// `ln y` over the widths, for every seed that has them all.
fn curves(points: &[Point], widths: &[usize]) -> Vec<Vec<f64>> {
    let mut seeds: Vec<u64> = points.iter().map(|p| p.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let at = |seed: u64, width: usize| {
        let found = points.iter().find(|p| (p.seed, p.width) == (seed, width));
        found.map(|p| p.value.ln())
    };
    let curve = |&seed: &u64| widths.iter().map(|&w| at(seed, w)).collect();
    seeds.iter().filter_map(curve).collect()
}

/// Mean and variance of some numbers.
struct Sample {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Sample {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / count;
        let squares: f64 = values.map(|v| (v - mean) * (v - mean)).sum();
        Self {
            count,
            mean,
            variance: squares / (count - 1.0),
        }
    }

    /// Standard error of the mean.
    fn error(&self) -> f64 {
        (self.variance / self.count).sqrt()
    }
}

/// The weighted least squares that all seeds share, about the weighted means of `ln w` and `w^{−q}`.
struct Fit {
    /// Weight, `ln w`, `w^{−q}`.
    rows: Vec<[f64; 3]>,
    squares: [f64; 3],
}

impl Fit {
    fn new(widths: &[usize], correction: Correction) -> Self {
        let row = |w: &usize| {
            let w = *w as f64;
            let weight = w.powf(correction.weight);
            [weight, w.ln(), w.powf(-correction.exponent)]
        };
        let mut rows: Vec<[f64; 3]> = widths.iter().map(row).collect();
        let total: f64 = rows.iter().map(|r| r[0]).sum();
        for j in [1, 2] {
            let mean = rows.iter().map(|r| r[0] * r[j]).sum::<f64>() / total;
            rows.iter_mut().for_each(|r| r[j] -= mean);
        }
        let sum = |i: usize, j: usize| rows.iter().map(|r| r[0] * r[i] * r[j]).sum();
        let squares = [sum(1, 1), sum(1, 2), sum(2, 2)];
        Self { rows, squares }
    }

    /// The slopes of `y` in `ln w` and in `w^{−q}`.
    fn slopes(&self, y: &[f64]) -> [f64; 2] {
        let along = |j: usize| -> f64 {
            let terms = self.rows.iter().zip(y);
            terms.map(|(r, y)| r[0] * r[j] * y).sum()
        };
        let ([a, b, c], x, z) = (self.squares, along(1), along(2));
        let determinant = a * c - b * b;
        [(c * x - b * z) / determinant, (a * z - b * x) / determinant]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: Correction = Correction {
        exponent: 0.25,
        weight: 0.5,
    };

    fn points(noise: f64) -> Vec<Point> {
        let one = |seed: u64, width: usize| {
            let w = width as f64;
            let turn = noise * (1.7 * seed as f64 + 0.3 * w.ln()).sin();
            Point {
                seed,
                width,
                value: 3.0 * w.powf(-0.5) * (turn - 2.0 * w.powf(-0.25)).exp(),
            }
        };
        let seeds = (0..40).flat_map(|seed| [16, 64, 256, 1024, 4096].map(|w| one(seed, w)));
        seeds.collect()
    }

    #[test]
    fn a_corrected_power_is_found_whatever_the_correction() {
        let fit = corrected(&points(1e-6), QUARTER).expect("a fit");
        // Noise of 1e-6, ten times larger in the power for the correction takes most of it.
        assert!((fit.power + 0.5).abs() < 1e-5, "{fit:?}");
        assert!((fit.coefficient + 2.0).abs() < 1e-4, "{fit:?}");
        assert_eq!((fit.exponent, fit.seeds), (-0.25, 40));
        let wide = corrected(&points(0.1), QUARTER).expect("a fit");
        // Errors are proportional to the noise.
        let ratio = wide.standard_error / fit.standard_error;
        assert!((ratio / 1e5 - 1.0).abs() < 0.01, "{ratio}");
    }

    #[test]
    fn three_widths_or_two_seeds_are_not_enough() {
        let all = points(0.1);
        let narrow: Vec<Point> = all.iter().copied().filter(|p| p.width < 1024).collect();
        assert_eq!(corrected(&narrow, QUARTER), None);
        let few: Vec<Point> = all.into_iter().filter(|p| p.seed < 2).collect();
        assert_eq!(corrected(&few, QUARTER), None);
    }
}
