//! `dlnflow gallery`: the published experiments that ship, reproduced by the commands of this program.

mod pages;
mod shelf;
mod work;

use super::args::{GalleryArgs, Global};
use super::exit::Exit;
use super::failure::Failure;
use super::print;
use super::run::Watcher;
use dlnflow::gallery::{Catalogue, Checked, Entry, Shown, check};
use serde_json::json;
use shelf::Shelf;
use std::io;
use std::sync::atomic::Ordering;
use work::{Job, Work};

pub fn run(ids: &[String], args: &GalleryArgs, global: &Global) -> Result<Exit, Failure> {
    if !global.set.is_empty() {
        let text = "the gallery takes no --set: its numbers belong to its own settings";
        return Err(Failure::Usage(text.to_owned()));
    }
    let listing = ids.is_empty() && !args.all;
    let watcher = (!listing).then(Watcher::new);
    let shelf = Shelf::open(args.catalogue.as_deref(), global.out.as_deref())?;
    // Before anything is written.
    let chosen = chosen(&shelf.catalogue, ids, args.all)?;
    shelf.unpack()?;
    match watcher {
        None => list(&shelf, global),
        Some(watcher) => reproduce(&shelf, &chosen, args, (global, &watcher)),
    }
}

/// The entries to reproduce; none when they are to be listed.
fn chosen<'a>(
    catalogue: &'a Catalogue,
    ids: &[String],
    all: bool,
) -> Result<Vec<&'a Entry>, Failure> {
    if all {
        return Ok(catalogue.entries.iter().collect());
    }
    let found = ids.iter().map(|id| catalogue.entry(id));
    let found: Result<Vec<_>, _> = found.collect();
    found.map_err(|unknown| Failure::Usage(unknown.to_string()))
}

fn reproduce(
    shelf: &Shelf,
    chosen: &[&Entry],
    args: &GalleryArgs,
    (global, watcher): (&Global, &Watcher),
) -> Result<Exit, Failure> {
    let work = Work {
        shelf,
        fresh: args.fresh,
        threads: super::threads(None, global),
        quiet: global.quiet,
        interrupt: &watcher.interrupt,
    };
    let exits = work.carry_out(chosen)?;
    if watcher.interrupt.load(Ordering::Relaxed) {
        print::message("interrupted; the same command takes it up again");
        return Ok(Exit::Interrupted);
    }
    let shown: Vec<Shown> = chosen.iter().map(|entry| shown(shelf, entry)).collect();
    if args.all {
        pages::write(shelf, &shown, args.docs.as_deref())?;
    }
    summarise(&shown, global)?;
    let passed = shown.iter().all(Shown::passed);
    Ok(match exits.iter().copied().find(|e| *e != Exit::Done) {
        Some(exit) => exit,
        None if passed => Exit::Done,
        None => Exit::CheckFailed,
    })
}

/// What the folders of an entry say now: the exit codes of its steps, then its checks.
fn shown<'a>(shelf: &Shelf, entry: &'a Entry) -> Shown<'a> {
    let jobs = entry.steps.iter().map(|step| Job::new(shelf, entry, step));
    let mut checks: Vec<Checked> = jobs.map(|job| job.ended()).collect();
    checks.extend(check(entry, &shelf.folder(entry)));
    Shown { entry, checks }
}

fn summarise(shown: &[Shown], global: &Global) -> io::Result<()> {
    if global.json {
        let entries = shown.iter().map(|s| {
            json!({ "id": s.entry.id, "paper": s.entry.paper, "claim": s.entry.claim,
                "passed": s.passed(), "checks": s.checks })
        });
        let entries: Vec<_> = entries.collect();
        return print::json(&json!({ "entries": entries }));
    }
    if global.quiet {
        return Ok(());
    }
    shown.iter().try_for_each(table)
}

fn table(shown: &Shown) -> io::Result<()> {
    let entry = shown.entry;
    print::lines(
        [
            format!("{}: {}", entry.id, entry.paper),
            entry.claim.clone(),
        ]
        .into_iter(),
    )?;
    let header = [
        "",
        "checked",
        "predicted",
        "measured",
        "difference",
        "accepted",
    ];
    let header = header.map(str::to_owned);
    let rows = shown.checks.iter().map(|c| {
        let mark = if c.passed { "ok" } else { "FAILED" };
        let numbers = [&c.predicted, &c.measured, &c.difference, &c.tolerance];
        let [predicted, measured, difference, tolerance] = numbers.map(String::as_str);
        [mark, &c.name, predicted, measured, difference, tolerance].map(str::to_owned)
    });
    let rows: Vec<[String; 6]> = std::iter::once(header).chain(rows).collect();
    print::lines(aligned(&rows).into_iter())?;
    print::lines(std::iter::once(format!(
        "{} checks passed\n",
        shown.tally()
    )))
}

/// Cells in columns, flush left.
fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let length = |cell: &String| cell.chars().count();
    let width = |c: usize| rows.iter().map(|r| length(&r[c])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells.map(|(cell, &w)| format!("{cell:<w$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Every entry with its status, from what is in the output folder.
fn list(shelf: &Shelf, global: &Global) -> Result<Exit, Failure> {
    let entries: Vec<(&Entry, &str)> = shelf
        .catalogue
        .entries
        .iter()
        .map(|entry| Ok((entry, status(shelf, entry)?)))
        .collect::<Result<_, Failure>>()?;
    if global.json {
        let entries = entries.iter().map(|(entry, status)| {
            json!({ "id": entry.id, "paper": entry.paper, "claim": entry.claim, "status": status })
        });
        let entries: Vec<_> = entries.collect();
        print::json(&json!({ "entries": entries }))?;
    } else if !global.quiet {
        let header = ["id", "status", "paper"].map(str::to_owned);
        let rows = entries
            .iter()
            .map(|(entry, status)| [entry.id.clone(), (*status).to_owned(), entry.authors()]);
        let rows: Vec<[String; 3]> = std::iter::once(header).chain(rows).collect();
        print::lines(aligned(&rows).into_iter())?;
    }
    Ok(Exit::Done)
}

fn status(shelf: &Shelf, entry: &Entry) -> Result<&'static str, Failure> {
    let mut done = true;
    for step in &entry.steps {
        done &= Job::new(shelf, entry, step).is_done()?;
    }
    Ok(match done {
        false => "not run",
        true if shown(shelf, entry).passed() => "passed",
        true => "failed",
    })
}
