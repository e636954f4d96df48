//! Polynomials through the last values: their integrals back in time and the differences of
//! values at uneven times.

use super::weights::MAX_ORDER;

/// Seven-point Gauss rule on `[0, 1]`, exact to degree 13.
const GAUSS: [(f64, f64); 7] = [
    (0.025_446_043_828_620_757, 0.064_742_483_084_434_85),
    (0.129_234_407_200_302_77, 0.139_852_695_744_638_33),
    (0.297_077_424_311_301_4, 0.190_915_025_252_559_46),
    (0.5, 0.208_979_591_836_734_7),
    (0.702_922_575_688_698_6, 0.190_915_025_252_559_46),
    (0.870_765_592_799_697_2, 0.139_852_695_744_638_33),
    (0.974_553_956_171_379_2, 0.064_742_483_084_434_85),
];

pub(super) type Square = [[f64; MAX_ORDER + 2]; MAX_ORDER + 2];

/// `out[node][j] = ∫_{−ψ_node}^0 Π_{l<j} (u + ψ_l)/ψ_{l+1} du`, `ψ_0 = 0`, `ψ_l = back[l − 1]`.
pub(super) fn backward_integrals(back: &[f64], count: usize) -> Square {
    let mut out: Square = [[0.0; MAX_ORDER + 2]; MAX_ORDER + 2];
    let psi = |l: usize| if l == 0 { 0.0 } else { back[l - 1] };
    for node in 1..count {
        let (from, to) = (-psi(node), -psi(node - 1));
        out[node] = out[node - 1];
        for (x, weight) in GAUSS {
            let u = from + (to - from) * x;
            let mut term = (to - from) * weight;
            for j in 0..count {
                out[node][j] += term;
                term *= (u + psi(j)) / psi(j + 1);
            }
        }
    }
    out
}

/// `D` with `ψ_1 ⋯ ψ_i f[t_n, …, t_{n−i}] = Σ_j D_ij f_{n−j}`, `i < count`.
pub(super) fn difference_rows(back: &[f64], count: usize) -> Square {
    let psi = |l: usize| if l == 0 { 0.0 } else { back[l - 1] };
    let mut rows: Square = [[0.0; MAX_ORDER + 2]; MAX_ORDER + 2];
    rows[0][0] = 1.0;
    for i in 1..count {
        let (done, rest) = rows.split_at_mut(i);
        let mut own = 1.0;
        for j in 0..i {
            rest[0][j] = done[i - 1][j] * (psi(i) / (psi(i) - psi(j)));
            own *= psi(j + 1) / (psi(j) - psi(i));
        }
        rest[0][i] = own;
    }
    rows
}

/// Values at `t_n, t_{n−1}, …` into modified divided differences, in place.
pub(super) fn modified_differences(values: &mut [f64], back: &[f64]) {
    let psi = |l: usize| if l == 0 { 0.0 } else { back[l - 1] };
    let count = values.len();
    for level in 1..count {
        for i in (level..count).rev() {
            // The ratio of times: powers of long steps would leave the range of `f64`.
            values[i] = (values[i - 1] - values[i]) * (psi(level) / (psi(i) - psi(i - level)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ψ_1 …` of uneven steps.
    const BACK: [f64; 8] = [0.3, 0.4, 1.1, 1.35, 2.0, 2.9, 3.0, 3.6];

    fn psi(l: usize) -> f64 {
        if l == 0 { 0.0 } else { BACK[l - 1] }
    }

    /// Monomial coefficients of `Π_{l<j} (u + ψ_l)/ψ_{l+1}`.
    fn newton(j: usize) -> Vec<f64> {
        let mut p = vec![1.0];
        for l in 0..j {
            let mut next = vec![0.0; p.len() + 1];
            for (q, a) in p.iter().enumerate() {
                next[q] += a * psi(l) / psi(l + 1);
                next[q + 1] += a / psi(l + 1);
            }
            p = next;
        }
        p
    }

    fn value(p: &[f64], u: f64) -> f64 {
        p.iter().rev().fold(0.0, |sum, a| sum * u + a)
    }

    /// `∫_from^0` of a polynomial, term by term.
    fn integral(p: &[f64], from: f64) -> f64 {
        let term = |(q, a): (usize, &f64)| -a * from.powi(q as i32 + 1) / (q + 1) as f64;
        p.iter().enumerate().map(term).sum()
    }

    #[test]
    fn backward_integrals_are_those_of_the_newton_polynomials() {
        let count = 7;
        let table = backward_integrals(&BACK, count);
        for node in 0..count {
            for j in 0..count {
                let p = newton(j);
                let exact = integral(&p, -psi(node));
                // The terms alternate: roundoff is that of their absolute values.
                let size = 1.0 + integral(&p, psi(node)).abs();
                let error = (table[node][j] - exact).abs();
                assert!(
                    error < 1e-14 * size,
                    "{node} {j}: {} {exact}",
                    table[node][j]
                );
            }
        }
    }

    #[test]
    fn modified_differences_are_coefficients_of_the_newton_polynomials() {
        let coefficients = [0.7, -1.3, 0.4, 2.1, -0.6, 0.9];
        let at = |u: f64| -> f64 {
            let terms = coefficients.iter().enumerate();
            terms.map(|(j, a)| a * value(&newton(j), u)).sum()
        };
        let mut values: Vec<f64> = (0..6).map(|node| at(-psi(node))).collect();
        modified_differences(&mut values, &BACK);
        for (found, exact) in values.iter().zip(coefficients) {
            assert!((found - exact).abs() < 1e-12, "{found} {exact}");
        }
    }

    /// Times in a unit of a power of two change no digit, also where their powers would overflow.
    #[test]
    fn differences_do_not_depend_on_the_unit_of_time() {
        let values: Vec<f64> = (0..8).map(|i| (1.3 * f64::from(i)).sin()).collect();
        let mut known = values.clone();
        modified_differences(&mut known, &BACK);
        let mut found = values;
        modified_differences(&mut found, &BACK.map(|t| t * 2.0_f64.powi(300)));
        assert_eq!(found, known);
    }

    #[test]
    fn rows_of_differences_apply_them() {
        let values: Vec<f64> = (0..8).map(|i| (1.3 * f64::from(i)).sin()).collect();
        let mut exact = values.clone();
        modified_differences(&mut exact, &BACK);
        let rows = difference_rows(&BACK, 8);
        for (row, exact) in rows.iter().zip(&exact) {
            let found: f64 = row.iter().zip(&values).map(|(d, v)| d * v).sum();
            // Terms of alternating sign: roundoff is that of the largest.
            let size = row.iter().fold(1.0, |m: f64, d| m.max(d.abs()));
            assert!((found - exact).abs() < 1e-14 * size, "{found} {exact}");
        }
    }
}
