//! Properties of times and strengths that need no reference.

use dlnflow::theory::mode_strength::{
    plateau_time, strength_after_plateau, strength_at, time_after_plateau, time_between,
};
use dlnflow::theory::weight_decay::{self, Stationary, limit, stationary};
use proptest::prelude::*;

/// `ln` of the largest ratio of strengths that are drawn.
const RANGE: f64 = 600.0;

/// Relative rate `|d ln s/dt|` at `s`.
fn rate(depth: usize, target: f64, l2: f64, s: f64) -> f64 {
    let l = depth as f64;
    l * (s.powf(1.0 - 2.0 / l) * (target - s) - 2.0 * l2).abs()
}

/// Roundoff in a time of which `largest` is a part: powers of numbers of size `e^RANGE` lose
/// `RANGE` ulp.
fn roundoff(largest: f64) -> f64 {
    2.0 * RANGE * f64::EPSILON * largest
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn times_add_and_strengths_invert(
        depth in 1..12_usize,
        target in 0.1..9.0_f64,
        logs in prop::array::uniform3(-1.0..0.7_f64),
        above in any::<bool>(),
    ) {
        // Below: from e^{−600} to within e^{−20} of the target. Above: distances e^{−30} to e^{20}.
        let place = |x: f64| match above {
            true => target * (1.0 + (30.0 * x).exp()),
            false if x < 0.0 => target * 0.9 * (RANGE * x).exp(),
            false => target * (1.0 - 0.1 * (-28.0 * x).exp()),
        };
        let [a, b, c] = logs.map(place);
        let time = |from: f64, to: f64| time_between(depth, target, from, to);
        let (first, second, whole) = (time(a, b), time(b, c), time(a, c));
        let largest = first.abs() + second.abs() + whole.abs();
        // Near the target the roundoff of s counts by 1/(distance · s*).
        let near = |s: f64| f64::EPSILON * s / (s - target).abs() / rate(depth, target, 0.0, target * 0.5);
        let known = roundoff(largest) + 4.0 * (near(a) + near(b) + near(c));
        prop_assert!((first + second - whole).abs() <= known, "{first} + {second} = {whole}");
        let (from, to) = if first >= 0.0 { (a, b) } else { (b, a) };
        let s = strength_at(depth, target, from, first.abs());
        // An error of the time moves ln s by at most the fastest rate on the way.
        let fastest = match above {
            true => rate(depth, target, 0.0, from),
            false => depth as f64 * target.powf(2.0 - 2.0 / depth as f64),
        };
        let moved = fastest * (roundoff(first.abs()) + near(a) + near(b));
        prop_assert!((s / to).ln().abs() <= moved + roundoff(1.0), "{from} to {to}: {s}");
        if !above {
            let offset = time_after_plateau(depth, target, from, to);
            let s = strength_after_plateau(depth, target, from, offset);
            prop_assert!((s / to).ln().abs() <= moved + roundoff(1.0), "{from} to {to}: {s}");
            let sum = plateau_time(depth, target, from) + offset;
            let size = plateau_time(depth, target, from).abs() + offset.abs();
            prop_assert!((sum - first.abs()).abs() <= roundoff(size) + near(a) + near(b));
        }
    }

    #[test]
    fn regularised_times_add_and_tend_to_those_without(
        depth in 1..10_usize,
        target in 0.1..9.0_f64,
        part in prop_oneof![0.0..0.9_f64, 1.2..1.6_f64],
        logs in prop::array::uniform3(0.01..0.99_f64),
        region in 0..3_usize,
    ) {
        let critical = weight_decay::critical_l2(depth, target).min(target);
        let l2 = part * critical;
        let Stationary { upper, lower } = stationary(depth, target, l2)
            .unwrap_or(Stationary { upper: 0.0, lower: 0.0 });
        let place = |x: f64| match (region, lower > 0.0, upper > 0.0) {
            (0, true, _) => lower * x.powi(9),
            (1, _, true) => lower + (upper - lower) * x.powi(3),
            _ => upper + target * x,
        };
        let [a, b, c] = logs.map(place);
        let time = |from: f64, to: f64| weight_decay::time_between(depth, target, l2, from, to);
        let (first, second, whole) = (time(a, b), time(b, c), time(a, c));
        let largest = first.abs() + second.abs() + whole.abs();
        // Distances of at least 1e-6 from roots, of which the roundoff is 2e-16.
        prop_assert!((first + second - whole).abs() <= 1e-11 * largest, "{first} + {second} = {whole}");
        // The flow goes from a to b if the time is positive: towards its limit.
        let end = limit(depth, target, l2, a);
        let towards = (b - end).abs() < (a - end).abs();
        prop_assert!(a == b || (first > 0.0) == towards, "{a} to {b} takes {first}, limit {end}");
        // The derivative of the time is the equation itself: central differences, of fourth order.
        let distance = (a - upper).abs().min((a - lower).abs()).min(a);
        let h = 1e-3 * distance;
        let d = |k: f64| time(a - k * h, a + k * h) / (2.0 * k * h);
        let slowness = (4.0 * d(1.0) - d(2.0)) / 3.0;
        let exact = {
            let l = depth as f64;
            1.0 / (l * a.powf(2.0 - 2.0 / l) * (target - a) - 2.0 * l2 * l * a)
        };
        // h⁴ f⁗ of a pole at distance 1000 h, or of a pair of poles 0.3 beside the axis for λ > λ_c;
        // and the roundoff of a ± h.
        let known = 1e-8 + 1e-12 * a / distance;
        prop_assert!((slowness / exact - 1.0).abs() < known, "{slowness} against {exact}");
    }
}
