//! `dlnflow collect`: one table of a sweep.

use super::args::Global;
use super::exit::Exit;
use super::failure::Failure;
use super::plot::of_look;
use super::print;
use dlnflow::error::{Error, counted};
use dlnflow::report;
use dlnflow::sweep::{Plan, collect};
use std::path::Path;

pub fn run(folder: &Path, global: &Global) -> Result<Exit, Failure> {
    global.without_out("collect writes into the folder of the sweep")?;
    if let Some(key) = global.set.iter().find(|set| !of_look(set)) {
        return Err(Failure::Usage(format!(
            "--set {key}: collect tells what was run, so that only keys of [figure] can be set; others with sweep"
        )));
    }
    let mut plan = Plan::read(folder).map_err(|error| match error {
        Error::NotASweep { .. } if report::is_output(folder) => {
            let text = "is the output folder of a run; `dlnflow plot` draws its figures";
            Failure::Usage(format!("{} {text}", folder.display()))
        }
        other => other.into(),
    })?;
    plan.questions = plan.questions.in_look(&global.set)?;
    let collected = collect(folder, plan, super::threads(None, global))?;
    let (runs, planned) = (collected.runs, collected.plan.runs.len());
    let rows = collected.table.rows();
    if global.json {
        print::json(&serde_json::json!({
            "runs": runs,
            "planned": planned,
            "rows": rows,
            "files": collected.files,
        }))?;
    } else if !global.quiet {
        let paths = collected
            .files
            .iter()
            .map(|path| path.display().to_string());
        let head = format!("{runs} of {planned} runs, {}", counted(rows, "row", "rows"));
        print::lines(std::iter::once(head).chain(paths))?;
    }
    Ok(Exit::Done)
}
