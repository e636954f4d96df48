//! Matrices of intervals: products, and the two facts that are proved about them.

use super::{Interval, Mat, MatRef, svd};

/// The matrix as one interval for each entry.
pub fn interval_matrix(a: MatRef<'_, f64>) -> Mat<Interval> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| Interval::point(a[(i, j)]))
}

/// Middles of the entries.
pub fn midpoints(a: MatRef<'_, Interval>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)].midpoint())
}

/// Holds `lhs·rhs` for all matrices in the two.
pub fn interval_product(lhs: MatRef<'_, Interval>, rhs: MatRef<'_, Interval>) -> Mat<Interval> {
    let mut out = Mat::from_fn(lhs.nrows(), rhs.ncols(), |_, _| Interval::ZERO);
    for k in 0..lhs.ncols() {
        for i in 0..lhs.nrows() {
            let x = lhs[(i, k)];
            // 0 times a real number, however large; costs with few entries gain much by it.
            if x == Interval::ZERO {
                continue;
            }
            for j in 0..rhs.ncols() {
                out[(i, j)] = out[(i, j)] + x * rhs[(k, j)];
            }
        }
    }
    out
}

/// Holds `lhs − rhs` for all matrices in the two.
pub fn interval_difference(lhs: MatRef<'_, Interval>, rhs: MatRef<'_, Interval>) -> Mat<Interval> {
    Mat::from_fn(lhs.nrows(), lhs.ncols(), |i, j| lhs[(i, j)] - rhs[(i, j)])
}

/// Upper bound on `‖A‖_F` of all matrices in `a`.
pub fn frobenius_bound(a: MatRef<'_, Interval>) -> f64 {
    let entries = (0..a.ncols()).flat_map(|j| (0..a.nrows()).map(move |i| a[(i, j)]));
    let squares = entries.map(|x| x.abs() * x.abs());
    let sum = squares.fold(Interval::ZERO, |sum, x| sum + x);
    sum.hi().sqrt().next_up()
}

/// Whether every matrix in the square `a` is proved regular: `‖I − R A‖_∞ < 1` for an approximate
/// inverse `R` of its middle, by which `R A`, and so `A`, is regular.
pub fn is_regular(a: MatRef<'_, Interval>) -> bool {
    let Some(inverse) = inverse(midpoints(a).as_ref()) else {
        return false;
    };
    let near_one = interval_product(interval_matrix(inverse.as_ref()).as_ref(), a);
    (0..a.nrows()).all(|i| {
        let terms = (0..a.ncols()).map(|j| (identity(i, j) - near_one[(i, j)]).abs());
        terms.fold(Interval::ZERO, |sum, x| sum + x).hi() < 1.0
    })
}

/// Number of negative eigenvalues that every symmetric matrix in `a` has, proved by Gershgorin's
/// discs: those on the left of 0 are apart from those on its right, so that either half holds as
/// many eigenvalues as discs. `None` when a disc may reach 0.
pub fn negative_eigenvalues(a: MatRef<'_, Interval>) -> Option<usize> {
    let mut negative = 0;
    for i in 0..a.nrows() {
        let terms = (0..a.ncols()).filter(|&j| j != i).map(|j| a[(i, j)].abs());
        let reach = terms.fold(Interval::ZERO, |sum, x| sum + x).hi();
        // False for NaN and for the whole line.
        let clear = reach < a[(i, i)].mignitude();
        if !clear {
            return None;
        }
        negative += usize::from(a[(i, i)].hi() < 0.0);
    }
    Some(negative)
}

/// `δ_ij`.
pub fn identity(i: usize, j: usize) -> Interval {
    if i == j {
        Interval::ONE
    } else {
        Interval::ZERO
    }
}

/// `A⁻¹` in floating point; `None` when `a` is singular or not finite.
fn inverse(a: MatRef<'_, f64>) -> Option<Mat<f64>> {
    if !a.is_all_finite() {
        return None;
    }
    let parts = svd(a)?;
    if parts.s.last().is_some_and(|&s| s <= 0.0) {
        return None;
    }
    Some(parts.inverse())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(entries: &[[f64; 2]; 2], radius: f64) -> Mat<Interval> {
        Mat::from_fn(2, 2, |i, j| {
            Interval::between(entries[i][j] - radius, entries[i][j] + radius)
        })
    }

    /// `det = 1 − xy` on `[[1, x], [y, 1]]` is regular while `|xy| < 1`.
    #[test]
    fn regularity_ends_where_a_singular_matrix_comes_in() {
        assert!(is_regular(around(&[[1.0, 0.5], [0.5, 1.0]], 0.2).as_ref()));
        // Holds [[0.75, 0.75], [0.75, 0.75]].
        assert!(!is_regular(
            around(&[[1.0, 0.5], [0.5, 1.0]], 0.25).as_ref()
        ));
        assert!(!is_regular(around(&[[1.0, 1.0], [1.0, 1.0]], 0.0).as_ref()));
        let mut lost = around(&[[1.0, 0.5], [0.5, 1.0]], 0.0);
        lost[(1, 0)] = Interval::point(f64::NAN);
        assert!(!is_regular(lost.as_ref()));
        assert!(is_regular(Mat::<Interval>::new().as_ref()));
    }

    #[test]
    fn negative_eigenvalues_are_counted_only_when_discs_are_clear_of_zero() {
        let count = |entries, radius| negative_eigenvalues(around(entries, radius).as_ref());
        assert_eq!(count(&[[2.0, 1.0], [1.0, -3.0]], 0.1), Some(1));
        assert_eq!(count(&[[-2.0, 1.0], [1.0, -3.0]], 0.1), Some(2));
        assert_eq!(count(&[[2.0, 0.0], [0.0, 3.0]], 0.1), Some(0));
        // Eigenvalues 3 and −1, but the discs of radius 2 around 1 do not know.
        assert_eq!(count(&[[1.0, 2.0], [2.0, 1.0]], 0.0), None);
        // The first row holds [0.95, 1.05] and [0.95, 1.05].
        assert_eq!(count(&[[1.0, 1.0], [1.0, 3.0]], 0.05), None);
        assert_eq!(count(&[[f64::NAN, 0.0], [0.0, 3.0]], 0.0), None);
    }

    #[test]
    fn products_and_norms_hold_the_exact_ones() {
        let a = around(&[[1.0, -2.0], [0.0, 3.0]], 0.0);
        let b = around(&[[0.5, 1.0], [4.0, -1.0]], 0.0);
        let exact = [[-7.5, 3.0], [12.0, -3.0]];
        let found = interval_product(a.as_ref(), b.as_ref());
        for i in 0..2 {
            for j in 0..2 {
                assert!(found[(i, j)].contains(exact[i][j]) && found[(i, j)].width() < 1e-14);
            }
        }
        let bound = frobenius_bound(a.as_ref());
        assert!(bound >= 14_f64.sqrt() && bound < 14_f64.sqrt() + 1e-14);
        let overflow = frobenius_bound(around(&[[1e300; 2]; 2], 0.0).as_ref());
        assert_eq!(overflow, f64::INFINITY);
    }
}
