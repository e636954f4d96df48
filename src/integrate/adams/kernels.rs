//! The passes through memory that a step makes, each over all vectors at once, compiled for the
//! machine's vector units and chosen at run time. A step of a large network is bound by these
//! passes, so nothing is read twice that can be read once.

use crate::integrate::vector::BLOCK;
use pulp::{Arch, Simd, WithSimd};

/// Coefficients of the last values, the newest first.
pub(super) type Row<'a> = &'a [f64];

/// `out = base + Σ_j rows[0][j] values[j]` and `sum = Σ_j rows[1][j] values[j]`.
pub(super) fn predict(
    out: &mut [f64],
    sum: &mut [f64],
    base: &[f64],
    rows: [Row; 2],
    values: &[Vec<f64>],
) {
    Arch::new().dispatch(Predict {
        out,
        sum,
        base,
        rows,
        values,
    });
}

/// `y + Σ_j row[j] values[j]` into `y`.
pub(super) fn add_combination(y: &mut [f64], row: Row, values: &[Vec<f64>]) {
    Arch::new().dispatch(AddCombination { y, row, values });
}

/// `Σ (x_i − y_i)² u_i²` and `Σ (x_i − y_i)²`.
pub(super) fn distances(x: &[f64], y: &[f64], unit: &[f64]) -> [f64; 2] {
    Arch::new().dispatch(Distances { x, y, unit })
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

/// `Σ_i ((f − Σ_j row[j] values[j])_i u_i)²` for each of the rows, all equally long.
pub(super) fn error_squares<const N: usize>(
    f: &[f64],
    rows: [Row; N],
    values: &[Vec<f64>],
    unit: &[f64],
) -> [f64; N] {
    Arch::new().dispatch(ErrorSquares {
        f,
        rows,
        values,
        unit,
    })
}

struct Predict<'a> {
    out: &'a mut [f64],
    sum: &'a mut [f64],
    base: &'a [f64],
    rows: [Row<'a>; 2],
    values: &'a [Vec<f64>],
}

impl WithSimd for Predict<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let blocks = self.out.chunks_mut(BLOCK).zip(self.sum.chunks_mut(BLOCK));
        for (block, (out, sum)) in blocks.enumerate() {
            let start = block * BLOCK;
            out.fill(0.0);
            sum.fill(0.0);
            accumulate(&mut [&mut *out, sum], self.rows, self.values, start);
            // The base comes last: it is the largest, and rounding happens in its size once.
            let base = &self.base[start..][..out.len()];
            for (out, b) in out.iter_mut().zip(base) {
                *out += b;
            }
        }
    }
}

/// `outs[i] += Σ_j rows[i][j] values[j][start ..]`, four values in one pass.
#[inline(always)]
fn accumulate<const N: usize>(
    outs: &mut [&mut [f64]; N],
    rows: [Row; N],
    values: &[Vec<f64>],
    start: usize,
) {
    let (size, count) = (outs[0].len(), rows[0].len());
    let whole = count - count % 4;
    for j in (0..whole).step_by(4) {
        let v0 = &values[j][start..][..size];
        let v1 = &values[j + 1][start..][..size];
        let v2 = &values[j + 2][start..][..size];
        let v3 = &values[j + 3][start..][..size];
        for (out, row) in outs.iter_mut().zip(rows) {
            let (a, b, c, d) = (row[j], row[j + 1], row[j + 2], row[j + 3]);
            let out = &mut out[..size];
            for i in 0..size {
                out[i] += (a * v0[i] + b * v1[i]) + (c * v2[i] + d * v3[i]);
            }
        }
    }
    for j in whole..count {
        let v = &values[j][start..][..size];
        for (out, row) in outs.iter_mut().zip(rows) {
            let (a, out) = (row[j], &mut out[..size]);
            for i in 0..size {
                out[i] += a * v[i];
            }
        }
    }
}

struct AddCombination<'a> {
    y: &'a mut [f64],
    row: Row<'a>,
    values: &'a [Vec<f64>],
}

impl WithSimd for AddCombination<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (block, y) in self.y.chunks_mut(BLOCK).enumerate() {
            accumulate(&mut [y], [self.row], self.values, block * BLOCK);
        }
    }
}

/// Partial sums side by side: a plain sum cannot be vectorised.
const LANES: usize = 8;

struct Distances<'a> {
    x: &'a [f64],
    y: &'a [f64],
    unit: &'a [f64],
}

impl WithSimd for Distances<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; 2] {
        let n = self.x.len();
        let (x, y, unit) = (&self.x[..n], &self.y[..n], &self.unit[..n]);
        let mut sums = [[0.0; LANES]; 2];
        let mut add = |lane: usize, i: usize| {
            let d = x[i] - y[i];
            let scaled = d * unit[i];
            sums[0][lane] += scaled * scaled;
            sums[1][lane] += d * d;
        };
        let whole = n - n % LANES;
        for start in (0..whole).step_by(LANES) {
            for lane in 0..LANES {
                add(lane, start + lane);
            }
        }
        for i in whole..n {
            add(i - whole, i);
        }
        sums.map(|s| s.iter().sum())
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

struct ErrorSquares<'a, const N: usize> {
    f: &'a [f64],
    rows: [Row<'a>; N],
    values: &'a [Vec<f64>],
    unit: &'a [f64],
}

impl<const N: usize> WithSimd for ErrorSquares<'_, N> {
    type Output = [f64; N];

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> [f64; N] {
        let mut parts = [[0.0; BLOCK]; N];
        let mut squares = [0.0; N];
        for (block, f) in self.f.chunks(BLOCK).enumerate() {
            let (start, size) = (block * BLOCK, f.len());
            let mut outs = parts.each_mut().map(|part| &mut part[..size]);
            for out in &mut outs {
                out.fill(0.0);
            }
            accumulate(&mut outs, self.rows, self.values, start);
            let unit = &self.unit[start..][..size];
            for (square, out) in squares.iter_mut().zip(&outs) {
                let out = &out[..size];
                *square += sum_lanes(size, |i| (f[i] - out[i]) * unit[i]);
            }
        }
        squares
    }
}

#[inline(always)]
fn sum_lanes(n: usize, f: impl Fn(usize) -> f64) -> f64 {
    let mut sums = [0.0; LANES];
    let whole = n - n % LANES;
    for start in (0..whole).step_by(LANES) {
        for lane in 0..LANES {
            let v = f(start + lane);
            sums[lane] += v * v;
        }
    }
    for i in whole..n {
        sums[i - whole] += f(i) * f(i);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(n: usize, phase: f64) -> Vec<f64> {
        (0..n).map(|i| (phase + 0.37 * i as f64).sin()).collect()
    }

    /// Every count of values, and lengths around the block size, against plain sums.
    #[test]
    fn combinations_are_the_plain_sums() {
        for n in [1, 7, BLOCK, BLOCK + 5] {
            let values: Vec<Vec<f64>> = (0..7).map(|j| vector(n, j as f64)).collect();
            let base = vector(n, 9.0);
            for count in 1..7 {
                let rows = [vector(count, 2.0), vector(count, 3.0)];
                let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
                predict(&mut a, &mut b, &base, [&rows[0], &rows[1]], &values);
                let mut y = base.clone();
                add_combination(&mut y, &rows[0], &values);
                for i in 0..n {
                    let sum = |row: &[f64]| -> f64 {
                        row.iter().zip(&values).map(|(r, v)| r * v[i]).sum()
                    };
                    assert!((a[i] - base[i] - sum(&rows[0])).abs() < 1e-14);
                    assert!((b[i] - sum(&rows[1])).abs() < 1e-14);
                    assert!((a[i] - y[i]).abs() < 1e-14);
                }
            }
        }
    }

    #[test]
    fn squares_are_the_plain_sums() {
        let n = BLOCK + 13;
        let [f, sum, other] = [0.1, 1.1, 2.1].map(|p| vector(n, p));
        let unit: Vec<f64> = vector(n, 5.0).iter().map(|v| 2.0 + v).collect();
        let plain =
            |x: &dyn Fn(usize) -> f64| -> f64 { (0..n).map(|i| (x(i) * unit[i]).powi(2)).sum() };
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-13, "{a} {b}");
        let exact = plain(&|i| f[i] - sum[i]);
        let [scaled, bare] = distances(&f, &sum, &unit);
        near(scaled, exact);
        near(bare, (0..n).map(|i| (f[i] - sum[i]).powi(2)).sum());
        let values = [sum.clone(), other.clone()];
        let found = error_squares(&f, [&[1.0, 0.0], &[0.5, -2.0]], &values, &unit);
        near(found[0], exact);
        near(found[1], plain(&|i| f[i] - 0.5 * sum[i] + 2.0 * other[i]));
    }
}
