//! The table of a run.

use super::observable::Observable;

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
    /// The values of the trajectory's `observables`; NaN where one is 0/0.
    pub observables: Vec<f64>,
}

/// Rows in increasing time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trajectory {
    pub rows: Vec<Row>,
    /// What the rows hold beyond their fixed columns.
    pub observables: Vec<Observable>,
    /// Packed weights at each row's time, when they are recorded; empty otherwise.
    pub weights: Vec<Vec<f64>>,
}

impl Trajectory {
    /// The number of `row` in the column of this name, as `trajectory.csv` has it; `None` where
    /// there is no such column, its field is empty or its number is not finite.
    pub fn value(&self, row: &Row, column: &str) -> Option<f64> {
        let value = match column {
            "time" => row.time,
            "cost" => row.cost,
            "test_cost" => row.test_cost?,
            "loss" => row.loss,
            "gradient_norm" => row.gradient_norm,
            "parameter_norm_sq" => row.parameter_norm_sq,
            "schatten" => row.schatten,
            "imbalance_drift" => row.imbalance_drift,
            "rank" => row.rank as f64,
            name => match name.strip_prefix("sigma_") {
                Some(mode) => row.mode(mode)?,
                None => *row.observables.get(self.place(name)?)?,
            },
        };
        value.is_finite().then_some(value)
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.observables.iter().position(|o| o.name() == name)
    }
}

impl Row {
    fn mode(&self, mode: &str) -> Option<f64> {
        let mode: usize = mode.parse().ok()?;
        self.singular_values.get(mode.checked_sub(1)?).copied()
    }
}
