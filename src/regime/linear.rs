//! The linearised model: the kernel stays what it is at the start, `f_lin(θ) = A(θ_0) + J(θ_0)(θ − θ_0)`
//! trained by gradient flow, hence `dA/dt = −K_0 ∇C(A)` (Jacot, Gabriel & Hongler 2018; Lee et al. 2019).
//!
//! Costs are quadratic, `∇C(A) = g_0 + M vec(A − A_0)`. With `K_0 = S S`, `S` symmetric, and
//! `S M S = O diag(μ) Oᵀ`
//!
//! `vec(A(t) − A_0) = −S O diag((1 − e^{−μ_i t})/μ_i) Oᵀ S g_0`,
//!
//! exact up to roundoff at every `t`. Directions that the cost does not see (`μ_i = 0` up to roundoff) do not
//! move: `g_0` lies in the range of `M`.

use super::{Refused, tangent_kernel};
use crate::linalg::{Mat, eigenvalue_roundoff, product, symmetric_eigen, to_vec, view, zeros};
use crate::model::{Cost, Problem};

/// The solution of the linearised model.
#[derive(Debug)]
pub struct LinearModel {
    kernel: Mat<f64>,
    start: Mat<f64>,
    /// `−S O` with column `i` times `(Oᵀ S g_0)_i`.
    directions: Mat<f64>,
    /// `μ_i`, zero where it is roundoff of the largest.
    rates: Vec<f64>,
}

impl LinearModel {
    /// Of a problem at its initial weights.
    ///
    /// # Errors
    /// `WeightDecay` for `λ > 0`, `KernelTooLarge`, `NotFinite`.
    pub fn of(problem: &Problem) -> Result<Self, Refused> {
        if problem.l2 != 0.0 {
            return Err(Refused::WeightDecay);
        }
        let network = &problem.network;
        let kernel = tangent_kernel(network, &problem.initial_weights)?;
        let start = network.end_to_end(&problem.initial_weights);
        Self::with_kernel(&problem.cost, kernel, start)
    }

    /// From `start` with this kernel.
    ///
    /// # Errors
    /// `NotFinite`.
    pub fn with_kernel(cost: &Cost, kernel: Mat<f64>, start: Mat<f64>) -> Result<Self, Refused> {
        let root = square_root(&kernel).ok_or(Refused::NotFinite)?;
        let curvature = curvature_matrix(cost);
        let half = product(curvature.as_ref(), root.as_ref());
        let sandwiched = product(root.as_ref(), half.as_ref());
        let (rates, vectors) = symmetric_eigen(sandwiched.as_ref()).ok_or(Refused::NotFinite)?;
        let gradient = cost.gradient_at(start.as_ref());
        let mut directions = product(root.as_ref(), vectors.as_ref());
        let flat = to_vec(gradient.as_ref());
        let parts = product(directions.transpose(), view(&flat, flat.len(), 1));
        for i in 0..directions.ncols() {
            for a in 0..directions.nrows() {
                directions[(a, i)] *= -parts[(i, 0)];
            }
        }
        let roundoff = eigenvalue_roundoff(&rates);
        let seen = |rate: &f64| if *rate > roundoff { *rate } else { 0.0 };
        Ok(Self {
            kernel,
            start,
            directions,
            rates: rates.iter().map(seen).collect(),
        })
    }

    /// `K_0`.
    pub fn kernel(&self) -> &Mat<f64> {
        &self.kernel
    }

    /// `A_lin(t)`.
    pub fn at(&self, t: f64) -> Mat<f64> {
        let factors: Vec<f64> = self.rates.iter().map(|&rate| risen(rate, t)).collect();
        let moved = product(self.directions.as_ref(), view(&factors, factors.len(), 1));
        let rows = self.start.nrows();
        Mat::from_fn(rows, self.start.ncols(), |i, j| {
            self.start[(i, j)] + moved[(i + rows * j, 0)]
        })
    }
}

/// `(1 − e^{−μt})/μ`; zero where nothing moves, `μ = 0`.
fn risen(rate: f64, t: f64) -> f64 {
    match rate > 0.0 {
        true => -(-rate * t).exp_m1() / rate,
        false => 0.0,
    }
}

/// The symmetric square root of a positive semidefinite matrix.
fn square_root(a: &Mat<f64>) -> Option<Mat<f64>> {
    let (values, vectors) = symmetric_eigen(a.as_ref())?;
    let scaled = Mat::from_fn(a.nrows(), a.ncols(), |i, j| {
        vectors[(i, j)] * values[j].max(0.0).sqrt()
    });
    Some(product(scaled.as_ref(), vectors.transpose()))
}

/// `M` with `vec(∇²C[D]) = M vec(D)`.
fn curvature_matrix(cost: &Cost) -> Mat<f64> {
    let (rows, cols) = cost.shape();
    let (mut scratch, mut image) = (cost.scratch(), zeros(rows, cols));
    let mut out = zeros(rows * cols, rows * cols);
    for b in 0..rows * cols {
        let mut unit = zeros(rows, cols);
        unit[(b % rows, b / rows)] = 1.0;
        cost.curvature(unit.as_ref(), image.as_mut(), &mut scratch);
        for a in 0..rows * cols {
            out[(a, b)] = image[(a % rows, a / rows)];
        }
    }
    out
}
