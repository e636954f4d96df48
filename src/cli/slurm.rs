//! `dlnflow sweep --slurm`: a batch script for an array of tasks, handed to sbatch.

use super::args::{Global, SweepArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::print;
use dlnflow::error::{Error, counted};
use dlnflow::report::write_file;
use dlnflow::sweep::{Plan, State, Store, slurm};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tasks of an array unless asked for: below the limit of most clusters, enough to fill one.
const TASKS: usize = 100;

pub fn submit(
    sweep: &Path,
    plan: &Plan,
    store: &Store,
    args: &SweepArgs,
    global: &Global,
) -> Result<Exit, Failure> {
    if sweep == Path::new("-") {
        let problem = "--slurm needs a sweep file: its tasks read it again";
        return Err(Failure::Usage(problem.to_owned()));
    }
    if plan
        .runs
        .iter()
        .all(|run| matches!(store.state(&run.hash), State::Done(_)))
    {
        let folder = store.root.display();
        return Err(Failure::Usage(format!(
            "all runs in {folder} are done: nothing to submit"
        )));
    }
    let root = absolute(&store.root)?;
    let tasks = args.array_size.map_or(TASKS, |k| k as usize);
    let script = slurm::script(&slurm::Batch {
        program: &std::env::current_exe().map_err(|e| Error::io(Path::new("dlnflow"), e))?,
        sweep: &absolute(sweep)?,
        folder: &root,
        set: &global.set,
        tasks: tasks.min(plan.runs.len()),
    });
    let file = root.join("slurm").join("array.sh");
    write_file(&file, script.as_bytes())?;
    let more = args.sbatch_args.as_deref().unwrap_or_default();
    let sent = Command::new("sbatch")
        .args(more.split_whitespace())
        .arg("--parsable")
        .arg(&file)
        .output();
    let sent = sent.map_err(|error| {
        let file = file.display();
        Failure::Usage(format!(
            "sbatch cannot be started ({error}); the script is {file}"
        ))
    })?;
    if !sent.status.success() {
        let said = String::from_utf8_lossy(&sent.stderr);
        let said = said.trim();
        return Err(Failure::Usage(format!(
            "sbatch refused: {said}; the script is {}",
            file.display()
        )));
    }
    let id = String::from_utf8_lossy(&sent.stdout).trim().to_owned();
    if global.json {
        print::json(&serde_json::json!({ "job": id, "script": file, "folder": root }))?;
    } else if !global.quiet {
        let folder = root.display();
        let lines = [
            format!(
                "submitted as job {id}: {}, script {}",
                counted(plan.runs.len(), "run", "runs"),
                file.display()
            ),
            format!("dlnflow sweep --status {folder} says how far it is"),
        ];
        print::lines(lines.into_iter())?;
    }
    Ok(Exit::Done)
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(|e| Error::io(path, e))
}
