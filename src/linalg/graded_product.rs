//! Singular values of a product `A = W_L … W_1`, each with its own relative accuracy where hidden
//! neurons differ by many orders of magnitude.
//!
//! The product is never formed: `W_L = Q R`, then `R W_{L−1} = Q' R'`, … leaves a triangle with the
//! singular values of `A`, and one-sided Jacobi on its rows finds them   (Demmel et al. 1999).
//! Householder reflections with complete pivoting err in each entry by roundoff of what stands in
//! its row   (Cox & Higham 1998), so small rows survive beside large ones. A Gram–Schmidt process
//! errs by roundoff of the column.

use super::jacobi::{Column, orthogonalise};
use super::row::{Row, power};
use super::{Mat, MatRef, multiply, subtract};

/// `σ_1 ≥ σ_2 ≥ …` of `A = W_L … W_1`, `factors[0] = W_1`; as many as the smaller side of `A`.
///
/// With `d_j` the size of neuron `j` (row of the layer below, column of the layer above, entries of
/// layers between hidden ones at most the smaller of their two neurons), each `σ_k` has a relative
/// error of some `eps`, however far the `d_j` lie apart, unless directions of neurons are nearly
/// parallel. For any other matrices errors are `eps·σ_1`. Values below 10⁻³⁰⁸ may come out as 0;
/// all are NaN when an entry is not finite.
pub fn product_singular_values(factors: &[MatRef<'_, f64>]) -> Vec<f64> {
    let (Some(first), Some(last)) = (factors.first(), factors.last()) else {
        return Vec::new();
    };
    let modes = first.ncols().min(last.nrows());
    if !factors.iter().all(|w| w.is_all_finite()) {
        return vec![f64::NAN; modes];
    }
    // From the narrower end, as no triangle has more rows than the first.
    let triangle = if last.nrows() <= first.ncols() {
        reduce(factors.iter().rev().copied())
    } else {
        reduce(factors.iter().map(|w| w.transpose()))
    };
    // In units of the largest row: products of two sizes must not underflow.
    let top = triangle.iter().map(|row| row.exponent).max().unwrap_or(0);
    let rows = triangle.into_iter();
    let mut columns: Vec<Column> = rows.map(|row| row.into_column(top)).collect();
    orthogonalise(&mut columns);
    let sizes = columns.iter().map(Column::size);
    let mut values: Vec<f64> = sizes.map(|size| libm::scalbn(size, top)).collect();
    values.resize(modes, 0.0);
    values
}

/// `R` with the singular values of `M_1 M_2 …`.
fn reduce<'a>(mut factors: impl Iterator<Item = MatRef<'a, f64>>) -> Vec<Row> {
    let mut product = factors.next().map_or_else(Vec::new, rows);
    for factor in factors {
        // `X M = (X D)(D⁻¹ M)`: pivots have to see the sizes of neurons on both sides.
        let sizes = row_exponents(factor);
        scale_columns(&mut product, &sizes);
        product = times(&triangular(product), factor, &sizes);
    }
    triangular(product)
}

/// The rows of a matrix.
fn rows(a: MatRef<'_, f64>) -> Vec<Row> {
    let row = |i| Row::new(a.row(i).iter().copied().collect(), 0);
    (0..a.nrows()).map(row).collect()
}

/// Powers of two of the sizes of rows, nothing for rows of zeros.
fn row_exponents(a: MatRef<'_, f64>) -> Vec<Option<i32>> {
    let mut largest = vec![0.0_f64; a.nrows()];
    for column in a.col_iter() {
        for (m, v) in largest.iter_mut().zip(column.iter()) {
            *m = m.max(v.abs());
        }
    }
    // Not below, as the inverse has to be a number.
    let exponent = |m: f64| (m > 0.0).then(|| libm::ilogb(m).max(-1000));
    largest.into_iter().map(exponent).collect()
}

/// `X D`, `D` the diagonal matrix of the powers.
fn scale_columns(product: &mut [Row], exponents: &[Option<i32>]) {
    let top = exponents.iter().flatten().copied().max().unwrap_or(0);
    let scale = |e: &Option<i32>| e.map_or(0.0, |e| power(e - top));
    let scales: Vec<f64> = exponents.iter().map(scale).collect();
    for row in product {
        for (v, scale) in row.entries.iter_mut().zip(&scales) {
            *v *= scale;
        }
        row.exponent += top;
        row.rescale();
    }
}

/// `R D⁻¹ M`, each row in its own unit.
fn times(triangle: &[Row], factor: MatRef<'_, f64>, exponents: &[Option<i32>]) -> Vec<Row> {
    let (middle, width) = (factor.nrows(), factor.ncols());
    let scales: Vec<f64> = exponents.iter().map(|e| power(-e.unwrap_or(0))).collect();
    let left = Mat::from_fn(triangle.len(), middle, |i, j| triangle[i].entries[j]);
    let right = Mat::from_fn(middle, width, |i, j| factor[(i, j)] * scales[i]);
    let mut product = Mat::zeros(triangle.len(), width);
    multiply(product.as_mut(), false, 1.0, left.as_ref(), right.as_ref());
    let mut result = rows(product.as_ref());
    for (row, old) in result.iter_mut().zip(triangle) {
        row.exponent += old.exponent;
    }
    result
}

/// `R` of `X = Q R P`, the columns in their old order and no more rows than columns; the largest
/// entry that is left is always the pivot.
fn triangular(mut rows: Vec<Row>) -> Vec<Row> {
    let columns = rows.first().map_or(0, |row| row.entries.len());
    for step in 0..rows.len().min(columns) {
        let size = |&i: &usize, &j: &usize| rows[i].cmp_size(&rows[j]);
        if let Some(pivot) = (step..rows.len()).max_by(size) {
            rows.swap(step, pivot);
        }
        if rows[step].largest == 0.0 {
            rows.truncate(step);
            break;
        }
        let (done, rest) = rows.split_at_mut(step + 1);
        reflect(&mut done[step], rest);
    }
    rows.truncate(columns);
    rows
}

/// Householder reflection that leaves nothing below the largest entry of the pivot row.
fn reflect(pivot: &mut Row, rest: &mut [Row]) {
    let Some(at) = pivot.position() else {
        return;
    };
    let head = pivot.entries[at];
    // The column below in units of the pivot row. What underflows adds nothing to a row as large.
    let units: Vec<f64> = rest.iter().map(|row| row.unit_over(pivot)).collect();
    let column: Vec<f64> = rest
        .iter()
        .zip(&units)
        .map(|(row, unit)| row.entries[at] * unit)
        .collect();
    let norm = column.iter().map(|v| v * v).sum::<f64>();
    let norm = (head * head + norm).sqrt().copysign(head);
    let axis = head + norm;
    // `(I − τ v vᵀ) x = x − τ (vᵀx) v`, `v = (1, column/axis)`, `τ = axis/norm`.
    let mut along = pivot.entries.clone();
    for ((row, unit), v) in rest.iter().zip(&units).zip(&column) {
        subtract(&mut along, -(v / axis * unit), &row.entries);
    }
    subtract(&mut pivot.entries, axis / norm, &along);
    pivot.entries[at] = -norm;
    pivot.rescale();
    for row in rest {
        // Units of rows cancel here.
        let v = row.entries[at] / norm;
        subtract(&mut row.entries, v, &along);
        row.entries[at] = 0.0;
        row.rescale();
    }
}

#[cfg(test)]
mod tests {
    use super::super::jacobi::tests::{INTEGERS, irregular, product, remainders};
    use super::*;
    use crate::linalg::{orthogonalise_columns, svd};
    use proptest::prelude::*;

    fn values(factors: &[Mat<f64>]) -> Vec<f64> {
        product_singular_values(&factors.iter().map(Mat::as_ref).collect::<Vec<_>>())
    }

    /// Powers of two change no digit, down to products of 1e-300.
    #[test]
    fn tiny_factors_have_the_same_digits() {
        let factors = [irregular(4, 3), irregular(3, 4)];
        let small: Vec<Mat<f64>> = factors
            .iter()
            .map(|w| Mat::from_fn(w.nrows(), w.ncols(), |i, j| w[(i, j)] * power(-497)))
            .collect();
        let expected: Vec<f64> = values(&factors).iter().map(|s| s * power(-994)).collect();
        assert_eq!(values(&small), expected);
    }

    fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
            let error = found / expected - 1.0;
            assert!(
                error.abs() < tolerance,
                "σ_{}: {found:e} for {expected:e}",
                k + 1
            );
        }
    }

    /// Layers with integer entries times the sizes of their neurons, powers of two: `sizes[l]` are
    /// those of hidden layer `l + 1`.
    fn graded(integers: &[Mat<f64>], sizes: &[Vec<i32>]) -> Vec<Mat<f64>> {
        let depth = integers.len();
        let below = |l: usize, j: usize| l.checked_sub(1).map_or(0, |l| sizes[l][j]);
        let above = |l: usize, i: usize| if l + 1 < depth { sizes[l][i] } else { 0 };
        let layer = |(l, w): (usize, &Mat<f64>)| {
            Mat::from_fn(w.nrows(), w.ncols(), |i, j| {
                w[(i, j)] * power(below(l, j).min(above(l, i)))
            })
        };
        integers.iter().enumerate().map(layer).collect()
    }

    /// A neuron whose squares underflow: what is left of the second row is a subnormal number, of the third nothing.
    #[test]
    fn rows_of_zeros_beside_subnormal_ones_do_no_harm() {
        let tiny = power(-538);
        let upper = Mat::from_fn(3, 2, |i, j| match j {
            0 => [1.0, 2.0, 0.0][i],
            _ => [4.0, 3.0, 0.0][i] * tiny,
        });
        let lower = Mat::from_fn(2, 2, |i, j| [1.0, tiny][i] * (1.0 - 0.5 * j as f64));
        let found = values(&[Mat::identity(2, 3), lower, upper]);
        // σ_1 = ‖(1, 2)‖ ‖(1, ½)‖.
        assert!((found[0] / 2.5 - 1.0).abs() < 1e-14, "{found:?}");
    }

    fn integer_matrix() -> Mat<f64> {
        Mat::from_fn(4, 4, |i, j| INTEGERS[i][j] as f64)
    }

    /// `A = (Q R) M (L Q')` with sizes at least 2⁶⁰ apart: `σ_k = |R_kk M_kk L_kk|` to a part in 2⁶⁰,
    /// where `R` and `L` are those of integer matrices.
    #[test]
    fn each_mode_keeps_its_accuracy() {
        let columns: Vec<[i128; 4]> = (0..4).map(|j| INTEGERS.map(|row| row[j])).collect();
        let (top, bottom) = (remainders(&columns), remainders(&INTEGERS));
        let sizes = [vec![0, -60, -160, -330], vec![0, -90, -150, -320]];
        let factors = graded(&vec![integer_matrix(); 3], &sizes);
        let expected: Vec<f64> = (0..4)
            .map(|k| {
                let inner = INTEGERS[k][k] as f64 * power(sizes[0][k].min(sizes[1][k]));
                (top[k] * power(sizes[1][k])) * inner * (bottom[k] * power(sizes[0][k]))
            })
            .collect();
        assert!(expected[3] < 1e-290);
        // A few roundings for each of four rows and three layers.
        assert_close(&values(&factors), &expected, 1e-14);
    }

    /// With rows 2⁶⁰ apart, `σ_k` is what is left of each when larger ones are taken out.
    #[test]
    fn rows_may_come_in_any_order() {
        let order = [2, 0, 3, 1];
        let rows = Mat::from_fn(4, 4, |i, j| {
            INTEGERS[order[i]][j] as f64 * power(-60 * order[i] as i32)
        });
        let left = remainders(&INTEGERS).into_iter().enumerate();
        let expected: Vec<f64> = left.map(|(k, r)| r * power(-60 * k as i32)).collect();
        assert_close(&values(&[rows]), &expected, 1e-14);
    }

    /// Sylvester's matrix of signs has orthogonal columns of length √8.
    #[test]
    fn diagonal_layers_between_signs_are_exact() {
        let sign = |i: usize, j: usize| f64::from(1 - 2 * ((i & j).count_ones() as i32 % 2));
        let scale = |k: usize| power(-40 * ((k as i32 * 3) % 8));
        let factors = [
            Mat::from_fn(8, 8, |i, j| sign(i, j) * scale(i)),
            Mat::from_fn(8, 8, |i, j| if i == j { 3.0 * scale(i) } else { 0.0 }),
            Mat::from_fn(8, 8, |i, j| sign(i, j) * scale(j)),
        ];
        let expected: Vec<f64> = (0..8).map(|k| 24.0 * power(-120 * k)).collect();
        assert_close(&values(&factors), &expected, 1e-14);
    }

    /// `2σ_1 = |(a + d, b − c)| + |(a − d, b + c)|` and `σ_1 σ_2 = |det W_2| |det W_1| = 3δ²`.
    #[test]
    fn two_modes_have_the_closed_form() {
        for exponent in [-1, -10, -26, -200, -500] {
            let small = power(exponent);
            let lower = [[1.0, 2.0], [small, -small]];
            let upper = [[1.0, small], [3.0, 2.0 * small]];
            let s = small * small;
            let [a, b, c, d] = [1.0 + s, 2.0 - s, 3.0 + 2.0 * s, 6.0 - 2.0 * s];
            let first = 0.5 * ((a + d).hypot(b - c) + (a - d).hypot(b + c));
            let factors = [lower, upper].map(|w| Mat::from_fn(2, 2, |i, j| w[i][j]));
            let expected = [first, 3.0 * small / first * small];
            assert_close(&values(&factors), &expected, 16.0 * f64::EPSILON);
        }
    }

    #[test]
    fn powers_of_two_only_scale() {
        let factors = [irregular(6, 4), irregular(7, 6), irregular(5, 7)];
        let scaled: Vec<Mat<f64>> = factors
            .iter()
            .zip([-700, 900, -400])
            .map(|(w, exponent)| faer::Scale(power(exponent)) * w)
            .collect();
        let expected: Vec<f64> = values(&factors).iter().map(|s| s * power(-200)).collect();
        assert_eq!(values(&scaled), expected);
    }

    #[test]
    fn well_conditioned_products_agree_with_the_dense_decomposition() {
        let networks: [&[usize]; 5] = [
            &[6, 9],
            &[9, 6],
            &[10, 100, 10],
            &[12, 100, 100, 10],
            &[10, 40, 30, 20],
        ];
        for widths in networks {
            let factors: Vec<Mat<f64>> = widths
                .windows(2)
                .map(|w| irregular(w[1], w[0]) + Mat::<f64>::identity(w[1], w[0]))
                .collect();
            let whole = factors[1..]
                .iter()
                .fold(factors[0].clone(), |a, w| product(w.as_ref(), a.as_ref()));
            let expected = svd(whole.as_ref()).unwrap().s;
            let found = values(&factors);
            assert_eq!(found.len(), expected.len());
            // Relative to σ_1, as the dense decomposition is, times the norms that the product lost.
            let lost = factors.iter().map(|w| w.norm_l2()).product::<f64>() / expected[0];
            for (found, expected_k) in found.iter().zip(&expected) {
                let error = (found - expected_k).abs() / expected[0];
                assert!(error < 1e-14 + 1e-16 * lost, "{widths:?}: {error:e}");
            }
        }
    }

    #[test]
    fn modes_that_do_not_fit_are_zero() {
        let found = values(&[irregular(2, 5), irregular(4, 2)]);
        assert!(found[1] > 0.1);
        assert_eq!(found[2..], [0.0, 0.0]);
        assert_eq!(values(&[Mat::zeros(3, 3), irregular(2, 3)]), [0.0, 0.0]);
        assert_eq!(values(&[Mat::zeros(0, 3), Mat::zeros(2, 0)]), [0.0, 0.0]);
        assert!(values(&[]).is_empty());
    }

    #[test]
    fn modes_too_small_for_a_number_are_zero() {
        let factors = graded(&vec![Mat::identity(3, 3); 4], &vec![vec![0, -240, -400]; 3]);
        assert_eq!(values(&factors), [1.0, power(-960), 0.0]);
    }

    #[test]
    fn entries_that_are_not_finite_give_nan() {
        let mut broken = irregular(3, 2);
        broken[(2, 1)] = f64::NEG_INFINITY;
        let found = values(&[broken, irregular(4, 3)]);
        assert!(found.len() == 2 && found.iter().all(|s| s.is_nan()));
    }

    /// Triangular integer matrices: `1 … 4` on the diagonal.
    fn triangular_layer() -> impl Strategy<Value = Mat<f64>> {
        prop::collection::vec((-3..=3, 1..=4), 16).prop_map(|entries| {
            Mat::from_fn(4, 4, |i, j| {
                let (any, positive) = entries[4 * i + j];
                f64::from(match i.cmp(&j) {
                    std::cmp::Ordering::Less => any,
                    std::cmp::Ordering::Equal => positive,
                    std::cmp::Ordering::Greater => 0,
                })
            })
        })
    }

    fn scales() -> impl Strategy<Value = Vec<i32>> {
        prop::collection::vec(-70..=0, 4).prop_map(|steps| {
            let sum = |k: usize| steps[..k].iter().sum();
            (0..4).map(sum).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        /// `Π σ_k = Π_l |det W_l|`, which triangles show.
        #[test]
        fn product_of_modes_is_the_determinant(
            layers in prop::collection::vec(triangular_layer(), 3),
            sizes in prop::collection::vec(scales(), 2),
        ) {
            let factors = graded(&layers, &sizes);
            let found = values(&factors);
            let ratio: f64 = (0..4)
                .map(|k| found[k] / factors.iter().map(|w| w[(k, k)]).product::<f64>())
                .product();
            // Entries up to 3 make a triangle's condition up to a few hundred.
            prop_assert!((ratio - 1.0).abs() < 1e-12, "{:e}", ratio - 1.0);
        }

        #[test]
        fn transposing_changes_nothing(
            layers in prop::collection::vec(triangular_layer(), 3),
            sizes in prop::collection::vec(scales(), 2),
        ) {
            let factors = graded(&layers, &sizes);
            let turned: Vec<Mat<f64>> =
                factors.iter().rev().map(|w| w.transpose().to_owned()).collect();
            for (a, b) in values(&factors).iter().zip(values(&turned)) {
                prop_assert!((a / b - 1.0).abs() < 1e-12, "{:e} {:e}", a, b);
            }
        }

        /// Orthogonal columns of `[W_1ᵀ; W_2]` by rotations `J` leave the product as it is.
        #[test]
        fn frames_change_nothing(sizes in scales(), entries in prop::collection::vec(-0.2..0.2, 32)) {
            let layer = |from: usize| {
                let one = |i, j| f64::from(u8::from(i == j));
                Mat::from_fn(4, 4, |i, j| one(i, j) + entries[from + 4 * i + j])
            };
            let factors = graded(&[layer(0), layer(16)], std::slice::from_ref(&sizes));
            let mut stack = Mat::from_fn(8, 4, |i, j| {
                if i < 4 { factors[0][(j, i)] } else { factors[1][(i - 4, j)] }
            });
            let rotation = orthogonalise_columns(&mut stack);
            let rotated = [
                product(rotation.transpose(), factors[0].as_ref()),
                product(factors[1].as_ref(), rotation.as_ref()),
            ];
            for (a, b) in values(&factors).iter().zip(values(&rotated)) {
                prop_assert!((a / b - 1.0).abs() < 1e-13, "{:e} {:e}", a, b);
            }
        }
    }
}
