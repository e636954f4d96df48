//! The sweep file as data. Axes are free in their keys and values, so only their tables are stated
//! here; `axis` reads them.

use super::super::schema::FigureSpec;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// Many runs of one scenario.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dlnflow sweep")]
pub struct SweepSpec {
    /// Version of the format.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1))]
    pub schema: u32,
    /// Title of figures; the file's name when absent.
    #[serde(default)]
    pub title: Option<String>,
    /// The scenario that every run begins from: a path, or a table with a scenario's keys.
    #[schemars(schema_with = "path_or_table")]
    pub base: IgnoredAny,
    /// Axes whose product is run.
    #[serde(default)]
    #[schemars(schema_with = "table")]
    pub grid: IgnoredAny,
    /// Axes of equal length that move together.
    #[serde(default)]
    #[schemars(schema_with = "table")]
    pub zip: IgnoredAny,
    /// Points written one by one, each a table of keys and values.
    #[serde(default)]
    #[schemars(schema_with = "tables")]
    pub list: IgnoredAny,
    #[serde(default)]
    pub keep: KeepSpec,
    /// Straight lines through the table.
    #[serde(default)]
    pub fit: Vec<FitSpec>,
    /// Quantiles over runs along time.
    #[serde(default)]
    pub bands: Vec<BandsSpec>,
    /// Trajectories of all runs in one figure.
    #[serde(default)]
    pub family: Vec<FamilySpec>,
    /// Quantiles over runs against a column.
    #[serde(default)]
    pub curves: Vec<CurvesSpec>,
    /// Medians over the plane of two columns.
    #[serde(default)]
    pub map: Vec<MapSpec>,
    /// How figures look.
    #[serde(default)]
    pub figure: FigureSpec,
}

/// A straight line `y = slope · f(x) + intercept` by least squares, one for each mode and each value
/// of the columns `by`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FitSpec {
    /// Column with numbers; rows where it is empty are left out.
    #[serde(default = "escape_time")]
    pub quantity: String,
    /// Column with numbers.
    pub x: String,
    /// What the line is straight in.
    #[serde(default)]
    pub transform: Transform,
    /// Fit `ln y` instead of `y`.
    #[serde(default)]
    pub log_quantity: bool,
    /// Which rows count.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
    /// All modes when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = 1)))]
    pub modes: Option<Vec<usize>>,
    /// Columns whose every value gets a line of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Of the intervals of slope and intercept.
    #[serde(default = "confidence")]
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub confidence: f64,
}

/// A function of the horizontal coordinate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// `x`.
    #[default]
    Identity,
    /// `ln x`.
    Log,
    /// `ln (1/x)`.
    LogInverse,
}

/// Quantiles of a column of the trajectories over all runs of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BandsSpec {
    /// Column of `trajectory.csv`.
    #[serde(default = "cost")]
    pub quantity: String,
    /// What is the same time in all runs.
    #[serde(default)]
    pub align: Align,
    /// With `align = "event"`: time counts from the escape of this mode.
    #[serde(default = "one_mode")]
    #[schemars(range(min = 1))]
    pub mode: usize,
    /// Between 0 and 1.
    #[serde(default = "quantiles")]
    #[schemars(length(min = 1), inner(range(min = 0.0, max = 1.0)))]
    pub quantiles: Vec<f64>,
    /// Swept keys whose every value gets bands of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Number of times.
    #[serde(default = "times")]
    #[schemars(range(min = 2, max = 100000))]
    pub count: usize,
}

/// What time is measured from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Align {
    /// The start of the run.
    #[default]
    Clock,
    /// The escape of a mode.
    Event,
}

/// Quantiles of a column over all runs with the same `x`, one curve for each value of the columns `by`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CurvesSpec {
    /// Column with numbers.
    pub x: String,
    /// Column with numbers; rows where it is empty are left out.
    pub quantity: String,
    /// Columns whose every value gets a curve of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Swept keys: of the runs that differ in these alone only the one with the least `final_loss` counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub best_over: Vec<String>,
    /// Which rows count.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
    /// The rows of this mode.
    #[serde(default = "one_mode")]
    #[schemars(range(min = 1))]
    pub mode: usize,
    /// The lower and the upper quantile beside the median, between 0 and 1.
    #[serde(default = "ends")]
    #[schemars(inner(range(min = 0.0, max = 1.0)))]
    pub quantiles: [f64; 2],
    /// Logarithmic axes.
    #[serde(default)]
    pub log_x: bool,
    #[serde(default)]
    pub log_quantity: bool,
    /// Columns drawn as vertical lines: their medians for each mode and each value of `by`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verticals: Vec<String>,
}

/// Trajectories of all runs in one figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FamilySpec {
    /// Columns of `trajectory.csv`.
    #[serde(default)]
    pub y: Columns,
    /// `time`, or a column of `trajectory.csv`.
    #[serde(default = "time")]
    pub x: String,
    /// What time is measured in.
    #[serde(default)]
    pub time_unit: TimeUnit,
    /// What is the same time in all runs.
    #[serde(default)]
    pub align: Align,
    /// The mode whose escape `time_unit` and `align` mean.
    #[serde(default = "one_mode")]
    #[schemars(range(min = 1))]
    pub mode: usize,
    /// Swept keys: runs with the same values share a pen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Logarithmic axes.
    #[serde(default)]
    pub log_x: bool,
    #[serde(default)]
    pub log_y: bool,
}

/// One column or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Columns {
    One(String),
    Several(#[schemars(length(min = 1))] Vec<String>),
}

impl Columns {
    /// Their names.
    pub fn names(&self) -> &[String] {
        match self {
            Columns::One(name) => std::slice::from_ref(name),
            Columns::Several(names) => names,
        }
    }
}

impl Default for Columns {
    fn default() -> Self {
        Columns::One(cost())
    }
}

/// What time is measured in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// The unit of the flow.
    #[default]
    Clock,
    /// `ln(1/init.scale)` of the run; runs whose scale is not below 1 are left out.
    LogInverseScale,
    /// The escape time of a mode.
    Escape,
}

/// A heat map: the median of a column over all rows with the same `x` and `y`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MapSpec {
    /// Column with numbers.
    pub x: String,
    /// Column with numbers.
    pub y: String,
    /// Column with numbers; rows where it is empty are left out.
    #[serde(default = "escape_time")]
    pub quantity: String,
    /// Shade the logarithm of the quantity.
    #[serde(default)]
    pub log_quantity: bool,
    /// Which rows count.
    #[serde(default, skip_serializing_if = "Only::is_empty")]
    pub only: Only,
    /// The rows of this mode.
    #[serde(default = "one_mode")]
    #[schemars(range(min = 1))]
    pub mode: usize,
}

/// Only rows that have these values in these columns, as `table.csv` shows them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Only(
    #[serde(deserialize_with = "as_shown")]
    #[schemars(with = "BTreeMap<String, Shown>")]
    BTreeMap<String, String>,
);

impl Only {
    /// Whether all rows count.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether a row counts whose cell in a column is `cell(column)`.
    pub fn takes(&self, cell: impl Fn(&str) -> Option<String>) -> bool {
        // A number may be written in more than one way.
        let number = |text: &str| text.parse::<f64>().ok();
        let same = |found: &str, wanted: &str| {
            found == wanted || number(found).is_some_and(|n| number(wanted) == Some(n))
        };
        let mut all = self.0.iter();
        all.all(|(column, wanted)| cell(column).is_some_and(|found| same(&found, wanted)))
    }
}

/// A cell of the table, as text or as the number itself.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Shown {
    Text(String),
    Whole(i64),
    Number(f64),
}

fn as_shown<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let cells = BTreeMap::<String, Shown>::deserialize(from)?.into_iter();
    let text = |cell| match cell {
        Shown::Text(text) => text,
        Shown::Whole(number) => number.to_string(),
        Shown::Number(number) => number.to_string(),
    };
    Ok(cells.map(|(column, cell)| (column, text(cell))).collect())
}

fn escape_time() -> String {
    "escape_time".to_string()
}

fn time() -> String {
    "time".to_string()
}

fn cost() -> String {
    "cost".to_string()
}

fn confidence() -> f64 {
    0.95
}

fn one_mode() -> usize {
    1
}

fn quantiles() -> Vec<f64> {
    vec![0.1, 0.5, 0.9]
}

fn times() -> usize {
    200
}

/// What is kept of each run besides its report, events and scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepSpec {
    /// `trajectory.csv`.
    #[serde(default)]
    pub trajectory: bool,
    /// `weights.npz`, which later runs can start from.
    #[serde(default)]
    pub weights: bool,
    /// `figures/`.
    #[serde(default)]
    pub figures: bool,
    /// What theory says about each run, in `report.json`.
    #[serde(default)]
    pub predictions: bool,
}

fn one() -> u32 {
    1
}

fn path_or_table(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "anyOf": [{ "type": "string" }, { "type": "object" }] })
}

fn table(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object" })
}

fn tables(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "array", "items": { "type": "object" } })
}

fn ends() -> [f64; 2] {
    [0.1, 0.9]
}
