//! What belongs to the rows and columns of a matrix rather than to its entries, compiled for the
//! machine's vector units and chosen at run time.

use pulp::{Arch, Scalar, Simd, WithSimd};

/// Adds the squares of a column-major matrix's entries to the sums of their rows and columns.
pub fn add_squares(entries: &[f64], of_rows: &mut [f64], of_columns: &mut [f64]) {
    Arch::new().dispatch(AddSquares {
        entries,
        of_rows,
        of_columns,
    });
}

/// Entry `(i, j)` of the column-major `out` becomes the smaller of `of_rows[i]` and `of_columns[j]`.
pub fn smaller_margins(of_rows: &[f64], of_columns: &[f64], out: &mut [f64]) {
    Arch::new().dispatch(SmallerMargins {
        of_rows,
        of_columns,
        out,
    });
}

struct AddSquares<'a> {
    entries: &'a [f64],
    of_rows: &'a mut [f64],
    of_columns: &'a mut [f64],
}

impl WithSimd for AddSquares<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rows = self.of_rows.len();
        let whole = rows - rows % S::F64_LANES;
        let (upper, lower) = self.of_rows.split_at_mut(whole);
        for (column, sum) in self.entries.chunks_exact(rows).zip(self.of_columns) {
            let (head, tail) = column.split_at(whole);
            *sum += add_column(simd, head, upper) + add_column(Scalar, tail, lower);
        }
    }
}

/// Returns the sum of the squares.
#[inline(always)]
fn add_column<S: Simd>(simd: S, column: &[f64], of_rows: &mut [f64]) -> f64 {
    let (column, _) = S::as_simd_f64s(column);
    let (of_rows, _) = S::as_mut_simd_f64s(of_rows);
    let mut sum = simd.splat_f64s(0.0);
    for (x, row) in column.iter().zip(of_rows) {
        let square = simd.mul_f64s(*x, *x);
        sum = simd.add_f64s(sum, square);
        *row = simd.add_f64s(*row, square);
    }
    simd.reduce_sum_f64s(sum)
}

struct SmallerMargins<'a> {
    of_rows: &'a [f64],
    of_columns: &'a [f64],
    out: &'a mut [f64],
}

impl WithSimd for SmallerMargins<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rows = self.of_rows.len();
        let whole = rows - rows % S::F64_LANES;
        let (upper, lower) = self.of_rows.split_at(whole);
        for (column, &of_column) in self.out.chunks_exact_mut(rows).zip(self.of_columns) {
            let (head, tail) = column.split_at_mut(whole);
            set_column(simd, head, upper, of_column);
            set_column(Scalar, tail, lower, of_column);
        }
    }
}

#[inline(always)]
fn set_column<S: Simd>(simd: S, column: &mut [f64], of_rows: &[f64], of_column: f64) {
    let (column, _) = S::as_mut_simd_f64s(column);
    let (of_rows, _) = S::as_simd_f64s(of_rows);
    let of_column = simd.splat_f64s(of_column);
    for (entry, row) in column.iter_mut().zip(of_rows) {
        *entry = simd.min_f64s(*row, of_column);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(i: usize, j: usize) -> f64 {
        (1.0 + i as f64 + 0.37 * j as f64).sin()
    }

    /// Numbers of rows on both sides of a vector's lanes.
    #[test]
    fn squares_are_summed_over_rows_and_columns() {
        for rows in [1, 7, 8, 21] {
            let columns = 5;
            let all = (0..columns).flat_map(|j| (0..rows).map(move |i| entry(i, j)));
            let entries: Vec<f64> = all.collect();
            let (mut of_rows, mut of_columns) = (vec![1.0; rows], vec![2.0; columns]);
            add_squares(&entries, &mut of_rows, &mut of_columns);
            for (i, found) in of_rows.iter().enumerate() {
                let exact: f64 = (0..columns).map(|j| entry(i, j).powi(2)).sum();
                assert!((found - 1.0 - exact).abs() < 1e-14);
            }
            for (j, found) in of_columns.iter().enumerate() {
                let exact: f64 = (0..rows).map(|i| entry(i, j).powi(2)).sum();
                assert!((found - 2.0 - exact).abs() < 1e-14 * rows as f64);
            }
        }
    }

    #[test]
    fn an_entry_takes_the_smaller_of_its_margins() {
        let of_rows: Vec<f64> = (0..11).map(|i| entry(i, 0)).collect();
        let of_columns = [0.3, f64::INFINITY, -0.2];
        let mut out = vec![9.0; 33];
        smaller_margins(&of_rows, &of_columns, &mut out);
        for (place, found) in out.iter().enumerate() {
            let exact = of_rows[place % 11].min(of_columns[place / 11]);
            assert_eq!(*found, exact);
        }
    }
}
