//! Bracketing root of a continuous, possibly kinked function: Chandrupatla's method (Adv. Eng.
//! Software 28, 1997), inverse quadratic interpolation guarded by bisection, so that a kink where
//! two singular values meet costs a few bisections and never a wrong answer.

/// A located change of sign.
#[derive(Debug, Clone, Copy)]
pub struct Root {
    /// The end of the bracket with the smaller `|g|`.
    pub at: f64,
    /// Places on both sides, no further apart than the tolerance unless `f64` cannot split them.
    pub bracket: [f64; 2],
}

/// Where `g ≥ 0` changes between `a = (t, g)` and `b`, whose signs differ.
pub fn root(mut g: impl FnMut(f64) -> f64, a: (f64, f64), b: (f64, f64), tolerance: f64) -> Root {
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
        if (point.1 >= 0.0) == (new.1 >= 0.0) {
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
        at: best,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn resolution(largest: f64) -> f64 {
        4.0 * f64::EPSILON * largest
    }

    fn solve(g: impl Fn(f64) -> f64, a: f64, b: f64) -> (Root, usize) {
        let mut calls = 0;
        let tolerance = resolution(b);
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
        assert!((root.at - 2.0_f64.ln()).abs() <= 4.0 * f64::EPSILON * 3.0);
        assert!(root.bracket[0] <= root.at && root.at <= root.bracket[1]);
        assert!(root.bracket[1] - root.bracket[0] <= resolution(3.0));
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
            assert!((root.at - truth).abs() <= slack + resolution(1.0));
            assert!(calls <= 120, "{calls}");
        }
    }
}
