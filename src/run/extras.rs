//! What an output folder holds besides a report.

use crate::report::{Extras, Input};
use crate::scenario::{Built, InputFile, Scenario};
use std::time::Duration;

/// Of a run of `built`; `wall` is the time that the whole command took.
pub fn extras(scenario: &Scenario, built: &Built, wall: Duration) -> Extras {
    let inputs = built.inputs.iter();
    let hash = |i: &InputFile| (i.path.clone(), i.sha256.clone());
    let input = |i: &InputFile| Input {
        name: i.copy.strip_prefix("inputs/").unwrap_or(&i.copy).to_owned(),
        bytes: i.bytes.clone(),
    };
    Extras {
        scenario_toml: built.resolved.clone(),
        inputs: inputs.clone().map(input).collect(),
        input_hashes: inputs.map(hash).collect(),
        files: Vec::new(),
        seed: scenario.spec().seed,
        wall,
        interrupted: false,
    }
}
