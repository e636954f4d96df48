//! Sums over pairs of entries in interleaved partial sums: a plain sum cannot be vectorised.

use pulp::{Arch, Simd, WithSimd, as_arrays};

/// From here on choosing the machine's vector units pays.
const LONG: usize = 128;

/// `Σ x_i y_i`.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len().min(y.len());
    let (x, y) = (&x[..n], &y[..n]);
    if n < LONG {
        return sum_pairs(x, y, |a, b| a * b);
    }
    Arch::new().dispatch(Dot { x, y })
}

/// `Σ f(x_i, y_i)` in eight partial sums; compiled for the vector units of where it stands.
#[inline(always)]
pub fn sum_pairs(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
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

struct Dot<'a> {
    x: &'a [f64],
    y: &'a [f64],
}

impl WithSimd for Dot<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (xs, x_tail) = S::as_simd_f64s(self.x);
        let (ys, y_tail) = S::as_simd_f64s(self.y);
        let (x_fours, x_rest) = as_arrays::<4, _>(xs);
        let (y_fours, y_rest) = as_arrays::<4, _>(ys);
        let mut sums = [simd.splat_f64s(0.0); 4];
        for (x, y) in x_fours.iter().zip(y_fours) {
            for i in 0..4 {
                sums[i] = simd.mul_add_e_f64s(x[i], y[i], sums[i]);
            }
        }
        for (x, y) in x_rest.iter().zip(y_rest) {
            sums[0] = simd.mul_add_e_f64s(*x, *y, sums[0]);
        }
        let tail = sum_pairs(x_tail, y_tail, |a, b| a * b);
        let low = simd.add_f64s(sums[0], sums[1]);
        let high = simd.add_f64s(sums[2], sums[3]);
        simd.reduce_sum_f64s(simd.add_f64s(low, high)) + tail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_is_the_plain_sum() {
        for n in [0, 1, 8, 13, 127, 128, 167, 200, 1000] {
            let x: Vec<f64> = (0..n).map(|i| (0.37 * f64::from(i)).sin()).collect();
            let y: Vec<f64> = (0..n).map(|i| (0.11 * f64::from(i)).cos()).collect();
            let exact: f64 = x.iter().zip(&y).map(|(a, b)| a * b).sum();
            // Roundoff of sums of n terms up to 1.
            assert!(
                (dot(&x, &y) - exact).abs() <= 1e-16 * f64::from(n * n),
                "{n}"
            );
        }
    }
}
