//! Eigenvectors of a symmetric matrix that zeros split into blocks.

use super::{Mat, symmetric_eigen, zeros};

/// Eigenvalues in increasing order and eigenvectors (columns) of a symmetric matrix, block by block where zeros
/// decouple its rows: entries outside of a vector's block are exactly 0, however small those are that they would be
/// added to. `None` when the matrix is not finite.
pub fn decoupled_symmetric_eigen(a: &Mat<f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    let n = a.nrows();
    let mut pairs: Vec<(f64, Vec<usize>, Vec<f64>)> = Vec::with_capacity(n);
    for block in blocks(a) {
        let part = Mat::from_fn(block.len(), block.len(), |i, j| a[(block[i], block[j])]);
        let (values, vectors) = symmetric_eigen(part.as_ref())?;
        for (value, vector) in values.into_iter().zip(vectors.col_iter()) {
            pairs.push((value, block.clone(), vector.iter().copied().collect()));
        }
    }
    // A stable sort: equal values stay in the order of their blocks.
    pairs.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    let mut all = zeros(n, n);
    for (column, (_, block, vector)) in pairs.iter().enumerate() {
        for (&row, entry) in block.iter().zip(vector) {
            all[(row, column)] = *entry;
        }
    }
    Some((pairs.into_iter().map(|(value, ..)| value).collect(), all))
}

/// Rows that entries other than 0 join, directly or through others.
fn blocks(a: &Mat<f64>) -> Vec<Vec<usize>> {
    let n = a.nrows();
    let mut seen = vec![false; n];
    let mut blocks = Vec::new();
    for first in 0..n {
        if std::mem::replace(&mut seen[first], true) {
            continue;
        }
        let mut block = vec![first];
        let mut next = 0;
        while let Some(&row) = block.get(next) {
            next += 1;
            for other in 0..n {
                if a[(row, other)] != 0.0 && !std::mem::replace(&mut seen[other], true) {
                    block.push(other);
                }
            }
        }
        block.sort_unstable();
        blocks.push(block);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::product;

    /// Two blocks, interleaved, and a row of its own. Against `A V = V Λ`, `VᵀV = 1`, and zeros.
    #[test]
    fn blocks_do_not_mix() {
        let joined = [[0, 2, 4], [1, 3, 3], [5, 5, 5]];
        let block = |i: usize| joined.iter().position(|block| block.contains(&i));
        let a = Mat::from_fn(6, 6, |i, j| {
            let entry = (1.0 + (i + j) as f64 + (i * j) as f64).sin();
            if block(i) == block(j) { entry } else { 0.0 }
        });
        let (values, vectors) = decoupled_symmetric_eigen(&a).expect("finite");
        assert!(values.is_sorted());
        let image = product(a.as_ref(), vectors.as_ref());
        let gram = product(vectors.transpose(), vectors.as_ref());
        for j in 0..6 {
            let own = block((0..6).find(|&i| vectors[(i, j)] != 0.0).expect("not 0"));
            for i in 0..6 {
                assert!((image[(i, j)] - values[j] * vectors[(i, j)]).abs() < 1e-14);
                assert!((gram[(i, j)] - f64::from(u8::from(i == j))).abs() < 1e-14);
                assert!(block(i) == own || vectors[(i, j)] == 0.0);
            }
        }
    }

    #[test]
    fn what_is_not_finite_has_none() {
        let a = Mat::from_fn(3, 3, |i, j| if i == j { f64::NAN } else { 0.0 });
        assert!(decoupled_symmetric_eigen(&a).is_none());
    }
}
