//! The passes through memory that a step makes, each over all vectors at once, compiled for the
//! machine's vector units and chosen at run time. A step of a large network is bound by these
//! passes, so nothing is read twice that can be read once.

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

/// Sizes in `unit` into one over what is allowed, `1/(atol + rtol size)`; returns the sums of the
/// squares of what is allowed and of `y`.
pub(super) fn set_units(
    unit: &mut [f64],
    y: &[f64],
    atol: &[f64],
    safety: f64,
    rtol: f64,
) -> [f64; 2] {
    Arch::new().dispatch(SetUnits {
        unit,
        y,
        atol,
        safety,
        rtol,
    })
}

/// Vectors of lanes handled together: enough sums side by side to hide their latency, few enough
/// to stay in registers.
const WIDE: usize = 4;

/// Where the parts of `0..n` end that are handled `WIDE` vectors, one vector and one number at a
/// time.
fn cuts<S: Simd>(n: usize) -> [Range<usize>; 3] {
    let wide = n - n % (WIDE * S::F64_LANES);
    let whole = n - n % S::F64_LANES;
    [0..wide, wide..whole, whole..n]
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

impl WithSimd for Predict<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [wide, whole, rest] = cuts::<S>(self.out.len());
        self.part::<S, WIDE>(simd, wide);
        self.part::<S, 1>(simd, whole);
        self.part::<Scalar, 1>(Scalar, rest);
    }
}

impl Predict<'_> {
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

/// Added to what is there with `ADD`.
struct Combination<'a, const ADD: bool> {
    out: &'a mut [f64],
    row: Row<'a>,
    values: &'a [Vec<f64>],
}

impl<const ADD: bool> WithSimd for Combination<'_, ADD> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [wide, whole, rest] = cuts::<S>(self.out.len());
        self.part::<S, WIDE>(simd, wide);
        self.part::<S, 1>(simd, whole);
        self.part::<Scalar, 1>(Scalar, rest);
    }
}

impl<const ADD: bool> Combination<'_, ADD> {
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
        let mut squares = [[0.0; 2]; 4];
        let [wide, whole, rest] = cuts::<S>(self.f.len());
        self.add_part::<S, WIDE>(simd, wide, &mut squares);
        self.add_part::<S, 1>(simd, whole, &mut squares);
        self.add_part::<Scalar, 1>(Scalar, rest, &mut squares);
        squares
    }
}

impl ErrorSquares<'_> {
    /// Closures would be compiled without the vector units.
    #[inline(always)]
    fn add_part<S: Simd, const W: usize>(
        &self,
        simd: S,
        range: Range<usize>,
        squares: &mut [[f64; 2]; 4],
    ) {
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
            squares[k][0] += simd.reduce_sum_f64s(scaled[k]);
            squares[k][1] += simd.reduce_sum_f64s(plain[k]);
        }
    }
}

struct SetUnits<'a> {
    unit: &'a mut [f64],
    y: &'a [f64],
    atol: &'a [f64],
    safety: f64,
    rtol: f64,
}

impl WithSimd for SetUnits<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) -> [f64; 2] {
        let n = self.unit.len();
        let whole = n - n % S::F64_LANES;
        let head = self.part(simd, 0..whole);
        let tail = self.part(Scalar, whole..n);
        [head[0] + tail[0], head[1] + tail[1]]
    }
}

impl SetUnits<'_> {
    #[inline(always)]
    fn part<S: Simd>(&mut self, simd: S, range: Range<usize>) -> [f64; 2] {
        let (unit, _) = S::as_mut_simd_f64s(&mut self.unit[range.clone()]);
        let (y, _) = S::as_simd_f64s(&self.y[range.clone()]);
        let (atol, _) = S::as_simd_f64s(&self.atol[range]);
        let (safety, rtol) = (simd.splat_f64s(self.safety), simd.splat_f64s(self.rtol));
        let (one, least) = (simd.splat_f64s(1.0), simd.splat_f64s(f64::MIN_POSITIVE));
        let mut allowed = simd.splat_f64s(0.0);
        let mut size = allowed;
        for i in 0..unit.len() {
            let scale = simd.mul_add_e_f64s(safety, atol[i], simd.mul_f64s(rtol, unit[i]));
            let scale = simd.max_f64s(scale, least);
            unit[i] = simd.div_f64s(one, scale);
            allowed = simd.mul_add_e_f64s(scale, scale, allowed);
            size = simd.mul_add_e_f64s(y[i], y[i], size);
        }
        [simd.reduce_sum_f64s(allowed), simd.reduce_sum_f64s(size)]
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
        for n in [1, 7, 64, 67] {
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
        let y = vector(unit.len(), 1.0);
        let [sum, size] = set_units(&mut unit, &y, &atol, 0.5, 1e-4);
        let mut exact = 0.0;
        for i in 0..unit.len() {
            let allowed = (0.5 * atol[i] + 1e-4 * sizes[i]).max(f64::MIN_POSITIVE);
            assert!((unit[i] * allowed - 1.0).abs() < 1e-15);
            exact += allowed * allowed;
        }
        assert!((sum / exact - 1.0).abs() < 1e-14);
        let exact: f64 = y.iter().map(|y| y * y).sum();
        assert!((size / exact - 1.0).abs() < 1e-14);
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
