//! Singular values of matrices whose columns differ by many orders of magnitude, each with its
//! own relative accuracy: one-sided Jacobi rotations `X J = U diag(σ)`   (Demmel & Veselić 1992).
//!
//! Sizes are kept as logarithms, so neither their range nor their squares can over- or underflow.

use super::{dot, subtract};

/// More sweeps than any matrix needs: convergence is quadratic after the first few.
const SWEEPS: usize = 60;

/// Part of a column below which what is left of it, when others are taken out, counts as roundoff of
/// whoever made it: some hundred times that of a product or a singular value decomposition.
const NEGLIGIBLE: f64 = 1e-13;

/// `[e^{ℓ_1} x_1, …, e^{ℓ_n} x_n]` with unit columns `x_j`, or `x_j = 0` and `ℓ_j = −∞`.
#[derive(Debug, Clone)]
pub struct Graded {
    pub directions: Vec<Vec<f64>>,
    pub log_sizes: Vec<f64>,
}

impl Graded {
    /// Columns `e^{scale_j} column_j`.
    pub fn new(columns: Vec<Vec<f64>>, log_scales: &[f64]) -> Self {
        let mut graded = Self {
            directions: columns,
            log_sizes: log_scales.to_vec(),
        };
        for (x, size) in graded.directions.iter_mut().zip(&mut graded.log_sizes) {
            normalise(x, size);
        }
        graded
    }

    /// `X = V diag(σ) Uᵀ`: leaves `V diag(σ)` here, the largest first and no more columns than `X` has
    /// rows, and returns the columns of `U`.
    ///
    /// `X = Q R` with pivots first, then Jacobi rotations of the few rows of `R`, which are nearly
    /// orthogonal where sizes differ   (Drmač & Veselić 2008).
    pub fn decompose(&mut self) -> Vec<Vec<f64>> {
        let (basis, mut triangle) = self.triangular();
        let rotations = triangle.orthogonalise();
        let combine = |j: &Vec<f64>| {
            let mut v = vec![0.0; basis.first().map_or(0, Vec::len)];
            for (q, j) in basis.iter().zip(j) {
                subtract(&mut v, -j, q);
            }
            v
        };
        self.directions = rotations.iter().map(combine).collect();
        self.log_sizes = triangle.log_sizes;
        triangle.directions
    }

    /// `X = Q R`: the columns of `Q` and those of `Rᵀ`; the largest remainder is always next.
    fn triangular(&self) -> (Vec<Vec<f64>>, Graded) {
        let columns = self.log_sizes.len();
        let rows = self.directions.first().map_or(0, Vec::len);
        let mut rest = self.clone();
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let (mut lines, mut sizes) = (Vec::new(), Vec::new());
        while basis.len() < rows.min(columns) {
            let largest = |&i: &usize, &j: &usize| rest.log_sizes[i].total_cmp(&rest.log_sizes[j]);
            let Some(pivot) = (0..columns).max_by(largest) else {
                break;
            };
            let unit = rest.log_sizes[pivot];
            if unit == f64::NEG_INFINITY {
                break;
            }
            let mut q = rest.directions[pivot].clone();
            for earlier in &basis {
                let part = dot(earlier, &q);
                subtract(&mut q, part, earlier);
            }
            normalise(&mut q, &mut 0.0);
            lines.push((0..columns).map(|j| rest.project(j, &q, unit)).collect());
            rest.log_sizes[pivot] = f64::NEG_INFINITY;
            for j in 0..columns {
                if rest.log_sizes[j] < self.log_sizes[j] + NEGLIGIBLE.ln() {
                    rest.log_sizes[j] = f64::NEG_INFINITY;
                }
            }
            basis.push(q);
            sizes.push(unit);
        }
        (basis, Graded::new(lines, &sizes))
    }

    /// Takes the part along the unit vector `q` out of column `j`; returns it in units of `e^unit`.
    fn project(&mut self, j: usize, q: &[f64], unit: f64) -> f64 {
        if self.log_sizes[j] == f64::NEG_INFINITY {
            return 0.0;
        }
        let part = dot(q, &self.directions[j]);
        let part_size = part * (self.log_sizes[j] - unit).exp();
        subtract(&mut self.directions[j], part, q);
        normalise(&mut self.directions[j], &mut self.log_sizes[j]);
        part_size
    }

    /// Makes the columns orthogonal, the largest first; returns the columns of the orthogonal `J`
    /// with `new = old J`. What is smaller than roundoff of the columns it comes from becomes 0.
    pub fn orthogonalise(&mut self) -> Vec<Vec<f64>> {
        let n = self.log_sizes.len();
        let rows = self.directions.first().map_or(0, Vec::len);
        let threshold = f64::EPSILON * (rows.max(1) as f64).sqrt();
        let mut rotations: Vec<Vec<f64>> = (0..n)
            .map(|j| (0..n).map(|i| f64::from(u8::from(i == j))).collect())
            .collect();
        let mut floors = vec![f64::NEG_INFINITY; n];
        for _ in 0..SWEEPS {
            self.sort(&mut rotations, &mut floors);
            let mut rotated = false;
            for p in 0..n {
                for q in p + 1..n {
                    rotated |= self.rotate([p, q], threshold, &mut rotations, &mut floors);
                }
            }
            if !rotated {
                break;
            }
        }
        self.sort(&mut rotations, &mut floors);
        rotations
    }

    /// One rotation of columns `p < q` unless they are orthogonal already.
    fn rotate(
        &mut self,
        pair: [usize; 2],
        threshold: f64,
        rotations: &mut [Vec<f64>],
        floors: &mut [f64],
    ) -> bool {
        let [big, small] = match self.log_sizes[pair[0]] >= self.log_sizes[pair[1]] {
            true => pair,
            false => [pair[1], pair[0]],
        };
        if self.log_sizes[small] == f64::NEG_INFINITY {
            return false;
        }
        let (x, y) = two(&mut self.directions, big, small);
        let cosine = dot(x, y);
        // The negation would turn NaN for ever.
        let oblique = cosine.abs() > threshold;
        if !oblique {
            return false;
        }
        // With ρ the ratio of the sizes, tan θ = ρ w: no difference of squares of sizes, and w
        // stays of order one however small ρ is.
        let ratio = (self.log_sizes[small] - self.log_sizes[big]).exp();
        let gap = (1.0 - ratio) * (1.0 + ratio);
        let w = 2.0 * cosine / (gap + gap.hypot(2.0 * cosine * ratio));
        let log_cos = -0.5 * (ratio * w * ratio * w).ln_1p();
        turn(x, y, ratio * ratio * w, w);
        for k in [big, small] {
            let size = &mut self.log_sizes[k];
            floors[k] = floors[k].max(*size + threshold.ln());
            *size += log_cos;
            normalise(&mut self.directions[k], size);
            if *size < floors[k] {
                *size = f64::NEG_INFINITY;
                self.directions[k].fill(0.0);
            }
        }
        let (x, y) = two(rotations, big, small);
        turn(x, y, ratio * w, ratio * w);
        for v in x.iter_mut().chain(y) {
            *v *= log_cos.exp();
        }
        true
    }

    /// Decreasing sizes.
    fn sort(&mut self, rotations: &mut Vec<Vec<f64>>, floors: &mut Vec<f64>) {
        let mut order: Vec<usize> = (0..self.log_sizes.len()).collect();
        order.sort_by(|&i, &j| self.log_sizes[j].total_cmp(&self.log_sizes[i]));
        self.directions = pick(&self.directions, &order);
        self.log_sizes = pick(&self.log_sizes, &order);
        *rotations = pick(rotations, &order);
        *floors = pick(floors, &order);
    }
}

fn pick<T: Clone>(from: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|&k| from[k].clone()).collect()
}

/// `(x, y) ← (x + a y, y − b x)`.
fn turn(x: &mut [f64], y: &mut [f64], a: f64, b: f64) {
    for (x, y) in x.iter_mut().zip(y) {
        (*x, *y) = (*x + a * *y, *y - b * *x);
    }
}

/// Divides a vector by its norm, whose logarithm is added to `log_size`.
fn normalise(x: &mut [f64], log_size: &mut f64) {
    let square = dot(x, x);
    if (1e-200..1e200).contains(&square) {
        let inverse = 1.0 / square.sqrt();
        x.iter_mut().for_each(|v| *v *= inverse);
        *log_size += 0.5 * square.ln();
        return;
    }
    let largest = x.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    if largest == 0.0 {
        *log_size = f64::NEG_INFINITY;
        return;
    }
    // The largest entry goes first: squares of tiny entries would underflow.
    x.iter_mut().for_each(|v| *v /= largest);
    let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
    x.iter_mut().for_each(|v| *v /= norm);
    *log_size += largest.ln() + norm.ln();
}

/// Two different elements.
fn two<T>(of: &mut [T], i: usize, j: usize) -> (&mut T, &mut T) {
    if i < j {
        let (low, high) = of.split_at_mut(j);
        (&mut low[i], &mut high[0])
    } else {
        let (low, high) = of.split_at_mut(i);
        (&mut high[0], &mut low[j])
    }
}
