//! The slice of rank-`k` matrices and the equations of critical points on it, which stand in the
//! module above.

use super::enclosure;
use super::krawczyk::{Equations, points};
use super::spectrum::Spectrum;
use crate::linalg::{
    Interval, Mat, MatRef, frobenius, interval_matrix, interval_product, is_regular, midpoints,
    negative_eigenvalues,
};
use crate::model::Cost;

/// `A = X Yᵀ` with the rows `fixed` of `X` at given values; unknowns are `z = (X_2, Y)`, row by row.
pub struct Slice<'a> {
    cost: &'a Cost,
    rank: usize,
    fixed: Vec<usize>,
    free: Vec<usize>,
    /// `X`, of which the fixed rows are used.
    left: Mat<Interval>,
    /// `n_0`.
    cols: usize,
}

impl<'a> Slice<'a> {
    /// The slice through `x yᵀ` and the unknowns there.
    pub fn through(cost: &'a Cost, x: &Mat<f64>, y: &Mat<f64>) -> (Self, Vec<f64>) {
        let fixed = independent_rows(x);
        let free: Vec<usize> = (0..x.nrows()).filter(|i| !fixed.contains(i)).collect();
        let rows = free.iter().map(|&i| x.row(i));
        let start = rows
            .chain((0..y.nrows()).map(|j| y.row(j)))
            .flat_map(|row| row.iter().copied().collect::<Vec<_>>())
            .collect();
        let slice = Self {
            cost,
            rank: x.ncols(),
            fixed,
            free,
            left: interval_matrix(x.as_ref()),
            cols: y.nrows(),
        };
        (slice, start)
    }

    /// The cost.
    pub fn cost(&self) -> &'a Cost {
        self.cost
    }

    /// Whether `k` rows of `X` are fixed; fewer are when `X` has lower rank to roundoff.
    pub fn is_proper(&self) -> bool {
        self.fixed.len() == self.rank
    }

    /// `m = k (n_0 + n_L − k)`.
    fn unknowns(&self) -> usize {
        self.rank * (self.free.len() + self.cols)
    }

    /// `(X, Y)`.
    pub fn factors(&self, z: &[Interval]) -> (Mat<Interval>, Mat<Interval>) {
        let (k, mut x) = (self.rank, self.left.clone());
        let (above, below) = z.split_at(k * self.free.len());
        for (row, &i) in above.chunks_exact(k).zip(&self.free) {
            row.iter().enumerate().for_each(|(c, &v)| x[(i, c)] = v);
        }
        (x, Mat::from_fn(self.cols, k, |j, c| below[j * k + c]))
    }

    /// Unknowns from the free rows of `x` and all of `y`.
    fn packed(&self, x: &Mat<Interval>, y: &Mat<Interval>) -> Vec<Interval> {
        let k = self.rank;
        let above = self
            .free
            .iter()
            .flat_map(|&i| (0..k).map(move |c| x[(i, c)]));
        let below = (0..self.cols).flat_map(|j| (0..k).map(move |c| y[(j, c)]));
        above.chain(below).collect()
    }

    /// Holds `A = X Yᵀ`.
    pub fn end_to_end(&self, z: &[Interval]) -> Mat<Interval> {
        let (x, y) = self.factors(z);
        interval_product(x.as_ref(), y.transpose())
    }

    /// `‖X Yᵀ − a‖_F`, to roundoff; NaN or infinite for such `z`.
    pub fn distance(&self, z: &[f64], a: MatRef<'_, f64>) -> f64 {
        frobenius((midpoints(self.end_to_end(&points(z)).as_ref()) - a).as_ref())
    }

    /// Whether nothing overflows in `F` at `z`.
    pub fn is_finite(&self, z: &[f64]) -> bool {
        let slope = self.values(&points(z));
        slope.iter().all(|f| f.magnitude().is_finite())
    }

    /// `((g Y)_2, gᵀ X)`.
    fn pulled_back(
        &self,
        g: &Mat<Interval>,
        x: &Mat<Interval>,
        y: &Mat<Interval>,
    ) -> Vec<Interval> {
        let to_left = interval_product(g.as_ref(), y.as_ref());
        let to_right = interval_product(g.transpose(), x.as_ref());
        self.packed(&to_left, &to_right)
    }

    /// `dA = dX Yᵀ + X dYᵀ` for a unit change of unknown `q`.
    pub fn moved(&self, q: usize, x: &Mat<Interval>, y: &Mat<Interval>) -> Mat<Interval> {
        let (row, c) = (q / self.rank, q % self.rank);
        let mut da = Mat::from_fn(x.nrows(), self.cols, |_, _| Interval::ZERO);
        match self.free.get(row) {
            Some(&i) => (0..self.cols).for_each(|j| da[(i, j)] = y[(j, c)]),
            None => {
                let j = row - self.free.len();
                (0..x.nrows()).for_each(|i| da[(i, j)] = x[(i, c)]);
            }
        }
        da
    }

    /// `None` when the slice Hessian is not finite or singular to roundoff.
    fn spectrum(&self, z: &[f64]) -> Option<Spectrum> {
        Spectrum::of(midpoints(self.derivative(&points(z)).as_ref()).as_ref())
    }

    /// Whether `X` and `Y` have rank `k` everywhere in the box: `k` rows of each form a regular matrix.
    pub fn has_full_rank(&self, z: &[Interval]) -> bool {
        let (x, y) = self.factors(z);
        let rows = independent_rows(&midpoints(y.as_ref()));
        let block = |m: &Mat<Interval>, rows: &[usize]| {
            Mat::from_fn(rows.len(), self.rank, |i, j| m[(rows[i], j)])
        };
        let both = [(&x, &self.fixed), (&y, &rows)];
        both.iter()
            .all(|(m, rows)| rows.len() == self.rank && is_regular(block(m, rows).as_ref()))
    }

    /// Number of negative eigenvalues of `J`, the same everywhere in the box, from
    /// `Sᵀ J S ≈ diag(±1)` with `S = Q |Λ|^{−1/2}` (Sylvester's law; `S` is regular when this is).
    pub fn index(&self, z: &[Interval]) -> Option<usize> {
        let centre: Vec<f64> = z.iter().map(|x| x.midpoint()).collect();
        let spectrum = self.spectrum(&centre)?;
        let basis = interval_matrix(spectrum.scaled_vectors().as_ref());
        let half = interval_product(self.derivative(z).as_ref(), basis.as_ref());
        negative_eigenvalues(interval_product(basis.transpose(), half.as_ref()).as_ref())
    }
}

impl Equations for Slice<'_> {
    /// `F(z) = ((G Y)_2, Gᵀ X)`.
    fn values(&self, z: &[Interval]) -> Vec<Interval> {
        let (x, y) = self.factors(z);
        let a = interval_product(x.as_ref(), y.transpose());
        self.pulled_back(&enclosure::gradient(self.cost, &a), &x, &y)
    }

    /// The slice Hessian.
    fn derivative(&self, z: &[Interval]) -> Mat<Interval> {
        let (x, y) = self.factors(z);
        let a = interval_product(x.as_ref(), y.transpose());
        let g = enclosure::gradient(self.cost, &a);
        let (m, k, above) = (self.unknowns(), self.rank, self.free.len());
        let mut hessian = Mat::from_fn(m, m, |_, _| Interval::ZERO);
        for q in 0..m {
            let (row, c) = (q / k, q % k);
            let da = self.moved(q, &x, &y);
            let image = enclosure::curvature(self.cost, &da);
            let column = self.pulled_back(&image, &x, &y);
            column
                .into_iter()
                .enumerate()
                .for_each(|(p, v)| hessian[(p, q)] = v);
            // G dY and Gᵀ dX join the rows of one factor to those of the other.
            if row < above {
                for j in 0..self.cols {
                    let p = (above + j) * k + c;
                    hessian[(p, q)] = hessian[(p, q)] + g[(self.free[row], j)];
                }
            } else {
                for (i, &free) in self.free.iter().enumerate() {
                    let p = i * k + c;
                    hessian[(p, q)] = hessian[(p, q)] + g[(free, row - above)];
                }
            }
        }
        hessian
    }

    fn inverse(&self, z: &[f64]) -> Option<Mat<f64>> {
        Some(self.spectrum(z)?.inverse())
    }
}

/// As many rows as columns, each the longest of what the chosen ones do not span; fewer when none is
/// left. Which rows they are proves nothing: their regularity is tested.
pub fn independent_rows(a: &Mat<f64>) -> Vec<usize> {
    let mut rest = a.clone();
    let mut chosen = Vec::new();
    for _ in 0..a.ncols() {
        let longest = (0..rest.nrows())
            .map(|i| (i, squared(rest.as_ref(), i)))
            .filter(|&(i, s)| s > 0.0 && !chosen.contains(&i))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((pivot, length)) = longest else {
            break;
        };
        chosen.push(pivot);
        let unit: Vec<f64> = rest.row(pivot).iter().copied().collect();
        for i in 0..rest.nrows() {
            let along: f64 = rest.row(i).iter().zip(&unit).map(|(p, q)| p * q).sum();
            for (c, u) in unit.iter().enumerate() {
                rest[(i, c)] -= along / length * u;
            }
        }
    }
    chosen
}

/// `‖a_i‖²` of row `i`.
fn squared(a: MatRef<'_, f64>, i: usize) -> f64 {
    a.row(i).iter().map(|x| x * x).sum()
}
