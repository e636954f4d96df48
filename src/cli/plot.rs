//! `dlnflow plot`: the figures of a finished output folder again, in another look if asked.

use super::args::Global;
use super::exit::Exit;
use super::failure::Failure;
use super::print;
use super::study::tell_of_renamed;
use dlnflow::error::Error;
use dlnflow::report::landscape::LANDSCAPE;
use dlnflow::report::{self, figure};
use dlnflow::run;
use dlnflow::scenario::Scenario;
use dlnflow::sweep::Plan;
use std::path::{Path, PathBuf};

/// Whether an override sets a key that a finished run can still take.
pub fn of_look(set: &str) -> bool {
    let key = set.split('=').next().unwrap_or_default();
    key.split('.').next().unwrap_or_default().trim() == "figure"
}

pub fn run(folder: &Path, figures: &[String], global: &Global) -> Result<Exit, Failure> {
    global.without_out("plot draws into the folder of the run")?;
    let finished = report::finished(folder).map_err(|error| match error {
        Error::NotARun { .. } if Plan::read(folder).is_ok() => {
            let text = "is the folder of a sweep; `dlnflow collect` draws its figures";
            Failure::Usage(format!("{} {text}", folder.display()))
        }
        Error::Io { .. } if is_landscape(folder) => {
            let text = "holds a landscape, of which there are no figures";
            Failure::Usage(format!("{} {text}", folder.display()))
        }
        other => other.into(),
    })?;
    if let Some(key) = global.set.iter().find(|s| !of_look(s)) {
        return Err(Failure::Usage(format!(
            "--set {key}: plot computes nothing again, so that only keys of [figure] can be set"
        )));
    }
    let scenario = Scenario::load(&folder.join("scenario.toml"), &global.set)?;
    scenario.check_figure()?;
    let mut look = run::look(&scenario);
    check_names(figures, &look)?;
    look.only = figures.to_vec();
    let written = report::redraw(folder, &finished, &look, &scenario.to_toml())?;
    let paths = &written.files;
    let left = left_as_they_are(folder, paths);
    if figures.is_empty() && !left.is_empty() && !global.quiet {
        print::message(&format!(
            "note: left as they are: {}; the command that made them draws them",
            left.join(", ")
        ));
    }
    if !global.quiet {
        tell_of_renamed(&written);
    }
    if global.json {
        print::json(&serde_json::json!({ "figures": paths }))?;
    } else if !global.quiet {
        print::lines(paths.iter().map(|p| p.display().to_string()))?;
    }
    Ok(Exit::Done)
}

/// Whether `dlnflow landscape` made the folder.
fn is_landscape(folder: &Path) -> bool {
    folder.join(LANDSCAPE).is_file() && !folder.join("report.json").exists()
}

/// The figures of the folder that are of a study, not of its run.
fn left_as_they_are(folder: &Path, drawn: &[PathBuf]) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("figures"));
    let paths = entries.into_iter().flatten().flatten().map(|e| e.path());
    let others = paths.filter(|p| p.extension().is_some_and(|e| e == "svg") && !drawn.contains(p));
    let mut names: Vec<String> = others
        .filter_map(|p| Some(p.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

fn check_names(figures: &[String], look: &figure::Look) -> Result<(), Failure> {
    let mut known = figure::STANDARD.to_vec();
    if !look.panels.is_empty() {
        known.push(figure::PANELS);
    }
    match figures.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Failure::Usage(format!(
            "--figure {name}: must be one of {}",
            known.join(", ")
        ))),
        None => Ok(()),
    }
}
