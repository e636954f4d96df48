//! Orthogonal columns by one-sided Jacobi rotations, `S J = [σ_1 u_1, σ_2 u_2, …]`, where columns
//! differ by many orders of magnitude: each keeps its own relative accuracy   (de Rijk 1989;
//! Demmel & Veselić 1992).
//!
//! Columns are unit vectors times sizes and only ratios of sizes enter, so no square can underflow.

use super::{Mat, dot};

/// More sweeps than any matrix needs: convergence is quadratic after the first few.
const SWEEPS: usize = 60;

/// Part of a column that counts as roundoff when it is all that is left.
const NEGLIGIBLE: f64 = 1e-14;

/// Below this remainder of a squared norm the formula for it has lost digits.
const CANCELS: f64 = 0.1;

/// Replaces `S` (`m × h`, any two of them) by `S J` with orthogonal columns, the largest first, and
/// returns the orthogonal `J` (`h × h`). A column of which less than 10⁻¹⁴ is left when others are
/// taken out, so each beyond the rank, becomes 0; its direction in `J` is then arbitrary.
///
/// `J` may be applied to other matrices by plain multiplication. A rotation that mixes sizes
/// `d_k ≪ d_j` has `tan θ = w d_k/d_j` with `w` to roundoff, so it is accurate to
/// `eps·min(d_j/d_k, d_k/d_j)`, and so is the product of rotations, as these bounds multiply to
/// themselves: `(d_i/d_j)(d_j/d_k) = d_i/d_k`. Times a column of size `d_j` this is `eps·d_k` at most.
pub fn orthogonalise_columns(stack: &mut Mat<f64>) -> Mat<f64> {
    let width = stack.ncols();
    let column = |j: usize| {
        let rotation = (0..width).map(|i| f64::from(u8::from(i == j))).collect();
        Column::new(stack.col(j).iter().copied().collect(), 1.0, rotation)
    };
    let mut columns: Vec<Column> = (0..width).map(column).collect();
    orthogonalise(&mut columns);
    *stack = Mat::from_fn(stack.nrows(), width, |i, j| {
        columns[j].size * columns[j].direction[i]
    });
    Mat::from_fn(width, width, |i, j| columns[j].rotation[i])
}

/// `size · direction`, and what the rotations are applied to besides.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Of length one, or 0.
    direction: Vec<f64>,
    size: f64,
    /// The column of `J`, or nothing.
    rotation: Vec<f64>,
    /// Size below which the column is roundoff of what it has been.
    floor: f64,
}

impl Column {
    /// The column `scale · entries`.
    pub fn new(entries: Vec<f64>, scale: f64, rotation: Vec<f64>) -> Self {
        let mut column = Self {
            direction: entries,
            size: scale,
            rotation,
            floor: 0.0,
        };
        column.normalise();
        column
    }

    /// Norm of the column.
    pub fn size(&self) -> f64 {
        self.size
    }

    /// Moves the norm of the direction to the size.
    fn normalise(&mut self) {
        let mut square = dot(&self.direction, &self.direction);
        if !(1e-200..1e200).contains(&square) {
            // A power of two goes first: squares of tiny entries would underflow.
            let largest = self.direction.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            if largest == 0.0 {
                self.size = 0.0;
                return;
            }
            // In two halves, as the power of a subnormal number has no inverse.
            let exponent = libm::ilogb(largest);
            for part in [exponent / 2, exponent - exponent / 2] {
                let scale = libm::scalbn(1.0, -part);
                self.direction.iter_mut().for_each(|v| *v *= scale);
                self.size *= libm::scalbn(1.0, part);
            }
            square = dot(&self.direction, &self.direction);
        }
        let norm = square.sqrt();
        self.direction.iter_mut().for_each(|v| *v /= norm);
        self.size *= norm;
    }

    /// Becomes 0 when what is left is roundoff.
    fn drop_roundoff(&mut self) {
        if self.size < self.floor {
            self.size = 0.0;
            self.direction.fill(0.0);
        }
    }
}

/// Makes columns orthogonal, the largest first. Those of which only roundoff is left become 0.
pub(super) fn orthogonalise(columns: &mut [Column]) {
    let rows = columns.first().map_or(0, |c| c.direction.len());
    let threshold = f64::EPSILON * (rows.max(4) as f64).sqrt();
    for _ in 0..SWEEPS {
        columns.sort_by(|a, b| b.size.total_cmp(&a.size));
        if !sweep(columns, threshold) {
            break;
        }
        columns.iter_mut().for_each(Column::normalise);
    }
}

/// Rotates every pair once, the largest column that is left with all others; whether any turned.
fn sweep(columns: &mut [Column], threshold: f64) -> bool {
    let mut rotated = false;
    for p in 0..columns.len() {
        let largest = |&i: &usize, &j: &usize| columns[i].size.total_cmp(&columns[j].size);
        if let Some(pivot) = (p..columns.len()).max_by(largest) {
            columns.swap(p, pivot);
        }
        let (head, rest) = columns.split_at_mut(p + 1);
        for other in rest {
            rotated |= rotate(&mut head[p], other, threshold);
        }
    }
    rotated
}

/// Makes two columns orthogonal, the larger first; false when they are already.
fn rotate(big: &mut Column, small: &mut Column, threshold: f64) -> bool {
    if small.size > big.size {
        std::mem::swap(big, small);
    }
    if small.size == 0.0 {
        return false;
    }
    let cosine = dot(&big.direction, &small.direction);
    // The negation would turn NaN for ever.
    let oblique = cosine.abs() > threshold;
    if !oblique {
        return false;
    }
    // With ρ the ratio of the sizes, tan θ = ρ w: no difference of squares of sizes, and w
    // stays of order one however small ρ is.
    let ratio = small.size / big.size;
    let gap = (1.0 - ratio) * (1.0 + ratio);
    let bend = 2.0 * cosine * ratio;
    let w = 2.0 * cosine / (gap + (gap * gap + bend * bend).sqrt());
    let tangent = ratio * w;
    let cos = 1.0 / (1.0 + tangent * tangent).sqrt();
    for column in [&mut *big, &mut *small] {
        column.floor = column.floor.max(NEGLIGIBLE * column.size);
    }
    // Norms after the rotation, relative to those before: 1 + ρ² w c and 1 − w c, squared.
    let longer = (1.0 + ratio * tangent * cosine).sqrt();
    let left = 1.0 - w * cosine;
    let shorter = if left < CANCELS { 1.0 } else { left.sqrt() };
    big.size *= longer;
    small.size *= shorter;
    turn(
        [&mut big.direction, &mut small.direction],
        [cos / longer, ratio * tangent * cos / longer],
        [cos / shorter, w * cos / shorter],
    );
    if left < CANCELS {
        small.normalise();
    }
    small.drop_roundoff();
    let (same, cross) = (cos, tangent * cos);
    turn(
        [&mut big.rotation, &mut small.rotation],
        [same, cross],
        [same, cross],
    );
    true
}

/// `(x, y) ← (a x + b y, c y − d x)`.
fn turn([x, y]: [&mut [f64]; 2], [a, b]: [f64; 2], [c, d]: [f64; 2]) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (a * *x + b * *y, c * *y - d * *x);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::linalg::{MatRef, multiply, norm, svd};
    use proptest::prelude::*;

    /// Linearly independent; leading minors are not 0 either.
    pub const INTEGERS: [[i128; 4]; 4] = [[2, 1, 3, 1], [1, 3, 1, 2], [4, 1, 5, 1], [1, 2, 2, 7]];

    /// Determinant of the first `k` rows and columns, by expansion along the last row.
    pub fn minor(a: &[Vec<i128>], k: usize) -> i128 {
        let Some(row) = k.checked_sub(1).map(|last| &a[last]) else {
            return 1;
        };
        let without = |j: usize| -> Vec<Vec<i128>> {
            let cut = |r: &Vec<i128>| [&r[..j], &r[j + 1..]].concat();
            a.iter().map(cut).collect()
        };
        (0..k)
            .map(|j| (-1_i128).pow((k - 1 + j) as u32) * row[j] * minor(&without(j), k - 1))
            .sum()
    }

    /// Length of what is left of each column of an integer matrix when those before it are taken out:
    /// `√(G_k/G_{k−1})` with the minors `G` of the Gram matrix, which are integers.
    pub fn remainders(columns: &[[i128; 4]]) -> Vec<f64> {
        let inner = |x: &[i128; 4], y: &[i128; 4]| x.iter().zip(y).map(|(a, b)| a * b).sum();
        let row = |x| columns.iter().map(|y| inner(x, y)).collect();
        let gram: Vec<Vec<i128>> = columns.iter().map(row).collect();
        (1..=columns.len())
            .map(|k| (minor(&gram, k) as f64 / minor(&gram, k - 1) as f64).sqrt())
            .collect()
    }

    pub fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
        let mut c = Mat::zeros(a.nrows(), b.ncols());
        multiply(c.as_mut(), false, 1.0, a, b);
        c
    }

    /// Columns of sizes 1 and ½ at 60°: `[[1, ¼], [¼, ¼]]` has the eigenvalues `5/8 ± √13/8`, squares of the new sizes.
    #[test]
    fn sizes_after_a_rotation_are_singular_values() {
        let column = |size: f64, direction: [f64; 2]| Column {
            size,
            direction: direction.to_vec(),
            rotation: Vec::new(),
            floor: 0.0,
        };
        let mut big = column(1.0, [1.0, 0.0]);
        let mut small = column(0.5, [0.5, 0.75_f64.sqrt()]);
        assert!(rotate(&mut big, &mut small, 1e-15));
        for (column, sign) in [(&big, 1.0), (&small, -1.0)] {
            let exact = (0.625 + sign * 13.0_f64.sqrt() / 8.0).sqrt();
            assert!((column.size - exact).abs() < 1e-15, "{}", column.size);
            assert!((norm(&column.direction) - 1.0).abs() < 1e-15);
        }
    }

    /// Full rank, no structure.
    pub fn irregular(rows: usize, cols: usize) -> Mat<f64> {
        Mat::from_fn(rows, cols, |i, j| {
            let (i, j) = (i as f64, j as f64);
            (1.3 * i * i + 3.7 * i * j + 0.9 * j * j + j).sin()
        })
    }

    /// Norm of a column; the largest entry is taken out, since squares may underflow.
    fn size(a: &Mat<f64>, j: usize) -> f64 {
        let x: Vec<f64> = a.col(j).iter().copied().collect();
        let largest = x.iter().fold(f64::MIN_POSITIVE, |m: f64, v| m.max(v.abs()));
        largest * norm(&x.iter().map(|v| v / largest).collect::<Vec<f64>>())
    }

    fn sizes(a: &Mat<f64>) -> Vec<f64> {
        (0..a.ncols()).map(|j| size(a, j)).collect()
    }

    fn identity_error(j: &Mat<f64>) -> f64 {
        let n = j.ncols();
        (product(j.transpose(), j.as_ref()) - Mat::<f64>::identity(n, n)).norm_max()
    }

    /// Largest cosine between columns.
    fn cosines(a: &Mat<f64>) -> f64 {
        let unit = Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] / size(a, j));
        let gram = product(unit.transpose(), unit.as_ref());
        let pairs = (0..a.ncols()).flat_map(|j| (0..j).map(move |i| (i, j)));
        pairs.fold(0.0, |m: f64, ij| m.max(gram[ij].abs()))
    }

    #[test]
    fn orthogonal_columns_are_only_sorted() {
        let signs = [[1., 1., 1., 1.], [1., -1., 1., -1.], [1., 1., -1., -1.]];
        let scale = [0.5, 1e-150, 3.0];
        let before = Mat::from_fn(4, 3, |i, j| signs[j][i] * scale[j]);
        let mut after = before.clone();
        let j = orthogonalise_columns(&mut after);
        for (k, old) in [2, 0, 1].into_iter().enumerate() {
            assert_eq!(j[(old, k)], 1.0);
            let error = (0..4).fold(0.0, |m: f64, i| {
                m.max((after[(i, k)] - before[(i, old)]).abs())
            });
            assert!(error <= 4.0 * f64::EPSILON * scale[old], "{error:e}");
        }
        assert_eq!(identity_error(&j), 0.0);
    }

    /// `(1, 0)` and `ρ (3/5, 4/5)`: singular values of a 2 × 2 matrix without cancellation,
    /// `2σ_1 = |(a + d, b − c)| + |(a − d, b + c)|`, `σ_1 σ_2 = |det|`; and `tan θ → 3ρ/5`.
    #[test]
    fn two_columns_have_the_closed_form() {
        for power in [0, 1, 5, 30, 300, 900] {
            let ratio = 2.0_f64.powi(-power);
            let (b, d) = (0.6 * ratio, 0.8 * ratio);
            let mut stack = Mat::from_fn(2, 2, |i, j| [[1.0, b], [0.0, d]][i][j]);
            let j = orthogonalise_columns(&mut stack);
            let first = 0.5 * ((1.0 + d).hypot(b) + (1.0 - d).hypot(b));
            // A few roundings each in the code and here.
            let tolerance = 8.0 * f64::EPSILON;
            for (k, expected) in [first, d / first].into_iter().enumerate() {
                let error = size(&stack, k) / expected - 1.0;
                assert!(error.abs() < tolerance, "2^-{power}, {k}: {error:e}");
            }
            if power >= 30 {
                let tangent = j[(1, 0)] / j[(0, 0)] / b;
                assert!((tangent - 1.0).abs() < tolerance, "{power}: {tangent}");
                assert_eq!(j[(0, 1)], -j[(1, 0)]);
            }
        }
    }

    /// With sizes 2⁻²⁰⁰ apart, what is left is that of Gram and Schmidt to a part in 2⁴⁰⁰.
    #[test]
    fn tiny_columns_keep_their_accuracy() {
        let mut stack = Mat::from_fn(4, 4, |i, j| {
            INTEGERS[j][i] as f64 * 2.0_f64.powi(-200 * j as i32)
        });
        let j = orthogonalise_columns(&mut stack);
        for (k, left) in remainders(&INTEGERS).into_iter().enumerate() {
            let error = size(&stack, k) / left * 2.0_f64.powi(200 * k as i32) - 1.0;
            assert!(error.abs() < 1e-14, "{k}: {error:e}");
        }
        assert!(cosines(&stack) < 2e-15 && identity_error(&j) < 1e-15);
    }

    /// `(1, 0)` and `(1, 2⁻³⁰)`: `σ_1 = √2` and `σ_1 σ_2 = 2⁻³⁰`, to a part in 2⁵⁰.
    #[test]
    fn nearly_parallel_columns_keep_their_remainder() {
        let small = 2.0_f64.powi(-30);
        let mut stack = Mat::from_fn(2, 2, |i, j| [[1.0, 1.0], [0.0, small]][i][j]);
        orthogonalise_columns(&mut stack);
        // Entries of order one are rounded, and 2⁻³⁰ is left.
        let error = size(&stack, 1) / small * 2.0_f64.sqrt() - 1.0;
        assert!(error.abs() < 8.0 * f64::EPSILON / small, "{error:e}");
    }

    #[test]
    fn powers_of_two_only_scale() {
        let (start, unit) = (irregular(7, 5), 2.0_f64.powi(-600));
        let (mut plain, mut small) = (start.clone(), faer::Scale(unit) * &start);
        assert_eq!(
            orthogonalise_columns(&mut plain),
            orthogonalise_columns(&mut small)
        );
        assert_eq!(faer::Scale(unit) * &plain, small);
    }

    #[test]
    fn columns_beyond_the_rank_become_zero() {
        for (rows, cols) in [(3, 7), (1, 4), (20, 100)] {
            let mut stack = irregular(rows, cols);
            let expected = svd(stack.as_ref()).unwrap().s;
            let j = orthogonalise_columns(&mut stack);
            let found = sizes(&stack);
            for k in 0..rows {
                let error = (found[k] - expected[k]).abs() / expected[0];
                // A hundred columns take some thousand rotations each.
                let tolerance = if cols < 100 { 1e-14 } else { 3e-14 };
                assert!(error < tolerance, "{rows} × {cols}, {k}: {error:e}");
            }
            assert_eq!(stack.subcols(rows, cols - rows).norm_max(), 0.0);
            assert!(identity_error(&j) < 5e-14, "{:e}", identity_error(&j));
        }
    }

    #[test]
    fn wide_stacks_agree_with_the_dense_decomposition() {
        let mut stack = irregular(110, 100);
        let expected = svd(stack.as_ref()).unwrap().s;
        orthogonalise_columns(&mut stack);
        for (found, expected_k) in sizes(&stack).iter().zip(&expected) {
            let error = (found - expected_k).abs() / expected[0];
            // Some thousand rotations of each column, a few roundings each.
            assert!(error < 3e-14, "{error:e}");
        }
        assert!(cosines(&stack) < 1e-14);
    }

    #[test]
    fn nothing_and_nan_come_back() {
        for (rows, cols) in [(0, 0), (3, 0), (0, 3), (2, 2)] {
            let mut stack = Mat::zeros(rows, cols);
            assert_eq!(identity_error(&orthogonalise_columns(&mut stack)), 0.0);
            assert_eq!(stack.norm_max(), 0.0);
        }
        let mut stack = Mat::from_fn(2, 2, |i, j| if i == j { f64::NAN } else { 1.0 });
        orthogonalise_columns(&mut stack);
        assert!(stack[(0, 0)].is_nan());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

        /// `S J` by plain multiplication is what came out, relative to each column.
        #[test]
        fn rotations_multiply_like_any_matrix(
            entries in prop::collection::vec(-0.15..0.15, 6 * 5),
            powers in prop::collection::vec(-900..0, 5),
        ) {
            let start = Mat::from_fn(6, 5, |i, j| {
                let one = f64::from(u8::from(i == j));
                (entries[6 * j + i] + one) * 2.0_f64.powi(powers[j])
            });
            let mut stack = start.clone();
            let j = orthogonalise_columns(&mut stack);
            let plain = product(start.as_ref(), j.as_ref());
            let found = sizes(&stack);
            for k in 0..5 {
                let error = (plain.col(k) - stack.col(k)).norm_max() / found[k];
                prop_assert!(error < 1e-14, "{}: {:e}", k, error);
            }
            prop_assert!(cosines(&stack) < 2e-15);
            prop_assert!(found.is_sorted_by(|a, b| a >= b));
            prop_assert!(identity_error(&j) < 1e-14);
        }
    }
}
