//! `[[events]]`, `[[expect]]` and names of what is recorded: what to locate in time and what to check
//! afterwards.

use crate::observe::{Direction, Observable, Quantity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An event to locate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum EventTable {
    /// `σ_k` rises through `fraction` of its level at the next saddle.
    Escape {
        #[serde(default = "half")]
        #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
        fraction: f64,
        /// Modes `k = 1, 2, …`; all when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(min = 1), inner(range(min = 1)))]
        modes: Option<Vec<usize>>,
    },
    /// A recorded quantity passes a level.
    Crossing {
        quantity: QuantityName,
        /// Mode `k` of a singular value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1))]
        index: Option<usize>,
        level: f64,
        #[serde(default)]
        direction: DirectionName,
    },
    /// The gradient norm has a local minimum in time: the run waits near a saddle.
    Plateau {},
    /// The numerical rank of `A` changes.
    RankChange {},
}

pub(super) fn default_events() -> Vec<EventTable> {
    let escape = EventTable::Escape {
        fraction: half(),
        modes: None,
    };
    vec![escape, EventTable::Plateau {}]
}

fn half() -> f64 {
    0.5
}

/// A recorded quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuantityName {
    Cost,
    TestCost,
    Loss,
    GradientNorm,
    ParameterNormSq,
    Schatten,
    Rank,
    SingularValue,
}

impl From<QuantityName> for Quantity {
    fn from(name: QuantityName) -> Self {
        match name {
            QuantityName::Cost => Quantity::Cost,
            QuantityName::TestCost => Quantity::TestCost,
            QuantityName::Loss => Quantity::Loss,
            QuantityName::GradientNorm => Quantity::GradientNorm,
            QuantityName::ParameterNormSq => Quantity::ParameterNormSq,
            QuantityName::Schatten => Quantity::Schatten,
            QuantityName::Rank => Quantity::Rank,
            QuantityName::SingularValue => Quantity::SingularValue,
        }
    }
}

/// A column recorded on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservableName {
    /// Frobenius norm of the tangent kernel.
    KernelNorm,
    /// Alignment of the tangent kernel with the target.
    KernelAlignment,
    /// Exponential of the entropy of the singular values.
    EffectiveRank,
    /// Sum of the singular values.
    NuclearNorm,
    /// Length of the path of `A`.
    ArcLength,
    /// Distance of the modes from the speeds of a balanced network.
    ModeSpeedResidual,
}

impl From<ObservableName> for Observable {
    fn from(name: ObservableName) -> Self {
        match name {
            ObservableName::KernelNorm => Observable::KernelNorm,
            ObservableName::KernelAlignment => Observable::KernelAlignment,
            ObservableName::EffectiveRank => Observable::EffectiveRank,
            ObservableName::NuclearNorm => Observable::NuclearNorm,
            ObservableName::ArcLength => Observable::ArcLength,
            ObservableName::ModeSpeedResidual => Observable::ModeSpeedResidual,
        }
    }
}

/// The way a level is passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DirectionName {
    Rising,
    Falling,
    #[default]
    Both,
}

impl From<DirectionName> for Direction {
    fn from(name: DirectionName) -> Self {
        match name {
            DirectionName::Rising => Direction::Rising,
            DirectionName::Falling => Direction::Falling,
            DirectionName::Both => Direction::Both,
        }
    }
}

/// A number that the run must reproduce.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub quantity: ExpectQuantity,
    /// Mode `k`, for quantities of one mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub mode: Option<usize>,
    pub value: f64,
    /// Accepted error relative to `value`; with `abs_tol` too, the larger band holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub rel_tol: Option<f64>,
    /// Accepted error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub abs_tol: Option<f64>,
    pub source: ExpectSource,
}

impl Expect {
    /// How far from `value` a measurement may lie: `max(rel_tol·|value|, abs_tol)`.
    pub fn band(&self) -> f64 {
        let relative = self.rel_tol.unwrap_or(0.0) * self.value.abs();
        relative.max(self.abs_tol.unwrap_or(0.0))
    }
}

/// A quantity that can be expected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectQuantity {
    /// Time of the escape of `mode`.
    EscapeTime,
    /// Time of the first crossing event of `σ_k`, `k = mode`.
    CrossingTime,
    /// `σ_k` of `mode` at the end of the run.
    FinalSingularValue,
    FinalCost,
    FinalTestCost,
    FinalLoss,
    FinalGradientNorm,
    FinalParameterNormSq,
    FinalRank,
}

impl ExpectQuantity {
    /// The name in scenario files and reports.
    pub fn name(self) -> &'static str {
        match self {
            ExpectQuantity::EscapeTime => "escape_time",
            ExpectQuantity::CrossingTime => "crossing_time",
            ExpectQuantity::FinalSingularValue => "final_singular_value",
            ExpectQuantity::FinalCost => "final_cost",
            ExpectQuantity::FinalTestCost => "final_test_cost",
            ExpectQuantity::FinalLoss => "final_loss",
            ExpectQuantity::FinalGradientNorm => "final_gradient_norm",
            ExpectQuantity::FinalParameterNormSq => "final_parameter_norm_sq",
            ExpectQuantity::FinalRank => "final_rank",
        }
    }

    /// Whether the quantity belongs to one mode.
    pub fn of_mode(self) -> bool {
        matches!(
            self,
            ExpectQuantity::EscapeTime
                | ExpectQuantity::CrossingTime
                | ExpectQuantity::FinalSingularValue
        )
    }
}

/// Where an expected number comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectSource {
    pub kind: SourceKind,
    /// Formula, paper and figure, or how the number was read off.
    #[serde(default)]
    pub note: String,
}

/// Kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A formula.
    ClosedForm,
    /// A printed number or figure.
    Published,
    /// An independent and more accurate computation.
    Reference,
    /// Our own earlier output: it can only say *unchanged*.
    Regression,
}

impl SourceKind {
    /// The name in scenario files and reports.
    pub fn name(self) -> &'static str {
        match self {
            SourceKind::ClosedForm => "closed_form",
            SourceKind::Published => "published",
            SourceKind::Reference => "reference",
            SourceKind::Regression => "regression",
        }
    }
}
