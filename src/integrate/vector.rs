//! Fused updates of state vectors: one pass through memory for a whole linear combination,
//! compiled for the machine's vector units and chosen at run time.
//!
//! Each kernel is a type because only a method marked `inline(always)` is sure to be compiled for
//! the vector units that were found.

use super::tableau::Row;
use crate::linalg::sum_pairs;
use pulp::{Arch, Simd, WithSimd};

/// Components handled together, so that all stages' parts stay in the first-level cache.
const BLOCK: usize = 256;

/// `out = base + h Σ a_j k_j`, stage `j` at `stages[j n .. (j+1) n]`.
pub(super) fn combine(out: &mut [f64], base: &[f64], h: f64, row: Row, stages: &[f64]) {
    Arch::new().dispatch(Combine {
        out,
        base: Some(base),
        h,
        row,
        stages,
    });
}

/// `out = h Σ a_j k_j`.
pub(super) fn combine_only(out: &mut [f64], h: f64, row: Row, stages: &[f64]) {
    Arch::new().dispatch(Combine {
        out,
        base: None,
        h,
        row,
        stages,
    });
}

/// Mean of `((Σ a_j k_j)_i / scale_i)²` over the components.
pub(super) fn weighted_mean_square(row: Row, stages: &[f64], scale: &[f64]) -> f64 {
    let sum = Arch::new().dispatch(WeightedSquares { row, stages, scale });
    sum / scale.len() as f64
}

/// `Σ (x_i / scale_i)²`.
pub(super) fn scaled_square(x: &[f64], scale: &[f64]) -> f64 {
    Arch::new().dispatch(SumPairs(x, scale, Pair::Ratio))
}

/// `Σ (x_i unit_i)²`.
pub(super) fn weighted_square(x: &[f64], unit: &[f64]) -> f64 {
    Arch::new().dispatch(SumPairs(x, unit, Pair::Product))
}

/// `‖x − y‖²`.
pub(super) fn distance_squared(x: &[f64], y: &[f64]) -> f64 {
    Arch::new().dispatch(SumPairs(x, y, Pair::Difference))
}

struct Combine<'a> {
    out: &'a mut [f64],
    base: Option<&'a [f64]>,
    h: f64,
    row: Row,
    stages: &'a [f64],
}

impl WithSimd for Combine<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let n = self.out.len();
        for (block, out) in self.out.chunks_mut(BLOCK).enumerate() {
            let start = block * BLOCK;
            match self.base {
                Some(base) => out.copy_from_slice(&base[start..][..out.len()]),
                None => out.fill(0.0),
            }
            accumulate(out, self.h, self.row, self.stages, n, start);
        }
    }
}

struct WeightedSquares<'a> {
    row: Row,
    stages: &'a [f64],
    scale: &'a [f64],
}

impl WithSimd for WeightedSquares<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let n = self.scale.len();
        let mut part = [0.0; BLOCK];
        let mut sum = 0.0;
        for (block, scale) in self.scale.chunks(BLOCK).enumerate() {
            let part = &mut part[..scale.len()];
            part.fill(0.0);
            accumulate(part, 1.0, self.row, self.stages, n, block * BLOCK);
            sum += sum_pairs(part, scale, |x, s| (x / s) * (x / s));
        }
        sum
    }
}

/// What is squared and summed.
enum Pair {
    Ratio,
    Product,
    Difference,
}

struct SumPairs<'a>(&'a [f64], &'a [f64], Pair);

impl WithSimd for SumPairs<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        match self.2 {
            Pair::Ratio => sum_pairs(self.0, self.1, |x, s| (x / s) * (x / s)),
            Pair::Product => sum_pairs(self.0, self.1, |x, u| (x * u) * (x * u)),
            Pair::Difference => sum_pairs(self.0, self.1, |x, y| (x - y) * (x - y)),
        }
    }
}

/// `out += h Σ a_j k_j[start ..]`, four stages in one pass.
#[inline(always)]
fn accumulate(out: &mut [f64], h: f64, row: Row, stages: &[f64], n: usize, start: usize) {
    let size = out.len();
    let mut rest = row;
    while let [a, b, c, d, tail @ ..] = rest {
        let k0 = &stages[a.0 * n + start..][..size];
        let k1 = &stages[b.0 * n + start..][..size];
        let k2 = &stages[c.0 * n + start..][..size];
        let k3 = &stages[d.0 * n + start..][..size];
        let (a, b, c, d) = (h * a.1, h * b.1, h * c.1, h * d.1);
        for i in 0..size {
            out[i] += (a * k0[i] + b * k1[i]) + (c * k2[i] + d * k3[i]);
        }
        rest = tail;
    }
    for &(j, a) in rest {
        let k = &stages[j * n + start..][..size];
        for i in 0..size {
            out[i] += h * a * k[i];
        }
    }
}
