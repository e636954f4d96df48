//! `z' = [[0, G(A)ᵀ], [G(A), 0]] z − 2λz` with `A` of the first hidden neurons, as a polynomial flow: the
//! Taylor coefficients of its solutions.

use super::super::growth::drive;
use super::super::taylor::{ORDER, Polynomial};
use crate::linalg::{Mat, MatMut, MatRef, multiply, zeros};
use crate::model::{Cost, CostScratch};

/// Two layers whose first `active` hidden neurons make `A`; the state is `[W_1ᵀ; W_2]`.
pub(super) struct TwoLayers<'a> {
    pub cost: &'a Cost,
    pub l2: f64,
    pub active: usize,
    stacks: Stacks,
    scratch: CostScratch,
}

impl<'a> TwoLayers<'a> {
    pub fn new(cost: &'a Cost, l2: f64, neurons: usize, active: usize) -> Self {
        let (rows, cols) = cost.shape();
        Self {
            cost,
            l2,
            active,
            stacks: Stacks::new(rows, cols, neurons, active),
            scratch: cost.scratch(),
        }
    }
}

/// Coefficients side by side, one after the other or the newest first, so that a coefficient of a
/// product of two series is one product of matrices.
struct Stacks {
    /// `[g_0, g_1, …]` and `[g_0ᵀ, g_1ᵀ, …]`.
    drive: Mat<f64>,
    drive_transposed: Mat<f64>,
    /// `[…; x_1; x_0]` of the inputs and outputs of all neurons.
    input: Mat<f64>,
    output: Mat<f64>,
    /// `[z_0, z_1, …]` of the outputs and `[…, z_1, z_0]` of the inputs of the active neurons.
    active_output: Mat<f64>,
    active_input: Mat<f64>,
}

impl Stacks {
    fn new(rows: usize, cols: usize, neurons: usize, active: usize) -> Self {
        Self {
            drive: zeros(rows, cols * ORDER),
            drive_transposed: zeros(cols, rows * ORDER),
            input: zeros(cols * ORDER, neurons),
            output: zeros(rows * ORDER, neurons),
            active_output: zeros(rows, active * ORDER),
            active_input: zeros(cols, active * ORDER),
        }
    }

    /// Takes in coefficient `k` of the state.
    fn push(&mut self, k: usize, state: MatRef<'_, f64>, active: usize) {
        let (rows, cols) = (self.drive.nrows(), self.drive_transposed.nrows());
        let (input, output) = state.split_at_row(cols);
        let back = ORDER - 1 - k;
        self.input.subrows_mut(back * cols, cols).copy_from(input);
        self.output.subrows_mut(back * rows, rows).copy_from(output);
        let (mut ahead, mut behind) = (self.active_output.as_mut(), self.active_input.as_mut());
        let ahead = ahead.as_mut().subcols_mut(k * active, active);
        { ahead }.copy_from(output.subcols(0, active));
        let behind = behind.as_mut().subcols_mut(back * active, active);
        { behind }.copy_from(input.subcols(0, active));
    }

    fn push_drive(&mut self, k: usize, g: MatRef<'_, f64>) {
        let (rows, cols) = g.shape();
        self.drive.subcols_mut(k * cols, cols).copy_from(g);
        let transposed = self.drive_transposed.subcols_mut(k * rows, rows);
        { transposed }.copy_from(g.transpose());
    }

    /// Coefficient `k` of `A`.
    fn end_to_end(&self, k: usize, active: usize, out: MatMut<'_, f64>) {
        let count = (k + 1) * active;
        let left = self.active_output.subcols(0, count);
        let right = self.active_input.subcols((ORDER - 1 - k) * active, count);
        multiply(out, false, 1.0, left, right.transpose());
    }

    /// Coefficient `k` of `[Gᵀ z_out; G z_in]`, added to `out`.
    fn pull(&self, k: usize, out: MatMut<'_, f64>) {
        let (rows, cols) = (self.drive.nrows(), self.drive_transposed.nrows());
        let (top, bottom) = out.split_at_row_mut(cols);
        let back = ORDER - 1 - k;
        let output = self.output.subrows(back * rows, (k + 1) * rows);
        let left = self.drive_transposed.subcols(0, (k + 1) * rows);
        multiply(top, true, 1.0, left, output);
        let input = self.input.subrows(back * cols, (k + 1) * cols);
        let left = self.drive.subcols(0, (k + 1) * cols);
        multiply(bottom, true, 1.0, left, input);
    }
}

impl Polynomial for TwoLayers<'_> {
    fn coefficient(&mut self, y: &[Vec<Mat<f64>>], k: usize) -> Vec<Mat<f64>> {
        let (rows, cols) = self.cost.shape();
        let state = &y[k][0];
        self.stacks.push(k, state.as_ref(), self.active);
        let mut a = zeros(rows, cols);
        self.stacks.end_to_end(k, self.active, a.as_mut());
        if k == 0 {
            let g = drive(self.cost, a.as_ref());
            self.stacks.push_drive(k, g.as_ref());
        } else {
            let mut g = zeros(rows, cols);
            self.cost
                .curvature(a.as_ref(), g.as_mut(), &mut self.scratch);
            g *= faer::Scale(-1.0);
            self.stacks.push_drive(k, g.as_ref());
        }
        let mut next = state * faer::Scale(-2.0 * self.l2);
        self.stacks.pull(k, next.as_mut());
        vec![next]
    }
}
