//! `dlnflow predict`: theory alone.

use super::args::Global;
use super::exit::Exit;
use super::failure::Failure;
use dlnflow::report::{json, theory};
use dlnflow::run::predict as ask;
use dlnflow::scenario::Scenario;
use std::io;
use std::path::Path;

pub fn predict(path: &Path, global: &Global) -> Result<Exit, Failure> {
    let scenario = Scenario::load(path, &global.set)?;
    let built = scenario.build()?;
    let said = ask(&built);
    let mut out = io::stdout().lock();
    if global.json {
        json::write_predictions(&said.predictions, &said.declined, &mut out)?;
    } else if !global.quiet {
        theory::write(
            scenario.title(),
            &said.predictions,
            &said.declined,
            &mut out,
        )?;
    }
    Ok(Exit::Done)
}
