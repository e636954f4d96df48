//! `[cost]`: what the end-to-end matrix `A : n_L × n_0` is fitted to.

use super::{Matrix, Numbers, Observed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The cost `C(A)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CostSpec {
    /// `½‖A − T‖_F²`.
    SquaredError {
        /// `T : n_L × n_0`.
        target: Matrix,
    },
    /// `½ Σ w_ij (A − T)_ij²`.
    Weighted {
        /// `T : n_L × n_0`.
        target: Matrix,
        /// `w : n_L × n_0`, no entry negative, not all zero.
        weights: Matrix,
    },
    /// `½ Σ_observed (A − T)_ij²`; what is not observed is the test set.
    MatrixCompletion {
        /// `T : n_L × n_0`.
        target: Matrix,
        /// The entries that training sees.
        observed: Observed,
    },
    /// `(1/2N)‖A X − Y‖_F²`, given by `inputs` and one of `outputs`, `target` (`Y = T X`), or by
    /// `input_covariance` and `target`: `½ tr((A − T) Σ (A − T)ᵀ)`.
    Regression {
        /// `X : n_0 × N`, a column a sample.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Matrix>,
        /// `Y : n_L × N`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outputs: Option<Matrix>,
        /// `Σ = X Xᵀ/N : n_0 × n_0`, symmetric and positive semidefinite.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input_covariance: Option<Matrix>,
        /// `T : n_L × n_0`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Matrix>,
        /// `N`, needed where neither `inputs`, listed or read, nor `outputs`, listed, has a number of columns.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1))]
        samples: Option<usize>,
    },
    /// `(1/2m) Σ (⟨M_k, A⟩ − y_k)²`.
    MatrixSensing {
        /// `M_1 … M_m`, each `n_L × n_0`.
        measurements: Measurements,
        /// `T : n_L × n_0`, measured without noise unless `observations` are given; the distance
        /// to it is the test cost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Matrix>,
        /// `y_1 … y_m`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        observations: Option<Numbers>,
    },
}

/// Measurement matrices, drawn (`count`) or read (`files`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measurements {
    /// How many are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub count: Option<usize>,
    /// How they are drawn.
    #[serde(default)]
    pub kind: MeasurementKind,
    /// One `.csv` or `.npy` file per measurement, relative to the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub files: Option<Vec<String>>,
}

/// Distribution of drawn measurement matrices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeasurementKind {
    /// Independent standard Gaussian entries.
    #[default]
    Gaussian,
}

impl CostSpec {
    /// The name in `kind`.
    pub fn name(&self) -> &'static str {
        match self {
            CostSpec::SquaredError { .. } => "squared_error",
            CostSpec::Weighted { .. } => "weighted",
            CostSpec::MatrixCompletion { .. } => "matrix_completion",
            CostSpec::Regression { .. } => "regression",
            CostSpec::MatrixSensing { .. } => "matrix_sensing",
        }
    }

    /// Whether there is something that training does not see.
    pub fn has_test_set(&self) -> bool {
        match self {
            CostSpec::MatrixCompletion { .. } => true,
            CostSpec::MatrixSensing { target, .. } => target.is_some(),
            _ => false,
        }
    }

    pub(super) fn for_each_path(&mut self, visit: &mut dyn FnMut(&mut String)) {
        match self {
            CostSpec::SquaredError { target } => target.for_each_path(visit),
            CostSpec::Weighted { target, weights } => {
                target.for_each_path(visit);
                weights.for_each_path(visit);
            }
            CostSpec::MatrixCompletion { target, observed } => {
                target.for_each_path(visit);
                if let Observed::File(file) = observed {
                    visit(file);
                }
            }
            CostSpec::Regression {
                inputs,
                outputs,
                input_covariance,
                target,
                ..
            } => {
                let matrices = [inputs, outputs, input_covariance, target];
                for matrix in matrices.into_iter().flatten() {
                    matrix.for_each_path(visit);
                }
            }
            CostSpec::MatrixSensing {
                measurements,
                target,
                observations,
            } => {
                measurements
                    .files
                    .iter_mut()
                    .flatten()
                    .for_each(&mut *visit);
                if let Some(target) = target {
                    target.for_each_path(visit);
                }
                if let Some(Numbers::File { file }) = observations {
                    visit(file);
                }
            }
        }
    }
}
