//! The gap of the Schatten identity, `‖θ‖² − L Σ σ_i^{2/L} ≥ 0`: how much shorter the weights could be at the
//! same `A`; 0 when they are balanced, and at most `(L−1) Σ_l ‖D_l(t)‖_*`.
//!
//! The bound for `L = 2`: with `X = W_2ᵀW_2`, `Y = W_1W_1ᵀ` the gap is `tr X + tr Y − 2 tr (Y^{½}XY^{½})^{½}`, at
//! most `‖√X − √Y‖_F² ≤ ‖X − Y‖_*` (Powers & Størmer 1970). For scalar layers of any depth a mean is at least
//! the least of its terms. For matrices and `L ≥ 3` it is not proved here; a search for the largest
//! ratio at `L` = 3 and 4 found none above 1 and many close to it.

use crate::linalg::representation_cost;

use super::law::Worst;
use super::trajectory::Row;
use crate::model::Problem;

/// The gap in a row. Singular values beyond the rank are roundoff of the product, which the power would
/// make visible, and are left out.
pub fn schatten_gap(depth: usize, row: &Row) -> f64 {
    let present = row.singular_values.iter().take(row.rank);
    row.parameter_norm_sq - representation_cost(depth, present)
}

/// Holds the gap against the imbalance, which decays as `e^{−4λt}`.
pub(super) struct GapLaw {
    depth: usize,
    widest: usize,
    l2: f64,
    /// `Σ_l ‖D_l(0)‖_*`.
    start_trace_norm: f64,
    worst: Worst,
    /// The last row's.
    end: Worst,
}

impl GapLaw {
    pub fn new(problem: &Problem, start_trace_norm: f64) -> Self {
        let widths = problem.network.widths().iter().copied();
        Self {
            depth: problem.network.depth(),
            widest: widths.max().unwrap_or(1),
            l2: problem.l2,
            start_trace_norm,
            worst: Worst::default(),
            end: Worst::default(),
        }
    }

    /// Checks a row against what is left of the imbalance, its `drift` and the `noise` of its terms.
    pub fn row(&mut self, row: &Row, drift: f64, noise: f64) {
        let hidden = self.depth as f64 - 1.0;
        let decay = (-4.0 * self.l2 * row.time).exp();
        // ‖X‖_* ≤ √n ‖X‖_F in each of the hidden layers.
        let drifted = hidden * (self.widest as f64).sqrt() * drift;
        let allowed = hidden * (decay * self.start_trace_norm + drifted) + noise;
        let gap = schatten_gap(self.depth, row);
        self.worst.note(row.time, gap, allowed);
        self.end = Worst::default();
        // A gap that roundoff makes negative is met too.
        self.end.note(row.time, gap.max(f64::MIN_POSITIVE), allowed);
    }

    pub fn worst(&self) -> &Worst {
        &self.worst
    }

    /// Where the run ends, if decay makes the imbalance vanish.
    pub fn at_end(&self) -> Option<&Worst> {
        (self.l2 > 0.0).then_some(&self.end)
    }
}
