//! `t = (1/L) ∫ dℓ / F(ℓ)`, `ℓ = ln s`, `F = s^{1−2/L}(s* − s) − 2λ`: the time between two strengths
//! under regularisation. For `L ≥ 3` it has no elementary form.
//!
//! Near a stationary strength `r` the integrand has a pole and `F` is a difference of close numbers.
//! With `d = ln(s/r)` and `c = 1 − 2/L`,
//!
//! ```text
//! F = 2λ (e^{cd} − 1) − r^{1+c} e^{cd} (e^d − 1),
//! ```
//!
//! which keeps its digits. An interval between `s_−` and `s_+` is cut where the growth is fastest and
//! each part is measured from its own root. Without roots `d` counts from that place, and `F` is less
//! by the constant `2(λ − λ_c)`.

use super::super::mode_strength::{self, exact, same_side};
use super::super::quadrature::integrate;
use super::{Stationary, critical_l2, peak, stationary};

/// Time from strength `start > 0` to `end > 0`, for `depth ≥ 1`, `target ≥ 0` and `l2 ≥ 0`. Negative
/// when the mode was at `end` before; infinite when it never gets there. To about 1e-14, but for the
/// sensitivity to the last digit of a strength that is close to a stationary one.
pub fn time_between(depth: usize, target: f64, l2: f64, start: f64, end: f64) -> f64 {
    if start == end {
        return 0.0;
    }
    match depth {
        0 | 1 => {
            let rate = 1.0 + 2.0 * l2;
            reachable(target / rate, start, end, exact::linear_time, rate)
        }
        2 => {
            let time = |limit, _, start, end| exact::logistic_time(limit, start, end);
            reachable(target - 2.0 * l2, start, end, time, 1.0)
        }
        _ if l2 == 0.0 => mode_strength::time_between(depth, target, start, end),
        _ => {
            let t = upwards(depth, target, l2, start.min(end), start.max(end));
            if start > end && t < f64::INFINITY {
                -t
            } else {
                t
            }
        }
    }
}

/// `time` if one side of `limit` holds both strengths, else infinity.
fn reachable(
    limit: f64,
    start: f64,
    end: f64,
    time: impl Fn(f64, f64, f64, f64) -> f64,
    rate: f64,
) -> f64 {
    match end > 0.0 && same_side(limit, start, end) {
        true => time(limit, rate, start, end),
        false => f64::INFINITY,
    }
}

/// For `depth ≥ 3` and `low < high`; negative where strengths decrease.
fn upwards(depth: usize, target: f64, l2: f64, low: f64, high: f64) -> f64 {
    if !(low > 0.0 && high < f64::INFINITY) {
        return f64::INFINITY;
    }
    if target < 1e-17 * low {
        return -free_decay(depth, l2, high, low);
    }
    let summit = target * peak(depth);
    let Some(Stationary { upper, lower }) = stationary(depth, target, l2) else {
        let critical = critical_l2(depth, target);
        let rate = Rate::new(depth, summit, critical, l2);
        return rate.time(low, summit.clamp(low, high)) + rate.time(summit.clamp(low, high), high);
    };
    if !(same_side(upper, low, high) && same_side(lower, low, high)) {
        return f64::INFINITY;
    }
    let (from_lower, from_upper) = (
        Rate::new(depth, lower, l2, l2),
        Rate::new(depth, upper, l2, l2),
    );
    let cut = summit.clamp(low, high);
    from_lower.time(low, cut) + from_upper.time(cut, high)
}

/// Time from `high` to `low` for `s* = 0`: with `b = 2 − 2/L`, `q = s^{−b}` obeys
/// `dq/dt = bL (1 + 2λq)`.
fn free_decay(depth: usize, l2: f64, high: f64, low: f64) -> f64 {
    let (l, b) = (depth as f64, 2.0 - 2.0 / depth as f64);
    let [first, last] = [high, low].map(|s| s.powf(-b));
    let rate = 2.0 * l2 * b * l;
    if last.is_finite() {
        return (2.0 * l2 * (last - first) / (1.0 + 2.0 * l2 * first)).ln_1p() / rate;
    }
    // `ln(1 + 2λq)` of what is beyond the range.
    let log = |s: f64| (2.0 * l2).ln() - b * s.ln();
    let begun = match first.is_finite() {
        true => (2.0 * l2 * first).ln_1p(),
        false => log(high),
    };
    (log(low) - begun) / rate
}

/// `F` as a function of `d = ln(s/r)`.
struct Rate {
    depth: f64,
    c: f64,
    root: f64,
    /// `λ` for which `root` is stationary.
    l2: f64,
    /// `2(λ − that)`.
    excess: f64,
    /// `root^{1+c}`.
    power: f64,
}

impl Rate {
    fn new(depth: usize, root: f64, stationary_l2: f64, l2: f64) -> Self {
        let c = 1.0 - 2.0 / depth as f64;
        Self {
            depth: depth as f64,
            c,
            root,
            l2: stationary_l2,
            excess: 2.0 * (l2 - stationary_l2),
            power: root.powf(1.0 + c),
        }
    }

    fn time(&self, low: f64, high: f64) -> f64 {
        if low == high {
            return 0.0;
        }
        let slowness = |d: f64| {
            let decay = 2.0 * self.l2 * (self.c * d).exp_m1();
            let growth = self.power * (self.c * d).exp() * d.exp_m1();
            1.0 / (decay - growth - self.excess)
        };
        let ends = [low, high].map(|s| log_ratio(s, self.root));
        integrate(slowness, ends[0], ends[1]) / self.depth
    }
}

/// `ln(a/b)`, to its own digits also where `a` is close to `b`.
fn log_ratio(a: f64, b: f64) -> f64 {
    let ratio = a / b;
    match (a - b).abs() < 0.5 * b {
        true => ((a - b) / b).ln_1p(),
        false if ratio.is_normal() => ratio.ln(),
        false => a.ln() - b.ln(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Depth, `λ`, `s_0`, `s` and the time for `s* = 1.7`, by composite 40-point Gauss–Legendre in
    /// `ln s` with 40 digits: across the transition, from a start of 1e-150, down to 0, down from
    /// above, and past the place where two roots have just vanished.
    const TIMES: [(usize, f64, f64, f64, f64); 10] = [
        (3, 0.01, 1e-3, 0.85, 5.843259315381072),
        (3, 1e-60, 1e-150, 0.85, 5.882352941522491e49),
        (4, 0.05, 2e-2, 1.55, 3.023659211849844),
        (6, 0.1, 0.05, 1.2, 2.988406114548672),
        (10, 1e-9, 1e-6, 1.69, 4639.883917948867),
        (3, 0.1, 1e-3, 1e-30, 113.092193099852),
        (4, 0.05, 9.0, 1.7, 0.2997547778611783),
        (5, 0.6, 1.5, 1e-8, 3.82378653308106),
        (3, 0.4794, 1.6, 1e-3, 163.9405021995867),
        (30, 1e-3, 0.01, 1.6, 1.688855244389847),
    ];

    #[test]
    fn agrees_with_forty_digits() {
        for (depth, l2, start, end, exact) in TIMES {
            let t = time_between(depth, 1.7, l2, start, end);
            println!("L = {depth}, {start} to {end}: {:.1e}", t / exact - 1.0);
            // Roundoff of ln(s/r), up to a few hundred; and of λ, by its distance from λ_c.
            let critical = critical_l2(depth, 1.7);
            let known = 1e-13 + 2e-16 * critical / (l2 - critical).abs();
            assert!(
                (t / exact - 1.0).abs() < known,
                "L = {depth}, {start} to {end}: {t} against {exact}"
            );
            let back = time_between(depth, 1.7, l2, end, start);
            assert_eq!(back, -t);
        }
    }

    #[test]
    fn nothing_passes_a_stationary_strength() {
        let Stationary { upper, lower } = stationary(4, 1.7, 0.05).expect("roots");
        let endless = |start, end| time_between(4, 1.7, 0.05, start, end) == f64::INFINITY;
        assert!(endless(0.5 * lower, 3.0 * lower) && endless(3.0 * lower, 0.5 * lower));
        assert!(endless(0.5, 1.01 * upper) && endless(0.5, upper) && endless(0.5, 0.0));
        // Beyond λ_c strengths decay, and 0 is not reached.
        assert_eq!(time_between(4, 1.7, 1.0, 0.5, 0.0), f64::INFINITY);
        assert_eq!(time_between(4, 0.0, 1.0, 0.5, 0.0), f64::INFINITY);
    }

    #[test]
    fn without_a_target_it_is_elementary() {
        // The quadrature just above the least target is the same to target/end.
        for (depth, l2) in [(3, 1.0), (4, 1e-3), (9, 0.2)] {
            let [exact, near] = [0.0, 1e-15].map(|s| time_between(depth, s, l2, 0.5, 0.1));
            assert!((near / exact - 1.0).abs() < 1e-13, "{near} against {exact}");
            assert_eq!(time_between(depth, 0.0, l2, 0.1, 0.5), -exact);
        }
    }

    /// Below `1e-154` the power `s^{2/L−2}` is beyond the range; what is small decays as `e^{−2λLt}`.
    #[test]
    fn decay_goes_on_beyond_the_range_of_powers() {
        let (depth, l2) = (1000, 0.1);
        let time = |high, low| time_between(depth, 0.0, l2, high, low);
        let tiny = 1e100_f64.ln() / (2.0 * l2 * depth as f64);
        assert!((time(1e-160, 1e-260) / tiny - 1.0).abs() < 1e-12);
        let whole = time(0.5, 1e-200);
        assert!(
            (whole / (time(0.5, 1e-100) + tiny) - 1.0).abs() < 1e-12,
            "{whole}"
        );
    }

    /// From 2 down to 1 with `s* = 9e-4`, by quadrature in `ln s` with 40 digits; without a target it would be 0.13243.
    #[test]
    fn a_small_target_is_no_absent_one() {
        let t = time_between(3, 9e-4, 0.1, 2.0, 1.0);
        let exact = 0.132_508_656_938_928_9;
        assert!((t / exact - 1.0).abs() < 1e-13, "{t}");
    }

    #[test]
    fn two_layers_keep_to_their_side() {
        assert!(time_between(2, 1.7, 1.0, 1.0, 0.1) > 0.0);
        assert_eq!(time_between(2, 1.7, 0.05, 1.0, 1.7), f64::INFINITY);
    }
}
