//! Dense products, spectra and norms: thin over faer, always sequential so that results do not
//! depend on the number of threads. Beside them small numerical work that many need: a line through
//! points, a bisection, a golden section, a root.

mod bisect;
mod decoupled;
mod dot;
mod effective_rank;
mod factors;
mod golden_section;
mod graded;
mod graded_product;
mod interval;
mod interval_matrix;
mod jacobi;
mod line;
mod margins;
mod numerical_rank;
mod representation_cost;
mod root;
mod row;
mod spectrum;

pub use bisect::bisect;
pub use decoupled::decoupled_symmetric_eigen;
pub use dot::{dot, sum_pairs};
pub use effective_rank::effective_rank;
pub use factors::{determinant, orthonormal_basis};
pub use faer::{ColRef, Mat, MatMut, MatRef};
pub use golden_section::golden_section;
pub use graded::Graded;
pub use graded_product::product_singular_values;
pub use interval::Interval;
pub use interval_matrix::{
    frobenius_bound, identity, interval_difference, interval_matrix, interval_product, is_regular,
    midpoints, negative_eigenvalues,
};
pub use jacobi::orthogonalise_columns;
pub use line::Line;
pub use margins::{add_squares, smaller_margins};
pub use numerical_rank::numerical_rank;
pub use representation_cost::representation_cost;
pub use root::{Root, root};
pub use spectrum::{
    SingularValues, Svd, eigenvalue_roundoff, rough_symmetric_eigen, svd, symmetric_eigen,
};

use faer::{Accum, Par};

/// faer pads columns to 64 bytes.
const PADDED: usize = 8;

/// A matrix of zeros whose padding is zero too. Products read whole vector units, so the padding of a
/// column as well; faer leaves it as it was allocated, and what was a pointer there is a subnormal number,
/// with which a product can take eighty times as long. Matrices in products that are made often come
/// from here.
pub fn zeros(rows: usize, cols: usize) -> Mat<f64> {
    let mut out = Mat::zeros(rows.next_multiple_of(PADDED), cols);
    out.truncate(rows, cols);
    out
}

/// `a` as [`zeros`] makes it.
pub fn owned(a: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = zeros(a.nrows(), a.ncols());
    out.copy_from(a);
    out
}

/// `dst = alpha·lhs·rhs` or, with `accumulate`, `dst += alpha·lhs·rhs`.
pub fn multiply(
    dst: MatMut<'_, f64>,
    accumulate: bool,
    alpha: f64,
    lhs: MatRef<'_, f64>,
    rhs: MatRef<'_, f64>,
) {
    let mode = if accumulate {
        Accum::Add
    } else {
        Accum::Replace
    };
    faer::linalg::matmul::matmul(dst, mode, lhs, rhs, alpha, Par::Seq);
}

/// `lhs·rhs`; faer's own operator would use all threads.
pub fn product(lhs: MatRef<'_, f64>, rhs: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = zeros(lhs.nrows(), rhs.ncols());
    multiply(out.as_mut(), false, 1.0, lhs, rhs);
    out
}

/// `left ⊗ right`.
pub fn kronecker(left: &Mat<f64>, right: &Mat<f64>) -> Mat<f64> {
    let rows = left.nrows() * right.nrows();
    let mut out = zeros(rows, left.ncols() * right.ncols());
    faer::linalg::kron::kron(out.as_mut(), left.as_ref(), right.as_ref());
    out
}

/// `leftᵀ middle right`.
pub fn sandwich(left: &Mat<f64>, middle: &Mat<f64>, right: &Mat<f64>) -> Mat<f64> {
    let half = product(middle.as_ref(), right.as_ref());
    product(left.transpose(), half.as_ref())
}

/// `‖x‖₂`.
pub fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// `‖x − y‖₂`.
pub fn distance(x: &[f64], y: &[f64]) -> f64 {
    let squares = x.iter().zip(y).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f64>().sqrt()
}

/// `x ← x − a y`.
fn subtract(x: &mut [f64], a: f64, y: &[f64]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x -= a * y;
    }
}

/// Column-major view of a packed `rows × cols` matrix.
pub fn view(data: &[f64], rows: usize, cols: usize) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(data, rows, cols)
}

/// Mutable column-major view of a packed `rows × cols` matrix.
pub fn view_mut(data: &mut [f64], rows: usize, cols: usize) -> MatMut<'_, f64> {
    MatMut::from_column_major_slice_mut(data, rows, cols)
}

/// Column-major copy of a matrix.
pub fn to_vec(a: MatRef<'_, f64>) -> Vec<f64> {
    let mut all = Vec::with_capacity(a.nrows() * a.ncols());
    for column in a.col_iter() {
        match column.try_as_col_major() {
            Some(column) => all.extend_from_slice(column.as_slice()),
            None => all.extend(column.iter()),
        }
    }
    all
}

/// `⟨A, B⟩ = Σ a_ij b_ij`.
pub fn inner(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> f64 {
    let entries = a.col_iter().flat_map(|c| c.iter());
    let others = b.col_iter().flat_map(|c| c.iter());
    entries.zip(others).map(|(x, y)| x * y).sum()
}

/// Frobenius norm `‖A‖_F`.
pub fn frobenius(a: MatRef<'_, f64>) -> f64 {
    a.norm_l2()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that faer allocates for a column was set: it pads to no more than `PADDED`.
    #[test]
    fn nothing_is_left_as_it_was_allocated() {
        for rows in [1, 5, 8, 10, 20, 63, 100, 300] {
            let m = zeros(rows, 3);
            assert_eq!((m.nrows(), m.ncols()), (rows, 3));
            let set = rows.next_multiple_of(PADDED) as isize;
            assert_eq!([m.col_stride(), owned(m.as_ref()).col_stride()], [set; 2]);
        }
    }
}
