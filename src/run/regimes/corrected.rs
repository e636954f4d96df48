//! `ln y = a − p ln w + Σ c_i w^{−q_i}` with known `q_i`, by weighted least squares over widths, one fit a seed.
//!
//! Starts of one seed and several widths share draws, so errors of their points are not independent; those
//! of different seeds are. Every seed is fitted with the same weights, the power of `w` by which the variance
//! over starts falls, which gives for the mean the fit of the means; its standard error is the scatter of the
//! seeds' fits over `√seeds`. Weights from the measured scatter would prefer widths where it is small by
//! chance, and understate the error.

use crate::linalg::{Mat, svd};
use crate::report::regimes::{CorrectedPower, CorrectionEntry};
use crate::theory::lazy::Corrections;

/// Widths beyond the corrections: the constant, the power, and one to hold them against.
const SPARE_WIDTHS: usize = 3;
/// Fewest seeds: a variance.
const SEEDS: usize = 3;

/// One measured value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub seed: u64,
    pub width: usize,
    pub value: f64,
}

/// The fits with one, two, … corrections: as many as leave a width over. None with fewer than three seeds
/// that have all widths.
pub(super) fn corrected(points: &[Point], corrections: &Corrections) -> Vec<CorrectedPower> {
    let mut widths: Vec<usize> = points.iter().map(|p| p.width).collect();
    widths.sort_unstable();
    widths.dedup();
    let curves = curves(points, &widths);
    let most = widths.len().saturating_sub(SPARE_WIDTHS);
    let most = most.min(corrections.exponents.len());
    if curves.len() < SEEDS {
        return Vec::new();
    }
    let fit = |count| {
        let exponents = &corrections.exponents[..count];
        with(
            exponents,
            Fit::new(&widths, exponents, corrections.weight)?,
            &curves,
        )
    };
    (1..=most).map_while(fit).collect()
}

fn with(exponents: &[f64], fit: Fit, curves: &[Vec<f64>]) -> Option<CorrectedPower> {
    let fits: Vec<Vec<f64>> = curves.iter().map(|c| fit.coefficients(c)).collect();
    let of = |k: usize| Sample::of(fits.iter().map(|f| f[k]));
    let power = of(1);
    let entry = |(i, q): (usize, &f64)| {
        let coefficient = of(2 + i);
        CorrectionEntry {
            exponent: -q,
            coefficient: coefficient.mean,
            standard_error: coefficient.error(),
        }
    };
    let found = CorrectedPower {
        power: power.mean,
        standard_error: power.error(),
        corrections: exponents.iter().enumerate().map(entry).collect(),
        seeds: fits.len(),
    };
    let finite = found.power.is_finite() && found.standard_error.is_finite();
    finite.then_some(found)
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

/// The weighted least squares that all seeds share.
struct Fit {
    /// `(XᵀX)⁻¹Xᵀ` of the weighted columns `1`, `ln w`, `w^{−q_1}`, ….
    inverse: Mat<f64>,
    /// Roots of the weights.
    roots: Vec<f64>,
}

impl Fit {
    fn new(widths: &[usize], exponents: &[f64], weight: f64) -> Option<Self> {
        let columns = |w: f64, j: usize| match j {
            0 => 1.0,
            1 => w.ln(),
            _ => w.powf(-exponents[j - 2]),
        };
        let width = |i: usize| widths[i] as f64;
        let roots: Vec<f64> = (0..widths.len())
            .map(|i| width(i).powf(0.5 * weight))
            .collect();
        let design = Mat::from_fn(widths.len(), 2 + exponents.len(), |i, j| {
            roots[i] * columns(width(i), j)
        });
        let inverse = svd(design.as_ref())?.inverse();
        Some(Self { inverse, roots })
    }

    /// The coefficients of the columns for the values `y`.
    fn coefficients(&self, y: &[f64]) -> Vec<f64> {
        let row = |j: usize| {
            let terms = y.iter().zip(&self.roots).enumerate();
            terms
                .map(|(i, (y, root))| self.inverse[(j, i)] * root * y)
                .sum()
        };
        (0..self.inverse.nrows()).map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quarters() -> Corrections {
        Corrections {
            exponents: vec![0.25, 0.5],
            weight: 0.5,
        }
    }

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
        let fits = corrected(&points(1e-6), &quarters());
        assert_eq!(fits.len(), 2);
        for fit in &fits {
            // Noise of 1e-6; each correction takes a digit of the power.
            let digits = 10_f64.powi(fit.corrections.len() as i32);
            assert!((fit.power + 0.5).abs() < 1e-6 * digits, "{fit:?}");
            let first = fit.corrections[0];
            assert!((first.coefficient + 2.0).abs() < 1e-5 * digits, "{fit:?}");
            assert_eq!((first.exponent, fit.seeds), (-0.25, 40));
        }
        // The correction that is not there.
        let second = fits[1].corrections[1];
        assert!(second.coefficient.abs() < 1e-3, "{second:?}");
        let wide = &corrected(&points(0.1), &quarters())[0];
        // Errors are proportional to the noise.
        let ratio = wide.standard_error / fits[0].standard_error;
        assert!((ratio / 1e5 - 1.0).abs() < 0.01, "{ratio}");
    }

    /// Powers 1, 2, 3: variance 1 of three.
    #[test]
    fn the_error_of_a_mean_is_that_of_the_textbook() {
        let sample = Sample::of([1.0, 2.0, 3.0].into_iter());
        assert_eq!(sample.mean, 2.0);
        assert!((sample.error() - (1.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    }

    /// Values 0, 0, 1 at widths 1, 2, 4 with weights `w²` of 1, 4, 16: the normal equations by hand give the slope
    /// `8/(11 ln 2)` and the intercept `−16/33`.
    #[test]
    fn widths_weigh_as_their_power() {
        let fit = Fit::new(&[1, 2, 4], &[], 2.0).expect("a fit");
        let found = fit.coefficients(&[0.0, 0.0, 1.0]);
        let exact = [-16.0 / 33.0, 8.0 / (11.0 * 2.0_f64.ln())];
        for (found, exact) in found.iter().zip(exact) {
            assert!((found - exact).abs() < 1e-14, "{found} {exact}");
        }
    }

    #[test]
    fn three_widths_or_two_seeds_are_not_enough() {
        let all = points(0.1);
        let narrow: Vec<Point> = all.iter().copied().filter(|p| p.width < 1024).collect();
        assert_eq!(corrected(&narrow, &quarters()), []);
        let few: Vec<Point> = all.into_iter().filter(|p| p.seed < 2).collect();
        assert_eq!(corrected(&few, &quarters()), []);
    }
}
