//! Scenarios from text, run through the library as the command line does.

use dlnflow::report::Report;
use dlnflow::run::{Watch, run};
use dlnflow::scenario::Scenario;
use std::path::Path;

/// Runs a scenario given as TOML.
pub fn run_text(text: &str) -> Report {
    let scenario = Scenario::parse("test.toml", "test", Path::new("."), text.as_bytes(), &[])
        .unwrap_or_else(|e| panic!("{e}\n{text}"));
    let built = scenario.build().unwrap_or_else(|e| panic!("{e}\n{text}"));
    run(&scenario, &built, Watch::default())
}
