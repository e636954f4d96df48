//! Weights of the exponential Adams formulas.
//!
//! With `c_i(x) = Π_{j<i} (x + r_{j−1})/(1 + r_{j−1})`, `r_j = (t_n − t_{n−j})/h`, the polynomial
//! through the last `k` values is `Σ c_i(x) φ*_i` at `t_n + x h`, and
//! `w_i(s, z) = ∫_0^s e^{−z(s−x)} c_i(x) dx` advances `y' = −(z/h) y + N` by `s h`
//! (Hochbruck & Ostermann, *Exponential integrators*, 2010, §2.5). `z = 0` gives the weights of
//! Shampine & Gordon, *Computer Solution of ODEs*, 1975.

use pulp::{Arch, Simd, WithSimd};

/// Highest order of the predictor.
pub(super) const MAX_ORDER: usize = 12;
/// Number of weights that a step of the highest order needs.
pub(super) const TERMS: usize = MAX_ORDER + 1;

/// Weights `w_1 …` of one decay rate.
pub(super) type Weights = [f64; TERMS];

/// Monomial coefficients of `c_1 … c_{k+1}`; all are positive and each row sums to 1.
#[derive(Clone, PartialEq)]
pub(super) struct Basis {
    rows: [[f64; TERMS]; TERMS],
    count: usize,
}

impl Basis {
    /// `back[j] = t_n − t_{n−j−1}`, `j = 0 …`; `count` polynomials.
    pub fn new(h: f64, back: &[f64], count: usize) -> Self {
        let mut rows = [[0.0; TERMS]; TERMS];
        rows[0][0] = 1.0;
        for i in 1..count {
            let r = if i == 1 { 0.0 } else { back[i - 2] / h };
            let scale = 1.0 / (1.0 + r);
            let (done, rest) = rows.split_at_mut(i);
            for q in 0..i {
                rest[0][q] += scale * r * done[i - 1][q];
                rest[0][q + 1] += scale * done[i - 1][q];
            }
        }
        Self { rows, count }
    }

    /// `w_1 … w_count` for the part `s ∈ (0, 1]` of the step and `z = λ h`.
    pub fn weights(&self, s: f64, z: f64) -> Weights {
        let moments = moments(s, z);
        let mut weights = [0.0; TERMS];
        for (w, row) in weights.iter_mut().zip(self.rows()) {
            *w = row.iter().zip(&moments).map(|(a, b)| a * b).sum();
        }
        weights
    }

    /// What the moments of a whole step contribute to `w_1, w_2, …`.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        let rows = self.rows.iter().take(self.count).enumerate();
        rows.map(|(i, row)| &row[..=i])
    }
}

/// `∫_0^s e^{−z(s−x)} x^q dx = s^{q+1} q! φ_{q+1}(−z s)`, `q = 0, 1, …`.
fn moments(s: f64, z: f64) -> Weights {
    let mut out = match z == 0.0 {
        true => std::array::from_fn(|q| 1.0 / (q + 1) as f64),
        false => scaled_phi(z * s),
    };
    let mut power = s;
    for m in &mut out {
        *m *= power;
        power *= s;
    }
    out
}

/// Above this argument the recurrence runs upwards, below it downwards from a series: at the
/// border either way loses two digits at most.
const BORDER: f64 = 6.0;

/// `q! φ_{q+1}(−z) = ∫_0^1 e^{−z(1−x)} x^q dx =: m_q`, `q = 0, 1, …`; `z m_q = 1 − q m_{q−1}`.
fn scaled_phi(z: f64) -> Weights {
    let mut m = [0.0; TERMS];
    scaled_phis(&[z], 1.0, &mut m.each_mut().map(std::slice::from_mut));
    m
}

/// The same for all `z_i = λ_i h` into `out[q][i]`.
pub(super) fn all_scaled_phis(rates: &[f64], h: f64, out: &mut [Vec<f64>; TERMS]) {
    Arch::new().dispatch(AllScaledPhis { rates, h, out });
}

struct AllScaledPhis<'a> {
    rates: &'a [f64],
    h: f64,
    out: &'a mut [Vec<f64>; TERMS],
}

impl WithSimd for AllScaledPhis<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { rates, h, out } = self;
        let mut start = 0;
        // Rates are sorted: few runs.
        for run in rates.chunk_by(|a, b| is_large(a * h) == is_large(b * h)) {
            let end = start + run.len();
            let mut part = out.each_mut().map(|row| &mut row[start..end]);
            scaled_phis(run, h, &mut part);
            start = end;
        }
    }
}

fn is_large(z: f64) -> bool {
    z.abs() > BORDER
}

/// For rates on the same side of the border.
#[inline(always)]
fn scaled_phis(rates: &[f64], h: f64, m: &mut [&mut [f64]; TERMS]) {
    let n = rates.len();
    if rates.first().is_some_and(|rate| is_large(rate * h)) {
        for i in 0..n {
            let z = rates[i] * h;
            m[0][i] = -(-z).exp_m1() / z;
        }
        for q in 1..TERMS {
            let (done, rest) = m.split_at_mut(q);
            let (last, next) = (&done[q - 1][..n], &mut rest[0][..n]);
            for i in 0..n {
                next[i] = (1.0 - q as f64 * last[i]) / (rates[i] * h);
            }
        }
        return;
    }
    let top = &mut m[TERMS - 1][..n];
    top.fill(0.0);
    for c in SERIES.iter().rev() {
        for i in 0..n {
            top[i] = c - rates[i] * h * top[i];
        }
    }
    for q in (1..TERMS).rev() {
        let (rest, done) = m.split_at_mut(q);
        let (last, next) = (&done[0][..n], &mut rest[q - 1][..n]);
        for i in 0..n {
            next[i] = (1.0 - rates[i] * h * last[i]) * RECIPROCALS[q];
        }
    }
}

/// `q!/(q+1+j)!` of `m_q = Σ_j (−z)^j q!/(q+1+j)!` for the last `q`, as many as the border needs.
const SERIES: [f64; 30] = {
    let mut terms = [1.0 / TERMS as f64; 30];
    let mut j = 1;
    while j < terms.len() {
        terms[j] = terms[j - 1] / (TERMS + j) as f64;
        j += 1;
    }
    terms
};

/// `1/q`.
const RECIPROCALS: Weights = {
    let mut values = [1.0; TERMS];
    let mut q = 1;
    while q < values.len() {
        values[q] = 1.0 / q as f64;
        q += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Gauss–Legendre on panels that resolve the boundary layer at `x = 1`.
    fn quadrature(z: f64, q: usize) -> f64 {
        let nodes = [
            (0.183_434_642_495_649_8, 0.362_683_783_378_362),
            (0.525_532_409_916_329, 0.313_706_645_877_887_3),
            (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
            (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
        ];
        let f = |x: f64| (-z * (1.0 - x)).exp() * x.powi(q as i32);
        let panels = 4000;
        let h = 1.0 / f64::from(panels);
        let mut sum = 0.0;
        for i in 0..panels {
            let mid = h * (f64::from(i) + 0.5);
            for (x, w) in nodes {
                sum += 0.5 * h * w * (f(mid + 0.5 * h * x) + f(mid - 0.5 * h * x));
            }
        }
        sum
    }

    #[test]
    fn moments_match_quadrature() {
        for z in [
            -20.0, -6.1, -5.9, -0.4, 1e-9, 0.3, 1.0, 5.9, 6.1, 20.0, 300.0,
        ] {
            let m = scaled_phi(z);
            for (q, m) in m.iter().enumerate() {
                let exact = quadrature(z, q);
                // Two digits may be lost on either side of the border.
                assert!((m / exact - 1.0).abs() < 1e-12, "z {z} q {q}: {m} {exact}");
            }
        }
    }

    /// Side by side, on both sides of the border.
    #[test]
    fn moments_side_by_side_are_those_one_by_one() {
        let rates: Vec<f64> = (0..11).map(|i| 1.1 * i as f64 - 5.0).collect();
        let mut found: [Vec<f64>; TERMS] = std::array::from_fn(|_| vec![0.0; rates.len()]);
        all_scaled_phis(&rates, 2.0, &mut found);
        for (i, rate) in rates.iter().enumerate() {
            for (found, exact) in found.iter().zip(scaled_phi(2.0 * rate)) {
                // Fused operations round differently; two digits may be lost.
                assert!(
                    (found[i] / exact - 1.0).abs() < 1e-13,
                    "{} {exact}",
                    found[i]
                );
            }
        }
    }

    #[test]
    fn equal_steps_without_decay_give_adams_bashforth_and_moulton() {
        // Integrals of the backward-difference basis: 1, 1/2, 5/12, 3/8, 251/720, 95/288.
        let back: Vec<f64> = (1..8).map(f64::from).collect();
        let weights = Basis::new(1.0, &back, 6).weights(1.0, 0.0);
        // c_i carries 1/(1·2·…·i) instead of binomials: φ*_i are those of Shampine & Gordon,
        // whose weights are 1, 1/2, 5/12, … for equal steps.
        let exact = [1.0, 0.5, 5.0 / 12.0, 3.0 / 8.0, 251.0 / 720.0, 95.0 / 288.0];
        for (w, e) in weights.iter().zip(exact) {
            assert!((w - e).abs() < 1e-15, "{w} {e}");
        }
    }

    /// `r_0 … r_7` of uneven steps; `h` is the new step.
    const BACK: [f64; 8] = [0.3, 0.4, 1.1, 1.35, 2.0, 2.9, 3.0, 3.6];
    const STEP: f64 = 0.7;

    /// `Σ_i w_i φ*_i` for the values of `x^q`, `x = (t − t_n)/h`: with divided differences in `x`
    /// at `−r_j`, `φ*_i = Π_{j<i} (1 + r_{j−1}) · f[…]`.
    fn weighted(weights: &Weights, count: usize, q: usize) -> f64 {
        let node = |j: usize| if j == 0 { 0.0 } else { -BACK[j - 1] / STEP };
        let mut divided: Vec<f64> = (0..count).map(|j| node(j).powi(q as i32)).collect();
        for level in 1..count {
            for i in (level..count).rev() {
                divided[i] = (divided[i - 1] - divided[i]) / (node(i - level) - node(i));
            }
        }
        let (mut sum, mut product) = (0.0, 1.0);
        for (i, d) in divided.iter().enumerate() {
            sum += weights[i] * product * d;
            product *= 1.0 - node(i);
        }
        sum
    }

    #[test]
    fn uneven_steps_integrate_polynomials_exactly() {
        let count = 6;
        let basis = Basis::new(STEP, &BACK, count);
        for s in [0.2_f64, 0.7, 1.0] {
            let weights = basis.weights(s, 0.0);
            for q in 0..count {
                let exact = s.powi(q as i32 + 1) / (q + 1) as f64;
                let found = weighted(&weights, count, q);
                // Divided differences of x^q at nodes down to −3 amplify roundoff.
                assert!(
                    (found - exact).abs() < 1e-12,
                    "s {s} q {q}: {found} {exact}"
                );
            }
        }
    }

    #[test]
    fn uneven_steps_integrate_decayed_polynomials_exactly() {
        let count = 6;
        let basis = Basis::new(STEP, &BACK, count);
        for s in [0.2_f64, 0.7, 1.0] {
            for z in [1e-6, 0.5, 4.0, 9.0, 80.0] {
                let weights = basis.weights(s, z);
                for q in 0..count {
                    // ∫_0^s e^{−z(s−x)} x^q dx = s^{q+1} ∫_0^1 e^{−zs(1−x)} x^q dx.
                    let exact = s.powi(q as i32 + 1) * quadrature(z * s, q);
                    let found = weighted(&weights, count, q);
                    assert!(
                        (found - exact).abs() < 1e-12,
                        "s {s} z {z} q {q}: {found} {exact}"
                    );
                }
            }
        }
    }

    #[test]
    fn rows_sum_to_one() {
        let basis = Basis::new(STEP, &BACK, 7);
        for row in &basis.rows[..7] {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-15 * 7.0);
            assert!(row.iter().all(|&a| a >= 0.0));
        }
    }
}
