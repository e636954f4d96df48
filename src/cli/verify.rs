//! `dlnflow verify`: run scenarios, hold theory, laws and expectations against them.

use super::args::Global;
use super::exit::Exit;
use super::failure::Failure;
use super::run::{Job, Watcher, exit};
use super::study::tell_of_others;
use dlnflow::report::Outcome;
use dlnflow::report::suite::{self, Suite};
use dlnflow::verify;
use std::io;
use std::path::{Path, PathBuf};

pub fn verify(paths: &[PathBuf], global: &Global) -> Result<Exit, Failure> {
    if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        let once = "- stands for standard input and may be given once".to_owned();
        return Err(Failure::Usage(once));
    }
    let watcher = Watcher::new();
    // Mistakes in any file are reported before the first run, and before a folder is made.
    let jobs = paths
        .iter()
        .map(|path| Job::load(path, global, paths.len() > 1))
        .collect::<Result<Vec<_>, Failure>>()?;
    distinct(&jobs, paths)?;
    jobs.iter().try_for_each(Job::prepare)?;
    let mut suites = Vec::new();
    for (job, path) in jobs.iter().zip(paths) {
        let suite = checked(job, path, &watcher, global)?;
        let interrupted = suite.report.outcome == Outcome::Interrupted;
        if !global.json && !global.quiet {
            suite::write(&suite, &mut io::stdout().lock())?;
        }
        suites.push(suite);
        if interrupted {
            break;
        }
    }
    if global.json {
        suite::write_json(&suites, &mut io::stdout().lock())?;
    }
    Ok(worst(&suites))
}

/// Folders are named after scenarios; none may replace another.
fn distinct(jobs: &[Job], paths: &[PathBuf]) -> Result<(), Failure> {
    for (i, job) in jobs.iter().enumerate() {
        if let Some(before) = jobs[..i].iter().position(|j| j.folder == job.folder) {
            let [before, this] = [&paths[before], &paths[i]].map(|p| p.display());
            let folder = job.folder.display();
            return Err(Failure::Usage(format!(
                "{before} and {this} would both be written to {folder}: \
                 rename one or verify them one by one with --out"
            )));
        }
    }
    Ok(())
}

fn checked(job: &Job, path: &Path, watcher: &Watcher, global: &Global) -> Result<Suite, Failure> {
    let mut report = job.integrate(watcher, global.quiet);
    let theory = verify::theory(&report, job.built.solver.rtol);
    report.checks.extend(theory);
    let written = job.write(&report)?;
    tell_of_others(&written, &job.folder, global);
    Ok(Suite {
        name: path.display().to_string(),
        report,
    })
}

/// The gravest of the exit codes that the runs would have had alone.
fn worst(suites: &[Suite]) -> Exit {
    let exits: Vec<Exit> = suites.iter().map(|s| exit(&s.report)).collect();
    let order = [Exit::Interrupted, Exit::Numerical, Exit::CheckFailed];
    order
        .into_iter()
        .find(|e| exits.contains(e))
        .unwrap_or(Exit::Done)
}
