//! `dlnflow check`: parse and build, integrate nothing.

use super::args::Global;
use super::exit::Exit;
use super::failure::Failure;
use super::print;
use dlnflow::error::{counted, plainly};
use dlnflow::scenario::{Built, Scenario};
use serde_json::{Value, json};
use std::path::Path;

pub fn check(path: &Path, global: &Global) -> Result<Exit, Failure> {
    let scenario = Scenario::load(path, &global.set)?;
    let built = scenario.build()?;
    if global.json {
        print::json(&summary(&scenario, &built))?;
    } else if !global.quiet {
        print::lines(sizes(&scenario, &built).into_iter())?;
        print::lines(std::iter::once(format!("\n{}", built.resolved.trim_end())))?;
    }
    Ok(Exit::Done)
}

fn sizes(scenario: &Scenario, built: &Built) -> Vec<String> {
    let network = &built.problem.network;
    vec![
        format!("{}: fine", scenario.title()),
        format!(
            "network: depth {}, widths {:?}, {}",
            network.depth(),
            network.widths(),
            counted(network.parameters(), "weight", "weights")
        ),
        format!("memory: about {:.1} MB", built.memory.bytes as f64 / 1e6),
        format!(
            "solver: {}, rtol {:e}, horizon {}",
            built.solver.method.name(),
            built.solver.rtol,
            plainly(built.solver.horizon)
        ),
        format!("inputs: {}", counted(built.inputs.len(), "file", "files")),
    ]
}

fn summary(scenario: &Scenario, built: &Built) -> Value {
    json!({
        "title": scenario.title(),
        "widths": built.problem.network.widths(),
        "parameters": built.memory.parameters,
        "memory_bytes": built.memory.bytes,
        "method": built.solver.method.name(),
        "inputs": built.inputs.iter().map(|i| i.path.clone()).collect::<Vec<_>>(),
        "scenario": built.resolved,
    })
}
