//! Fused updates of state vectors: one pass through memory for a whole linear combination,
//! compiled for the machine's vector units and chosen at run time.
//!
//! Each kernel is a type because only a method marked `inline(always)` is sure to be compiled for
//! the vector units that were found.

use super::tableau::Row;
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
    Arch::new().dispatch(SumPairs(x, scale, Pair::RatioSquared))
}

/// `‖x − y‖²`.
pub(super) fn distance_squared(x: &[f64], y: &[f64]) -> f64 {
    Arch::new().dispatch(SumPairs(x, y, Pair::DifferenceSquared))
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

enum Pair {
    RatioSquared,
    DifferenceSquared,
}

struct SumPairs<'a>(&'a [f64], &'a [f64], Pair);

impl WithSimd for SumPairs<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        match self.2 {
            Pair::RatioSquared => sum_pairs(self.0, self.1, |x, s| (x / s) * (x / s)),
            Pair::DifferenceSquared => sum_pairs(self.0, self.1, |x, y| (x - y) * (x - y)),
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

/// `Σ f(x_i, y_i)` in eight interleaved partial sums: a plain sum cannot be vectorised.
#[inline(always)]
fn sum_pairs(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    let mut partial = [0.0; 8];
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let tail = xs.remainder().iter().zip(ys.remainder());
    let tail: f64 = tail.map(|(&a, &b)| f(a, b)).sum();
    for (a, b) in xs.zip(ys) {
        for i in 0..8 {
            partial[i] += f(a[i], b[i]);
        }
    }
    partial.iter().sum::<f64>() + tail
}

/// `out = base + Σ a_i β_i d_i` and `sum = Σ β_i d_i` in one pass.
pub(super) fn predict(
    out: &mut [f64],
    sum: &mut [f64],
    base: &[f64],
    differences: &[Vec<f64>],
    a: &[f64],
    beta: &[f64],
) {
    Arch::new().dispatch(Predict {
        out,
        sum,
        base,
        differences,
        a,
        beta,
    });
}

/// `d_{k+2} = e − d_{k+1}`, `d_{k+1} = e`, `d_i = e + Σ_{j=i}^k β_j d_j` with `e = f − sum`.
pub(super) fn advance_differences(
    differences: &mut [Vec<f64>],
    f: &[f64],
    sum: &[f64],
    beta: &[f64],
) {
    Arch::new().dispatch(Advance {
        differences,
        f,
        sum,
        beta,
    });
}

/// Mean squares of `e`, `e + β_k d_k`, `e + β_k d_k + β_{k−1} d_{k−1}` relative to `scale`, with
/// `e = f − sum`.
pub(super) fn difference_sizes(
    differences: &[Vec<f64>],
    f: &[f64],
    sum: &[f64],
    beta: &[f64],
    scale: &[f64],
) -> [f64; 3] {
    let sums = Arch::new().dispatch(Sizes {
        differences,
        f,
        sum,
        beta,
        scale,
    });
    sums.map(|s| s / scale.len() as f64)
}

/// `out = base + a (f − sum)`.
pub(super) fn correct(out: &mut [f64], base: &[f64], a: f64, f: &[f64], sum: &[f64]) {
    Arch::new().dispatch(Correct {
        out,
        base,
        a,
        f,
        sum,
    });
}

struct Predict<'a> {
    out: &'a mut [f64],
    sum: &'a mut [f64],
    base: &'a [f64],
    differences: &'a [Vec<f64>],
    a: &'a [f64],
    beta: &'a [f64],
}

impl WithSimd for Predict<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let n = self.out.len();
        for start in (0..n).step_by(BLOCK) {
            let end = (start + BLOCK).min(n);
            let (out, sum) = (&mut self.out[start..end], &mut self.sum[start..end]);
            out.copy_from_slice(&self.base[start..end]);
            sum.fill(0.0);
            let size = out.len();
            for ((d, a), b) in self.differences.iter().zip(self.a).zip(self.beta) {
                let (d, a, b) = (&d[start..end][..size], a * b, *b);
                for i in 0..size {
                    out[i] += a * d[i];
                    sum[i] += b * d[i];
                }
            }
        }
    }
}

struct Advance<'a> {
    differences: &'a mut [Vec<f64>],
    f: &'a [f64],
    sum: &'a [f64],
    beta: &'a [f64],
}

impl WithSimd for Advance<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let (n, order) = (self.f.len(), self.beta.len());
        let mut running = [0.0; BLOCK];
        for start in (0..n).step_by(BLOCK) {
            let end = (start + BLOCK).min(n);
            let size = end - start;
            let running = &mut running[..size];
            let (f, sum) = (&self.f[start..end], &self.sum[start..end]);
            for i in 0..size {
                running[i] = f[i] - sum[i];
            }
            let (lower, upper) = self.differences.split_at_mut(order + 1);
            let (last, next) = (&mut lower[order][start..end], &mut upper[0][start..end]);
            for i in 0..size {
                next[i] = running[i] - last[i];
                last[i] = running[i];
            }
            for (d, &b) in lower[..order].iter_mut().zip(self.beta).rev() {
                let d = &mut d[start..end][..size];
                for i in 0..size {
                    running[i] += b * d[i];
                }
                d.copy_from_slice(running);
            }
        }
    }
}

struct Sizes<'a> {
    differences: &'a [Vec<f64>],
    f: &'a [f64],
    sum: &'a [f64],
    beta: &'a [f64],
    scale: &'a [f64],
}

impl WithSimd for Sizes<'_> {
    type Output = [f64; 3];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; 3] {
        let (n, order) = (self.f.len(), self.beta.len());
        let mut part = [0.0; BLOCK];
        let mut sums = [0.0; 3];
        for start in (0..n).step_by(BLOCK) {
            let end = (start + BLOCK).min(n);
            let part = &mut part[..end - start];
            let (f, sum) = (&self.f[start..end], &self.sum[start..end]);
            let scale = &self.scale[start..end];
            for i in 0..part.len() {
                part[i] = f[i] - sum[i];
            }
            sums[0] += sum_pairs(part, scale, |x, s| (x / s) * (x / s));
            for (back, total) in sums.iter_mut().enumerate().skip(1) {
                if order < back {
                    break;
                }
                let (d, b) = (
                    &self.differences[order - back][start..end],
                    self.beta[order - back],
                );
                for i in 0..part.len() {
                    part[i] += b * d[i];
                }
                *total += sum_pairs(part, scale, |x, s| (x / s) * (x / s));
            }
        }
        sums
    }
}

struct Correct<'a> {
    out: &'a mut [f64],
    base: &'a [f64],
    a: f64,
    f: &'a [f64],
    sum: &'a [f64],
}

impl WithSimd for Correct<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let n = self.out.len();
        let (base, f, sum) = (&self.base[..n], &self.f[..n], &self.sum[..n]);
        for i in 0..n {
            self.out[i] = base[i] + self.a * (f[i] - sum[i]);
        }
    }
}

/// `y += a x`.
pub(super) fn add_scaled_to(y: &mut [f64], a: f64, x: &[f64]) {
    Arch::new().dispatch(AddScaled { y, a, x });
}

struct AddScaled<'a> {
    y: &'a mut [f64],
    a: f64,
    x: &'a [f64],
}

impl WithSimd for AddScaled<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (y, x) in self.y.iter_mut().zip(self.x) {
            *y += self.a * x;
        }
    }
}
