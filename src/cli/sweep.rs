//! `dlnflow sweep`: many runs in one folder.

use super::args::{Global, SweepArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::run::Watcher;
use super::{print, slurm};
use dlnflow::error::{Error, counted};
use dlnflow::scenario::Sweep;
use dlnflow::sweep::{Engine, Plan, Standing, State, Store, Tally, in_parallel, sample_bytes};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// So many runs are shown one by one.
const SHOWN: usize = 5;

/// Sweeps of more runs than this begin with an estimate, made from so many of them.
const SAMPLE: usize = 8;

pub fn run(path: Option<&Path>, args: &SweepArgs, global: &Global) -> Result<Exit, Failure> {
    let jobs = super::threads(args.jobs, global);
    let path = match (path, &args.status) {
        (_, Some(folder)) => return status(folder, jobs, global),
        (Some(path), _) => path,
        (None, None) => return Err(Failure::Usage("which sweep?".to_owned())),
    };
    // What runs nothing may be cut off anywhere.
    let watcher = (!args.list && !args.slurm).then(Watcher::new);
    let sweep = Sweep::load(path, &global.set)?;
    let plan = Plan::of(&sweep, jobs);
    let folder = match &global.out {
        Some(out) => out.clone(),
        None => Path::new("out").join(&sweep.name),
    };
    if args.list {
        return list(&sweep, &plan, &folder, args, global);
    }
    if args.shard.is_some() {
        same_runs(&plan, &folder, path)?;
    }
    let store = Store::create(&folder, &plan, sweep.text())?;
    let Some(watcher) = watcher else {
        return slurm::submit(path, &plan, &store, args, global);
    };
    let job = Job {
        interrupt: &watcher.interrupt,
        sweep: &sweep,
        plan: &plan,
        store: &store,
        jobs,
        global,
    };
    job.carry_out(&chosen(&plan, args))
}

/// Shards of one sweep may start hours apart: what was planned first holds for all.
fn same_runs(plan: &Plan, folder: &Path, path: &Path) -> Result<(), Failure> {
    match Plan::read(folder) {
        Err(error) if !matches!(error, Error::NotASweep { .. } | Error::Io { .. }) => {
            Err(error.into())
        }
        Ok(there) if there.runs != plan.runs || there.keep != plan.keep => {
            Err(Failure::Usage(format!(
                "{}, its base or a file they name has changed since {} was planned, so that shards would mix two \
                 sweeps: undo the change, or plan anew with --slurm or without --shard",
                path.display(),
                folder.display()
            )))
        }
        _ => Ok(()),
    }
}

fn chosen(plan: &Plan, args: &SweepArgs) -> Vec<usize> {
    match args.shard {
        Some((part, of)) => plan.shard(part, of),
        None => (0..plan.runs.len()).collect(),
    }
}

struct Job<'a> {
    sweep: &'a Sweep,
    plan: &'a Plan,
    store: &'a Store,
    jobs: usize,
    global: &'a Global,
    interrupt: &'a AtomicBool,
}

/// What was there before, and what is to do.
struct Before {
    standing: Standing,
    pending: Vec<usize>,
}

impl Job<'_> {
    fn carry_out(&self, chosen: &[usize]) -> Result<Exit, Failure> {
        let begin = Instant::now();
        let before = self.before(chosen);
        let engine = Engine {
            sweep: self.sweep,
            plan: self.plan,
            store: self.store,
            jobs: self.jobs,
            interrupt: self.interrupt,
        };
        let bar = bar(before.pending.len(), self.global.quiet);
        self.announce(chosen.len(), &before, &bar);
        let (sample, rest) = sample(&before.pending);
        let show = |tally: &Tally| {
            bar.set_position((tally.done + tally.refused) as u64);
            bar.set_message((tally.failed + tally.refused).to_string());
        };
        let started = Instant::now();
        let first = engine.run(&sample, &show)?;
        // An interrupted sample says nothing about the rest.
        let interrupted = || self.interrupt.load(Ordering::Relaxed);
        if !rest.is_empty() && !interrupted() {
            self.estimate(&sample, before.pending.len(), started.elapsed(), &bar);
        }
        let tally = engine.run(&rest, &|tally| show(&first.plus(tally)))?;
        bar.finish_and_clear();
        // The folder may have been moved away meanwhile: what came later must still be found.
        self.plan.write(&self.store.root)?;
        let tally = first.plus(&tally);
        let interrupted = interrupted();
        if interrupted {
            let left = before.pending.len() - tally.done - tally.refused;
            let left = counted(left, "run is", "runs are");
            print::message(&format!(
                "interrupted: {left} still to do; the same command takes up the rest"
            ));
        }
        self.summarise(&before, &tally, begin.elapsed(), interrupted)?;
        Ok(exit(&before.standing, &tally, interrupted))
    }

    /// The state of the chosen runs; of equal ones only the first is to do.
    fn before(&self, chosen: &[usize]) -> Before {
        let hash = |index: usize| self.plan.runs[index].hash.as_str();
        let mut known = std::collections::BTreeSet::new();
        let distinct: Vec<usize> = chosen
            .iter()
            .copied()
            .filter(|&i| known.insert(hash(i)))
            .collect();
        let states = in_parallel(distinct.len(), self.jobs, |k| {
            self.store.state(hash(distinct[k]))
        });
        let mut standing = Standing::default();
        let mut pending = Vec::new();
        for (index, state) in distinct.into_iter().zip(&states) {
            match state {
                State::Done(_) => standing = standing.plus(&Standing::of(state)),
                // What was refused may have been mended: it costs little to ask again.
                State::Pending | State::Refused(_) => pending.push(index),
            }
        }
        Before { standing, pending }
    }

    fn announce(&self, chosen: usize, before: &Before, bar: &ProgressBar) {
        if self.global.quiet {
            return;
        }
        let (all, done) = (self.plan.runs.len(), before.standing.done);
        let part = match chosen == all {
            true => counted(all, "run", "runs"),
            false => format!("{chosen} of {all} runs"),
        };
        let pending = before.pending.len();
        bar.suspend(|| {
            print::message(&format!(
                "{}: {part}, {done} done before, {pending} to do on {}",
                self.plan.title,
                counted(self.jobs, "thread", "threads")
            ));
        });
    }

    /// Time and disk that the rest will take, from the runs of the sample.
    fn estimate(&self, sample: &[usize], pending: usize, took: Duration, bar: &ProgressBar) {
        if self.global.quiet || sample.is_empty() {
            return;
        }
        let count = sample.len() as f64;
        let folder = |&i: &usize| sample_bytes(&self.store.folder(&self.plan.runs[i].hash));
        let bytes = sample.iter().map(folder).sum::<u64>() as f64 / count * pending as f64;
        let seconds = took.as_secs_f64() / count * pending as f64;
        bar.suspend(|| {
            print::message(&format!(
                "estimate from {}: {} in all, {:.1} MB",
                counted(sample.len(), "run", "runs"),
                duration(seconds),
                bytes / 1e6
            ));
        });
    }

    fn summarise(
        &self,
        before: &Before,
        tally: &Tally,
        took: Duration,
        interrupted: bool,
    ) -> Result<(), Failure> {
        let failed = before.standing.failed + tally.failed;
        let checks_failed = before.standing.checks_failed + tally.checks_failed;
        let folder = &self.store.root;
        if self.global.json {
            print::json(&json!({
                "runs": self.plan.runs.len(),
                "done_before": before.standing.done,
                "done": tally.done,
                "failed": failed,
                "refused": tally.refused,
                "checks_failed": checks_failed,
                "interrupted": interrupted,
                "seconds": took.as_secs_f64(),
                "folder": folder,
            }))?;
            return Ok(());
        }
        if tally.refused > 0 {
            self.explain_refusals();
        }
        if self.global.quiet {
            return Ok(());
        }
        let end = if interrupted { "interrupted: " } else { "" };
        let line = format!(
            "{end}{} done in {:.1} s, {failed} failed, {} refused, checks failed in {checks_failed}",
            counted(tally.done, "run", "runs"),
            took.as_secs_f64(),
            tally.refused
        );
        let place = format!("written to {}", folder.display());
        print::lines([line, place].into_iter())?;
        Ok(())
    }

    /// The first reasons, on stderr.
    fn explain_refusals(&self) {
        let runs = self.plan.runs.iter().enumerate();
        let refused = runs.filter_map(|(index, run)| match self.store.state(&run.hash) {
            State::Refused(reason) => Some((index + 1, reason)),
            _ => None,
        });
        for (run, reason) in refused.take(SHOWN) {
            print::message(&format!("error: run {run}: {reason}"));
        }
    }
}

/// Runs from which time and disk are estimated, spread over the sweep, and the others.
fn sample(pending: &[usize]) -> (Vec<usize>, Vec<usize>) {
    if pending.len() <= SAMPLE {
        return (pending.to_vec(), Vec::new());
    }
    let step = pending.len().div_ceil(SAMPLE);
    let (mut sample, mut rest) = (Vec::new(), Vec::new());
    for (place, &index) in pending.iter().enumerate() {
        match place % step {
            0 => sample.push(index),
            _ => rest.push(index),
        }
    }
    (sample, rest)
}

fn bar(runs: usize, hidden: bool) -> ProgressBar {
    let target = match hidden {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr_with_hz(5),
    };
    let bar = ProgressBar::with_draw_target(Some(runs as u64), target);
    let style = "{bar:30} {pos}/{len} runs, {per_sec}, {msg} failed, {elapsed}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.set_message("0");
    bar
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// The gravest of what happened in any run.
fn exit(before: &Standing, tally: &Tally, interrupted: bool) -> Exit {
    if interrupted {
        Exit::Interrupted
    } else if before.failed + tally.failed > 0 {
        Exit::Numerical
    } else if tally.refused > 0 {
        Exit::Input
    } else if before.checks_failed + tally.checks_failed > 0 {
        Exit::CheckFailed
    } else {
        Exit::Done
    }
}

/// What would run: all of it as JSON, or the number and the first few.
fn list(
    sweep: &Sweep,
    plan: &Plan,
    folder: &Path,
    args: &SweepArgs,
    global: &Global,
) -> Result<Exit, Failure> {
    let chosen = chosen(plan, args);
    let store = Store::of(folder, plan);
    let place = |index: usize| -> PathBuf { store.folder(&plan.runs[index].hash) };
    if global.json {
        let runs = chosen.iter().map(|&index| {
            json!({
                "run": index + 1,
                "hash": plan.runs[index].hash,
                "set": sweep.overrides(index),
                "folder": place(index),
                "done": matches!(store.state(&plan.runs[index].hash), State::Done(_)),
            })
        });
        let runs: Vec<_> = runs.collect();
        print::json(&json!({ "title": plan.title, "keys": plan.keys, "runs": runs }))?;
        return Ok(Exit::Done);
    }
    let head = format!(
        "{}: {} in {}",
        plan.title,
        counted(chosen.len(), "run", "runs"),
        folder.display()
    );
    let first = chosen.iter().take(SHOWN);
    let first = first.map(|&i| format!("{:>6}  {}", i + 1, sweep.overrides(i).join("  ")));
    let more = (chosen.len() > SHOWN).then(|| "     …".to_owned());
    if !global.quiet {
        print::lines(std::iter::once(head).chain(first).chain(more))?;
    }
    Ok(Exit::Done)
}

fn status(folder: &Path, jobs: usize, global: &Global) -> Result<Exit, Failure> {
    let plan = Plan::read(folder)?;
    let standing = Store::of(folder, &plan).standing(&plan, jobs);
    if global.json {
        print::json(&serde_json::to_value(standing).unwrap_or_default())?;
    } else if !global.quiet {
        let Standing {
            runs,
            done,
            failed,
            refused,
            pending,
            checks_failed,
        } = standing;
        print::lines(std::iter::once(format!(
            "{}: {done} of {runs} runs done, {pending} to do, {failed} failed, {refused} refused, \
             checks failed in {checks_failed}",
            plan.title
        )))?;
    }
    Ok(Exit::Done)
}
