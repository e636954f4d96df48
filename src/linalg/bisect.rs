//! Where a condition begins to hold, by bisection.

/// The interval that is left of `[low, high]` after as many `halvings`: at its upper end `holds` is true, at
/// its lower end it is not, where that is so of the interval given.
pub fn bisect(
    [mut low, mut high]: [f64; 2],
    halvings: usize,
    mut holds: impl FnMut(f64) -> bool,
) -> [f64; 2] {
    for _ in 0..halvings {
        let middle = 0.5 * (low + high);
        match holds(middle) {
            true => high = middle,
            false => low = middle,
        }
    }
    [low, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `√2` from both sides, to neighbouring numbers.
    #[test]
    fn what_is_left_are_neighbours() {
        let [low, high] = bisect([0.0, 2.0], 60, |x| x * x >= 2.0);
        assert!(low * low < 2.0 && high * high >= 2.0);
        assert_eq!(high, low.next_up());
    }

    #[test]
    fn a_condition_that_always_or_never_holds_leaves_an_end() {
        assert_eq!(bisect([1.0, 3.0], 2, |_| true), [1.0, 1.5]);
        assert_eq!(bisect([1.0, 3.0], 2, |_| false), [2.5, 3.0]);
    }
}
