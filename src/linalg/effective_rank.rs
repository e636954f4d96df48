//! The effective rank of a matrix, from its singular values.

/// `exp(−Σ p_i ln p_i)` with `p_i = σ_i/Σσ`, the effective rank of Roy & Vetterli (2007); 0 for the zero
/// matrix.
pub fn effective_rank(singular_values: &[f64]) -> f64 {
    let sum: f64 = singular_values.iter().sum();
    if sum == 0.0 {
        return 0.0;
    }
    let parts = singular_values.iter().map(|s| s / sum);
    let entropy: f64 = parts.filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum();
    entropy.exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_rank_counts_equal_singular_values() {
        assert!((effective_rank(&[2.0, 2.0, 2.0, 0.0]) - 3.0).abs() < 1e-14);
        assert_eq!(effective_rank(&[0.0, 0.0]), 0.0);
        // p = 3/4, 1/4: exp of the entropy is 4/3^(3/4).
        let exact = 4.0 / 3f64.powf(0.75);
        assert!((effective_rank(&[3.0, 1.0]) - exact).abs() < 1e-14);
    }
}
