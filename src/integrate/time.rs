//! Times of long runs.

/// A time as an unevaluated sum `high + low`, `|low| ≤ ½ ulp(high)`: after a plateau of `10²⁰` time
/// units a transition of length 1 is still resolved.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Time {
    pub high: f64,
    pub low: f64,
}

impl Time {
    /// `self + t`.
    pub fn plus(self, t: f64) -> Self {
        let (sum, error) = two_sum(self.high, t);
        let (high, low) = two_sum(sum, error + self.low);
        Self { high, low }
    }

    /// `self − other`, rounded once.
    pub fn since(self, other: Self) -> f64 {
        let (difference, error) = two_sum(self.high, -other.high);
        difference + (error + (self.low - other.low))
    }
}

impl From<f64> for Time {
    fn from(t: f64) -> Self {
        Self { high: t, low: 0.0 }
    }
}

/// `a + b` and its rounding error (Knuth).
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    if !sum.is_finite() {
        return (sum, 0.0);
    }
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_after_a_long_plateau_keeps_its_length() {
        let plateau = Time::from(1e20);
        let (a, b) = (plateau.plus(0.1), plateau.plus(0.1).plus(0.3));
        assert_eq!(a.high, 1e20);
        assert_eq!(b.since(plateau), 0.1 + 0.3);
        // 0.1 + 0.3 − 0.1 in exact arithmetic on the rounded numbers: 0.3 to an ulp of 0.4.
        assert!((b.since(a) - 0.3).abs() <= 1e-16);
    }

    #[test]
    fn carries_move_into_the_high_part() {
        let mut t = Time::default();
        for _ in 0..10_000_000 {
            t = t.plus(0.1);
        }
        // Ten million times the double nearest to 0.1 is 10⁶ + 5.55e-11.
        let rest = t.since(Time::from(1e6));
        assert!((rest - 5.551_115_123_125_783e-11).abs() < 1e-19, "{rest:e}");
    }
}
