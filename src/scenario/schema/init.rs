//! `[init]`: the weights at `t = 0`. `scale` multiplies every weight of any kind: the α of the
//! theory.

use super::Matrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Largest `init.drawn_width`: `width − i` must stay exact, and no study needs more.
pub const LARGEST_DRAWN: u64 = 1_000_000_000_000;

/// Initial weights `W_l : n_l × n_{l-1}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum InitSpec {
    /// Independent Gaussian entries, given by exactly one of `gamma`, `std`, `per_layer_std`.
    Gaussian {
        /// `std² = w^−gamma` with `w` the widest hidden layer, or `drawn_width`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gamma: Option<f64>,
        /// Standard deviation of every entry.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        std: Option<f64>,
        /// Standard deviation of the entries of `W_1 … W_L`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(inner(range(min = 0.0)))]
        per_layer_std: Option<Vec<f64>>,
        /// Two layers: the hidden width `w` that is drawn, up to 1e12. `network.widths` has the `n_0 + n_2`
        /// hidden neurons to which it reduces exactly.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = LARGEST_DRAWN))]
        drawn_width: Option<u64>,
        #[serde(default = "one")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        scale: f64,
    },
    /// Every layer a Haar matrix with orthonormal rows or columns.
    Orthogonal {
        #[serde(default = "one")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        scale: f64,
    },
    /// `W_{l+1}ᵀW_{l+1} = W_l W_lᵀ` with the end-to-end matrix given by exactly one of
    /// `end_to_end`, `std`.
    Balanced {
        /// `W_L … W_1` before `scale`, `n_L × n_0`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end_to_end: Option<Matrix>,
        /// Standard deviation of a Gaussian end-to-end matrix.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        std: Option<f64>,
        /// Turn every hidden layer into a random basis.
        #[serde(default)]
        hidden_rotation: bool,
        #[serde(default = "one")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        scale: f64,
    },
    /// Balanced, with the singular vectors of the target.
    Aligned {
        /// `a_1, a_2, …`: the singular values of `W_L … W_1` before `scale`, in the order of the
        /// target's; missing ones are zero. One number stands for all modes.
        #[serde(default)]
        mode_strengths: Strengths,
        /// Turn every hidden layer into a random basis.
        #[serde(default)]
        hidden_rotation: bool,
        #[serde(default = "one")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        scale: f64,
    },
    /// Two layers with `W_2ᵀW_2 − W_1W_1ᵀ = lambda·I` (before `scale`, which multiplies it by
    /// `scale²`) and the end-to-end matrix given by exactly one of `end_to_end`, `std`.
    LambdaBalanced {
        /// The imbalance; positive when the second layer is the larger one.
        lambda: f64,
        /// `W_2 W_1` before `scale`, `n_2 × n_0`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end_to_end: Option<Matrix>,
        /// Standard deviation of a Gaussian end-to-end matrix.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        std: Option<f64>,
        /// Turn the hidden layer into a random basis.
        #[serde(default)]
        hidden_rotation: bool,
        #[serde(default = "one")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        scale: f64,
    },
    /// Every layer a rectangular identity.
    Identity {
        #[serde(default = "one")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        scale: f64,
    },
    /// The layers themselves, given by exactly one of `files`, `rows`.
    Matrices {
        /// One `.csv` or `.npy` file per layer, `W_1` first, relative to the scenario.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<Vec<String>>,
        /// The rows of each layer, `W_1` first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<Vec<Vec<Vec<f64>>>>,
        #[serde(default = "one")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        scale: f64,
    },
    /// The final weights of an earlier run.
    Run {
        /// Output folder of that run, relative to the scenario; its `weights.npz` is read.
        folder: String,
        #[serde(default = "one")]
        #[schemars(extend("exclusiveMinimum" = 0.0))]
        scale: f64,
    },
}

/// One mode strength for all modes, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Strengths {
    /// The same for all modes.
    All(#[schemars(range(min = 0.0))] f64),
    /// `a_1, a_2, …`.
    Each(#[schemars(inner(range(min = 0.0)))] Vec<f64>),
}

impl Default for Strengths {
    fn default() -> Self {
        Strengths::All(1.0)
    }
}

fn one() -> f64 {
    1.0
}

impl InitSpec {
    /// The α that multiplies every weight.
    pub fn scale(&self) -> f64 {
        match self {
            InitSpec::Gaussian { scale, .. }
            | InitSpec::Orthogonal { scale }
            | InitSpec::Balanced { scale, .. }
            | InitSpec::Aligned { scale, .. }
            | InitSpec::LambdaBalanced { scale, .. }
            | InitSpec::Identity { scale }
            | InitSpec::Matrices { scale, .. }
            | InitSpec::Run { scale, .. } => *scale,
        }
    }

    pub(super) fn for_each_path(&mut self, visit: &mut dyn FnMut(&mut String)) {
        match self {
            InitSpec::Balanced {
                end_to_end: Some(a),
                ..
            }
            | InitSpec::LambdaBalanced {
                end_to_end: Some(a),
                ..
            } => a.for_each_path(visit),
            InitSpec::Matrices {
                files: Some(files), ..
            } => files.iter_mut().for_each(visit),
            InitSpec::Run { folder, .. } => visit(folder),
            _ => {}
        }
    }
}
