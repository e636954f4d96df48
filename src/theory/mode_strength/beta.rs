//! `B_a(z) = ∫_0^z u^{a−1}/(1−u) du = Σ_k z^{k+a}/(k+a)`, the incomplete beta function `B(z; a, 0)`
//! (DLMF 8.17.7), for `0 < a < 2`.
//!
//! Written here because crates for the incomplete beta function (puruspe, special, statrs) need a
//! positive second parameter, and because one must be able to hand in `1 − z` beside `z`: near the
//! end of a transition it carries all the digits.

/// `B_a(z)` with `w = 1 − z`, both in `[0, 1]`; infinite at `z = 1`. Accurate to a few ulp.
pub(super) fn incomplete(a: f64, z: f64, w: f64) -> f64 {
    if z <= 0.5 {
        return z.powf(a) * head(a, z);
    }
    0.5_f64.powf(a) * head(a, 0.5) + 0.5_f64.ln() - w.ln() + tail(a, 0.5) - tail(a, w)
}

/// `Σ_k z^k/(k+a)`, for `0 ≤ z ≤ ½`.
pub(super) fn head(a: f64, z: f64) -> f64 {
    let (mut power, mut sum) = (1.0, 0.0);
    for k in 0..60 {
        sum += power / (f64::from(k) + a);
        power *= z;
    }
    sum
}

/// `∫_0^w ((1−v)^{a−1} − 1)/v dv = Σ c_k w^k/k` with the binomial coefficients of
/// `(1−v)^{a−1} = Σ c_k v^k`, for `w ≤ ½`.
fn tail(a: f64, w: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for k in 1..60 {
        let k = f64::from(k);
        term *= w * (k - a) / k;
        sum += term / k;
    }
    sum
}
