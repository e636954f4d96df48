//! `dlnflow run`: integrate, write the output folder, print the summary.

use super::args::Global;
use super::exit::Exit;
use super::failure::Failure;
use super::print;
use super::progress::Bar;
use super::study::{folder, prepare, tell_of_others};
use dlnflow::observe::Progress;
use dlnflow::report::{self, Keep, Outcome, Report, Written};
use dlnflow::run::{Watch, extras, run as integrate};
use dlnflow::scenario::{Built, Scenario};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

pub fn run(path: &Path, global: &Global) -> Result<Exit, Failure> {
    let watcher = Watcher::new();
    let job = Job::load(path, global, false)?;
    job.prepare()?;
    let report = job.integrate(&watcher, global.quiet);
    let written = job.write(&report)?;
    explain(&report, &written.folder, global);
    tell_of_others(&written, &job.folder, global);
    match summarise(&report, &written.folder, global) {
        // The run is done and written, whether or not anyone reads all of its summary.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(exit(&report)),
    }
}

/// A scenario ready to run and the folder its results go to.
pub struct Job {
    begin: Instant,
    scenario: Scenario,
    pub built: Built,
    pub folder: PathBuf,
}

impl Job {
    /// `among_others`: `--out` names the folder that the folders of several scenarios go to.
    pub fn load(path: &Path, global: &Global, among_others: bool) -> Result<Self, Failure> {
        let begin = Instant::now();
        let scenario = Scenario::load(path, &global.set)?;
        let built = scenario.build()?;
        let folder = match &global.out {
            Some(out) if among_others => out.join(scenario.name()),
            _ => folder(&scenario, global),
        };
        Ok(Self {
            begin,
            scenario,
            built,
            folder,
        })
    }

    /// Whether the results will find their place; folders above it are made.
    pub fn prepare(&self) -> Result<(), Failure> {
        prepare(&self.folder, &self.built)
    }

    /// Runs with a progress bar.
    pub fn integrate(&self, watcher: &Watcher, quiet: bool) -> Report {
        let mut bar = Bar::new();
        let mut show = |p: &Progress| bar.show(p);
        let watch = Watch {
            interrupt: Some(&watcher.interrupt),
            progress: (!quiet).then_some(&mut show),
        };
        let report = integrate(&self.scenario, &self.built, watch);
        bar.clear();
        report
    }

    /// Writes the output folder.
    pub fn write(&self, report: &Report) -> Result<Written, Failure> {
        let extras = extras(&self.scenario, &self.built, self.begin.elapsed());
        Ok(report::write(report, &self.folder, &extras, Keep::ALL)?)
    }
}

/// Ctrl-C ends the integration early, a second one the program.
pub struct Watcher {
    pub interrupt: Arc<AtomicBool>,
}

impl Watcher {
    /// To be made before anything else, so that a Ctrl-C right after the start does what a later one does.
    pub fn new() -> Self {
        let interrupt = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&interrupt);
        let handler = move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
            if io::stderr().is_terminal() {
                print::message(
                    "stopping as soon as what is computed can be written; Ctrl-C again ends at once",
                );
            }
        };
        if let Err(error) = ctrlc::set_handler(handler) {
            print::message(&format!(
                "warning: Ctrl-C will not save what was computed: {error}"
            ));
        }
        Self { interrupt }
    }
}

fn summarise(report: &Report, folder: &Path, global: &Global) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if global.json {
        report::json::write(report, &mut out)
    } else if !global.quiet {
        report::table::write(report, Some(folder), &mut out)
    } else {
        Ok(())
    }
}

/// Says on stderr what the exit code means, and where the files are.
fn explain(report: &Report, folder: &Path, global: &Global) {
    let (detail, folder) = (&report.outcome_detail, folder.display());
    match exit(report) {
        Exit::Numerical => print::message(&format!(
            "error: {detail}\nwhat was computed up to t = {:.9e} is in {folder}",
            report.time
        )),
        Exit::Interrupted => {
            print::message(&format!("{detail}; what was computed is in {folder}"));
        }
        // The summary has the same lines.
        Exit::CheckFailed if global.json || global.quiet => {
            let all = report.checks.len();
            let failed = report.checks.iter().filter(|c| !c.passed).count();
            print::message(&format!(
                "error: {failed} of {all} checks failed, see {folder}/report.json"
            ));
        }
        _ => {}
    }
}

/// The exit code of a run.
pub fn exit(report: &Report) -> Exit {
    match report.outcome {
        Outcome::Failed => Exit::Numerical,
        Outcome::Interrupted => Exit::Interrupted,
        _ if report.checks.iter().any(|c| !c.passed) => Exit::CheckFailed,
        _ => Exit::Done,
    }
}
