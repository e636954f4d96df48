//! `dlnflow landscape`: the critical points of the loss, classified.

use super::args::{Global, LandscapeArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::print;
use super::progress::Counter;
use super::run::Watcher;
use dlnflow::report::landscape::{LANDSCAPE, write, write_json};
use dlnflow::report::{add_file, writable};
use dlnflow::run::{Search, extras, landscape};
use dlnflow::scenario::Scenario;
use std::io;
use std::path::Path;
use std::time::Instant;

pub fn run(path: &Path, args: &LandscapeArgs, global: &Global) -> Result<Exit, Failure> {
    let (begin, watcher) = (Instant::now(), Watcher::new());
    let scenario = Scenario::load(path, &global.set)?;
    let built = scenario.build()?;
    if built.problem.network.depth() < 2 {
        return Err(Failure::Usage(
            "one layer has one critical value: its loss is convex".to_owned(),
        ));
    }
    if let Some(folder) = &global.out {
        writable(folder)?;
    }
    let counter = Counter::new(global.quiet, "starts");
    let search = Search {
        starts: args.starts as usize,
        threads: super::threads(None, global),
    };
    let found = landscape(
        &scenario,
        &built,
        search,
        &watcher.interrupt,
        &|done, total| {
            counter.show(done, total);
        },
    );
    counter.clear();
    if found.interrupted {
        let (made, wanted) = (found.starts, args.starts);
        print::message(&format!("interrupted after {made} of {wanted} starts"));
    }
    let mut out = io::stdout().lock();
    if let Some(folder) = &global.out {
        let mut text = Vec::new();
        write_json(&found, &mut text)?;
        let extras = extras(&scenario, &built, begin.elapsed());
        let name = match found.interrupted && is_finished(folder) {
            true => "landscape-interrupted.json",
            false => LANDSCAPE,
        };
        let file = add_file(folder, name, &text, &extras)?;
        if !global.quiet {
            print::message(&format!("written to {}", file.display()));
        }
    }
    if global.json {
        write_json(&found, &mut out)?;
    } else if !global.quiet {
        write(&found, &mut out)?;
    }
    Ok(match found.interrupted {
        true => Exit::Interrupted,
        false => Exit::Done,
    })
}

/// Whether there is a list already that no Ctrl-C cut short.
fn is_finished(folder: &Path) -> bool {
    let text = std::fs::read(folder.join(LANDSCAPE));
    let there: Option<serde_json::Value> = text
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    there.is_some_and(|there| there["interrupted"] != true)
}
