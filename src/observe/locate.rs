//! Bracketing root of a continuous, possibly kinked function: Chandrupatla's method (Adv. Eng.
//! Software 28, 1997), inverse quadratic interpolation guarded by bisection, so that a kink where
//! two singular values meet costs a few bisections and never a wrong answer.
//!
//! "Passed" means `g ≥ 0`; a root is where `passed` changes.

/// How much steeper than outside a dip may be inside a bracket: a cusp is, a kink or a parabola is not.
const STEEPER: f64 = 4.0;

/// A located change of sign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root {
    /// The end of the bracket with the smaller `|g|`.
    pub time: f64,
    /// Times on both sides, no further apart than the tolerance unless `f64` cannot split them.
    pub bracket: [f64; 2],
}

/// Time resolution of an event in a step from `t0` to `t1`.
pub(super) fn time_tolerance(t0: f64, t1: f64) -> f64 {
    4.0 * f64::EPSILON * t0.abs().max(t1.abs())
}

/// Where `g` changes sign between `a = (time, g)` and `b`, whose signs differ.
pub(super) fn root(
    mut g: impl FnMut(f64) -> f64,
    a: (f64, f64),
    b: (f64, f64),
    tolerance: f64,
) -> Root {
    let (mut new, mut other) = (b, a);
    let mut split = 0.5;
    // Bisection alone needs 60; interpolation is bisected away after every failure.
    for _ in 0..200 {
        let t = new.0 + split * (other.0 - new.0);
        if t == new.0 || t == other.0 {
            break;
        }
        let point = (t, g(t));
        let third;
        if passed(point.1) == passed(new.1) {
            third = new;
        } else {
            third = other;
            other = new;
        }
        new = point;
        let width = (other.0 - new.0).abs();
        if width <= tolerance {
            break;
        }
        let least = 0.5 * tolerance / width;
        split = interpolated_split(new, other, third).clamp(least, 1.0 - least);
    }
    let (best, _) = if new.1.abs() <= other.1.abs() {
        new
    } else {
        other
    };
    Root {
        time: best,
        bracket: [new.0.min(other.0), new.0.max(other.0)],
    }
}

/// The next point as a fraction of the way from `new` to `other`: inverse quadratic where it is
/// safe, one half otherwise.
fn interpolated_split(new: (f64, f64), other: (f64, f64), third: (f64, f64)) -> f64 {
    let ((x1, f1), (x2, f2), (x3, f3)) = (new, other, third);
    let xi = (x1 - x2) / (x3 - x2);
    let phi = (f1 - f2) / (f3 - f2);
    if phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi {
        let split = f1 / (f2 - f1) * f3 / (f2 - f3)
            + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2);
        if split.is_finite() {
            return split;
        }
    }
    0.5
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

    fn solve(g: impl Fn(f64) -> f64, a: f64, b: f64) -> (Root, usize) {
        let mut calls = 0;
        let tolerance = time_tolerance(a, b);
        let (ga, gb) = (g(a), g(b));
        let root = root(
            |t| {
                calls += 1;
                g(t)
            },
            (a, ga),
            (b, gb),
            tolerance,
        );
        (root, calls)
    }

    #[test]
    fn smooth_root_in_few_calls() {
        let (root, calls) = solve(|t| t.exp() - 2.0, 0.0, 3.0);
        assert!((root.time - 2.0_f64.ln()).abs() <= 4.0 * f64::EPSILON * 3.0);
        assert!(root.bracket[0] <= root.time && root.time <= root.bracket[1]);
        assert!(root.bracket[1] - root.bracket[0] <= time_tolerance(0.0, 3.0));
        assert!(calls <= 12, "{calls}");
    }

    #[test]
    fn kinks_jumps_and_flat_roots_are_bracketed() {
        let kink = |t: f64| if t < 0.4 { 100.0 * (t - 0.3) } else { 10.0 + t };
        let jump = |t: f64| if t < 0.7 { -1.0 } else { 1.0 };
        let flat = |t: f64| (t - 0.6).powi(9);
        for (g, truth, slack) in [
            (&kink as &dyn Fn(f64) -> f64, 0.3, 1e-15),
            (&jump, 0.7, 1e-15),
            // (t−0.6)⁹ is 0 in f64 only at the root itself.
            (&flat, 0.6, 1e-15),
        ] {
            let (root, calls) = solve(g, 0.0, 1.0);
            assert!((root.time - truth).abs() <= slack + time_tolerance(0.0, 1.0));
            assert!(calls <= 120, "{calls}");
        }
    }

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
