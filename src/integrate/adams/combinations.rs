//! Sums of past values, each with coefficients of its own: all values are read side by side and once,
//! into sums that stay in registers. On large networks a step is bound by these passes through memory.

use super::past::NODES;
use pulp::{Arch, Scalar, Simd, WithSimd};
use std::ops::Range;

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
    let n = out.len();
    make(
        n,
        &mut Predict {
            out,
            sum,
            base,
            rows,
            values,
        },
    );
}

/// `outs[i] = base + a[i] (f − sum) + Σ_j rows[i][j] values[j]`; rows may be empty.
pub(super) fn correct<const N: usize>(
    outs: [&mut [f64]; N],
    base: &[f64],
    a: [f64; N],
    [f, sum]: [&[f64]; 2],
    rows: [Row; N],
    values: &[Vec<f64>],
) {
    make(
        base.len(),
        &mut Correct {
            outs,
            base,
            a,
            f,
            sum,
            rows,
            values,
        },
    );
}

/// `out = Σ_j row[j] values[j]`, `row` not empty.
pub(super) fn combine(out: &mut [f64], row: Row, values: &[Vec<f64>]) {
    make(out.len(), &mut Combination::<false> { out, row, values });
}

/// `out += Σ_j row[j] values[j]`.
pub(super) fn add_combination(out: &mut [f64], row: Row, values: &[Vec<f64>]) {
    make(out.len(), &mut Combination::<true> { out, row, values });
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
    let mut pass = ErrorSquares {
        f,
        sum,
        terms,
        values,
        unit,
        squares: [[0.0; 2]; 4],
    };
    make(f.len(), &mut pass);
    pass.squares
}

/// Vectors of lanes handled together: enough sums side by side to hide their latency, few enough
/// to stay in registers.
const WIDE: usize = 4;

/// What is done with a range of all vectors, `W` vectors of lanes at a time. It has to be
/// `inline(always)`, or it would be compiled without the vector units.
trait Pass {
    fn part<S: Simd, const W: usize>(&mut self, simd: S, range: Range<usize>);
}

/// Makes a pass through vectors of length `n`.
fn make(n: usize, pass: &mut impl Pass) {
    Arch::new().dispatch(Parts { n, pass });
}

struct Parts<'a, P> {
    n: usize,
    pass: &'a mut P,
}

impl<P: Pass> WithSimd for Parts<'_, P> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { n, pass } = self;
        let wide = n - n % (WIDE * S::F64_LANES);
        let whole = n - n % S::F64_LANES;
        pass.part::<S, WIDE>(simd, 0..wide);
        pass.part::<S, 1>(simd, wide..whole);
        pass.part::<Scalar, 1>(Scalar, whole..n);
    }
}

/// `range` of the first `count` vectors of values, in lanes.
#[inline(always)]
fn streams<'a, S: Simd>(
    values: &'a [Vec<f64>],
    count: usize,
    range: &Range<usize>,
) -> [&'a [S::f64s]; NODES] {
    let mut streams: [&[S::f64s]; NODES] = [&[]; NODES];
    for (stream, v) in streams.iter_mut().zip(&values[..count]) {
        *stream = S::as_simd_f64s(&v[range.clone()]).0;
    }
    streams
}

/// `Σ_j rows[i][j] values[j]` of `W` vectors from `at` on: each value is read once, in as many
/// streams as there are values, which is what memory gives fastest.
#[inline(always)]
fn sums<S: Simd, const N: usize, const W: usize>(
    simd: S,
    rows: &[Row; N],
    values: &[&[S::f64s]],
    at: usize,
) -> [[S::f64s; W]; N] {
    let mut sums = [[simd.splat_f64s(0.0); W]; N];
    for (j, stream) in values.iter().enumerate() {
        let stream = &stream[at..at + W];
        for i in 0..N {
            let factor = simd.splat_f64s(rows[i][j]);
            for w in 0..W {
                sums[i][w] = simd.mul_add_e_f64s(factor, stream[w], sums[i][w]);
            }
        }
    }
    sums
}

struct Predict<'a> {
    out: &'a mut [f64],
    sum: &'a mut [f64],
    base: &'a [f64],
    rows: [Row<'a>; 2],
    values: &'a [Vec<f64>],
}

impl Pass for Predict<'_> {
    #[inline(always)]
    fn part<S: Simd, const W: usize>(&mut self, simd: S, range: Range<usize>) {
        let count = self.rows[0].len();
        let values = streams::<S>(self.values, count, &range);
        let (out, _) = S::as_mut_simd_f64s(&mut self.out[range.clone()]);
        let (sum, _) = S::as_mut_simd_f64s(&mut self.sum[range.clone()]);
        let (base, _) = S::as_simd_f64s(&self.base[range]);
        for at in (0..out.len()).step_by(W) {
            let [moved, total] = sums::<S, 2, W>(simd, &self.rows, &values[..count], at);
            for w in 0..W {
                // The base comes last: it is the largest, and rounding happens in its size once.
                out[at + w] = simd.add_f64s(base[at + w], moved[w]);
                sum[at + w] = total[w];
            }
        }
    }
}

struct Correct<'a, const N: usize> {
    outs: [&'a mut [f64]; N],
    base: &'a [f64],
    a: [f64; N],
    f: &'a [f64],
    sum: &'a [f64],
    rows: [Row<'a>; N],
    values: &'a [Vec<f64>],
}

impl<const N: usize> Pass for Correct<'_, N> {
    #[inline(always)]
    fn part<S: Simd, const W: usize>(&mut self, simd: S, range: Range<usize>) {
        let count = self.rows[0].len();
        let values = streams::<S>(self.values, count, &range);
        let lanes = self.outs.each_mut();
        let outs = lanes.map(|out| S::as_mut_simd_f64s(&mut out[range.clone()]).0);
        let (base, _) = S::as_simd_f64s(&self.base[range.clone()]);
        let (f, _) = S::as_simd_f64s(&self.f[range.clone()]);
        let (sum, _) = S::as_simd_f64s(&self.sum[range]);
        for at in (0..base.len()).step_by(W) {
            let moved = sums::<S, N, W>(simd, &self.rows, &values[..count], at);
            for w in 0..W {
                let (base, off) = (base[at + w], simd.sub_f64s(f[at + w], sum[at + w]));
                for i in 0..N {
                    let a = simd.splat_f64s(self.a[i]);
                    let moved = simd.mul_add_e_f64s(a, off, moved[i][w]);
                    outs[i][at + w] = simd.add_f64s(base, moved);
                }
            }
        }
    }
}

/// Added to what is there with `ADD`.
struct Combination<'a, const ADD: bool> {
    out: &'a mut [f64],
    row: Row<'a>,
    values: &'a [Vec<f64>],
}

impl<const ADD: bool> Pass for Combination<'_, ADD> {
    #[inline(always)]
    fn part<S: Simd, const W: usize>(&mut self, simd: S, range: Range<usize>) {
        let count = self.row.len();
        let values = streams::<S>(self.values, count, &range);
        let (out, _) = S::as_mut_simd_f64s(&mut self.out[range]);
        for at in (0..out.len()).step_by(W) {
            let [sum] = sums::<S, 1, W>(simd, &[self.row], &values[..count], at);
            for w in 0..W {
                out[at + w] = if ADD {
                    simd.add_f64s(out[at + w], sum[w])
                } else {
                    sum[w]
                };
            }
        }
    }
}

struct ErrorSquares<'a> {
    f: &'a [f64],
    sum: &'a [f64],
    terms: [Row<'a>; 3],
    values: &'a [Vec<f64>],
    unit: &'a [f64],
    squares: [[f64; 2]; 4],
}

impl Pass for ErrorSquares<'_> {
    /// No closures: they would be compiled without the vector units.
    #[inline(always)]
    fn part<S: Simd, const W: usize>(&mut self, simd: S, range: Range<usize>) {
        let count = self.terms[0].len();
        let values = streams::<S>(self.values, count, &range);
        let (f, _) = S::as_simd_f64s(&self.f[range.clone()]);
        let (sum, _) = S::as_simd_f64s(&self.sum[range.clone()]);
        let (unit, _) = S::as_simd_f64s(&self.unit[range]);
        let mut scaled = [simd.splat_f64s(0.0); 4];
        let mut plain = [simd.splat_f64s(0.0); 4];
        for start in (0..f.len()).step_by(W) {
            let terms = sums::<S, 3, W>(simd, &self.terms, &values[..count], start);
            for w in 0..W {
                let at = simd.sub_f64s(f[start + w], sum[start + w]);
                let lower = simd.add_f64s(at, terms[0][w]);
                let lowest = simd.add_f64s(lower, terms[1][w]);
                let errors = [at, lower, lowest, simd.sub_f64s(at, terms[2][w])];
                for k in 0..4 {
                    let e = simd.mul_f64s(errors[k], unit[start + w]);
                    scaled[k] = simd.mul_add_e_f64s(e, e, scaled[k]);
                    plain[k] = simd.mul_add_e_f64s(errors[k], errors[k], plain[k]);
                }
            }
        }
        for k in 0..4 {
            self.squares[k][0] += simd.reduce_sum_f64s(scaled[k]);
            self.squares[k][1] += simd.reduce_sum_f64s(plain[k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(n: usize, phase: f64) -> Vec<f64> {
        (0..n).map(|i| (phase + 0.37 * i as f64).sin()).collect()
    }

    /// Every count of values, and lengths with and without remainders, against plain sums.
    #[test]
    fn combinations_are_the_plain_sums() {
        for n in [1, 7, 64, 67] {
            let values: Vec<Vec<f64>> = (0..7).map(|j| vector(n, j as f64)).collect();
            let base = vector(n, 9.0);
            for count in 1..7 {
                let rows = [vector(count, 2.0), vector(count, 3.0)];
                let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
                predict(&mut a, &mut b, &base, [&rows[0], &rows[1]], &values);
                let mut y = base.clone();
                add_combination(&mut y, &rows[0], &values);
                let mut z = vec![0.0; n];
                let mut x = vec![0.0; n];
                let outs = [&mut z[..], &mut x];
                let seen = [&b[..], &a];
                let rows_of_both = [&rows[0][..], &rows[1]];
                correct(outs, &base, [2.0, 3.0], seen, rows_of_both, &values);
                for i in 0..n {
                    let sum = |row: &[f64]| -> f64 {
                        row.iter().zip(&values).map(|(r, v)| r * v[i]).sum()
                    };
                    assert!((a[i] - base[i] - sum(&rows[0])).abs() < 1e-14);
                    assert!((b[i] - sum(&rows[1])).abs() < 1e-14);
                    assert!((a[i] - y[i]).abs() < 1e-14);
                    let corrected = base[i] + 2.0 * (b[i] - a[i]) + sum(&rows[0]);
                    assert!((z[i] - corrected).abs() < 1e-14);
                    let corrected = base[i] + 3.0 * (b[i] - a[i]) + sum(&rows[1]);
                    assert!((x[i] - corrected).abs() < 1e-14);
                }
            }
        }
    }

    #[test]
    fn squares_are_the_plain_sums() {
        let n = 77;
        let [f, sum, other] = [0.1, 1.1, 2.1].map(|p| vector(n, p));
        let unit: Vec<f64> = vector(n, 5.0).iter().map(|v| 2.0 + v).collect();
        let plain =
            |x: &dyn Fn(usize) -> f64| -> f64 { (0..n).map(|i| (x(i) * unit[i]).powi(2)).sum() };
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-13, "{a} {b}");
        let exact = plain(&|i| f[i] - sum[i]);
        let values = [sum.clone(), other.clone()];
        let terms: [Row; 3] = [&[0.5, 0.0], &[0.0, -2.0], &[1.5, 0.25]];
        let found = error_squares(&f, &sum, terms, &values, &unit);
        near(found[0][0], exact);
        near(found[0][1], (0..n).map(|i| (f[i] - sum[i]).powi(2)).sum());
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
