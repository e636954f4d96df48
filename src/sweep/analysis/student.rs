//! Student's t distribution: `P(|T| ≤ t) = 1 − I_x(ν/2, 1/2)`, `x = ν/(ν + t²)`.

use crate::linalg::bisect;

/// `t` with `P(|T| ≤ t) = confidence` for `ν` degrees of freedom, by bisection.
pub fn quantile(confidence: f64, degrees: f64) -> f64 {
    let mut hi = 1.0;
    while inside(hi, degrees) < confidence && hi < 1e300 {
        hi *= 2.0;
    }
    let [lo, hi] = bisect([0.0, hi], 200, |t| inside(t, degrees) >= confidence);
    0.5 * (lo + hi)
}

/// `P(|T| ≤ t)`.
fn inside(t: f64, degrees: f64) -> f64 {
    1.0 - incomplete_beta(0.5 * degrees, 0.5, degrees / (degrees + t * t))
}

/// Regularised incomplete beta function by Lentz's method for its continued fraction (DLMF 8.17.22).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast below its mean; above it the symmetric one does.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let log_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
        + a * libm::log(x)
        + b * libm::log1p(-x);
    libm::exp(log_front) / (a * fraction(a, b, x))
}

/// `1 + d_1/(1 + d_2/(1 + …))`.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let term = |n: usize| {
        let m = (n / 2) as f64;
        match n % 2 {
            0 => m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            _ => -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        }
    };
    let (mut value, mut c, mut d) = (1.0, 1.0, 0.0);
    for n in 1..10_000 {
        d = 1.0 / nonzero(1.0 + term(n) * d, TINY);
        c = nonzero(1.0 + term(n) / c, TINY);
        value *= c * d;
        if f64::abs(c * d - 1.0) < 1e-16 {
            break;
        }
    }
    value
}

fn nonzero(x: f64, tiny: f64) -> f64 {
    if x == 0.0 { tiny } else { x }
}

#[cfg(test)]
mod tests {
    use super::quantile;

    /// Printed tables: two-sided 95 % and 99 %.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table = [
            (0.95, 1.0, 12.7062),
            (0.95, 2.0, 4.30265),
            (0.95, 10.0, 2.22814),
            (0.95, 120.0, 1.97993),
            (0.99, 5.0, 4.03214),
        ];
        for (confidence, degrees, expected) in table {
            let found = quantile(confidence, degrees);
            assert!((found / expected - 1.0).abs() < 1e-5, "{degrees}: {found}");
        }
    }
}
