//! The sweep file as data. Axes are free in their keys and values, so only their tables are stated
//! here; `axis` reads them.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

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
