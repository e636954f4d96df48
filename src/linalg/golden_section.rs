//! A minimum between two places, by golden section.

/// A place in `[low, high]` and the value of `f` there: its minimum where it falls before and rises after it. The
/// bracket shrinks to `0.618^sections` of itself.
pub fn golden_section(
    [mut low, mut high]: [f64; 2],
    sections: usize,
    mut f: impl FnMut(f64) -> f64,
) -> (f64, f64) {
    let golden = 0.5 * (5.0_f64.sqrt() - 1.0);
    let mut at = |x: f64| (x, f(x));
    let mut left = at(high - golden * (high - low));
    let mut right = at(low + golden * (high - low));
    for _ in 0..sections {
        if left.1 < right.1 {
            (high, right) = (right.0, left);
            left = at(high - golden * (high - low));
        } else {
            (low, left) = (left.0, right);
            right = at(low + golden * (high - low));
        }
    }
    if left.1 < right.1 { left } else { right }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The minimum of `|x − 0.3|` is a corner, which is found as well as the bracket is small: `2·0.618⁴⁰ = 9e-9`.
    #[test]
    fn corners_are_found() {
        let (x, off) = golden_section([-1.0, 1.0], 40, |x| (x - 0.3).abs());
        assert!((x - 0.3).abs() < 1e-8 && off < 1e-8, "{x}");
    }

    #[test]
    fn a_place_is_a_minimum_of_its_own() {
        assert_eq!(golden_section([2.0, 2.0], 5, |x| x * x), (2.0, 4.0));
    }

    /// What only falls has its minimum at the upper end.
    #[test]
    fn what_falls_is_least_at_the_end() {
        let (x, _) = golden_section([0.0, 1.0], 40, |x| -x);
        assert!(x > 1.0 - 1e-8);
    }
}
