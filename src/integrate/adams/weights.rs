//! Weights of the exponential Adams formulas.
//!
//! With `c_i(x) = Π_{j<i} (x + r_{j−1})/(1 + r_{j−1})`, `r_j = (t_n − t_{n−j})/h`, the polynomial
//! through the last `k` values is `Σ c_i(x) φ*_i` at `t_n + x h`, and
//! `w_i(s, z) = ∫_0^s e^{−z(s−x)} c_i(x) dx` advances `y' = −(z/h) y + N` by `s h`
//! (Hochbruck & Ostermann, *Exponential integrators*, 2010, §2.5). `z = 0` gives the weights of
//! Shampine & Gordon, *Computer Solution of ODEs*, 1975.

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

    /// `w_1 … w_count` for the part `s ∈ (0, 1]` of the step and `z = λ h ≥ 0`.
    pub fn weights(&self, s: f64, z: f64) -> Weights {
        let moments = moments(s, z, self.count);
        let mut weights = [0.0; TERMS];
        for (w, row) in weights.iter_mut().zip(&self.rows).take(self.count) {
            *w = row.iter().zip(&moments).map(|(a, b)| a * b).sum();
        }
        weights
    }
}

/// `∫_0^s e^{−z(s−x)} x^q dx = s^{q+1} q! φ_{q+1}(−z s)`, `q = 0 … count − 1`.
fn moments(s: f64, z: f64, count: usize) -> Weights {
    let mut out = [0.0; TERMS];
    let mut power = s;
    if z == 0.0 {
        for (q, m) in out.iter_mut().enumerate().take(count) {
            *m = power / (q + 1) as f64;
            power *= s;
        }
        return out;
    }
    let scaled = scaled_phi(z * s, count);
    for (m, phi) in out.iter_mut().zip(scaled).take(count) {
        *m = power * phi;
        power *= s;
    }
    out
}

/// Above this argument the recurrence runs upwards, below it downwards from a series: at the
/// border either way loses two digits at most.
const BORDER: f64 = 6.0;

/// `q! φ_{q+1}(−z) = ∫_0^1 e^{−z(1−x)} x^q dx =: m_q`; `z m_q = 1 − q m_{q−1}`.
fn scaled_phi(z: f64, count: usize) -> Weights {
    let mut m = [0.0; TERMS];
    if z > BORDER {
        m[0] = -(-z).exp_m1() / z;
        for q in 1..count {
            m[q] = (1.0 - q as f64 * m[q - 1]) / z;
        }
        return m;
    }
    let last = count - 1;
    m[last] = series(z, last);
    for q in (1..count).rev() {
        m[q - 1] = (1.0 - z * m[q]) / q as f64;
    }
    m
}

/// `m_q = Σ_j (−z)^j q!/(q+1+j)!`.
fn series(z: f64, q: usize) -> f64 {
    let mut term = 1.0 / (q + 1) as f64;
    let mut sum = term;
    let mut j = q + 2;
    while term.abs() > 1e-17 * sum.abs() {
        term *= -z / j as f64;
        sum += term;
        j += 1;
    }
    sum
}

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
        for z in [1e-9, 0.3, 1.0, 5.9, 6.1, 20.0, 300.0] {
            let m = scaled_phi(z, TERMS);
            for (q, m) in m.iter().enumerate() {
                let exact = quadrature(z, q);
                // Two digits may be lost on either side of the border.
                assert!((m / exact - 1.0).abs() < 1e-12, "z {z} q {q}: {m} {exact}");
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
