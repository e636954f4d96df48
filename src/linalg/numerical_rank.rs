//! How many singular values are not roundoff.

/// Singular values above this part of the largest count.
const ROUNDOFF: f64 = 1e-12;

/// The number of `singular_values`, in any order, above 1e-12 of the largest.
pub fn numerical_rank(singular_values: &[f64]) -> usize {
    let top = singular_values.iter().copied().fold(0.0, f64::max);
    let counts = |s: &&f64| **s > ROUNDOFF * top;
    singular_values.iter().filter(counts).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roundoff_does_not_count() {
        assert_eq!(numerical_rank(&[1e-13, 2.0, 1e-11]), 2);
        assert_eq!(numerical_rank(&[0.0, 0.0]), 0);
        assert_eq!(numerical_rank(&[]), 0);
    }
}
