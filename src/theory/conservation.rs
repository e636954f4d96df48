//! `D_l(t) = e^{−4λt} D_l(0)`, `D_l = W_{l+1}ᵀW_{l+1} − W_l W_lᵀ`: the imbalance of two neighbouring
//! layers under gradient flow of `C(A) + λ‖θ‖²`, for every cost and all widths
//! (Saxe, McClelland & Ganguli 2014; Arora, Cohen & Hazan 2018; with regularisation the same proof).

use crate::linalg::{Mat, MatRef};

/// `D_l(t)` from `initial = D_l(0) : n_l × n_l`, for `l2 ≥ 0` and `t ≥ 0` in time units of the flow.
pub fn imbalance(initial: MatRef<'_, f64>, l2: f64, t: f64) -> Mat<f64> {
    // Written so that 0 · ∞ is no decay.
    let factor = match l2 == 0.0 {
        true => 1.0,
        false => (-4.0 * l2 * t).exp(),
    };
    Mat::from_fn(initial.nrows(), initial.ncols(), |i, j| {
        factor * initial[(i, j)]
    })
}
