//! Factorisations whose shorthands in faer would run on as many threads as the machine has, and round differently
//! on each number of them.

use super::spectrum::workspace;
use faer::dyn_stack::MemStack;
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch as apply_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj as apply,
};
use faer::linalg::lu::partial_pivoting::factor as lu;
use faer::linalg::qr::no_pivoting::factor as qr;
use faer::{Conj, Mat, Par};

/// `Q`, m × min(m, n), of `a = Q R`: an orthonormal basis of a space that holds all columns.
pub fn orthonormal_basis(mut a: Mat<f64>) -> Mat<f64> {
    let (rows, cols) = a.shape();
    let size = rows.min(cols);
    let block = qr::recommended_block_size::<f64>(rows, cols);
    let mut coefficients = Mat::zeros(block, size);
    let params = Default::default();
    let scratch = qr::qr_in_place_scratch::<f64>(rows, cols, block, Par::Seq, params);
    qr::qr_in_place(
        a.as_mut(),
        coefficients.as_mut(),
        Par::Seq,
        MemStack::new(&mut workspace(scratch)),
        params,
    );
    let mut basis = Mat::identity(rows, size);
    apply(
        a.as_ref().subcols(0, size),
        coefficients.as_ref(),
        Conj::No,
        basis.as_mut(),
        Par::Seq,
        MemStack::new(&mut workspace(apply_scratch::<f64>(rows, block, size))),
    );
    basis
}

/// `det a` of a square matrix.
pub fn determinant(mut a: Mat<f64>) -> f64 {
    let n = a.nrows();
    let (mut forward, mut backward) = (vec![0_usize; n], vec![0_usize; n]);
    let params = Default::default();
    let scratch = lu::lu_in_place_scratch::<usize, f64>(n, n, Par::Seq, params);
    let (info, _) = lu::lu_in_place(
        a.as_mut(),
        &mut forward,
        &mut backward,
        Par::Seq,
        MemStack::new(&mut workspace(scratch)),
        params,
    );
    let pivots: f64 = (0..n).map(|i| a[(i, i)]).product();
    match info.transposition_count % 2 {
        0 => pivots,
        _ => -pivots,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::product;

    /// A tall, a square and a wide matrix: `QᵀQ = 1` and `QQᵀA = A`.
    #[test]
    fn the_basis_is_orthonormal_and_holds_all_columns() {
        for (rows, cols) in [(30, 7), (9, 9), (4, 11), (1, 1)] {
            let a = Mat::from_fn(rows, cols, |i, j| ((1 + i * i + 3 * j) as f64).sin());
            let q = orthonormal_basis(a.clone());
            assert_eq!(q.shape(), (rows, rows.min(cols)));
            let unit = Mat::<f64>::identity(q.ncols(), q.ncols());
            let overlap = product(q.transpose(), q.as_ref()) - unit;
            let inside = product(q.transpose(), a.as_ref());
            let off = product(q.as_ref(), inside.as_ref()) - a;
            assert!(overlap.norm_max() < 1e-14 && off.norm_max() < 1e-14);
        }
    }

    /// By hand; the second needs an exchange of rows.
    #[test]
    fn determinants_are_those_of_the_textbook() {
        let of = |rows: [[f64; 3]; 3]| determinant(Mat::from_fn(3, 3, |i, j| rows[i][j]));
        assert_eq!(
            of([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 4.0]]),
            24.0
        );
        assert_eq!(
            of([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 5.0]]),
            -5.0
        );
        let value = of([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 10.0]]);
        assert!((value + 3.0).abs() < 1e-14);
    }
}
