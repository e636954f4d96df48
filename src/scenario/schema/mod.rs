//! The scenario file as data. The JSON Schema derived from these types is what a file is checked
//! against, so a field's name, range and default are stated here and nowhere else.

mod cost;
mod figure;
mod init;
mod matrix;
mod observe;
mod run;

pub use cost::{CostSpec, MeasurementKind, Measurements};
pub use figure::{ColorMapName, ColorsName, ColumnName, ExtraName, FigureSpec, FontName};
pub use figure::{LegendName, PanelSpec, ScaleName, TextName, Width, WidthName};
pub use init::{InitSpec, LARGEST_DRAWN, Strengths};
pub use matrix::{Matrix, Numbers, Observed};
pub use observe::{DirectionName, ObservableName, QuantityName};
pub use observe::{EventTable, Expect, ExpectQuantity, ExpectSource, SourceKind};
pub use run::{FrameName, GridName, MethodName, RecordSpec, Regularization, SolverSpec, StopSpec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A training run of a deep linear network `A = W_L … W_1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dlnflow scenario")]
pub struct ScenarioSpec {
    /// Version of the format.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// Title of reports and figures; the file's name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where the experiment was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Every random draw derives from it.
    #[serde(default)]
    #[schemars(range(max = 9223372036854775807_u64))]
    pub seed: u64,
    pub network: NetworkSpec,
    pub cost: CostSpec,
    pub init: InitSpec,
    #[serde(default)]
    pub regularization: Regularization,
    pub solver: SolverSpec,
    #[serde(default)]
    pub stop: StopSpec,
    #[serde(default)]
    pub record: RecordSpec,
    /// What to locate in time; escapes at one half and plateaus when absent.
    #[serde(default = "observe::default_events")]
    pub events: Vec<EventTable>,
    /// How figures look; the standard figures in their standard look when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<FigureSpec>,
    /// Numbers that the run must reproduce.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expect>,
}

/// Layer sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// `n_0 … n_L`: inputs first, outputs last.
    #[schemars(length(min = 2), inner(range(min = 1)))]
    pub widths: Vec<usize>,
}

fn one() -> u32 {
    1
}

impl ScenarioSpec {
    /// Calls `visit` with every path to a file or folder that the scenario names.
    pub(super) fn for_each_path(&mut self, visit: &mut dyn FnMut(&mut String)) {
        self.cost.for_each_path(visit);
        self.init.for_each_path(visit);
        if let Some(Numbers::File { file }) = &mut self.record.times {
            visit(file);
        }
    }
}
