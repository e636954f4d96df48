//! The other passes that a step makes through its vectors, compiled for the machine's vector units and
//! chosen at run time.

use pulp::{Arch, Scalar, Simd, WithSimd};
use std::ops::Range;

/// `y += Σ_j row[j] a[j] ∘ b[j]`, entry by entry.
pub(super) fn add_products(y: &mut [f64], row: &[f64], a: &[Vec<f64>], b: &[Vec<f64>]) {
    Arch::new().dispatch(AddProducts { y, row, a, b });
}

/// `Σ (x_i − y_i)² u_i²` and `Σ (x_i − y_i)²`.
pub(super) fn distances(x: &[f64], y: &[f64], unit: &[f64]) -> [f64; 2] {
    Arch::new().dispatch(Distances { x, y, unit })
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

struct AddProducts<'a> {
    y: &'a mut [f64],
    row: &'a [f64],
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
    fn distances_are_the_plain_sums() {
        let n = 77;
        let [x, y, unit] = [0.1, 1.1, 5.0].map(|p| vector(n, p));
        let differences = || x.iter().zip(&y).map(|(x, y)| x - y);
        let [scaled, plain] = distances(&x, &y, &unit);
        let exact: f64 = differences().map(|d| d * d).sum();
        assert!((plain / exact - 1.0).abs() < 1e-14);
        let exact: f64 = differences().zip(&unit).map(|(d, u)| (d * u).powi(2)).sum();
        assert!((scaled / exact - 1.0).abs() < 1e-14);
    }
}
