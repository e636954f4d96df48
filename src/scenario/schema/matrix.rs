//! Matrices and lists of numbers in a scenario.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A matrix whose shape follows from where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Matrix {
    /// All entries, row by row.
    Rows(Vec<Vec<f64>>),
    /// Leading entries of the diagonal; everything else is zero.
    Diagonal(Vec<f64>),
    /// Leading singular values, with Haar singular vectors drawn from `seed`.
    SingularValues(#[schemars(inner(range(min = 0.0)))] Vec<f64>),
    /// Standard deviation of independent Gaussian entries.
    Gaussian(#[schemars(extend("exclusiveMinimum" = 0.0))] f64),
    /// A `.csv` (one row a line, no header) or `.npy` file, relative to the scenario.
    File(String),
}

/// Which entries are observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Observed {
    /// This share of all entries, to the nearest whole number, drawn from `seed`.
    Fraction(#[schemars(extend("exclusiveMinimum" = 0.0), range(max = 1.0))] f64),
    /// 0 or 1 for every entry, row by row.
    Rows(Vec<Vec<f64>>),
    /// 0 or 1 for the leading diagonal entries; the others are not observed.
    Diagonal(Vec<f64>),
    /// A `.csv` or `.npy` file of zeros and ones, relative to the scenario.
    File(String),
}

/// A list of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Numbers {
    /// The numbers.
    List(Vec<f64>),
    /// A `.csv` or `.npy` file with one row or one column, relative to the scenario.
    File { file: String },
}

impl Matrix {
    pub(super) fn for_each_path(&mut self, visit: &mut dyn FnMut(&mut String)) {
        if let Matrix::File(file) = self {
            visit(file);
        }
    }
}
