//! What a sweep asks of its table, held against the columns that there will be.

use super::super::document::Document;
use super::super::error::{InputErrors, nearest};
use super::schema::{BandsSpec, FitSpec, MapSpec, SweepSpec};
use serde::{Deserialize, Serialize};

/// Columns of numbers that every table has.
pub const COLUMNS: [&str; 19] = [
    "run",
    "mode",
    "escape_time",
    "relative_wait",
    "plateau_cost",
    "final_sigma",
    "final_cost",
    "final_test_cost",
    "rank",
    "depth",
    "width",
    "time",
    "checks",
    "checks_failed",
    "steps",
    "rejected",
    "rhs_evaluations",
    "jvp_evaluations",
    "seed",
];

/// Columns of a trajectory that bands can show; `sigma_k` too.
const TRAJECTORY: [&str; 9] = [
    "cost",
    "test_cost",
    "loss",
    "gradient_norm",
    "parameter_norm_sq",
    "schatten",
    "imbalance_drift",
    "rank",
    "sigma_1",
];

/// All that is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Questions {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fit: Vec<FitSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<BandsSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub map: Vec<MapSpec>,
}

impl SweepSpec {
    /// What the file asks of the table.
    pub fn questions(&self) -> Questions {
        Questions {
            fit: self.fit.clone(),
            bands: self.bands.clone(),
            map: self.map.clone(),
        }
    }
}

/// Whether there will be what is asked about.
pub(super) fn check(
    document: &Document,
    spec: &SweepSpec,
    keys: &[&str],
) -> Result<(), InputErrors> {
    let columns: Vec<&str> = keys.iter().copied().chain(COLUMNS).collect();
    let mut errors = Vec::new();
    let mut one_of = |key: String, name: &str, names: &[&str]| {
        if !names.contains(&name) {
            let quoted: Vec<String> = names.iter().map(|n| format!("\"{n}\"")).collect();
            let allowed = format!("must be one of {}", quoted.join(", "));
            let mut error = document.error(&key, None, allowed);
            error.hint = nearest(name, names).map(|n| format!("\"{n}\""));
            errors.push(error);
        }
    };
    for (i, fit) in spec.fit.iter().enumerate() {
        one_of(format!("fit[{i}].x"), &fit.x, &columns);
        one_of(format!("fit[{i}].quantity"), &fit.quantity, &columns);
        for (k, by) in fit.by.iter().enumerate() {
            one_of(format!("fit[{i}].by[{k}]"), by, &columns);
        }
    }
    for (i, map) in spec.map.iter().enumerate() {
        one_of(format!("map[{i}].x"), &map.x, &columns);
        one_of(format!("map[{i}].y"), &map.y, &columns);
        one_of(format!("map[{i}].quantity"), &map.quantity, &columns);
    }
    for (i, bands) in spec.bands.iter().enumerate() {
        let sigma = bands.quantity.strip_prefix("sigma_");
        if !sigma.is_some_and(|k| k.parse::<usize>().is_ok_and(|k| k > 0)) {
            one_of(format!("bands[{i}].quantity"), &bands.quantity, &TRAJECTORY);
        }
        for (k, by) in bands.by.iter().enumerate() {
            one_of(format!("bands[{i}].by[{k}]"), by, keys);
        }
    }
    if !spec.bands.is_empty() && !spec.keep.trajectory {
        let allowed = "must be true: bands are made from trajectories".to_string();
        let found = "found false".to_string();
        errors.push(document.error("keep.trajectory", Some(found), allowed));
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(document.errors(errors)),
    }
}
