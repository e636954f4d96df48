//! `ds/dt = L s^{2−2/L}(s* − s) − 2λL s`: one mode of a balanced, aligned network under squared error
//! and the regularisation `λ‖θ‖²`; it descends `½(s − s*)² + λL s^{2/L}`
//! (Saxe, McClelland & Ganguli 2014; Arora, Cohen & Hazan 2018, 2019).
//!
//! It rests where `s = 0` or `s^{1−2/L}(s* − s) = 2λ`. One layer: `s = s*/(1 + 2λ)`. Two layers:
//! `s = s* − 2λ` if positive. `L ≥ 3`: for `λ < λ_c` two roots `s_− < s_+`, of which `s_+` is stable;
//! `s_−` divides the starts that reach it from those that die out, and `0` is stable for every `λ > 0`.

mod travel;

pub use travel::time_between;

/// Positive strengths at which a mode rests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stationary {
    /// The stable one: `s_+`, or the only one up to two layers.
    pub upper: f64,
    /// `s_−`, the least start that survives: 0 up to two layers and without regularisation.
    pub lower: f64,
}

/// `λ_c = ½ s*^{2−2/L} [L/(2L−2)] [(L−2)/(2L−2)]^{(L−2)/L}` (`s*/2` for `L = 2`, infinite for
/// `L = 1`): from this `l2` on no positive strength is stationary.
pub fn critical_l2(depth: usize, target: f64) -> f64 {
    if depth < 2 {
        return f64::INFINITY;
    }
    let l = depth as f64;
    let place = peak(depth).powf((l - 2.0) / l);
    0.5 * target.powf(2.0 - 2.0 / l) * (l / (2.0 * l - 2.0)) * place
}

/// `λ_g = s*^{2−2/L}/(2(L−1)) [(L−2)/(L−1)]^{(L−2)/L}` (`s*/2` for `L = 2`, infinite for `L = 1`): a
/// mode is present in the global minimum if and only if `l2` is less. There it jumps to 0 from
/// `s*(L−2)/(L−1)`.
pub fn global_l2(depth: usize, target: f64) -> f64 {
    if depth < 2 {
        return f64::INFINITY;
    }
    let l = depth as f64;
    let jump = ((l - 2.0) / (l - 1.0)).powf((l - 2.0) / l);
    target.powf(2.0 - 2.0 / l) / (2.0 * (l - 1.0)) * jump
}

/// `½(s − s*)² + λL s^{2/L}`.
pub fn objective(depth: usize, target: f64, l2: f64, s: f64) -> f64 {
    let l = depth as f64;
    0.5 * (s - target) * (s - target) + l2 * l * s.powf(2.0 / l)
}

/// The positive stationary strengths for `depth ≥ 1`, `target ≥ 0`, `l2 ≥ 0`; none from `critical_l2`
/// on and for `target = 0`. To a few ulp, but near `critical_l2`, where the two become one, to the
/// square root of roundoff.
pub fn stationary(depth: usize, target: f64, l2: f64) -> Option<Stationary> {
    if !(target > 0.0 && l2 >= 0.0 && l2 < critical_l2(depth, target)) {
        return None;
    }
    let only = |upper| Stationary { upper, lower: 0.0 };
    Some(match depth {
        0 | 1 => only(target / (1.0 + 2.0 * l2)),
        2 => only(target - 2.0 * l2),
        _ if l2 == 0.0 => only(target),
        _ => {
            // c ln u + ln(1−u) = ln κ with u = s/s*, κ = 2λ s*^{−(2−2/L)}
            let l = depth as f64;
            let c = 1.0 - 2.0 / l;
            let log = (2.0 * l2).ln() - (1.0 + c) * target.ln();
            let lower = target * balance(c, 1.0, log).exp();
            // A logarithm of hundreds costs digits; far below the target one substitution, which
            // contracts by about s/(c s*), brings them back.
            let again = (2.0 * l2 / (target - lower)).powf(l / (l - 2.0));
            Stationary {
                upper: target * (1.0 - balance(1.0, c, log).exp()),
                lower: if lower < 0.1 * c * target {
                    again
                } else {
                    lower
                },
            }
        }
    })
}

/// The strength that a mode tends to from `start ≥ 0`. One layer does not wait at 0.
pub fn limit(depth: usize, target: f64, l2: f64, start: f64) -> f64 {
    match stationary(depth, target, l2) {
        Some(Stationary { upper, lower }) if start > lower || depth == 1 => upper,
        Some(Stationary { lower, .. }) if start == lower => lower,
        _ => 0.0,
    }
}

/// `s_m/s* = (L−2)/(2L−2)`, where the growth rate `s^{1−2/L}(s* − s)` of a mode is largest.
fn peak(depth: usize) -> f64 {
    (depth as f64 - 2.0) / (2.0 * depth as f64 - 2.0)
}

/// The lower solution `m < 0` of `p m + q ln(1 − e^m) = log`. The left side is concave, so Newton's
/// method from `log/p`, where it is too small, comes from below.
fn balance(p: f64, q: f64, log: f64) -> f64 {
    let mut m = log / p;
    for _ in 0..200 {
        let rest = -m.exp_m1();
        let slope = p - q * m.exp() / rest;
        let step = (log - p * m - q * rest.ln()) / slope;
        // At a double root the slope and then the sign of the step are lost to roundoff.
        if !(slope > 0.0 && step > 1e-16 * m.abs()) {
            break;
        }
        m += step;
    }
    m
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `dA/dt = T − (1 + 2λ)A` from 0.
    #[test]
    fn one_layer_leaves_the_origin() {
        assert!((limit(1, 2.0, 0.7, 0.0) - 2.0 / 2.4).abs() < 1e-15);
        assert_eq!(limit(2, 2.0, 0.7, 0.0), 0.0);
    }

    #[test]
    fn roots_solve_their_equation_at_every_depth() {
        for depth in 3..15 {
            for fraction in [1e-30, 1e-6, 0.1, 0.9, 0.999_999] {
                let l2 = fraction * critical_l2(depth, 1.7);
                let Stationary { upper, lower } = stationary(depth, 1.7, l2).expect("roots");
                assert!(lower > 0.0 && lower < upper && upper <= 1.7);
                let c = 1.0 - 2.0 / depth as f64;
                for s in [lower, upper] {
                    // Relative to 2λ; roundoff of s near s* counts by s*/(s* − s).
                    let left = s.powf(c) * (1.7 - s);
                    let known = 1e-14 * (1.0 + 1.7 * s.powf(c) / left);
                    let error = (left / (2.0 * l2) - 1.0).abs();
                    assert!(error < known, "L = {depth}, λ = {l2}, s = {s}: {error}");
                }
            }
            assert_eq!(stationary(depth, 1.7, critical_l2(depth, 1.7)), None);
        }
    }

    /// Four layers far below the target `s* = 1`: `√s = 2λ`.
    #[test]
    fn a_tiny_lower_root_has_all_its_digits() {
        for l2 in [1e-40, 1e-60, 1e-80, 1e-100, 1e-120, 1e-150] {
            let Stationary { upper, lower } = stationary(4, 1.0, l2).expect("roots");
            assert!((lower / (4.0 * l2 * l2) - 1.0).abs() < 1e-15, "{lower:e}");
            assert_eq!(upper, 1.0);
        }
    }

    #[test]
    fn at_global_l2_presence_and_absence_cost_the_same() {
        for depth in 2..15 {
            let l2 = global_l2(depth, 1.7);
            let upper = 1.7 * (depth as f64 - 2.0) / (depth as f64 - 1.0);
            let costs = [0.0, upper].map(|s| objective(depth, 1.7, l2, s));
            assert!((costs[0] - costs[1]).abs() < 1e-14 * costs[0], "{depth}");
            assert!(l2 <= critical_l2(depth, 1.7));
        }
    }

    #[test]
    fn starts_below_the_lower_root_die_out() {
        let Stationary { upper, lower } = stationary(4, 1.7, 0.05).expect("roots");
        assert_eq!(limit(4, 1.7, 0.05, 0.999 * lower), 0.0);
        assert_eq!(limit(4, 1.7, 0.05, 1.001 * lower), upper);
        // What starts at rest stays there.
        assert_eq!(limit(4, 1.7, 0.05, lower), lower);
        assert_eq!(limit(4, 1.7, 0.05, 9.0), upper);
        assert_eq!(limit(4, 1.7, 9.0, 9.0), 0.0);
        // One rounding each.
        assert!((limit(2, 1.7, 0.05, 1e-300) - 1.6).abs() < 1e-15);
        assert!((limit(1, 1.7, 0.5, 1e-300) - 0.85).abs() < 1e-15);
        assert_eq!(stationary(1, 0.0, 0.5), None);
    }
}
