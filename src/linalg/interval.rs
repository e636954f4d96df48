//! Intervals `[lo, hi]` of real numbers with outward rounding.
//!
//! IEEE arithmetic rounds to nearest, so the exact value lies between the neighbours of the rounded
//! one, subnormal numbers included: every result is widened by one neighbour on each side. What
//! overflows or is no number becomes the whole line, which lies in no interval and is smaller than
//! nothing: it can make a proof fail but never succeed (Rump, Acta Numerica 19 (2010), section 5).

use std::ops::{Add, Mul, Neg, Sub};

/// The real numbers `x` with `lo ≤ x ≤ hi`. Endpoints are never NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    lo: f64,
    hi: f64,
}

impl Interval {
    /// `{0}`.
    pub const ZERO: Self = Self { lo: 0.0, hi: 0.0 };
    /// `{1}`.
    pub const ONE: Self = Self { lo: 1.0, hi: 1.0 };
    /// All real numbers.
    pub const WHOLE: Self = Self {
        lo: f64::NEG_INFINITY,
        hi: f64::INFINITY,
    };

    /// `{x}`; the whole line when `x` is not finite.
    pub fn point(x: f64) -> Self {
        Self::between(x, x)
    }

    /// The numbers between `a` and `b`; the whole line when one is not finite.
    pub fn between(a: f64, b: f64) -> Self {
        if a.is_finite() && b.is_finite() {
            Self {
                lo: a.min(b),
                hi: a.max(b),
            }
        } else {
            Self::WHOLE
        }
    }

    /// `[lo, hi]`, endpoints rounded to nearest, with a neighbour more on each side.
    fn outward(lo: f64, hi: f64) -> Self {
        if lo.is_finite() && hi.is_finite() {
            Self {
                lo: lo.next_down(),
                hi: hi.next_up(),
            }
        } else {
            Self::WHOLE
        }
    }

    /// Lower end.
    pub fn lo(self) -> f64 {
        self.lo
    }

    /// Upper end.
    pub fn hi(self) -> f64 {
        self.hi
    }

    /// A number near the middle; NaN for the whole line.
    pub fn midpoint(self) -> f64 {
        0.5 * self.lo + 0.5 * self.hi
    }

    /// Whether `x` lies in the interval.
    pub fn contains(self, x: f64) -> bool {
        self.lo <= x && x <= self.hi
    }

    /// Whether the interval lies in the interior of `other`.
    pub fn is_inside(self, other: Self) -> bool {
        other.lo < self.lo && self.hi < other.hi
    }

    /// The smallest interval that holds both.
    pub fn hull(self, other: Self) -> Self {
        Self {
            lo: self.lo.min(other.lo),
            hi: self.hi.max(other.hi),
        }
    }

    /// Upper bound on `hi − lo`.
    pub fn width(self) -> f64 {
        (self.hi - self.lo).next_up()
    }

    /// `max |x|`.
    pub fn magnitude(self) -> f64 {
        self.lo.abs().max(self.hi.abs())
    }

    /// `min |x|`.
    pub fn mignitude(self) -> f64 {
        if self.contains(0.0) {
            0.0
        } else {
            self.lo.abs().min(self.hi.abs())
        }
    }

    /// `{|x|}`.
    pub fn abs(self) -> Self {
        Self {
            lo: self.mignitude(),
            hi: self.magnitude(),
        }
    }

    /// `{1/x}`; the whole line when `x` may be 0.
    pub fn recip(self) -> Self {
        if self.contains(0.0) {
            Self::WHOLE
        } else {
            Self::outward(1.0 / self.hi, 1.0 / self.lo)
        }
    }
}

impl Add for Interval {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::outward(self.lo + other.lo, self.hi + other.hi)
    }
}

impl Sub for Interval {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Interval {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            lo: -self.hi,
            hi: -self.lo,
        }
    }
}

impl Mul for Interval {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let ends = [
            self.lo * other.lo,
            self.lo * other.hi,
            self.hi * other.lo,
            self.hi * other.hi,
        ];
        // `min` and `max` drop NaN, which 0·∞ makes.
        if !ends.iter().all(|x| x.is_finite()) {
            return Self::WHOLE;
        }
        let lo = ends.into_iter().fold(f64::INFINITY, f64::min);
        let hi = ends.into_iter().fold(f64::NEG_INFINITY, f64::max);
        Self::outward(lo, hi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `m 2^e`, exact.
    fn dyadic(m: i64, e: i32) -> f64 {
        m as f64 * f64::from(e).exp2()
    }

    /// Whether `v 2^e` lies in the interval, by comparison of integers.
    fn holds(interval: Interval, v: i128, e: i32) -> bool {
        let unit = f64::from(-e).exp2();
        (interval.lo * unit).ceil() as i128 <= v && v <= (interval.hi * unit).floor() as i128
    }

    /// Two integers of up to 53 bits in order, one between them, and an exponent.
    fn operand() -> impl Strategy<Value = ([i64; 3], i32)> {
        let end = || -(1_i64 << 53)..(1_i64 << 53);
        (end(), end(), 0.0..=1.0, -30..30).prop_map(|(a, b, t, e)| {
            let (a, b) = (a.min(b), a.max(b));
            ([a, (a + ((b - a) as f64 * t) as i64).clamp(a, b), b], e)
        })
    }

    fn interval(m: [i64; 3], e: i32) -> Interval {
        Interval::between(dyadic(m[0], e), dyadic(m[2], e))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// `x ∘ y` for ends and inner points, exactly, against the interval result.
        #[test]
        fn results_hold_the_exact_ones((x, d) in operand(), (y, e) in operand()) {
            let (a, b) = (interval(x, d), interval(y, e));
            let least = d.min(e);
            for p in x {
                for q in y {
                    let (s, t) = (i128::from(p) << (d - least), i128::from(q) << (e - least));
                    prop_assert!(holds(a + b, s + t, least));
                    prop_assert!(holds(a - b, s - t, least));
                    prop_assert!(holds(a * b, i128::from(p) * i128::from(q), d + e));
                    prop_assert!(holds(-a, -i128::from(p), d));
                    prop_assert!(holds(a.abs(), i128::from(p).abs(), d));
                    prop_assert!(holds(a.hull(b), i128::from(q), e));
                    prop_assert!(a.mignitude() <= dyadic(p, d).abs());
                    prop_assert!(dyadic(p, d).abs() <= a.magnitude());
                }
            }
            prop_assert!((a + b).width() >= a.width());
        }

        /// Results are at most two neighbours wider than the exact ones: an interval that is always the
        /// whole line would hold everything.
        #[test]
        fn results_of_points_are_narrow((x, d) in operand(), (y, e) in operand()) {
            let (p, q) = (dyadic(x[1], d), dyadic(y[1], e));
            let (a, b) = (Interval::point(p), Interval::point(q));
            for (found, near) in [(a + b, p + q), (a - b, p - q), (a * b, p * q)] {
                prop_assert!(found.lo >= near.next_down() && found.hi <= near.next_up());
            }
        }

        /// `x · (1/x)` holds 1, for all magnitudes.
        #[test]
        fn reciprocals_hold_the_exact_ones(x in prop::num::f64::NORMAL) {
            let a = Interval::point(x);
            prop_assert!((a * a.recip()).contains(1.0));
        }

        /// Any two numbers, NaN, infinite and subnormal ones among them: what is not the whole line
        /// came from finite numbers and holds the rounded result.
        #[test]
        fn no_number_proves_nothing(x in prop::num::f64::ANY, y in prop::num::f64::ANY) {
            let (a, b) = (Interval::point(x), Interval::point(y));
            for (found, near) in [(a + b, x + y), (a - b, x - y), (a * b, x * y)] {
                prop_assert!(!found.lo.is_nan() && !found.hi.is_nan());
                prop_assert!(found == Interval::WHOLE || found.contains(near));
                prop_assert_eq!(found == Interval::WHOLE, !near.is_finite());
            }
        }
    }

    #[test]
    fn overflow_is_the_whole_line_and_stays_it() {
        let big = Interval::point(f64::MAX);
        for whole in [big + big, big * big, -big - big, Interval::point(f64::NAN)] {
            assert_eq!(whole, Interval::WHOLE);
            for next in [whole * Interval::ZERO, whole - whole, whole + big, -whole] {
                assert_eq!(next, Interval::WHOLE);
            }
            assert!(!whole.is_inside(Interval::WHOLE) && whole.midpoint().is_nan());
            assert!(whole.magnitude() == f64::INFINITY && whole.mignitude() == 0.0);
        }
        // One neighbour above the largest number there is infinity, and the next result is lost.
        let edge = big + Interval::ZERO;
        assert_eq!(edge.hi, f64::INFINITY);
        assert_eq!(edge + Interval::ZERO, Interval::WHOLE);
        assert_eq!(edge * Interval::ZERO, Interval::WHOLE);
    }

    #[test]
    fn underflow_keeps_both_signs_in_mind() {
        let tiny = Interval::point(f64::MIN_POSITIVE);
        let square = tiny * tiny;
        assert!(square.hi > 0.0 && square.lo < 0.0);
        assert!(!(tiny * -tiny).is_inside(Interval::between(0.0, 1.0)));
        assert_eq!(Interval::between(-1.0, 2.0).recip(), Interval::WHOLE);
        assert_eq!(Interval::point(5e-324).recip(), Interval::WHOLE);
    }
}
