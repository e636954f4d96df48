//! `ds/dt = L s^{2−2/L} (s* − s)`: one mode of a balanced, aligned network of depth `L` under
//! squared error (Saxe, McClelland & Ganguli 2014; Arora, Cohen & Hazan 2018).
//!
//! With `x = (s/s*)^{1/L}` it takes the time `s*^{−(2−2/L)} [Φ_L(x) − Φ_L(x_0)]` from `s_0` to `s`,
//! `Φ_L(x) = −x^{2−L}/(L−2) + I_L(x)`, `I_L(x) = ∫_0^x y/(1−y^L) dy`; for `L = 2` the first term
//! is `ln x`.

/// Time from strength `start` to `end`, both strictly between 0 and `target`, for depth `L ≥ 1`.
/// Negative when `end < start`.
pub fn time_between(depth: usize, target: f64, start: f64, end: f64) -> f64 {
    let scale = target.powf(2.0 / depth as f64 - 2.0);
    let (z0, z1) = (start / target, end / target);
    scale * (wait(depth, z0, z1) + approach(depth, z1) - approach(depth, z0))
}

/// `s*^{−(2−2/L)} Φ_L((end/s*)^{1/L})`, `L ≥ 3`, `0 < end < target`: the time from where the mode
/// would blow up without its target to `end`, for a start at 0 and `−∞`.
pub fn time_after_blow_up(depth: usize, target: f64, end: f64) -> f64 {
    let (l, z) = (depth as f64, end / target);
    let scale = target.powf(2.0 / l - 2.0);
    scale * (approach(depth, z) - z.powf(2.0 / l - 1.0) / (l - 2.0))
}

/// The part `−x^{2−L}/(L−2)` (`ln x` for `L = 2`) between `z_0` and `z_1`, `x = z^{1/L}`.
fn wait(depth: usize, z0: f64, z1: f64) -> f64 {
    let l = depth as f64;
    if depth == 2 {
        return 0.5 * (z1.ln() - z0.ln());
    }
    let exponent = (2.0 - l) / l;
    (z0.powf(exponent) - z1.powf(exponent)) / (l - 2.0)
}

/// `I_L = (1/L) ∫_0^z u^{a−1}/(1−u) du`, `a = 2/L`, `z = x^L`.
fn approach(depth: usize, z: f64) -> f64 {
    let (l, a) = (depth as f64, 2.0 / depth as f64);
    if z <= 0.5 {
        return series_at_zero(a, z) / l;
    }
    let near_one = tail_at_one(a, 0.5) - tail_at_one(a, 1.0 - z);
    (series_at_zero(a, 0.5) - 0.5_f64.ln().abs() - (1.0 - z).ln() + near_one) / l
}

/// `∫_0^z u^{a−1}/(1−u) du = Σ z^{k+a}/(k+a)`, for `z ≤ ½`.
fn series_at_zero(a: f64, z: f64) -> f64 {
    let mut power = z.powf(a);
    let mut sum = 0.0;
    for k in 0..60 {
        sum += power / (f64::from(k) + a);
        power *= z;
    }
    sum
}

/// `∫_0^w ((1−v)^{a−1} − 1)/v dv = Σ c_k w^k/k` with the binomial coefficients of
/// `(1−v)^{a−1} = Σ c_k v^k`, for `w ≤ ½`.
fn tail_at_one(a: f64, w: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for k in 1..60 {
        let k = f64::from(k);
        term *= w * (k - a) / k;
        sum += term / k;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::time_between;

    /// Adaptive-free check: composite Gauss–Legendre in `ln s` of `dt = ds / (L s^{2−2/L}(s*−s))`.
    fn quadrature(depth: usize, target: f64, start: f64, end: f64) -> f64 {
        let nodes = [
            (0.183_434_642_495_649_8, 0.362_683_783_378_362),
            (0.525_532_409_916_329, 0.313_706_645_877_887_3),
            (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
            (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
        ];
        let l = depth as f64;
        let rate = |y: f64| {
            let s = y.exp();
            1.0 / (l * s.powf(1.0 - 2.0 / l) * (target - s))
        };
        let (y0, y1, panels) = (start.ln(), end.ln(), 4000);
        let h = (y1 - y0) / f64::from(panels);
        let mut sum = 0.0;
        for i in 0..panels {
            let mid = y0 + h * (f64::from(i) + 0.5);
            for (x, w) in nodes {
                sum += w * (rate(mid + 0.5 * h * x) + rate(mid - 0.5 * h * x));
            }
        }
        0.5 * h * sum
    }

    #[test]
    fn agrees_with_quadrature() {
        // Quadrature of smooth panels and the series are both good to a few ulp per term.
        for depth in [1, 2, 3, 4, 6, 10] {
            for (start, end) in [(1e-3, 0.2), (1e-2, 0.85), (0.3, 1.6), (0.9, 1.69)] {
                let (exact, t) = (
                    quadrature(depth, 1.7, start, end),
                    time_between(depth, 1.7, start, end),
                );
                assert!(
                    (t / exact - 1.0).abs() < 1e-12,
                    "L = {depth}, {start} to {end}: {t} against {exact}"
                );
            }
        }
    }

    #[test]
    fn two_layers_are_logistic() {
        // T = (1/2s*) [ln(f/(1−f)) + ln((s*−s0)/s0)], f = 1/2
        let t = time_between(2, 1.7, 1e-200, 0.85);
        let exact = (1.7f64.ln() + 200.0 * 10f64.ln()) / 3.4;
        assert!((t / exact - 1.0).abs() < 1e-14);
    }
}
