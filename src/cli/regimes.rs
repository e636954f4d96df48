//! `dlnflow regimes`: lazy or not, over widths, depths, `γ` and seeds.

use super::args::{Global, RegimeArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::print;
use super::progress::Counter;
use super::run::{Watcher, exit as exit_of_run};
use super::study::{any_failed, folder, prepare, summarise, tell_of_others};
use dlnflow::report::regimes;
use dlnflow::report::{self, Keep};
use dlnflow::run::{NoStudy, RegimesAsk, Watch, extras, regimes as study, run as integrate};
use dlnflow::scenario::Scenario;
use dlnflow::scenario::schema::InitSpec;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

pub fn run(path: &Path, args: &RegimeArgs, global: &Global) -> Result<Exit, Failure> {
    let (begin, watcher) = (Instant::now(), Watcher::new());
    let scenario = Scenario::load(path, &global.set)?;
    let built = scenario.build()?;
    let ask = ask(args, &scenario, global)?;
    let folder = folder(&scenario, global);
    prepare(&folder, &built)?;
    let counter = Counter::new(global.quiet, "runs");
    let found = study(&scenario, &ask, &watcher.interrupt, &|done, total| {
        counter.show(done, total);
    });
    counter.clear();
    let found = found.map_err(|e| match e {
        NoStudy::Input(errors) => Failure::Input(errors),
        NoStudy::Refused(refused) => Failure::Usage(refused.to_string()),
    })?;
    let watch = Watch {
        interrupt: Some(&watcher.interrupt),
        progress: None,
    };
    let own = integrate(&scenario, &built, watch);
    let mut extras = extras(&scenario, &built, begin.elapsed());
    extras.files = regimes::files(&found, &own.look.style)?;
    let interrupted = watcher.interrupt.load(Ordering::Relaxed);
    extras.interrupted = interrupted;
    let written = report::write(&own, &folder, &extras, Keep::ALL)?;
    tell_of_others(&written, &folder, global);
    summarise(
        Some(&written.folder),
        global,
        |out| regimes::write_json(&found, out),
        |out| regimes::write(&found, out),
    )?;
    if interrupted {
        let folder = written.folder.display();
        print::message(&format!("interrupted; what was found is in {folder}"));
        return Ok(Exit::Interrupted);
    }
    let failed = any_failed(found.failures().count(), found.runs.len());
    Ok(match failed || exit_of_run(&own) == Exit::Numerical {
        true => Exit::Numerical,
        false => Exit::Done,
    })
}

/// Whether `--gammas` can set `init.gamma`.
fn takes_gamma(scenario: &Scenario) -> Result<(), Failure> {
    let beside = match &scenario.spec().init {
        InitSpec::Gaussian { std: Some(_), .. } => "has init.std; leave it out of the file",
        InitSpec::Gaussian {
            per_layer_std: Some(_),
            ..
        } => "has init.per_layer_std; leave it out of the file",
        InitSpec::Gaussian { .. } => return Ok(()),
        _ => "has another init.kind than \"gaussian\"; only that one has init.gamma",
    };
    let text = format!("--gammas sets init.gamma, but the scenario {beside}");
    Err(Failure::Usage(text))
}

fn ask(args: &RegimeArgs, scenario: &Scenario, global: &Global) -> Result<RegimesAsk, Failure> {
    let layers = scenario.spec().network.widths.len() - 1;
    let shallow = args.depths.contains(&1) || (layers == 1 && args.depths.is_empty());
    if shallow && !args.widths.is_empty() {
        let text = "one layer has no hidden width: leave out --widths or give --depths from 2";
        return Err(Failure::Usage(text.to_owned()));
    }
    if !args.gammas.is_empty() {
        takes_gamma(scenario)?;
    }
    Ok(RegimesAsk {
        widths: args.widths.clone(),
        depths: args.depths.clone(),
        gammas: args.gammas.clone(),
        seeds: args.seeds.map_or(0, |n| n as usize),
        distances_only: args.distances_only,
        no_distances: args.no_distances,
        threads: super::threads(None, global),
    })
}
