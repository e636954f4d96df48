//! What the modes that wait at a saddle see of the cost.
//!
//! At a critical point `A_k` of rank `k` let `U = [U_1, U_⊥]`, `V = [V_1, V_⊥]` be singular bases of
//! `A_k` and write `A = U [[a, b], [c, c a⁻¹ b + P]] Vᵀ`, so that `P` is what the waiting modes make.
//! The escaped modes follow at once: `C_eff(P) = min over a, b, c of C`, with gradient
//!
//! `∇C_eff(P) = S + K[P] + O(P²)`,  `S = U_⊥ᵀ ∇C(A_k) V_⊥`,
//! `K = H_PP − H_Px M⁻¹ H_xP`,  `x = (a, b, c)`,
//!
//! where `H` is the curvature of the cost in these bases and `M` that of `C` in `x`, to which
//! `⟨S, c a⁻¹ b⟩` contributes. For squared error `K` is the identity and nothing is neglected.

use super::greedy::{factored, scaled_columns};
use super::trust_region::minimise;
use crate::linalg::{
    Mat, MatRef, multiply, product, sandwich, svd, symmetric_eigen, to_vec, zeros,
};
use crate::model::Cost;

/// Gradient norm that counts as large for a fit that is to be polished to roundoff, in units of the
/// steepest slope.
const POLISH: f64 = 1e-3;
/// Products with the Hessian that polishing may take; a settled run needs a few dozen.
const PRODUCTS: usize = 20_000;
/// Curvature of the escaped modes, relative to the largest, that counts as none.
const FLAT: f64 = 1e-10;

/// A saddle and the cost that the waiting modes see there.
#[derive(Debug)]
pub struct Plateau {
    /// `k`.
    pub rank: usize,
    /// `A_k : n_L × n_0`.
    pub end_to_end: Mat<f64>,
    /// `U_1 : n_L × k` and `V_1 : n_0 × k`.
    pub active_left: Mat<f64>,
    pub active_right: Mat<f64>,
    /// `U_⊥ : n_L × (n_L − k)` and `V_⊥ : n_0 × (n_0 − k)`, singular vectors of `−S`.
    pub left: Mat<f64>,
    pub right: Mat<f64>,
    /// `S : (n_L − k) × (n_0 − k)`, zero off the diagonal.
    pub slope: Mat<f64>,
    /// `K` on column-major `P`.
    pub curvature: Mat<f64>,
    /// `vec(U [[a − a_k, b], [c, 0]] Vᵀ)` for column-major `P`, to first order.
    pub response: Mat<f64>,
    /// Entries of `A` in the singular bases that the escaped modes make, `(a, b, c)`: row and column.
    outer: Vec<(usize, usize)>,
    /// `M`, of these.
    pub stiffness: Mat<f64>,
    /// Whether `∇C_eff(P) = S + K[P]` to all orders.
    pub is_linear: bool,
}

impl Plateau {
    /// The saddle of rank `rank` next to `near`; `None` when there is none there or the escaped modes
    /// are not held in place by the cost.
    pub fn near(cost: &Cost, near: MatRef<'_, f64>, rank: usize) -> Option<Self> {
        let end_to_end = polished(cost, near, rank)?;
        let gradient = cost.gradient_at(end_to_end.as_ref());
        let parts = svd(end_to_end.as_ref())?;
        let active = |m: &Mat<f64>| m.as_ref().subcols(0, rank).to_owned();
        let (u, v) = (active(&parts.u), active(&parts.v));
        let (rest_u, rest_v) = (complement(&u)?, complement(&v)?);
        let inner = sandwich(&rest_u, &gradient, &rest_v);
        let steepest = svd((-&inner).as_ref())?;
        let left = product(rest_u.as_ref(), completed(&steepest.u)?.as_ref());
        let right = product(rest_v.as_ref(), completed(&steepest.v)?.as_ref());
        let slope = Mat::from_fn(left.ncols(), right.ncols(), |i, j| {
            if i == j { -steepest.s[i] } else { 0.0 }
        });
        let mut plateau = Self {
            rank,
            end_to_end,
            active_left: u,
            active_right: v,
            left,
            right,
            slope,
            curvature: zeros(0, 0),
            response: zeros(0, 0),
            outer: Vec::new(),
            stiffness: zeros(0, 0),
            is_linear: matches!(cost, Cost::SquaredError { .. }),
        };
        plateau.set_curvature(cost, &parts.s[..rank])?;
        Some(plateau)
    }

    /// The largest singular value of `S`: the rate at which the next mode grows.
    pub fn steepest(&self) -> f64 {
        let entries = self.slope.nrows().min(self.slope.ncols());
        (0..entries).fold(0.0, |m: f64, i| m.max(-self.slope[(i, i)]))
    }

    /// `vec(u_i v_jᵀ)` of the entries `(a, b, c)`, one a column.
    pub(super) fn escaped_basis(&self) -> Mat<f64> {
        let (u, v) = (
            beside(&self.active_left, &self.left),
            beside(&self.active_right, &self.right),
        );
        let rows = u.nrows();
        Mat::from_fn(rows * v.nrows(), self.outer.len(), |q, p| {
            let (i, j) = self.outer[p];
            u[(q % rows, i)] * v[(q / rows, j)]
        })
    }

    /// `S + scale K[P]` into `gradient`.
    pub fn gradient(&self, p: MatRef<'_, f64>, scale: f64, gradient: &mut Mat<f64>) {
        gradient.copy_from(&self.slope);
        let rows = p.nrows();
        for (q, column) in self.curvature.col_iter().enumerate() {
            let x = scale * p[(q % rows, q / rows)];
            if x != 0.0 {
                for (r, k) in column.iter().enumerate() {
                    gradient[(r % rows, r / rows)] += k * x;
                }
            }
        }
    }

    /// `K` and the response, from the curvature in the singular bases.
    fn set_curvature(&mut self, cost: &Cost, values: &[f64]) -> Option<()> {
        let k = self.rank;
        let basis_u = beside(&self.active_left, &self.left);
        let basis_v = beside(&self.active_right, &self.right);
        let (rows, cols) = (basis_u.ncols(), basis_v.ncols());
        let hessian = rotated_curvature(cost, &basis_u, &basis_v);
        let waiting = |q: &usize| q % rows >= k && q / rows >= k;
        let (inner, outer): (Vec<usize>, Vec<usize>) = (0..rows * cols).partition(waiting);
        let mut held = Mat::from_fn(outer.len(), outer.len(), |i, j| {
            hessian[(outer[i], outer[j])]
        });
        // ⟨S, c a⁻¹ b⟩ joins c_pr and b_rp by S_pp / σ_r.
        for (i, &q) in outer.iter().enumerate() {
            let (row, col) = (q % rows, q / rows);
            let mode = row.wrapping_sub(k);
            if col < k && mode < self.slope.nrows().min(self.slope.ncols()) {
                let partner = col + rows * row;
                if let Some(j) = outer.iter().position(|&o| o == partner) {
                    let joint = self.slope[(mode, mode)] / values[col];
                    held[(i, j)] += joint;
                    held[(j, i)] += joint;
                }
            }
        }
        let mixed = Mat::from_fn(outer.len(), inner.len(), |i, j| {
            hessian[(outer[i], inner[j])]
        });
        let moved = -solve(&held, &mixed)?;
        self.curvature = Mat::from_fn(inner.len(), inner.len(), |i, j| {
            hessian[(inner[i], inner[j])]
        }) + product(mixed.transpose(), moved.as_ref());
        self.response = zeros(rows * cols, inner.len());
        for j in 0..inner.len() {
            let mut in_bases = zeros(rows, cols);
            for (i, &q) in outer.iter().enumerate() {
                in_bases[(q % rows, q / rows)] = moved[(i, j)];
            }
            let half = product(basis_u.as_ref(), in_bases.as_ref());
            let back = product(half.as_ref(), basis_v.transpose());
            let column = to_vec(back.as_ref());
            for (i, x) in column.into_iter().enumerate() {
                self.response[(i, j)] = x;
            }
        }
        self.outer = outer.iter().map(|q| (q % rows, q / rows)).collect();
        self.stiffness = held;
        Some(())
    }
}

/// The critical point of rank `rank` next to `near`, to roundoff.
fn polished(cost: &Cost, near: MatRef<'_, f64>, rank: usize) -> Option<Mat<f64>> {
    if rank == 0 {
        return Some(zeros(near.nrows(), near.ncols()));
    }
    let parts = svd(near)?;
    let left = scaled_columns(&parts.u, &parts.s, rank);
    let right = scaled_columns(&parts.v, &parts.s, rank);
    let problem = factored(cost, &left, &right);
    let start = problem.initial_weights.clone();
    // `κ s^{3/2}` is a gradient of two layers: `κ` the curvature, `s` the level.
    let top = Mat::from_fn(near.nrows(), near.ncols(), |i, j| {
        parts.u[(i, 0)] * parts.v[(j, 0)]
    });
    let scale = POLISH * cost.bend(top.as_ref()) * parts.s[0].powf(1.5);
    let fitted = minimise(&problem, start, scale, &mut PRODUCTS.clone())?;
    Some(problem.network.end_to_end(&fitted))
}

/// `H_pq = ⟨u_i v_jᵀ, ∇²C[u_k v_lᵀ]⟩` for all pairs, column-major.
fn rotated_curvature(cost: &Cost, u: &Mat<f64>, v: &Mat<f64>) -> Mat<f64> {
    let (rows, cols) = (u.ncols(), v.ncols());
    let mut scratch = cost.scratch();
    let mut image = zeros(u.nrows(), v.nrows());
    let mut hessian = zeros(rows * cols, rows * cols);
    for q in 0..rows * cols {
        let (left, right) = (u.col(q % rows), v.col(q / rows));
        let direction = Mat::from_fn(u.nrows(), v.nrows(), |i, j| left[i] * right[j]);
        cost.curvature(direction.as_ref(), image.as_mut(), &mut scratch);
        let turned = sandwich(u, &image, v);
        for (p, x) in to_vec(turned.as_ref()).into_iter().enumerate() {
            hessian[(p, q)] = x;
        }
    }
    hessian
}

/// `M⁻¹ B` for a symmetric positive `M`; `None` when `M` is flat or falls somewhere.
fn solve(m: &Mat<f64>, b: &Mat<f64>) -> Option<Mat<f64>> {
    if m.nrows() == 0 {
        return Some(zeros(0, b.ncols()));
    }
    let (values, vectors) = symmetric_eigen(m.as_ref())?;
    let largest = values.last().copied()?;
    if values[0] <= FLAT * largest {
        return None;
    }
    let mut parts = product(vectors.transpose(), b.as_ref());
    for (i, value) in values.iter().enumerate() {
        for j in 0..parts.ncols() {
            parts[(i, j)] /= value;
        }
    }
    Some(product(vectors.as_ref(), parts.as_ref()))
}

/// Orthonormal columns that complete those of `basis`.
fn complement(basis: &Mat<f64>) -> Option<Mat<f64>> {
    let n = basis.nrows();
    let mut projector = Mat::<f64>::identity(n, n);
    multiply(
        projector.as_mut(),
        true,
        -1.0,
        basis.as_ref(),
        basis.transpose(),
    );
    let (_, vectors) = symmetric_eigen(projector.as_ref())?;
    Some(
        vectors
            .as_ref()
            .subcols(basis.ncols(), n - basis.ncols())
            .to_owned(),
    )
}

/// `basis` and its complement.
fn completed(basis: &Mat<f64>) -> Option<Mat<f64>> {
    Some(beside(basis, &complement(basis)?))
}

fn beside(a: &Mat<f64>, b: &Mat<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols() + b.ncols(), |i, j| {
        if j < a.ncols() {
            a[(i, j)]
        } else {
            b[(i, j - a.ncols())]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<const N: usize>(rows: &[[f64; N]]) -> Mat<f64> {
        Mat::from_fn(rows.len(), N, |i, j| rows[i][j])
    }

    fn target() -> Mat<f64> {
        rows(&[[1.9, 0.4, -0.3], [0.2, 0.75, 0.5], [-0.5, 0.35, 0.6]])
    }

    fn weighted() -> Cost {
        Cost::Weighted {
            target: target(),
            weights: rows(&[[1.0, 0.6, 1.3], [0.8, 1.2, 0.5], [1.1, 0.7, 0.9]]),
        }
    }

    /// Squared error: `A_k` is the truncated singular value decomposition, the waiting modes see the rest
    /// of the target and move nothing else.
    #[test]
    fn squared_error_splits_exactly() {
        let target = target();
        let cost = Cost::SquaredError {
            target: target.clone(),
        };
        let values = svd(target.as_ref()).expect("finite").s;
        for rank in 0..3 {
            let plateau = Plateau::near(&cost, target.as_ref(), rank).expect("a saddle");
            for i in 0..3 - rank {
                // Polished to 1e-14 of the gradient.
                assert!((plateau.slope[(i, i)] + values[rank + i]).abs() < 1e-13);
            }
            let n = (3 - rank) * (3 - rank);
            assert!((&plateau.curvature - Mat::<f64>::identity(n, n)).norm_max() < 1e-12);
            assert!(plateau.response.norm_max() < 1e-12);
        }
    }

    /// The saddles and rates of example A (reference data, good to 1e-10).
    #[test]
    fn weighted_cost_meets_the_references() {
        for (rank, rates) in [(1, [0.972_729_690_846_4, 0.289_193_875_863_9])] {
            let near = rows(&[
                [1.87, 0.53, -0.34],
                [0.40, 0.11, -0.07],
                [-0.49, -0.14, 0.09],
            ]);
            let plateau = Plateau::near(&weighted(), near.as_ref(), rank).expect("a saddle");
            for (i, rate) in rates.into_iter().enumerate() {
                assert!((plateau.slope[(i, i)] + rate).abs() < 1e-10);
            }
        }
    }

    /// `K` and the response against what they linearise: at `A_1` and a small `P`, the best `a, b, c`
    /// found by moving along the response has no gradient but `S + K[P]`, up to `O(P²)`.
    #[test]
    fn the_escaped_modes_follow_to_first_order() {
        let (cost, near) = (weighted(), target());
        let plateau = Plateau::near(&cost, near.as_ref(), 1).expect("a saddle");
        let gradient_of = |size: f64| -> (f64, f64) {
            let p = Mat::from_fn(2, 2, |i, j| size * (1.0 + i as f64 - 0.4 * j as f64));
            let flat = Mat::from_fn(4, 1, |q, _| p[(q % 2, q / 2)]);
            let moved = &plateau.response * flat;
            let shift = Mat::from_fn(3, 3, |i, j| moved[(i + 3 * j, 0)]);
            let (u, v) = (&plateau.active_left, &plateau.active_right);
            let (b, c) = (
                u.transpose() * &shift * &plateau.right,
                plateau.left.transpose() * &shift * v,
            );
            let a = (u.transpose() * (&plateau.end_to_end + &shift) * v)[(0, 0)];
            let inner = &p + &c * &b * faer::Scale(1.0 / a);
            let at =
                &plateau.end_to_end + &shift + &plateau.left * inner * plateau.right.transpose();
            let mut gradient = Mat::zeros(3, 3);
            cost.gradient(at.as_ref(), gradient.as_mut(), &mut cost.scratch());
            // Stationary in a, b, c: with c a⁻¹ b in the block of P these gradients are
            // G_11 − …, G_12 + (c/a)ᵀ G_22, G_21 + G_22 (b/a)ᵀ.
            let g22 = plateau.left.transpose() * &gradient * &plateau.right;
            let g12 = u.transpose() * &gradient * &plateau.right
                + c.transpose() * &g22 * faer::Scale(1.0 / a);
            let g21 = plateau.left.transpose() * &gradient * v
                + &g22 * b.transpose() * faer::Scale(1.0 / a);
            let mut linear = Mat::zeros(2, 2);
            plateau.gradient(p.as_ref(), 1.0, &mut linear);
            (g12.norm_l2().max(g21.norm_l2()), (&g22 - &linear).norm_l2())
        };
        let (coarse, fine) = (gradient_of(1e-3), gradient_of(1e-4));
        // Quadratic: a hundred times smaller at a tenth of the size.
        for (coarse, fine) in [(coarse.0, fine.0), (coarse.1, fine.1)] {
            assert!(coarse < 1e-4 && fine < 0.02 * coarse, "{coarse:e} {fine:e}");
        }
    }
}
