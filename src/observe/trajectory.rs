//! The table of a run.

/// One sampled time.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub time: f64,
    /// `C(A)`.
    pub cost: f64,
    /// Cost on what training does not see, where there is such a thing.
    pub test_cost: Option<f64>,
    /// `C(A) + λ‖θ‖²`.
    pub loss: f64,
    /// `‖∂loss/∂θ‖`.
    pub gradient_norm: f64,
    /// `‖θ‖²`.
    pub parameter_norm_sq: f64,
    /// `L Σ σ_i^{2/L}`, the least `‖θ‖²` with this `A`.
    pub schatten: f64,
    /// `max_l ‖D_l(t) − e^{−4λt} D_l(0)‖_F` with `D_l = W_{l+1}ᵀW_{l+1} − W_l W_lᵀ`.
    pub imbalance_drift: f64,
    /// Numerical rank of `A`.
    pub rank: usize,
    /// `σ_1 ≥ σ_2 ≥ …` of `A`.
    pub singular_values: Vec<f64>,
}

/// Rows in increasing time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trajectory {
    pub rows: Vec<Row>,
    /// Packed weights at each row's time, when they are recorded; empty otherwise.
    pub weights: Vec<Vec<f64>>,
}
