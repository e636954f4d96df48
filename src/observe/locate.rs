//! Where an event happens: roots are in [`crate::linalg::root`], here are dips that touch a level and turn.
//!
//! "Passed" means `g ≥ 0`.

/// How much steeper than outside a dip may be inside a bracket: a cusp is, a kink or a parabola is not.
const STEEPER: f64 = 4.0;

/// Time resolution of an event in a step from `t0` to `t1`.
pub(super) fn time_tolerance(t0: f64, t1: f64) -> f64 {
    4.0 * f64::EPSILON * t0.abs().max(t1.abs())
}

/// A time between `a = (time, g)` and `b`, on one side of the level both, at which `g` is on the other, found by
/// golden section on the distance to the level. `None` when the nearest approach stays on the same side:
/// the distances at the ends of the bracket, if they fell on as steeply, would not reach the level within it.
pub(super) fn hidden_dip(
    mut g: impl FnMut(f64) -> f64,
    a: (f64, f64),
    b: (f64, f64),
    tolerance: f64,
) -> Option<(f64, f64)> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let side = passed(a.1);
    let mut at = |t: f64| (t, g(t));
    let (mut a, mut b) = (a, b);
    let mut left = at(b.0 - GOLDEN * (b.0 - a.0));
    let mut right = at(a.0 + GOLDEN * (b.0 - a.0));
    while b.0 - a.0 > tolerance {
        let beyond = [left, right].into_iter().find(|p| passed(p.1) != side);
        if beyond.is_some() {
            return beyond;
        }
        let slope = |p: (f64, f64), q: (f64, f64)| ((q.1 - p.1) / (q.0 - p.0)).abs();
        let steepest = slope(a, left).max(slope(right, b));
        let nearest = left.1.abs().min(right.1.abs());
        if nearest > STEEPER * steepest * (b.0 - a.0) {
            return None;
        }
        if left.1.abs() < right.1.abs() {
            (b, right) = (right, left);
            left = at(b.0 - GOLDEN * (b.0 - a.0));
        } else {
            (a, left) = (left, right);
            right = at(a.0 + GOLDEN * (b.0 - a.0));
        }
    }
    None
}

/// Whether a level is reached or exceeded.
pub(super) fn passed(g: f64) -> bool {
    g >= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dip_between_samples_is_found_and_a_near_miss_is_not() {
        let found = |g: &dyn Fn(f64) -> f64| {
            let mut calls = 0;
            let counted = |t: f64| {
                calls += 1;
                g(t)
            };
            let found = hidden_dip(counted, (0.0, g(0.0)), (1.0, g(1.0)), 1e-16);
            assert!(calls <= 90, "{calls}");
            found.is_some()
        };
        let smooth = |depth: f64| move |t: f64| (t - 0.37).powi(2) - depth;
        assert!(found(&smooth(1e-10)) && !found(&smooth(-1e-10)));
        let kink = |depth: f64| move |t: f64| (t - 0.37).abs() - depth;
        assert!(found(&kink(1e-13)) && !found(&kink(-1e-13)));
        let above = |depth: f64| move |t: f64| depth - (t - 0.37).abs();
        assert!(found(&above(1e-13)) && !found(&above(-1e-13)));
        let cusp = |depth: f64| move |t: f64| (t - 0.37).abs().cbrt() - depth;
        assert!(found(&cusp(1e-4)) && !found(&cusp(-1e-2)));
    }
}
