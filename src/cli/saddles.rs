//! `dlnflow saddles`: the saddles that runs visit against the greedy path.

use super::args::{Global, SaddleArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::print;
use super::progress::Counter;
use super::run::{Watcher, extras};
use dlnflow::report::saddles::{self, SaddlesReport, VIOLATED};
use dlnflow::report::{self, Keep};
use dlnflow::run::{Ask, saddles as study};
use dlnflow::scenario::Scenario;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

pub fn run(path: &Path, args: &SaddleArgs, global: &Global) -> Result<Exit, Failure> {
    let (begin, watcher) = (Instant::now(), Watcher::new());
    let scenario = Scenario::load(path, &global.set)?;
    scenario.build()?;
    let depth = scenario.spec().network.widths.len() - 1;
    if depth < 2 {
        return Err(Failure::Usage(
            "one layer has no saddles: its loss is convex".to_owned(),
        ));
    }
    let folder = match &global.out {
        Some(out) => out.clone(),
        None => Path::new("out").join(scenario.name()),
    };
    report::writable(&folder)?;
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
    if let Some(shown) = &found.shown {
        let mut extras = extras(&shown.scenario, &shown.built, begin);
        let style = &shown.run.look.style;
        extras.files = report::saddles::files(&found.report, &found.drawing(), style)?;
        report::write(&shown.run, &folder, &extras, Keep::ALL)?;
    }
    let written = found.shown.as_ref().map(|_| folder.as_path());
    summarise(&found.report, written, global)?;
    if watcher.interrupt.load(Ordering::Relaxed) {
        print::message(&match found.shown {
            Some(_) => format!("interrupted; what was found is in {}", folder.display()),
            None => "interrupted before a run was done; nothing is written".to_owned(),
        });
        return Ok(Exit::Interrupted);
    }
    Ok(exit(&found.report))
}

fn summarise(found: &SaddlesReport, written: Option<&Path>, global: &Global) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if global.json {
        saddles::write_json(found, &mut out)
    } else if !global.quiet {
        saddles::write(found, &mut out)?;
        let folder = written.map(Path::display).into_iter();
        print::lines(folder.map(|folder| format!("written to {folder}")))
    } else {
        Ok(())
    }
}

fn exit(found: &SaddlesReport) -> Exit {
    let failed = found.failures().count();
    if failed > 0 {
        let all: usize = found.seeds.iter().map(|s| s.scales.len()).sum();
        print::message(&format!("error: {failed} of {all} runs failed"));
        return Exit::Numerical;
    }
    match found.verdict() {
        VIOLATED => Exit::CheckFailed,
        _ => Exit::Done,
    }
}
