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

/// `out = Σ_j row[j] values[j]`, `row` not empty.
pub(super) fn combine(out: &mut [f64], row: Row, values: &[Vec<f64>]) {
    Arch::new().dispatch(Combination::<false> { out, row, values });
}

/// `out += Σ_j row[j] values[j]`.
pub(super) fn add_combination(out: &mut [f64], row: Row, values: &[Vec<f64>]) {
    Arch::new().dispatch(Combination::<true> { out, row, values });
}

/// `y += Σ_j row[j] a[j] ∘ b[j]`, entry by entry.
pub(super) fn add_products(y: &mut [f64], row: Row, a: &[Vec<f64>], b: &[Vec<f64>]) {
    Arch::new().dispatch(AddProducts { y, row, a, b });
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

/// `Σ_i (e_i u_i)²` and `Σ_i e_i²` for `e = f − sum`, `e + t_0`, `e + t_0 + t_1` and `e − t_2`,
/// `t_i = Σ_j terms[i][j] values[j]`.
pub(super) fn error_squares(
    f: &[f64],
    sum: &[f64],
    terms: [Row; 3],
    values: &[Vec<f64>],
    unit: &[f64],
) -> [[f64; 2]; 4] {
    Arch::new().dispatch(ErrorSquares {
        f,
        sum,
        terms,
        values,
        unit,
    })
}

/// Sizes in `unit` into one over what is allowed, `1/(atol + rtol size)`; returns the sum of the
/// squares of what is allowed.
pub(super) fn set_units(unit: &mut [f64], atol: &[f64], safety: f64, rtol: f64) -> f64 {
    Arch::new().dispatch(SetUnits {
        unit,
        atol,
        safety,
        rtol,
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
            accumulate::<2, false>(&mut [&mut *out, sum], self.rows, self.values, start);
            // The base comes last: it is the largest, and rounding happens in its size once.
            let base = &self.base[start..][..out.len()];
            for (out, b) in out.iter_mut().zip(base) {
                *out += b;
            }
        }
    }
}

/// `outs[i] = Σ_j rows[i][j] values[j][start ..]`, added to what is there with `ADD`; four values in
/// one pass.
#[inline(always)]
fn accumulate<const N: usize, const ADD: bool>(
    outs: &mut [&mut [f64]; N],
    rows: [Row; N],
    values: &[Vec<f64>],
    start: usize,
) {
    let (size, count) = (outs[0].len(), rows[0].len());
    let single = usize::from(count % 4 == 1);
    for j in (0..count - single).step_by(4) {
        // Two or three that are left over make a pass of four, with zeros.
        let at = |i: usize| (j + i).min(count - 1);
        let v0 = &values[at(0)][start..][..size];
        let v1 = &values[at(1)][start..][..size];
        let v2 = &values[at(2)][start..][..size];
        let v3 = &values[at(3)][start..][..size];
        for (out, row) in outs.iter_mut().zip(rows) {
            let factor = |i: usize| row.get(j + i).copied().unwrap_or(0.0);
            let (a, b, c, d) = (factor(0), factor(1), factor(2), factor(3));
            let sum = |i: usize| (a * v0[i] + b * v1[i]) + (c * v2[i] + d * v3[i]);
            put(&mut out[..size], ADD || j > 0, sum);
        }
    }
    for j in count - single..count {
        let v = &values[j][start..][..size];
        for (out, row) in outs.iter_mut().zip(rows) {
            put(&mut out[..size], ADD || j > 0, |i| row[j] * v[i]);
        }
    }
}

#[inline(always)]
fn put(out: &mut [f64], add: bool, value: impl Fn(usize) -> f64) {
    if add {
        for i in 0..out.len() {
            out[i] += value(i);
        }
    } else {
        for i in 0..out.len() {
            out[i] = value(i);
        }
    }
}

/// Added to what is there with `ADD`.
struct Combination<'a, const ADD: bool> {
    out: &'a mut [f64],
    row: Row<'a>,
    values: &'a [Vec<f64>],
}

impl<const ADD: bool> WithSimd for Combination<'_, ADD> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (block, out) in self.out.chunks_mut(BLOCK).enumerate() {
            accumulate::<1, ADD>(&mut [out], [self.row], self.values, block * BLOCK);
        }
    }
}

struct AddProducts<'a> {
    y: &'a mut [f64],
    row: Row<'a>,
    a: &'a [Vec<f64>],
    b: &'a [Vec<f64>],
}

impl WithSimd for AddProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let n = self.y.len();
        let y = &mut self.y[..n];
        for ((factor, a), b) in self.row.iter().zip(self.a).zip(self.b) {
            let (a, b) = (&a[..n], &b[..n]);
            for i in 0..n {
                y[i] += factor * a[i] * b[i];
            }
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
    fn with_simd<S: Simd>(self, simd: S) -> [f64; 2] {
        let n = self.unit.len();
        let (x, y, unit) = (&self.x[..n], &self.y[..n], self.unit);
        let (xs, _) = S::as_simd_f64s(x);
        let (ys, _) = S::as_simd_f64s(y);
        let (units, _) = S::as_simd_f64s(unit);
        let mut scaled = simd.splat_f64s(0.0);
        let mut plain = simd.splat_f64s(0.0);
        for i in 0..units.len() {
            let d = simd.sub_f64s(xs[i], ys[i]);
            let s = simd.mul_f64s(d, units[i]);
            scaled = simd.mul_add_e_f64s(s, s, scaled);
            plain = simd.mul_add_e_f64s(d, d, plain);
        }
        let mut sums = [simd.reduce_sum_f64s(scaled), simd.reduce_sum_f64s(plain)];
        for i in units.len() * S::F64_LANES..n {
            let d = x[i] - y[i];
            sums[0] += (d * unit[i]).powi(2);
            sums[1] += d * d;
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

struct ErrorSquares<'a> {
    f: &'a [f64],
    sum: &'a [f64],
    terms: [Row<'a>; 3],
    values: &'a [Vec<f64>],
    unit: &'a [f64],
}

impl WithSimd for ErrorSquares<'_> {
    type Output = [[f64; 2]; 4];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> [[f64; 2]; 4] {
        let [mut last, mut before, mut next] = [[0.0; BLOCK]; 3];
        let mut squares = [[0.0; 2]; 4];
        for (block, f) in self.f.chunks(BLOCK).enumerate() {
            let (start, n) = (block * BLOCK, f.len());
            let (last, before) = (&mut last[..n], &mut before[..n]);
            let mut terms = [last, before, &mut next[..n]];
            accumulate::<3, false>(&mut terms, self.terms, self.values, start);
            let (sum, unit) = (&self.sum[start..][..n], &self.unit[start..][..n]);
            add_four_squares(simd, &mut squares, f, sum, &terms, unit);
        }
        squares
    }
}

/// Both squares of the four errors in a block. Closures would be compiled without the vector units.
#[inline(always)]
fn add_four_squares<S: Simd>(
    simd: S,
    squares: &mut [[f64; 2]; 4],
    f: &[f64],
    sum: &[f64],
    [last, before, next]: &[&mut [f64]; 3],
    unit: &[f64],
) {
    let (whole, _) = S::as_simd_f64s(f);
    let (sums, _) = S::as_simd_f64s(sum);
    let (lasts, _) = S::as_simd_f64s(last);
    let (befores, _) = S::as_simd_f64s(before);
    let (nexts, _) = S::as_simd_f64s(next);
    let (units, _) = S::as_simd_f64s(unit);
    let mut scaled = [simd.splat_f64s(0.0); 4];
    let mut plain = [simd.splat_f64s(0.0); 4];
    for i in 0..whole.len() {
        let at = simd.sub_f64s(whole[i], sums[i]);
        let lower = simd.add_f64s(at, lasts[i]);
        let lowest = simd.add_f64s(lower, befores[i]);
        let errors = [at, lower, lowest, simd.sub_f64s(at, nexts[i])];
        for k in 0..4 {
            let e = simd.mul_f64s(errors[k], units[i]);
            scaled[k] = simd.mul_add_e_f64s(e, e, scaled[k]);
            plain[k] = simd.mul_add_e_f64s(errors[k], errors[k], plain[k]);
        }
    }
    for k in 0..4 {
        squares[k][0] += simd.reduce_sum_f64s(scaled[k]);
        squares[k][1] += simd.reduce_sum_f64s(plain[k]);
    }
    for i in whole.len() * S::F64_LANES..f.len() {
        let at = f[i] - sum[i];
        let lower = at + last[i];
        let errors = [at, lower, lower + before[i], at - next[i]];
        for k in 0..4 {
            squares[k][0] += (errors[k] * unit[i]).powi(2);
            squares[k][1] += errors[k] * errors[k];
        }
    }
}

struct SetUnits<'a> {
    unit: &'a mut [f64],
    atol: &'a [f64],
    safety: f64,
    rtol: f64,
}

impl WithSimd for SetUnits<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let mut sums = [0.0; LANES];
        let blocks = self.unit.chunks_mut(LANES).zip(self.atol.chunks(LANES));
        for (unit, atol) in blocks {
            for ((u, a), sum) in unit.iter_mut().zip(atol).zip(&mut sums) {
                let scale = (self.safety * a + self.rtol * *u).max(f64::MIN_POSITIVE);
                *sum += scale * scale;
                *u = 1.0 / scale;
            }
        }
        sums.iter().sum()
    }
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
    fn units_are_one_over_what_is_allowed() {
        let (sizes, atol) = ([3.0, 0.0, 1e-3].repeat(5), [1e-2, 0.0, 1e-9].repeat(5));
        let mut unit = sizes.clone();
        let sum = set_units(&mut unit, &atol, 0.5, 1e-4);
        let mut exact = 0.0;
        for i in 0..unit.len() {
            let allowed = (0.5 * atol[i] + 1e-4 * sizes[i]).max(f64::MIN_POSITIVE);
            assert!((unit[i] * allowed - 1.0).abs() < 1e-15);
            exact += allowed * allowed;
        }
        assert!((sum / exact - 1.0).abs() < 1e-14);
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
        let terms: [Row; 3] = [&[0.5, 0.0], &[0.0, -2.0], &[1.5, 0.25]];
        let found = error_squares(&f, &sum, terms, &values, &unit);
        near(found[0][0], exact);
        near(found[0][1], bare);
        near(found[1][0], plain(&|i| f[i] - 0.5 * sum[i]));
        near(
            found[2][0],
            plain(&|i| f[i] - 0.5 * sum[i] - 2.0 * other[i]),
        );
        near(
            found[3][0],
            plain(&|i| f[i] - 2.5 * sum[i] - 0.25 * other[i]),
        );
    }
}
