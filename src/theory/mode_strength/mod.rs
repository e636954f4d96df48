//! `ds/dt = L s^{2−2/L} (s* − s)`: one mode of a balanced, aligned network of depth `L` under
//! squared error (Saxe, McClelland & Ganguli 2014; Arora, Cohen & Hazan 2018).
//!
//! Below the target, with `x = (s/s*)^{1/L}`, it takes the time `s*^{−(2−2/L)} [Φ_L(x) − Φ_L(x_0)]`
//! from `s_0` to `s`, `Φ_L(x) = −x^{2−L}/(L−2) + I_L(x)`, `I_L(x) = ∫_0^x y/(1−y^L) dy`; for `L = 2`
//! the first term is `ln x`. Above the target, `s*^{−(2−2/L)} [J(s) − J(s_0)]`,
//! `J(s) = (1/L) Σ_k (s*/s)^{k+2−2/L}/(k+2−2/L)`. For `s* = 0`,
//! `s^{−(2−2/L)} = s_0^{−(2−2/L)} + (2L−2) t`.
//!
//! For `L ≥ 3` a mode waits for `s_0^{−(1−2/L)}/((L−2)s*)` and then changes within a time of order 1.
//! From small starts no double-precision time resolves the change; `time_after_plateau` and
//! `strength_after_plateau` count from the end of the wait.

mod above;
mod below;
mod beta;
pub(super) mod exact;

/// Time from strength `start > 0` to `end > 0` for depth `L ≥ 1` and `target ≥ 0`, in time units of
/// the flow. Negative when the mode was at `end` before; infinite when it never gets there because
/// the target lies between.
pub fn time_between(depth: usize, target: f64, start: f64, end: f64) -> f64 {
    if start == end {
        return 0.0;
    }
    if !(end > 0.0 && same_side(target, start, end)) {
        return f64::INFINITY;
    }
    match depth {
        0 | 1 => exact::linear_time(target, 1.0, start, end),
        2 => exact::logistic_time(target, start, end),
        _ if start < target => {
            let waited = below::lead(depth, target, start) - below::lead(depth, target, end);
            waited + below::rest(depth, target, end) - below::rest(depth, target, start)
        }
        _ => {
            let clock = |s: f64| above::clock(depth, target, s - target);
            clock(end) - clock(start)
        }
    }
}

/// Strength at time `t ≥ 0` after strength `start > 0`, for depth `L ≥ 1` and `target ≥ 0`: the
/// inverse of `time_between`. NaN for other arguments.
///
/// The relative error is a few ulp times the sensitivity `|d ln s/d ln t|`, which is as large as
/// `t s*` in the transition: from small starts use `strength_after_plateau` there.
pub fn strength_at(depth: usize, target: f64, start: f64, t: f64) -> f64 {
    if !(start > 0.0 && target >= 0.0 && t >= 0.0) {
        return f64::NAN;
    }
    if t == f64::INFINITY || start == target {
        return target;
    }
    match depth {
        0 | 1 => exact::linear(target, 1.0, start, t),
        2 => exact::logistic(target, start, t),
        _ if start < target => {
            let clock = t - below::lead(depth, target, start) + below::rest(depth, target, start);
            below::strength(depth, target, clock)
        }
        _ => {
            // In units of the start, whose own clock may be out of range.
            let elapsed = t * start.powf(2.0 - 2.0 / depth as f64).min(f64::MAX);
            let clock = above::clock(depth, target / start, (start - target) / start);
            start * above::strength(depth, target / start, clock + elapsed)
        }
    }
}

/// Leading term of the time that a mode spends near 0, for `0 < start < target`:
/// `s_0^{−(1−2/L)}/((L−2)s*)` for `L ≥ 3`, `ln(1/s_0)/(2s*)` for `L = 2`, 0 for `L = 1`.
pub fn plateau_time(depth: usize, target: f64, start: f64) -> f64 {
    match depth {
        0 | 1 => 0.0,
        2 => -0.5 * start.ln() / target,
        _ => below::lead(depth, target, start),
    }
}

/// `time_between(…) − plateau_time(…)` without cancellation, for `start` and `end` strictly between 0
/// and `target`; NaN elsewhere. For `L ≥ 3` it tends to a limit as `start → 0`.
pub fn time_after_plateau(depth: usize, target: f64, start: f64, end: f64) -> f64 {
    if !(start > 0.0 && end > 0.0 && start.max(end) < target) {
        return f64::NAN;
    }
    match depth {
        0 | 1 => exact::linear_time(target, 1.0, start, end),
        2 => 0.5 * (end.ln() + ((target - start) / (target - end)).ln()) / target,
        _ => {
            let rest = below::rest(depth, target, end) - below::rest(depth, target, start);
            rest - below::lead(depth, target, end)
        }
    }
}

/// The limit of `time_after_plateau` as `start → 0`, `s*^{−(2−2/L)} Φ_L((end/s*)^{1/L})`, for `L ≥ 3`
/// and `0 < end < target`: the time from where the mode would blow up without its target to `end`.
pub fn time_after_blow_up(depth: usize, target: f64, end: f64) -> f64 {
    below::rest(depth, target, end) - below::lead(depth, target, end)
}

/// Strength at the time `plateau_time(…) + offset`, for `0 < start < target`: the inverse of
/// `time_after_plateau`. NaN elsewhere. The offset may be negative, but not below
/// `−plateau_time(…)`.
pub fn strength_after_plateau(depth: usize, target: f64, start: f64, offset: f64) -> f64 {
    let from = plateau_time(depth, target, start);
    if !(start > 0.0 && start < target && offset >= -from.abs()) {
        return f64::NAN;
    }
    match depth {
        0 | 1 => exact::linear(target, 1.0, start, offset),
        2 => target / (1.0 + (target - start) * (-2.0 * target * offset).exp()),
        _ => below::strength(depth, target, offset + below::rest(depth, target, start)),
    }
}

/// Whether both strengths are below `limit` or both above.
pub(super) fn same_side(limit: f64, start: f64, end: f64) -> bool {
    (start < limit && end < limit) || (start > limit && end > limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `s*`, `s_0`, `s` to either side of the target and around its half, where series change.
    const CASES: [(f64, f64, f64); 7] = [
        (1.7, 1e-3, 0.2),
        (1.7, 1e-2, 0.85),
        (1.7, 0.3, 1.6),
        (1.7, 0.9, 1.69),
        (1.7, 9.0, 2.1),
        (1.7, 2.9, 1.75),
        (0.0, 3.0, 0.01),
    ];

    /// Outside of the domain there is no time, and no endless recursion either.
    #[test]
    fn no_time_from_a_negative_strength() {
        let own = |start, end| time_between(2, 1.0, start, end);
        let decayed =
            |start, end| crate::theory::weight_decay::time_between(2, 1.0, 0.05, start, end);
        for time in [own(-1.0, 0.5), decayed(-1.0, 0.5), own(-1e-300, 1e300)] {
            assert!(!time.is_finite(), "{time}");
        }
    }

    /// Composite Gauss–Legendre in `ln s` of `dt = ds / (L s^{2−2/L}(s*−s))`.
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
            for (target, start, end) in CASES {
                let exact = quadrature(depth, target, start, end);
                let t = time_between(depth, target, start, end);
                assert!(
                    (t / exact - 1.0).abs() < 1e-12,
                    "L = {depth}, {start} to {end}: {t} against {exact}"
                );
            }
        }
    }

    #[test]
    fn strength_inverts_time() {
        for depth in [1, 2, 3, 4, 6, 10, 30] {
            for (target, start, end) in CASES {
                let t = time_between(depth, target, start, end);
                let s = strength_at(depth, target, start, t);
                // `|d ln s/d ln t|` is at most 30 here, see the times; roundoff of `t` is 1e-16.
                assert!(
                    (s / end - 1.0).abs() < 1e-13,
                    "L = {depth}, {start} to {end}: {s}"
                );
                if start < target {
                    let offset = time_after_plateau(depth, target, start, end);
                    let s = strength_after_plateau(depth, target, start, offset);
                    assert!((s / end - 1.0).abs() < 1e-13, "L = {depth}: {s}");
                }
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

    #[test]
    fn extremes_are_finite_and_sides_are_kept() {
        for depth in 1..12 {
            for start in [1e-300, 1e-20, 1.0, 1.7, 4.0, 1e30] {
                for t in [0.0, 1e-9, 1.0, 1e60, f64::INFINITY] {
                    let s = strength_at(depth, 1.7, start, t);
                    // The way down from 1e30 ends on the target, up to an ulp.
                    let (low, high) = (start.min(1.7), start.max(1.7));
                    assert!(
                        s >= low * (1.0 - 1e-13) && s <= high * (1.0 + 1e-13),
                        "L = {depth}, s0 = {start}, t = {t}: {s}"
                    );
                }
                assert!(strength_at(depth, 0.0, start, 1.0) > 0.0);
            }
            assert_eq!(time_between(depth, 1.7, 0.1, 1.8), f64::INFINITY);
            assert_eq!(time_between(depth, 1.7, 0.1, 0.1), 0.0);
            assert!(strength_at(depth, 1.7, 0.1, -1.0).is_nan());
            assert!(time_after_plateau(depth, 1.7, 0.1, 2.0).is_nan());
        }
    }
}
