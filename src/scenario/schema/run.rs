//! `[regularization]`, `[solver]`, `[stop]`, `[record]`: how a run goes and what it keeps.

use super::{Numbers, ObservableName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Penalty on the weights.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Regularization {
    /// `λ` of `C(A) + λ‖θ‖²`.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub l2: f64,
}

/// How time is stepped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SolverSpec {
    #[serde(default)]
    pub method: MethodName,
    /// Relative tolerance.
    #[serde(default = "default_rtol")]
    #[schemars(extend("exclusiveMinimum" = 1e-14), range(max = 0.1))]
    pub rtol: f64,
    /// Absolute tolerance of every weight; 0: chosen per layer from `rtol` and the initial scale.
    #[serde(default)]
    #[schemars(range(min = 0.0))]
    pub atol: f64,
    /// Hidden bases that follow the modes, so that modes far below `1e-16` of the largest keep their
    /// relative accuracy.
    #[serde(default)]
    pub frame: FrameName,
    /// End of the run, in time units of the flow.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub horizon: f64,
    /// Step of `gradient_descent`; iterate `k` stands at time `k · learning_rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub learning_rate: Option<f64>,
    /// The run fails after this many steps.
    #[serde(default = "default_max_steps")]
    #[schemars(range(min = 1))]
    pub max_steps: usize,
}

/// Integration method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MethodName {
    /// Chosen by the program.
    #[default]
    Auto,
    /// Dormand–Prince 8(5,3).
    Dop853,
    /// Exponential Adams of variable order with the stiff part split off.
    ExponentialAdams,
    /// The closed form of two layers under squared error, for balanced and `δ`-balanced starts.
    Exact,
    /// Tsitouras 5(4).
    Tsit45,
    /// Variable-order BDF, for stiff problems.
    Bdf,
    /// ESDIRK 3(4), for stiff problems.
    Esdirk34,
    /// TR-BDF2, for stiff problems.
    TrBdf2,
    /// Explicit Euler with a fixed step, as people train.
    GradientDescent,
}

/// When the hidden bases follow the modes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FrameName {
    /// When the start is small enough for it to matter.
    #[default]
    Auto,
    /// Also from larger starts, as soon as it makes a difference.
    On,
    /// Never.
    Off,
}

/// Any of these ends the run early.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopSpec {
    /// Stop when the norm of the gradient falls below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub gradient_norm: Option<f64>,
    /// Stop when the cost falls below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub cost: Option<f64>,
}

/// What the trajectory keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSpec {
    #[serde(default)]
    pub grid: GridName,
    /// Number of rows of an adaptive, linear or logarithmic grid.
    #[serde(default = "default_count")]
    #[schemars(range(min = 2, max = 10000000))]
    pub count: usize,
    /// The times of `grid = "times"`, increasing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Numbers>,
    /// Keep the weights of every row too.
    #[serde(default)]
    pub weights: bool,
    /// What every row holds beyond its fixed columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observables: Vec<ObservableName>,
}

impl Default for RecordSpec {
    fn default() -> Self {
        Self {
            grid: GridName::default(),
            count: default_count(),
            times: None,
            weights: false,
            observables: Vec::new(),
        }
    }
}

/// At which times a row is recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GridName {
    /// Enough to draw every curve smoothly, in linear and in logarithmic time.
    #[default]
    Adaptive,
    /// Equally spaced times.
    Linear,
    /// Equally spaced logarithms of times.
    Log,
    /// Every accepted step.
    Steps,
    /// The times in `times`.
    Times,
}

fn default_rtol() -> f64 {
    1e-9
}

fn default_max_steps() -> usize {
    10_000_000
}

fn default_count() -> usize {
    400
}
