//! `dlnflow saddles`: the saddles that runs visit against the greedy path.

use super::args::{Global, SaddleArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::print;
use super::progress::Counter;
use super::run::Watcher;
use super::study::{any_failed, folder, prepare, summarise, tell_of_others};
use dlnflow::report::saddles::{self, Finding, SaddlesReport};
use dlnflow::report::{self, Keep};
use dlnflow::run::{Ask, extras, saddles as study};
use dlnflow::scenario::Scenario;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

pub fn run(path: &Path, args: &SaddleArgs, global: &Global) -> Result<Exit, Failure> {
    let (begin, watcher) = (Instant::now(), Watcher::new());
    let scenario = Scenario::load(path, &global.set)?;
    let built = scenario.build()?;
    let depth = scenario.spec().network.widths.len() - 1;
    if depth < 2 {
        return Err(Failure::Usage(
            "one layer has no saddles: its loss is convex".to_owned(),
        ));
    }
    let folder = folder(&scenario, global);
    prepare(&folder, &built)?;
    let ask = Ask {
        scales: args.scales.clone(),
        seeds: args.seeds.map_or(0, |n| n as usize),
        threads: super::threads(None, global),
    };
    let counter = Counter::new(global.quiet, "runs");
    let found = study(&scenario, &ask, &watcher.interrupt, &|done, total| {
        counter.show(done, total);
    })?;
    counter.clear();
    let interrupted = watcher.interrupt.load(Ordering::Relaxed);
    let mut written = None;
    if let Some(shown) = &found.shown {
        let mut extras = extras(&shown.scenario, &shown.built, begin.elapsed());
        let style = &shown.run.look.style;
        extras.files = report::saddles::files(&found.report, &found.drawing(), style)?;
        extras.interrupted = interrupted;
        let new = report::write(&shown.run, &folder, &extras, Keep::ALL)?;
        tell_of_others(&new, &folder, global);
        written = Some(new.folder);
    }
    summarise(
        written.as_deref(),
        global,
        |out| saddles::write_json(&found.report, out),
        |out| saddles::write(&found.report, out),
    )?;
    if interrupted {
        print::message(&match written {
            Some(folder) => format!("interrupted; what was found is in {}", folder.display()),
            None => "interrupted before a run was done; nothing is written".to_owned(),
        });
        return Ok(Exit::Interrupted);
    }
    Ok(exit(&found.report))
}

fn exit(found: &SaddlesReport) -> Exit {
    let all = found.seeds.iter().map(|s| s.scales.len()).sum();
    if any_failed(found.failures().count(), all) {
        return Exit::Numerical;
    }
    match found.verdict() {
        Finding::Violated => Exit::CheckFailed,
        _ => Exit::Done,
    }
}
